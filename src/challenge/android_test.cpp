#include "challenge/android.hpp"

#include <gmock/gmock.h>

namespace vouch::challenge {
namespace {

using testing::HasSubstr;

TEST(PinWarning, FullDiskEncryptionNeedsAPin) {
  AndroidDevice device{.os_version = 9, .encryption = Encryption::full_disk, .pin_set = false};
  EXPECT_THAT(pin_warning(device), HasSubstr("will probably not ask"));
  device.dedicated = true;
  EXPECT_THAT(pin_warning(device), HasSubstr("dedicated"));
  device.pin_set.reset();
  EXPECT_THAT(pin_warning(device), HasSubstr("unless a PIN is set"));
  device.pin_set = true;
  EXPECT_EQ(pin_warning(device), "");
}

TEST(PinWarning, FileBasedEncryptionFromTheFactoryNeedsNone) {
  EXPECT_EQ(pin_warning({.encryption = Encryption::file_based, .pin_set = false}), "");
  EXPECT_EQ(pin_warning({.os_version = 13, .shipped_version = 11, .pin_set = false}), "");
  // "Devices that upgrade to version 10 or later … might still require a PIN."
  EXPECT_THAT(
      pin_warning(
          {.os_version = 11, .shipped_version = 9, .encryption = Encryption::file_based, .pin_set = false}),
      HasSubstr("upgraded"));
}

TEST(PinWarning, UnknownEncryptionIsGuessedFromTheVersionAndNeverBlocks) {
  EXPECT_THAT(pin_warning({.os_version = 8, .pin_set = false}), HasSubstr("before 10"));
  EXPECT_EQ(pin_warning({.os_version = 12, .pin_set = false}), "");
  EXPECT_EQ(pin_warning({}), "");
}

}  // namespace
}  // namespace vouch::challenge
