#include "daemon/health.hpp"

namespace vouch::daemon {

void Health::set(std::string_view name, bool good, std::string_view detail) {
  bool turned = false;
  {
    const std::scoped_lock lock(guards_states_);
    auto [state, fresh] = states_.try_emplace(std::string(name));
    net::HealthCheck& check = state->second;
    turned = fresh ? !good : check.good != good;
    check = {std::string(name), good, std::string(detail)};
  }
  if (turned && changed_)
    changed_(good ? fmt::format("{} is in order again", name) : fmt::format("{}: {}", name, detail));
}

void Health::good(std::string_view name) { set(name, true, ""); }
void Health::bad(std::string_view name, std::string_view cause) { set(name, false, cause); }

void Health::set(std::string_view name, const Status& status) {
  if (status)
    good(name);
  else
    bad(name, status.error().summary());
}

void Health::forget(std::string_view name) {
  const std::scoped_lock lock(guards_states_);
  if (const auto state = states_.find(name); state != states_.end()) states_.erase(state);
}

std::vector<net::HealthCheck> Health::checks() const {
  const std::scoped_lock lock(guards_states_);
  std::vector<net::HealthCheck> all;
  all.reserve(states_.size());
  for (const auto& [name, check] : states_) all.push_back(check);
  return all;
}

}  // namespace vouch::daemon
