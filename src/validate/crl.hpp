#pragma once
// A CRL as validation reads it: its head decoded, its entries behind a lookup. An index over a file can take
// the place of the list in memory.

#include <compare>
#include <memory>
#include <optional>
#include <string>

#include "crypto/provider.hpp"
#include "x509/crl.hpp"

namespace vouch::validate {

struct CrlHead {
  x509::CrlView view;                        // points into the CRL's octets
  Buffer tbs_digest;                         // SHA-256 of tbsCertList
  Buffer fingerprint;                        // SHA-256 of tbs_digest and of what follows tbsCertList: the
                                             // same only for the same CRL, and a large one is hashed once
  std::string issuer_key;                    // x509::comparison_key
  std::string issuer_text;                   // RFC 4514
  std::optional<Buffer> number, delta_base;  // unsigned, without leading zeros; 0 is empty
  std::optional<Buffer> authority_key_identifier;
  std::optional<x509::IssuingDistributionPoint> distribution_point;
  bool announces_delta = false;  // freshestCRL
  std::string unusable;          // why RFC 5280 forbids to use it at all; empty: it does not
  std::string from;              // URL or file, for the record
};
// Decodes the head of a parsed CRL; `view` must outlive it. Fails for a name that cannot be read.
Result<CrlHead> read_crl_head(const crypto::Provider& provider, const x509::CrlView& view, std::string from);
// The same in two steps, for a tbsCertList that is hashed while its entries are read.
Result<CrlHead> read_crl_head(const x509::CrlView& view, std::string from);
void identify(const crypto::Provider& provider, CrlHead& head, Buffer tbs_digest);

// What RFC 5280 5.3 asks of the entries, told one after the other from the first on.
class CrlEntryRules {
 public:
  explicit CrlEntryRules(const CrlHead& head);  // `head` must outlive it
  // Fails for an entry that cannot be read, or has extensions in a CRL of version 1.
  Result<x509::CrlEntryExtensions> read(const x509::CrlEntryView& entry);
  // x509::comparison_key of the issuer of the certificate that the last entry is about: in an indirect CRL
  // that of the entry before, unless the entry names one (5.3.3).
  const std::string& issuer() const { return issuer_; }
  // Why the entries so far forbid to use the CRL; empty: they do not.
  const std::string& unusable() const { return unusable_; }
  static bool is_indirect(const CrlHead& head) {
    return head.distribution_point && head.distribution_point->indirect_crl;
  }

 private:
  const CrlHead& head_;
  std::string issuer_, unusable_;
};

// Unsigned octets without leading zeros, as numbers.
std::strong_ordering compare_numbers(Bytes a, Bytes b);

// What an entry says about a certificate.
struct CrlHit {
  x509::CrlReason reason = x509::CrlReason::unspecified;
  Time revoked_at{};
};

class Crl {
 public:
  virtual ~Crl() = default;
  virtual const CrlHead& head() const = 0;
  // The last entry for a certificate; `issuer_key` is that of its issuer (indirect CRLs have several). The
  // serial as INTEGER contents: -1 and 255 differ in their sign only (NIST PKITS 4.4.14).
  // Fails when the CRL's file was damaged under it: then nobody knows.
  virtual Result<std::optional<CrlHit>> find(Bytes serial, const std::string& issuer_key) const = 0;
};
using CrlPtr = std::shared_ptr<const Crl>;

// In memory, searched from front to back. Parsing reads every entry once: one that cannot be read fails as
// `malformed`; one with an unknown critical extension makes the CRL unusable (RFC 5280 5.3).
Result<CrlPtr> parse_crl_in_memory(const crypto::Provider& provider, Bytes der, std::string from);

}  // namespace vouch::validate
