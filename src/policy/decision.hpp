#pragma once
// The one place that decides about a request: a pure function from request and context to
// Issue | Pend | Deny(reason), with the trace of every rule asked. It reads no clock, no database and no
// socket, so a decision can be replayed over past requests.

#include <map>

#include "policy/agent_right.hpp"
#include "policy/certificate_template.hpp"
#include "policy/trace.hpp"
#include "x509/request.hpp"

namespace vouch::policy {

// What the decision may know about the authority.
struct AuthorityContext {
  std::string name;
  bool enterprise = false;
  bool automatic_issuance = false;       // stand-alone: issue without the queue
  bool override_logon_purposes = false;  // stand-alone: smart-card-logon and KDC purposes after all (logged)
  bool requested_validity = false;       // a requester may ask for an earlier end than the template's
  Time not_before{}, not_after{};        // of the CA certificate that would sign
  std::optional<std::uint32_t> path_length;  // what its certificate still allows below
  Span default_validity{12, {}};             // without a template
  // Host names that no request gets without approval: the CA's own, and a list ("*.x" is all below x).
  std::vector<std::string> protected_names;
  std::vector<AgentRight> agent_rights;  // what enrolment agents may; none: nothing
};

// One signature beside the request's own, by a certificate that vouches for it: an enrolment agent, a
// registration authority, or the requester's earlier certificate at a renewal. Whoever decodes the message
// verifies the signature and the certificate, and says here what it found; the decision counts and judges.
struct AuthorizedSignature {
  Buffer subject;  // of the signer's certificate: Name, whole TLV
  Buffer serial;   // unsigned octets
  Buffer public_key_info;
  bool valid = false;                           // signature, chain, time and revocation are in order
  std::string fault;                            // why not, for people; empty when valid
  bool issued_by_this = false;                  // by a key of this authority, and its database knows it
  std::vector<x509::Oid> application_policies;  // 311.21.10, or its purposes where it has none
  std::vector<x509::Oid> issuance_policies;     // certificatePolicies
  std::string template_name;                    // that it was issued by; empty: not known
  Buffer subject_alt_name;                      // its extension's value; empty: none
  bool broken = false;  // the signature itself does not fit: the message was damaged or changed
};

// What the directory knows of the account that asks. Nothing of it comes from the request.
struct DirectoryIdentity {
  std::string distinguished_name;  // RFC 4514: "CN=Alice,OU=Staff,DC=corp,DC=example"
  std::string common_name, dns_name, user_principal_name, email, domain_dns;
  std::vector<std::string> service_principal_names;
  Buffer object_guid;  // 16 octets as the directory stores them
  std::string sid;     // "S-1-5-21-…"; empty: the directory has none
};

// What the caller found out about the key in the request, with arithmetic, lists and the database.
struct KeyFacts {
  std::optional<crypto::KeyWeakness> weakness;
  std::string blocklist;  // the list of known weak keys that has it; empty: none
  std::string authority;  // the CA whose own key it is; empty: none
  struct Use {
    std::int64_t request = 0;  // RequestID of a certificate with this key
    Buffer subject, subject_alt_name;
  };
  std::optional<Use> compromised;  // a certificate with this key was revoked for keyCompromise
  std::optional<Use> certified;    // a certificate with this key, its first
};

struct Question {
  const x509::RequestView* request = nullptr;
  Status proof_of_possession = ok();  // the request's self-signature, checked by the caller
  Bytes subject_key_identifier;       // SHA-1 of the key bits, computed by the caller
  std::string template_name;          // as the requester gave it; empty: none
  const CertificateTemplate* certificate_template = nullptr;  // null: none asked for, or unknown
  std::string unknown_template;  // unknown: a hint, such as the name for a display name
  bool template_published = false;
  std::string requester;
  std::map<std::string, std::string>
      attributes;  // beside the request; a `san` attribute is never read (ESC6)
  AuthorityContext authority;
  bool approved = false;  // a certificate manager has said yes
  Time now{};
  std::vector<AuthorizedSignature> signatures;  // beside the request's own
  // A renewal: the earlier certificate, which signed the request too (it is not among `signatures`).
  std::optional<AuthorizedSignature> renews;
  std::optional<DirectoryIdentity> directory;  // of the requester; empty: no directory, or not found there
  KeyFacts key;
  std::string superseded_by;  // a template that this CA publishes and that replaces the one asked for
};

// What is to be issued, when it is: everything but serial and issuer.
struct Plan {
  Buffer subject;  // Name, whole TLV
  Buffer public_key_info;
  Time not_before{}, not_after{};
  std::vector<x509::Extension> variable;  // differ per request: SAN, SKI
  std::vector<x509::Extension> fixed;     // the same for all certificates of this template version
  bool revocation_info = true;            // CDP and AIA of the authority follow
};

enum class Action { issue, pend, deny };

struct Decision {
  Action action = Action::deny;
  std::string reason;   // the rule that refused or pended: "key.size"; empty when issued
  std::string message;  // one sentence for people: what, expected, received
  std::string mend;     // what to do about it
  Trace trace;
  Plan plan;  // for issue, and for pend what approval would issue
};

Decision decide(const Question& question);

}  // namespace vouch::policy
