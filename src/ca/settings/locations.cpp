#include "ca/settings/locations.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "ca/home/ca_name.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kVariableNames[] = {
    "",
    "<ServerDNSName>",           // %1
    "<ServerShortName>",         // %2
    "<CaName>",                  // %3
    "<CertificateName>",         // %4
    "",                          // %5 is not used
    "<ConfigurationContainer>",  // %6
    "<CATruncatedName>",         // %7
    "<CRLNameSuffix>",           // %8
    "<DeltaCRLAllowed>",         // %9
    "<CDPObjectClass>",          // %10
    "<CAObjectClass>",           // %11
    "<CRLShardSuffix>",          // has no number: AD CS uses %12 to %14 for something else
};
constexpr unsigned kKeySuffix = 8, kShardSuffix = 12;
constexpr std::string_view kShardName = kVariableNames[kShardSuffix];

// The names of certutil and of the dialogs.
constexpr LocationFlagName kFlagNames[] = {
    {publish_to_server, "PublishToServer", true, true},
    {add_to_certificate, "AddToCertificateCdp", true, false},
    {add_to_certificate, "AddToCertificateAia", false, true},
    {add_to_freshest_crl, "AddToFreshestCrl", true, false},
    {add_to_crl_cdp, "AddToCrlCdp", true, false},
    {add_to_certificate_ocsp, "AddToCertificateOcsp", false, true},
    {publish_delta_to_server, "PublishDeltaToServer", true, false},
    {add_to_crl_idp, "AddToCrlIdp", true, false},
};

// "65", "PublishToServer", or several of them with commas between.
std::optional<std::uint32_t> read_flags(std::string_view text) {
  std::uint32_t flags = 0;
  for (;;) {
    const auto comma = text.find(',');
    const std::string_view word = trimmed(text.substr(0, comma));
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      const auto* named =
          std::ranges::find_if(kFlagNames, [&](const auto& f) { return equal_ignoring_case(f.name, word); });
      if (named == std::end(kFlagNames)) return std::nullopt;
      value = named->flag;
    }
    flags |= value;
    if (comma == std::string_view::npos) return flags;
    text.remove_prefix(comma + 1);
  }
}

std::uint32_t known_flags(LocationList list) {
  std::uint32_t flags = 0;
  for (const LocationFlagName& name : kFlagNames)
    if (list == LocationList::cdp ? name.cdp : name.aia) flags |= name.flag;
  return flags;
}

bool is_url_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~' || c == '(' || c == ')' || c == '+' || c == '!';
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (is_url_safe(c))
      out.push_back(c);
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// Values in a file path: a separator or a leading dot would lead out of the folder.
std::string as_path_element(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c == '/' || c == '\0' || c == '\n'; }, '_');
  if (out.starts_with('.')) out[0] = '_';
  return out;
}

// What stands in a URL between the variables: what a URL cannot hold is encoded, its own characters stay, and
// so do the backslashes of Windows' file URLs.
std::string url_literal(char c) {
  const auto octet = static_cast<unsigned char>(c);
  const bool keep = octet > 0x20 && octet < 0x7f && c != '"' && c != '<' && c != '>' && c != '^' &&
                    c != '`' && c != '{' && c != '|' && c != '}';
  return keep ? std::string(1, c) : fmt::format("%{:02X}", octet);
}

// A distinguished name in a URL (RFC 4516): = and , are its own.
std::string as_url_name(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '=' || c == ',' ? std::string(1, c) : percent_encoded({&c, 1});
  return out;
}

// AD CS: the first certificate and key have no suffix, later ones "(n)".
std::string suffix(std::uint16_t index) { return index == 0 ? "" : fmt::format("({})", index); }

// No key suffix and no delta mark has this sign, and URLs take it as it is.
std::string shard_suffix(std::uint32_t shard) {
  if (shard == kAnyShard) return std::string(kShardName);
  return shard == 0 ? "" : fmt::format("~{}", shard);
}

Result<std::string> value_of(unsigned variable, const LocationVariables& variables) {
  switch (variable) {
    case 1:
      return variables.dns_name;
    case 2:
      return variables.short_name;
    case 3:
      return variables.ca_name;
    case 4:
      if (!variables.cross.empty()) return fmt::format("({})", variables.cross);
      return suffix(variables.certificate_index);
    case 5:
      return std::string();
    case 6:
      if (variables.configuration_container.empty()) break;
      return variables.configuration_container;
    case 7:
      return shortened_name(variables.ca_name, kTruncatedName);
    case 8:
      return suffix(variables.key_index);
    case 9:
      return std::string(variables.delta ? "+" : "");
    // The attribute and class of an object in the directory, as the rest of an LDAP URL (RFC 4516).
    case 10:
      return fmt::format("?{}?base?objectClass=cRLDistributionPoint",
                         variables.delta ? "deltaRevocationList" : "certificateRevocationList");
    case 11:
      return std::string("?cACertificate?base?objectClass=certificationAuthority");
    default:
      return make_error(Errc::malformed, "unknown variable %{}", variable)
          .with_hint(
              "there are %1 to %11; a percent sign of the URL itself cannot be written: leave a blank as "
              "it is, it is encoded");
  }
  return make_error(Errc::unsupported, "variable %{} ({}) needs a directory, and this CA has none", variable,
                    kVariableNames[variable])
      .with_hint(
          "say where its configuration container is: vouch config set directory.configuration_container "
          "CN=Configuration,DC=corp,DC=example before the CA is set up; or leave the location out");
}

