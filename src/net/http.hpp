#pragma once
// HTTP as the rest of the project sees it (RFC 9110, RFC 9112): requests, answers, fields. No sockets and no
// library here.
//
//   Response hello(const Request& request) { return text_response(200, "hello, " +
//   std::string(request.path)); }
//
// A `Request` borrows: its texts live as long as the handler runs. A `Response` owns. A `PreparedResponse` is
// an answer whose octets were assembled once, to be sent many times.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "net/address.hpp"

namespace vouch::net {

// RFC 9110 section 9.3. Anything else is `other` and has no route.
enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };
Method parse_method(std::string_view text);  // case-sensitive, as section 9.1 says
std::string_view name(Method method);

// "Not Found" for 404; "Status" for a number that nobody registered.
std::string_view reason_phrase(unsigned status);

// Field names are compared without regard to case.
bool equal_names(std::string_view a, std::string_view b);

struct Field {
  std::string_view name, value;
};

// Who is at the other end of a local socket, as the kernel says.
struct LocalUser {
  std::uint32_t uid, gid;
  std::int32_t pid;
};

// What TLS found out about a connection.
struct TlsPeer {
  std::string version;               // "TLSv1.3"
  std::string cipher;                // "TLS_AES_256_GCM_SHA384"
  std::string server_name;           // what the client asked for (RFC 6066 section 3); may be empty
  std::vector<Buffer> certificates;  // the client's, its own first, DER; empty when it sent none
};

// Where a request came from.
struct Peer {
  Address address;                // of the socket
  Address local;                  // ours
  std::optional<LocalUser> user;  // on a Unix socket
  std::shared_ptr<const TlsPeer> tls;
  std::string listener;  // the name of the listener that accepted it
};

// A request. Its texts are borrowed and are valid while the handler runs.
struct Request {
  Method method = Method::other;
  std::string_view method_text;
  std::string_view target;  // as sent
  std::string_view path;    // as sent, without scheme and authority; begins with '/', or is "*"
  std::string_view query;   // as sent, after the first '?'
  unsigned minor_version = 1;
  std::vector<Field> fields;
  std::string_view body;
  const Peer* peer = nullptr;
  Address client;  // the peer, or whom trusted proxies name

  // The first field of that name; empty when there is none.
  std::string_view field(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

// Octets with whoever keeps them alive: a text of its own, a buffer that many answers share, a mapped file.
class Body {
 public:
  Body() = default;
  Body(std::string text) {
    auto owned = std::make_shared<const std::string>(std::move(text));
    view_ = *owned;
    owner_ = std::move(owned);
  }
  Body(const char* text) : Body(std::string(text)) {}
  Body(const Buffer& octets) : Body(std::string(as_text(octets))) {}
  Body(std::string_view view, std::shared_ptr<const void> owner) : view_(view), owner_(std::move(owner)) {}
  std::string_view view() const { return view_; }
  std::size_t size() const { return view_.size(); }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

// What the access log gets to know beyond the answer itself.
struct LogNotes {
  std::string user;           // cs-username
  unsigned substatus = 0;     // IIS's sc-substatus
  unsigned win32_status = 0;  // sc-win32-status
};

struct Response {
  unsigned status = 200;
  std::string content_type;  // empty: no Content-Type field
  Body body;
  std::vector<std::pair<std::string, std::string>>
      fields;  // further ones; Content-Length, Date, Connection are ours
  LogNotes notes;
  bool close = false;  // end the connection after this answer
};

Response text_response(unsigned status, std::string text);
// An answer that says what is wrong in one line.
Response error_response(unsigned status, std::string sentence);

// Status line and fields assembled once. Date and Connection are added when it is sent.
struct PreparedResponse {
  unsigned status = 200;
  std::string head;  // without the empty line
  Body body;
  LogNotes notes;
  bool close = false;
};
using Prepared = std::shared_ptr<const PreparedResponse>;
PreparedResponse assemble(Response response);
inline Prepared prepare(Response response) {
  return std::make_shared<const PreparedResponse>(assemble(std::move(response)));
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7), and back; the two obsolete forms are read, too.
std::string format_http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);

// RFC 9110 section 13.1: does the client hold this representation already? `etag` with its quotes.
bool is_unchanged(const Request& request, std::string_view etag, std::int64_t last_modified);

}  // namespace vouch::net
