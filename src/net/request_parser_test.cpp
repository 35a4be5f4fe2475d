#include "net/request_parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vouch::net {
namespace {

using testing::HasSubstr;

struct Parsed {
  unsigned refused = 0;  // status; 0 when it was taken
  std::string sentence;
  unsigned substatus = 0;
  bool incomplete = false;
  Request request;
  Framing framing;
  std::size_t size = 0;
};

// In one piece and octet by octet: the result has to be the same. `text` outlives the result.
Parsed parse(std::string_view text, const HeadLimits& limits = {}, std::size_t step = 0) {
  Parsed parsed;
  HeadReader reader(limits);
  HeadReader::State state = HeadReader::State::incomplete;
  for (std::size_t end = 0; end < text.size() && state == HeadReader::State::incomplete;) {
    end = step == 0 ? text.size() : std::min(end + step, text.size());
    state = reader.look(text.substr(0, end));
  }
  if (state == HeadReader::State::incomplete) {
    parsed.incomplete = true;
    return parsed;
  }
  if (state == HeadReader::State::refused || !reader.parse(text, parsed.request, parsed.framing)) {
    parsed.refused = reader.refusal().status;
    parsed.sentence = reader.refusal().sentence;
    parsed.substatus = reader.refusal().substatus;
  }
  parsed.size = reader.size();
  return parsed;
}

TEST(RequestParser, TakesARequestApart) {
  const std::string text = "GET /a/b?c=d?e HTTP/1.1\r\nHost: x\r\nX-Test:  v w \r\n\r\nrest";
  for (const std::size_t step : {0U, 1U, 3U}) {
    const Parsed p = parse(text, {}, step);
    ASSERT_EQ(p.refused, 0U) << p.sentence;
    EXPECT_EQ(p.request.method, Method::get);
    EXPECT_EQ(p.request.path, "/a/b");
    EXPECT_EQ(p.request.query, "c=d?e");
    EXPECT_EQ(p.request.field("x-test"), "v w");
    EXPECT_EQ(p.request.minor_version, 1U);
    EXPECT_TRUE(p.framing.keep_alive);
    EXPECT_FALSE(p.framing.has_body());
    EXPECT_EQ(text.substr(p.size), "rest");
  }
}

TEST(RequestParser, WithoutHostAndInHttp10) {
  const Parsed p = parse("GET / HTTP/1.0\r\n\r\n");
  ASSERT_EQ(p.refused, 0U);
  EXPECT_EQ(p.request.minor_version, 0U);
  EXPECT_FALSE(p.framing.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").framing.keep_alive);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\n\r\n").refused, 0U);
}

