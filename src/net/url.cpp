#include "net/url.hpp"

#include "base/text.hpp"
#include "net/http.hpp"

namespace vouch::net {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Calls `visit(name, value)` for each item, raw; it returns false to end.
template <class Visit>
void for_each_item(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    const std::size_t equals = item.find('=');
    if (!item.empty() &&
        !visit(item.substr(0, equals),
               equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1)))
      return;
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::blank) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return make_error(Errc::malformed, "'%' without two hexadecimal digits at offset {}", i);
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out.append({'%', kDigits[octet >> 4], kDigits[octet & 15]});
    }
  }
  return out;
}

Result<std::vector<QueryItem>> parse_query(std::string_view query, Plus plus) {
  std::vector<QueryItem> items;
  Status status;
  for_each_item(query, [&](std::string_view name, std::string_view value) {
    if (items.size() == kMaxQueryItems) {
      status = make_error(Errc::limit_exceeded, "a query of more than {} items", kMaxQueryItems);
      return false;
    }
    auto decoded_name = percent_decode(name, plus);
    auto decoded_value = percent_decode(value, plus);
    if (!decoded_name || !decoded_value) {
      status = Status((decoded_name ? decoded_value : decoded_name).error())
                   .context("reading item {} of a query", items.size() + 1);
      return false;
    }
    items.emplace_back(std::move(*decoded_name), std::move(*decoded_value));
    return true;
  });
  TRY(std::move(status));
  return items;
}

std::string_view raw_query_value(std::string_view query, std::string_view name) {
  std::string_view found;
  for_each_item(query, [&](std::string_view item, std::string_view value) {
    if (!equal_names(item, name)) return true;
    found = value;
    return false;
  });
  return found;
}

Result<Buffer> decode_base64_in_target(std::string_view text) {
  std::string once;
  for (int round = 0; round < 2 && text.find('%') != std::string_view::npos; ++round) {
    once = TRY(percent_decode(text).context("decoding base64 in a request target"));
    text = once;
  }
  std::string plain;
  plain.reserve(text.size() + 3);
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    if (padding > 0) return make_error(Errc::malformed, "base64 goes on after its padding");
    plain.push_back(c == ' ' || c == '-' ? '+' : c == '_' ? '/' : c);
  }
  if (plain.empty()) return make_error(Errc::malformed, "there is no base64 in the request target");
  if (plain.size() % 4 == 1)
    return make_error(Errc::malformed, "base64 of {} characters is cut off", plain.size());
  while (plain.size() % 4 != 0) plain.push_back('=');
  return from_base64(plain).context("decoding base64 in a request target");
}

}  // namespace vouch::net
