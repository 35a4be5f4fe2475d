#pragma once
// What one validation may spend, so that hostile sets of certificates cost no more than honest ones by a
// factor.

#include <cstddef>

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
  explicit Budget(const Limits& limits) : left_(limits) {}
  bool step() { return take(left_.steps); }
  bool signature() { return take(left_.signatures); }
  bool path() { return take(left_.paths); }
  bool compare() { return take(left_.comparisons); }
  // Something was refused: the search says that it is not whole.
  bool spent() const { return spent_; }
  const Limits& left() const { return left_; }

 private:
  bool take(std::size_t& left) {
    if (left == 0) {
      spent_ = true;
      return false;
    }
    --left;
    return true;
  }
  Limits left_;
  bool spent_ = false;
};

}  // namespace vouch::validate
