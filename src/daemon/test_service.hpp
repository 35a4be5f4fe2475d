#pragma once
// A service that runs in the test's process: ports that the system chooses, a socket in the test's home.

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"
#include "daemon/service.hpp"
#include "net/test_net.hpp"

namespace vouch::daemon {

class RunningService {
 public:
  // The CAs of the bench have to be set up before. `parts` outlives it.
  explicit RunningService(ca::TestBench& bench, std::span<const PartMaker> parts = all_parts())
      : environment_(bench.environment()) {
    auto started =
        Service::start({.environment = environment_,
                        .parts = parts,
                        .configuration = [this] { return configuration(); },
                        .login_name = [](std::uint32_t) { return std::optional<std::string>("tester"); }});
    if (!started)
      ADD_FAILURE() << started.error().report();
    else
      service_ = std::move(*started);
  }
  Service& operator*() { return *service_; }
  Service* operator->() { return service_.get(); }
  net::Address http() const { return service_->address("http"); }
  fs::path socket() const { return environment_.home.folder() / "run" / "vouch.sock"; }

 private:
  // The home's, on a port that is free.
  Result<Configuration> configuration() const {
    Configuration configuration = TRY(read_configuration(environment_.home));
    for (ListenerConfiguration& listener : configuration.listeners)
      if (listener.address) listener.address = net::loopback().address;
    configuration.threads = 1;
    configuration.workers = 2;
    return configuration;
  }

  const ca::Environment environment_;
  std::unique_ptr<Service> service_;
};

}  // namespace vouch::daemon
