#include "net/io_thread.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/connection.hpp"

namespace vouch::net {
namespace {

constexpr std::size_t kScratch = 65'536;  // one read; also the most plaintext per TLS write
constexpr milliseconds kTick{100};

}  // namespace

IoThread::IoThread(Common& shared, const All& all, unsigned index)
    : common(shared), number(index), all_(all), ticker_(context) {
  scratch.resize(kScratch);
  plain.resize(kScratch);
}
IoThread::~IoThread() = default;

void IoThread::wake() {
  now = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  time = common.clock.now_milliseconds();
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  if (second == dated_) return;
  dated_ = second;
  date = "Date: " + format_http_date(second) + "\r\n";
}

void IoThread::hand_over(Act act) {
  bool is_first = false;
  {
    const std::lock_guard lock(guards_handed_over_);
    is_first = handed_over_.empty();
    handed_over_.push_back(std::move(act));
  }
  if (is_first) asio::post(context, [this] { carry_out_handed_over(); });
}

void IoThread::carry_out_handed_over() {
  std::vector<Act> acts;
  {
    const std::lock_guard lock(guards_handed_over_);
    acts.swap(handed_over_);
  }
  wake();
  for (Act& act : acts) act();
}

Counter* IoThread::answers(unsigned status) {
  if (common.metrics == nullptr || status >= answers_.size()) return nullptr;
  Counter*& counter = answers_[status];
  if (counter == nullptr)
    counter = &common.metrics->counter("vouch_http_answers_total", "Answers by status.",
                                       {{"status", std::to_string(status)}});
  return counter;
}

void IoThread::tick() {
  wake();
  // From the end: a connection that closes takes the last one's place.
  for (std::size_t i = connections_.size(); i-- > 0;)
    if (i < connections_.size()) {
      const auto connection = connections_[i];
      connection->check_deadline(now);
    }
  for (const auto& [slot, socket] : std::exchange(paused_, {}))
    if (!slot->sockets.empty()) wait_for_clients(slot, *socket);
  if (draining && connections_.empty()) return;
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const ErrorCode& error) {
    if (!error) tick();
  });
}

void IoThread::add_slot(const std::shared_ptr<Slot>& slot, std::vector<FileDescriptor> sockets) {
  slots_.push_back(slot);
  for (FileDescriptor& fd : sockets) {
    auto socket = std::make_unique<Watched>(context, std::move(fd));
    if (!socket->is_open()) continue;
    slot->sockets.push_back(std::move(socket));
    wait_for_clients(slot, *slot->sockets.back());
  }
}

std::shared_ptr<Slot> IoThread::slot(std::string_view name) const {
  for (const auto& slot : slots_)
    if (slot->name == name) return slot;
  return nullptr;
}

// Whoever is in the backlog already gets in.
void IoThread::remove_slot(const std::string& name) {
  const auto gone = slot(name);
  if (!gone) return;
  gone->shared = false;  // the other threads may not know it any more
  for (const auto& socket : gone->sockets) {
    while (accept(gone, socket->get(), 64) == Accepted::some) {
    }
  }
  gone->sockets.clear();
  std::erase(slots_, gone);
}

void IoThread::wait_for_clients(const std::shared_ptr<Slot>& slot, Watched& socket) {
  socket.wait(Descriptor::wait_read, [this, slot, &socket](const ErrorCode& error) {
    if (error) return;  // closed
    wake();
    if (accept(slot, socket.get(), 64) == Accepted::failed)
      paused_.emplace_back(slot,
                           &socket);  // the client stays in the backlog; asking again at once would spin
    else
      wait_for_clients(slot, socket);
  });
}

// `none`: nobody waits. `failed`: there are no descriptors left, or the like.
IoThread::Accepted IoThread::accept(const std::shared_ptr<Slot>& slot, int listening, int most) {
  for (int i = 0; i < most; ++i) {
    sockaddr_storage storage = {};
    socklen_t size = sizeof storage;
    FileDescriptor fd(
        ::accept4(listening, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return errno == EAGAIN ? Accepted::none : Accepted::failed;
    }
    Peer peer;
    peer.listener = slot->name;
    peer.address = Address::from_socket(reinterpret_cast<const sockaddr*>(&storage));
    if (peer.address.is_none()) {
      ucred user = {};
      socklen_t length = sizeof user;
      if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &user, &length) == 0)
        peer.user = LocalUser{user.uid, user.gid, user.pid};
    } else {
      sockaddr_storage local = {};
      socklen_t length = sizeof local;
      if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &length) == 0)
        peer.local = Address::from_socket(reinterpret_cast<const sockaddr*>(&local));
      const int on = 1;
      (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    // A socket that all threads share was accepted here; its clients are dealt out.
    IoThread& other = slot->shared ? *all_[common.next_thread++ % all_.size()] : *this;
    if (&other == this) {
      adopt(slot, std::move(fd), std::move(peer));
    } else {
      asio::post(other.context,
                 [&other, name = slot->name, fd = std::move(fd), peer = std::move(peer)]() mutable {
                   other.wake();
                   if (const auto there = other.slot(name))
                     other.adopt(there, std::move(fd), std::move(peer));
                 });
    }
  }
  return Accepted::some;
}

void IoThread::adopt(const std::shared_ptr<Slot>& slot, FileDescriptor socket, Peer peer) {
  const ServerLimits& limits = site->limits;
  const bool counts = !peer.address.is_none() && !site->proxies.trusts(peer.address);
  const Address from = counts ? peer.address.site() : Address();
  bool full = common.connections.fetch_add(1) >= limits.connections;
  if (!full && counts) {
    const std::lock_guard lock(common.guards_sites);
    std::size_t& count = common.sites[from];
    full = count >= limits.connections_per_site;
    if (!full) ++count;
  }
  if (full) {
    common.connections.fetch_sub(1);
    constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    if (!slot->tls) (void)!::send(socket.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (common.metrics != nullptr)
      common.metrics->counter("vouch_http_connections_refused_total", "Connections beyond a limit.").add();
    return;
  }
  auto connection = std::make_shared<Connection>(*this, slot, std::move(socket), std::move(peer), from);
  connection->index = connections_.size();
  connections_.push_back(connection);
  if (!connection->start()) connection->close();
}

void IoThread::remove(Connection& connection) {
  const std::size_t index = connection.index;
  if (index >= connections_.size() || connections_[index].get() != &connection) return;
  // Whoever called close() still holds the connection.
  const auto keep = connections_[index];
  std::swap(connections_[index], connections_.back());
  connections_[index]->index = index;
  connections_.pop_back();
  if (draining) finish_drain();
}

void IoThread::begin_drain() {
  wake();
  while (!slots_.empty()) remove_slot(std::string(slots_.back()->name));
  draining = true;
  for (const auto& connection : connections_) connection->drain();
  finish_drain();
}

void IoThread::close_all() {
  while (!connections_.empty()) {
    const auto connection = connections_.back();
    connection->close();
  }
}

void IoThread::finish_drain() {
  if (!connections_.empty()) return;
  ticker_.cancel();
  guard_.reset();
}

}  // namespace vouch::net
