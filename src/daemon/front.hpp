#pragma once
// What clients meet, as vouch.toml says it: listeners with their routes and TLS, and the access log. Knows no
// CA and no database, so a service without them (outpost.hpp) has the same front.

#include <map>
#include <memory>
#include <mutex>

#include "daemon/configuration.hpp"
#include "daemon/health.hpp"
#include "daemon/scheduler.hpp"
#include "net/metrics.hpp"
#include "net/server.hpp"
#include "net/systemd.hpp"

namespace vouch::daemon {

struct FrontOptions {
  fs::path home;       // what paths in the configuration are relative to
  const Clock& clock;  // this and the next two outlive the front
  Health& health;
  net::Metrics& metrics;
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // The certificate for listeners with TLS.
  std::function<Result<net::TlsIdentity>(const TlsConfiguration&)> identity;
  // Adds to the settings of a listener which client certificates are good; none: no listener asks for any.
  std::function<void(net::TlsSettings&)> admit_clients{};
};

// One service at a time for each home. conflict: another one runs.
Result<FileLock> lock_home(const fs::path& home);

class Front {
 public:
  // Every front has the parts "health" and "metrics".
  explicit Front(FrontOptions options);

  // Counts from the next `open` or `reload` on. A listener that serves a part that was not added goes without
  // it.
  void add(const std::string& part, std::vector<net::Route> routes);
  Status open(Configuration configuration);
  // Takes over another configuration without dropping a connection. On failure nothing changes.
  Status reload(Configuration configuration);
  // Accepts nothing more, finishes what runs, and lets go of the routes.
  void stop();
  // Looks for another server certificate and calls `reload` when there is one.
  Job certificate_job(std::function<Status()> reload);

  bool is_open() const { return server_ != nullptr; }
  net::Address address(std::string_view listener) const { return server_->address(listener); }
  // Every listener in words, for the log.
  std::vector<std::string> places() const;
  std::size_t connections() const { return server_->connections(); }

 private:
  Result<net::ServerSettings> server_settings(const Configuration& configuration);
  Result<net::ListenerSettings> listener_settings(const ListenerConfiguration& listener,
                                                  const std::optional<net::TlsIdentity>& identity) const;
  Result<net::Endpoint> endpoint_of(const ListenerConfiguration& listener) const;
  Result<std::shared_ptr<const net::Router>> routes_of(const ListenerConfiguration& listener) const;
  Result<std::shared_ptr<const net::TlsContext>> tls_of(const ListenerConfiguration& listener,
                                                        const net::TlsIdentity& identity) const;
  Status open_access_log(const AccessLogConfiguration& wanted);

  const FrontOptions options_;
  mutable std::mutex guards_configuration_;                             // guards what follows
  std::map<std::string, std::vector<net::Route>, std::less<>> routes_;  // by part
  Configuration configuration_;
  Buffer served_chain_;  // the server certificate in effect; empty: none
  std::shared_ptr<net::AccessLog> access_log_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace vouch::daemon
