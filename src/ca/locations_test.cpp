#include "ca/locations.hpp"

#include <gmock/gmock.h>

namespace vouch::ca {
namespace {

using testing::HasSubstr;

const LocationVariables kVariables{"pki.corp.example", "PKI", "Contoso CA/1", 2, 1, false};

std::string expanded(std::string url) {
  auto result = expand({1, std::move(url)}, kVariables);
  return result ? *result : result.error().summary();
}

TEST(LocationsTest, NumbersAndNamesMeanTheSame) {
  EXPECT_EQ(expanded("http://%1/pki/%3%4%8%9.crl"), "http://pki.corp.example/pki/Contoso%20CA%2F1(2)(1).crl");
  EXPECT_EQ(
      expanded("http://<ServerDNSName>/pki/<CaName><CertificateName><CRLNameSuffix><DeltaCRLAllowed>.crl"),
      "http://pki.corp.example/pki/Contoso%20CA%2F1(2)(1).crl");
}

TEST(LocationsTest, AValueNeverLeadsOutOfAFolder) {
  EXPECT_EQ(expanded("/srv/pki/%3.crl"), "/srv/pki/Contoso CA_1.crl");
  EXPECT_EQ(*expand({1, "/srv/%3"}, {"h", "h", "../etc/passwd", 0, 0, false}), "/srv/_._etc_passwd");
  EXPECT_EQ(*expand({1, "file:///srv/%3"}, {"h", "h", "x", 0, 0, false}), "/srv/x");
}

TEST(LocationsTest, VariablesTenAndElevenAreNotVariableOne) {
  EXPECT_THAT(expanded("ldap:///%10"), HasSubstr("needs a directory"));
  EXPECT_EQ(expanded("http://%12/"), "http://pki.corp.example2/");
}

TEST(LocationsTest, DeltaNamesCarryAPlus) {
  LocationVariables delta = kVariables;
  delta.delta = true;
  delta.key_index = 0;
  EXPECT_EQ(*expand({1, "/srv/ca%8%9.crl"}, delta), "/srv/ca+.crl");
}

TEST(LocationsTest, CertutilNotationIsReadAndPrinted) {
  const auto location = parse_location("65:/var/lib/x/%3%8%9.crl");
  ASSERT_TRUE(location);
  EXPECT_EQ(location->flags, 65u);
  EXPECT_EQ(format_location(*location), "65:/var/lib/x/%3%8%9.crl");
  for (const char* bad : {"", "x", "1", "1:relative", "-1:/x", "1:ftp://x", "1:http://%0/", "99999999999:/x"})
    EXPECT_FALSE(parse_location(bad)) << bad;
}

}  // namespace
}  // namespace vouch::ca
