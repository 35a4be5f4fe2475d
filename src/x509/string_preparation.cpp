#include "x509/string_preparation.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "x509/string_types.hpp"

namespace vouch::x509 {
namespace {

// RFC 4518 2.2: what counts as space: separators of every kind, tabs, and the ends of lines.
bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

// RFC 4518 2.2: what is mapped to nothing: soft hyphens,
// joiners, variation selectors, controls, marks of direction.
bool is_ignored(char32_t c) {
  return c < 0x09 || (c >= 0x0e && c <= 0x1f) || (c >= 0x7f && c <= 0x9f && c != 0x85) || c == 0xad ||
         c == 0x34f || c == 0x6dd || c == 0x70f || c == 0x1806 || (c >= 0x180b && c <= 0x180e) ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2063) ||
         (c >= 0x206a && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffc) || (c >= 0x1d173 && c <= 0x1d17a) || c == 0xe0001 ||
         (c >= 0xe0020 && c <= 0xe007f);
}

// RFC 4518 2.4: unassigned, for private use, no characters, surrogates, and the replacement character.
bool is_prohibited(char32_t c) {
  if (c == 0xfffd) return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_CN || category == UTF8PROC_CATEGORY_CO ||
         category == UTF8PROC_CATEGORY_CS;
}

// Steps 2.2 (but for case), 2.4 and 2.6.1.
std::optional<std::string> mapped(std::string_view text) {
  std::string out;
  bool space_due = false;
  while (!text.empty()) {
    const auto c = take_code_point(text);
    if (!c) return std::nullopt;
    if (is_space(*c)) {
      space_due = !out.empty();
      continue;
    }
    if (is_ignored(*c)) continue;
    if (is_prohibited(*c)) return std::nullopt;
    if (space_due) out.push_back(' ');
    space_due = false;
    append_utf8(out, *c);
  }
  return out;
}

// Nearly every name is ASCII: the same steps without tables.
std::string prepared_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool space_due = false;
  for (const char c : text) {
    if (c == ' ' || (c >= 0x09 && c <= 0x0d)) {
      space_due = !out.empty();
      continue;
    }
    if (is_ignored(static_cast<unsigned char>(c))) continue;
    if (space_due) out.push_back(' ');
    space_due = false;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return out;
}

struct Free {
  void operator()(utf8proc_uint8_t* memory) const { std::free(memory); }
};

}  // namespace

std::optional<std::string> prepare_string(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return prepared_ascii(text);
  const auto plain = mapped(text);
  if (!plain) return std::nullopt;
  // Case folding and NFKC in one pass: what folds to several characters ("ß") is normalized with them.
  utf8proc_uint8_t* raw = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(plain->data()),
                                 static_cast<utf8proc_ssize_t>(plain->size()), &raw,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT |
                                                                UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD));
  const std::unique_ptr<utf8proc_uint8_t, Free> folded(raw);
  if (size < 0) return std::nullopt;
  // Compatibility forms may bring spaces of their own (U+00A8 is a space and a diaeresis).
  return mapped({reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)});
}

}  // namespace vouch::x509
