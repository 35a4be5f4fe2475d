#include "x509/ocsp.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return parse_time(text).value(); }

constexpr std::string_view kNameHash = "de9970995609edf5d3f6682b6d2fdc7df43f1836";
constexpr std::string_view kKeyHash = "3ec35515861fc6e2093e8c7c6584d1edd23c38cb";
constexpr std::string_view kSerial = "fedcba9876543210fedcba9876543210fedcba98";

TEST(ParseOcspRequest, ReadsWhatOpensslAsks) {
  const Buffer der = test_der("ocsp-request.der");
  const auto request = parse_ocsp_request(der);
  ASSERT_TRUE(request) << request.error().report();
  ASSERT_EQ(request->requests.size(), 2u);
  const CertId& id = request->requests[0].id;
  EXPECT_EQ(id.hash_algorithm.algorithm, oid::kSha1);
  EXPECT_EQ(to_hex(id.issuer_name_hash), kNameHash);
  EXPECT_EQ(to_hex(id.issuer_key_hash), kKeyHash);
  EXPECT_EQ(serial_to_text(id.serial), kSerial);
  EXPECT_EQ(serial_to_text(request->requests[1].id.serial), "1234");
  EXPECT_EQ(to_hex(request->nonce().value()), "a2c5496a5a2dda70dbde48773fb963e8");
  EXPECT_FALSE(request->signature_algorithm);
  EXPECT_FALSE(request->requestor_name);
}

TEST(ParseOcspRequest, ReadsSha256AndNoNonce) {
  const Buffer der = test_der("ocsp-request-plain.der");
  const auto request = parse_ocsp_request(der);
  ASSERT_TRUE(request) << request.error().report();
  EXPECT_EQ(request->requests.front().id.hash_algorithm.algorithm, oid::kSha256);
  EXPECT_EQ(request->requests.front().id.issuer_key_hash.size(), 32u);
  EXPECT_FALSE(request->nonce());
}

TEST(ParseOcspRequest, ReadsTheSignatureAndItsCertificate) {
  const Buffer der = test_der("ocsp-request-signed.der");
  const auto request = parse_ocsp_request(der);
  ASSERT_TRUE(request) << request.error().report();
  EXPECT_EQ(request->signature_algorithm->algorithm, oid::kEcdsaWithSha256);
  EXPECT_FALSE(request->signature.empty());
  ASSERT_EQ(request->certificates.size(), 1u);
  EXPECT_TRUE(equal(request->certificates[0], test_der("root.pem")));
  ASSERT_TRUE(request->requestor_name);
  EXPECT_EQ(request->requestor_name->to_text(), "DirName:CN=Test Root,O=Contoso\\, Ltd,C=DE");
}

// A request for one certificate with this extnValue as nonce.
Buffer request_with_nonce(std::string_view value) {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      out.raw(
          hex("301a"
              "3018"
              "3016"
              "300706052b0e03021a"
              "040141"
              "040142"
              "02050102030405"));
      out.constructed(asn1::context_constructed(2), [&] {
        out.sequence([&] { encode_extension(out, make_extension(oid::kOcspNonce, false, hex(value))); });
      });
    });
  });
  return std::move(out).take();
}

TEST(OcspNonce, IsReadWithAndWithoutItsOctetString) {
  const auto nonce = [](std::string_view value) -> std::string {
    const Buffer der = request_with_nonce(value);
    const auto request = parse_ocsp_request(der);
    return request ? to_hex(request->nonce().value()) : "refused: " + request.error().summary();
  };
  EXPECT_EQ(nonce("040101"), "01");                                       // RFC 8954
  EXPECT_EQ(nonce("0420" + std::string(64, 'a')), std::string(64, 'a'));  // 32 octets
  EXPECT_EQ(nonce("0102030405060708"), "0102030405060708");               // bare octets
  EXPECT_EQ(nonce("04ff01"), "04ff01");                                   // bare, though it begins like one
  EXPECT_EQ(nonce("04010203"), "04010203");                               // bare: too much for one
  EXPECT_EQ(nonce(std::string(64, 'b')), std::string(64, 'b'));
}

TEST(OcspNonce, IsRefusedWhenEmptyOrLongerThanRfc9654Allows) {
  for (const std::string& value :
       {std::string("0400"), std::string(), "048181" + std::string(258, 'a'), std::string(258, 'b')}) {
    const auto request = parse_ocsp_request(request_with_nonce(value));
    ASSERT_FALSE(request) << value;
    EXPECT_EQ(request.error().code(), Errc::malformed);
    EXPECT_THAT(request.error().summary(), HasSubstr("nonce"));
  }
}

