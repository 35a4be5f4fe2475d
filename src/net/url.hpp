#pragma once
// Percent-encoding and queries (RFC 3986), in every spelling that clients are known to send. Output is never
// longer than input, so whoever limits a target limits this, too.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace vouch::net {

// What '+' means: itself (RFC 3986; base64 in SCEP and OCSP) or a blank (HTML forms).
enum class Plus : std::uint8_t { plus, blank };

// Decodes %XX once. `malformed`, with the offset, for a '%' without two hexadecimal digits.
Result<std::string> percent_decode(std::string_view text, Plus plus = Plus::plus);
// Encodes everything but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);

using QueryItem = std::pair<std::string, std::string>;
constexpr std::size_t kMaxQueryItems = 64;  // no protocol of ours has ten
// name=value pairs in order, decoded. `limit_exceeded` above kMaxQueryItems.
Result<std::vector<QueryItem>> parse_query(std::string_view query, Plus plus = Plus::plus);
// The raw value of the first item of that name (case counts not: clients write Operation and operation).
std::string_view raw_query_value(std::string_view query, std::string_view name);

// base64 that travelled in a target, as SCEP's GET (RFC 8894 section 4.1) and OCSP's (RFC 6960 appendix A.1)
// send it: percent-encoded never, once or twice (a proxy that encodes again), in either hex case; '+' sent
// bare and perhaps turned into a blank; line ends inside; the URL-safe alphabet; with, without or with too
// much padding. `malformed` for anything else and for nothing at all.
Result<Buffer> decode_base64_in_target(std::string_view text);

}  // namespace vouch::net
