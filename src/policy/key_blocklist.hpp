#pragma once
// Lists of keys whose private half is known to the world, in the format of Debian's openssl-blacklist: one
// key a line, as the last 80 bits of the SHA-1 of "Modulus=HEX\n" in 20 hexadecimal digits; lines with # are
// comments. The same format carries the keys of CVE-2008-0166 and private lists of keys that were shipped
// with products.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace vouch::policy {

class KeyBlocklist {
 public:
  using Fingerprint = std::array<std::uint8_t, 10>;

  // `file` is for messages. Fails with `malformed`, naming the line, and `limit_exceeded` above 16 million
  // keys.
  static Result<KeyBlocklist> parse(std::string_view text, std::string_view file);

  bool contains(const Fingerprint& key) const;
  std::size_t size() const { return keys_.size(); }
  const std::vector<Fingerprint>& keys() const { return keys_; }

 private:
  std::vector<Fingerprint> keys_;  // sorted
};

// What is hashed of a modulus: `openssl rsa -noout -modulus` prints it so.
std::string blocklist_text(Bytes modulus);
// The part of its SHA-1 that stands in the lists.
KeyBlocklist::Fingerprint blocklist_fingerprint(Bytes sha1);

}  // namespace vouch::policy
