#pragma once
// Octets: borrowed (`Bytes`), owned (`Buffer`), and their spellings in text.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace vouch {

// A borrowed run of octets. Valid only while the buffer it came from lives.
using Bytes = std::span<const std::uint8_t>;
// An owned run of octets.
using Buffer = std::vector<std::uint8_t>;

// The octets of a text, and back. No conversion: text is UTF-8 throughout.
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}
inline Buffer to_buffer(Bytes octets) { return {octets.begin(), octets.end()}; }
inline void append(Buffer& out, Bytes more) { out.insert(out.end(), more.begin(), more.end()); }

bool equal(Bytes a, Bytes b);
// Takes the same time wherever the first difference is. For secrets and MACs.
bool equal_constant_time(Bytes a, Bytes b);

// Lower-case, two digits an octet, without separators.
std::string to_hex(Bytes octets);
// Accepts either case and, between octets, colons or spaces (as openssl and Windows print serials).
Result<Buffer> from_hex(std::string_view text);

// RFC 4648 section 4, with padding. `from_base64` skips white space and refuses everything else.
std::string to_base64(Bytes octets);
Result<Buffer> from_base64(std::string_view text);

// Overwrites secrets in a way that the optimiser keeps.
void wipe(std::span<std::uint8_t> secret);
void wipe(std::string& secret);

}  // namespace vouch
