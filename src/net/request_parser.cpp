#include "net/request_parser.hpp"

#include <string.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>

#include "base/text.hpp"

namespace vouch::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool is_token_character(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || kMarks.contains(c);
}

// Tells Beast's parser apart from what becomes of its findings. Everything but the head is left alone.
class HeadParser : public http::basic_parser<true> {
 public:
  explicit HeadParser(Request& request) : request_(request) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // counted before
    body_limit(boost::none);
  }

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code&) override {
    request_.method_text = view(method);
    request_.target = view(target);
    request_.minor_version = version == 10 ? 0 : 1;
  }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code&) override {
    request_.fields.push_back({view(name), view(value)});
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code&) override {
    return body.size();
  }
  void on_finish_impl(beast::error_code&) override {}

  Request& request_;
};

constexpr std::size_t kMostEmptyLines = 2;  // some clients end a POST with one CRLF too many

}  // namespace

HeadReader::State HeadReader::refuse(unsigned status, std::string sentence, unsigned substatus) {
  refusal_ = {status, std::move(sentence), substatus};
  return State::refused;
}

HeadReader::State HeadReader::look(std::string_view input) {
  if (fields_ == 0) {
    const State line = look_at_line(input);
    if (line != State::complete) return line;
  }
  return look_at_fields(input);
}

HeadReader::State HeadReader::look_at_line(std::string_view input) {
  while (input.substr(start_).starts_with("\r\n")) {
    if (start_ == kMostEmptyLines * 2) return refuse(400, "empty lines where a request should begin");
    start_ += 2;
  }
  if (input.substr(start_) == "\r") return State::incomplete;
  // What cannot become a request is told apart at its first octets: TLS on the plain port, other protocols.
  const std::string_view rest = input.substr(start_);
  const std::size_t most = std::min(rest.size(), limits_->method + 1);
  std::size_t method = 0;
  while (method < most && is_token_character(rest[method])) ++method;
  if (method < most && (rest[method] != ' ' || method == 0)) return refuse(400, "this is no HTTP request");
  if (method > limits_->method) return refuse(501, "the method's name is too long");

  scanned_ = std::max(scanned_, start_);
  const void* found = memchr(input.data() + scanned_, '\n', input.size() - scanned_);
  if (found == nullptr) {
    scanned_ = input.size();
    // Reads on for a while, so that the answer can say how long the line is.
    const std::size_t line_limit = 2 * (limits_->path + limits_->query) + 1024;
    if (rest.size() > line_limit)
      return refuse(
          414,
          fmt::format("the request line has more than {} octets; the limits are {} for the path and {} "
                      "for the query",
                      line_limit, limits_->path, limits_->query),
          14);
    return State::incomplete;
  }
  const auto line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  if (line_feed == start_ || input[line_feed - 1] != '\r') return refuse(400, "a line ends without CR");
  const State line = check_line(input.substr(start_, line_feed - 1 - start_));
  if (line == State::complete) fields_ = line_ = scanned_ = line_feed + 1;
  return line;
}

HeadReader::State HeadReader::check_line(std::string_view line) {
  // method SP target SP version (RFC 9112 section 3); what has no version is HTTP/0.9 or nothing of the kind.
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  const std::string_view version = last == std::string_view::npos ? line : line.substr(last + 1);
  if (first == last || !version.starts_with("HTTP/")) return refuse(400, "this is no HTTP request");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.find(' ') != std::string_view::npos) return refuse(400, "a blank in the request target");
  if (version != "HTTP/1.0" && version != "HTTP/1.1")
    return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  const std::size_t mark = target.find('?');
  const std::size_t path = std::min(mark, target.size());
  const std::size_t query = mark == std::string_view::npos ? 0 : target.size() - mark - 1;
  if (path > limits_->path)
    return refuse(414, fmt::format("the path has {} octets, the limit is {}", path, limits_->path), 14);
  if (query > limits_->query)
    return refuse(414, fmt::format("the query has {} octets, the limit is {}", query, limits_->query), 15);
  return State::complete;
}

