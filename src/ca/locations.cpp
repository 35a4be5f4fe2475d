#include "ca/locations.hpp"

#include <algorithm>
#include <charconv>

#include "ca/ca_name.hpp"

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
};

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

// AD CS: the first certificate and key have no suffix, later ones "(n)".
std::string suffix(std::uint16_t index) { return index == 0 ? "" : fmt::format("({})", index); }

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
    case 7:
      return shortened_name(variables.ca_name, kTruncatedName);
    case 8:
      return suffix(variables.key_index);
    case 9:
      return std::string(variables.delta ? "+" : "");
    case 6:
    case 10:
    case 11:
      return make_error(Errc::unsupported, "variable %{} ({}) needs a directory", variable,
                        kVariableNames[variable]);
    default:
      return make_error(Errc::malformed, "unknown variable %{}", variable);
  }
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

}  // namespace

Result<Location> parse_location(std::string_view text) {
  const auto colon = text.find(':');
  Location location;
  const std::string_view flags = text.substr(0, colon);
  const auto [end, error] = std::from_chars(flags.data(), flags.data() + flags.size(), location.flags);
  if (colon == std::string_view::npos || error != std::errc() || end != flags.data() + flags.size())
    return make_error(Errc::malformed, "'{}' is not a location", text)
        .with_hint("write FLAGS:URL, for example 2:http://pki.example.com/%3%8%9.crl");
  location.url = text.substr(colon + 1);
  if (!is_file(location) && !location.url.starts_with("http://") && !location.url.starts_with("https://") &&
      !location.url.starts_with("ldap://"))
    return make_error(Errc::malformed,
                      "'{}' is neither an absolute path nor an http, https, ldap or file URL", location.url);
  (void)TRY(expand(location, {"host.example", "host", "CA", 0, 0, false}));
  return location;
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
  std::string out;
  while (!rest.empty()) {
    const auto [variable, length] = variable_at(rest);
    if (length == 0) {
      out.push_back(rest.front());
      rest.remove_prefix(1);
      continue;
    }
    const std::string value =
        TRY(value_of(variable, variables).context("expanding location {}", location.url));
    out += file ? as_path_element(value) : percent_encoded(value);
    rest.remove_prefix(length);
  }
  return out;
}

std::vector<Location> default_cdp(std::string_view published_folder) {
  return {{publish_to_server | publish_delta_to_server, fmt::format("{}/%3%8%9.crl", published_folder)},
          {add_to_certificate, "http://%1/pki/%3%8%9.crl"}};
}

std::vector<Location> default_aia(std::string_view published_folder) {
  return {{publish_to_server, fmt::format("{}/%3%4.crt", published_folder)},
          {add_to_certificate, "http://%1/pki/%3%4.crt"}};
}

}  // namespace vouch::ca
