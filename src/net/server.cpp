#include "net/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <deque>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <thread>

#include "net/worker_pool.hpp"

namespace vouch::net {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;
using std::chrono::milliseconds;

constexpr std::size_t kScratch = 64 * 1024;         // one read; also the most plaintext per TLS write
constexpr std::size_t kCopiedBody = 16 * 1024;      // larger bodies are sent from where they are
constexpr std::size_t kMostQueuedText = 64 * 1024;  // answers of pipelined requests, before they are sent
constexpr std::size_t kLingerOctets = 1024 * 1024;  // a refused client may send that much before it is cut
constexpr int kReadsInARow = 8;                     // then other connections get their turn
constexpr milliseconds kLingerTime{2'000};
constexpr milliseconds kDrainGrace{500};  // a busy client sends its next request within, and is told to close
constexpr milliseconds kTick{100};
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

class ServerImpl;
class IoThread;

// What a reload replaces as a whole.
struct Site {
  ServerLimits limits;
  TrustedProxies proxies;
  std::shared_ptr<AccessLog> log;
};

// A descriptor that is watched by an event loop and owned here.
class Watched {
 public:
  Watched(asio::io_context& context, FileDescriptor descriptor)
      : owner_(std::move(descriptor)), watch_(context) {
    ErrorCode error;
    watch_.assign(owner_.get(), error);
  }
  ~Watched() { close(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  bool is_open() const { return watch_.is_open(); }
  int get() const { return owner_.get(); }
  template <class Action>
  void wait(Descriptor::wait_type what, Action action) {
    watch_.async_wait(what, std::move(action));
  }
  // Whoever waits is called with an error.
  void close() {
    if (watch_.is_open()) (void)watch_.release();
    owner_ = FileDescriptor();
  }

 private:
  FileDescriptor owner_;
  Descriptor watch_;
};

// A listener as one I/O thread sees it.
struct Slot {
  std::string name;
  std::shared_ptr<const Router> routes;
  std::shared_ptr<const TlsContext> tls;
  std::vector<std::unique_ptr<Watched>> sockets;
  bool shared = false;  // one socket for all threads, accepted by the first
};

// What all threads count together.
struct Shared {
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered{0};
  std::mutex guards_sites;
  std::map<Address, std::size_t> sites;
};

// A request that outlives the octets it was read from.
struct OwnedRequest {
  std::string head, body;
  Request request;

  OwnedRequest(std::string_view from, const Request& borrowed) : head(from), request(borrowed) {
    const auto moved = [&](std::string_view& text) {
      // "/" for a URL without a path is no part of the head.
      if (text.data() >= from.data() && text.data() + text.size() <= from.data() + from.size())
        text =
            std::string_view(head).substr(static_cast<std::size_t>(text.data() - from.data()), text.size());
    };
    for (std::string_view* text : {&request.method_text, &request.target, &request.path, &request.query})
      moved(*text);
    for (Field& field : request.fields) {
      moved(field.name);
      moved(field.value);
    }
  }
  OwnedRequest(const OwnedRequest&) = delete;
  OwnedRequest& operator=(const OwnedRequest&) = delete;
};

struct Pending {
  std::shared_ptr<OwnedRequest> owned;
  std::shared_ptr<const Router> routes;  // keeps the route
  const Route* route = nullptr;
  std::optional<ChunkedBody> chunks;
  std::uint64_t remaining = 0;  // of a body with a length
};

// One client. Lives on one I/O thread; only `finish` is called from elsewhere, by way of that thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(IoThread& thread, std::shared_ptr<Slot> slot, FileDescriptor socket, Peer peer, Address site);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool start();
  void close();
  void check_deadline(std::int64_t now);
  void drain();
  std::size_t index = 0;  // in the thread's list

 private:
  enum class Phase : std::uint8_t { handshake, head, body, working, lingering, closed };

  void wait_readable();
  void wait_writable();
  void on_readable();
  void on_end();
  void take(std::string_view octets);
  void take_tls();
  void feed(std::string_view text);
  std::size_t process(std::string_view text);
  std::size_t run(std::string_view text);
  std::size_t on_head(std::string_view text);
  std::size_t on_body(std::string_view text);
  std::size_t begin(std::string_view head, Request& request, const Framing& framing, std::string_view after);
  void dispatch(std::string_view head, Request& request, const std::shared_ptr<const Router>& routes,
                const Route& route, std::shared_ptr<OwnedRequest> owned);
  void work(std::shared_ptr<OwnedRequest> owned, std::shared_ptr<const Router> routes, const Route& route);
  void finish(const Request& request, PreparedResponse answer);
  void refuse(const Refusal& refusal, const Request& request);
  void respond(const Request& request, const PreparedResponse& answer, std::string_view detail = {});
  void log(const Request& request, const PreparedResponse& answer, std::string_view detail);
  bool flush();
  bool flush_plain();
  bool flush_tls();
  void keep_unsent(std::string_view text);
  void after_flush();
  void end();
  void resume();
  void account();
  bool blocked() const { return writing_ || ending_ || big_.size() > 0 || phase_ == Phase::working; }
  bool wants_input() const {
    return !writing_ && (phase_ == Phase::handshake || phase_ == Phase::head || phase_ == Phase::body ||
                         phase_ == Phase::lingering);
  }
  Address client_of(const Request& request) const;
  void set_deadline(milliseconds from_now);

  IoThread& thread_;
  std::shared_ptr<Slot> slot_;
  std::shared_ptr<const Site> site_;
  Watched socket_;
  Peer peer_;
  Address counted_;
  std::unique_ptr<TlsSession> tls_;
  HeadReader reader_;
  std::string in_;   // received and not yet used
  std::string out_;  // text (plain or TLS records) that the socket did not take
  Body big_;         // what follows it
  std::size_t big_sent_ = 0;
  std::unique_ptr<Pending> pending_;
  std::int64_t deadline_ = kNever, phase_began_ = 0, request_began_ = 0;
  std::uint64_t progress_ = 0;  // octets in the present phase
  std::size_t accounted_ = 0;
  Phase phase_ = Phase::head;
  bool keep_alive_ = true, started_ = false, ending_ = false, linger_ = false;
  bool reading_ = false, writing_ = false;
};

// One event loop.
class IoThread {
 public:
  IoThread(ServerImpl& owner, unsigned index) : server(owner), number(index), ticker_(context) {
    scratch.resize(kScratch);
    plain.resize(kScratch);
  }
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void launch() {
    tick();
    thread_ = std::jthread([this] { context.run(); });
  }
  // Runs `action` on the thread and waits for it.
  template <class Action>
  void on_thread(Action action) {
    std::promise<void> done;
    auto wait = done.get_future();
    asio::post(context, [&] {
      action();
      done.set_value();
    });
    wait.wait();
  }
  void join() { thread_.join(); }

  void add_slot(std::shared_ptr<Slot> slot, std::vector<FileDescriptor> sockets);
  void remove_slot(const std::string& name);
  std::shared_ptr<Slot> slot(std::string_view name) const;
  void adopt(const std::shared_ptr<Slot>& slot, FileDescriptor socket, Peer peer);
  void remove(Connection& connection);
  void begin_drain();
  void close_all();
  void wake();
  Counter* answers(unsigned status);

  asio::io_context context{1};
  ServerImpl& server;
  const unsigned number;
  std::shared_ptr<const Site> site;
  std::string scratch, plain;  // what was just read
  std::string out;             // answers of the connection that is being served
  std::string date;            // the field Date with its line end
  Request request;
  std::int64_t now = 0;  // steady, milliseconds
  std::chrono::sys_time<milliseconds> time;
  bool draining = false;

 private:
  void tick();
  void wait_for_clients(const std::shared_ptr<Slot>& slot, Watched& socket);
  enum class Accepted : std::uint8_t { some, none, failed };
  Accepted accept(const std::shared_ptr<Slot>& slot, int listening, int most);
  void finish_drain();

  asio::executor_work_guard<asio::io_context::executor_type> guard_{context.get_executor()};
  asio::steady_timer ticker_;
  std::vector<std::shared_ptr<Slot>> slots_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::pair<std::shared_ptr<Slot>, Watched*>> paused_;
  std::array<Counter*, 600> answers_{};
  std::int64_t dated_ = -1;
  std::jthread thread_;
};

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(const ServerSettings& settings)
      : metrics(settings.metrics),
        clock(settings.clock != nullptr ? settings.clock : &system_clock_),
        pool_owner_(std::make_shared<WorkerPool>(std::max(settings.workers, 1U), settings.queue)) {}
  ~ServerImpl() override { stop(milliseconds(0)); }
  ServerImpl(const ServerImpl&) = delete;
  ServerImpl& operator=(const ServerImpl&) = delete;

  Status open(ServerSettings settings);
  Status reload(ServerSettings settings) override;
  void stop(milliseconds patience) override;
  Address address(std::string_view listener) const override;
  std::size_t connections() const override { return shared_owner_->connections; }
  Shared& shared() { return *shared_owner_; }
  WorkerPool& pool() { return *pool_owner_; }
  IoThread& next_thread() { return *threads[next_++ % threads.size()]; }

  Metrics* const metrics;
  const Clock* const clock;

 private:
  SystemClock system_clock_;
  // Shared with the metrics, which may be read when the server is gone. Before the threads: what is left of
  // them counts down.
  const std::shared_ptr<Shared> shared_owner_ = std::make_shared<Shared>();
  const std::shared_ptr<WorkerPool> pool_owner_;

 public:
  std::vector<std::unique_ptr<IoThread>> threads;

 private:
  struct Listener {
    Endpoint endpoint;
    Address address;
  };
  void register_metrics();

  mutable std::mutex guards_listeners_;
  std::map<std::string, Listener, std::less<>> listeners_;
  std::atomic<std::size_t> next_{0};
  std::mutex guards_life_;
  bool stopped_ = false;
};

// ---- a connection
// --------------------------------------------------------------------------------------------

Connection::Connection(IoThread& thread, std::shared_ptr<Slot> slot, FileDescriptor socket, Peer peer,
                       Address site)
    : thread_(thread),
      slot_(std::move(slot)),
      site_(thread.site),
      socket_(thread.context, std::move(socket)),
      peer_(std::move(peer)),
      counted_(site),
      reader_(site_->limits.head) {}

Connection::~Connection() {
  Shared& shared = thread_.server.shared();
  shared.connections.fetch_sub(1);
  shared.buffered.fetch_sub(accounted_);
  if (counted_.is_none()) return;
  const std::lock_guard lock(shared.guards_sites);
  const auto site = shared.sites.find(counted_);
  if (site != shared.sites.end() && --site->second == 0) shared.sites.erase(site);
}

bool Connection::start() {
  if (!socket_.is_open()) return false;
  if (slot_->tls) {
    auto session = slot_->tls->accept();
    if (!session) return false;
    tls_ = std::move(*session);
    phase_ = Phase::handshake;
    set_deadline(site_->limits.handshake);
  } else {
    set_deadline(site_->limits.idle);
  }
  wait_readable();
  return true;
}

void Connection::set_deadline(milliseconds from_now) {
  phase_began_ = thread_.now;
  progress_ = 0;
  deadline_ = thread_.now + from_now.count();
}

void Connection::wait_readable() {
  if (reading_ || phase_ == Phase::closed) return;
  reading_ = true;
  socket_.wait(Descriptor::wait_read, [self = shared_from_this()](const ErrorCode& error) {
    self->reading_ = false;
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->on_readable();
  });
}

void Connection::wait_writable() {
  socket_.wait(Descriptor::wait_write, [self = shared_from_this()](const ErrorCode& error) {
    if (self->phase_ == Phase::closed) return;
    if (error) return self->close();
    self->thread_.wake();
    self->writing_ = false;
    if (self->flush()) self->after_flush();
  });
}

void Connection::on_readable() {
  thread_.wake();
  for (int turn = 0; turn < kReadsInARow && wants_input(); ++turn) {
    const ssize_t n = ::recv(socket_.get(), thread_.scratch.data(), thread_.scratch.size(), 0);
    if (n == 0) return on_end();
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      return close();
    }
    take(std::string_view(thread_.scratch).substr(0, static_cast<std::size_t>(n)));
    if (phase_ == Phase::closed) return;
    if (static_cast<std::size_t>(n) < thread_.scratch.size()) break;
  }
  if (wants_input()) wait_readable();
}

// The client sends nothing more. Whatever it asked for completely has been answered: input is only looked at
// between requests.
void Connection::on_end() { close(); }

void Connection::take(std::string_view octets) {
  if (phase_ == Phase::lingering) {
    progress_ += octets.size();
    if (progress_ > kLingerOctets) close();
    return;
  }
  if (!tls_) return feed(octets);
  if (!tls_->feed(octets)) return close();
  take_tls();
}

void Connection::take_tls() {
  if (phase_ == Phase::handshake) {
    const auto done = tls_->handshake();
    const bool flushed = flush();  // an alert goes out, too
    if (!done || phase_ == Phase::closed) return close();
    if (!*done || !flushed) return;
    peer_.tls = std::make_shared<const TlsPeer>(tls_->peer());
    phase_ = Phase::head;
    set_deadline(site_->limits.idle);
  }
  while (phase_ != Phase::closed && phase_ != Phase::lingering && !blocked()) {
    const auto n = tls_->read(thread_.plain);
    if (!n || tls_->closed()) return close();
    if (*n == 0) break;
    feed(std::string_view(thread_.plain).substr(0, *n));
  }
  if (phase_ != Phase::closed && !writing_) {
    if (flush()) return;  // records of TLS's own, such as key updates
  }
}

void Connection::feed(std::string_view text) {
  if (in_.empty()) {
    const std::size_t used = process(text);
    if (phase_ != Phase::closed && phase_ != Phase::lingering && used < text.size())
      in_.assign(text.substr(used));
  } else {
    in_.append(text);
    in_.erase(0, process(in_));
  }
  if (in_.empty() && in_.capacity() > 32) std::string().swap(in_);
  account();
}

// Answers what can be answered; how much of the text was used.
std::size_t Connection::process(std::string_view text) {
  std::size_t used = 0;
  for (;;) {
    const std::size_t n = run(text.substr(used));
    used += n;
    if (phase_ == Phase::closed || phase_ == Phase::lingering) return text.size();
    if (writing_ || !flush()) return used;
    if (phase_ == Phase::closed) return text.size();
    if (ending_) {
      end();
      return text.size();
    }
    if (n == 0 || used == text.size() || phase_ == Phase::working) return used;
  }
}

std::size_t Connection::run(std::string_view text) {
  std::size_t used = 0;
  while (used < text.size() && !blocked() && phase_ != Phase::closed &&
         thread_.out.size() < kMostQueuedText) {
    const std::string_view rest = text.substr(used);
    const std::size_t n = phase_ == Phase::body ? on_body(rest) : on_head(rest);
    if (n == 0) break;
    used += n;
  }
  return used;
}

std::size_t Connection::on_head(std::string_view text) {
  if (!started_) {
    started_ = true;
    site_ = thread_.site;
    reader_ = HeadReader(site_->limits.head);
    request_began_ = thread_.now;
    set_deadline(site_->limits.head_time);
  }
  const HeadReader::State state = reader_.look(text);
  if (state == HeadReader::State::incomplete) return 0;
  Request& request = thread_.request;
  std::vector<Field> fields = std::move(request.fields);  // its memory is used again
  fields.clear();
  request = Request();
  request.fields = std::move(fields);
  request.peer = &peer_;
  request.client = peer_.address;
  Framing framing;
  if (state == HeadReader::State::refused || !reader_.parse(text, request, framing)) {
    refuse(reader_.refusal(), request);
    return text.size();
  }
  const std::size_t size = reader_.size();
  return size + begin(text.substr(0, size), request, framing, text.substr(size));
}

Address Connection::client_of(const Request& request) const {
  const TrustedProxies& proxies = site_->proxies;
  if (proxies.networks.empty() || !proxies.trusts(peer_.address)) return peer_.address;
  const std::string_view name = proxies.field == ProxyField::forwarded ? "Forwarded" : "X-Forwarded-For";
  std::vector<std::string_view> values;
  for (const Field& field : request.fields)
    if (equal_names(field.name, name)) values.push_back(field.value);
  return client_address(peer_.address, values, proxies);
}

// A request whose head is complete. How much of what follows was its body and is used.
std::size_t Connection::begin(std::string_view head, Request& request, const Framing& framing,
                              std::string_view after) {
  request.client = client_of(request);
  keep_alive_ = framing.keep_alive && !thread_.draining;
  const auto& routes = slot_->routes;  // a reload waits for its turn on this thread
  const Router::Found found = routes->find(request.method, request.path);
  // Without its body read, the next request could not be found.
  linger_ = framing.has_body();
  if (found.route == nullptr) {
    Response response = found.known_path ? error_response(405, "this path does not answer that method")
                                         : error_response(404, "there is nothing at this path");
    if (found.known_path) response.fields.emplace_back("Allow", found.allow);
    response.close = framing.has_body();
    respond(request, assemble(std::move(response)));
    return 0;
  }
  const std::size_t limit = found.route->body_limit;
  if (framing.content_length.value_or(0) > limit) {
    refuse(
        {413, fmt::format("the body has {} octets, the limit here is {}", *framing.content_length, limit), 0},
        request);
    return 0;
  }
  if (!framing.has_body() || (framing.content_length && *framing.content_length <= after.size())) {
    const std::size_t size = framing.content_length.value_or(0);
    request.body = after.substr(0, size);
    linger_ = false;
    dispatch(head, request, routes, *found.route, nullptr);
    return size;
  }
  pending_ = std::make_unique<Pending>();
  pending_->owned = std::make_shared<OwnedRequest>(head, request);
  pending_->routes = routes;
  pending_->route = found.route;
  pending_->remaining = framing.content_length.value_or(0);
  if (framing.chunked) pending_->chunks.emplace();
  phase_ = Phase::body;
  set_deadline(site_->limits.body_time);
  if (framing.expects_continue && after.empty()) thread_.out += "HTTP/1.1 100 Continue\r\n\r\n";
  return 0;
}

std::size_t Connection::on_body(std::string_view text) {
  OwnedRequest& owned = *pending_->owned;
  std::size_t used = 0;
  bool done = false;
  if (pending_->chunks) {
    auto progress = pending_->chunks->put(text, owned.body, pending_->route->body_limit);
    used = progress.consumed;
    done = progress.done;
    if (progress.refusal) {
      const auto pending = std::move(pending_);
      refuse(*progress.refusal, pending->owned->request);
      return text.size();
    }
  } else {
    used = static_cast<std::size_t>(std::min<std::uint64_t>(pending_->remaining, text.size()));
    owned.body.append(text.substr(0, used));
    pending_->remaining -= used;
    done = pending_->remaining == 0;
  }
  progress_ += used;
  deadline_ = phase_began_ + site_->limits.body_time.count() +
              static_cast<std::int64_t>(progress_ * 1000 / std::max<std::size_t>(site_->limits.slowest, 1));
  if (!done) return used;
  const auto pending = std::move(pending_);
  linger_ = false;
  phase_ = Phase::head;
  owned.request.body = owned.body;
  dispatch({}, owned.request, pending->routes, *pending->route, pending->owned);
  return used;
}

const AnswerNow* answer_now_of(const Route& route) {
  if (const auto* both = std::get_if<NowOrBlocking>(&route.handler)) return &both->now;
  return std::get_if<AnswerNow>(&route.handler);
}
const Blocking* blocking_of(const Route& route) {
  if (const auto* both = std::get_if<NowOrBlocking>(&route.handler)) return &both->otherwise;
  return std::get_if<Blocking>(&route.handler);
}

// `owned` is the same request when its octets were kept already.
void Connection::dispatch(std::string_view head, Request& request,
                          const std::shared_ptr<const Router>& routes, const Route& route,
                          std::shared_ptr<OwnedRequest> owned) {
  if (const AnswerNow* now = answer_now_of(route)) {
    Prepared answer;
    bool failed = false;
    try {
      answer = (*now)(request);
    } catch (const std::exception&) {  // a defect; the other connections of this thread go on
      failed = true;
    }
    if (answer) return respond(request, *answer);
    if (failed || blocking_of(route) == nullptr)
      return respond(request, assemble(error_response(500, "a defect in the server")));
  }
  if (!owned) {
    owned = std::make_shared<OwnedRequest>(head, request);
    owned->body = request.body;
    owned->request.body = owned->body;
  }
  work(std::move(owned), routes, route);
}

void Connection::work(std::shared_ptr<OwnedRequest> owned, std::shared_ptr<const Router> routes,
                      const Route& route) {
  phase_ = Phase::working;
  deadline_ = kNever;
  // From whichever thread, back to that of this connection.
  auto reply = [self = shared_from_this(), owned, routes = std::move(routes)](Response response) {
    asio::post(self->thread_.context, [self, owned, answer = assemble(std::move(response))]() mutable {
      self->thread_.wake();
      self->finish(owned->request, std::move(answer));
    });
  };
  WorkerPool& pool = thread_.server.pool();
  bool queued = false;
  if (const auto* together = std::get_if<std::shared_ptr<Together>>(&route.handler))
    queued = (*together)->try_post(pool, {&owned->request, std::move(reply)});
  else
    queued = pool.try_post([owned, &handler = *blocking_of(route), reply = std::move(reply)] {
      Response response;
      try {
        response = handler(owned->request);
      } catch (const std::exception&) {
        response = error_response(500, "a defect in the server");
      }
      reply(std::move(response));
    });
  if (queued) return;
  phase_ = Phase::head;
  Response busy = error_response(503, "all workers are busy; try again");
  busy.fields.emplace_back("Retry-After", "2");
  respond(owned->request, assemble(std::move(busy)), "the queue for workers is full");
}

void Connection::finish(const Request& request, PreparedResponse answer) {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::head;
  if (thread_.draining) keep_alive_ = false;
  respond(request, answer);
  if (flush()) after_flush();
}

void Connection::refuse(const Refusal& refusal, const Request& request) {
  Response response = error_response(refusal.status, refusal.sentence);
  response.notes.substatus = refusal.substatus;
  response.close = true;
  linger_ = true;
  pending_.reset();
  if (phase_ == Phase::body) phase_ = Phase::head;
  respond(request, assemble(std::move(response)), refusal.sentence);
}

void Connection::respond(const Request& request, const PreparedResponse& answer, std::string_view detail) {
  const bool last = answer.close || !keep_alive_;
  std::string& out = thread_.out;
  out += answer.head;
  out += thread_.date;
  if (last)
    out += "Connection: close\r\n\r\n";
  else if (request.minor_version == 0)
    out += "Connection: keep-alive\r\n\r\n";
  else
    out += "\r\n";
  if (request.method != Method::head) {
    if (answer.body.size() <= kCopiedBody)
      out += answer.body.view();
    else
      big_ = answer.body;
  }
  if (Counter* counter = thread_.answers(answer.status)) counter->add();
  if (site_->log) log(request, answer, detail);
  started_ = false;
  ending_ = last;
  set_deadline(site_->limits.idle);
}

void Connection::log(const Request& request, const PreparedResponse& answer, std::string_view detail) {
  AccessRecord record;
  record.time = thread_.time;
  record.local = peer_.local;
  record.client = request.client;
  record.method = request.method_text;
  record.path = request.path;
  record.query = request.query;
  record.user = answer.notes.user;
  record.user_agent = request.field("User-Agent");
  record.referer = request.field("Referer");
  record.status = answer.status;
  record.substatus = answer.notes.substatus;
  record.win32_status = answer.notes.win32_status;
  record.taken = milliseconds(thread_.now - request_began_);
  record.sent = answer.body.size();
  record.listener = slot_->name;
  record.detail = detail;
  site_->log->write(record);
}

// Sends what there is. False: the socket is full (and `after_flush` follows later), or the connection is
// closed.
bool Connection::flush() {
  const bool done = tls_ ? flush_tls() : flush_plain();
  thread_.out.clear();
  return done && phase_ != Phase::closed;
}

void Connection::keep_unsent(std::string_view text) {
  if (text.data() != out_.data()) {
    std::string rest(text);
    out_.swap(rest);
  } else if (text.empty()) {
    out_.clear();
  }
}

bool Connection::flush_plain() {
  if (!out_.empty()) {
    out_ += thread_.out;
    thread_.out.clear();
  }
  std::string_view text = out_.empty() ? thread_.out : out_;
  while (!text.empty() || big_sent_ < big_.size()) {
    std::array<iovec, 2> parts{
        iovec{const_cast<char*>(text.data()), text.size()},
        iovec{const_cast<char*>(big_.view().data()) + big_sent_, big_.size() - big_sent_}};
    msghdr message = {};
    message.msg_iov = parts.data();
    message.msg_iovlen = 2;
    const ssize_t n = parts[1].iov_len == 0 ? ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL)
                                            : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {
      close();
      return false;
    }
    if (n < 0) break;
    const std::size_t of_text = std::min(static_cast<std::size_t>(n), text.size());
    text.remove_prefix(of_text);
    big_sent_ += static_cast<std::size_t>(n) - of_text;
    progress_ += static_cast<std::size_t>(n);
  }
  if (text.empty() && big_sent_ >= big_.size()) {
    if (out_.capacity() > 32) std::string().swap(out_);
    big_ = Body();
    big_sent_ = 0;
    return true;
  }
  keep_unsent(text);
  if (!writing_) {
    writing_ = true;
    deadline_ = phase_began_ + site_->limits.write_time.count() +
                static_cast<std::int64_t>(progress_ * 1000 / std::max<std::size_t>(site_->limits.slowest, 1));
    wait_writable();
  }
  return false;
}

