#pragma once
// What was told already, so that a device that asks again (or a hundred times at once) does not make the same
// notification again. In memory and bounded: after a restart somebody may be told twice.

#include <deque>
#include <mutex>
#include <set>
#include <string>

namespace vouch::enroll::mdm {

class Told {
 public:
  explicit Told(std::size_t most = 10'000) : most_(most) {}
  bool contains(const std::string& what) const {
    const std::scoped_lock lock(guards_told_);
    return told_.contains(what);
  }
  // False when it was there already.
  bool add(const std::string& what) {
    const std::scoped_lock lock(guards_told_);
    if (!told_.insert(what).second) return false;
    order_.push_back(what);
    if (order_.size() > most_) {
      told_.erase(order_.front());
      order_.pop_front();
    }
    return true;
  }

 private:
  const std::size_t most_;
  mutable std::mutex guards_told_;
  std::set<std::string> told_;
  std::deque<std::string> order_;
};

}  // namespace vouch::enroll::mdm
