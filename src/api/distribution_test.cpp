#include "api/distribution.hpp"

#include <fstream>

#include "cms/signed_data.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::api {
namespace {

using revocation::kTestCa;
using testing::HasSubstr;
using testing::Not;

class DistributionTest : public revocation::RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    set([](ca::AuthoritySettings& s) {
      s.dns_name = "pki.example.com";
      s.no_locations = false;
    });
  }
  net::Prepared get(std::string_view path, std::vector<net::Field> fields = {}) const {
    net::Request request;
    request.method = net::Method::get;
    request.path = request.target = path;
    request.fields = std::move(fields);
    return distribution.answer(request);
  }
  void refresh() {
    const Status done = distribution.refresh();
    ASSERT_TRUE(done) << done.error().report();
  }
  static std::string etag_of(const net::Prepared& answer) {
    const std::size_t at = answer->head.find("ETag: ") + 6;
    return answer->head.substr(at, answer->head.find("\r\n", at) - at);
  }

  static constexpr std::string_view kCrl = "/pki/CRL%20Root.crl";
  static constexpr std::string_view kDelta = "/pki/CRL%20Root+.crl";
  net::Metrics metrics;
  ca::Environment environment = bench.environment();
  Service service{environment, [] { return Authorities(); }, metrics};  // it works without open keys
  Distribution distribution{service};
};

TEST_F(DistributionTest, AnswersBaseDeltaAndCertificateAtTheirUrls) {
  switch_deltas_on();
  EXPECT_EQ(get(kCrl)->status, 404U);
  publish();
  refresh();
  const auto base = get(kCrl);
  EXPECT_EQ(base->status, 200U);
  EXPECT_THAT(base->head, HasSubstr("Content-Type: application/pkix-crl\r\n"));
  EXPECT_EQ(to_buffer(as_bytes(base->body.view())), read_file(base_file()).value());
  EXPECT_EQ(to_buffer(as_bytes(get(kDelta)->body.view())), read_file(delta_file()).value());
  const auto certificate = get("/pki/CRL%20Root.crt");
  EXPECT_THAT(certificate->head, HasSubstr("Content-Type: application/pkix-cert\r\n"));
  EXPECT_EQ(to_buffer(as_bytes(certificate->body.view())), authority->chain()->front());
  EXPECT_EQ(get("/pki/Other.crl")->status, 404U);
  EXPECT_EQ(get("/pki/%zz")->status, 404U);
}

TEST_F(DistributionTest, AnswersEachShardAtTheUrlOfItsCertificatesAlsoAfterAChange) {
  switch_deltas_on();
  set([](ca::AuthoritySettings& s) { s.crl_shards = 4; });
  const Buffer serial = issue();
  const std::uint32_t mine = bench.database().snapshot().value()->certificate(serial)->shard;
  revoke(serial);
  publish();
  refresh();
  const auto file = [&](std::uint32_t shard, std::string_view delta = "") {
    return read_file(bench.home().published() / fmt::format("CRL Root~{}{}.crl", shard, delta)).value();
  };
  for (std::uint32_t shard = 1; shard <= 4; ++shard) {
    const std::string base = fmt::format("/pki/CRL%20Root~{}.crl", shard);
    EXPECT_EQ(to_buffer(as_bytes(get(base)->body.view())), file(shard));
    const std::string delta = fmt::format("/pki/CRL%20Root~{}+.crl", shard);
    EXPECT_EQ(to_buffer(as_bytes(get(delta)->body.view())), file(shard, "+"));
  }
  EXPECT_EQ(to_buffer(as_bytes(get(kCrl)->body.view())), read_file(base_file()).value());
  EXPECT_EQ(get("/pki/CRL%20Root~5.crl")->status, 404U);

  // The location moves and nothing is sharded any more: the certificate still finds its list.
  set([](ca::AuthoritySettings& s) {
    s.crl_shards = 1;
    for (ca::Location& location : s.cdp)
      if (!ca::is_file(location)) location.url = "http://elsewhere.example/new/%3%8%9.crl";
  });
  ASSERT_TRUE(authority->refresh());
  publish();
  refresh();
  EXPECT_EQ(to_buffer(as_bytes(get(fmt::format("/pki/CRL%20Root~{}.crl", mine))->body.view())), file(mine));
  EXPECT_EQ(to_buffer(as_bytes(get(fmt::format("/new/CRL%20Root~{}.crl", mine))->body.view())), file(mine));
  EXPECT_EQ(get(fmt::format("/pki/CRL%20Root~{}.crl", mine % 4 + 1))->status, 404U) << "nobody names it";
}

