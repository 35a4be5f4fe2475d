#include "relying/gateway/question.hpp"

#include <gmock/gmock.h>

#include "base/pem.hpp"
#include "net/url.hpp"

namespace vouch::relying {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Buffer kOne{1, 2, 3}, kTwo{4, 5};

net::Request request_with(std::vector<net::Field> fields) {
  net::Request request;
  request.fields = std::move(fields);
  return request;
}
std::string escaped(std::initializer_list<Buffer> certificates) {
  std::string pem;
  for (const Buffer& one : certificates) pem += to_pem("CERTIFICATE", one);
  return net::percent_encode(pem);
}
void expect_malformed(const Result<std::vector<Buffer>>& read, const std::string& why) {
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().report(), HasSubstr(why));
}

TEST(ClientCertificates, AsNginxWritesThem) {
  const std::string value = escaped({kOne});
  EXPECT_THAT(client_certificates(request_with({{"X-Client-Cert", value}}), Spelling::nginx).value(),
              ElementsAre(kOne));
  EXPECT_THAT(client_certificates(request_with({}), Spelling::nginx).value(), IsEmpty());
  EXPECT_THAT(client_certificates(request_with({{"x-client-cert", ""}}), Spelling::nginx).value(), IsEmpty());
}

TEST(ClientCertificates, OfNginxThatCannotBeRead) {
  const std::string value = escaped({kOne}), key = net::percent_encode(to_pem("PRIVATE KEY", kOne));
  expect_malformed(client_certificates(request_with({{"X-Client-Cert", value}, {"X-Client-Cert", value}}),
                                       Spelling::nginx),
                   "stands there twice");
  expect_malformed(client_certificates(request_with({{"X-Client-Cert", "%zz"}}), Spelling::nginx),
                   "X-Client-Cert");
  expect_malformed(client_certificates(request_with({{"X-Client-Cert", "hello"}}), Spelling::nginx),
                   "no PEM certificate");
  expect_malformed(client_certificates(request_with({{"X-Client-Cert", key}}), Spelling::nginx),
                   "PRIVATE KEY");
}

// A client may send the field of another proxy; it must not count.
TEST(ClientCertificates, OnlyTheFieldOfTheSpellingIsRead) {
  const std::string value = escaped({kOne});
  const net::Request request = request_with({{"X-Client-Cert", value}});
  EXPECT_THAT(client_certificates(request, Spelling::envoy).value(), IsEmpty());
  EXPECT_THAT(client_certificates(request, Spelling::rfc9440).value(), IsEmpty());
}

TEST(ClientCertificates, AsEnvoyWritesThem) {
  const std::string certificate =
      fmt::format("By=spiffe://a;Hash=ab;Cert=\"{}\";Subject=\"CN=\\\"x\\\";,y\";URI=", escaped({kOne}));
  EXPECT_THAT(
      client_certificates(request_with({{"x-forwarded-client-cert", certificate}}), Spelling::envoy).value(),
      ElementsAre(kOne));
  const std::string chain = fmt::format("Cert=\"{}\";Chain=\"{}\"", escaped({kOne}), escaped({kOne, kTwo}));
  EXPECT_THAT(
      client_certificates(request_with({{"x-forwarded-client-cert", chain}}), Spelling::envoy).value(),
      ElementsAre(kOne, kTwo));
}

TEST(ClientCertificates, OfEnvoyThatCannotBeRead) {
  const auto read = [](std::string_view value) {
    return client_certificates(request_with({{"X-Forwarded-Client-Cert", value}}), Spelling::envoy);
  };
  // The hop before may have been the client itself.
  expect_malformed(read("Hash=a,Hash=b"), "several hops");
  expect_malformed(read("Hash=a"), "neither Cert nor Chain");
  expect_malformed(read("Cert=\"abc"), "quote without end");
  expect_malformed(read("Cert"), "without '='");
  expect_malformed(read("Cert=\"a\"x"), "cannot be read after Cert");
}

