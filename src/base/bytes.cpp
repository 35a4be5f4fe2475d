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
  char* at = out.data();
  const auto character = [](std::uint32_t group, unsigned shift) { return kBase64[group >> shift & 0x3f]; };
  std::size_t i = 0;
  for (; i + 3 <= octets.size(); i += 3, at += 4) {
    const std::uint32_t group =
        std::uint32_t{octets[i]} << 16 | std::uint32_t{octets[i + 1]} << 8 | octets[i + 2];
    at[0] = character(group, 18);
    at[1] = character(group, 12);
    at[2] = character(group, 6);
    at[3] = character(group, 0);
  }
  if (const std::size_t left = octets.size() - i; left != 0) {
    const std::uint32_t group =
        std::uint32_t{octets[i]} << 16 | (left == 2 ? std::uint32_t{octets[i + 1]} << 8 : 0);
    at[0] = character(group, 18);
    at[1] = character(group, 12);
    if (left == 2) at[2] = character(group, 6);
  }
  return out;
}

Result<Buffer> from_base64(std::string_view text) {
  Buffer out(text.size() / 4 * 3 + 3);
  std::uint8_t* at = out.data();
  const auto value_at = [&](std::size_t i) { return kBase64Values[static_cast<unsigned char>(text[i])]; };
  std::uint32_t group = 0;
  unsigned bits = 0, characters = 0, padding = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Four at once, where four stand together.
    for (; bits == 0 && padding == 0 && i + 4 <= text.size(); i += 4, characters += 4, at += 3) {
      const int a = value_at(i), b = value_at(i + 1), c = value_at(i + 2), d = value_at(i + 3);
      if ((a | b | c | d) < 0) break;
      at[0] = static_cast<std::uint8_t>(a << 2 | b >> 4);
      at[1] = static_cast<std::uint8_t>(b << 4 | c >> 2);
      at[2] = static_cast<std::uint8_t>(c << 6 | d);
    }
    if (i == text.size()) break;
    const char c = text[i];
    if (is_space(c)) continue;
    ++characters;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int value = value_at(i);
    if (value < 0 || padding != 0)
      return make_error(Errc::malformed, "not base64: unexpected character at position {}", i + 1);
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      *at++ = static_cast<std::uint8_t>(group >> bits);
      group &= (1u << bits) - 1;
    }
  }
  if (characters % 4 != 0 || padding > 2) return make_error(Errc::malformed, "not base64: truncated");
  if (group != 0) return make_error(Errc::malformed, "not base64: bits set after the last octet");
  out.resize(static_cast<std::size_t>(at - out.data()));
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
