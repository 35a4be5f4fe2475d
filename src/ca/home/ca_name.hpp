#pragma once
// Names of CAs: which are allowed, and their forms for directories and files (MS-WCCE 3.1.1.4.1.1).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vouch::ca {

// Rules for CA names (length, host name, characters): errors refuse, warnings inform.
struct NameCheck {
  std::optional<Error> error;
  std::vector<std::string> warnings;
};
NameCheck check_ca_name(std::string_view name, std::string_view host_name, bool allow_host_name);

// A name that directories and file systems take: what they might not becomes !XXXX, the hex of its UTF-16
// unit.
std::string sanitized_name(std::string_view ca_name);
// The sanitized name where it must be short: at most `most` characters as they are; of a longer one so many,
// never a part of an !XXXX, and "-" with five digits, a hash of the rest. Names of directory objects have 51
// (so 57 in all), %7 of locations has 32.
constexpr std::size_t kDirectoryName = 51, kTruncatedName = 32;
std::string shortened_name(std::string_view ca_name, std::size_t most);

}  // namespace vouch::ca