bool Connection::flush_tls() {
  std::string_view text = thread_.out;
  for (;;) {
    tls_->take_output(out_);
    while (!out_.empty()) {
      const ssize_t n = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno != EAGAIN) {
        close();
        return false;
      }
      if (n < 0) break;
      out_.erase(0, static_cast<std::size_t>(n));
      progress_ += static_cast<std::size_t>(n);
    }
    if (!out_.empty() && text.empty()) break;
    std::string_view piece = text;
    if (text.empty()) {
      piece = big_.view().substr(big_sent_, kScratch);
      big_sent_ += piece.size();
    }
    text = {};
    if (piece.empty()) {
      std::string().swap(out_);
      big_ = Body();
      big_sent_ = 0;
      return true;
    }
    if (!tls_->write(piece)) {
      close();
      return false;
    }
  }
  if (!writing_) {
    writing_ = true;
    deadline_ = phase_began_ + site_->limits.write_time.count() +
                static_cast<std::int64_t>(progress_ * 1000 / std::max<std::size_t>(site_->limits.slowest, 1));
    wait_writable();
  }
  return false;
}

// Output is out: goes on with what has arrived meanwhile.
void Connection::after_flush() {
  if (phase_ == Phase::closed || phase_ == Phase::lingering) return;
  if (ending_) return end();
  if (phase_ == Phase::head && !started_) set_deadline(site_->limits.idle);
  resume();
}

