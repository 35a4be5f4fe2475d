#include "enroll/mdm/ndes_admin.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "net/url.hpp"
#include "x509/extensions.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kMaxBody = 65'536;
constexpr unsigned kLogonFailure = 1326;  // ERROR_LOGON_FAILURE, in IIS's log

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// The sentences and the tags right around them are NDES's: Fleet, Zentral, PAN-OS and others search for
// "The enrollment challenge password is: <B> ", some for the element before it. Nothing earlier on the page
// may say "challenge password".
net::Response html(std::string_view content) {
  const std::string text = fmt::format(
      "<HTML><Head><Title>Network Device Enrollment Service</Title></Head><Body>\r\n"
      "<H3>Network Device Enrollment Service</H3>\r\n{}</Body></HTML>\r\n",
      content);
  net::Response response;
  // NDES names no encoding, and a browser then shows the tags. Programs decode what they know to come.
  response.content_type = "text/html; charset=utf-16le";
  response.body = net::Body(utf16le(text));
  return response;
}

net::Response plain(unsigned status, std::string text) {
  net::Response response = net::text_response(status, std::move(text));
  return response;
}

net::Response as_json(unsigned status, const Value& value) {
  net::Response response = net::text_response(status, to_json(value, 0));
  response.content_type = "application/json";
  return response;
}

// Secrets are on these pages: nobody keeps them, shows them inside another page, or is told where they were.
net::Response guarded(net::Response response) {
  response.fields.emplace_back("Cache-Control", "no-store");
  response.fields.emplace_back("Referrer-Policy", "no-referrer");
  response.fields.emplace_back("X-Content-Type-Options", "nosniff");
  response.fields.emplace_back("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  return response;
}

// "A656FA66 AB12B433 A2DA5CF7 CC153D9A"
std::string in_groups(Bytes digest) {
  std::string out;
  for (const char c : to_hex(digest)) {
    if (out.size() % 9 == 8) out += ' ';
    out += static_cast<char>(c >= 'a' && c <= 'f' ? c - 'a' + 'A' : c);
  }
  return out;
}

bool wants_json(const net::Request& request) {
  return request.field("Accept").find("application/json") != std::string_view::npos;
}

// Whoever listens on the way must not see the user's password.
bool is_private(const net::Request& request) {
  if (request.peer == nullptr) return request.client.is_loopback();
  return request.peer->tls != nullptr || request.peer->user || request.peer->address.is_loopback();
}

unsigned status_of(const Error& error) {
  switch (error.code()) {
    case Errc::denied:
      return 403;
    case Errc::usage:
    case Errc::malformed:
    case Errc::unsupported:
      return 400;
    case Errc::not_found:
      return 404;
    case Errc::limit_exceeded:
      return 429;
    default:
      return 503;
  }
}

Result<std::uint16_t> parse_number(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hex ? text.substr(2) : text;
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size() || value > 0xff)
    return make_error(Errc::malformed, "keyUsage '{}' is no number like 0xa0", text);
  return static_cast<std::uint16_t>(value);
}

// wincrypt.h counts the bits of the first octet from the left.
std::uint16_t usage_from_octet(std::uint16_t octet) {
  std::uint16_t usage = 0;
  for (unsigned n = 0; n < 8; ++n)
    if (octet & (0x80u >> n)) usage = static_cast<std::uint16_t>(usage | 1u << n);
  return usage;
}

}  // namespace

Buffer utf16le(std::string_view utf8) {
  Buffer octets = x509::utf8_to_bmp(utf8);
  for (std::size_t n = 0; n + 1 < octets.size(); n += 2) std::swap(octets[n], octets[n + 1]);
  return octets;
}

Result<NdesAdminQuery> parse_ndes_admin_query(std::string_view query) {
  NdesAdminQuery out;
  for (auto& [name, value] : TRY(net::parse_query(query, net::Plus::blank))) {
    if (equal_ignoring_case(name, "operation")) {
      if (equal_ignoring_case(value, "NDESGenerateChallenge"))
        out.operation = NdesAdminQuery::Operation::generate_challenge;
      else if (equal_ignoring_case(value, "NDESGetCACertThumbprint"))
        out.operation = NdesAdminQuery::Operation::ca_thumbprint;
      else if (!value.empty())
        return make_error(Errc::unsupported, "there is no operation '{}' here", value)
            .with_hint("NDESGenerateChallenge, NDESGetCACertThumbprint, or none for the page");
    } else if (equal_ignoring_case(name, "keyUsage")) {
      if (!value.empty()) out.key_usage = usage_from_octet(TRY(parse_number(value)));
    } else if (equal_ignoring_case(name, "Params")) {
      out.parameters = std::move(value);
    }
  }
  return out;
}

