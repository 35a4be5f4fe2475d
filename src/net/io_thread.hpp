#pragma once
// Private to the HTTP server (server.hpp): one event loop, and what it knows of listeners. Each thread owns
// its connections; nothing here is called from another thread, unless it says so.

#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "net/server.hpp"
#include "net/worker_pool.hpp"

namespace vouch::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;
using std::chrono::milliseconds;

class Connection;

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
    (void)watch_.assign(owner_.get(), error);
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

// What all threads of a server use and count together. The metrics hold it as well: they may be read when the
// server is gone.
struct Common {
  Common(Metrics* counted, const Clock& time, unsigned workers, std::size_t queue)
      : metrics(counted), clock(time), pool(workers, queue) {}

  Metrics* const metrics;
  const Clock& clock;
  WorkerPool pool;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> buffered{0};
  std::atomic<std::size_t> next_thread{0};
  std::mutex guards_sites;
  std::map<Address, std::size_t> sites;
};

// One event loop.
class IoThread {
 public:
  using All = std::vector<std::unique_ptr<IoThread>>;
  IoThread(Common& shared, const All& all, unsigned index);
  ~IoThread();
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
  using Act = std::move_only_function<void()>;
  // From any thread: calls `act` on this one. What comes at the same time wakes it once.
  void hand_over(Act act);
  void join() { thread_.join(); }

  void add_slot(const std::shared_ptr<Slot>& slot, std::vector<FileDescriptor> sockets);
  void remove_slot(const std::string& name);
  std::shared_ptr<Slot> slot(std::string_view name) const;
  void adopt(const std::shared_ptr<Slot>& slot, FileDescriptor socket, Peer peer);
  void remove(Connection& connection);
  void begin_drain();
  void close_all();
  void wake();
  Counter* answers(unsigned status);

  asio::io_context context{1};
  Common& common;
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
  void carry_out_handed_over();
  void wait_for_clients(const std::shared_ptr<Slot>& slot, Watched& socket);
  enum class Accepted : std::uint8_t { some, none, failed };
  Accepted accept(const std::shared_ptr<Slot>& slot, int listening, int most);
  void finish_drain();

  const All& all_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context.get_executor()};
  asio::steady_timer ticker_;
  std::vector<std::shared_ptr<Slot>> slots_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::pair<std::shared_ptr<Slot>, Watched*>> paused_;
  std::array<Counter*, 600> answers_{};
  std::int64_t dated_ = -1;
  std::mutex guards_handed_over_;
  std::vector<Act> handed_over_;
  std::jthread thread_;
};

}  // namespace vouch::net
