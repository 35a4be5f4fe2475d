#include "relying/gateway/redact.hpp"

#include <algorithm>

namespace vouch::relying {
namespace {

// A URL ends where no URL goes on (RFC 3986 has none of these).
constexpr std::string_view kEnds = " \t\r\n\"'<>()[]{}|\\^`,;";

}  // namespace

std::string without_credentials(std::string_view text) {
  std::string out;
  for (;;) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, scheme + 3));
    text.remove_prefix(scheme + 3);
    std::string_view url = text.substr(0, std::min(text.find_first_of(kEnds), text.size()));
    text.remove_prefix(url.size());
    const std::string_view authority = url.substr(0, std::min(url.find_first_of("/?#"), url.size()));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      out += "…";
      url.remove_prefix(at);
    }
    const auto query = std::min(url.find('?'), url.size());
    out.append(url.substr(0, query));
    if (query != url.size()) out += "?…";
  }
}

Value tree_without_credentials(Value value) {
  if (const std::string* text = value.text()) return Value(without_credentials(*text));
  if (Value::List* items = value.list_items())
    for (Value& item : *items) item = tree_without_credentials(std::move(item));
  if (Value::Table* members = value.members())
    for (auto& [key, member] : *members) member = tree_without_credentials(std::move(member));
  return value;
}

}  // namespace vouch::relying
