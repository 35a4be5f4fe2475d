#pragma once
// A program that is run when files have changed: no shell, no inherited environment, a limit in time.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace vouch::relying {

struct Hook {
  std::vector<std::string> words;  // the program by its whole path, and its arguments
  std::vector<std::pair<std::string, std::string>> variables{};  // all of its environment, beside PATH
  std::chrono::milliseconds patience{60'000};
};

// Waits for its end. `unavailable` when it cannot be started or ends with another status than 0, with the
// last line that it printed; `timeout` when it takes too long: then it and what it started in its group are
// killed.
Status run_hook(const Hook& hook);

}  // namespace vouch::relying
