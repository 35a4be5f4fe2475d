#pragma once
// Octets to requests (RFC 9112), without sockets. The grammar is Beast's; limits, and everything by which two
// readers of one connection could disagree about where a request ends, are decided here first: a bare LF, a
// folded line, two lengths, a length beside chunks, chunks in HTTP/1.0 are refused, not repaired.
//
//   HeadReader reader(limits);
//   switch (reader.look(everything received so far of this request)) …

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace vouch::net {

struct HeadLimits {
  std::size_t path = 65'534;    // IIS's maxUrl; SCEP sends messages of 40 kB in a GET
  std::size_t query = 65'534;   // counted by itself
  std::size_t fields = 65'536;  // Kerberos tokens of members of many groups come near that
  std::size_t field_count = 100;
  std::size_t method = 32;
};

// Why a request is not answered by its route.
struct Refusal {
  unsigned status = 400;
  std::string sentence;
  unsigned substatus = 0;
};

// How a request is framed.
struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

class HeadReader {
 public:
  enum class State : std::uint8_t { incomplete, complete, refused };

  explicit HeadReader(const HeadLimits& limits) : limits_(&limits) {}
  // `input` begins where the request begins and grows from call to call.
  State look(std::string_view input);
  // After `complete`: octets up to the body. The request's texts point into `input`.
  std::size_t size() const { return end_; }
  // False: the request is refused after all, and refusal() says why.
  bool parse(std::string_view input, Request& request, Framing& framing);
  const Refusal& refusal() const { return refusal_; }
  void reset() { *this = HeadReader(*limits_); }

 private:
  State refuse(unsigned status, std::string sentence, unsigned substatus = 0);
  State look_at_line(std::string_view input);
  State check_line(std::string_view line);
  State look_at_fields(std::string_view input);
  bool check_framing(const Request& request, Framing& framing);
  bool split_target(Request& request);

  const HeadLimits* limits_;
  std::size_t start_ = 0;    // after empty lines that RFC 9112 section 2.2 lets pass
  std::size_t fields_ = 0;   // where the fields begin; 0 before the line is complete
  std::size_t line_ = 0;     // the line that is being looked at begins here
  std::size_t scanned_ = 0;  // no line ends before
  std::size_t end_ = 0;
  std::size_t count_ = 0;
  Refusal refusal_;
};

// The chunks of one request (RFC 9112 section 7.1), decoded as they arrive. Not Beast's: octet by octet, its
// decoder runs into an assertion of its own. Extensions and the trailer are checked for their form and
// dropped.
class ChunkedBody {
 public:
  struct Progress {
    std::size_t consumed = 0;
    bool done = false;
    std::optional<Refusal> refusal;
  };
  // Appends what `input` holds of the body to `body`, which must not grow beyond `limit`. What is not
  // consumed has to be given again with what follows it.
  Progress put(std::string_view input, std::string& body, std::size_t limit);

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer, done };
  std::optional<Refusal> on_line(std::string_view line, std::size_t size, std::size_t limit);
  std::optional<Refusal> on_size(std::string_view line, std::size_t size, std::size_t limit);

  State state_ = State::size;
  std::uint64_t remaining_ = 0;  // of the present chunk
  std::size_t trailer_ = 0;      // octets of it
  std::size_t overhead_ = 0;     // octets that were not body
};

}  // namespace vouch::net
