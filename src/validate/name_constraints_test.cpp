#include "validate/name_constraints.hpp"

#include <gtest/gtest.h>

#include "validate/test_pki.hpp"

namespace vouch::validate {
namespace {

using test::TestPki;
using x509::GeneralName;

GeneralName text(const std::string& text) { return GeneralName::from_text(text).value(); }
std::optional<bool> within(const std::string& name, const std::string& base) {
  return within_subtree(text(name), text(base));
}
GeneralName raw(x509::GeneralNameType type, std::string_view value) {
  return {type, to_buffer(as_bytes(value)), {}};
}

// RFC 5280 4.2.1.10, form by form.
TEST(WithinSubtreeTest, Dns) {
  EXPECT_EQ(within("DNS:host.example.com", "DNS:host.example.com"), true);
  EXPECT_EQ(within("DNS:my.Host.Example.com", "DNS:host.example.com"), true);
  EXPECT_EQ(within("DNS:host1.example.com", "DNS:host.example.com"), false);
  EXPECT_EQ(within("DNS:badexample.com", "DNS:example.com"), false);
  EXPECT_EQ(within("DNS:example.com.", "DNS:example.com"), true) << "the root's dot";
  EXPECT_EQ(within("DNS:a.example.com", "DNS:.example.com"), true);
  EXPECT_EQ(within("DNS:example.com", "DNS:.example.com"), false);
  EXPECT_EQ(within_subtree(text("DNS:a"), raw(x509::GeneralNameType::dns_name, "")), true);
}

TEST(WithinSubtreeTest, Mail) {
  EXPECT_EQ(within("email:root@example.com", "email:root@example.com"), true);
  EXPECT_EQ(within("email:Root@example.com", "email:root@example.com"), false) << "local parts know case";
  EXPECT_EQ(within("email:root@Example.com", "email:root@example.com"), true);
  EXPECT_EQ(within("email:a@example.com", "email:example.com"), true);
  EXPECT_EQ(within("email:a@my.example.com", "email:example.com"), false) << "a host is this host alone";
  EXPECT_EQ(within("email:a@my.example.com", "email:.example.com"), true);
  EXPECT_EQ(within("email:a@example.com", "email:.example.com"), false);
  EXPECT_EQ(within("email:\"x@evil.com\"@example.com", "email:evil.com"), false) << "the last @ counts";
  EXPECT_EQ(within_subtree(raw(x509::GeneralNameType::rfc822_name, "nobody"), text("email:example.com")),
            std::nullopt);
}

TEST(WithinSubtreeTest, Uri) {
  EXPECT_EQ(within("URI:http://host.example.com:80/x", "URI:host.example.com"), true);
  EXPECT_EQ(within("URI:http://my.host.example.com/", "URI:host.example.com"), false);
  EXPECT_EQ(within("URI:http://my.host.example.com/", "URI:.example.com"), true);
  EXPECT_EQ(within("URI:ldap://user@host.example.com?x", "URI:host.example.com"), true);
  EXPECT_EQ(within("URI:http://good.com@evil.com/", "URI:good.com"), false);
  EXPECT_EQ(within("URI:http://192.0.2.1/", "URI:example.com"), std::nullopt)
      << "an address cannot be checked";
  EXPECT_EQ(within("URI:urn:x:y", "URI:example.com"), std::nullopt) << "no host";
}

TEST(WithinSubtreeTest, AddressesAndNumbers) {
  const auto address = [](const char* name, const char* range) {
    return within_subtree(GeneralName::ip(name).value(), GeneralName::ip_range(range).value());
  };
  EXPECT_EQ(address("192.0.2.77", "192.0.2.0/24"), true);
  EXPECT_EQ(address("192.0.3.1", "192.0.2.0/24"), false);
  EXPECT_EQ(address("2001:db8::1", "2001:db8::/32"), true);
  EXPECT_EQ(address("192.0.2.77", "2001:db8::/32"), false) << "the other family is not inside";
  GeneralName holes = GeneralName::ip_range("192.0.2.0/24").value();
  holes.value[5] = 0x0f;
  EXPECT_EQ(within_subtree(GeneralName::ip("192.0.2.1").value(), holes), std::nullopt);
  EXPECT_EQ(within("RID:1.2.3.4", "RID:1.2.3"), true);
  EXPECT_EQ(within("RID:1.2.4", "RID:1.2.3"), false);
}

TEST(WithinSubtreeTest, DirectoryNamesAndPrincipals) {
  EXPECT_EQ(within("DirName:CN=a,OU=x,O=Acme", "DirName:O=acme"), true) << "case does not count";
  EXPECT_EQ(within("DirName:CN=a,O=Acme2", "DirName:O=Acme"), false);
  EXPECT_EQ(within("DirName:O=Acme", "DirName:CN=a,O=Acme"), false);
  EXPECT_EQ(within("UPN:alice@corp.example", "UPN:corp.example"), true);
  EXPECT_EQ(within("UPN:alice@corp.example", "UPN:@corp.example"), true) << "as Windows writes it";
  EXPECT_EQ(within("UPN:alice@sub.corp.example", "UPN:.corp.example"), true);
  EXPECT_EQ(within("UPN:alice@evil.example", "UPN:corp.example"), false);
  EXPECT_EQ(within("otherName:1.2.3:#0c0161", "otherName:1.2.3:#0c0161"), std::nullopt) << "no rule for it";
  EXPECT_EQ(within("otherName:1.2.3:#0c0161", "otherName:1.2.4:#0c0161"), std::nullopt) << "another form";
}

class ConstrainedNamesTest : public testing::Test {
 protected:
  CertificatePtr certificate(std::vector<GeneralName> names, const std::string& subject = "host") {
    return pki_.make({.subject = subject, .ca = false, .names = std::move(names)});
  }
  std::optional<FindingId> check(const x509::NameConstraints& constraints,
                                 const CertificatePtr& certificate) {
    ConstrainedNames names;
    names.add(constraints, "CN=CA");
    const auto finding = names.check(*certificate, 0, budget_);
    return finding ? std::optional(finding->id) : std::nullopt;
  }
  TestPki pki_;
  Budget budget_{Limits()};
};

TEST_F(ConstrainedNamesTest, PermitsAndExcludesByForm) {
  const x509::NameConstraints dns{{{text("DNS:example.com"), 0, {}}},
                                  {{text("DNS:secret.example.com"), 0, {}}}};
  EXPECT_EQ(check(dns, certificate({text("DNS:www.example.com")})), std::nullopt);
  EXPECT_EQ(check(dns, certificate({text("DNS:www.example.org")})), FindingId::name_not_permitted);
  EXPECT_EQ(check(dns, certificate({text("DNS:a.secret.example.com")})), FindingId::name_excluded);
  EXPECT_EQ(check(dns, certificate({text("email:a@b")})), std::nullopt) << "mail is not constrained";
  EXPECT_EQ(check(dns, certificate({})), std::nullopt);
}

TEST_F(ConstrainedNamesTest, AWildcardCouldBeTheExcludedName) {
  const x509::NameConstraints dns{{}, {{text("DNS:secret.example.com"), 0, {}}}};
  EXPECT_EQ(check(dns, certificate({text("DNS:*.example.com")})), FindingId::name_excluded);
  EXPECT_EQ(check(dns, certificate({text("DNS:*.example.org")})), std::nullopt);
}

TEST_F(ConstrainedNamesTest, EachCaPermitsForItself) {
  ConstrainedNames names;
  names.add({{{text("DNS:example.com"), 0, {}}}, {}}, "CN=Upper");
  names.add({{{text("DNS:a.example.com"), 0, {}}, {text("DNS:example.org"), 0, {}}}, {}}, "CN=Lower");
  EXPECT_FALSE(names.check(*certificate({text("DNS:x.a.example.com")}), 0, budget_));
  const auto widened = names.check(*certificate({text("DNS:example.org")}), 0, budget_);
  ASSERT_TRUE(widened) << "a lower CA cannot widen what an upper one permits";
  EXPECT_EQ(widened->parameters[1].second, "CN=Upper");
}

TEST_F(ConstrainedNamesTest, RefusesWhatItHasNoRuleFor) {
  const x509::NameConstraints other{{{text("otherName:1.2.3:#0c0161"), 0, {}}}, {}};
  EXPECT_EQ(check(other, certificate({text("otherName:1.2.3:#0c0161")})), FindingId::name_not_checkable);
  EXPECT_EQ(check(other, certificate({text("DNS:a.example")})), std::nullopt);
  const x509::NameConstraints bounded{{{text("DNS:example.com"), 1, {}}}, {}};
  EXPECT_EQ(check(bounded, certificate({text("DNS:a.example.com")})), FindingId::name_not_checkable)
      << "minimum and maximum are not defined for any form";
}

TEST_F(ConstrainedNamesTest, MailInTheSubjectCountsWhereThereIsNoOther) {
  const x509::NameConstraints mail{{{text("email:example.com"), 0, {}}}, {}};
  const auto with_subject = [&](std::string_view address, std::vector<GeneralName> names) {
    return pki_.make({.subject = "x",
                      .ca = false,
                      .names = std::move(names),
                      .full_subject = x509::make_name({{x509::oid::kEmailAddress, address}})});
  };
  EXPECT_EQ(check(mail, with_subject("a@evil.com", {})), FindingId::name_not_permitted);
  EXPECT_EQ(check(mail, with_subject("a@evil.com", {text("DNS:a.example")})), FindingId::name_not_permitted);
  EXPECT_EQ(check(mail, with_subject("a@example.com", {})), std::nullopt);
  EXPECT_EQ(check(mail, with_subject("a@evil.com", {text("email:a@example.com")})), std::nullopt);
  EXPECT_EQ(check(mail, with_subject("a@example.com", {text("email:a@evil.com")})),
            FindingId::name_not_permitted);
}

TEST_F(ConstrainedNamesTest, EndsWithinItsBudget) {
  std::vector<GeneralName> names;
  x509::NameConstraints constraints;
  for (int i = 0; i < 100; ++i) {
    names.push_back(text(fmt::format("DNS:n{}.example.com", i)));
    constraints.excluded.push_back({text(fmt::format("DNS:e{}.example.org", i)), 0, {}});
  }
  Limits limits;
  limits.comparisons = 1000;
  Budget small(limits);
  ConstrainedNames checked;
  checked.add(constraints, "CN=CA");
  EXPECT_TRUE(checked.check(*certificate(names), 0, small)) << "what cannot be checked is refused";
  EXPECT_TRUE(small.spent());
  EXPECT_FALSE(checked.check(*certificate(names), 0, budget_));
}

}  // namespace
}  // namespace vouch::validate
