#include "net/ldap_answer.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::net {
namespace {

std::string_view without_binary(std::string_view attribute) {
  constexpr std::string_view kBinary = ";binary";
  if (attribute.size() > kBinary.size() &&
      equal_ignoring_case(attribute.substr(attribute.size() - kBinary.size()), kBinary))
    attribute.remove_suffix(kBinary.size());
  return attribute;
}

}  // namespace

std::string_view ldap_attribute(std::string_view url) {
  const std::size_t question = url.find('?');
  if (question == std::string_view::npos) return {};
  url.remove_prefix(question + 1);
  return url.substr(0, url.find_first_of("?,"));
}

// Each value stands on a line of its own: a tab, the attribute, ": " and the text or ":: " and base64.
Result<Buffer> ldap_value(std::string_view text, std::string_view attribute) {
  const std::string_view wanted = without_binary(attribute);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with('\t')) continue;
    line.remove_prefix(1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos ||
        !equal_ignoring_case(without_binary(line.substr(0, colon)), wanted))
      continue;
    line.remove_prefix(colon + 1);
    const bool encoded = line.starts_with(':');
    if (encoded) line.remove_prefix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (!encoded) return to_buffer(as_bytes(line));
    return from_base64(line).context("reading the attribute {} of a directory", attribute);
  }
  return make_error(Errc::not_found, "the directory has no value of {} there", attribute);
}

}  // namespace vouch::net
