#pragma once
// SCEP messages where people find them: a file with one, the query of a GET, a line of an access log, base64
// in a device's log.

#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace vouch::enroll::scep {

struct Captured {
  Buffer message;     // BER or DER of a ContentInfo
  std::string where;  // "the whole file", "PEM", "line 12", "line 12, the query of a GET"
};
// What was found, and what looks like a message but cannot be decoded: most often it is cut off, because logs
// shorten long lines.
struct Catch {
  std::vector<Captured> messages;
  std::vector<std::string> notes;  // "line 7: …"
};

constexpr std::size_t kMaxCaptured = 10'000;

// Looks at the octets as DER or BER, PEM, a query of base64 in any spelling (net::decode_base64_in_target),
// and text with base64 in it, also when that goes on over several lines. Whether a message is one of SCEP is
// not asked. `not_found`: nothing here looks like a message; `limit_exceeded`: more than kMaxCaptured.
Result<Catch> find_messages(Bytes content);

}  // namespace vouch::enroll::scep
