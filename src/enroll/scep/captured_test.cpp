#include "enroll/scep/captured.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "base/pem.hpp"
#include "net/url.hpp"

namespace vouch::enroll::scep {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

Buffer file(const std::string& name) {
  std::ifstream in("testdata/scep/" + name, std::ios::binary);
  Buffer octets(std::istreambuf_iterator<char>(in), {});
  EXPECT_FALSE(octets.empty()) << "testdata/scep/" << name << " cannot be read";
  return octets;
}

std::string folded(const std::string& text, std::size_t width) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += width) out += text.substr(at, width) + "\r\n";
  return out;
}

class ScepCaptured : public testing::Test {
 protected:
  const Buffer first = file("strongswan.der"), second = file("micromdm.der");
  const std::string base64 = to_base64(first);

  // The one message in the text is the first.
  void expect_found(std::string_view text, std::string_view where) {
    const auto found = find_messages(as_bytes(text));
    ASSERT_TRUE(found) << found.error().report();
    ASSERT_EQ(found->messages.size(), 1u) << text;
    EXPECT_EQ(found->messages.front().message, first);
    EXPECT_EQ(found->messages.front().where, where);
    EXPECT_THAT(found->notes, IsEmpty());
  }
};

TEST_F(ScepCaptured, FindsAMessageInEveryForm) {
  expect_found(as_text(first), "the whole file");
  expect_found("from the device\n" + to_pem("PKCS7", first), "PEM");
  expect_found(base64, "line 1");
  expect_found(folded(base64, 64), "line 1");
  expect_found("one\ntwo\n" + folded(base64, 76) + "the rest\n", "line 3");
  std::string url_safe = base64;
  for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
  expect_found("11:02 message " + url_safe + " sent", "line 1");
  expect_found("operation=PKIOperation&message=" + net::percent_encode(base64), "line 1, the query of a GET");
  expect_found("GET /scep?Message=" + net::percent_encode(net::percent_encode(base64)) +
                   "&operation=PKIOperation HTTP/1.1",
               "line 1, the query of a GET");
}

TEST_F(ScepCaptured, FindsSeveralAndLeavesOtherBase64Alone) {
  const std::string text = "certificate: " + std::string("MIIC") + std::string(400, 'A') + "\n" + base64 +
                           "\n" + to_base64(second) + "\nend\n";
  const auto found = find_messages(as_bytes(text)).value();
  ASSERT_EQ(found.messages.size(), 2u);
  EXPECT_EQ(found.messages[0].message, first);
  EXPECT_EQ(found.messages[1].message, second);
  EXPECT_EQ(found.messages[0].where, "line 2");
  EXPECT_EQ(found.messages[1].where, "line 3");
}

TEST_F(ScepCaptured, SaysWhatIsCutOff) {
  for (const std::string& text : {base64.substr(0, 1001), net::percent_encode(base64).substr(0, 1001)}) {
    const auto found = find_messages(as_bytes("log\n" + text + "...\n")).value();
    EXPECT_THAT(found.messages, IsEmpty());
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr(fmt::format("of {} octets", first.size())))) << text;
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("line 2: a message that is cut off")));
  }
}

TEST_F(ScepCaptured, FindsNothingWhereNothingIs) {
  for (const std::string_view text : {"", "hello", "MII", "MIIMIIMIIMII"})
    EXPECT_EQ(find_messages(as_bytes(text)).error().code(), Errc::not_found) << text;
}

}  // namespace
}  // namespace vouch::enroll::scep
