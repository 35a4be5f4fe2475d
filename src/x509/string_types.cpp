#include "x509/string_types.hpp"

#include <algorithm>

#include "x509/name.hpp"

namespace vouch::x509 {
namespace {

using asn1::Tag;

Error bad(std::string_view type, std::string_view what) {
  return make_error(Errc::malformed, "{} {}", type, what);
}

// Every octet is a character of one octet in UTF-8 that `allowed` knows.
template <class Allowed>
Result<std::string> ascii_subset(std::string_view type, Bytes contents, Allowed&& allowed) {
  for (const std::uint8_t octet : contents)
    if (octet >= 0x80 || !allowed(octet))
      return bad(type, fmt::format("holds the octet 0x{:02x}, which it cannot hold", octet));
  return std::string(as_text(contents));
}

// Big-endian code points of two (UCS-2) or four (UCS-4) octets.
Result<std::string> from_ucs(std::string_view type, Bytes contents, std::size_t width) {
  if (contents.size() % width != 0)
    return bad(type, fmt::format("is not a multiple of {} octets long", width));
  std::string text;
  text.reserve(contents.size());
  for (std::size_t i = 0; i < contents.size(); i += width) {
    char32_t code_point = 0;
    for (std::size_t j = 0; j < width; ++j) code_point = code_point << 8 | contents[i + j];
    if (is_surrogate(code_point)) return bad(type, "holds a surrogate, which is half a character");
    if (code_point > 0x10ffff) return bad(type, "holds a code point above U+10FFFF");
    append_utf8(text, code_point);
  }
  return text;
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = octet(0);
  // RFC 3629 section 3. C0 and C1 could only start overlong forms.
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  char32_t code_point = length == 1 ? lead : static_cast<char32_t>(lead & (0x7f >> length));
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return std::nullopt;
    code_point = code_point << 6 | (octet(i) & 0x3f);
  }
  const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
  if (overlong || code_point > 0x10ffff || is_surrogate(code_point)) return std::nullopt;
  text.remove_prefix(length);
  return code_point;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty())
    if (!take_code_point(text)) return false;
  return true;
}

// PrintableString (X.680 41.4): letters, digits, space and ' ( ) + , - . / : = ?
bool is_printable_string(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" '()+,-./:=?").contains(c);
  });
}

Result<std::string> string_to_utf8(Tag type, Bytes contents) {
  switch (type) {
    case Tag::utf8_string:
      if (!is_valid_utf8(as_text(contents))) return bad("UTF8String", "is not UTF-8");
      return std::string(as_text(contents));
    case Tag::printable_string:
      return ascii_subset("PrintableString", contents, [](std::uint8_t) { return true; });
    case Tag::ia5_string:
      return ascii_subset("IA5String", contents, [](std::uint8_t) { return true; });
    case Tag::visible_string:
      return ascii_subset("VisibleString", contents, [](std::uint8_t c) { return c >= 0x20 && c != 0x7f; });
    case Tag::numeric_string:
      return ascii_subset("NumericString", contents,
                          [](std::uint8_t c) { return c == ' ' || (c >= '0' && c <= '9'); });
    case Tag::teletex_string: {
      std::string text;
      for (const std::uint8_t octet : contents) append_utf8(text, octet);
      return text;
    }
    case Tag::universal_string:
      return from_ucs("UniversalString", contents, 4);
    case Tag::bmp_string:
      return from_ucs("BMPString", contents, 2);
    default:
      return make_error(Errc::malformed, "tag 0x{:02x} is no string type of names", unsigned(type));
  }
}

Buffer utf8_to_bmp(std::string_view text) {
  Buffer out;
  out.reserve(text.size() * 2);
  while (!text.empty()) {
    auto code_point = take_code_point(text);
    if (!code_point) text.remove_prefix(1);
    if (!code_point || *code_point > 0xffff) code_point = 0xfffd;
    out.push_back(static_cast<std::uint8_t>(*code_point >> 8));
    out.push_back(static_cast<std::uint8_t>(*code_point & 0xff));
  }
  return out;
}

}  // namespace vouch::x509
