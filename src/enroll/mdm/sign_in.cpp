#include "enroll/mdm/sign_in.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kLongestKey = 64;  // what is remembered of a name that somebody sends

}  // namespace

Result<Credentials> parse_basic(std::string_view field) {
  constexpr std::size_t kLongest = 4'096;
  if (field.size() > kLongest)
    return make_error(Errc::limit_exceeded, "an Authorization of {} octets; at most {} are read",
                      field.size(), kLongest);
  const std::size_t blank = std::min(field.find(' '), field.size());
  if (!equal_ignoring_case(field.substr(0, blank), "Basic"))
    return make_error(Errc::unsupported, "authentication is Basic here");
  std::string_view token = field.substr(blank);
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  Buffer decoded = TRY(from_base64(token));
  const std::string_view text = as_text(decoded);
  const std::size_t colon = text.find(':');
  Credentials credentials;
  if (colon != std::string_view::npos) {
    credentials.user = text.substr(0, colon);
    credentials.password = Secret(std::string(text.substr(colon + 1)));
  }
  wipe(decoded);
  if (colon == std::string_view::npos)
    return make_error(Errc::malformed, "Basic credentials without a colon (RFC 7617 2)");
  return credentials;
}

std::chrono::seconds RecentGuesses::wait(const std::string& who, Time now) const {
  const std::scoped_lock lock(guards_guesses_);
  const auto found = guesses_.find(who);
  // A clock that was set back locks nobody out.
  if (found == guesses_.end() || now < found->second.at) return std::chrono::seconds(0);
  return challenge::opens_at(found->second, rule_, now) - now;
}

void RecentGuesses::add(const std::string& who, Time now) {
  const std::scoped_lock lock(guards_guesses_);
  if (!guesses_.contains(who)) make_room(now);
  challenge::Guesses& guesses = guesses_[who];
  if (now < guesses.at) guesses = {};
  guesses = challenge::with_one_more(guesses, rule_, now);
}

void RecentGuesses::forget(const std::string& who) {
  const std::scoped_lock lock(guards_guesses_);
  guesses_.erase(who);
}

void RecentGuesses::make_room(Time now) {
  if (guesses_.size() < kept_) return;
  std::erase_if(guesses_,
                [&](const auto& entry) { return challenge::leaked(entry.second, rule_, now).level == 0; });
  if (guesses_.size() < kept_) return;
  guesses_.erase(std::ranges::min_element(guesses_, {}, [](const auto& entry) { return entry.second.at; }));
}

Result<SignIn::Outcome> SignIn::check(std::string_view field, const net::Address& client) {
  if (field.empty()) return Outcome{Answer::asked};
  auto parsed = parse_basic(field);
  // Clients that can do more try that first.
  if (!parsed && parsed.error().code() == Errc::unsupported) return Outcome{Answer::asked};
  Credentials credentials;
  if (parsed) credentials = std::move(*parsed);
  const std::string site = client.site().text();
  const std::string name = credentials.user.substr(0, kLongestKey);
  const Time now = clock_.now();
  const auto wait = std::max(by_site_.wait(site, now), by_name_.wait(name, now));
  if (wait > std::chrono::seconds(0)) return Outcome{Answer::limited, credentials.user, wait};
  if (TRY(is_right(credentials))) {
    by_site_.forget(site);
    return Outcome{Answer::granted, credentials.user};
  }
  by_site_.add(site, now);
  by_name_.add(name, now);
  return Outcome{Answer::refused, credentials.user};
}

// A name that nobody has takes as long as a wrong password.
Result<bool> SignIn::is_right(const Credentials& credentials) {
  const std::vector<PageUser> users = TRY(read_page_users(users_));
  const auto user = std::ranges::find(users, credentials.user, &PageUser::name);
  const crypto::PasswordHash nobody{.salt = Buffer(16), .hash = Buffer(32)};
  const std::scoped_lock lock(one_at_a_time_);
  const bool right = crypto::is_password(provider_, user == users.end() ? nobody : user->password,
                                         credentials.password.text());
  return right && user != users.end();
}

}  // namespace vouch::enroll::mdm