TEST(EncodeOcspRequest, GivesTheOctetsOfOpensslsRequest) {
  const Buffer name_hash = hex(kNameHash), key_hash = hex(kKeyHash), serial = hex(kSerial),
               second = hex("1234");
  OcspRequestFields fields;
  fields.items = {{name_hash, key_hash, serial}, {name_hash, key_hash, second}};
  fields.nonce = hex("a2c5496a5a2dda70dbde48773fb963e8");
  EXPECT_EQ(to_hex(encode_ocsp_request(fields)), to_hex(test_der("ocsp-request.der")));

  const Buffer plain = test_der("ocsp-request-plain.der");
  const auto view = parse_ocsp_request(plain).value();
  const CertId& id = view.requests[0].id;
  EXPECT_EQ(to_hex(encode_ocsp_request({DigestAlgorithm::sha256,
                                        {{id.issuer_name_hash, id.issuer_key_hash, serial_octets(id.serial)}},
                                        {}})),
            to_hex(plain));
}

TEST(ParseOcspRequest, IsBounded) {
  const Buffer hash = hex("41"), serial = hex("01");
  OcspRequestFields fields;
  fields.items.assign(256, {hash, hash, serial});
  EXPECT_TRUE(parse_ocsp_request(encode_ocsp_request(fields)));
  fields.items.push_back(fields.items.front());
  EXPECT_EQ(parse_ocsp_request(encode_ocsp_request(fields)).error().code(), Errc::limit_exceeded);
  fields.items.clear();
  EXPECT_EQ(parse_ocsp_request(encode_ocsp_request(fields)).error().code(), Errc::malformed);
  EXPECT_EQ(parse_ocsp_request(Buffer((std::size_t{1} << 20) + 1)).error().code(), Errc::limit_exceeded);
}

TEST(ParseOcspResponse, ReadsWhatOpensslAnswers) {
  const Buffer der = test_der("ocsp-response.der");
  const auto response = parse_ocsp_response(der);
  ASSERT_TRUE(response) << response.error().report();
  EXPECT_EQ(response->status, OcspResponseStatus::successful);
  EXPECT_EQ(to_rfc4514(response->responder_name).value(), "CN=Test Root,O=Contoso\\, Ltd,C=DE");
  EXPECT_TRUE(response->responder_key_hash.empty());
  EXPECT_EQ(response->produced_at, at("2026-11-23T04:34:44Z"));
  ASSERT_EQ(response->responses.size(), 2u);

  const OcspSingleResponse& revoked = response->responses[0];
  EXPECT_EQ(revoked.status, OcspCertStatus::revoked);
  EXPECT_EQ(serial_to_text(revoked.id.serial), kSerial);
  EXPECT_EQ(revoked.revoked_at, at("2026-01-02T03:04:06Z"));
  EXPECT_EQ(revoked.reason, CrlReason::key_compromise);
  EXPECT_EQ(revoked.this_update, at("2026-11-23T04:34:44Z"));
  EXPECT_EQ(revoked.next_update, at("2026-11-30T04:34:44Z"));

  EXPECT_EQ(response->responses[1].status, OcspCertStatus::unknown);
  EXPECT_FALSE(response->responses[1].revoked_at);
  EXPECT_EQ(to_hex(response->nonce().value()), "a2c5496a5a2dda70dbde48773fb963e8");
  ASSERT_EQ(response->certificates.size(), 1u);
  EXPECT_TRUE(parse_certificate(response->certificates[0]));
}

TEST(EncodeOcspResponse, GivesTheOctetsOfOpensslsResponse) {
  const Buffer der = test_der("ocsp-response-key.der");
  const auto response = parse_ocsp_response(der);
  ASSERT_TRUE(response) << response.error().report();
  EXPECT_EQ(response->responder_key_hash.size(), 20u);
  OcspResponseFields fields{response->responder_key_hash, response->produced_at, {}, {}, false};
  for (const OcspSingleResponse& single : response->responses)
    fields.items.push_back({single.id.whole, single.status, single.revoked_at.value_or(Time()), single.reason,
                            single.this_update, single.next_update});
  const Buffer data = encode_ocsp_response_data(fields);
  EXPECT_EQ(to_hex(data), to_hex(response->tbs));
  EXPECT_EQ(to_hex(encode_ocsp_response(data, response->signature_algorithm.whole, response->signature, {})),
            to_hex(der));

  const Buffer by_name = test_der("ocsp-response.der");
  const auto other = parse_ocsp_response(by_name).value();
  EXPECT_EQ(to_hex(encode_ocsp_response(other.tbs, other.signature_algorithm.whole, other.signature,
                                        other.certificates)),
            to_hex(by_name));
}

