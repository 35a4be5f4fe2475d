// Each way in which a request can differ from its challenge, with the code that an administrator sees.
#include "challenge/comparison.hpp"

#include <gmock/gmock.h>

#include "challenge/test_challenge.hpp"

namespace vouch::challenge {
namespace {

namespace oid = x509::oid;

std::optional<Refusal> compared(const Bound& bound, const Request& request) {
  const Buffer der = request.der();
  const auto view = x509::parse_request(der).value();
  const auto provider = crypto::openssl::make_provider();
  return compare(bound, view, provider->digest(crypto::DigestAlgorithm::sha256, view.public_key_info));
}

x509::Extension sid(std::string_view text) {
  return x509::make_extension(oid::kMsNtdsCaSecurity, false, x509::encode_sid(text));
}

struct Case {
  const char* name;
  void (*change)(Bound&, Request&);
  const char* code;  // "" for none
  const char* received = "";
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
class ComparisonTest : public testing::TestWithParam<Case> {};

TEST_P(ComparisonTest, SaysTheCodeAndWhatCame) {
  Bound bound = sample_bound();
  Request request;
  GetParam().change(bound, request);
  const auto refusal = compared(bound, request);
  EXPECT_EQ(verdict(refusal), GetParam().code);
  if (refusal) {
    EXPECT_THAT(refusal->received, testing::HasSubstr(GetParam().received));
    EXPECT_FALSE(refusal->expected.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Requests, ComparisonTest,
    testing::Values(
        Case{"AsExpected", [](Bound&, Request&) {}, ""},
        Case{"CaseAndSpacesOfTheSubject",
             [](Bound&, Request& r) { r.subject = "CN=ALICE,OU= phones ,O=corp"; }, ""},
        Case{"CaseOfHostAndPrincipal",
             [](Bound&, Request& r) { r.san = {"DNS:PHONE-7.Corp.Example", "UPN:Alice@CORP.example"}; }, ""},
        Case{"NoUsageAndNoPurposes",
             [](Bound&, Request& r) {
               r.usage.reset();
               r.purposes.clear();
             },
             ""},
        Case{"OneOfSeveralHashes",
             [](Bound& b, Request&) {
               b.hashes = {x509::DigestAlgorithm::sha512, x509::DigestAlgorithm::sha256};
             },
             ""},
        Case{"AnotherHash", [](Bound& b, Request&) { b.hashes = {x509::DigestAlgorithm::sha384}; },
             "HashAlgorithmMismatch", "SHA-256"},
        Case{"OneOfSeveralSubjects",
             [](Bound& b, Request&) {
               b.subjects.insert(b.subjects.begin(), x509::name_from_rfc4514("CN=Other").value());
             },
             ""},
        Case{"OwnSid", [](Bound&, Request& r) { r.more = {sid("S-1-5-21-1-2-3-1105")}; }, ""},

        Case{"OtherSubject", [](Bound&, Request& r) { r.subject = "CN=Bob,OU=Phones,O=Corp"; },
             "SubjectNameMismatch", "CN=Bob"},
        Case{"NoSubject", [](Bound&, Request& r) { r.subject = ""; }, "SubjectNameMissing"},
        Case{"SecondCommonName", [](Bound&, Request& r) { r.subject = "CN=Bob,CN=Alice,OU=Phones,O=Corp"; },
             "SubjectNameMismatch", "CN=Bob"},
        Case{"SecondCommonNameInOneRdn",
             [](Bound&, Request& r) { r.subject = "CN=Alice+CN=Bob,OU=Phones,O=Corp"; },
             "SubjectNameMismatch", "CN=Bob"},
        Case{"OtherOrder", [](Bound&, Request& r) { r.subject = "OU=Phones,CN=Alice,O=Corp"; },
             "SubjectNameMismatch"},
        Case{"HiddenCharacter",
             [](Bound&, Request& r) {
               // The comparison of RFC 4518 maps a zero width space to nothing.
               r.name = x509::make_name({{oid::kOrganization, "Corp"},
                                         {oid::kOrganizationalUnit, "Phones"},
                                         {oid::kCommonName, "Al\u200bice"}});
             },
             "SubjectNameMismatch"},

        Case{"NoAlternativeNames", [](Bound&, Request& r) { r.san.clear(); }, "SubjectAltNameMissing"},
        Case{"OneTooFew", [](Bound&, Request& r) { r.san.pop_back(); }, "SubjectAltNameMismatch"},
        Case{"OneTooMany", [](Bound&, Request& r) { r.san.push_back("DNS:dc1.corp.example"); },
             "SubjectAltNameMismatch", "dc1.corp.example"},
        Case{"TheSameTwice", [](Bound&, Request& r) { r.san.push_back(r.san.front()); },
             "SubjectAltNameMismatch"},
        Case{"OtherPrincipal", [](Bound&, Request& r) { r.san[0] = "UPN:administrator@corp.example"; },
             "SubjectAltNameMismatch", "administrator"},
        Case{"SameTextOtherKind", [](Bound&, Request& r) { r.san[0] = "email:alice@corp.example"; },
             "SubjectAltNameMismatch"},
        Case{"SidInAUri",
             [](Bound&, Request& r) {
               r.san.push_back("URI:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500");
             },
             "SubjectAltNameMismatch", "sid:S-1-5-21-1-2-3-500"},
        Case{"NamesWhereNoneAreExpected", [](Bound& b, Request&) { b.required_names.clear(); },
             "SubjectAltNameMismatch"},
        Case{"AllowedOnes",
             [](Bound& b, Request& r) {
               b.allowed_names = {x509::GeneralName::uri("urn:device:7"), x509::GeneralName::uri("urn:x")};
               r.san.push_back("URI:urn:device:7");
             },
             ""},
        Case{"NotAmongTheAllowed",
             [](Bound& b, Request& r) {
               b.allowed_names = {x509::GeneralName::uri("urn:device:7")};
               r.san.push_back("URI:urn:device:8");
             },
             "SubjectAltNameMismatch", "urn:device:8"},

        Case{"OtherUsage", [](Bound&, Request& r) { r.usage = std::uint16_t{x509::content_commitment}; },
             "KeyUsageMismatch"},
        Case{"FewerUsagesThanExact",
             [](Bound&, Request& r) { r.usage = std::uint16_t{x509::digital_signature}; },
             "KeyUsageMismatch"},
        Case{"FewerUsagesOfASubset",
             [](Bound& b, Request& r) {
               b.usage->subset = true;
               r.usage = std::uint16_t{x509::digital_signature};
             },
             ""},
        Case{"OtherPurposes", [](Bound&, Request& r) { r.purposes = {oid::kServerAuth}; },
             "EnhancedKeyUsageMismatch"},
        Case{"FurtherPurpose", [](Bound&, Request& r) { r.purposes.push_back(oid::kMsSmartCardLogon); },
             "EnhancedKeyUsageMismatch"},
        Case{"ApplicationPolicies",  // CVE-2024-49019
             [](Bound&, Request& r) {
               r.more = {x509::make_extension(
                   oid::kMsApplicationPolicies, false,
                   x509::encode_certificate_policies({{oid::kMsCertificateRequestAgent, {}}}))};
             },
             "EnhancedKeyUsageMismatch"},

        Case{"OtherKey", [](Bound& b, Request&) { b.key.spki_sha256 = Buffer(32, 7); },
             "RegisteredKeyMismatch"},
        Case{"KindOfKey", [](Bound& b, Request&) { b.key.types = {x509::KeyType::rsa}; }, "KeyLengthMismatch",
             "P-256 of 256 bits"},
        Case{"ShortKey",
             [](Bound& b, Request& r) {
               b.key.min_bits = 2048;
               const Buffer exponent{1, 0, 1};
               r.key = x509::encode_rsa_public_key_info(Buffer(128, 0xc5), exponent);
             },
             "KeyLengthMismatch", "RSA of 1024 bits"},
        Case{"LongKey",
             [](Bound& b, Request& r) {
               b.key.max_bits = 2048;
               const Buffer exponent{1, 0, 1};
               r.key = x509::encode_rsa_public_key_info(Buffer(512, 0xc5), exponent);
             },
             "KeyLengthMismatch", "RSA of 4096 bits"},

        Case{"OtherTemplate",
             [](Bound&, Request& r) {
               r.more = {
                   x509::make_extension(oid::kMsTemplateName, false, x509::encode_template_name("Admin"))};
             },
             "ScepProfileNoLongerTargetedToTheClient", "Admin"},
        Case{"CaTrue",
             [](Bound&, Request& r) {
               r.more = {x509::make_extension(oid::kBasicConstraints, true,
                                              x509::encode_basic_constraints({true, {}}))};
             },
             "ForbiddenExtension", "CA:TRUE"},
        Case{"CaFalse",
             [](Bound&, Request& r) {
               r.more = {x509::make_extension(oid::kBasicConstraints, true,
                                              x509::encode_basic_constraints({false, {}}))};
             },
             ""},
        Case{"NameConstraints",
             [](Bound&, Request& r) {
               r.more = {x509::make_extension(oid::kNameConstraints, true, Buffer{0x30, 0x00})};
             },
             "ForbiddenExtension", "nameConstraints"},
        Case{"SidOfSomebodyElse", [](Bound&, Request& r) { r.more = {sid("S-1-5-21-1-2-3-500")}; },
             "SecurityIdentifierMismatch", "S-1-5-21-1-2-3-500"},
        Case{"SidWhereNoneIsExpected",
             [](Bound& b, Request& r) {
               b.sid.clear();
               r.more = {sid("S-1-5-21-1-2-3-1105")};
             },
             "SecurityIdentifierMismatch", "S-1-5-21-1-2-3-1105"}),
    [](const auto& test) { return test.param.name; });

TEST(Scope, TimeProfileAndTemplate) {
  const Bound bound = sample_bound();
  const auto at = [&](Time now, std::string_view profile = "phones", std::string_view name = "Device") {
    return verdict(check_scope(bound, {profile, name, now}));
  };
  EXPECT_EQ(at(kNow), "");
  EXPECT_EQ(at(kNow - std::chrono::minutes(5)), "");
  EXPECT_EQ(at(kNow - std::chrono::minutes(6)), "ChallengeInvalidTimestamp");
  EXPECT_EQ(at(kNow + std::chrono::days(7) + std::chrono::minutes(5)), "");
  EXPECT_EQ(at(kNow + std::chrono::days(7) + std::chrono::minutes(6)), "ChallengeExpired");
  EXPECT_EQ(at(kNow, "laptops"), "ScepProfileNoLongerTargetedToTheClient");
  EXPECT_EQ(at(kNow, "phones", "Admin"), "ScepProfileNoLongerTargetedToTheClient");
}

TEST(Codes, HaveATextAndSomethingToDo) {
  EXPECT_EQ(name_of(Code::ChallengeExpired), "ChallengeExpired");
  for (std::size_t i = 0; i <= static_cast<std::size_t>(Code::RenewalNameMismatch); ++i) {
    EXPECT_FALSE(text_of(Code(i)).empty());
    EXPECT_FALSE(mend_of(Code(i)).empty());
  }
}

}  // namespace
}  // namespace vouch::challenge
