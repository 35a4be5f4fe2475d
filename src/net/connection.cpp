#include "net/connection.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace vouch::net {
namespace {

constexpr std::size_t kCopiedBody = 16'384;       // larger bodies are sent from where they are
constexpr std::size_t kMostQueuedText = 65'536;   // answers of pipelined requests, before they are sent
constexpr std::size_t kLingerOctets = 1'048'576;  // a refused client may send that much before it is cut
constexpr int kReadsInARow = 8;                   // then other connections get their turn
constexpr milliseconds kLingerTime{2'000};
constexpr milliseconds kDrainGrace{500};  // a busy client sends its next request within, and is told to close

const AnswerNow* answer_now_of(const Route& route) {
  if (const auto* both = std::get_if<NowOrBlocking>(&route.handler)) return &both->now;
  return std::get_if<AnswerNow>(&route.handler);
}
const Blocking* blocking_of(const Route& route) {
  if (const auto* both = std::get_if<NowOrBlocking>(&route.handler)) return &both->otherwise;
  return std::get_if<Blocking>(&route.handler);
}

}  // namespace

// A request that outlives the octets it was read from.
struct Connection::OwnedRequest {
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

struct Connection::Pending {
  std::shared_ptr<OwnedRequest> owned;
  std::shared_ptr<const Router> routes;  // keeps the route
  const Route* route = nullptr;
  std::optional<ChunkedBody> chunks;
  std::uint64_t remaining = 0;  // of a body with a length
};

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
  Common& common = thread_.common;
  common.connections.fetch_sub(1);
  common.buffered.fetch_sub(accounted_);
  if (counted_.is_none()) return;
  const std::lock_guard lock(common.guards_sites);
  const auto site = common.sites.find(counted_);
  if (site != common.sites.end() && --site->second == 0) common.sites.erase(site);
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
  rested_ = false;
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
  work(owned, routes, route);
}

void Connection::work(const std::shared_ptr<OwnedRequest>& owned, std::shared_ptr<const Router> routes,
                      const Route& route) {
  phase_ = Phase::working;
  deadline_ = kNever;
  // From whichever thread, back to that of this connection.
  auto reply = [self = shared_from_this(), owned, routes = std::move(routes)](Response response) {
    self->thread_.hand_over(
        [self, owned, answer = assemble(std::move(response))] { self->finish(owned->request, answer); });
  };
  WorkerPool& pool = thread_.common.pool;
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

void Connection::finish(const Request& request, const PreparedResponse& answer) {
  if (phase_ == Phase::closed) return;
  rested_ = false;
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
  go_on_when_writable();
  return false;
}

// The client has to take what there is at the slowest speed that is allowed, from the beginning of its answer
// on.
void Connection::go_on_when_writable() {
  if (writing_) return;
  writing_ = true;
  deadline_ = phase_began_ + site_->limits.write_time.count() +
              static_cast<std::int64_t>(progress_ * 1000 / std::max<std::size_t>(site_->limits.slowest, 1));
  wait_writable();
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
      piece = big_.view().substr(big_sent_, thread_.scratch.size());
      big_sent_ += piece.size();
    }
    text = {};
    if (piece.empty()) {
      big_ = Body();
      big_sent_ = 0;
      return true;
    }
    if (!tls_->write(piece)) {
      close();
      return false;
    }
  }
  go_on_when_writable();
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

// Between requests, since a tick ago or longer: thousands of idle clients shall not keep memory for records.
void Connection::rest() {
  if (phase_ != Phase::head || started_ || writing_ || std::exchange(rested_, true)) return;
  if (tls_) tls_->rest();
  if (out_.empty()) std::string().swap(out_);
}

void Connection::check_deadline(std::int64_t now) {
  rest();
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
  auto& buffered = thread_.common.buffered;
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

}  // namespace vouch::net
