#pragma once
// The token endpoint of the simulated directory: OAuth's client credentials with a secret (RFC 6749 4.4) or a
// signed assertion (RFC 7523 2.2).

#include <map>
#include <mutex>

#include "base/time.hpp"
#include "base/value.hpp"
#include "crypto/provider.hpp"
#include "net/http.hpp"

namespace vouch::enroll::intune_simulator {

struct ClientRegistration {
  std::string tenant, application;
  std::string secret;    // empty: none
  Buffer certificate{};  // DER; empty: none
  std::chrono::seconds token_life{3'600};
};

class Tokens {
 public:
  Tokens(ClientRegistration client, const crypto::Provider& provider, const Clock& clock)
      : client_(std::move(client)), provider_(provider), clock_(clock) {}
  // `audience`: the URL of this endpoint, as assertions have to name it.
  net::Response issue(std::string_view form, const std::string& audience);
  // Whether the request has a token, still valid, that was given for this resource.
  bool allows(const net::Request& request, std::string_view resource) const;
  // As if they had been taken back.
  void forget_all();

 private:
  struct Token {
    std::string resource;
    Time end;
  };
  Status check_client(const std::map<std::string, std::string>& form, const std::string& audience) const;
  Status check_assertion(std::string_view assertion, const std::string& audience) const;
  const ClientRegistration client_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  mutable std::mutex guards_tokens_;
  std::map<std::string, Token> tokens_;
};

net::Response json_answer(unsigned status, const Value& value);

}  // namespace vouch::enroll::intune_simulator
