#include "base/pem.hpp"

#include <gmock/gmock.h>

namespace vouch {
namespace {

using testing::HasSubstr;
using testing::StrEq;

// Made with: printf 'The quick brown fox jumps over the lazy dog, twice.' | base64
constexpr std::string_view kFox =
    "Bag Attributes\n"
    "    friendlyName: fox\n"
    "-----BEGIN TEST DATA-----\r\n"
    "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZywgdHdp\r\n"
    "Y2Uu\r\n"
    "-----END TEST DATA-----\r\n"
    "more text\n";

TEST(PemTest, ReadsTextAroundAndWindowsLineEnds) {
  const auto blocks = parse_pem(kFox).value();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].label, "TEST DATA");
  EXPECT_EQ(as_text(blocks[0].der), "The quick brown fox jumps over the lazy dog, twice.");
}

TEST(PemTest, WritesSixtyFourCharactersALine) {
  EXPECT_THAT(
      to_pem("X", as_bytes("The quick brown fox jumps over the lazy dog, twice.")),
      StrEq("-----BEGIN X-----\nVGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZywgdHdp\nY2Uu\n"
            "-----END X-----\n"));
}

TEST(PemTest, KeepsTheOrderOfSeveralBlocksAndSkipsOldHeaders) {
  const std::string text =
      to_pem("A", as_bytes("1")) +
      "-----BEGIN B-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMg==\n-----END B-----";
  const auto blocks = parse_pem(text).value();
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(as_text(blocks[0].der), "1");
  EXPECT_EQ(blocks[1].label, "B");
  EXPECT_EQ(as_text(blocks[1].der), "2");
}

struct BadPem {
  const char* name;
  const char* text;
  const char* message;
};
void PrintTo(const BadPem& row, std::ostream* out) { *out << row.name; }
class BadPemTest : public testing::TestWithParam<BadPem> {};

TEST_P(BadPemTest, IsMalformedAndNamesTheLine) {
  const auto result = parse_pem(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Errc::malformed);
  EXPECT_THAT(result.error().summary(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Pem, BadPemTest,
    testing::Values(BadPem{"NoEnd", "x\n-----BEGIN A-----\nMg==\n", "'A' of line 2 has no end"},
                    BadPem{"WrongEnd", "-----BEGIN A-----\nMg==\n-----END B-----\n",
                           "line 3: expected '-----END A-----'"},
                    BadPem{"BeginInside", "-----BEGIN A-----\nMg==\n-----BEGIN A-----\n", "line 3: expected"},
                    BadPem{"BadBase64", "\n-----BEGIN A-----\nM?==\n-----END A-----\n", "'A' of line 2"},
                    BadPem{"Truncated", "-----BEGIN A-----\nMg=\n-----END A-----\n", "truncated"}),
    [](const auto& row) { return row.param.name; });

TEST(PemOrDerTest, TellsThemApartByContent) {
  const Buffer der{0x30, 0x00};
  EXPECT_EQ(pem_or_der(der, "CERTIFICATE", {"CERTIFICATE"}).value()[0].label, "CERTIFICATE");
  const std::string pem = to_pem("CERTIFICATE REQUEST", der) + to_pem("CERTIFICATE", der);
  const auto blocks = pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"}).value();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].der, der);
}

TEST(PemOrDerTest, NamesWhatItFoundInstead) {
  const std::string pem = to_pem("RSA PRIVATE KEY", as_bytes("x")) + to_pem("X509 CRL", as_bytes("x"));
  const auto result = pem_or_der(as_bytes(pem), "CERTIFICATE", {"CERTIFICATE"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().summary(), HasSubstr("no PEM block 'CERTIFICATE'"));
  EXPECT_THAT(result.error().summary(), HasSubstr("RSA PRIVATE KEY, X509 CRL"));
  EXPECT_THAT(pem_or_der({}, "A", {"A"}).error().summary(), HasSubstr("empty"));
}

TEST(PemTest, SurvivesEveryTruncation) {
  for (std::size_t size = 0; size < kFox.size(); ++size) {
    const auto blocks = parse_pem(kFox.substr(0, size));
    if (blocks && !blocks->empty()) {
      EXPECT_EQ(as_text(blocks->front().der), "The quick brown fox jumps over the lazy dog, twice.");
    }
  }
}

}  // namespace
}  // namespace vouch