// The number of the variable at the start of `text`, and how many characters it takes; {0, 0} for none.
std::pair<unsigned, std::size_t> variable_at(std::string_view text) {
  if (text.starts_with('<')) {
    for (unsigned i = 1; i < std::size(kVariableNames); ++i)
      if (!kVariableNames[i].empty() && text.starts_with(kVariableNames[i]))
        return {i, kVariableNames[i].size()};
    return {0, 0};
  }
  if (!text.starts_with('%') || text.size() < 2 || text[1] < '0' || text[1] > '9') return {0, 0};
  // "%10" and "%11" are variables, and so "%1" followed by another digit than 0 or 1 is variable 1.
  if (text.size() > 2 && text[1] == '1' && (text[2] == '0' || text[2] == '1'))
    return {10u + static_cast<unsigned>(text[2] - '0'), 3};
  return {static_cast<unsigned>(text[1] - '0'), 2};
}

// That a place for both kinds of CRL keeps them apart.
Status check_names(const Location& location) {
  const bool both = (location.flags & publish_to_server) && (location.flags & publish_delta_to_server);
  LocationVariables variables{"h", "h", "CA", 0, 0, false, "CN=Configuration"};
  const std::string base = TRY(expand(location, variables));
  variables.delta = true;
  if (both && base == TRY(expand(location, variables)))
    return make_error(Errc::usage, "the delta CRL would overwrite the base CRL in {}", location.url)
        .with_hint("put %9 (<DeltaCRLAllowed>) into the name: it is + in the name of the delta");
  return ok();
}

// Publication to a web server, by HTTP PUT.
Status check_upload(LocationList list, const Location& location) {
  if (list == LocationList::aia || location.url.starts_with("ldap"))
    return make_error(Errc::unsupported, "nothing can be published to {}: {}", location.url,
                      list == LocationList::aia ? "the CA certificate is written to files only"
                                                : "there is no LDAP client")
        .with_hint("publish to a folder that the server shows (flags 1 and 64), and give the URL the others");
  const auto begin = location.url.find("://") + 3;
  if (location.url.substr(begin, location.url.find('/', begin) - begin).contains('@'))
    return make_error(Errc::usage, "a password does not belong into a location: everybody reads it")
        .with_hint("let the server take PUT from this machine's address, or through a proxy beside it");
  return check_names(location);
}

}  // namespace

