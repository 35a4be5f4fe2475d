#pragma once
// Whether an Android Enterprise device will enrol before its user has set a PIN. With full-disk encryption
// the key store opens with the PIN only, so the device does not even ask; with file-based encryption (every
// device that left its factory with Android 10 or later) it needs none. What the MDM does not know it leaves
// out. The answer is advice: nothing is refused for it.

#include <cstdint>
#include <optional>
#include <string>

namespace vouch::challenge {

enum class Encryption : std::uint8_t { unknown, full_disk, file_based };

struct AndroidDevice {
  std::optional<unsigned> os_version{};       // 9, 10, …
  std::optional<unsigned> shipped_version{};  // that it left the factory with
  Encryption encryption = Encryption::unknown;
  std::optional<bool> pin_set{};
  bool dedicated = false;  // a kiosk: nobody is asked for a PIN in good time
};

// A sentence for the administrator; empty when the device will ask, as far as is known.
std::string pin_warning(const AndroidDevice& device);

}  // namespace vouch::challenge