std::string account_of_page_user(std::string_view name) { return fmt::format("page:{}", name); }

net::Response NdesAdmin::answer(const net::Request& request) const {
  if (!is_private(request))
    return guarded(net::error_response(403, "this page is served over TLS, and to this host itself"));
  const auto outcome = surroundings_.sign_in.check(request.field("Authorization"), request.client);
  if (!outcome)
    return guarded(net::error_response(503, "nobody can sign in now; the service's log says why"));
  if (outcome->answer == SignIn::Answer::granted) {
    net::Response response = guarded(answer_user(request, outcome->user));
    response.notes.user = outcome->user;
    return response;
  }
  // Those that are only limited are in the access log: who guesses on does not fill the audit log.
  if (outcome->answer == SignIn::Answer::refused && surroundings_.refused)
    surroundings_.refused({outcome->user, request.client.text(), settings_.profile});
  if (outcome->answer == SignIn::Answer::limited) {
    net::Response response = guarded(net::error_response(429, "too many refused attempts; wait"));
    response.fields.emplace_back("Retry-After", std::to_string(outcome->wait.count()));
    return response;
  }
  net::Response response = guarded(net::error_response(401, "sign in with a user of this page"));
  response.fields.emplace_back("WWW-Authenticate",
                               "Basic realm=\"Network Device Enrollment Service\", charset=\"UTF-8\"");
  response.notes.substatus = outcome->answer == SignIn::Answer::refused ? 1 : 2;
  if (outcome->answer == SignIn::Answer::refused) response.notes.win32_status = kLogonFailure;
  return response;
}

net::Response NdesAdmin::answer_user(const net::Request& request, const std::string& user) const {
  // A page of somebody else, opened by a browser that knows the user's password, must not use up passwords.
  if (request.field("Sec-Fetch-Site") == "cross-site")
    return net::error_response(403, "another site sent you here; open the page yourself");
  const bool json_body =
      request.method == net::Method::post && request.field("Content-Type").starts_with("application/json");
  const std::string form =
      request.method == net::Method::post && !json_body
          ? fmt::format("{}{}{}", request.query, request.query.empty() ? "" : "&", request.body)
          : std::string(request.query);
  auto query = parse_ndes_admin_query(form);
  if (!query) return net::error_response(status_of(query.error()), query.error().summary());
  if (json_body) query->parameters = request.body;
  switch (query->operation) {
    case NdesAdminQuery::Operation::generate_challenge:
      return challenge(request, user, *query);
    case NdesAdminQuery::Operation::ca_thumbprint:
      return thumbprint();
    case NdesAdminQuery::Operation::page:
      break;
  }
  return page(request, user);
}

Result<MintedPassword> NdesAdmin::mint(const std::string& user) const {
  const std::string account = account_of_page_user(user);
  if (settings_.passwords == NdesAdminSettings::Passwords::single)
    return surroundings_.minter.single(account, settings_.profile);
  return surroundings_.minter.one_time(account, settings_.profile);
}

