#include "net/ldap_answer.hpp"

#include <gtest/gtest.h>

namespace vouch::net {
namespace {

TEST(LdapAnswerTest, TheAttributeOfAUrl) {
  EXPECT_EQ(
      ldap_attribute("ldap://dc.corp.example/CN=CA,DC=corp?certificateRevocationList?base?objectClass=x"),
      "certificateRevocationList");
  EXPECT_EQ(ldap_attribute("ldap://h/cn=a?a;binary,b"), "a;binary");
  EXPECT_EQ(ldap_attribute("ldap://h/cn=a"), "");
}

TEST(LdapAnswerTest, TheFirstValue) {
  const std::string text =
      "DN: cn=CA\n\tobjectClass: cRLDistributionPoint\n\n"
      "\tCertificateRevocationList;binary:: MAA=\n\tcertificateRevocationList;binary:: MQA=\n\n\n";
  EXPECT_EQ(ldap_value(text, "certificateRevocationList").value(), (Buffer{0x30, 0x00}));
  EXPECT_EQ(ldap_value(text, "certificateRevocationList;binary").value(), (Buffer{0x30, 0x00}));
  EXPECT_EQ(as_text(ldap_value(text, "objectclass").value()), "cRLDistributionPoint");
  EXPECT_EQ(ldap_value(text, "deltaRevocationList").error().code(), Errc::not_found);
  EXPECT_EQ(ldap_value("", "x").error().code(), Errc::not_found);
  EXPECT_EQ(ldap_value("\tx:: ???", "x").error().code(), Errc::malformed);
  EXPECT_TRUE(ldap_value("\tx:", "x").value().empty());
}

}  // namespace
}  // namespace vouch::net
