#pragma once
// Who asks: the account behind a request to the administration API (docs/mechanisms/api.md).
//
//   over the Unix socket   the login name of the process at the other end, as the kernel says
//   over TLS               certificate:CA/TEMPLATE/SUBJECT of the client's certificate, which a CA of this
//                          home issued: it survives a renewal, and another template's certificate with the
//                          same name is another account
//
// Everybody else is refused. What an account may do is roles' business.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "ca/home/environment.hpp"
#include "net/http.hpp"

namespace vouch::api {

// The login name of a user of this system; none: it has no such user.
using LoginName = std::function<std::optional<std::string>(std::uint32_t uid)>;

// "alice", or "uid 1000" for a user whom nobody knows.
std::string login_of(const net::LocalUser& user, const LoginName& login_name);

struct Caller {
  std::string account;
  bool is_local = false;  // over the Unix socket
};

// A front end that asks for somebody says so in this field; it goes into the audit log beside the account
// that decides: "certificate:… (for device-7)".
constexpr std::string_view kOnBehalfOf = "Vouch-On-Behalf-Of";

// Who asks at the same time: one look into the database for all, and one for each certificate. It keeps the
// state that it looked into, so it is let go before anything is committed.
class Callers {
 public:
  Callers(const ca::Environment& environment, const LoginName& login_name)
      : environment_(environment), login_name_(login_name) {}
  // As caller_of says.
  Result<Caller> of(const net::Request& request);

 private:
  Result<std::string> account_of(const std::vector<Buffer>& chain);

  const ca::Environment& environment_;
  const LoginName& login_name_;
  std::unique_ptr<store::Snapshot> snapshot_;                    // once somebody has a certificate
  std::map<Buffer, Result<std::string>, std::less<>> accounts_;  // by certificate
};

// `denied` when nothing proves who it is, or no longer does.
Result<Caller> caller_of(const net::Request& request, const ca::Environment& environment,
                         const LoginName& login_name);

// The account of a client's certificate, its own first. `denied`: it was not issued here, it is revoked, it
// is not valid now, it is not for clients. Looks into the database each time.
Result<std::string> account_of_certificate(const ca::Environment& environment,
                                           const std::vector<Buffer>& chain);

}  // namespace vouch::api
