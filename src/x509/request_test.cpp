#include "x509/request.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

// A request around these attributes (contents of the SET OF), unsigned in fact but not in form.
Buffer request_with(const std::vector<std::string>& attributes, std::string_view version = "020100") {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      out.raw(hex(version));
      out.raw(hex("3000"));
      out.raw(hex("300a300506032b6570030100"));
      out.constructed(asn1::context_constructed(0), [&] {
        for (const std::string& attribute : attributes) out.raw(hex(attribute));
      });
    });
    out.raw(hex("300506032b6570"));
    out.raw(hex("03020001"));
  });
  return std::move(out).take();
}

std::string attribute(const Oid& type, std::initializer_list<std::string> values) {
  asn1::Writer out;
  out.sequence([&] {
    out.oid(type);
    out.set([&] {
      for (const std::string& value : values) out.raw(hex(value));
    });
  });
  return to_hex(out.bytes());
}

// Extensions with key usage alone; `octet` are its bits.
std::string key_usage_list(std::string_view octet, bool critical = false) {
  return critical ? "3010300e0603551d0f0101ff0404030207" + std::string(octet)
                  : "300d300b0603551d0f0404030207" + std::string(octet);
}

TEST(ParseRequest, ReadsWhatOpensslMakes) {
  const Buffer der = test_der("request-openssl.pem");
  const auto view = parse_request(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(view->version, 0u);
  EXPECT_EQ(to_rfc4514(view->subject).value(), "CN=request");
  EXPECT_EQ(parse_public_key_info(view->public_key_info).value().type, KeyType::p256);
  ASSERT_EQ(view->extensions.size(), 3u);
  const auto names = parse_general_names(view->find(oid::kSubjectAltName)->value).value();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].to_text(), "DNS:www.example.com");
  EXPECT_TRUE(view->find(oid::kKeyUsage)->critical);
  EXPECT_FALSE(challenge_password(*view));
  EXPECT_EQ(view->signature_algorithm.algorithm, oid::kEcdsaWithSha256);
  EXPECT_EQ(view->info.data(), der.data() + (der[1] == 0x81 ? 3 : 4));
}

