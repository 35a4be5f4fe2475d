#include "ca/setup/certificate_files.hpp"

#include <gmock/gmock.h>

#include "base/pem.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A degenerate SignedData (RFC 5652 5.1) by hand, with what else may stand among the certificates.
Buffer p7b(const std::vector<Buffer>& certificates, Bytes between = {}) {
  asn1::Writer out;
  out.sequence([&] {
    out.oid({1, 2, 840, 113549, 1, 7, 2});
    out.constructed(asn1::context_constructed(0), [&] {
      out.sequence([&] {
        out.integer(1);
        out.set([] {});
        out.sequence([&] { out.oid({1, 2, 840, 113549, 1, 7, 1}); });
        out.constructed(asn1::context_constructed(0), [&] {
          for (const Buffer& each : certificates) {
            out.raw(each);
            out.raw(between);
          }
        });
        out.set([] {});
      });
    });
  });
  return std::move(out).take();
}

class CertificateFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    one = bench.make_root("One")->current().generation.certificate;
    two = bench.make_root("Two")->current().generation.certificate;
  }
  TestBench bench;
  Buffer one, two;
};

TEST_F(CertificateFilesTest, DerPemAndBothFormsOfP7b) {
  EXPECT_THAT(read_certificates(one).value(), ElementsAre(one));
  const std::string pem = to_pem("CERTIFICATE", one) + to_pem("CERTIFICATE", two);
  EXPECT_THAT(read_certificates(as_bytes(pem)).value(), ElementsAre(one, two));
  EXPECT_THAT(read_certificates(p7b({one, two})).value(), ElementsAre(one, two));
  EXPECT_THAT(read_certificates(as_bytes(to_pem("PKCS7", p7b({two, one})))).value(), ElementsAre(two, one));
}

// AD CS labels a base64 p7b as a certificate.
TEST_F(CertificateFilesTest, AP7bBetweenCertificateLines) {
  EXPECT_THAT(read_certificates(as_bytes(to_pem("CERTIFICATE", p7b({one, two})))).value(),
              ElementsAre(one, two));
}

TEST_F(CertificateFilesTest, OtherKindsAmongTheCertificatesAreLeftOut) {
  const Buffer other{0xa1, 0x02, 0x30, 0x00};
  EXPECT_THAT(read_certificates(p7b({one, two}, other)).value(), ElementsAre(one, two));
}

TEST_F(CertificateFilesTest, EmptyCutOffAndOtherContentIsRefused) {
  EXPECT_THAT(read_certificates(p7b({})).error().summary(), HasSubstr("no certificate"));
  Buffer cut = p7b({one});
  cut.resize(cut.size() - 5);
  EXPECT_FALSE(read_certificates(cut));
  Buffer longer = p7b({one});
  longer.push_back(0);
  EXPECT_FALSE(read_certificates(longer));
  asn1::Writer data;
  data.sequence([&] {
    data.oid({1, 2, 840, 113549, 1, 7, 3});
    data.constructed(asn1::context_constructed(0), [&] { data.null(); });
  });
  EXPECT_THAT(read_certificates(std::move(data).take()).error().summary(), HasSubstr("not SignedData"));
  EXPECT_EQ(read_certificates(p7b(std::vector<Buffer>(1001, Buffer{0x30, 0x00}))).error().code(),
            Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::ca