TEST(RequestParser, AbsoluteForm) {
  const Parsed p = parse("GET http://pki.example.test:8080/ocsp/a?b HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(p.request.path, "/ocsp/a");
  EXPECT_EQ(p.request.query, "b");
  EXPECT_EQ(parse("GET HTTP://pki.example.test HTTP/1.1\r\n\r\n").request.path, "/");
  EXPECT_EQ(parse("GET http://pki.example.test?q HTTP/1.1\r\n\r\n").request.query, "q");
  EXPECT_EQ(parse("OPTIONS * HTTP/1.1\r\n\r\n").request.path, "*");
}

TEST(RequestParser, EmptyLinesBeforeARequestPass) {
  EXPECT_EQ(parse("\r\n\r\nGET / HTTP/1.1\r\n\r\n").refused, 0U);
  EXPECT_EQ(parse("\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n").refused, 400U);
  EXPECT_TRUE(parse("\r").incomplete);
}

TEST(RequestParser, PathAndQueryHaveTheirOwnLimits) {
  const std::string longest(65'533, 'a');
  const std::string path = "GET /" + longest + "?" + std::string(65'534, 'b') + " HTTP/1.1\r\n\r\n";
  const Parsed fits = parse(path);
  EXPECT_EQ(fits.refused, 0U) << fits.sentence;
  EXPECT_EQ(fits.request.path.size(), 65'534U);
  EXPECT_EQ(fits.request.query.size(), 65'534U);

  const Parsed long_path = parse("GET /a" + longest + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(long_path.refused, 414U);
  EXPECT_EQ(long_path.sentence, "the path has 65535 octets, the limit is 65534");
  EXPECT_EQ(long_path.substatus, 14U);
  const Parsed long_query = parse("GET /?" + std::string(65'535, 'b') + " HTTP/1.1\r\n\r\n");
  EXPECT_EQ(long_query.refused, 414U);
  EXPECT_EQ(long_query.sentence, "the query has 65535 octets, the limit is 65534");
  EXPECT_EQ(long_query.substatus, 15U);
  // A line that never ends.
  EXPECT_EQ(parse("GET /" + std::string(1'000'000, 'a')).refused, 414U);
  EXPECT_TRUE(parse("GET /" + std::string(100'000, 'a')).incomplete);
}

TEST(RequestParser, FieldsAreLimitedByThemselves) {
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA: " + std::string(65'000, 'a') + "\r\n\r\n").refused, 0U);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA: " + std::string(66'000, 'a') + "\r\n\r\n").refused, 431U);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nA: " + std::string(66'000, 'a')).refused, 431U);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "A: b\r\n";
  EXPECT_EQ(parse(many + "\r\n").refused, 431U);
}

TEST(RequestParser, Framing) {
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n").framing.content_length, 12U);
  EXPECT_TRUE(parse("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n").framing.chunked);
  EXPECT_TRUE(
      parse("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n").framing.expects_continue);
  EXPECT_FALSE(
      parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").framing.expects_continue);
}

struct Bad {
  const char* name;
  std::string text;
  unsigned status;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class RefusedRequest : public testing::TestWithParam<Bad> {};

TEST_P(RefusedRequest, IsRefusedHoweverItArrives) {
  for (const std::size_t step : {0U, 1U, 7U}) {
    const Parsed p = parse(GetParam().text, {}, step);
    EXPECT_FALSE(p.incomplete);
    EXPECT_EQ(p.refused, GetParam().status) << p.sentence;
    EXPECT_FALSE(p.sentence.empty());
  }
}

// Shapes that two readers of one connection might read differently.
INSTANTIATE_TEST_SUITE_P(
    Smuggling, RefusedRequest,
    testing::Values(
        Bad{"LengthAndChunks", "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            400},
        Bad{"ChunksAndLength", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            400},
        Bad{"TwoLengths", "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
        Bad{"TwoEqualLengths", "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        Bad{"ListOfLengths", "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400},
        Bad{"SignedLength", "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400},
        Bad{"NegativeLength", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        Bad{"HexLength", "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", 400},
        Bad{"HugeLength", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
        Bad{"EmptyLength", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
        Bad{"ChunkedNotLast", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 501},
        Bad{"GzipThenChunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        Bad{"TwoEncodings",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400},
        Bad{"XChunked", "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
        Bad{"ChunkedQuoted", "POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 501},
        Bad{"ChunksInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Bad{"BlankBeforeColon", "POST / HTTP/1.1\r\nContent-Length : 5\r\n\r\n", 400},
        Bad{"TabBeforeColon", "POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n", 400},
        Bad{"FoldedLine", "POST / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400},
        Bad{"FoldedLineWithTab", "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n", 400},
        Bad{"FirstLineFolded", "POST / HTTP/1.1\r\n Content-Length: 5\r\n\r\n", 400},
        Bad{"BareLineFeedInLine", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        Bad{"BareLineFeedInField", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", 400},
        Bad{"BareLineFeedAtEnd", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        Bad{"BareCarriageReturn", "GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n", 400},
        Bad{"NulInField", std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 31), 400},
        Bad{"FieldWithoutColon", "GET / HTTP/1.1\r\nHost\r\n\r\n", 400},
        Bad{"FieldWithoutName", "GET / HTTP/1.1\r\n: a\r\n\r\n", 400},
        Bad{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400}));

INSTANTIATE_TEST_SUITE_P(
    NotHttp, RefusedRequest,
    testing::Values(Bad{"TlsHello", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
                    Bad{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
                    Bad{"Http09", "GET /\r\n", 400}, Bad{"Zeros", std::string(10, '\0'), 400},
                    Bad{"Ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n", 400},
                    Bad{"LongMethod", std::string(40, 'A') + " / HTTP/1.1\r\n\r\n", 501},
                    Bad{"Http2", "GET / HTTP/2.0\r\n\r\n", 505}, Bad{"NoVersion", "GET / x\r\n\r\n", 400},
                    Bad{"TwoBlanks", "GET  / HTTP/1.1\r\n\r\n", 400},
                    Bad{"BlankInTarget", "GET /a b HTTP/1.1\r\n\r\n", 400},
                    Bad{"Fragment", "GET /a#b HTTP/1.1\r\n\r\n", 400},
                    Bad{"RelativeTarget", "GET a/b HTTP/1.1\r\n\r\n", 400},
                    Bad{"Connect", "CONNECT a:443 HTTP/1.1\r\n\r\n", 400},
                    Bad{"OtherScheme", "GET ftp://a/b HTTP/1.1\r\n\r\n", 400},
                    Bad{"UnknownExpectation", "GET / HTTP/1.1\r\nExpect: cake\r\n\r\n", 417}));

// ---- chunks ----

struct Chunks {
  bool done = false;
  unsigned refused = 0;
  std::string body, rest;
};
Chunks decode(std::string_view text, std::size_t limit = 1'000, std::size_t step = 1'000'000) {
  Chunks result;
  ChunkedBody body;
  std::string waiting;
  for (std::size_t at = 0; at < text.size(); at += step) {
    waiting += text.substr(at, step);
    if (result.done) continue;
    const auto progress = body.put(waiting, result.body, limit);
    waiting.erase(0, progress.consumed);
    result.done = progress.done;
    if (progress.refusal) {
      result.refused = progress.refusal->status;
      break;
    }
  }
  result.rest = waiting;
  return result;
}

TEST(Chunked, DecodesHoweverItArrives) {
  for (const std::size_t step : {1'000U, 1U, 2U, 5U}) {
    const Chunks c =
        decode("4\r\nWiki\r\nA;ext=\"v\"\r\npedia in\r\n\r\n0\r\nTrailer: x\r\n\r\nGET", 1'000, step);
    EXPECT_TRUE(c.done);
    EXPECT_EQ(c.body, "Wikipedia in\r\n");
    EXPECT_EQ(c.rest, "GET");
  }
}

// What a fuzzer found in another decoder: the last chunk's line, then one octet more.
TEST(Chunked, TheEndOctetByOctet) {
  const Chunks c = decode("0\r\n\r\n", 5, 1);
  EXPECT_TRUE(c.done);
  EXPECT_EQ(decode("0\r\n12345\r\n1\r\x04", 5, 1).refused, 400U);
}

TEST(Chunked, IsLimited) {
  EXPECT_EQ(decode("5\r\n12345\r\n0\r\n\r\n", 5).refused, 0U);
  EXPECT_EQ(decode("5\r\n12345\r\n1\r\n6\r\n0\r\n\r\n", 5).refused, 413U);
  EXPECT_EQ(decode("FFFFFFFFFFFFFFFF\r\n", 5).refused, 413U);
  EXPECT_EQ(decode("FFFFFFFFFFFFFFFFF\r\n", 5).refused, 400U);
  // A size, an extension or a trailer without end.
  EXPECT_EQ(decode("1;" + std::string(20'000, 'a')).refused, 400U);
  EXPECT_EQ(decode("0\r\n" + std::string(20'000, 'a')).refused, 400U);
}

TEST(Chunked, RefusesOtherShapes) {
  for (const char* bad :
       {"x\r\n", "-1\r\n", "4\nWiki\r\n0\r\n\r\n", "4\r\nWikiX\r\n0\r\n\r\n", " 4\r\nWiki\r\n", "0x4\r\n\r\n",
        "4 4\r\nWiki\r\n0\r\n\r\n", "0\r\nBad Trailer\r\n\r\n", "\r\n"})
    EXPECT_EQ(decode(bad).refused, 400U) << bad;
}

}  // namespace
}  // namespace vouch::net
