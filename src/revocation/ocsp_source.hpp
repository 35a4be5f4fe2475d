#pragma once
// What an OCSP responder knows, and in whose name it speaks. Two sources: the database of this home
// (ocsp_database.hpp), and a CRL when the responder runs away from the CA (ocsp_crl.hpp).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/provider.hpp"
#include "x509/ocsp.hpp"

namespace vouch::revocation {

struct CertificateStatus {
  x509::OcspCertStatus status = x509::OcspCertStatus::unknown;  // unknown: never issued
  Time revoked_at{};
  std::optional<x509::CrlReason> reason{};
  bool operator==(const CertificateStatus&) const = default;
};

// One key of a CA, and who answers for the certificates that it signed: a responder whose certificate that
// very key has signed (RFC 6960 4.2.2.2).
struct OcspIssuer {
  std::string ca;  // for people
  std::int64_t authority = 0;
  std::uint16_t key_index = 0;
  Buffer subject;                                // Name, whole TLV
  Buffer key_bits;                               // of subjectPublicKey, without the count of unused bits
  std::shared_ptr<const crypto::Signer> signer;  // the responder's; null: there is none now
  Buffer responder_key_hash;                     // SHA-1 of its key bits
  Buffer certificate;                            // its certificate, sent along
  Time until{};                                  // whose end no answer outlives
};
using OcspIssuers = std::vector<OcspIssuer>;

class OcspSource {
 public:
  virtual ~OcspSource() = default;

  // As they are now. Cheap; whoever holds the list keeps it alive.
  virtual std::shared_ptr<const OcspIssuers> issuers() const = 0;
  // `serial`: unsigned octets. Fails with `unavailable` when the truth is out of reach or too old.
  virtual Result<CertificateStatus> status(const OcspIssuer& issuer, Bytes serial) const = 0;

  // The span that an answer given now is good for.
  struct Validity {
    Time this_update{}, next_update{};
    // Half of it is left: early enough to make another one, and not to worry.
    bool is_fresh(Time now) const { return now < this_update + (next_update - this_update) / 2; }
  };
  virtual Result<Validity> validity(const OcspIssuer& issuer, Time now) const = 0;

  // A number that rises with each change of any status. `epoch` looks, and is asked before the status;
  // `known_epoch` is the last one seen, if memory alone shows that it still holds: it never blocks.
  virtual Result<std::uint64_t> epoch() const = 0;
  virtual std::optional<std::uint64_t> known_epoch() const = 0;
};

}  // namespace vouch::revocation
