#pragma once
// Small helpers for text that people read and that JSON and TOML carry.

#include <span>
#include <string>
#include <string_view>

namespace vouch {

// The octets that the UTF-8 character at the front of `text` takes, 0 when there is no well-formed one
// (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
std::size_t utf8_character(std::string_view text);

// Appends a double-quoted string that is valid in JSON and in TOML alike: quotes, backslashes and control
// characters (C1 and DEL too, so that a terminal is safe) are escaped, each ill-formed octet becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text);

// The candidate that `word` was probably meant to be: at most a third of its letters differ, without regard
// to case. Empty when none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// What stands before the next `end`, or all of it; `text` is moved behind it.
std::string_view take_until(std::string_view& text, char end);
// Without the blanks at both ends.
std::string_view trimmed(std::string_view text, std::string_view blanks = " \t");
// The value of a hexadecimal digit, or -1.
int hex_digit(char c);

// Letters of ASCII only: for names of hosts, keywords and the like, whatever the locale.
constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower_case(std::string_view text);  // of ASCII letters
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace vouch
