#pragma once
// OCSP answers signed ahead ([ocsp] presign): so that a slow or absent key holds up nobody. What is kept is
// the signature and what it is over, not the answer, which is put together again when somebody asks: some 250
// octets for each certificate with P-256.
//
// The form is the one that RFC 5019 clients ask in: one certificate, CertID with SHA-1, no nonce. Whoever
// asks otherwise is signed for at once. The status is always read when somebody asks, so a revocation is in
// the very next answer.

#include <mutex>
#include <unordered_map>

#include "ca/home/environment.hpp"
#include "revocation/ocsp_source.hpp"

namespace vouch::revocation {

// The CertID of RFC 5019 2.1.1, whole TLV.
Buffer lightweight_cert_id(const crypto::Provider& provider, const OcspIssuer& issuer, Bytes serial);

// What an answer about one certificate says.
struct OcspStatement {
  CertificateStatus about{};
  OcspSource::Validity validity{};  // thisUpdate is producedAt
};
// The octets that are signed, and the whole answer.
Buffer statement_data(const OcspIssuer& issuer, Bytes cert_id, const OcspStatement& statement);
Buffer statement_answer(const OcspIssuer& issuer, Bytes data, Bytes signature);

// The signatures. Bounded in octets; any number of threads.
class SignedAhead {
 public:
  struct Item {
    OcspStatement statement{};
    Buffer signature{};
    std::uint32_t responder = 0;  // whose it is: the start of its key hash
  };
  explicit SignedAhead(std::size_t octets) : limit_(octets) {}

  // None: there is none, or it is by a responder that the issuer does not have any more.
  std::optional<Item> find(const OcspIssuer& issuer, Bytes serial) const;
  // False: there is no room.
  bool put(const OcspIssuer& issuer, Bytes serial, const OcspStatement& statement, Buffer signature);
  // Takes away what is not valid any more at that time.
  void drop_expired(Time now);
  std::size_t size() const;
  std::size_t octets() const;

 private:
  static std::string key_of(const OcspIssuer& issuer, Bytes serial);
  static std::uint32_t responder_of(const OcspIssuer& issuer);
  static std::size_t size_of(std::string_view key, const Item& item);

  const std::size_t limit_;
  mutable std::mutex guards_items_;
  std::unordered_map<std::string, Item> items_;
  std::size_t octets_ = 0;
};

// Signs ahead, in passes over the certificates of the database: about each that is valid and has no
// signature, or one of which half the time is over.
class PreSigner {
 public:
  // All outlive it. `answer_validity`: how long an answer is good.
  PreSigner(const ca::Environment& environment, const OcspSource& source, SignedAhead& ahead,
            std::chrono::seconds answer_validity);

  // Works that long at most and goes on next time where it ended; without work it comes back at once. Fails
  // with `unavailable` when the key does not sign, `limit_exceeded` when there is no room. One thread at a
  // time.
  Status work(std::chrono::milliseconds budget);

 private:
  Result<bool> page();  // false: the pass is over
  Status care_for(const store::CertificateRecord& record, const OcspIssuers& issuers, Time now);

  const ca::Environment& environment_;
  const OcspSource& source_;
  SignedAhead& ahead_;
  const std::chrono::seconds between_passes_;
  store::RequestId after_ = 0;  // where the present pass is
  Time next_pass_{};
  Status outcome_ = ok();  // of the last pass
};

}  // namespace vouch::revocation
