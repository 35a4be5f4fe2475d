#include "policy/name_syntax.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.hpp"

namespace vouch::policy {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::string_view label_fault(std::string_view label) {
  if (label.empty()) return "has an empty label";
  if (label.size() > 63) return "has a label of more than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "has a label that starts or ends with a hyphen";
  for (const char c : label) {
    if (c == '*') return "has a wildcard that is not the whole left-most label";
    if (c == '_') return "has an underscore, which host names must not have";
    if (!is_letter(c) && !is_digit(c) && c != '-')
      return "has a character that is not a letter, a digit or a hyphen";
  }
  return {};
}

// RFC 5322 atext.
constexpr bool is_atext(char c) {
  return is_letter(c) || is_digit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Dotted decimal, each part 0 to 255.
bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (true) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view part = text.substr(0, dot);
    if (part.empty() || part.size() > 3 || !std::ranges::all_of(part, is_digit)) return false;
    int value = 0;
    for (const char c : part) value = value * 10 + (c - '0');
    if (value > 255 || ++parts > 4) return false;
    if (dot == text.size()) return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

std::string_view authority_fault(std::string_view authority, bool host_is_optional) {
  if (authority.find('@') != std::string_view::npos) return "has a user name in it";
  std::string_view host = authority, port;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return "has an address without closing bracket";
    if (!std::ranges::all_of(host.substr(1, end - 1),
                             [](char c) { return is_hex(c) || c == ':' || c == '.'; }) ||
        end < 3)
      return "has a host that is no IPv6 address";
    port = host.substr(end + 1);
    host = {};
    if (!port.empty() && !port.starts_with(':')) return "has something behind its host";
  } else {
    const std::size_t colon = host.find(':');
    if (colon != std::string_view::npos) {
      port = host.substr(colon);
      host = host.substr(0, colon);
    }
    if (host.empty()) return host_is_optional && port.empty() ? std::string_view() : "has no host";
    if (host.starts_with('*')) return "has a wildcard as host";
    if (!is_ipv4(host) && !dns_name_fault(host).empty())
      return "has a host that is neither a DNS name nor an address";
  }
  if (!port.empty() && (port.size() < 2 || port.size() > 6 || !std::ranges::all_of(port.substr(1), is_digit)))
    return "has a port that is no number";
  return {};
}

}  // namespace

std::string_view dns_name_fault(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > 253) return "is longer than 253 characters";
  const bool wildcard = name.starts_with("*.");
  if (wildcard) name.remove_prefix(2);
  std::size_t labels = 0;
  std::string_view last;
  while (true) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    last = name.substr(0, dot);
    if (const std::string_view fault = label_fault(last); !fault.empty()) return fault;
    ++labels;
    if (dot == name.size()) break;
    name.remove_prefix(dot + 1);
  }
  if (std::ranges::all_of(last, is_digit)) return "ends in digits only, like an IP address";
  if (wildcard && labels < 2) return "is a wildcard over a whole top-level domain";
  return {};
}

std::string_view email_fault(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos) return "has no @";
  std::string_view local = address.substr(0, at);
  const std::string_view domain = address.substr(at + 1);
  if (local.empty() || local.size() > 64) return "has no 1 to 64 characters before the @";
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos)
    return "has a dot in the wrong place";
  if (!std::ranges::all_of(local, [](char c) { return is_atext(c) || c == '.'; }))
    return "has a character that an address must not have";
  if (domain.starts_with('*') || !dns_name_fault(domain).empty()) return "has a domain that is no DNS name";
  return {};
}

std::string_view known_scheme(std::string_view uri) {
  const std::string_view scheme = uri.substr(0, std::min(uri.find(':'), uri.size()));
  for (const std::string_view known : {"http", "https", "ldap", "ldaps", "file"})
    if (std::ranges::equal(scheme, known, [](char a, char b) { return ascii_lower(a) == b; })) return known;
  return {};
}

std::string_view uri_fault(std::string_view uri) {
  constexpr std::string_view kMarks = "-._~:/?#[]@!$&'()*+,;=%";
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) return "has no scheme";
  const std::string_view scheme = uri.substr(0, colon);
  if (!is_letter(scheme[0]) || !std::ranges::all_of(scheme, [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      }))
    return "has no scheme";
  const std::string_view rest = uri.substr(colon + 1);
  if (rest.empty()) return "has nothing behind its scheme";
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (!is_letter(c) && !is_digit(c) && kMarks.find(c) == std::string_view::npos)
      return "has a character that must be written with a percent sign";
    if (c == '%' && (i + 2 >= rest.size() || !is_hex(rest[i + 1]) || !is_hex(rest[i + 2])))
      return "has a percent sign without two hexadecimal digits";
  }
  const std::string_view known = known_scheme(uri);
  if (!rest.starts_with("//")) return known.empty() ? std::string_view() : "has no // behind its scheme";
  const std::string_view authority = rest.substr(2, std::min(rest.find_first_of("/?#", 2), rest.size()) - 2);
  return authority_fault(authority, known == "ldap" || known == "ldaps" || known == "file");
}

std::size_t upper_bound(const x509::Oid& type) {
  using namespace x509::oid;
  struct Bound {
    x509::Oid type;
    std::size_t characters;
  };
  static constexpr std::array kBounds{Bound{kCommonName, 64},
                                      Bound{kOrganization, 64},
                                      Bound{kOrganizationalUnit, 64},
                                      Bound{kCountry, 2},
                                      Bound{kLocality, 128},
                                      Bound{kState, 128},
                                      Bound{kSerialNumber, 64},
                                      Bound{kTitle, 64},
                                      Bound{kStreet, 128},
                                      Bound{kPseudonym, 128},
                                      Bound{kEmailAddress, 255},
                                      Bound{kUid, 256},
                                      Bound{kDomainComponent, 63},
                                      Bound{kUnstructuredName, 255},
                                      Bound{kUnstructuredAddress, 255}};
  for (const Bound& bound : kBounds)
    if (bound.type == type) return bound.characters;
  return 32768;  // ub-name
}

std::string_view attribute_fault(const x509::Oid& type, std::string_view value) {
  if (value.empty()) return "is empty";
  std::size_t characters = 0;
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x20 || octet == 0x7f) return "has a control character";
    if ((octet & 0xc0) != 0x80) ++characters;
  }
  if (type == x509::oid::kCountry) {
    const bool capitals =
        value.size() == 2 && std::ranges::all_of(value, [](char c) { return c >= 'A' && c <= 'Z'; });
    return capitals ? std::string_view() : "is not two capital letters (ISO 3166)";
  }
  return characters > upper_bound(type) ? "is longer than its type allows" : std::string_view();
}

}  // namespace vouch::policy