net::Response NdesAdmin::page(const net::Request& request, const std::string& user) const {
  const auto certificate = ca_certificate();
  if (!certificate)
    return net::error_response(503, "the CA is out of reach: " + certificate.error().summary());
  const std::string md5 =
      in_groups(surroundings_.provider.digest(crypto::DigestAlgorithm::md5, *certificate));
  const std::string sha256 =
      in_groups(surroundings_.provider.digest(crypto::DigestAlgorithm::sha256, *certificate));
  std::string content = fmt::format(
      "<P> The thumbprint (hash value) for the CA certificate is: <B> {} </B> </P>\r\n"
      "<P> Its SHA-256 thumbprint is: <B> {} </B> </P>\r\n",
      md5, sha256);
  if (settings_.passwords == NdesAdminSettings::Passwords::bound)
    return html(
        content +
        "<P> Passwords are bound to one device each: the device management service asks for them with "
        "operation=NDESGenerateChallenge. </P>\r\n");
  const auto password = mint(user);
  if (wants_json(request)) {
    if (!password)
      return as_json(status_of(password.error()), Value().set("error", password.error().summary()));
    return as_json(
        200,
        Value()
            .set("challenge", password->text.text())
            .set("expires", password->expires ? Value(format_time(*password->expires)) : Value())
            .set("profile", settings_.profile)
            .set("ca_md5", to_hex(surroundings_.provider.digest(crypto::DigestAlgorithm::md5, *certificate)))
            .set("ca_sha256",
                 to_hex(surroundings_.provider.digest(crypto::DigestAlgorithm::sha256, *certificate))));
  }
  if (password)
    return html(content +
                fmt::format("<P> The enrollment challenge password is: <B> {} </B> </P>\r\n<P> {} </P>\r\n",
                            escaped(password->text.text()), validity_sentence(*password)));
  // Both with status 200, as NDES answers: programs look for the sentence.
  if (password.error().code() == Errc::limit_exceeded)
    return html("<P> The password cache is full. </P>\r\n<P> " + escaped(password.error().summary()) +
                " Use one of them, or wait until the oldest expires. </P>\r\n");
  if (password.error().code() == Errc::denied)
    return html("<P> You do not have sufficient permission to enroll with SCEP. </P>\r\n<P> " +
                escaped(password.error().summary()) + " </P>\r\n");
  return net::error_response(status_of(password.error()), password.error().summary());
}

std::string NdesAdmin::validity_sentence(const MintedPassword& password) const {
  if (settings_.passwords == NdesAdminSettings::Passwords::single)
    return "This password can be used any number of times. Keep it secret.";
  const std::string once = "This password can be used only once";
  if (!password.expires) return once + ".";
  const auto left = std::chrono::ceil<std::chrono::minutes>(*password.expires - surroundings_.clock.now());
  return fmt::format(
      "{} and will expire within {} minutes. Each enrollment requires a new one: refresh this page.", once,
      left.count());
}

net::Response NdesAdmin::challenge(const net::Request& request, const std::string& user,
                                   const NdesAdminQuery& query) const {
  const auto minted = [&]() -> Result<MintedPassword> {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    if (std::ranges::all_of(query.parameters, blank)) {
      if (settings_.passwords != NdesAdminSettings::Passwords::bound) return mint(user);
      return make_error(Errc::usage, "Params says nothing of the device that the challenge is for")
          .with_hint("give the members of POST /api/v1/challenges as JSON");
    }
    Value wish = TRY(parse_json(query.parameters).context("reading Params"));
    if (!wish.members()) return make_error(Errc::malformed, "Params is {}, not a JSON object", wish.kind());
    return surroundings_.minter.bound(account_of_page_user(user),
                                      {settings_.profile, query.key_usage, std::move(wish)});
  }();
  if (!minted) return net::error_response(status_of(minted.error()), minted.error().summary());
  if (!wants_json(request)) return plain(200, std::string(minted->text.text()));
  return as_json(200, Value()
                          .set("challenge", minted->text.text())
                          .set("expires", minted->expires ? Value(format_time(*minted->expires)) : Value())
                          .set("profile", settings_.profile));
}

net::Response NdesAdmin::thumbprint() const {
  const auto certificate = ca_certificate();
  if (!certificate)
    return net::error_response(503, "the CA is out of reach: " + certificate.error().summary());
  std::string text = in_groups(surroundings_.provider.digest(crypto::DigestAlgorithm::md5, *certificate));
  std::erase(text, ' ');
  return plain(200, std::move(text));
}

Result<Buffer> NdesAdmin::ca_certificate() const {
  std::vector<Buffer> chain = TRY(surroundings_.authority.chain());
  if (chain.empty()) return make_error(Errc::unavailable, "it has no certificate yet");
  return std::move(chain.front());
}

std::vector<net::Route> ndes_admin_routes(const std::vector<std::string>& paths,
                                          const net::Blocking& answer) {
  std::vector<net::Route> routes;
  for (std::string path : paths) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    for (const std::string_view end : {"", "/"})
      routes.push_back({.path = path + std::string(end),
                        .methods = {net::Method::get, net::Method::post},
                        .handler = answer,
                        .body_limit = kMaxBody,
                        .any_case = true,
                        .name = "scep_admin"});
  }
  return routes;
}

}  // namespace vouch::enroll::mdm
