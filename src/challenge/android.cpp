#include "challenge/android.hpp"

namespace vouch::challenge {
namespace {

constexpr unsigned kFileBasedFrom = 10;

// Why the key store probably stays closed without a PIN; empty: it probably does not.
std::string reason(const AndroidDevice& device) {
  if (device.encryption == Encryption::full_disk) return "its storage is encrypted as a whole";
  if (device.encryption == Encryption::file_based) {
    const bool upgraded = device.shipped_version ? *device.shipped_version < kFileBasedFrom : false;
    return upgraded ? "it came with an Android before 10 and was upgraded" : "";
  }
  if (device.shipped_version && *device.shipped_version >= kFileBasedFrom) return "";
  if (device.shipped_version)
    return "it came with an Android before 10, where the maker chooses the encryption";
  if (device.os_version && *device.os_version < kFileBasedFrom)
    return "on an Android before 10 the maker chooses the encryption";
  return "";  // nothing is known: nothing is said
}

}  // namespace

std::string pin_warning(const AndroidDevice& device) {
  if (device.pin_set == true) return {};
  const std::string why = reason(device);
  if (why.empty()) return {};
  const std::string until = device.pin_set == false
                                ? "the device will probably not ask for a certificate before a PIN is set: "
                                : "unless a PIN is set, the device will probably not ask for a certificate: ";
  if (device.dedicated)
    return until + why + "; a dedicated device asks nobody for one, so set it before the profile arrives";
  return until + why;
}

}  // namespace vouch::challenge