void Connection::resume() {
  if (!in_.empty()) {
    in_.erase(0, process(in_));
    if (in_.empty()) std::string().swap(in_);
    account();
  }
  if (tls_ && phase_ != Phase::closed && phase_ != Phase::lingering && !blocked()) take_tls();
  if (wants_input()) wait_readable();
}

// The last answer is out. A client that still sends would lose it to a reset; so it is listened to for a
// while.
void Connection::end() {
  if (tls_) {
    tls_->close();
    thread_.out.clear();
    tls_->take_output(thread_.out);
    (void)!::send(socket_.get(), thread_.out.data(), thread_.out.size(), MSG_NOSIGNAL);
    thread_.out.clear();
  }
  if (!linger_) return close();
  ::shutdown(socket_.get(), SHUT_WR);
  phase_ = Phase::lingering;
  std::string().swap(in_);
  set_deadline(kLingerTime);
  wait_readable();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  socket_.close();
  pending_.reset();
  thread_.remove(*this);
}

void Connection::check_deadline(std::int64_t now) {
  if (now < deadline_ || phase_ == Phase::closed) return;
  const bool half_a_request = phase_ == Phase::body || (phase_ == Phase::head && started_);
  if (writing_) return close();
  if (!half_a_request) {
    linger_ = false;
    return phase_ == Phase::head ? end() : close();
  }
  const auto pending = std::move(pending_);
  Request nothing;
  nothing.peer = &peer_;
  nothing.client = peer_.address;
  refuse({408, "the request did not arrive in time", 0}, pending ? pending->owned->request : nothing);
  if (flush()) after_flush();
}

