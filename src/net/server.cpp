#include "net/server.hpp"

#include <unistd.h>

#include <algorithm>

#include "net/connection.hpp"

namespace vouch::net {
namespace {

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(const ServerSettings& settings)
      : common_(std::make_shared<Common>(settings.metrics,
                                         settings.clock != nullptr ? *settings.clock : system_clock_,
                                         std::max(settings.workers, 1U), settings.queue)) {}
  ~ServerImpl() override { stop(milliseconds(0)); }
  ServerImpl(const ServerImpl&) = delete;
  ServerImpl& operator=(const ServerImpl&) = delete;

  Status open(ServerSettings settings);
  Status reload(ServerSettings settings) override;
  void stop(milliseconds patience) override;
  Address address(std::string_view listener) const override;
  std::size_t connections() const override { return common_->connections; }

 private:
  struct Listener {
    Endpoint endpoint;
    Address address;
  };
  void register_metrics();

  SystemClock system_clock_;
  // Before the threads: what is left of them counts down.
  const std::shared_ptr<Common> common_;
  IoThread::All threads_;
  mutable std::mutex guards_listeners_;
  std::map<std::string, Listener, std::less<>> listeners_;
  std::mutex guards_life_;
  bool stopped_ = false;
};

Status check_settings(const ServerSettings& settings) {
  for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
    const ListenerSettings& one = settings.listeners[i];
    if (!one.routes) return make_error(Errc::internal, "listener '{}' has no routes", one.name);
    for (std::size_t j = 0; j < i; ++j)
      if (settings.listeners[j].name == one.name)
        return make_error(Errc::conflict, "two listeners are called '{}'", one.name);
  }
  return ok();
}

Status ServerImpl::open(ServerSettings settings) {
  const unsigned count =
      settings.threads != 0 ? settings.threads : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  for (unsigned i = 0; i < count; ++i) {
    threads_.push_back(std::make_unique<IoThread>(*common_, threads_, i));
    threads_.back()->site =
        std::make_shared<const Site>(Site{settings.limits, settings.proxies, settings.access_log});
  }
  for (const auto& thread : threads_) thread->launch();
  register_metrics();
  return reload(std::move(settings));
}

void ServerImpl::register_metrics() {
  Metrics* const metrics = common_->metrics;
  if (metrics == nullptr) return;
  metrics->gauge_from("vouch_http_connections", "Open connections.", {},
                      [common = common_] { return static_cast<double>(common->connections.load()); });
  metrics->gauge_from("vouch_http_buffered_bytes", "Octets of unfinished requests.", {},
                      [common = common_] { return static_cast<double>(common->buffered.load()); });
  metrics->gauge_from("vouch_http_queue_length", "Requests that wait for a worker.", {},
                      [common = common_] { return static_cast<double>(common->pool.waiting()); });
}

// On that thread. `opened`: the listener's sockets, of which the thread takes its own; without them, the
// listener stays as it is and gets new routes and certificates.
void serve(IoThread& thread, const ListenerSettings& listener, Listening* opened) {
  const auto slot = opened == nullptr ? thread.slot(listener.name) : std::make_shared<Slot>();
  slot->name = listener.name;
  slot->routes = listener.routes;
  slot->tls = listener.tls;
  if (opened == nullptr) return;
  slot->shared = listener.endpoint.kind != Endpoint::Kind::tcp;
  std::vector<FileDescriptor> mine;
  if (!slot->shared)
    mine.push_back(std::move(opened->sockets[thread.number]));
  else if (thread.number == 0)
    mine = std::move(opened->sockets);
  thread.add_slot(slot, std::move(mine));
}

Status ServerImpl::reload(ServerSettings settings) {
  const std::lock_guard life(guards_life_);
  if (stopped_) return make_error(Errc::conflict, "the server has stopped");
  TRY(check_settings(settings));
  const std::lock_guard lock(guards_listeners_);

  // First what can fail.
  std::map<std::string, Listening, std::less<>> fresh;
  for (const ListenerSettings& one : settings.listeners) {
    const auto old = listeners_.find(one.name);
    if (old != listeners_.end() && old->second.endpoint == one.endpoint) continue;
    fresh[one.name] = TRY(open_endpoint(one.endpoint, static_cast<unsigned>(threads_.size()))
                              .context("opening listener '{}'", one.name));
  }
  std::vector<std::string> gone;
  for (const auto& [name, listener] : listeners_) {
    const bool stays = std::ranges::any_of(settings.listeners, [&](const ListenerSettings& one) {
      return one.name == name && !fresh.contains(name);
    });
    if (!stays) gone.push_back(name);
  }

  const auto site =
      std::make_shared<const Site>(Site{settings.limits, settings.proxies, settings.access_log});
  for (const auto& thread : threads_) {
    thread->on_thread([&] {
      thread->wake();
      thread->site = site;
      for (const std::string& name : gone) thread->remove_slot(name);
      for (const ListenerSettings& one : settings.listeners) {
        const auto opened = fresh.find(one.name);
        serve(*thread, one, opened == fresh.end() ? nullptr : &opened->second);
      }
    });
  }
  for (const std::string& name : gone) listeners_.erase(name);
  for (const ListenerSettings& one : settings.listeners) {
    const auto opened = fresh.find(one.name);
    if (opened != fresh.end()) listeners_[one.name] = {one.endpoint, opened->second.address};
  }
  return ok();
}

void ServerImpl::stop(milliseconds patience) {
  const std::lock_guard life(guards_life_);
  if (std::exchange(stopped_, true)) return;
  for (const auto& thread : threads_) asio::post(thread->context, [&thread] { thread->begin_drain(); });
  const auto end = std::chrono::steady_clock::now() + patience;
  while (common_->connections.load() > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(milliseconds(5));
  for (const auto& thread : threads_) asio::post(thread->context, [&thread] { thread->close_all(); });
  for (const auto& thread : threads_) thread->join();
  common_->pool.stop();
  const std::lock_guard lock(guards_listeners_);
  for (const auto& [name, listener] : listeners_)
    if (listener.endpoint.kind == Endpoint::Kind::local) ::unlink(listener.endpoint.path.c_str());
}

Address ServerImpl::address(std::string_view listener) const {
  const std::lock_guard lock(guards_listeners_);
  const auto found = listeners_.find(listener);
  return found == listeners_.end() ? Address() : found->second.address;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerSettings settings) {
  auto server = std::make_unique<ServerImpl>(settings);
  TRY(server->open(std::move(settings)));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace vouch::net