Result<Location> parse_location(std::string_view text) {
  const auto colon = text.find(':');
  Location location;
  const auto flags = colon == std::string_view::npos ? std::nullopt : read_flags(text.substr(0, colon));
  if (!flags)
    return make_error(Errc::malformed, "'{}' is not a location", text)
        .with_hint(
            "write FLAGS:URL, for example 2:http://pki.example.com/%3%8%9.crl, or with names "
            "AddToCertificateCdp:http://…");
  location.flags = *flags;
  location.url = text.substr(colon + 1);
  if (!is_file(location) && !location.url.starts_with("http://") && !location.url.starts_with("https://") &&
      !location.url.starts_with("ldap://"))
    return make_error(Errc::malformed,
                      "'{}' is neither an absolute path nor an http, https, ldap or file URL", location.url);
  if (std::ranges::any_of(location.url, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
    return make_error(Errc::malformed, "the location has control characters");
  (void)TRY(expand(location, {"host.example", "host", "CA", 0, 0, false, "CN=Configuration"}));
  return location;
}

Status check_location(LocationList list, const Location& location) {
  const std::string_view name = list == LocationList::cdp ? "CDP" : "AIA";
  if (const std::uint32_t unknown = location.flags & ~known_flags(list))
    return make_error(Errc::usage, "flag {} is none of {} locations", unknown, name)
        .with_hint(fmt::format("they take {} ({})", known_flags(list), flag_names(list, known_flags(list))));
  if (is_file(location)) {
    if (location.flags & ~(publish_to_server | publish_delta_to_server))
      return make_error(Errc::usage, "{} is a path of this machine: no client can read it there",
                        location.url)
          .with_hint(
              "give files the flags 1 and 64, and the URL under which a web server shows them a location "
              "of its own");
    return check_names(location);
  }
  if (!(location.flags & (publish_to_server | publish_delta_to_server))) return ok();
  return check_upload(list, location);
}

std::span<const LocationFlagName> location_flag_names() { return kFlagNames; }

std::string flag_names(LocationList list, std::uint32_t flags) {
  std::string names;
  for (const LocationFlagName& name : kFlagNames)
    if ((list == LocationList::cdp ? name.cdp : name.aia) && (flags & name.flag))
      names += fmt::format("{}{}", names.empty() ? "" : ", ", name.name);
  return names;
}

std::string format_location(const Location& location) {
  return fmt::format("{}:{}", location.flags, location.url);
}

bool is_file(const Location& location) {
  return location.url.starts_with('/') || location.url.starts_with("file:///");
}

Result<std::string> expand(const Location& location, const LocationVariables& variables) {
  const bool file = is_file(location);
  std::string_view rest = location.url;
  if (file && rest.starts_with("file://")) rest.remove_prefix(7);
  const bool names_shard = rest.find(kShardName) != std::string_view::npos;
  std::string out;
  while (!rest.empty()) {
    const auto [variable, length] = variable_at(rest);
    if (length == 0) {
      out += file ? std::string(1, rest.front()) : url_literal(rest.front());
      rest.remove_prefix(1);
      continue;
    }
    if (variable == kShardSuffix) {
      out += shard_suffix(variables.shard);
      rest.remove_prefix(length);
      continue;
    }
    const std::string value =
        TRY(value_of(variable, variables).context("expanding location {}", location.url));
    const bool own_syntax = variable == 10 || variable == 11;
    out += file            ? as_path_element(value)
           : own_syntax    ? value
           : variable == 6 ? as_url_name(value)
                           : percent_encoded(value);
    if (variable == kKeySuffix && !names_shard) out += shard_suffix(variables.shard);
    rest.remove_prefix(length);
  }
  return out;
}

std::string with_shard(std::string_view url, std::uint32_t shard) {
  std::string out;
  for (;;) {
    const std::size_t at = url.find(kShardName);
    out += url.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += shard_suffix(shard);
    url.remove_prefix(at + kShardName.size());
  }
}

bool is_of_any_shard(std::string_view url) { return url.find(kShardName) != std::string_view::npos; }

Status check_shard_places(const std::vector<Location>& cdp) {
  LocationVariables variables{"h", "h", "CA", 0, 0, false, "CN=C", {}, kAnyShard};
  for (const Location& location : cdp)
    if (!is_of_any_shard(TRY(expand(location, variables))))
      return make_error(Errc::usage, "the CRLs are sharded, and all shards would have the one location {}",
                        format_location(location))
          .with_hint("put %8 (<CRLNameSuffix>) or <CRLShardSuffix> into it: it is ~1 in the name of shard 1");
  return ok();
}

Result<IssuedLocations> issued_locations(const std::vector<Location>& cdp, const std::vector<Location>& aia,
                                         const LocationVariables& variables) {
  IssuedLocations issued;
  for (const Location& location : cdp)
    if (location.flags & add_to_certificate) issued.cdp.push_back(TRY(expand(location, variables)));
  for (const Location& location : aia) {
    if (location.flags & add_to_certificate_ocsp) issued.ocsp.push_back(TRY(expand(location, variables)));
    if (location.flags & add_to_certificate) issued.aia.push_back(TRY(expand(location, variables)));
  }
  return issued;
}

std::string format_issued_locations(const IssuedLocations& locations) {
  std::string text;
  for (const std::string& url : locations.cdp) text += fmt::format("cdp {}\n", url);
  for (const std::string& url : locations.ocsp) text += fmt::format("ocsp {}\n", url);
  for (const std::string& url : locations.aia) text += fmt::format("aia {}\n", url);
  return text;
}

Result<IssuedLocations> parse_issued_locations(std::string_view text) {
  IssuedLocations locations;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const auto blank = line.find(' ');
    const std::string_view kind = line.substr(0, blank);
    auto* list = kind == "cdp" ? &locations.cdp : kind == "ocsp" ? &locations.ocsp : &locations.aia;
    if (blank == std::string_view::npos || line.size() == text.size() ||
        (kind != "aia" && list == &locations.aia))
      return make_error(Errc::malformed, "the stored locations are damaged");
    list->emplace_back(line.substr(blank + 1));
    text.remove_prefix(line.size() + 1);
  }
  return locations;
}

std::vector<Location> default_cdp(std::string_view published_folder, bool directory) {
  std::vector<Location> list{
      {publish_to_server | publish_delta_to_server, fmt::format("{}/%3%8%9.crl", published_folder)},
      {add_to_certificate | add_to_freshest_crl, "http://%1/pki/%3%8%9.crl"}};
  if (directory)
    list.push_back({add_to_certificate | add_to_freshest_crl | add_to_crl_cdp,
                    "ldap:///CN=%7%8,CN=%2,CN=CDP,CN=Public Key Services,CN=Services,%6%10"});
  return list;
}

std::vector<Location> default_aia(std::string_view published_folder, bool directory) {
  std::vector<Location> list{{publish_to_server, fmt::format("{}/%3%4.crt", published_folder)},
                             {add_to_certificate, "http://%1/pki/%3%4.crt"}};
  if (directory)
    list.push_back({add_to_certificate, "ldap:///CN=%7,CN=AIA,CN=Public Key Services,CN=Services,%6%11"});
  return list;
}

}  // namespace vouch::ca