void Connection::drain() {
  if (phase_ == Phase::head && !started_ && !writing_)
    deadline_ = std::min(deadline_, thread_.now + kDrainGrace.count());
}

// Octets that this client makes us keep count against the limit of all.
void Connection::account() {
  std::size_t bytes = in_.capacity() > 32 ? in_.capacity() : 0;
  if (pending_) bytes += pending_->owned->head.capacity() + pending_->owned->body.capacity();
  if (bytes == accounted_) return;
  auto& buffered = thread_.server.shared().buffered;
  if (bytes > accounted_)
    buffered.fetch_add(bytes - accounted_);
  else
    buffered.fetch_sub(accounted_ - bytes);
  accounted_ = bytes;
  if (buffered.load() <= site_->limits.buffered || phase_ == Phase::closed || blocked()) return;
  const auto pending = std::move(pending_);
  Request nothing;
  nothing.peer = &peer_;
  nothing.client = peer_.address;
  refuse({503, "too many unfinished requests at once", 0}, pending ? pending->owned->request : nothing);
  if (flush()) after_flush();
}

// ---- an event loop
// -------------------------------------------------------------------------------------------

void IoThread::wake() {
  now = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  time = server.clock->now_milliseconds();
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  if (second == dated_) return;
  dated_ = second;
  date = "Date: " + format_http_date(second) + "\r\n";
}