HeadReader::State HeadReader::look_at_fields(std::string_view input) {
  for (;;) {
    const void* found =
        scanned_ < input.size() ? memchr(input.data() + scanned_, '\n', input.size() - scanned_) : nullptr;
    const std::size_t line_feed =
        found == nullptr ? input.size()
                         : static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
    if (line_feed - fields_ > limits_->fields)
      return refuse(431, fmt::format("the header fields have more than {} octets", limits_->fields));
    if (found == nullptr) {
      scanned_ = input.size();
      return State::incomplete;
    }
    if (input[line_feed - 1] != '\r') return refuse(400, "a line ends without CR");
    const bool empty = line_feed == line_ + 1;
    // RFC 9112 section 5.2: a folded line is refused, since others may have read it as a field of its own.
    if (!empty && (input[line_] == ' ' || input[line_] == '\t')) return refuse(400, "a folded header field");
    line_ = scanned_ = line_feed + 1;
    if (empty) {
      end_ = line_feed + 1;
      return State::complete;
    }
    if (++count_ > limits_->field_count)
      return refuse(431, fmt::format("more than {} header fields", limits_->field_count));
  }
}

bool HeadReader::parse(std::string_view input, Request& request, Framing& framing) {
  request.fields.clear();
  const std::string_view head = input.substr(start_, end_ - start_);
  HeadParser parser(request);
  beast::error_code error;
  const std::size_t used = parser.put({head.data(), head.size()}, error);
  if (error) {
    refuse(400, "the request is not HTTP: " + error.message());
    return false;
  }
  if (used != head.size() || !parser.is_header_done()) {
    refuse(400, "the request's head does not end where it should");
    return false;
  }
  framing = Framing{};
  framing.keep_alive = parser.keep_alive();
  request.method = parse_method(request.method_text);
  return split_target(request) && check_framing(request, framing);
}

bool HeadReader::split_target(Request& request) {
  std::string_view target = request.target;
  if (target.find('#') != std::string_view::npos) {
    refuse(400, "a fragment in the request target");
    return false;
  }
  // Absolute form (RFC 9112 section 3.2.2): proxies, and clients that take us for one.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !equal_names(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    target.remove_prefix(end);
    const std::size_t mark = target.find('?');
    request.path = mark == 0 || target.empty() ? std::string_view("/") : target.substr(0, mark);
    request.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    return true;
  }
  if (!target.starts_with('/') && !(target == "*" && request.method == Method::options)) {
    refuse(400, "the request target is neither a path nor a URL");
    return false;
  }
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
  return true;
}

bool HeadReader::check_framing(const Request& request, Framing& framing) {
  const auto bad = [&](unsigned status, std::string sentence) {
    refuse(status, std::move(sentence));
    return false;
  };
  std::size_t lengths = 0, encodings = 0, hosts = 0;
  for (const Field& field : request.fields) {
    if (equal_names(field.name, "Content-Length")) {
      const bool digits = !field.value.empty() &&
                          std::ranges::all_of(field.value, [](char c) { return c >= '0' && c <= '9'; });
      if (++lengths > 1) return bad(400, "several Content-Length fields");
      if (!digits || field.value.size() > 18) return bad(400, "Content-Length is no number");
      std::uint64_t length = 0;
      for (const char c : field.value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
      framing.content_length = length;
    } else if (equal_names(field.name, "Transfer-Encoding")) {
      if (++encodings > 1) return bad(400, "several Transfer-Encoding fields");
      // RFC 9112 section 6.1: HTTP/1.0 knows no chunks; whoever sent it forwards what it did not understand.
      if (request.minor_version == 0) return bad(400, "Transfer-Encoding in HTTP/1.0");
      if (!equal_names(field.value, "chunked"))
        return bad(501, "only the transfer encoding 'chunked' is understood");
      framing.chunked = true;
    } else if (equal_names(field.name, "Host")) {
      if (++hosts > 1) return bad(400, "several Host fields");
    } else if (equal_names(field.name, "Expect")) {
      if (!equal_names(field.value, "100-continue")) return bad(417, "only '100-continue' can be expected");
      framing.expects_continue = request.minor_version == 1;
    }
  }
  if (lengths > 0 && encodings > 0) return bad(400, "Content-Length beside Transfer-Encoding");
  return true;
}

// ---- chunks
// ------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kMostLine = 16 * 1024;        // a size with its extensions, the trailer
constexpr std::size_t kMostOverhead = 1024 * 1024;  // beside eight octets of framing for each of the body

Refusal bad_chunk(std::string_view what) { return {400, fmt::format("malformed chunks: {}", what), 0}; }

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

}  // namespace

