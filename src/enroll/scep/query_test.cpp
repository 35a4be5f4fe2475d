#include "enroll/scep/query.hpp"

#include <gmock/gmock.h>

#include "net/url.hpp"

namespace vouch::enroll::scep {
namespace {

using net::Method;
using testing::HasSubstr;

Operation operation_of(std::string_view query) {
  return decode_query(Method::get, query, {}).value().operation;
}

TEST(ScepQuery, KnowsTheOperationsOfAllDraftsInAnyCase) {
  EXPECT_EQ(operation_of("operation=GetCACaps&message=CAIdentifier"), Operation::get_ca_caps);
  EXPECT_EQ(operation_of("OPERATION=getcacaps"), Operation::get_ca_caps);
  EXPECT_EQ(operation_of("message=0&operation=GetCACert"), Operation::get_ca_cert);
  EXPECT_EQ(operation_of("operation=GetCACertChain"), Operation::get_ca_cert);
  EXPECT_EQ(operation_of("operation=GetCAChain&message=x"), Operation::get_ca_cert);
  EXPECT_EQ(operation_of("operation=GetNextCACert&message=default"), Operation::get_next_ca_cert);
  EXPECT_EQ(operation_of("operation=Get%43ACert"), Operation::get_ca_cert);
  EXPECT_EQ(operation_of(""), Operation::none);
  EXPECT_EQ(operation_of("message=abc"), Operation::none);
  EXPECT_EQ(operation_of("operation=GetRandom"), Operation::unknown);
}

// The spellings of GET PKIOperation that clients were seen to send, each of the same octets.
TEST(ScepQuery, DecodesEverySpellingOfAMessage) {
  const Buffer octets = from_hex("fbefbefbe03fff00").value();
  ASSERT_EQ(to_base64(octets), "++++++A//wA=");
  for (const std::string_view message : {
           "++++++A//wA=",                                      // iOS, jscep: nothing is escaped
           "%2B%2B%2B%2B%2B%2BA%2F%2FwA%3D",                    // certmonger
           "%2B%2B%2B%2B%2B%2BA//wA%3D%0A",                     // sscep, Cisco IOS: line ends
           "%2b%2b%2b%2b%2b%2bA//wA%3d",                        // lower case
           "------A__wA=",                                      // micromdm: the URL-safe alphabet
           "------A__wA",                                       // without padding
           "      A//wA=",                                      // a proxy made blanks of the pluses
           "%252B%252B%252B%252B%252B%252BA%252F%252FwA%253D",  // a proxy escaped again
       }) {
    for (const std::string& query : {fmt::format("operation=PKIOperation&message={}", message),
                                     fmt::format("message={}&operation=PKIOperation", message)}) {
      const auto decoded = decode_query(Method::get, query, {});
      ASSERT_TRUE(decoded.has_value()) << query << ": " << decoded.error().report();
      EXPECT_EQ(decoded->message, octets) << query;
    }
  }
}

TEST(ScepQuery, TakesLongMessages) {
  const Buffer octets(40'000, 0xfb);
  const auto query = "operation=PKIOperation&message=" + net::percent_encode(to_base64(octets));
  EXPECT_EQ(decode_query(Method::get, query, {}).value().message, octets);
}

TEST(ScepQuery, TakesTheBodyOfAPost) {
  const auto decoded = decode_query(Method::post, "operation=PKIOperation&message=ignored", "\x30\x01");
  EXPECT_EQ(to_hex(decoded.value().message), "3001");
  // Some clients POST with everything in the target.
  EXPECT_EQ(to_hex(decode_query(Method::post, "operation=PKIOperation&message=MAE%3D", {}).value().message),
            "3001");
}

TEST(ScepQuery, SaysWhatIsWrong) {
  EXPECT_THAT(decode_query(Method::get, "operation=PKIOperation", {}).error().report(),
              HasSubstr("without a message"));
  EXPECT_EQ(decode_query(Method::get, "operation=PKIOperation&message=%%", {}).error().code(),
            Errc::malformed);
  EXPECT_EQ(decode_query(Method::get, "operation=PKIOperation&message=a*b", {}).error().code(),
            Errc::malformed);
  EXPECT_EQ(decode_query(Method::get, "operation=%zz", {}).error().code(), Errc::malformed);
}

}  // namespace
}  // namespace vouch::enroll::scep
