#include "net/http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vouch::net {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Http, MethodsAreCaseSensitive) {
  EXPECT_EQ(parse_method("GET"), Method::get);
  EXPECT_EQ(parse_method("get"), Method::other);
  EXPECT_EQ(parse_method("PROPFIND"), Method::other);
}

TEST(Http, AssembledAnswersCarryTheirLength) {
  const auto answer = assemble(text_response(200, "hello"));
  EXPECT_EQ(answer.head,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n");
  EXPECT_EQ(answer.body.view(), "hello");
}

TEST(Http, NoContentHasNeitherLengthNorBody) {
  Response response;
  response.status = 204;
  response.body = "ignored";
  const auto answer = assemble(std::move(response));
  EXPECT_THAT(answer.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(answer.body.size(), 0U);
}

TEST(Http, AFieldCannotEndItsLine) {
  Response response;
  response.fields.emplace_back("Location", "/a\r\nSet-Cookie: b");
  EXPECT_THAT(assemble(std::move(response)).head, Not(HasSubstr("\nSet-Cookie")));
}

// The three forms of RFC 9110 section 5.6.7, which name one instant.
TEST(Http, DatesInAllThreeForms) {
  EXPECT_EQ(format_http_date(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784'111'777);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784'111'777);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), 784'111'777);
  EXPECT_EQ(parse_http_date("yesterday"), std::nullopt);
}

Request with(std::vector<Field> fields) {
  Request request;
  request.fields = std::move(fields);
  return request;
}

TEST(Http, ConditionalRequests) {
  EXPECT_TRUE(is_unchanged(with({{"if-none-match", "\"a\", W/\"b\""}}), "\"b\"", 0));
  EXPECT_TRUE(is_unchanged(with({{"If-None-Match", "*"}}), "\"b\"", 0));
  EXPECT_FALSE(is_unchanged(with({{"If-None-Match", "\"a\""}}), "\"b\"", 0));
  // The date does not count beside an entity tag (section 13.1.3).
  EXPECT_FALSE(
      is_unchanged(with({{"If-None-Match", "\"a\""}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}),
                   "\"b\"", 0));
  EXPECT_TRUE(is_unchanged(with({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}), "", 784'111'777));
  EXPECT_FALSE(is_unchanged(with({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}), "", 784'111'778));
  EXPECT_FALSE(is_unchanged(with({}), "\"b\"", 0));
}

}  // namespace
}  // namespace vouch::net
