// Every message that this room reads, cut off at every octet and damaged by bit flips: nothing may crash
// (the sanitizers watch), every refusal says where, and what is still read can be printed.

#include <gmock/gmock.h>

#include <random>

#include "x509/print.hpp"
#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

// Reads a message completely, its lazy parts as well, and prints it if asked to: printing takes most of
// the time.
enum class Print { no, yes };
Status read_certificate(Bytes der, Print print) {
  const auto view = TRY(parse_certificate(der));
  if (print == Print::yes) (void)to_text(describe_certificate(view));
  return ok();
}
Status read_request(Bytes der, Print print) {
  const auto view = TRY(parse_request(der));
  (void)challenge_password(view);
  if (print == Print::yes) (void)to_text(describe_request(view));
  return ok();
}
Status read_crl(Bytes der, Print print) {
  const auto view = TRY(parse_crl(der));
  const Value description = TRY(describe_crl(view, 100));
  if (print == Print::yes) (void)to_text(description);
  return ok();
}
Status read_ocsp_request(Bytes der, Print) {
  const auto view = TRY(parse_ocsp_request(der));
  (void)view.nonce();
  return ok();
}
Status read_ocsp_response(Bytes der, Print) {
  const auto view = TRY(parse_ocsp_response(der));
  (void)view.nonce();
  return ok();
}

struct Message {
  std::string name, file;
  Status (*read)(Bytes, Print);
};
void PrintTo(const Message& message, std::ostream* out) { *out << message.name; }
class HostileMessageTest : public testing::TestWithParam<Message> {};

void expect_explained(const Error& error) {
  EXPECT_FALSE(error.message().empty());
  EXPECT_THAT(error.summary(), testing::StartsWith("reading "));
  EXPECT_TRUE(error.code() == Errc::malformed || error.code() == Errc::limit_exceeded ||
              error.code() == Errc::unsupported)
      << error.summary();
}

void flip(std::uint8_t& octet, unsigned bit) { octet = static_cast<std::uint8_t>(octet ^ 1u << bit); }

TEST_P(HostileMessageTest, IsReadWhole) {
  const Status status = GetParam().read(test_der(GetParam().file), Print::yes);
  EXPECT_TRUE(status) << status.error().report();
}

TEST_P(HostileMessageTest, IsRefusedAtEveryTruncation) {
  const Buffer der = test_der(GetParam().file);
  for (std::size_t size = 0; size < der.size(); ++size) {
    // A buffer of its own, so that the sanitizers see a read past its end.
    const Buffer cut(der.begin(), der.begin() + static_cast<std::ptrdiff_t>(size));
    const Status status = GetParam().read(cut, Print::yes);
    ASSERT_FALSE(status) << "cut to " << size << " octets";
    expect_explained(status.error());
  }
}

TEST_P(HostileMessageTest, SurvivesTwelveThousandBitFlips) {
  const Buffer der = test_der(GetParam().file);
  std::mt19937 random(20260102);  // a failure must come back
  std::size_t refused = 0;
  for (int round = 0; round < 12'000; ++round) {
    Buffer damaged = der;
    for (int flips = 1 + round % 3; flips > 0; --flips)
      flip(damaged[random() % damaged.size()], static_cast<unsigned>(random() % 8));
    const Status status = GetParam().read(damaged, round % 4 == 0 ? Print::yes : Print::no);
    if (status) continue;
    ++refused;
    EXPECT_FALSE(status.error().message().empty());
  }
  // Flips in names, keys and signatures leave the form intact; those in tags and lengths must not.
  EXPECT_GT(refused, 1000u);
}

TEST_P(HostileMessageTest, SurvivesOctetsThatAreSetToExtremes) {
  const Buffer der = test_der(GetParam().file);
  for (std::size_t i = 0; i < der.size(); ++i)
    for (const int value : {0x00, 0x7f, 0x80, 0x84, 0xff}) {
      Buffer damaged = der;
      damaged[i] = static_cast<std::uint8_t>(value);
      const Status status = GetParam().read(damaged, value == 0xff ? Print::yes : Print::no);
      EXPECT_TRUE(status || !status.error().message().empty());
    }
}

INSTANTIATE_TEST_SUITE_P(Messages, HostileMessageTest,
                         testing::Values(Message{"Certificate", "server.pem", read_certificate},
                                         Message{"MicrosoftCertificate", "microsoft.pem", read_certificate},
                                         Message{"Request", "request-unsorted.pem", read_request},
                                         Message{"MicrosoftRequest", "request-microsoft.pem", read_request},
                                         Message{"Crl", "crl.pem", read_crl},
                                         Message{"OcspRequest", "ocsp-request.der", read_ocsp_request},
                                         Message{"SignedOcspRequest", "ocsp-request-signed.der",
                                                 read_ocsp_request},
                                         Message{"OcspResponse", "ocsp-response.der", read_ocsp_response}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace vouch::x509
