#include "ca/settings/locations.hpp"

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
  EXPECT_EQ(expanded("ldap:///%10"),
            "ldap:///?certificateRevocationList?base?objectClass=cRLDistributionPoint");
  EXPECT_EQ(expanded("http://%12/"), "http://pki.corp.example2/");
}

// The list of a CA in a domain, as AD CS writes it: LDAP with blanks that the URL encodes.
TEST(LocationsTest, VariablesOfADirectoryMakeAnLdapUrl) {
  LocationVariables variables{"ca1.corp.contoso.com",
                              "CA1",
                              "Contoso Issuing CA",
                              0,
                              1,
                              false,
                              "CN=Configuration,DC=corp,DC=contoso,DC=com"};
  const Location crl{14, "ldap:///CN=%7%8,CN=%2,CN=CDP,CN=Public Key Services,CN=Services,%6%10"};
  EXPECT_EQ(*expand(crl, variables),
            "ldap:///CN=Contoso%20Issuing%20CA(1),CN=CA1,CN=CDP,CN=Public%20Key%20Services,CN=Services,"
            "CN=Configuration,DC=corp,DC=contoso,DC=com?certificateRevocationList?base?objectClass="
            "cRLDistributionPoint");
  variables.delta = true;
  EXPECT_THAT(*expand(crl, variables),
              HasSubstr("com?deltaRevocationList?base?objectClass=cRLDistributionPoint"));
  const Location named{2, "ldap:///CN=<CATruncatedName>,CN=AIA,<ConfigurationContainer><CAObjectClass>"};
  EXPECT_EQ(*expand(named, variables),
            "ldap:///"
            "CN=Contoso%20Issuing%20CA,CN=AIA,CN=Configuration,DC=corp,DC=contoso,DC=com?cACertificate?base?"
            "objectClass=certificationAuthority");
  variables.configuration_container.clear();
  const auto without = expand(crl, variables);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code(), Errc::unsupported);
  EXPECT_THAT(without.error().report(), HasSubstr("%6 (<ConfigurationContainer>) needs a directory"));
  EXPECT_THAT(without.error().report(), HasSubstr("directory.configuration_container"));
}

TEST(LocationsTest, FlagsHaveNumbersAndNames) {
  const auto parsed = [](std::string_view text) {
    const auto location = parse_location(text);
    return location ? format_location(*location) : location.error().summary();
  };
  EXPECT_EQ(parsed("PublishToServer,AddToCertificateCdp:http://x/"), "3:http://x/");
  EXPECT_EQ(parsed("publishtoserver, PublishDeltaToServer:/x%9"), "65:/x%9");
  EXPECT_EQ(parsed("1,AddToCrlIdp,8:/x"), "137:/x");
  EXPECT_EQ(parsed("AddToCertificateAia,AddToCertificateOcsp:http://x/"), "34:http://x/");
  EXPECT_EQ(parsed("AddToFreshestCrl,AddToCrlCdp:http://x/"), "12:http://x/");
  EXPECT_THAT(parsed("Publish:/x"), HasSubstr("is not a location"));
  EXPECT_THAT(parsed("1,:/x"), HasSubstr("is not a location"));
  EXPECT_THAT(parsed("1:/x\ny"), HasSubstr("control characters"));
  EXPECT_EQ(flag_names(LocationList::cdp, 207),
            "PublishToServer, AddToCertificateCdp, AddToFreshestCrl, AddToCrlCdp, PublishDeltaToServer, "
            "AddToCrlIdp");
  EXPECT_EQ(flag_names(LocationList::aia, 35), "PublishToServer, AddToCertificateAia, AddToCertificateOcsp");
}

