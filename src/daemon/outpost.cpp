#include "daemon/outpost.hpp"

#include "daemon/server_certificate.hpp"

namespace vouch::daemon {

Outpost::Outpost(OutpostOptions options, FileLock only_one)
    : options_(std::move(options)),
      only_one_(std::move(only_one)),
      health_([this](const std::string& sentence) {
        if (options_.log) options_.log(sentence);
      }),
      front_({.home = options_.home,
              .clock = options_.clock,
              .health = health_,
              .metrics = metrics_,
              .sockets = options_.sockets,
              .identity = [this](const TlsConfiguration& tls) {
                return load_identity_without_ca(options_.home, tls);
              }}) {}

Status Outpost::open(Configuration configuration, std::vector<Job> jobs) {
  TRY(front_.open(std::move(configuration)));
  jobs.push_back(front_.certificate_job([this] { return reload(); }));
  scheduler_ = std::make_unique<Scheduler>(std::move(jobs), health_);
  return ok();
}

Status Outpost::reload() {
  const std::scoped_lock lock(guards_reload_);
  TRY(take(TRY(options_.configuration())));
  hurry();
  return ok();
}

void Outpost::stop() {
  if (scheduler_) scheduler_->stop();
  front_.stop();
  scheduler_.reset();  // with all that its jobs hold
}

}  // namespace vouch::daemon
