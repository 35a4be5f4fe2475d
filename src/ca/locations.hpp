#pragma once
// AIA and CDP locations: URLs or file paths with variables, and flags that say what each is for. The flag
// numbers and variables are AD CS's; `65:/srv/pki/%3%8%9.crl` is certutil's notation.

#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace vouch::ca {

enum LocationFlag : std::uint32_t {
  publish_to_server = 1,
  add_to_certificate = 2,  // CDP extension, or AIA caIssuers
  add_to_freshest_crl = 4,
  add_to_crl_cdp = 8,
  add_to_certificate_ocsp = 32,  // AIA only
  publish_delta_to_server = 64,
  add_to_crl_idp = 128,
};

struct Location {
  std::uint32_t flags = 0;
  std::string url;  // with variables
  bool operator==(const Location&) const = default;
};
Result<Location> parse_location(std::string_view text);  // "FLAGS:URL"
std::string format_location(const Location& location);

struct LocationVariables {
  std::string dns_name, short_name, ca_name;
  std::uint16_t certificate_index = 0, key_index = 0;
  bool delta = false;
  std::string cross{};  // of a cross-certificate, "0-1": %4 is then "(0-1)"
};
// Replaces %1 … %11 and <ServerDNSName> …; in http and ldap URLs the values are percent-encoded, in file
// paths they are made safe as one path element. Fails with `malformed` for an unknown variable.
Result<std::string> expand(const Location& location, const LocationVariables& variables);
bool is_file(const Location& location);  // "/path" or "file:///path"

std::vector<Location> default_cdp(std::string_view published_folder);
std::vector<Location> default_aia(std::string_view published_folder);

}  // namespace vouch::ca
