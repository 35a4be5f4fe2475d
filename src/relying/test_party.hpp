#pragma once
// For tests: a root, a CA below it, a leaf; a web server with their CRLs; a relying party with a clock that
// is moved by hand. Rows of the test matrix are named by their numbers there (S1, D4, O1 …).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_web.hpp"
#include "relying/relying_party.hpp"
#include "relying/stored_cache.hpp"
#include "validate/test_pki.hpp"

namespace vouch::relying::test {

using net::test::Client, net::test::Web;
using validate::CertificatePtr;
using validate::test::TestPki, validate::test::kNow;
using x509::CrlReason;
namespace oid = x509::oid;
using std::chrono::hours, std::chrono::milliseconds, std::chrono::minutes, std::chrono::seconds;

inline x509::Extension crl_points(const std::vector<std::string>& urls) {
  return x509::make_extension(oid::kCrlDistributionPoints, false, x509::encode_distribution_point_uris(urls));
}
inline x509::Extension freshest(const std::string& url) {
  return x509::make_extension(oid::kFreshestCrl, false, x509::encode_distribution_point_uris({url}));
}
inline x509::Extension responders(const std::vector<std::string>& urls) {
  std::vector<x509::AccessDescription> access;
  for (const std::string& url : urls) access.push_back({oid::kAdOcsp, x509::GeneralName::uri(url)});
  return x509::make_extension(oid::kAuthorityInfoAccess, false, x509::encode_info_access(access));
}
inline x509::Extension delta_of(std::uint64_t base) {
  return x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(base));
}
inline x509::Extension scope(const std::string& url, bool cas_only = false) {
  x509::IssuingDistributionPoint point;
  if (!url.empty()) point.name = x509::DistributionPointName{{x509::GeneralName::uri(url)}, std::nullopt};
  point.only_ca_certs = cas_only;
  return x509::make_extension(oid::kIssuingDistributionPoint, true,
                              x509::encode_issuing_distribution_point(point));
}
inline x509::Extension next_publish(Time time) {
  return x509::make_extension(oid::kMsNextPublish, false, x509::encode_next_publish(time));
}

// Where CRLs are kept: every row holds for both.
enum class Kept { memory, disk };
inline void PrintTo(Kept kept, std::ostream* out) { *out << (kept == Kept::memory ? "memory" : "disk"); }
inline const auto kBoth = testing::Values(Kept::memory, Kept::disk);

class PartyTest : public testing::TestWithParam<Kept> {
 protected:
  explicit PartyTest(Profile profile) : profile_(std::move(profile)) {
    profile_.private_networks = {"127.0.0.0/8"};
    fs::remove_all(store_);
  }
  ~PartyTest() override {
    forget_everything();
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  Buffer crl(const TestPki::CrlSpec& spec) { return to_buffer(pki_.crl(spec)->head().view.whole); }
  void publish(const std::string& path, const TestPki::CrlSpec& spec) { web_.serve(path, crl(spec)); }
  // CRLs that are good now, for a day.
  TestPki::CrlSpec of(const std::string& issuer, std::uint64_t number = 1,
                      std::vector<std::pair<std::uint64_t, CrlReason>> revoked = {}) {
    return {.issuer = issuer,
            .number = number,
            .revoked = std::move(revoked),
            .this_update = clock_.now() - hours(1),
            .next_update = clock_.now() + hours(24)};
  }

  TrustedIssuer& trust(const CertificatePtr& certificate, const std::string& base = "",
                       const std::string& delta = "") {
    TrustedIssuer issuer;
    issuer.certificate = certificate;
    issuer.anchor = certificate->self_issued();
    issuer.source = "list";
    issuer.base_url = base;
    issuer.delta_url = delta;
    issuers_.push_back(std::move(issuer));
    party_.reset();
    return issuers_.back();
  }

  RelyingParty& party() {
    if (!party_) party_ = make_party();
    return *party_;
  }
  std::unique_ptr<RelyingParty> make_party() {
    if (!cache_)
      cache_ = GetParam() == Kept::memory
                   ? make_memory_cache(pki_.provider())
                   : make_stored_cache(CrlStore::open(pki_.provider(), {.folder = store_}).value());
    RelyingPartySettings settings;
    settings.cache = cache_;
    settings.folder = folder_;
    settings.trusted_roots = roots_;
    return std::make_unique<RelyingParty>(pki_.provider(), clock_, std::make_shared<TrustList>(issuers_),
                                          std::move(settings));
  }
  // A machine that knows nothing yet.
  void forget_everything() {
    restart();
    fs::remove_all(store_);
  }
  // Another process, which has what is on disk.
  void restart() {
    party_.reset();
    cache_.reset();
  }

  Decision decide(const std::vector<CertificatePtr>& chain, std::optional<Buffer> stapled = std::nullopt) {
    Question question;
    for (const CertificatePtr& one : chain) question.chain.push_back(to_buffer(one->der()));
    question.stapled = std::move(stapled);
    return party().decide(question, profile_);
  }
  Decision decide(const CertificatePtr& leaf) { return decide(std::vector{leaf}); }

  TestPki pki_;
  Web web_;
  ManualClock clock_{kNow};
  Profile profile_;
  std::vector<TrustedIssuer> issuers_;
  std::shared_ptr<CrlCache> cache_;
  const fs::path store_ = fs::temp_directory_path() / fmt::format("vouch-relying-crls-{}", ::getpid());
  fs::path folder_;
  Buffer roots_;  // for https
  std::unique_ptr<RelyingParty> party_;
};

inline testing::AssertionResult is_accepted(const Decision& decision) {
  return (decision.accepted ? testing::AssertionSuccess() : testing::AssertionFailure()) << to_text(decision);
}
inline testing::AssertionResult is_refused(const Decision& decision, unsigned code) {
  const bool right = !decision.accepted && decision.code == code;
  return (right ? testing::AssertionSuccess() : testing::AssertionFailure())
         << "expected " << code << ", was: " << to_text(decision);
}
#define EXPECT_ACCEPTED(expression) EXPECT_TRUE(::vouch::relying::test::is_accepted(expression))
#define EXPECT_CODE(expression, number) \
  EXPECT_TRUE(::vouch::relying::test::is_refused((expression), (number)))

}  // namespace vouch::relying::test
