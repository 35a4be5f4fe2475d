#pragma once
// The life of a CA up to its first issuance: init, the parent's signature, install. Each function either
// does all of its work or leaves no trace.

#include "ca/capolicy.hpp"
#include "ca/home/ca_name.hpp"
#include "ca/local_authority.hpp"
#include "ca/setup/certificate_files.hpp"

namespace vouch::ca {

struct InitOptions {
  std::string name;
  std::string subject_suffix;  // RFC 4514, appended to CN=name: "O=Example,C=DE"
  store::AuthorityKind kind{};
  store::AuthorityMode mode = store::AuthorityMode::standalone;
  crypto::KeySpec key;
  std::optional<crypto::DigestAlgorithm> digest;
  Span validity{};                     // root only; {}: 20 years
  std::string passphrase;              // for the new key file; empty: mode 0600 alone protects it
  bool no_locations = false;           // no AIA and CDP in what it issues
  bool automatic_issuance = false;     // stand-alone only
  bool allow_host_name = false;        // a CA name equal to the host's name, after all
  std::optional<Buffer> existing_key;  // PEM or DER instead of a new key
  std::string existing_key_passphrase;
  std::optional<fs::path> capolicy;  // instead of HOME/CAPolicy.inf and /etc/vouch/CAPolicy.inf
  bool force_weak_key = false;       // RSA of 1024 to 2047 bits
  std::string administrator;         // who does it, for the audit log
  std::string token_uri;             // PKCS #11: a new key there, or the one that it names; empty: a key file
  bool interactive_key = false;      // each use of the key waits for an administrator
  std::optional<ParentRecord> parent{};  // of a subordinate that is to be asked for over its API
};

struct InitResult {
  store::AuthorityRecord record;
  store::KeyGeneration generation;  // certificate is empty for a subordinate; request is filled then
  std::vector<std::string> warnings;
  std::optional<CaPolicy> policy;  // what was read
  std::string key_origin;          // of a key on a token: whether it was made or found; empty for a key file
};
// The settings that init() gives to a CA.
AuthoritySettings initial_settings(const Environment& environment, const InitOptions& options,
                                   crypto::SignatureAlgorithm algorithm);
// Makes key, database rows and, for a root, the self-signed certificate. A subordinate gets a request that
// a parent signs. conflict: the name is taken.
Result<InitResult> init(const Environment& environment, const InitOptions& options);

// That the name is free in this home and that somebody may set up CAs there. conflict, denied.
Status may_add_authority(const Environment& environment, std::string_view name,
                         std::string_view administrator, std::string_view action);

struct InstallResult {
  store::KeyGeneration generation;
  Buffer root_fingerprint;  // SHA-256 of the root certificate
};
// Installs what the parent returned: PEM, DER or a degenerate p7b, with further chain and trust certificates.
// Builds the chain to a self-signed root and records it. Fails with `denied` when the certificate is not for
// this CA's key and name or is no CA certificate, and with `not_found`, naming the missing issuer, when the
// chain does not reach a root. From here on the CA signs with it.
Result<InstallResult> install(const Environment& environment, std::string_view name, Bytes answer,
                              const std::vector<Buffer>& chain, const std::vector<Buffer>& trust,
                              std::string_view administrator = {});

// Writes the CA certificates, and the cross-certificates of a root that changed its key, to the file
// locations that ask for it. Returns the paths written.
Result<std::vector<fs::path>> publish_ca_certificates(const LocalAuthority& authority);

}  // namespace vouch::ca
