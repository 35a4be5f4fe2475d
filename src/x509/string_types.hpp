#pragma once
// Code points and UTF-8, for the string types of names. Internal to this room.

#include <optional>
#include <string>
#include <string_view>

namespace vouch::x509 {

// Takes the next code point off the front of `text`. Nothing when the front is not well-formed UTF-8
// (RFC 3629: shortest form, no surrogates, at most U+10FFFF); `text` then stays as it was.
std::optional<char32_t> take_code_point(std::string_view& text);
void append_utf8(std::string& out, char32_t code_point);
constexpr bool is_surrogate(char32_t code_point) { return code_point >= 0xd800 && code_point <= 0xdfff; }

// Characters that a terminal or a log viewer acts on: C0, DEL, C1, line and paragraph separators, and those
// that turn the direction of writing. Printed names show them as hex pairs.
constexpr bool is_unprintable(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

}  // namespace vouch::x509
