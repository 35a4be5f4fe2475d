#include "policy/fixed_names.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "policy/name_syntax.hpp"

namespace vouch::policy {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

constexpr std::string_view kPkinit = "PKINIT:";

// "user@REALM" or "service/host@REALM" as an id-pkinit-san.
Result<x509::GeneralName> pkinit_name(std::string_view principal) {
  const std::size_t at = principal.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == principal.size())
    return make_error(Errc::denied, "'{}' is no Kerberos principal of the form name@REALM", principal);
  std::vector<std::string> components;
  std::string_view name = principal.substr(0, at);
  while (true) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    if (slash == 0) return make_error(Errc::denied, "'{}' has an empty part", principal);
    components.emplace_back(name.substr(0, slash));
    if (slash == name.size()) break;
    name.remove_prefix(slash + 1);
  }
  return x509::GeneralName::pkinit(upper(principal.substr(at + 1)), components);
}

// Values that let every text of a template be checked for its form.
const Variables& example() {
  static const Variables variables("host/www.example.com@EXAMPLE.COM", "www.example.com");
  return variables;
}

}  // namespace

Variables::Variables(std::string_view requester, std::string_view common_name)
    : requester_(requester), common_name_(common_name) {
  const std::size_t at = requester.rfind('@');
  const std::string_view name = requester.substr(0, std::min(at, requester.size()));
  const std::string_view domain =
      at == std::string_view::npos ? std::string_view() : requester.substr(at + 1);
  realm_ = upper(domain);
  if (name.starts_with("host/")) {  // a Kerberos host principal
    dns_ = lower_case(name.substr(5));
  } else if (name.ends_with('$') && name.size() > 1 &&
             !domain.empty()) {  // a computer account: WS1$@corp.example
    dns_ = lower_case(name.substr(0, name.size() - 1)) + "." + lower_case(domain);
  } else if (!name.empty() && !domain.empty() && name.find('/') == std::string_view::npos) {
    upn_ = fmt::format("{}@{}", name, lower_case(domain));
  }
  if (!dns_.empty() && (dns_.starts_with('*') || !dns_name_fault(dns_).empty())) dns_.clear();
}

Result<std::string> Variables::value(std::string_view variable) const {
  const std::string* found = variable == "requester" ? &requester_
                             : variable == "cn"      ? &common_name_
                             : variable == "upn"     ? &upn_
                             : variable == "email"   ? &upn_
                             : variable == "dns"     ? &dns_
                             : variable == "realm"   ? &realm_
                                                     : nullptr;
  if (found == nullptr)
    return make_error(Errc::usage, "there is no variable {{{}}}", variable)
        .with_hint("known: {cn}, {dns}, {upn}, {email}, {realm}, {requester}");
  if (found->empty())
    return make_error(Errc::denied, "nothing is known for {{{}}} of requester '{}'", variable, requester_);
  return *found;
}

Result<std::string> Variables::fill(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    const std::size_t close = text.find('}');
    if (close == std::string_view::npos) return make_error(Errc::usage, "a variable has no closing brace");
    out += TRY(value(text.substr(1, close - 1)));
    text.remove_prefix(close + 1);
  }
  return out;
}

Result<x509::Name> fixed_subject(std::string_view text, const Variables& variables) {
  x509::Name name = TRY(x509::name_from_rfc4514(text));
  for (x509::RelativeName& rdn : name.rdns) {
    for (x509::NameAttribute& attribute : rdn) {
      const std::string value = TRY(attribute.text());
      if (value.find('{') == std::string::npos) continue;
      attribute = x509::make_attribute(attribute.type, TRY(variables.fill(value)));
    }
  }
  return name;
}

Result<x509::GeneralName> fixed_san(std::string_view text, const Variables& variables) {
  const std::string filled = TRY(variables.fill(text));
  if (text.starts_with(kPkinit)) return pkinit_name(std::string_view(filled).substr(kPkinit.size()));
  return x509::GeneralName::from_text(filled);
}

Status check_fixed_subject(std::string_view text) {
  // {upn} and {dns} exclude each other in one requester, so all that count as missing are filled alike.
  const Variables person("alice@example.com", "Alice");
  auto name = fixed_subject(text, example());
  if (!name && name.error().code() == Errc::denied) name = fixed_subject(text, person);
  if (!name && name.error().code() != Errc::denied) return std::move(name.error());
  if (name && name->empty()) return make_error(Errc::malformed, "the fixed subject is empty");
  return ok();
}

Status check_fixed_san(std::string_view text) {
  const Variables person("alice@example.com", "Alice");
  auto name = fixed_san(text, example());
  if (!name && name.error().code() == Errc::denied) name = fixed_san(text, person);
  if (!name && name.error().code() != Errc::denied) return std::move(name.error());
  return ok();
}

bool uses_request(std::string_view text) { return text.find("{cn}") != std::string_view::npos; }

}  // namespace vouch::policy
