#include "base/bytes.hpp"

#include <string.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vouch {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int, 256> make_base64_values() {
  std::array<int, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<unsigned char>(kBase64[i])] = static_cast<int>(i);
  return values;
}
constexpr auto kBase64Values = make_base64_values();

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

bool equal(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

bool equal_constant_time(Bytes a, Bytes b) {
  // The length is not the secret; its content is.
  volatile std::uint8_t difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

std::string to_hex(Bytes octets) {
  std::string out;
  out.reserve(octets.size() * 2);
  for (std::uint8_t octet : octets) {
    out.push_back(kHexDigits[octet >> 4]);
    out.push_back(kHexDigits[octet & 0x0f]);
  }
  return out;
}

Result<Buffer> from_hex(std::string_view text) {
  Buffer out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ':' || is_space(text[i])) {
      ++i;
      continue;
    }
    const int high = hex_digit(text[i]);
    const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
    if (high < 0 || low < 0)
      return make_error(Errc::malformed,
                        "'{}' is not hexadecimal: two digits an octet expected at position {}", text, i + 1);
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
    i += 2;
  }
  return out;
}

std::string to_base64(Bytes octets) {
  std::string out((octets.size() + 2) / 3 * 4, '=');
  auto at = out.begin();
  const auto put = [&at](std::uint32_t group, int characters) {
    for (int shift = 18; characters != 0; shift -= 6, --characters) *at++ = kBase64[group >> shift & 0x3f];
  };
  for (; octets.size() >= 3; octets = octets.subspan(3))
    put(std::uint32_t{octets[0]} << 16 | std::uint32_t{octets[1]} << 8 | octets[2], 4);
  if (octets.size() == 2) put(std::uint32_t{octets[0]} << 16 | std::uint32_t{octets[1]} << 8, 3);
  if (octets.size() == 1) put(std::uint32_t{octets[0]} << 16, 2);
  return out;
}

Result<Buffer> from_base64(std::string_view text) {
  Buffer out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  unsigned bits = 0, characters = 0, padding = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_space(c)) continue;
    ++characters;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0 || padding != 0)
      return make_error(Errc::malformed, "not base64: unexpected character at position {}", i + 1);
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(group >> bits));
      group &= (1u << bits) - 1;
    }
  }
  if (characters % 4 != 0 || padding > 2) return make_error(Errc::malformed, "not base64: truncated");
  if (group != 0) return make_error(Errc::malformed, "not base64: bits set after the last octet");
  return out;
}

void wipe(std::span<std::uint8_t> secret) {
  if (!secret.empty()) explicit_bzero(secret.data(), secret.size());  // an empty span may point nowhere
}
void wipe(std::string& secret) {
  explicit_bzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace vouch
