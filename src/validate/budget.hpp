#pragma once
// What one validation may spend, so that hostile sets of
// certificates cost no more than honest ones by a factor.

#include <cstddef>
#include <optional>
#include <string_view>

namespace vouch::validate {

struct Limits {
  std::size_t steps = 4096;                        // issuers tried while a path is built
  std::size_t signatures = 100;                    // signatures verified that no cache knows
  std::size_t paths = 64;                          // whole paths judged
  std::size_t comparisons = std::size_t{1} << 20;  // names held against subtrees
  std::size_t certificates = 16;                   // in a path, target and anchor included
};

// Counts down. What has run out stays out.
class Budget {
 public:
  explicit Budget(const Limits& limits) : whole_(limits), left_(limits) {}
  bool step() { return take(&Limits::steps, "issuers"); }
  bool signature() { return take(&Limits::signatures, "signatures"); }
  bool path() { return take(&Limits::paths, "paths"); }
  bool compare() { return take(&Limits::comparisons, "comparisons of names"); }

  // What was refused first: the search is not whole.
  struct Refused {
    std::size_t limit = 0;
    std::string_view what;
  };
  const std::optional<Refused>& refused() const { return refused_; }
  bool spent() const { return refused_.has_value(); }
  std::size_t used(std::size_t Limits::* part) const { return whole_.*part - left_.*part; }

 private:
  bool take(std::size_t Limits::* part, std::string_view what) {
    if (left_.*part == 0) {
      if (!refused_) refused_ = Refused{whole_.*part, what};
      return false;
    }
    --(left_.*part);
    return true;
  }
  Limits whole_, left_;
  std::optional<Refused> refused_;
};

}  // namespace vouch::validate