ChunkedBody::Progress ChunkedBody::put(std::string_view input, std::string& body, std::size_t limit) {
  Progress progress;
  while (state_ != State::done && progress.consumed < input.size()) {
    const std::string_view rest = input.substr(progress.consumed);
    if (state_ == State::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size()));
      body.append(rest.substr(0, n));
      progress.consumed += n;
      remaining_ -= n;
      if (remaining_ == 0) state_ = State::data_end;
      continue;
    }
    const std::size_t line_feed = rest.find('\n');
    const std::size_t length = line_feed == std::string_view::npos ? rest.size() : line_feed;
    if (length > kMostLine || (state_ == State::data_end && rest.front() != '\r')) {
      progress.refusal = bad_chunk(length > kMostLine ? "a line without end" : "more data than announced");
      break;
    }
    if (line_feed == std::string_view::npos) break;
    if (line_feed == 0 || rest[line_feed - 1] != '\r')
      progress.refusal = bad_chunk("a line ends without CR");
    else
      progress.refusal = on_line(rest.substr(0, line_feed - 1), body.size(), limit);
    if (progress.refusal) break;
    progress.consumed += line_feed + 1;
    overhead_ += line_feed + 1;
    if (overhead_ > kMostOverhead + 8 * body.size()) progress.refusal = bad_chunk("more framing than body");
    if (progress.refusal) break;
  }
  progress.done = state_ == State::done;
  return progress;
}

std::optional<Refusal> ChunkedBody::on_line(std::string_view line, std::size_t size, std::size_t limit) {
  if (has_control(line)) return bad_chunk("a control character");
  if (state_ == State::size) return on_size(line, size, limit);
  if (state_ == State::data_end) {
    if (!line.empty()) return bad_chunk("more data than announced");
    state_ = State::size;
    return std::nullopt;
  }
  if (line.empty()) {
    state_ = State::done;
    return std::nullopt;
  }
  trailer_ += line.size();
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos ||
      !std::ranges::all_of(line.substr(0, colon), is_token_character))
    return bad_chunk("a trailer that is no field");
  if (trailer_ > kMostLine) return bad_chunk("a trailer without end");
  return std::nullopt;
}

std::optional<Refusal> ChunkedBody::on_size(std::string_view line, std::size_t size, std::size_t limit) {
  std::size_t digits = 0;
  remaining_ = 0;
  for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
    if (digits == 16) return bad_chunk("a size that is no number");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(hex_digit(line[digits]));
  }
  const std::size_t extension = line.find_first_not_of(" \t", digits);
  const bool bare = digits == line.size();
  if (digits == 0 || (!bare && (extension == std::string_view::npos || line[extension] != ';')))
    return bad_chunk("a size that is no number");
  if (remaining_ > limit - std::min(limit, size))
    return Refusal{413, fmt::format("the body has more than {} octets", limit), 0};
  state_ = remaining_ == 0 ? State::trailer : State::data;
  return std::nullopt;
}

}  // namespace vouch::net
