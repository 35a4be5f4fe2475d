#pragma once
// What a relying party asks of a certificate, and how strictly. Every number is a setting.

#include <optional>
#include <string>
#include <vector>

#include "validate/budget.hpp"
#include "validate/policy_graph.hpp"
#include "x509/algorithm.hpp"

namespace vouch::validate {

// Which signatures and keys are good enough. Holds for every certificate of the path but the anchor's own
// signature, and for CRLs.
struct AlgorithmRules {
  std::vector<x509::SignatureAlgorithm> refused;  // beyond the weak ones
  bool accept_weak = false;                       // SHA-1, MD5 and DSA: for old archives and test suites only
  std::size_t rsa_bits = 2048, curve_bits = 256;  // at least
};

// RFC 5280 4.2.1.12 and what other standards ask of the certificates for one use.
enum class Purpose {
  any,               // no purpose is checked
  tls_client,        // clientAuth
  tls_server,        // serverAuth, and the host's name
  smart_card_logon,  // smartCardLogon or id-pkinit-KPClientAuth, and a UPN or SID
  kdc,               // id-pkinit-KPKdc (RFC 4556 3.2.4), and the realm
  ocsp_signing,      // OCSPSigning (RFC 6960 4.2.2.2)
  code_signing,
  email_protection,
  time_stamping,
  crl_signing,  // cRLSign in the key usage (RFC 5280 6.3.3 f)
};
std::string_view to_string(Purpose purpose);

// Whom the certificate must name, whatever its purpose. Empty: nobody in particular.
struct Expected {
  std::string host{};   // DNS name or address (RFC 9525; the common name does not count)
  std::string upn{};    // a user's, by the rules of smart-card logon
  std::string sid{};    // the same, "S-1-5-…"
  std::string realm{};  // of a KDC
  std::string email{};
};

enum class RevocationRule {
  none,    // revocation is not asked about
  target,  // of the target only
  chain,   // of every certificate below the anchor
};

struct Profile {
  Purpose purpose = Purpose::any;
  AlgorithmRules algorithms;
  PolicyInputs policies;
  Limits limits;
  // A CA's extendedKeyUsage limits what is below it, as Windows and the browsers have it. RFC 5280 knows
  // nothing of it.
  bool chain_purposes = true;
  bool any_purpose_counts = true;       // anyExtendedKeyUsage stands for every purpose that need not be named
  bool link_by_key_identifier = false;  // subject and authority key identifier must be there, and fit
  bool check_anchor_validity = true;
  bool accept_anchor_as_target = false;  // as it stands: nothing else is asked about it
  bool strong_mapping = false;  // smart_card_logon: the SID must be there (KB5014754, full enforcement)
  RevocationRule revocation = RevocationRule::chain;
  bool accept_unknown_revocation = false;  // fail open; the findings become warnings in the record
  // Counted from the target; what CAs above these issued is not asked about.
  std::size_t checked_issuers = 10;
  bool refuse_unchecked_issuers = false;  // a chain that is longer than that is refused
};

}  // namespace vouch::validate
