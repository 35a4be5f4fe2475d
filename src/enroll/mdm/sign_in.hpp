#pragma once
// Signing in to a page with HTTP's Basic authentication (RFC 7617), with a limit for those who guess.

#include <map>
#include <mutex>

#include "base/secret.hpp"
#include "challenge/guess_limit.hpp"
#include "enroll/mdm/page_users.hpp"
#include "net/address.hpp"

namespace vouch::enroll::mdm {

struct Credentials {
  std::string user;
  Secret password;
};
// The value of the field Authorization: "Basic" and the base64 of user, a colon and password in UTF-8.
// `unsupported` for another scheme (NTLM, Negotiate), `malformed` otherwise. At most 4 KiB.
Result<Credentials> parse_basic(std::string_view field);

// Who guessed how often, counted as wrong passwords of devices are: kept for so many at the same time,
// whoever is oldest goes first. Safe to use from several threads.
class RecentGuesses {
 public:
  explicit RecentGuesses(challenge::GuessRule rule, std::size_t kept = 10'000) : rule_(rule), kept_(kept) {}
  // How long `who` has to wait; zero: not at all.
  std::chrono::seconds wait(const std::string& who, Time now) const;
  void add(const std::string& who, Time now);
  void forget(const std::string& who);

 private:
  void make_room(Time now);
  const challenge::GuessRule rule_;
  const std::size_t kept_;
  mutable std::mutex guards_guesses_;
  std::map<std::string, challenge::Guesses> guesses_;
};

class SignIn {
 public:
  enum class Answer : std::uint8_t {
    granted,
    asked,    // nobody signed in yet: not counted
    refused,  // the name or the password is wrong
    limited,  // too many refusals from there or for that name; nothing was looked at
  };
  struct Outcome {
    Answer answer{};
    std::string user{};            // as given; of a refusal it proves nothing
    std::chrono::seconds wait{0};  // limited
  };

  // Provider and clock outlive it.
  SignIn(const crypto::Provider& provider, const Clock& clock, fs::path users)
      : provider_(provider), clock_(clock), users_(std::move(users)) {}
  // `field`: the value of Authorization. Fails when the file of users cannot be read.
  Result<Outcome> check(std::string_view field, const net::Address& client);

 private:
  Result<bool> is_right(const Credentials& credentials);

  const crypto::Provider& provider_;
  const Clock& clock_;
  const fs::path users_;
  RecentGuesses by_site_{challenge::kPerAddress};
  // From many places: enough that nobody is locked out by accident.
  RecentGuesses by_name_{{100, std::chrono::seconds(6)}};
  std::mutex one_at_a_time_;  // scrypt takes 32 MiB
};

}  // namespace vouch::enroll::mdm