TEST(ClientCertificates, AsRfc9440WritesThem) {
  const std::string own = fmt::format(":{}:", to_base64(kOne)),
                    chain = fmt::format(":{}:, :{}:", to_base64(kTwo), to_base64(kOne));
  EXPECT_THAT(client_certificates(request_with({{"Client-Cert", own}, {"Client-Cert-Chain", chain}}),
                                  Spelling::rfc9440)
                  .value(),
              ElementsAre(kOne, kTwo, kOne));
  // A chain without a certificate of the client's own proves nothing.
  EXPECT_THAT(client_certificates(request_with({{"Client-Cert-Chain", chain}}), Spelling::rfc9440).value(),
              IsEmpty());
  expect_malformed(client_certificates(request_with({{"Client-Cert", to_base64(kOne)}}), Spelling::rfc9440),
                   "colons");
  expect_malformed(client_certificates(request_with({{"Client-Cert", ":!:"}}), Spelling::rfc9440),
                   "Client-Cert");
  expect_malformed(
      client_certificates(
          request_with({{"Client-Cert", own}, {"Client-Cert-Chain", ":AA==:,"}, {"Client-Cert-Chain", own}}),
          Spelling::rfc9440),
      "twice");
}

TEST(ReadQuery, SaysProfileAndWhomItMustName) {
  Asked asked;
  ASSERT_TRUE(read_query("profile=cba&purpose=smartcard&upn=alice%40corp.test", asked));
  EXPECT_EQ(asked.profile, "cba");
  EXPECT_EQ(asked.question.purpose, validate::Purpose::smart_card_logon);
  EXPECT_EQ(asked.question.expected.upn, "alice@corp.test");
  EXPECT_FALSE(read_query("purpose=nothing", asked));
  const Status unknown = read_query("at=2020-01-01", asked);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().report(), HasSubstr("there is no 'at'"));
}

TEST(ReadQuestion, AsAClientOfOursWritesIt) {
  Asked asked;
  asked.client = "openvpn";
  asked.profile = "logon";
  asked.question.chain = {kOne, kTwo};
  asked.question.stapled = Buffer{9};
  asked.question.purpose = validate::Purpose::tls_client;
  asked.question.expected.upn = "alice@corp.test";
  const auto read = read_question(to_json(asked));
  ASSERT_TRUE(read) << read.error().report();
  EXPECT_EQ(read->client, "openvpn");
  EXPECT_EQ(read->profile, "logon");
  EXPECT_THAT(read->question.chain, ElementsAre(kOne, kTwo));
  EXPECT_EQ(read->question.stapled, Buffer{9});
  EXPECT_EQ(read->question.purpose, validate::Purpose::tls_client);
  EXPECT_EQ(read->question.expected.upn, "alice@corp.test");
}

TEST(ReadQuestion, PemAsAPersonWritesIt) {
  Value question = Value::table();
  question.set("chain", to_pem("CERTIFICATE", kOne) + to_pem("CERTIFICATE", kTwo));
  EXPECT_THAT(read_question(to_json(question)).value().question.chain, ElementsAre(kOne, kTwo));
}

TEST(ReadQuestion, WhatIsWrongIsNamed) {
  const auto why = [](std::string_view json) {
    const auto read = read_question(json);
    return read ? std::string("accepted") : read.error().report();
  };
  EXPECT_THAT(why("[]"), HasSubstr("a question is a JSON object"));
  EXPECT_THAT(why("{}"), HasSubstr("no certificate"));
  EXPECT_THAT(why(R"({"chain": 3})"), HasSubstr("has to be PEM or a list"));
  EXPECT_THAT(why(R"({"chain": ["AQ=="], "at": "2020-01-01"})"), HasSubstr("there is no 'at'"));
  EXPECT_THAT(why(R"({"chain": ["AQ=="], "expected": {"name": "x"}})"), HasSubstr("expected.name"));
  EXPECT_THAT(why(R"({"chain": ["AQ=="], "profile": 1})"), HasSubstr("'profile' is a whole number"));
  Value many = Value::list();
  for (std::size_t i = 0; i <= kMostCertificates; ++i) many.push("AQ==");
  EXPECT_THAT(why(to_json(Value::table().set("chain", many))), HasSubstr("more than 32"));
}

}  // namespace
}  // namespace vouch::relying
