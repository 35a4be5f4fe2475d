#include "lint/text_rules.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::lint {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::string> check_label(std::string_view label) {
  if (label.empty()) return "an empty label";
  if (label.size() > 63) return "a label of more than 63 characters";
  if (label.front() == '-' || label.back() == '-') return "a label that starts or ends with a hyphen";
  // The underscore is no letter of host names, yet Windows and service names use it.
  if (!std::ranges::all_of(label, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; }))
    return "a character that no host name has";
  return std::nullopt;
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xc0) != 0x80; }));
}

struct UpperBound {
  const x509::Oid& type;
  std::size_t most;
};
constexpr UpperBound kUpperBounds[] = {
    {x509::oid::kCommonName, 64},    {x509::oid::kOrganization, 64}, {x509::oid::kOrganizationalUnit, 64},
    {x509::oid::kLocality, 128},     {x509::oid::kState, 128},       {x509::oid::kSerialNumber, 64},
    {x509::oid::kTitle, 64},         {x509::oid::kSurname, 32768},   {x509::oid::kGivenName, 32768},
    {x509::oid::kEmailAddress, 255}, {x509::oid::kDnQualifier, 64},  {x509::oid::kPseudonym, 128}};

}  // namespace

std::optional<std::string> check_dns_name(std::string_view name) {
  if (name.empty()) return "an empty host name";
  if (name.size() > 253) return "a host name of more than 253 characters";
  if (name.starts_with("*.")) name.remove_prefix(2);
  while (true) {
    const auto dot = name.find('.');
    if (auto wrong = check_label(name.substr(0, dot))) return wrong;
    if (dot == std::string_view::npos) return std::nullopt;
    name.remove_prefix(dot + 1);
  }
}

std::optional<std::string> check_email(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos || at == 0) return "an e-mail address without a mailbox";
  if (!std::ranges::all_of(address, [](char c) { return c > ' ' && c < 0x7f; }))
    return "a character that no e-mail address has";
  return check_dns_name(address.substr(at + 1));
}

std::optional<std::string> check_url(std::string_view url) {
  if (!std::ranges::all_of(
          url, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\'; }))
    return "a character that must be percent-encoded";
  if (url.starts_with("https://")) return "https needs the certificate that is being checked; use http";
  const std::string_view rest = url.starts_with("http://")   ? url.substr(7)
                                : url.starts_with("ldap://") ? url.substr(7)
                                                             : "";
  // "ldap:///CN=…" has no host: the client's own directory (RFC 4516).
  if (rest.empty() || (rest.front() == '/' && !url.starts_with("ldap")))
    return "neither an http nor an ldap URL with a host";
  return std::nullopt;
}

std::optional<std::string> check_attributes(const x509::Name& name) {
  for (const x509::RelativeName& rdn : name.rdns)
    for (const x509::NameAttribute& attribute : rdn) {
      const auto text = attribute.text();
      if (!text) return fmt::format("{}: {}", x509::describe(attribute.type), text.error().message());
      if (text->empty()) return fmt::format("{} is empty", x509::describe(attribute.type));
      if (attribute.type == x509::oid::kCountry &&
          (text->size() != 2 || !is_letter((*text)[0]) || !is_letter((*text)[1])))
        return fmt::format("the country '{}' is not two letters (ISO 3166)", *text);
      for (const UpperBound& bound : kUpperBounds)
        if (attribute.type == bound.type && characters(*text) > bound.most)
          return fmt::format("{} has {} characters, at most {} fit", x509::describe(attribute.type),
                             characters(*text), bound.most);
    }
  return std::nullopt;
}

}  // namespace vouch::lint
