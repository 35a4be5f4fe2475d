#pragma once
// Private to the HTTP server (server.hpp): HTTP/1.0 and 1.1 with one client, in the clear or over TLS.

#include <limits>

#include "net/io_thread.hpp"

namespace vouch::net {

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
  struct OwnedRequest;
  struct Pending;
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
  void work(const std::shared_ptr<OwnedRequest>& owned, std::shared_ptr<const Router> routes,
            const Route& route);
  void finish(const Request& request, const PreparedResponse& answer);
  void refuse(const Refusal& refusal, const Request& request);
  void respond(const Request& request, const PreparedResponse& answer, std::string_view detail = {});
  void log(const Request& request, const PreparedResponse& answer, std::string_view detail);
  bool flush();
  bool flush_plain();
  bool flush_tls();
  void keep_unsent(std::string_view text);
  void go_on_when_writable();
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
  void rest();
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
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t deadline_ = kNever, phase_began_ = 0, request_began_ = 0;
  std::uint64_t progress_ = 0;  // octets in the present phase
  std::size_t accounted_ = 0;
  Phase phase_ = Phase::head;
  bool keep_alive_ = true, started_ = false, ending_ = false, linger_ = false;
  bool reading_ = false, writing_ = false;
  bool rested_ = false;  // nothing has come or gone since `rest`
};

}  // namespace vouch::net
