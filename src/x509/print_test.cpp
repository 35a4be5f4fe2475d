#include "x509/print.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Value certificate(const std::string& file) {
  const Buffer der = test_der(file);
  return describe_certificate(parse_certificate(der).value());
}
Value request(const std::string& file) {
  const Buffer der = test_der(file);
  return describe_request(parse_request(der).value());
}

std::string text(const Value& table, std::string_view key) {
  const Value* member = table.find(key);
  if (member == nullptr) return "(no such key)";
  return member->text() ? *member->text() : "(no text)";
}

std::vector<std::string> texts(const Value& table, std::string_view key) {
  std::vector<std::string> out;
  const Value* member = table.find(key);
  if (member == nullptr || member->list_items() == nullptr) return {"(no list)"};
  for (const Value& item : *member->list_items()) out.push_back(item.text() ? *item.text() : "(no text)");
  return out;
}

std::vector<std::string> keys(const Value& table) {
  std::vector<std::string> out;
  for (const auto& [key, value] : *table.members()) out.push_back(key);
  return out;
}

TEST(DescribeCertificate, SaysWhatOpensslSays) {
  const Value value = certificate("server.pem");
  EXPECT_EQ(text(value, "serial"), "fedcba9876543210fedcba9876543210fedcba98");
  EXPECT_EQ(text(value, "subject"), "CN=www.example.com,OU=Größe,O=Contoso\\, Ltd,DC=corp,DC=example");
  EXPECT_EQ(text(value, "not_after"), "2027-12-28T04:34:44Z");
  EXPECT_EQ(text(*value.find("public_key"), "algorithm"), "RSA");
  EXPECT_EQ(*value.find("public_key")->find("bits")->integer(), 2048);
  EXPECT_THAT(texts(value, "key_usage"), ElementsAre("digitalSignature", "keyEncipherment"));
  EXPECT_THAT(texts(value, "extended_key_usage"), ElementsAre("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"));
  EXPECT_THAT(texts(value, "crl_urls"), ElementsAre("http://pki.example.com/root.crl"));
  EXPECT_THAT(texts(value, "ocsp_urls"), ElementsAre("http://ocsp.example.com"));
  EXPECT_THAT(texts(value, "ca_issuer_urls"), ElementsAre("http://pki.example.com/root.crt"));
  EXPECT_THAT(texts(value, "policies"), ElementsAre("1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"));
  EXPECT_THAT(texts(value, "subject_alternative_names"),
              ElementsAre("DNS:www.example.com", "DNS:*.example.com", "IP:192.0.2.1", "IP:2001:db8::1",
                          "email:web@example.com", "URI:https://www.example.com/", "UPN:web@corp.example",
                          testing::StartsWith("DirName:CN=Web"), "RID:1.2.3.4"));
  EXPECT_EQ(text(value, "authority_key_identifier"), "3ec35515861fc6e2093e8c7c6584d1edd23c38cb");
  EXPECT_EQ(text(value, "subject_key_identifier"), "89ddbd9b7cbfcdba1f7bf475c8b72aa07cf53fe7");
  EXPECT_EQ(*value.find("is_ca")->boolean(), false);
}

TEST(DescribeCertificate, HasTheSameKeysForEveryCertificate) {
  const auto expected = keys(certificate("server.pem"));
  for (const char* file : {"root.pem", "v1.pem", "ed25519.pem", "microsoft.pem"})
    EXPECT_EQ(keys(certificate(file)), expected) << file;
  EXPECT_EQ(keys(request("request-openssl.pem")), keys(request("request-unsorted.pem")));
}

TEST(DescribeCertificate, ReadsMicrosoftsExtensions) {
  const Value value = certificate("microsoft.pem");
  EXPECT_EQ(text(value, "template_name"), "WebServer");
  EXPECT_EQ(text(value, "template_oid"), "1.3.6.1.4.1.311.21.8.1234567.7654321.11.22.33");
  EXPECT_EQ(text(value, "ca_version"), "V3.2");
  EXPECT_EQ(text(value, "sid"), "S-1-5-21-3623811015-3361044348-30300820-1013");
  const std::string printed = to_text(value);
  EXPECT_THAT(printed, HasSubstr("Template: 1.3.6.1.4.1.311.21.8.1234567.7654321.11.22.33, version 100.7\n"));
  EXPECT_THAT(printed, HasSubstr("Previous CA certificate hash: 000102030405060708090a0b0c0d0e0f10111213\n"));
  EXPECT_THAT(printed, HasSubstr("1.2.3.4.5.6: #010203\n"));
}

TEST(ToText, ReadsWell) {
  EXPECT_THAT(to_text(certificate("root.pem")),
              testing::StartsWith("Version: 3\n"
                                  "Serial: 01\n"
                                  "Subject: CN=Test Root,O=Contoso\\, Ltd,C=DE\n"
                                  "Issuer: CN=Test Root,O=Contoso\\, Ltd,C=DE\n"
                                  "Valid from: 2026-11-23T04:34:44Z\n"
                                  "Valid until: 2046-11-18T04:34:44Z\n"
                                  "Public key: P-256, 256 bits\n"));
  const std::string server = to_text(certificate("server.pem"));
  for (const char* line :
       {"Public key: RSA, 2048 bits\n", "Signature algorithm: ecdsa-with-SHA256\n",
        "Basic constraints: not a CA\n", "Key usage (critical): digitalSignature, keyEncipherment\n",
        "Subject alternative names:\n  DNS:www.example.com\n  DNS:*.example.com\n",
        "CRL distribution points: http://pki.example.com/root.crl\n", "  OCSP: http://ocsp.example.com\n",
        "  CA issuers: http://pki.example.com/root.crt\n",
        "  1.3.6.1.4.1.99999.2; CPS: http://pki.example.com/cps; notice: Nur für Tests\n",
        "TLS feature: status_request (OCSP must-staple)\n",
        "Policy constraints: explicit policy required after 3 certificates\n",
        "Authority key identifier: 3ec35515861fc6e2093e8c7c6584d1edd23c38cb\n"})
    EXPECT_THAT(server, HasSubstr(line));
  EXPECT_THAT(to_text(certificate("root.pem")),
              HasSubstr("Basic constraints (critical): CA, path length 1\n"));
}

