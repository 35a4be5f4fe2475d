#pragma once
// The sign-in log: one line of JSON for each decision, in a file, and the newest of them in memory to be
// asked for.

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/time.hpp"
#include "relying/decision.hpp"

namespace vouch::relying {

// Which lines are wanted; what is not set lets all through.
struct DecisionFilter {
  std::optional<bool> accepted{};
  std::string code{};  // "500171", "AADSTS500171" or our own name
  std::string text{};  // in subject, issuer or serial, in any case
  std::string client{};
  std::optional<Time> since{}, until{};
  std::size_t most = 1000;  // the newest
};
Result<DecisionFilter> read_decision_filter(std::string_view query);
std::string to_query(const DecisionFilter& filter);

class DecisionLog {
 public:
  // Keeps the newest `lines`, and of them no more than `octets`.
  explicit DecisionLog(std::size_t lines = 10'000, std::size_t octets = std::size_t{8} << 20)
      : most_lines_(lines), most_octets_(octets) {}

  // Appends to a file from now on; an empty path ends that. Also after logrotate has renamed it.
  Status open(const fs::path& file);
  // Never fails: lines that the disk does not take are counted.
  void write(const Decision& decision, std::string_view client);
  // The oldest first.
  std::vector<std::string> find(const DecisionFilter& filter) const;
  std::uint64_t lost() const;

 private:
  struct Line {
    Time time{};
    bool accepted = false;
    unsigned code = 0;
    std::string name, client, haystack, json;  // haystack: subject, issuer and serial in lower case
  };
  static bool fits(const Line& line, const DecisionFilter& filter);

  const std::size_t most_lines_, most_octets_;
  mutable std::mutex guards_lines_;
  std::deque<Line> lines_;
  std::size_t octets_ = 0;
  std::uint64_t lost_ = 0;
  fs::path path_;
  FileDescriptor file_;
};

}  // namespace vouch::relying
