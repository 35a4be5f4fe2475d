#pragma once
// A service on a host that has no CA, whatever it serves: it has a home with vouch.toml, and neither a
// database nor a key of a CA. It is the only one of that home, shows the same HTTP front as the service of a
// CA, works in the background, and takes over another configuration without a stop. crl_responder.hpp,
// registration.hpp and gateway.hpp say what there is to serve.

#include <memory>
#include <mutex>

#include "daemon/front.hpp"

namespace vouch::daemon {

struct OutpostOptions {
  fs::path home;       // exists
  const Clock& clock;  // outlives the outpost
  // Reads the configuration, at the start and at each reload.
  std::function<Result<Configuration>()> configuration;
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

class Outpost {
 public:
  Outpost(const Outpost&) = delete;
  Outpost& operator=(const Outpost&) = delete;

  // Takes over listeners, limits and certificates, and what else the kind of outpost says; then every job
  // runs soon. On failure the service goes on.
  Status reload();
  // Accepts nothing more, finishes what runs.
  void stop();

  net::Address address(std::string_view listener) const { return front_.address(listener); }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }
  // Every listener in words, for the log.
  std::vector<std::string> places() const { return front_.places(); }
  void hurry() {
    if (scheduler_) scheduler_->hurry();
  }

 protected:
  // `only_one` is what lock_home gave for the home.
  Outpost(OutpostOptions options, FileLock only_one);
  // Routes and jobs use what a derived class holds, so its destructor calls stop().
  virtual ~Outpost() = default;

  // The last step of a start: listens, and begins with the jobs and with a watch on the server certificate.
  Status open(Configuration configuration, std::vector<Job> jobs);

  const fs::path& home() const { return options_.home; }
  const Clock& clock() const { return options_.clock; }
  const std::function<void(const std::string& line)>& log() const { return options_.log; }
  net::Metrics& metrics() { return metrics_; }
  Front& front() { return front_; }

 private:
  // What a reload takes over: at the least front().reload().
  virtual Status take(Configuration configuration) { return front_.reload(std::move(configuration)); }

  const OutpostOptions options_;
  const FileLock only_one_;
  net::Metrics metrics_;
  Health health_;
  std::mutex guards_reload_;  // one at a time: a signal's, or a renewed certificate's
  Front front_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vouch::daemon
