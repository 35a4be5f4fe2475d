#pragma once
// What is wrong with the service right now, by name. Whoever finds something out says so here; /readyz shows
// it and looks at nothing itself.

#include <map>
#include <mutex>

#include "base/result.hpp"
#include "net/health.hpp"

namespace vouch::daemon {

class Health {
 public:
  // Calls `changed` with one sentence when a state turns good or bad.
  explicit Health(std::function<void(const std::string& sentence)> changed) : changed_(std::move(changed)) {}

  void good(std::string_view name);
  void bad(std::string_view name, std::string_view cause);
  void set(std::string_view name, const Status& status);
  void forget(std::string_view name);  // the thing is not there any more
  std::vector<net::HealthCheck> checks() const;

 private:
  void set(std::string_view name, bool good, std::string_view detail);

  const std::function<void(const std::string&)> changed_;
  mutable std::mutex guards_states_;
  std::map<std::string, net::HealthCheck, std::less<>> states_;
};

}  // namespace vouch::daemon
