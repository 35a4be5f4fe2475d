#pragma once
// The whole record of decisions, for a person who looks for what is wrong: off as a rule, switched on at run
// time, for a time, bounded in size, without what URLs may carry of passwords and tokens.

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "relying/decision.hpp"

namespace vouch::relying {

class Trace {
 public:
  explicit Trace(std::size_t octets) : most_octets_(octets) {}

  struct Switch {
    bool on = false;
    std::optional<Time> until{};  // it goes off by itself
    bool refused_only = false;
  };
  void set(const Switch& wanted);
  Switch state(Time now) const;

  // Kept when the trace is on; the oldest records go. One that is larger than the whole trace is left out and
  // counted.
  void add(const Decision& decision, std::string_view client);
  void clear();
  // {on, until, refused_only, octets, most_octets, left_out, records []}; a record is {client, decision {}}.
  Value to_value(Time now) const;

 private:
  const std::size_t most_octets_;
  mutable std::mutex guards_records_;
  Switch switch_;
  std::deque<std::string> records_;  // JSON: a tree in memory would be several times as large
  std::size_t octets_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace vouch::relying
