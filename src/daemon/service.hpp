#pragma once
// The service as one object: the CAs of a home, the HTTP server before them and the work behind them.
//
//   auto service = TRY(daemon::Service::start(std::move(options)));
//   service->address("http");     // where it listens
//   TRY(service->reload());       // what vouch.toml, the database and the files say now
//   service->stop();              // what runs is finished
//
// Signals and the service manager are its caller's (cli/serve.cpp), so a test runs it in process.

#include <memory>

#include "daemon/authorities.hpp"
#include "daemon/front.hpp"
#include "daemon/parts.hpp"
#include "daemon/server_certificate.hpp"
#include "diagnose/status_desk.hpp"

namespace vouch::daemon {

struct ServiceOptions {
  const ca::Environment& environment;  // outlives the service
  // What the service is made of.
  std::span<const PartMaker> parts = all_parts();
  // Reads the configuration, at the start and at each reload; none: the home's.
  std::function<Result<Configuration>()> configuration{};
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // The login name of a user at the other end of a Unix socket.
  api::LoginName login_name{};
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

class Service {
 public:
  // Fails with `conflict` when another service runs on this home, or whatever keeps it from listening.
  static Result<std::unique_ptr<Service>> start(ServiceOptions options);
  ~Service() { stop(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Takes over configuration, CAs and certificates without dropping a connection. On failure everything goes
  // on as it was.
  Status reload();
  // Accepts nothing more, finishes what runs, signs the head of the audit log.
  void stop();

  // Where a listener listens, with the port that the system chose.
  net::Address address(std::string_view listener) const { return front_.address(listener); }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }
  const api::Service& faces() const { return faces_; }
  // Every listener in words, for the log.
  std::vector<std::string> places() const { return front_.places(); }
  std::size_t connections() const { return front_.connections(); }
  void hurry() { scheduler_->hurry(); }

 private:
  explicit Service(ServiceOptions options);
  Status make_parts();
  Status add_routes_by(const Configuration& configuration);
  Job authorities_job();
  Result<Value> status();
  Result<Configuration> read_configuration() const;
  void admit_clients(net::TlsSettings& settings) const;
  void log(const std::string& line) const;

  const ServiceOptions options_;
  std::optional<FileLock> only_one_;
  net::Metrics metrics_;
  Health health_;
  OpenAuthorities authorities_;
  const ServerCertificate certificate_;
  api::Service faces_;
  net::Fetcher fetcher_{net::FetchSettings{}};  // for the status alone
  diagnose::StatusDesk status_desk_;
  Front front_;
  std::vector<Job> jobs_;
  // Parts whose routes follow from the configuration.
  std::map<std::string, std::function<Result<std::vector<net::Route>>(const Configuration&)>> routes_by_;
  std::mutex guards_reload_;  // one at a time: a signal's, or a renewed certificate's
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vouch::daemon