TEST_F(DistributionTest, AnAnswerIsSharedAndNotCopied) {
  publish();
  refresh();
  const auto first = get(kCrl), second = get("/pki/CRL Root.crl");
  EXPECT_EQ(first->body.view().data(), second->body.view().data());
  refresh();
  EXPECT_EQ(get(kCrl)->body.view().data(), first->body.view().data());
}

TEST_F(DistributionTest, SaysHowLongAndWhetherItChanged) {
  const auto published = publish();
  refresh();
  const auto answer = get(kCrl);
  const auto seconds = [](Time t) { return net::format_http_date(t.time_since_epoch().count()); };
  EXPECT_THAT(answer->head, HasSubstr("Expires: " + seconds(published[0].record.next_publish)));
  EXPECT_THAT(answer->head, HasSubstr("Last-Modified: " + seconds(published[0].record.this_update)));
  const std::string etag = etag_of(answer), date = seconds(published[0].record.this_update);
  EXPECT_EQ(get(kCrl, {{"If-None-Match", etag}})->status, 304U);
  EXPECT_EQ(get(kCrl, {{"If-None-Match", etag}})->body.size(), 0U);
  EXPECT_EQ(get(kCrl, {{"If-Modified-Since", date}})->status, 304U);
  issue();
  bench.clock().advance(std::chrono::seconds(60));
  publish();
  refresh();
  EXPECT_EQ(get(kCrl, {{"If-None-Match", etag}})->status, 200U);
  EXPECT_EQ(get(kCrl, {{"If-Modified-Since", date}})->status, 200U);
}

TEST_F(DistributionTest, OnlyTheCrlThatWasPublishedIsAnswered) {
  publish();
  refresh();
  const std::string before(get(kCrl)->body.view());
  bench.clock().advance(std::chrono::seconds(60));
  publish();
  ASSERT_TRUE(write_file_atomic(base_file(), as_bytes("somebody else's file")));
  const Status refreshed = distribution.refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_THAT(refreshed.error().report(), HasSubstr("not CRL 2 as it was published"));
  EXPECT_EQ(get(kCrl)->body.view(), before);
}

TEST_F(DistributionTest, GoesOnWithoutFilesAndWithOldLocations) {
  issue();
  publish();
  refresh();
  const std::string before(get(kCrl)->body.view());
  fs::remove(base_file());
  refresh();
  EXPECT_EQ(get(kCrl)->body.view(), before);
  // The certificate that was issued above goes on naming the old URL.
  set([](ca::AuthoritySettings& s) {
    for (ca::Location& location : s.cdp)
      if (!ca::is_file(location)) location.url = "http://new.example.com/crl/%3%8%9.crl";
    for (ca::Location& location : s.aia)
      if (!ca::is_file(location)) location.url = "http://new.example.com/aia/%3%4.p7c";
  });
  refresh();
  EXPECT_EQ(get(kCrl)->body.view(), before);
  EXPECT_EQ(get("/crl/CRL%20Root.crl")->body.view(), before);
  EXPECT_EQ(get("/pki/CRL%20Root.crt")->status, 200U);
  const auto chain = get("/aia/CRL%20Root.p7c");
  EXPECT_THAT(chain->head, HasSubstr("Content-Type: application/pkcs7-mime; smime-type=certs-only\r\n"));
  const auto certificates = cms::certificates_of(as_bytes(chain->body.view()));
  ASSERT_TRUE(certificates);
  EXPECT_EQ(*certificates, *authority->chain());
}

}  // namespace
}  // namespace vouch::api
