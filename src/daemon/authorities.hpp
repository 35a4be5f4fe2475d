#pragma once
// The CAs of the home that are open.

#include "api/service.hpp"
#include "daemon/health.hpp"

namespace vouch::daemon {

class OpenAuthorities {
 public:
  // Both outlive it.
  OpenAuthorities(const ca::Environment& environment, Health& health)
      : environment_(environment), health_(health) {}

  // Opens every CA of the home anew and swaps them in as a whole. A CA that waits for its certificate is left
  // out; one that cannot be opened stays as it was and is a health state. Fails when the database does not
  // say which CAs there are.
  Status open();
  // Whether a CA was set up, or one of them got a certificate, since they were opened.
  Result<bool> is_outdated() const;
  api::Authorities current() const;
  // Null: no CA of that name is open.
  std::shared_ptr<ca::LocalAuthority> find(std::string_view name) const;

 private:
  const ca::Environment& environment_;
  Health& health_;
  mutable std::mutex guards_current_;
  api::Authorities current_;
  std::string certified_;  // what there was to open
};

}  // namespace vouch::daemon
