// The path of a request from the network: heads in one piece and octet by octet are read alike, what was
// taken is within its limits and has one reading only, chunks decode alike however they arrive.
#include <cstdlib>

#include "net/request_parser.hpp"
#include "net/router.hpp"

using namespace vouch;
using namespace vouch::net;

namespace {

struct Outcome {
  HeadReader::State state = HeadReader::State::incomplete;
  bool parsed = false;
  std::size_t size = 0;
  unsigned status = 0;
  Request request;
  Framing framing;
  bool operator==(const Outcome& other) const {
    return state == other.state && parsed == other.parsed && status == other.status &&
           (!parsed || (size == other.size && request.path == other.request.path));
  }
};

Outcome read(std::string_view input, const HeadLimits& limits, std::size_t step) {
  Outcome outcome;
  HeadReader reader(limits);
  for (std::size_t end = step; outcome.state == HeadReader::State::incomplete; end += step) {
    outcome.state = reader.look(input.substr(0, end));
    if (end >= input.size()) break;
  }
  if (outcome.state == HeadReader::State::complete) {
    outcome.size = reader.size();
    outcome.parsed = reader.parse(input, outcome.request, outcome.framing);
  }
  if (!outcome.parsed) outcome.status = reader.refusal().status;
  return outcome;
}

std::string decode(std::string_view input, std::size_t limit, std::size_t step, std::size_t& left,
                   bool& done) {
  ChunkedBody chunks;
  std::string body, waiting;
  done = false;
  for (std::size_t at = 0; at < input.size() && !done; at += step) {
    waiting += input.substr(at, step);
    const auto progress = chunks.put(waiting, body, limit);
    waiting.erase(0, progress.consumed);
    if (body.size() > limit) std::abort();
    if (progress.refusal) return "refused";
    done = progress.done;
    left = input.size() - std::min(input.size(), at + step) + waiting.size();
  }
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = as_text({data, size});
  HeadLimits limits;
  limits.path = limits.query = 300;
  limits.fields = 600;
  limits.field_count = 8;
  const Outcome whole = read(input, limits, std::max<std::size_t>(size, 1));
  if (size < 4096) {
    const Outcome slowly = read(input, limits, 1);
    // Arriving slowly, a bad request may be refused before its head is complete; never the other way round.
    if (whole.parsed != slowly.parsed || (whole.parsed && !(whole == slowly))) std::abort();
  }
  if (whole.parsed) {
    const Request& r = whole.request;
    if (r.path.size() > limits.path || r.query.size() > limits.query || r.fields.size() > limits.field_count)
      std::abort();
    if (whole.framing.chunked && whole.framing.content_length) std::abort();
    if (r.count("Content-Length") > 1 || r.count("Transfer-Encoding") > 1 || r.count("Host") > 1)
      std::abort();
    if (r.path.find_first_of(std::string_view("\0 \r\n?#", 6)) != std::string_view::npos) std::abort();
    for (const Field& field : r.fields)
      if (field.value.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) std::abort();
    (void)Router().find(r.method, r.path);
    (void)is_unchanged(r, "\"x\"", 0);
    std::vector<std::string_view> values;
    for (const Field& field : r.fields) values.push_back(field.value);
    (void)client_address(Address::parse("127.0.0.1").value(), values,
                         {{Network::parse("0.0.0.0/0").value()}, ProxyField::forwarded});
  }
  const std::string_view body = whole.parsed ? input.substr(whole.size) : input;
  std::size_t left = 0, left_slowly = 0;
  bool done = false, done_slowly = false;
  const std::string at_once = decode(body, 500, std::max<std::size_t>(body.size(), 1), left, done);
  if (body.size() < 4096) {
    const std::string slowly = decode(body, 500, 1, left_slowly, done_slowly);
    if (done != done_slowly || (done && (at_once != slowly || left != left_slowly))) std::abort();
  }
  return 0;
}
