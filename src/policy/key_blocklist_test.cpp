#include "policy/key_blocklist.hpp"

#include <gmock/gmock.h>

namespace vouch::policy {
namespace {

using testing::HasSubstr;

KeyBlocklist::Fingerprint fingerprint(std::string_view hex) {
  return blocklist_fingerprint(from_hex(hex).value());
}

TEST(KeyBlocklistTest, ReadsTheFormatOfThePackage) {
  const auto list = KeyBlocklist::parse(
      "# After these initial comments, each line must be the lower-case key\n#\n"
      "00005890bc78bcbee3ca\n\n  042DCB33F1F6F3CE9EEE  \r\nb7ead9492dfd921fc4f9",
      "blacklist.RSA-2048");
  ASSERT_TRUE(list) << list.error().report();
  EXPECT_EQ(list->size(), 3u);
  EXPECT_TRUE(list->contains(fingerprint("00005890bc78bcbee3ca")));
  EXPECT_TRUE(list->contains(fingerprint("042dcb33f1f6f3ce9eee")));
  EXPECT_TRUE(list->contains(fingerprint("b7ead9492dfd921fc4f9")));
  EXPECT_FALSE(list->contains(fingerprint("b7ead9492dfd921fc4f8")));
}

TEST(KeyBlocklistTest, NamesTheLineThatIsNoKey) {
  for (const char* line : {"00005890bc78bcbee3c", "00005890bc78bcbee3cag", "g0005890bc78bcbee3ca",
                           "ssh-rsa AAAA", "00005890bc78bcbee3ca0"}) {
    const auto list = KeyBlocklist::parse(std::string("# x\n") + line + "\n", "list");
    ASSERT_FALSE(list) << line;
    EXPECT_THAT(list.error().message(), HasSubstr("list:2: expected 20 hexadecimal digits or a comment"));
  }
}

TEST(KeyBlocklistTest, AnEmptyListHasNothing) {
  const auto list = KeyBlocklist::parse("", "list");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->contains(fingerprint("00000000000000000000")));
}

TEST(KeyBlocklistTest, HashesWhatOpensslPrints) {
  EXPECT_EQ(blocklist_text(Buffer{0x00, 0xc0, 0x96}), "Modulus=C096\n");
  EXPECT_EQ(blocklist_text(Buffer{0x0a, 0xbc}), "Modulus=ABC\n");
  // The last ten of twenty octets.
  EXPECT_EQ(fingerprint("ffffffffffffffffffff042dcb33f1f6f3ce9eee"), fingerprint("042dcb33f1f6f3ce9eee"));
}

}  // namespace
}  // namespace vouch::policy