TEST(LocationsTest, AListTakesOnlyWhatItCanUse) {
  const auto said = [](LocationList list, std::string_view text) {
    const Status status = check_location(list, parse_location(text).value());
    return status ? std::string("fine") : status.error().report();
  };
  EXPECT_EQ(said(LocationList::cdp, "65:/x/%3%8%9.crl"), "fine");
  EXPECT_EQ(said(LocationList::cdp, "142:http://x/%3%8%9.crl"), "fine");
  EXPECT_EQ(said(LocationList::aia, "34:http://x/"), "fine");
  EXPECT_THAT(said(LocationList::cdp, "32:http://x/"), HasSubstr("flag 32 is none of CDP locations"));
  EXPECT_THAT(said(LocationList::aia, "AddToCrlIdp:http://x/"),
              HasSubstr("flag 128 is none of AIA locations"));
  EXPECT_THAT(said(LocationList::cdp, "2:/x.crl"), HasSubstr("no client can read it"));
  EXPECT_THAT(said(LocationList::cdp, "65:/x/%3%8.crl"), HasSubstr("put %9"));
  EXPECT_EQ(said(LocationList::cdp, "71:http://x/%3%8%9.crl"), "fine");
  EXPECT_THAT(said(LocationList::cdp, "65:http://x/%3.crl"), HasSubstr("put %9"));
  EXPECT_THAT(said(LocationList::cdp, "1:https://me:secret@x/%3.crl"),
              HasSubstr("a password does not belong"));
  EXPECT_EQ(said(LocationList::cdp, "1:https://x/a@b/%3.crl"), "fine");
  EXPECT_THAT(said(LocationList::cdp, "1:ldap:///CN=%3"), HasSubstr("there is no LDAP client"));
  EXPECT_THAT(said(LocationList::aia, "1:http://x/%3.crt"), HasSubstr("written to files only"));
}

TEST(LocationsTest, WhatCertificatesCarryIsReadBack) {
  const IssuedLocations locations =
      issued_locations({{65, "/srv/%3.crl"}, {2, "http://%1/%3%8%9.crl"}, {6, "http://b/%3.crl"}},
                       {{1, "/srv/%3.crt"}, {2, "http://%1/%3%4.crt"}, {32, "http://ocsp/"}}, kVariables)
          .value();
  EXPECT_THAT(locations.cdp, testing::ElementsAre("http://pki.corp.example/Contoso%20CA%2F1(1).crl",
                                                  "http://b/Contoso%20CA%2F1.crl"));
  EXPECT_THAT(locations.aia, testing::ElementsAre("http://pki.corp.example/Contoso%20CA%2F1(2).crt"));
  EXPECT_THAT(locations.ocsp, testing::ElementsAre("http://ocsp/"));
  EXPECT_EQ(parse_issued_locations(format_issued_locations(locations)).value(), locations);
  EXPECT_EQ(parse_issued_locations("").value(), IssuedLocations{});
  for (const char* damaged : {"x", "cdp", "cdp http://x", "ftp x\n", "cdp\n"})
    EXPECT_FALSE(parse_issued_locations(damaged)) << damaged;
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

TEST(Locations, TheShardHasASuffixOfItsOwn) {
  LocationVariables variables{"h.example", "h", "CA", 0, 1, true};
  const Location location{2, "http://%1/%3%8%9.crl"}, named{2, "http://%1/<CRLShardSuffix>/%3%8%9.crl"};
  EXPECT_EQ(expand(location, variables).value(), "http://h.example/CA(1)+.crl");
  variables.shard = 12;
  EXPECT_EQ(expand(location, variables).value(), "http://h.example/CA(1)~12+.crl");
  EXPECT_EQ(expand(named, variables).value(), "http://h.example/~12/CA(1)+.crl") << "once, where it is named";
  EXPECT_EQ(expand({1, "/srv/%3%8%9.crl"}, variables).value(), "/srv/CA(1)~12+.crl");
  variables.shard = kAnyShard;
  const std::string open = expand(location, variables).value();
  EXPECT_TRUE(is_of_any_shard(open));
  EXPECT_EQ(with_shard(open, 3), "http://h.example/CA(1)~3+.crl");
  EXPECT_EQ(with_shard("http://h.example/CA.crl", 3), "http://h.example/CA.crl");
  EXPECT_EQ(parse_issued_locations(format_issued_locations({{open}, {}, {}}))->cdp, std::vector{open});
}

TEST(Locations, EveryCdpLocationNeedsAPlaceForTheShard) {
  EXPECT_TRUE(check_shard_places({{65, "/srv/%3%8%9.crl"}, {6, "http://a/<CRLNameSuffix>.crl"}}));
  EXPECT_TRUE(check_shard_places({{6, "http://a/<CRLShardSuffix>.crl"}}));
  const Status refused = check_shard_places({{65, "/srv/%3%8%9.crl"}, {6, "http://a/b%9.crl"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::usage);
}

}  // namespace
}  // namespace vouch::ca