TEST(EncodeOcspResponse, WritesEveryStatusAndTheExtensions) {
  const Buffer key_hash(20, 0x41), id =
                                       hex("3016"
                                           "300706052b0e03021a"
                                           "040141"
                                           "040142"
                                           "02050102030405");
  OcspResponseFields fields{key_hash, at("2026-01-01"), {}, hex("0102"), true};
  fields.items = {
      {id, OcspCertStatus::good, {}, {}, at("2026-01-01"), at("2026-01-02")},
      {id, OcspCertStatus::revoked, at("2025-06-01"), CrlReason::certificate_hold, at("2026-01-01"), {}},
      {id, OcspCertStatus::revoked, at("1970-01-01"), {}, at("2026-01-01"), {}},
      {id, OcspCertStatus::unknown, {}, {}, at("2026-01-01"), {}}};
  const Buffer der =
      encode_ocsp_response(encode_ocsp_response_data(fields), hex("300506032b6570"), hex("aabb"), {});
  const auto view = parse_ocsp_response(der);
  ASSERT_TRUE(view) << view.error().report();
  ASSERT_EQ(view->responses.size(), 4u);
  EXPECT_EQ(view->responses[0].status, OcspCertStatus::good);
  EXPECT_EQ(view->responses[0].next_update, at("2026-01-02"));
  EXPECT_EQ(view->responses[1].reason, CrlReason::certificate_hold);
  EXPECT_EQ(view->responses[2].revoked_at, at("1970-01-01"));
  EXPECT_FALSE(view->responses[2].reason);
  EXPECT_EQ(view->responses[3].status, OcspCertStatus::unknown);
  EXPECT_EQ(to_hex(view->nonce().value()), "0102");
  // RFC 6960 4.4.8: NULL, not critical.
  const ExtensionView* extended = find(view->extensions, oid::kOcspExtendedRevoke);
  ASSERT_NE(extended, nullptr);
  EXPECT_EQ(to_hex(extended->value), "0500");
  EXPECT_FALSE(extended->critical);
}

TEST(OcspError, IsAStatusAndNothingElse) {
  // What openssl's `ocsp` writes for unauthorized: 30 03 0A 01 06.
  EXPECT_EQ(to_hex(encode_ocsp_error(OcspResponseStatus::unauthorized)), "30030a0106");
  for (const int status : {1, 2, 3, 5, 6}) {
    const Buffer der = encode_ocsp_error(OcspResponseStatus(status));
    const auto view = parse_ocsp_response(der);
    ASSERT_TRUE(view);
    EXPECT_EQ(int(view->status), status);
    EXPECT_NE(to_string(view->status), "unknown");
  }
}

struct Refused {
  std::string name, der, says;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }
class RefusedOcspResponseTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedOcspResponseTest, SaysWhatIsWrong) {
  const auto view = parse_ocsp_response(hex(GetParam().der));
  ASSERT_FALSE(view);
  EXPECT_THAT(view.error().summary(), HasSubstr("reading an OCSP response"));
  EXPECT_THAT(view.error().summary(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Ocsp, RefusedOcspResponseTest,
    testing::Values(Refused{"Status4", "30030a0104", "no such responseStatus"},
                    Refused{"Status7", "30030a0107", "no such responseStatus"},
                    Refused{"StatusOfTwoOctets", "30040a020000", "no such responseStatus"},
                    Refused{"SuccessWithoutBytes", "30030a0100", "success without responseBytes"},
                    Refused{"ErrorWithBytes",
                            "300e0a0106a0093007"
                            "06032a0304"
                            "0400",
                            "an error status with responseBytes"},
                    Refused{"UnknownType",
                            "300e0a0100a0093007"
                            "06032a0304"
                            "0400",
                            "are not known"}),
    [](const auto& test) { return test.param.name; });

// Damage to openssl's response, with what must be said about it.
TEST(ParseOcspResponse, RefusesWrongFieldsInsideTheResponseData) {
  const Buffer der = test_der("ocsp-response-key.der");
  ASSERT_TRUE(parse_ocsp_response(der));
  const auto says = [&](std::string_view from, std::string_view to) {
    const auto view = parse_ocsp_response(replaced(der, hex(from), hex(to)));
    return view ? std::string("read") : view.error().summary();
  };
  EXPECT_THAT(says("a2160414", "a3160414"), HasSubstr("reading responderID"));
  EXPECT_THAT(says("180f3230323631313233", "170f3230323631313233"), HasSubstr("reading producedAt"));
  EXPECT_THAT(says("a003"
                   "0a0101",
                   "a003"
                   "0a0107"),
              HasSubstr("reading revocationReason"));
  EXPECT_THAT(says("a116180f", "a316180f"), HasSubstr("reading certStatus"));
}

}  // namespace
}  // namespace vouch::x509
