#include "policy/name_syntax.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vouch::policy {
namespace {

TEST(NameSyntaxTest, DnsNames) {
  const std::string label63(63, 'a');
  for (const std::string& good :
       {std::string("example.com"), std::string("localhost"), std::string("a-b.c1.example"),
        std::string("*.example.com"), std::string("xn--bcher-kva.example"), std::string("1.example"),
        label63 + ".example", std::string("WWW.Example.COM")})
    EXPECT_EQ(dns_name_fault(good), "") << good;
  for (const std::string& bad : {std::string(""),
                                 std::string("."),
                                 std::string("a..b"),
                                 std::string(".a"),
                                 std::string("a."),
                                 std::string("-a.b"),
                                 std::string("a-.b"),
                                 std::string("a b"),
                                 std::string("a_b.example"),
                                 std::string("*"),
                                 std::string("*."),
                                 std::string("*.com"),
                                 std::string("w*.example.com"),
                                 std::string("www.*.com"),
                                 std::string("*.*.example.com"),
                                 label63 + "a.example",
                                 std::string("192.0.2.1"),
                                 std::string("a.1"),
                                 std::string("bücher.example"),
                                 std::string("a\0.example", 10),
                                 std::string("http://a"),
                                 std::string("a.example/"),
                                 std::string("a:443"),
                                 label63 + "." + label63 + "." + label63 + "." + label63})
    EXPECT_NE(dns_name_fault(bad), "") << bad;
}

TEST(NameSyntaxTest, EmailAddresses) {
  for (const char* good : {"a@b", "alice.b+tag@mail.example.com", "o'hara@example.com"})
    EXPECT_EQ(email_fault(good), "") << good;
  for (const char* bad : {"", "a", "@b", "a@", "a b@c", ".a@b", "a.@b", "a..b@c", "a@b@c", "\"a b\"@c",
                          "a@*.b.c", "a@192.0.2.1", "a@[192.0.2.1]", "ä@b"})
    EXPECT_NE(email_fault(bad), "") << bad;
}

TEST(NameSyntaxTest, Uris) {
  for (const char* good :
       {"http://www.example.com/a?b=c#d", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "spiffe://trust.example/workload", "ldap:///CN=CA,DC=example?x", "https://192.0.2.1:8443/",
        "http://[2001:db8::1]/", "http://a", "sip:alice@example.com", "http://a.example/%20"})
    EXPECT_EQ(uri_fault(good), "") << good;
  for (const char* bad : {"",
                          "http",
                          ":x",
                          "1a:b",
                          "http:",
                          "http:/a",
                          "http://",
                          "http:///a",
                          "http://a b",
                          "http://a/%2",
                          "http://a/%zz",
                          "http://u@a/",
                          "http://[::1",
                          "http://a:x/",
                          "http://a:/",
                          "http://a/\x01",
                          "http://*.a.b/",
                          "http://a\"b/",
                          "http://a_b/",
                          "http://ä/",
                          "http://[]/",
                          "http://[::1]x/"})
    EXPECT_NE(uri_fault(bad), "") << bad;
}

TEST(NameSyntaxTest, AttributesHaveBounds) {
  using namespace x509::oid;
  EXPECT_EQ(attribute_fault(kCommonName, std::string(64, 'a')), "");
  EXPECT_NE(attribute_fault(kCommonName, std::string(65, 'a')), "");
  std::string umlauts;
  for (int i = 0; i < 64; ++i) umlauts += "ü";
  EXPECT_EQ(attribute_fault(kCommonName, umlauts), "") << "characters count, not octets";
  EXPECT_EQ(attribute_fault(kCountry, "DE"), "");
  for (const char* bad : {"de", "D", "DEU", "D1", "Ü"}) EXPECT_NE(attribute_fault(kCountry, bad), "") << bad;
  EXPECT_NE(attribute_fault(kOrganization, ""), "");
  EXPECT_NE(attribute_fault(kOrganization, "a\nb"), "");
  EXPECT_EQ(attribute_fault(kSurname, std::string(32768, 'a')), "");
}

}  // namespace
}  // namespace vouch::policy