TEST(ParseRequest, ReadsWhatCerttoolMakes) {
  const auto der = test_der("request-certtool.pem");
  const auto view = parse_request(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(challenge_password(*view), "s3cret challenge");
  ASSERT_NE(view->find(oid::kSubjectAltName), nullptr);
}

TEST(ParseRequest, MergesBothExtensionRequestAttributesPkcs9First) {
  const auto der = test_der("request-microsoft.pem");
  const auto view = parse_request(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(view->attributes.size(), 5u);
  // The template and key usage from PKCS #9; key usage again, alike, and the SAN from Microsoft's.
  ASSERT_EQ(view->extensions.size(), 3u);
  EXPECT_EQ(view->extensions[0].id, oid::kMsCertificateTemplate);
  EXPECT_EQ(view->extensions[1].id, oid::kKeyUsage);
  EXPECT_EQ(view->extensions[2].id, oid::kSubjectAltName);
}

TEST(ParseRequest, ReadsAnUnsortedAttributeSetInItsOrder) {
  const auto der = test_der("request-unsorted.pem");
  const auto view = parse_request(der);
  ASSERT_TRUE(view) << view.error().report();
  ASSERT_EQ(view->attributes.size(), 5u);
  EXPECT_EQ(view->attributes[0].type, oid::kMsOsVersion);
  EXPECT_EQ(view->attributes[1].type, oid::kExtensionRequest);
  EXPECT_EQ(view->attributes[3].type, oid::kChallengePassword);
  EXPECT_EQ(challenge_password(*view), "PrintableSecret");
  ASSERT_NE(view->attribute(oid::kMsRequestClientInfo), nullptr);
  EXPECT_EQ(view->attribute(oid::kUnstructuredName), nullptr);
}

TEST(ParseRequest, RefusesOneExtensionAskedForWithTwoValues) {
  const auto both = request_with({attribute(oid::kExtensionRequest, {key_usage_list("80")}),
                                  attribute(oid::kMsCertExtensions, {key_usage_list("80")})});
  ASSERT_TRUE(parse_request(both));
  EXPECT_EQ(parse_request(both).value().extensions.size(), 1u);

  const auto different =
      parse_request(request_with({attribute(oid::kMsCertExtensions, {key_usage_list("00")}),
                                  attribute(oid::kExtensionRequest, {key_usage_list("80")})}));
  ASSERT_FALSE(different);
  EXPECT_EQ(different.error().code(), Errc::malformed);
  EXPECT_THAT(different.error().summary(), HasSubstr("keyUsage"));

  // A critical and a non-critical one do not say the same either.
  EXPECT_FALSE(
      parse_request(request_with({attribute(oid::kExtensionRequest, {key_usage_list("80")}),
                                  attribute(oid::kMsCertExtensions, {key_usage_list("80", true)})})));
}

TEST(ParseRequest, RefusesExtensionsThatStandTwice) {
  const auto twice = parse_request(request_with({attribute(oid::kExtensionRequest, {key_usage_list("80")}),
                                                 attribute(oid::kExtensionRequest, {key_usage_list("80")})}));
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().summary(), HasSubstr("stands twice"));
  // SINGLE VALUE TRUE
  EXPECT_FALSE(parse_request(
      request_with({attribute(oid::kExtensionRequest, {key_usage_list("80"), key_usage_list("80")})})));
}

TEST(ParseRequest, KeepsTheVersionForOthersToJudge) {
  EXPECT_EQ(parse_request(request_with({}, "020103")).value().version, 3u);
  EXPECT_FALSE(parse_request(request_with({}, "0201ff")));
}

TEST(ParseRequest, ReadsRequestsWithoutTheAttributesField) {
  // As written to PKCS #10 before version 1.7.
  const auto view =
      parse_request(hex("301e"
                        "3011"
                        "020100"
                        "3000"
                        "300a300506032b6570030100"
                        "300506032b6570"
                        "03020001"));
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_TRUE(view->attributes.empty());
}

TEST(ParseRequest, RefusesAttributesWithoutValues) {
  const auto view = parse_request(request_with({attribute(oid::kChallengePassword, {})}));
  ASSERT_FALSE(view);
  EXPECT_THAT(view.error().summary(), HasSubstr("has no value"));
  EXPECT_THAT(view.error().summary(), HasSubstr("challengePassword"));
}

TEST(ParseRequest, IsBounded) {
  EXPECT_EQ(parse_request(Buffer((std::size_t{256} << 10) + 1, 0x30)).error().code(), Errc::limit_exceeded);
  const std::string one = attribute(oid::kUnstructuredName, {"160141"});
  EXPECT_TRUE(parse_request(request_with(std::vector<std::string>(256, one))));
  EXPECT_EQ(parse_request(request_with(std::vector<std::string>(257, one))).error().code(),
            Errc::limit_exceeded);
}

TEST(ChallengePassword, IsReadFromEveryStringTypeOfTheField) {
  for (const char* value : {"13026162", "0c026162", "16026162", "1e0400610062", "14026162"}) {
    const auto der = request_with({attribute(oid::kChallengePassword, {value})});
    EXPECT_EQ(challenge_password(parse_request(der).value()), "ab") << value;
  }
}

TEST(ChallengePassword, CountsOnlyWhenThereIsExactlyOne) {
  for (const auto& attributes : std::vector<std::vector<std::string>>{
           {attribute(oid::kChallengePassword, {"130161", "130162"})},
           {attribute(oid::kChallengePassword, {"130161"}), attribute(oid::kChallengePassword, {"130162"})},
           {attribute(oid::kChallengePassword, {"020101"})},
           {}}) {
    const auto der = request_with(attributes);
    EXPECT_FALSE(challenge_password(parse_request(der).value()));
  }
}

TEST(EncodeRequest, GivesTheOctetsOfOpensslsRequest) {
  const Buffer der = test_der("request-openssl.pem");
  const auto view = parse_request(der).value();
  RequestFields fields{view.subject, view.public_key_info, {}, {}};
  for (const ExtensionView& extension : view.extensions)
    fields.extensions.push_back(make_extension(extension.id, extension.critical, to_buffer(extension.value)));
  const Buffer info = encode_request_info(fields);
  EXPECT_EQ(to_hex(info), to_hex(view.info));
  EXPECT_EQ(to_hex(encode_request(info, view.signature_algorithm.whole, view.signature)), to_hex(der));
}

TEST(EncodeRequest, SortsTheAttributes) {
  const Buffer der = test_der("request-certtool.pem");
  const auto view = parse_request(der).value();
  RequestFields fields{view.subject, view.public_key_info, {}, {}};
  for (const ExtensionView& extension : view.extensions)
    fields.extensions.push_back(make_extension(extension.id, extension.critical, to_buffer(extension.value)));
  for (const RequestAttribute& other : view.attributes)
    if (other.type != oid::kExtensionRequest)
      fields.attributes.emplace_back(other.type, to_buffer(other.values));
  EXPECT_EQ(to_hex(encode_request_info(fields)), to_hex(view.info));
}

TEST(EncodeRequest, LeavesTheExtensionRequestOutWhenNothingIsAskedFor) {
  const Buffer info = encode_request_info({hex("3000"), hex("300a300506032b6570030100"), {}, {}});
  EXPECT_EQ(to_hex(info),
            "3013"
            "020100"
            "3000"
            "300a300506032b6570030100"
            "a000");
}

}  // namespace
}  // namespace vouch::x509
