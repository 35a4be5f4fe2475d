#include "cms/cmc.hpp"

#include <gmock/gmock.h>

#include "cms/test_messages.hpp"

namespace vouch::cms {
namespace {

// Encoded from the ASN.1 of RFC 5272 and MS-WCCE by another program: what certreq.exe sends (its client
// information in AddAttributes, one request, here an empty SEQUENCE), and the three answers.
constexpr std::string_view kRequest =
    "306330543052020102060a2b0601040182370a0a013141303f02010030030201013135303306092b0601040182371514"
    "312630240201090c0a70632e6578616d706c650c0645585c626f620c0b636572747265712e6578653007a00502010130"
    "0030003000";
constexpr std::string_view kIssued =
    "306d3067302102010106082b060105050707013112301002010030030201010c064973737565643042020102060a2b06"
    "01040182370a0a013131302f02010030030201013125302306092b060104018237151131160414000102030405060708"
    "090a0b0c0d0e0f1011121330003000";
constexpr std::string_view kPending =
    "3050304a304802010106082b060105050707013139303702010330030201010c1654616b656e20556e64657220537562"
    "6d697373696f6e301504023432180f32303236313132333130303030305a30003000";
constexpr std::string_view kFailed =
    "302c3026302402010106082b060105050707013115301302010230030201010c0644656e69656402010230003000";
constexpr std::string_view kNameAndValue =
    "302a1e1a007200650071007500650073007400650072006e0061006d00651e0c00450058005c0062006f0062";

TEST(Cmc, ReadsAndWritesARequest) {
  const Buffer der = hex(kRequest);
  const PkiDataView view = parse_pki_data(der).value();
  ASSERT_EQ(view.controls.size(), 1u);
  EXPECT_EQ(view.controls[0].body_part, 2u);
  EXPECT_EQ(view.controls[0].type, oid::kMsAddAttributes);
  ASSERT_EQ(view.requests.size(), 1u);
  EXPECT_EQ(view.requests[0].body_part, 1u);
  EXPECT_EQ(to_hex(view.requests[0].request), "3000");
  EXPECT_EQ(view.other_requests, 0u);

  const AddAttributesView added = parse_add_attributes(view.controls[0].values).value();
  EXPECT_EQ(added.data_reference, 0u);
  EXPECT_EQ(added.references, std::vector<std::uint32_t>{1});
  ASSERT_EQ(added.attributes.size(), 1u);
  EXPECT_EQ(added.attributes[0].type, x509::oid::kMsRequestClientInfo);

  PkiDataInput input;
  input.controls.push_back({2, {view.controls[0].type, to_buffer(view.controls[0].values)}});
  input.requests.push_back({1, view.requests[0].request});
  EXPECT_EQ(encode_pki_data(input), der);
}

TEST(Cmc, CountsRequestsOfOtherKinds) {
  const Buffer other = hex("300c 3000 3004 a100 a200 3000 3000");
  const PkiDataView view = parse_pki_data(other).value();
  EXPECT_EQ(view.other_requests, 2u);
  EXPECT_TRUE(view.requests.empty());
  EXPECT_FALSE(parse_pki_data(hex("300a 3000 3002 a300 3000 3000")).has_value());
}

TEST(Cmc, AnswersIssued) {
  Buffer hash(20);
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<std::uint8_t>(i);
  CmcStatusInfo status;
  status.status = CmcStatus::success;
  status.text = "Issued";
  EXPECT_EQ(to_hex(encode_pki_response({status, hash})), kIssued);
  const Buffer issued = hex(kIssued);
  const PkiResponseView view = parse_pki_response(issued).value();
  EXPECT_EQ(view.controls.size(), 2u);
  EXPECT_EQ(view.status, status);
}

TEST(Cmc, AnswersPending) {
  CmcStatusInfo status;
  status.status = CmcStatus::pending;
  status.text = "Taken Under Submission";
  status.pending = {to_buffer(as_bytes("42")), parse_time("2026-11-23 10:00").value()};
  EXPECT_EQ(to_hex(encode_pki_response({status, {}})), kPending);
  EXPECT_EQ(parse_pki_response(hex(kPending)).value().status, status);
}

TEST(Cmc, AnswersFailed) {
  CmcStatusInfo status;
  status.status = CmcStatus::failed;
  status.text = "Denied";
  status.fail_info = 2;  // badRequest
  EXPECT_EQ(to_hex(encode_pki_response({status, {}})), kFailed);
  EXPECT_EQ(parse_pki_response(hex(kFailed)).value().status, status);
}

TEST(Cmc, ReadsNamesAndValuesOfWindows) {
  const auto pair = parse_name_value_pair(hex(kNameAndValue)).value();
  EXPECT_EQ(pair.first, "requestername");
  EXPECT_EQ(pair.second, "EX\\bob");
}

TEST(Cmc, EveryTruncationIsRefused) {
  const Buffer request = hex(kRequest), response = hex(kPending);
  for (std::size_t size = 0; size < request.size(); ++size)
    EXPECT_FALSE(parse_pki_data(Bytes(request).first(size)).has_value()) << size;
  for (std::size_t size = 0; size < response.size(); ++size)
    EXPECT_FALSE(parse_pki_response(Bytes(response).first(size)).has_value()) << size;
}

TEST(Cmc, IsBounded) {
  PkiDataInput input;
  const Buffer empty = hex("3000");
  input.requests.assign(65, {1, empty});
  EXPECT_EQ(parse_pki_data(encode_pki_data(input)).error().code(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::cms
