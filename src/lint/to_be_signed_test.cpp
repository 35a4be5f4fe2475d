#include "lint/to_be_signed.hpp"

#include <gmock/gmock.h>

#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::lint {
namespace {

namespace oid = x509::oid;
using testing::HasSubstr;

constexpr unsigned kAll = 127;
Buffer name_of(std::string_view text) { return x509::encode_name(x509::name_from_rfc4514(text).value()); }
const Time kNow = parse_time("2026-11-25").value();

Buffer certificate(std::string_view issuer, bool basic_constraints_critical = true) {
  Buffer point(65, 1);
  point[0] = 4;
  const Buffer key = x509::encode_ec_public_key_info(x509::KeyType::p256, point);
  const Buffer issuer_name = name_of(issuer), subject = name_of("CN=www.example.com");
  const std::vector<x509::Extension> fixed{
      x509::make_extension(oid::kBasicConstraints, basic_constraints_critical,
                           x509::encode_basic_constraints({false, {}})),
      x509::make_extension(oid::kKeyUsage, true, x509::encode_key_usage(x509::digital_signature)),
      x509::make_extension(oid::kExtendedKeyUsage, false,
                           x509::encode_extended_key_usage({oid::kServerAuth})),
      x509::make_extension(oid::kSubjectAltName, false,
                           x509::encode_general_names({x509::GeneralName::dns("www.example.com")})),
      x509::make_extension(oid::kSubjectKeyIdentifier, false,
                           x509::encode_subject_key_identifier(Buffer(20, 2))),
      x509::make_extension(oid::kAuthorityKeyIdentifier, false,
                           x509::encode_authority_key_identifier({Buffer(20, 1), {}, {}})),
      x509::make_extension(oid::kCrlDistributionPoints, false,
                           x509::encode_distribution_point_uris({"http://pki.example.com/ca.crl"}))};
  const x509::TbsTemplate form(x509::SignatureAlgorithm::ecdsa_sha256, issuer_name, fixed);
  return form.fill({Buffer(18, 0x11), kNow, kNow + std::chrono::days(90), subject, key, {}});
}

Buffer crl(std::string_view issuer, bool numbered = true) {
  const Buffer name = name_of(issuer);
  x509::CrlFields fields;
  fields.algorithm = x509::SignatureAlgorithm::ecdsa_sha256;
  fields.issuer = name;
  fields.this_update = kNow;
  fields.next_update = kNow + std::chrono::days(7);
  fields.extensions = {x509::make_extension(oid::kAuthorityKeyIdentifier, false,
                                            x509::encode_authority_key_identifier({Buffer(20, 1), {}, {}}))};
  if (numbered)
    fields.extensions.push_back(x509::make_extension(oid::kCrlNumber, false, x509::encode_crl_number(1)));
  const Buffer extensions = x509::encode_crl_extensions(fields);
  Buffer tbs = x509::encode_crl_head(fields, 0, extensions.size());
  append(tbs, extensions);
  return tbs;
}

Buffer ocsp(Bytes key_hash) {
  x509::OcspResponseFields fields;
  fields.responder_key_hash = key_hash;
  fields.produced_at = kNow;
  return x509::encode_ocsp_response_data(fields);
}

Buffer request(std::string_view subject) {
  Buffer point(65, 1);
  point[0] = 4;
  const Buffer name = name_of(subject), key = x509::encode_ec_public_key_info(x509::KeyType::p256, point);
  return x509::encode_request_info({name, key, {}, {}});
}

// SET { contentType, messageDigest }
Buffer attributes() {
  return from_hex(
             "313f301806092a864886f70d010903310b06092a864886f70d010701302306092a864886f70d01090431160414"
             "0000000000000000000000000000000000000000")
      .value();
}

std::string head(std::string_view entries = "61", std::string_view more = "") {
  return fmt::format("vouch-audit/8c3b6251b2eea002\n{}\n{}\ntime 2026-11-18T11:06:40Z\n{}", entries,
                     to_base64(Buffer(32, 7)), more);
}

std::string statement(std::uint8_t key, std::string_view time = "2026-11-18T11:06:40Z") {
  return fmt::format(
      "vouch audit key statement 1\nlog: vouch-audit/8c3b6251b2eea002\naudit key: {}\nCA: Issuer\nCA key: "
      "SHA-256 {}\ntime: {}\n",
      to_base64(Buffer(44, 1)), to_hex(Buffer(32, key)), time);
}

SigningGrant grant(unsigned kinds) {
  return {kinds, name_of("CN=Issuer"), Buffer(20, 0x33), Buffer(32, 0x55)};
}

TEST(ToBeSignedTest, EachKindIsRecognizedAndSignedByAKeyThatIsThereForIt) {
  const std::pair<ToBeSigned, Buffer> samples[] = {
      {ToBeSigned::certificate, certificate("CN=Issuer")},
      {ToBeSigned::crl, crl("CN=Issuer")},
      {ToBeSigned::ocsp_response, ocsp(Buffer(20, 0x33))},
      {ToBeSigned::request, request("CN=Issuer")},
      {ToBeSigned::message_attributes, attributes()},
      {ToBeSigned::audit_head, to_buffer(as_bytes(head()))},
      {ToBeSigned::audit_statement, to_buffer(as_bytes(statement(0x55)))}};
  for (const auto& [kind, tbs] : samples) {
    SCOPED_TRACE(to_string(kind));
    const auto checked = check_to_be_signed(grant(static_cast<unsigned>(kind)), tbs);
    ASSERT_TRUE(checked) << checked.error().report();
    EXPECT_EQ(*checked, kind);
    const auto others = check_to_be_signed(grant(kAll - static_cast<unsigned>(kind)), tbs);
    ASSERT_FALSE(others);
    EXPECT_EQ(others.error().code(), Errc::denied);
    EXPECT_THAT(others.error().summary(), HasSubstr("this key does not sign"));
  }
}

TEST(ToBeSignedTest, NothingIsSignedInAnothersName) {
  const auto refused = [](Bytes tbs) { return check_to_be_signed(grant(kAll), tbs).error().summary(); };
  EXPECT_THAT(refused(certificate("CN=Other")), HasSubstr("issuer is not the name"));
  EXPECT_THAT(refused(crl("CN=Other")), HasSubstr("issuer is not the name"));
  EXPECT_THAT(refused(request("CN=Other")), HasSubstr("subject is not the name"));
  EXPECT_THAT(refused(ocsp(Buffer(20, 0x44))), HasSubstr("another key"));
}

TEST(ToBeSignedTest, WhatBreaksARuleIsNotSigned) {
  EXPECT_EQ(check_to_be_signed(grant(kAll), crl("CN=Issuer", false)).error().code(), Errc::denied);
  const Buffer whole = certificate("CN=Issuer");
  for (std::size_t cut = 0; cut < whole.size(); ++cut)
    EXPECT_FALSE(check_to_be_signed(grant(kAll), Bytes(whole).first(cut))) << cut;
}

TEST(ToBeSignedTest, TextsOfTheAuditLogHaveOneForm) {
  const auto good = [](std::string_view text) {
    return check_to_be_signed(grant(kAll), as_bytes(text)).has_value();
  };
  EXPECT_TRUE(good(head()));
  for (const char* entries : {"", "0", "061", "-1", "6x", "1234567890123456789"})
    EXPECT_FALSE(good(head(entries)));
  EXPECT_FALSE(good(head("61", "more\n")));
  for (std::size_t cut = 0; cut < head().size(); ++cut) EXPECT_FALSE(good(head().substr(0, cut))) << cut;
  EXPECT_TRUE(good(statement(0x55)));
  EXPECT_FALSE(good(statement(0x56))) << "another CA's key";
  EXPECT_FALSE(good(statement(0x55, "2026-11-18"))) << "a time in another form";
  EXPECT_FALSE(good(statement(0x55) + "and more\n"));
}

TEST(ToBeSignedTest, OtherOctetsAreNothing) {
  for (const char* hex : {"", "00", "0401ff", "3000", "30030201ff", "3003020102", "3100", "31023000"})
    EXPECT_FALSE(check_to_be_signed(grant(kAll), from_hex(hex).value())) << hex;
}

}  // namespace
}  // namespace vouch::lint
