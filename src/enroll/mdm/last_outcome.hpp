#pragma once
// What the last call of an outside service came to: for the health state of its name.

#include <mutex>

#include "base/result.hpp"

namespace vouch::enroll::mdm {

class LastOutcome {
 public:
  void set(const Status& status) const {
    const std::scoped_lock lock(guards_status_);
    status_ = status;
  }
  Status get() const {
    const std::scoped_lock lock(guards_status_);
    return status_;
  }

 private:
  mutable std::mutex guards_status_;
  mutable Status status_ = ok();
};

}  // namespace vouch::enroll::mdm
