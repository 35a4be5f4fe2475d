#include "diagnose/status_desk.hpp"

namespace vouch::diagnose {

StatusDesk::StatusDesk(const ca::Environment& environment, net::Fetcher& fetcher)
    : environment_(environment),
      fetcher_(fetcher),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

StatusDesk::~StatusDesk() = default;

Result<std::shared_ptr<const Report>> StatusDesk::report(std::chrono::seconds most_age) {
  const Time now = environment_.clock.now();
  const std::lock_guard lock(guards_);
  // Also one of the future: the clock was set back.
  if (!last_ || last_->time + most_age < now || last_->time > now) {
    wanted_ = true;
    wanted_changed_.notify_one();
  }
  if (last_) return last_;
  if (failure_) return *failure_;
  return make_error(Errc::unavailable, "the first status report is being made")
      .with_hint("ask again in some seconds");
}

void StatusDesk::work(const std::stop_token& stop) {
  std::unique_lock lock(guards_);
  for (;;) {
    if (!wanted_changed_.wait(lock, stop, [this] { return wanted_; })) return;
    lock.unlock();
    auto made = status(environment_, &fetcher_, {});
    lock.lock();
    wanted_ = false;
    failure_.reset();
    if (made)
      last_ = std::make_shared<const Report>(std::move(*made));
    else
      failure_ = std::move(made.error());
  }
}

}  // namespace vouch::diagnose
