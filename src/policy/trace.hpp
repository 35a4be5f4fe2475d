#pragma once
// The decision trace: every rule that was asked about a request, what it expected, what it received and
// what it said. Stored with the request, printed by `vouch why`.

#include <string>
#include <string_view>
#include <vector>

#include "base/value.hpp"

namespace vouch::policy {

enum class Verdict : std::uint8_t { passed, changed, pended, denied };
std::string_view to_string(Verdict verdict);

struct TraceStep {
  std::string rule;  // stable name: "key.size", "san.type", "validity.beyond_ca"
  Verdict verdict = Verdict::passed;
  std::string expected, received;  // for people; may be empty for passed rules
  std::string mend;                // what to do about it, for pended and denied rules
  bool operator==(const TraceStep&) const = default;
};

using Trace = std::vector<TraceStep>;

// Compact text, one line a step, for the database; parse_trace is its inverse.
std::string format_trace(const Trace& trace);
Result<Trace> parse_trace(std::string_view text);
Value describe_trace(const Trace& trace);       // --json
std::string explain_trace(const Trace& trace);  // for a terminal

}  // namespace vouch::policy
