#pragma once
// Renewal of a CA: a new certificate with the same or a new key, beside those it has
// (docs/mechanisms/renewal.md).

#include "ca/setup/setup.hpp"

namespace vouch::ca {

struct RenewOptions {
  bool new_key = false;
  std::optional<crypto::KeySpec> key;  // of the new key; else as now, with CAPolicy.inf's key length
  std::optional<crypto::DigestAlgorithm> digest;  // else CAPolicy.inf's, else as now
  Span validity{};                   // root only; {}: CAPolicy.inf's, else as long as the present certificate
  std::optional<fs::path> capolicy;  // instead of HOME/CAPolicy.inf and /etc/vouch/CAPolicy.inf
  std::string passphrase;            // for the file of a new key
  bool force_weak_key = false;       // RSA of 1024 to 2047 bits
  std::optional<ParentRecord> parent{};  // of a subordinate that is to be asked for over its API
  bool replace = false;                  // give up a renewal that still waits for its parent's answer
  std::string administrator;
  std::string
      token_uri{};  // PKCS #11, for a new key; empty: where the present key is, on its token or in a file
};

struct RenewResult {
  store::AuthorityRecord record;
  store::KeyGeneration generation;  // certificate is empty for a subordinate; request is filled then
  std::vector<Buffer> cross;        // a root with a new key: new signed by old, old signed by new
  std::optional<CaPolicy> policy;   // what was read
  std::vector<std::string> warnings;
};
// A root signs itself and uses the new certificate from the next open on. A subordinate makes a request that
// a parent signs; until install() it goes on with what it has. conflict: a renewal waits already.
Result<RenewResult> renew(const Environment& environment, std::string_view name, const RenewOptions& options);

// "V2.1": certificate 2, with key 1.
std::string version_text(const store::KeyGeneration& generation);

// When a CA is to be renewed: half-way through its certificate's life.
Time half_life(Time not_before, Time not_after);

bool is_pss(crypto::SignatureAlgorithm algorithm);

// Warnings about what CAPolicy.inf asks for and a subordinate cannot have.
void append_ignored(std::vector<std::string>& warnings, const CaPolicy& policy);
// CRL times that CAPolicy.inf names.
void take_crl_times(AuthoritySettings& settings, const CaPolicy& policy);

// The cross-certificates of a root, as they lie in the database: "0-1" and the certificate.
struct CrossCertificate {
  std::string pair;  // issuer's and subject's certificate index
  Buffer certificate;
};
Result<std::vector<CrossCertificate>> cross_certificates(const store::Snapshot& snapshot,
                                                         store::AuthorityId authority);

}  // namespace vouch::ca
