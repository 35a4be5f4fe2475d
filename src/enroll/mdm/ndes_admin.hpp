#pragma once
// The page of the NDES administrator, /certsrv/mscep_admin: the fingerprint of the CA certificate and a
// challenge password, for a person or for the expressions with which device management services search the
// page; and NDES's two operations for policy modules, NDESGenerateChallenge and NDESGetCACertThumbprint.

#include <functional>
#include <memory>

#include "ca/authority.hpp"
#include "enroll/mdm/password_minter.hpp"
#include "enroll/mdm/sign_in.hpp"
#include "net/router.hpp"

namespace vouch::enroll::mdm {

// What a visitor asks for, from the query or an HTML form.
struct NdesAdminQuery {
  enum class Operation : std::uint8_t { page, generate_challenge, ca_thumbprint };
  Operation operation = Operation::page;
  std::uint16_t key_usage = 0;  // x509::KeyUsage
  std::string parameters;       // Params; empty: none
};
// `malformed`, `limit_exceeded`; `unsupported` for an operation that NDES does not have. `keyUsage` is the
// first octet of the BIT STRING as wincrypt.h has it (0x80 digital signature, 0x20 key encipherment), in C's
// notation.
Result<NdesAdminQuery> parse_ndes_admin_query(std::string_view query);

// HTML as NDES sends it: UTF-16, little endian, without a byte order mark.
Buffer utf16le(std::string_view utf8);

struct NdesAdminSettings {
  // NDES's modes, and that of a policy module: then the page itself gives no password.
  enum class Passwords : std::uint8_t { one_time, single, bound };
  Passwords passwords = Passwords::one_time;
  std::string profile{};  // of the SCEP service that the passwords are for
};

// A sign-in that was refused, for the audit log. Never holds a password.
struct RefusedSignIn {
  std::string user, client, profile;
};

// What the page works with. All that is referred to outlives it.
struct NdesAdminSurroundings {
  ca::Authority& authority;
  PasswordMinter& minter;
  SignIn& sign_in;
  const crypto::Provider& provider;
  const Clock& clock;
  std::function<void(const RefusedSignIn&)> refused{};
};

// The account under which a signed-in user asks the authority.
std::string account_of_page_user(std::string_view name);

class NdesAdmin {
 public:
  NdesAdmin(NdesAdminSurroundings surroundings, NdesAdminSettings settings)
      : surroundings_(std::move(surroundings)), settings_(std::move(settings)) {}

  // Over TLS, or to this host itself; everybody else is sent away before a password can be sent.
  net::Response answer(const net::Request& request) const;

 private:
  net::Response answer_user(const net::Request& request, const std::string& user) const;
  net::Response page(const net::Request& request, const std::string& user) const;
  net::Response challenge(const net::Request& request, const std::string& user,
                          const NdesAdminQuery& query) const;
  net::Response thumbprint() const;
  Result<MintedPassword> mint(const std::string& user) const;
  Result<Buffer> ca_certificate() const;
  std::string validity_sentence(const MintedPassword& password) const;

  const NdesAdminSurroundings surroundings_;
  const NdesAdminSettings settings_;
};

// Each path with and without a slash at its end, in any case; "/certsrv/mscep_admin" is NDES's.
std::vector<net::Route> ndes_admin_routes(const std::vector<std::string>& paths, const net::Blocking& answer);

}  // namespace vouch::enroll::mdm
