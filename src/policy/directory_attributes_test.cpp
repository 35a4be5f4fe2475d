// Templates as a directory has them. The expected values are those that Microsoft documents for its own
// default templates (testdata/templates/ms-crtd.txt).
#include "policy/directory_attributes.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

namespace vouch::policy {
namespace {

using namespace x509::oid;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Attributes = std::vector<DirectoryAttribute>;

const std::map<std::string, Attributes>& microsoft() {
  static const auto templates = [] {
    std::map<std::string, Attributes> all;
    std::ifstream in("testdata/templates/ms-crtd.txt");
    Attributes one;
    const auto finish = [&] {
      if (!one.empty()) all.emplace(one.front().values.front(), one);
      one.clear();
    };
    for (std::string line; std::getline(in, line);) {
      if (line.empty() || line.front() == '#') {
        finish();
        continue;
      }
      const std::size_t colon = line.find(": ");
      const std::string name = line.substr(0, colon), value = line.substr(colon + 2);
      if (!one.empty() && one.back().name == name)
        one.back().values.push_back(value);
      else
        one.push_back({name, {value}});
    }
    finish();
    return all;
  }();
  return templates;
}

CertificateTemplate read(const std::string& name) {
  auto value = from_attributes(microsoft().at(name));
  if (!value) ADD_FAILURE() << value.error().report();
  return value ? *std::move(value) : CertificateTemplate();
}

std::string text_of(const Attributes& attributes, std::string_view name) {
  for (const DirectoryAttribute& attribute : attributes)
    if (attribute.name == name) return fmt::format("{}", fmt::join(attribute.values, "; "));
  return {};
}

class MicrosoftTest : public testing::TestWithParam<std::string> {};

// What Windows wrote is read and written back as it was. Two things differ by intention: no key below 2048
// bits, and the properties of schema version 3, of which only the algorithm and the policies of signers have
// a place.
TEST_P(MicrosoftTest, IsReadAndWrittenBackAsItWas) {
  const Attributes& original = microsoft().at(GetParam());
  const auto value = from_attributes(original);
  ASSERT_TRUE(value) << value.error().report();
  const Attributes written = to_attributes(*value);
  for (const DirectoryAttribute& attribute : original) {
    std::string expected = text_of(original, attribute.name);
    if (attribute.name == "msPKI-Minimal-Key-Size" && expected == "1024") expected = "2048";
    if (attribute.name == "msPKI-RA-Application-Policies" && expected.find('`') != std::string::npos) {
      EXPECT_THAT(text_of(written, attribute.name), HasSubstr("msPKI-Asymmetric-Algorithm`PZPWSTR`RSA`"));
      continue;
    }
    EXPECT_EQ(text_of(written, attribute.name), expected) << attribute.name;
  }
  const auto again = from_attributes(written);
  ASSERT_TRUE(again) << again.error().report();
  EXPECT_EQ(*again, *value);
  // As TOML too: nothing of it gets lost between the directory and the database.
  if (!check_template(*value)) return;
  EXPECT_EQ(parse_template(format_template(*value), "again").value(), *value);
}

std::vector<std::string> names_of_all() {
  std::vector<std::string> names;
  for (const auto& [name, attributes] : microsoft()) names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Templates, MicrosoftTest, testing::ValuesIn(names_of_all()),
                         [](const auto& name) { return name.param; });

TEST(MicrosoftTemplatesTest, AreAllThere) { EXPECT_EQ(microsoft().size(), 17u); }

TEST(MicrosoftTemplatesTest, FlagsMeanWhatTheyMean) {
  const CertificateTemplate web = read("WebServer");
  EXPECT_EQ(web.subject.source, NameSource::request);
  EXPECT_EQ(web.san.source, NameSource::request);
  EXPECT_TRUE(web.machine && web.template_extension && web.directory.shipped && web.key_usage_critical);
  EXPECT_FALSE(web.approval || web.ca || web.enrollment.autoenroll || web.basic_constraints);
  EXPECT_EQ(web.key_usage, x509::digital_signature | x509::key_encipherment);
  EXPECT_EQ(format_span(web.validity), "2y");
  EXPECT_EQ(format_span(web.renewal_period), "6w");
  EXPECT_EQ(web.schema_version, 1u);
  EXPECT_EQ(web.major, 4u);
  EXPECT_EQ(web.minor, 1u);
  EXPECT_THAT(web.client.providers, ElementsAre("Microsoft RSA SChannel Cryptographic Provider",
                                                "Microsoft DH SChannel Cryptographic Provider"));

  const CertificateTemplate user = read("User");
  EXPECT_EQ(user.subject.source, NameSource::directory);
  EXPECT_EQ(user.subject.directory, DirectorySubject::path);
  EXPECT_TRUE(user.subject.directory_email);
  EXPECT_THAT(user.san.directory, ElementsAre(DirectoryName::upn, DirectoryName::email));
  EXPECT_TRUE(user.enrollment.autoenroll && user.enrollment.publish && user.enrollment.smime_capabilities);
  EXPECT_TRUE(user.client.exportable);

  const CertificateTemplate machine = read("Machine");
  EXPECT_EQ(machine.subject.directory, DirectorySubject::dns);
  EXPECT_THAT(machine.san.directory, ElementsAre(DirectoryName::dns));

  const CertificateTemplate kerberos = read("KerberosAuthentication");
  EXPECT_EQ(kerberos.subject.source, NameSource::none);
  EXPECT_TRUE(kerberos.san.critical);
  EXPECT_THAT(kerberos.san.directory, ElementsAre(DirectoryName::domain_dns, DirectoryName::dns));

  const CertificateTemplate controller = read("DomainController");
  EXPECT_THAT(controller.san.directory, ElementsAre(DirectoryName::guid, DirectoryName::dns));

  const CertificateTemplate ras = read("RASAndIASServer");
  EXPECT_EQ(ras.subject.directory, DirectorySubject::common_name);

  const CertificateTemplate sub = read("SubCA");
  EXPECT_TRUE(sub.ca && !sub.path_length);
  EXPECT_EQ(sub.key_usage, x509::digital_signature | x509::key_cert_sign | x509::crl_sign);
  EXPECT_EQ(sub.client.key_spec, KeySpecHint::signature);
  EXPECT_EQ(format_span(sub.validity), "5y");

  const CertificateTemplate cross = read("CrossCA");
  EXPECT_TRUE(cross.ca && cross.cross_ca);
  EXPECT_EQ(cross.signatures.count, 1u);
  EXPECT_THAT(cross.signatures.application_policies,
              ElementsAre(x509::Oid{1, 3, 6, 1, 4, 1, 311, 10, 3, 10}));

  const CertificateTemplate ocsp = read("OCSPResponseSigning");
  EXPECT_TRUE(ocsp.ocsp_no_check);
  EXPECT_EQ(format_span(ocsp.validity), "2w");
  EXPECT_THAT(ocsp.signatures.application_policies, IsEmpty());

  const CertificateTemplate recovery = read("KeyRecoveryAgent");
  EXPECT_TRUE(recovery.approval && recovery.enrollment.publish_recovery_agent);
  EXPECT_EQ(read("DirectoryEmailReplication").supersedes, std::vector<std::string>{"DomainController"});
}

// Some of Microsoft's own templates are what the attacks are named after: they are read, and not accepted.
TEST(MicrosoftTemplatesTest, WhatIsUnsafeIsRefusedWhoeverWroteIt) {
  EXPECT_THAT(check_template(read("CEPEncryption")).error().message(), HasSubstr("(ESC3)"));
  EXPECT_THAT(check_template(read("EnrollmentAgentOffline")).error().message(), HasSubstr("(ESC3)"));
  EXPECT_THAT(check_template(read("SubCA")).error().message(), HasSubstr("without approval"));
  EXPECT_TRUE(check_template(read("WebServer")));
  EXPECT_TRUE(check_template(read("User")));
  EXPECT_TRUE(check_template(read("Machine")));
}

// --- Every flag alone, there and back.

struct FlagRow {
  const char* attribute;
  std::uint32_t bit;
};
TEST(FlagTest, EachKnownBitHasAMemberOfItsOwn) {
  const auto check = [](const char* attribute, std::initializer_list<std::uint32_t> bits) {
    for (const std::uint32_t bit : bits) {
      Attributes attributes = microsoft().at("WebServer");
      for (DirectoryAttribute& a : attributes)
        if (a.name == attribute) a.values = {fmt::format("{}", static_cast<std::int32_t>(bit))};
      const auto value = from_attributes(attributes);
      ASSERT_TRUE(value) << value.error().report();
      EXPECT_EQ(text_of(to_attributes(*value), attribute), fmt::format("{}", static_cast<std::int32_t>(bit)));
      EXPECT_EQ(value->directory.other_flags, 0x1u) << attribute << " " << bit;
      EXPECT_EQ(value->directory.other_name_flags, 0u) << attribute << " " << bit;
      EXPECT_EQ(value->directory.other_enrollment_flags, 0u) << attribute << " " << bit;
      EXPECT_EQ(value->directory.other_key_flags, 0u) << attribute << " " << bit;
    }
  };
  check("msPKI-Enrollment-Flag", {0x1, 0x2, 0x4, 0x8, 0x10, 0x20, 0x40, 0x100, 0x400, 0x800, 0x1000, 0x2000,
                                  0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000});
  check("msPKI-Private-Key-Flag", {0x1, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000,
                                   0x4000, 0x200000, 0x00050000, 0x03000000});
  check("msPKI-Certificate-Name-Flag",
        {0x1, 0x8, 0x10000, 0x400000, 0x800000, 0x1000000, 0x2000000, 0x4000000, 0x8000000, 0x10000000,
         0x40000000, 0x60000000, 0x80000000});
}

TEST(FlagTest, UnknownBitsAreKept) {
  Attributes attributes = microsoft().at("WebServer");
  for (DirectoryAttribute& a : attributes) {
    if (a.name == "msPKI-Enrollment-Flag") a.values = {"1073741824"};
    if (a.name == "flags") a.values = {"70209"};  // with 0x1000, do not persist in the database
  }
  const auto value = from_attributes(attributes);
  ASSERT_TRUE(value);
  EXPECT_EQ(text_of(to_attributes(*value), "msPKI-Enrollment-Flag"), "1073741824");
  EXPECT_EQ(text_of(to_attributes(*value), "flags"), "70209");
  EXPECT_THAT(check_template(*value).error().message(), HasSubstr("not kept in the database"));
}

TEST(PropertyTest, OfSchemaVersion3AndLater) {
  CertificateTemplate t = read("WebServer");
  t.schema_version = 4;
  t.key.types = {crypto::KeyType::p384};
  t.signatures = {1, {kMsCertificateRequestAgent, kClientAuth}, {x509::Oid{1, 2, 3}}};
  const Attributes written = to_attributes(t);
  EXPECT_THAT(text_of(written, "msPKI-RA-Application-Policies"),
              HasSubstr("msPKI-RA-Application-Policies`PZPWSTR`1.3.6.1.4.1.311.20.2.1,1.3.6.1.5.5.7.3.2`"
                        "msPKI-Asymmetric-Algorithm`PZPWSTR`ECDSA_P384`"));
  EXPECT_EQ(text_of(written, "msPKI-Minimal-Key-Size"), "384");
  const auto again = from_attributes(written);
  ASSERT_TRUE(again) << again.error().report();
  EXPECT_EQ(again->key.types, t.key.types);
  EXPECT_EQ(again->signatures, t.signatures);
  // With the legacy provider, version 4 has the old syntax (MS-CRTD 2.23.1).
  t.client.legacy_provider = true;
  EXPECT_EQ(text_of(to_attributes(t), "msPKI-RA-Application-Policies"),
            "1.3.6.1.4.1.311.20.2.1; 1.3.6.1.5.5.7.3.2");
}

// The example of MS-CRTD 2.23.2.
TEST(PropertyTest, TheExampleOfTheSpecification) {
  Attributes attributes = microsoft().at("OCSPResponseSigning");
  for (DirectoryAttribute& a : attributes)
    if (a.name == "msPKI-RA-Application-Policies")
      a.values = {
          "msPKI-Asymmetric-Algorithm`PZPWSTR`RSA`msPKI-Hash-Algorithm`PZPWSTR`SHA1`msPKI-Key-Usage`DWORD`2`"
          "msPKI-RA-Application-Policies`PZPWSTR`1.3.6.1.4.1.311.10.3.8`"};
  const auto value = from_attributes(attributes);
  ASSERT_TRUE(value) << value.error().report();
  EXPECT_THAT(value->signatures.application_policies,
              ElementsAre(x509::Oid{1, 3, 6, 1, 4, 1, 311, 10, 3, 8}));
}

TEST(AttributeErrorTest, NamesTemplateAndAttribute) {
  const auto with = [](const char* attribute, std::vector<std::string> values) {
    Attributes attributes = microsoft().at("OCSPResponseSigning");
    for (DirectoryAttribute& a : attributes)
      if (a.name == attribute) a.values = values;
    const auto value = from_attributes(attributes);
    return value ? std::string("accepted") : value.error().report();
  };
  EXPECT_THAT(with("flags", {"a"}), HasSubstr("reading flags"));
  EXPECT_THAT(with("flags", {"99999999999"}), HasSubstr("no number of 32 bits"));
  EXPECT_THAT(with("pKIKeyUsage", {"xx"}), HasSubstr("reading pKIKeyUsage of template OCSPResponseSigning"));
  EXPECT_THAT(with("pKIExpirationPeriod", {"00"}), HasSubstr("not 8 octets"));
  EXPECT_THAT(with("pKIExpirationPeriod", {"0100000000000000"}), HasSubstr("no span of time"));
  EXPECT_THAT(with("pKIExtendedKeyUsage", {"1.x"}), HasSubstr("reading pKIExtendedKeyUsage"));
  EXPECT_THAT(with("msPKI-RA-Application-Policies", {"a`b"}), HasSubstr("not a list of name`type`value`"));
  EXPECT_THAT(with("msPKI-RA-Application-Policies", {"msPKI-Asymmetric-Algorithm`PZPWSTR`DSA`"}),
              HasSubstr("'DSA' are not issued for"));
  EXPECT_THAT(with("cn", {""}), HasSubstr("without cn"));
}

TEST(ShippedAttributesTest, OursCanBeToldToADirectory) {
  for (const CertificateTemplate& t : shipped_templates()) {
    const auto again = from_attributes(to_attributes(t));
    ASSERT_TRUE(again) << t.name << ": " << again.error().report();
    EXPECT_EQ(again->extended_key_usage, t.extended_key_usage) << t.name;
    EXPECT_EQ(again->key_usage, t.key_usage) << t.name;
    EXPECT_EQ(again->approval, t.approval) << t.name;
    EXPECT_EQ(again->ca, t.ca) << t.name;
    EXPECT_EQ(again->machine, t.machine) << t.name;
    EXPECT_EQ(again->ocsp_no_check, t.ocsp_no_check) << t.name;
    EXPECT_EQ(again->validity, t.validity) << t.name;
    EXPECT_EQ(again->subject.source == NameSource::request, t.subject.source == NameSource::request)
        << t.name;
  }
}

}  // namespace
}  // namespace vouch::policy
