#pragma once
// AIA and CDP locations: URLs or file paths with variables, and flags that say what each is for. The flag
// numbers and variables are AD CS's; `65:/srv/pki/%3%8%9.crl` is certutil's notation.

#include <limits>
#include <span>
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
enum class LocationList : std::uint8_t { cdp, aia };

// "65:/srv/pki/%3%8%9.crl", or with names: "PublishToServer,PublishDeltaToServer:/srv/pki/%3%8%9.crl".
Result<Location> parse_location(std::string_view text);
std::string format_location(const Location& location);  // with the number
// What the list does not take (a flag of the other list, publication to a web server, a file that would be
// overwritten by the delta CRL): `usage`, with what to write instead.
Status check_location(LocationList list, const Location& location);

struct LocationFlagName {
  std::uint32_t flag;
  std::string_view name;
  bool cdp, aia;  // in which list
};
std::span<const LocationFlagName> location_flag_names();
std::string flag_names(LocationList list, std::uint32_t flags);  // "PublishToServer, AddToCrlIdp"

struct LocationVariables {
  std::string dns_name, short_name, ca_name;
  std::uint16_t certificate_index = 0, key_index = 0;
  bool delta = false;
  std::string configuration_container{};  // %6: "CN=Configuration,DC=corp,DC=example"; empty: no directory
  std::string cross{};                    // of a cross-certificate, "0-1": %4 is then "(0-1)"
  std::uint32_t shard = 0;                // of the CRLs; 0: the complete list
};
// As `shard`: its place stays open, as <CRLShardSuffix>, until `with_shard` fills it.
constexpr std::uint32_t kAnyShard = std::numeric_limits<std::uint32_t>::max();
// What a URL of any shard is for one of them; other URLs stay as they are.
std::string with_shard(std::string_view url, std::uint32_t shard);
bool is_of_any_shard(std::string_view url);
// Where CRLs are sharded, every CDP location has a place for the shard: %8 or <CRLShardSuffix>. `usage`
// otherwise, with what to write.
Status check_shard_places(const std::vector<Location>& cdp);

// Replaces %1 … %11 and <ServerDNSName> …; in http and ldap URLs the values are percent-encoded, in file
// paths they are made safe as one path element. Fails with `malformed` for an unknown variable.
Result<std::string> expand(const Location& location, const LocationVariables& variables);
// The URLs of a CA's certificates, in their order.
struct IssuedLocations {
  std::vector<std::string> cdp, ocsp, aia;
  bool operator==(const IssuedLocations&) const = default;
};
Result<IssuedLocations> issued_locations(const std::vector<Location>& cdp, const std::vector<Location>& aia,
                                         const LocationVariables& variables);
// One a line, "cdp http://…", as the database keeps it (store::LocationSet).
std::string format_issued_locations(const IssuedLocations& locations);
Result<IssuedLocations> parse_issued_locations(std::string_view text);

bool is_file(const Location& location);  // "/path" or "file:///path"

// File and HTTP; with a directory LDAP as well.
std::vector<Location> default_cdp(std::string_view published_folder, bool directory);
std::vector<Location> default_aia(std::string_view published_folder, bool directory);

}  // namespace vouch::ca
