#pragma once
// The database of this home as the source of OCSP answers, with a delegated responder for each key of each
// CA: a key and a short-lived certificate of its own, made and renewed here (RFC 6960 4.2.2.2, AD CS "OCSP
// Response Signing").

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>

#include "ca/local_authority.hpp"
#include "revocation/ocsp_source.hpp"

namespace vouch::revocation {

CertificateStatus status_of(const store::CertificateRecord& record);

class DatabaseOcspSource final : public OcspSource {
 public:
  using Authorities = std::function<std::vector<std::shared_ptr<ca::LocalAuthority>>()>;
  static constexpr std::chrono::seconds kValidity{std::chrono::hours(8)};
  // `environment` outlives it. `answer_validity`: how long an answer is good.
  DatabaseOcspSource(const ca::Environment& environment, Authorities authorities,
                     std::chrono::seconds answer_validity = kValidity)
      : environment_(environment), authorities_(std::move(authorities)), answer_validity_(answer_validity) {}

  // Takes note of CAs and keys that came or went, and makes and renews responders. To be called at the start
  // and every minute or so, by one thread. A failure names every CA that has no good responder; the others
  // have theirs all the same.
  Status maintain();

  std::shared_ptr<const OcspIssuers> issuers() const override { return issuers_.load(); }
  Result<CertificateStatus> status(const OcspIssuer& issuer, Bytes serial) const override;
  Result<Validity> validity(const OcspIssuer& issuer, Time now) const override;
  Result<std::uint64_t> epoch() const override;
  std::optional<std::uint64_t> known_epoch() const override;

 private:
  struct Seen {
    store::Database::ChangeMark mark{};
    std::uint64_t epoch = 0;
  };
  // What maintain() knows of one key's responder.
  struct Responder {
    std::string reference;  // of its key
    Buffer certificate, serial;
    std::shared_ptr<const crypto::Signer> signer;
    Time renew_at{}, until{};
  };
  using KeyId = std::pair<store::AuthorityId, std::uint16_t>;

  Result<CertificateStatus> status(const KeyId& key, Bytes serial) const;
  Result<Responder> responder_of(const ca::LocalAuthority& authority, const ca::CaKey& key);
  Result<Responder> recall(const ca::LocalAuthority& authority, const ca::CaKey& key) const;
  Result<Responder> make(const ca::LocalAuthority& authority, const ca::CaKey& key) const;
  Result<Responder> open(const ca::LocalAuthority& authority, Bytes certificate, std::string reference) const;

  const ca::Environment& environment_;
  const Authorities authorities_;
  const std::chrono::seconds answer_validity_;
  std::map<KeyId, Responder> responders_;  // maintain()'s own
  std::atomic<std::shared_ptr<const OcspIssuers>> issuers_ = std::make_shared<const OcspIssuers>();
  mutable std::atomic<std::shared_ptr<const Seen>> seen_;
};

}  // namespace vouch::revocation
