#pragma once
// Which handler answers which request. A table is built once and then only read.
//
// Handlers are of two kinds. `AnswerNow` runs on the I/O thread, holds up every connection of that thread,
// and therefore never blocks: it looks something up and returns what was prepared. `Blocking` runs on a
// bounded pool of workers; when all are busy and the queue is full, the client gets 503. `NowOrBlocking` is
// both: what the first does not know (it returns null) goes to the second. `Together` (net/together.hpp) runs
// on the workers, too, and answers with one call what waits at the same time.

#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "net/http.hpp"
#include "net/together.hpp"

namespace vouch::net {

using AnswerNow = std::function<Prepared(const Request&)>;
using Blocking = std::function<Response(const Request&)>;
struct NowOrBlocking {
  AnswerNow now;
  Blocking otherwise;
};

struct Route {
  enum class Match : std::uint8_t { exact, prefix };

  std::string path;             // begins with '/'
  std::vector<Method> methods;  // HEAD comes with GET
  std::variant<AnswerNow, Blocking, NowOrBlocking, std::shared_ptr<Together>> handler;
  std::size_t body_limit = 65'536;
  Match match = Match::exact;
  bool any_case = false;  // IIS takes /CertSrv for /certsrv; so do the clients of NDES
  std::string name{};     // in metrics; the path when empty
};

class Router {
 public:
  // An exact path wins over a prefix, a longer prefix over a shorter one. `conflict` when two routes claim
  // the same method of the same path.
  Status add(Route route);

  struct Found {
    const Route* route = nullptr;
    bool known_path = false;  // without route: 405
    std::string allow;        // for the field Allow of the 405
  };
  // The path as it was sent. Octets that need no encoding are compared decoded (RFC 3986 section 6.2.2.2);
  // slashes are never merged and dots never resolved, because paths carry base64.
  Found find(Method method, std::string_view path) const;

 private:
  using Routes = std::vector<Route>;
  const Routes* routes_for(std::string_view path) const;

  std::map<std::string, Routes, std::less<>> exact_, exact_any_case_;
  std::map<std::string, Routes, std::less<>> prefix_, prefix_any_case_;
};

}  // namespace vouch::net