Counter* IoThread::answers(unsigned status) {
  if (server.metrics == nullptr || status >= answers_.size()) return nullptr;
  Counter*& counter = answers_[status];
  if (counter == nullptr)
    counter = &server.metrics->counter("vouch_http_answers_total", "Answers by status.",
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

void IoThread::add_slot(std::shared_ptr<Slot> slot, std::vector<FileDescriptor> sockets) {
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
    IoThread& other = slot->shared ? server.next_thread() : *this;
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
  Shared& shared = server.shared();
  const ServerLimits& limits = site->limits;
  const bool counts = !peer.address.is_none() && !site->proxies.trusts(peer.address);
  const Address from = counts ? peer.address.site() : Address();
  bool full = shared.connections.fetch_add(1) >= limits.connections;
  if (!full && counts) {
    const std::lock_guard lock(shared.guards_sites);
    std::size_t& count = shared.sites[from];
    full = count >= limits.connections_per_site;
    if (!full) ++count;
  }
  if (full) {
    shared.connections.fetch_sub(1);
    constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    if (!slot->tls) (void)!::send(socket.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (server.metrics != nullptr)
      server.metrics->counter("vouch_http_connections_refused_total", "Connections beyond a limit.").add();
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

// ---- the server
// ----------------------------------------------------------------------------------------------

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
    threads.push_back(std::make_unique<IoThread>(*this, i));
    threads.back()->site =
        std::make_shared<const Site>(Site{settings.limits, settings.proxies, settings.access_log});
  }
  for (const auto& thread : threads) thread->launch();
  register_metrics();
  return reload(std::move(settings));
}

void ServerImpl::register_metrics() {
  if (metrics == nullptr) return;
  metrics->gauge_from("vouch_http_connections", "Open connections.", {},
                      [shared = shared_owner_] { return static_cast<double>(shared->connections.load()); });
  metrics->gauge_from("vouch_http_buffered_bytes", "Octets of unfinished requests.", {},
                      [shared = shared_owner_] { return static_cast<double>(shared->buffered.load()); });
  metrics->gauge_from("vouch_http_queue_length", "Requests that wait for a worker.", {},
                      [pool = pool_owner_] { return static_cast<double>(pool->waiting()); });
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
    fresh[one.name] = TRY(open_endpoint(one.endpoint, static_cast<unsigned>(threads.size()))
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
  for (const auto& thread : threads) {
    thread->on_thread([&] {
      thread->wake();
      thread->site = site;
      for (const std::string& name : gone) thread->remove_slot(name);
      for (const ListenerSettings& one : settings.listeners) {
        const auto opened = fresh.find(one.name);
        if (opened == fresh.end()) {
          const auto slot = thread->slot(one.name);
          slot->routes = one.routes;
          slot->tls = one.tls;
          continue;
        }
        auto slot = std::make_shared<Slot>();
        slot->name = one.name;
        slot->routes = one.routes;
        slot->tls = one.tls;
        auto& sockets = opened->second.sockets;
        std::vector<FileDescriptor> mine;
        slot->shared = one.endpoint.kind != Endpoint::Kind::tcp;
        if (!slot->shared)
          mine.push_back(std::move(sockets[thread->number]));
        else if (thread->number == 0)
          mine = std::move(sockets);
        thread->add_slot(std::move(slot), std::move(mine));
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
  for (const auto& thread : threads) asio::post(thread->context, [&thread] { thread->begin_drain(); });
  const auto end = std::chrono::steady_clock::now() + patience;
  while (shared_owner_->connections.load() > 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(milliseconds(5));
  for (const auto& thread : threads) asio::post(thread->context, [&thread] { thread->close_all(); });
  for (const auto& thread : threads) thread->join();
  pool_owner_->stop();
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