TEST(ToText, PrintsWhatTheCallerAdded) {
  Value value = certificate("root.pem");
  value.set("fingerprint_sha256", "ab:cd").set("found_in", "ca.pem");
  EXPECT_THAT(to_text(value), HasSubstr("Fingerprint (SHA-256): ab:cd\n"));
  EXPECT_THAT(to_text(value), HasSubstr("Found in: ca.pem\n"));
}

TEST(ToText, ShowsNoControlCharacterOfTheCertificate) {
  const Value value = certificate("microsoft.pem");
  for (const std::string& printed : {to_text(value), text(value, "subject")}) {
    EXPECT_THAT(printed, HasSubstr("evil\\1B[31m\\E2\\80\\AEgpj.exe"));
    EXPECT_EQ(printed.find('\x1b'), std::string::npos);
    EXPECT_EQ(printed.find("\u202e"), std::string::npos);
  }
}

// One dNSName that pretends to be two, with a line break for those who grep.
TEST(ToText, KeepsOneNameApartFromTwo) {
  const std::string hostile = "a.example, DNS:b.example\nIssuer: CN=x";
  const Buffer value =
      encode_general_names({{GeneralNameType::dns_name, to_buffer(as_bytes(hostile)), {}},
                            {GeneralNameType::dns_name, to_buffer(as_bytes("c.example")), {}}});
  const Value description = describe_extension({oid::kSubjectAltName, false, value});
  Value certificate = Value::table();
  certificate.set("extensions", Value(Value::List{description}));
  const std::string printed = to_text(certificate);
  EXPECT_EQ(printed,
            "Subject alternative names:\n  DNS:a.example, DNS:b.example\\0AIssuer: CN=x\n  DNS:c.example\n");
}

TEST(DescribeExtension, SaysWhyAValueCannotBeRead) {
  const Buffer value = hex("0500");
  const Value description = describe_extension({oid::kBasicConstraints, true, value});
  EXPECT_THAT(keys(description), ElementsAre("oid", "name", "label", "critical", "values", "error", "der"));
  EXPECT_THAT(text(description, "error"), HasSubstr("expected tag"));
  EXPECT_EQ(text(description, "der"), "0500");
  EXPECT_TRUE(texts(description, "values").empty());
}

TEST(DescribeRequest, NamesTheChallengePasswordButNeverShowsIt) {
  for (const auto& [file, secret] : {std::pair("request-certtool.pem", "s3cret challenge"),
                                     std::pair("request-unsorted.pem", "PrintableSecret")}) {
    const Value value = request(file);
    EXPECT_EQ(*value.find("has_challenge_password")->boolean(), true);
    for (const std::string& printed : {to_json(value), to_text(value)}) {
      EXPECT_THAT(printed, HasSubstr("challengePassword"));
      EXPECT_THAT(printed, Not(HasSubstr(secret)));
      EXPECT_THAT(printed, Not(HasSubstr(to_hex(as_bytes(secret)))));
    }
  }
  EXPECT_THAT(to_text(request("request-openssl.pem")), HasSubstr("Challenge password: none\n"));
}

TEST(DescribeRequest, ShowsAttributesAndExtensions) {
  const std::string printed = to_text(request("request-microsoft.pem"));
  EXPECT_THAT(printed, HasSubstr("10.0.20348.2"));
  EXPECT_THAT(printed, HasSubstr("Key usage (critical): digitalSignature, keyEncipherment\n"));
  EXPECT_THAT(printed, HasSubstr("Subject alternative names: DNS:ws1.corp.example\n"));
}

TEST(DescribeCrl, ShowsTheEntriesItWasAskedForAndCountsAll) {
  const Buffer der = test_der("crl.pem");
  const auto crl = parse_crl(der).value();
  const auto two = describe_crl(crl, 2);
  ASSERT_TRUE(two);
  EXPECT_EQ(*two->find("entry_count")->integer(), 5);
  EXPECT_EQ(two->find("entries")->list_items()->size(), 2u);
  EXPECT_EQ(text(*two, "number"), "8002");
  EXPECT_EQ(text(*two, "next_update"), "2026-01-09T04:00:00Z");
  EXPECT_TRUE(two->find("delta_base")->is_null());
  EXPECT_THAT(to_text(*two), HasSubstr("Revoked certificates: 5\n"
                                       "  01  2026-01-02T03:04:05Z\n"
                                       "  7f  2026-01-02T03:04:08Z  certificateHold\n"
                                       "  … and 3 more\n"));
  EXPECT_THAT(
      to_text(describe_crl(crl, 10).value()),
      HasSubstr(
          "  fedcba9876543210  2026-01-02T03:04:07Z  keyCompromise  invalid since 2025-12-31T23:59:59Z\n"));
}

TEST(DescribeCrl, RefusesAnEntryThatCannotBeRead) {
  Buffer der = test_der("crl.pem");
  const Buffer damaged = replaced(der, hex("3012020101170d"), hex("3012020101180d"));
  const auto crl = parse_crl(damaged);
  ASSERT_TRUE(crl);
  EXPECT_FALSE(describe_crl(*crl, 0));
}

}  // namespace
}  // namespace vouch::x509
