#include "policy/key_blocklist.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::policy {
namespace {

constexpr std::size_t kMostKeys = std::size_t{1} << 24;
constexpr std::size_t kDigits = 20;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The two digits at `text` as one octet; false when they are none.
bool read_octet(const char* text, std::uint8_t& out) {
  const int high = digit(text[0]), low = digit(text[1]);
  if (high < 0 || low < 0) return false;
  out = static_cast<std::uint8_t>(high << 4 | low);
  return true;
}

bool read_key(std::string_view line, KeyBlocklist::Fingerprint& key) {
  if (line.size() != kDigits) return false;
  for (std::size_t i = 0; i < key.size(); ++i)
    if (!read_octet(line.data() + 2 * i, key[i])) return false;
  return true;
}

}  // namespace

Result<KeyBlocklist> KeyBlocklist::parse(std::string_view text, std::string_view file) {
  KeyBlocklist list;
  list.keys_.reserve(text.size() / (kDigits + 1));
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end), " \t\r");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    Fingerprint key{};
    if (!read_key(line, key))
      return make_error(Errc::malformed, "{}:{}: expected {} hexadecimal digits or a comment", file, number,
                        kDigits)
          .with_hint("each line is the end of: openssl rsa -noout -modulus -in KEY | sha1sum");
    if (list.keys_.size() == kMostKeys)
      return make_error(Errc::limit_exceeded, "{}: more than {} keys", file, kMostKeys);
    list.keys_.push_back(key);
  }
  if (!std::ranges::is_sorted(list.keys_)) std::ranges::sort(list.keys_);
  return list;
}

bool KeyBlocklist::contains(const Fingerprint& key) const { return std::ranges::binary_search(keys_, key); }

std::string blocklist_text(Bytes modulus) {
  std::string hex = to_hex(modulus);
  hex.erase(0, std::min(hex.find_first_not_of('0'), hex.size()));
  for (char& c : hex)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  return "Modulus=" + hex + "\n";
}

KeyBlocklist::Fingerprint blocklist_fingerprint(Bytes sha1) {
  KeyBlocklist::Fingerprint key{};
  if (sha1.size() >= key.size()) std::ranges::copy(sha1.last(key.size()), key.begin());
  return key;
}

}  // namespace vouch::policy
