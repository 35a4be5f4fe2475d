#pragma once
// CRLs as the source of OCSP answers, for a responder on a host that has neither the CA's keys nor its
// database: all it needs is the CA's certificate, its CRLs, and a key of its own that the CA has certified
// for OCSP (RFC 6960 4.2.2.2).
//
// A CRL does not tell a good certificate from one that was never issued: both are `good`.
//
// What was accepted is kept in a folder, checked again when it is read at the next start, and so are the
// numbers: an old CRL cannot be slipped in while the responder is down.

#include <atomic>
#include <functional>

#include "base/files.hpp"
#include "revocation/crl_index.hpp"
#include "revocation/ocsp_source.hpp"

namespace vouch::revocation {

// One key of one CA.
struct CrlSourceSettings {
  std::string name;                 // also of its files
  fs::path ca_certificate;          // PEM or DER
  fs::path certificate, key;        // the responder's; the key not encrypted. Both are looked at again
  std::vector<std::string> places;  // of CRLs, base and delta in any order: files, or http URLs
  // A CRL with an issuing distribution point covers the certificates that name that point (RFC 5280 5.2.5).
  // True: those are all that the CA issues.
  bool whole = false;
};

// Gets what is at a place. `mark` is what the last answer gave: its ETag, the time of its file.
struct FetchedCrl {
  bool unchanged = false;  // since `mark`; then there are no octets
  Buffer octets{};         // PEM or DER
  std::string mark{};
};
using FetchCrl = std::function<Result<FetchedCrl>(const std::string& place, const std::string& mark)>;

class CrlOcspSource final : public OcspSource {
 public:
  // `folder`: where CRLs are kept; it exists. `provider` and `clock` outlive the source.
  CrlOcspSource(const crypto::Provider& provider, const Clock& clock, fs::path folder, FetchCrl fetch,
                std::vector<CrlSourceSettings> sources);
  ~CrlOcspSource() override;

  // Takes up what is kept from before. Fails when a CA certificate cannot be read: nothing can be answered
  // about that CA then, and no waiting helps.
  Status open();
  // Looks for a new responder certificate and new CRLs of one source. What is new is in effect at once, also
  // when something else fails; the failure names everything that is wrong with that source. One thread at a
  // time.
  Status refresh(std::size_t index);
  std::size_t size() const { return sources_.size(); }
  const std::string& name(std::size_t index) const;
  // Octets of all indexes, for the metrics.
  std::size_t octets() const;

  std::shared_ptr<const OcspIssuers> issuers() const override;
  Result<CertificateStatus> status(const OcspIssuer& issuer, Bytes serial) const override;
  // From thisUpdate of the newest CRL to the first nextUpdate of those in use. `unavailable`: they are over.
  Result<Validity> validity(const OcspIssuer& issuer, Time now) const override;
  Result<std::uint64_t> epoch() const override { return epoch_.load(std::memory_order_acquire); }
  std::optional<std::uint64_t> known_epoch() const override { return epoch_.load(std::memory_order_acquire); }

 private:
  class Source;
  struct Known;  // of one source's CRLs
  struct State;  // of all sources; never changed, replaced as a whole
  std::shared_ptr<const Known> known(const OcspIssuer& issuer) const;
  void publish();

  const fs::path folder_;
  const FetchCrl fetch_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::atomic<std::shared_ptr<const State>> state_;
  std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace vouch::revocation
