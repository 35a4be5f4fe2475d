#include "enroll/scep/service_client.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/url.hpp"

namespace vouch::enroll::scep {
namespace {

constexpr std::string_view kHttp = "http://", kHttps = "https://";
constexpr std::size_t kMaxAnswer = std::size_t{4} << 20;

bool begins(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && equal_ignoring_case(text.substr(0, with.size()), with);
}

// The first line of what a server says beside a status, without what could steer a terminal.
std::string first_words(Bytes body) {
  std::string out;
  for (const char c : as_text(body)) {
    if (c == '\n' || out.size() == 200) break;
    if (c >= ' ' && c <= '~') out += c;
  }
  return out;
}

std::string hint_for(unsigned status) {
  switch (status) {
    case 401:
    case 407:
      return "SCEP services ask for no log-in: a proxy in front of this one authenticates before it";
    case 403:
      return "NDES answers a browser's visit so when a policy module decides; a SCEP operation is answered "
             "with 200";
    case 404:
      return "is the path right? NDES: /certsrv/mscep/mscep.dll; vouch: /scep or /scep/PROFILE";
    case 413:
      return "the service takes no message of this size";
    case 414:
      return "the URL is too long for the service or a proxy in front of it: use --post, or raise its limit";
    case 503:
      return "the service, its CA or its key is out of reach for now; try again later";
    default:
      return {};
  }
}

}  // namespace

bool Capabilities::has(std::string_view word) const {
  return std::ranges::any_of(words, [&](const std::string& one) { return equal_ignoring_case(one, word); });
}

Capabilities read_capabilities(std::string_view body) {
  Capabilities out;
  while (!body.empty()) {
    const std::size_t end = body.find_first_of("\r\n");
    std::string_view word = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view() : body.substr(end + 1);
    while (!word.empty() && (word.front() == ' ' || word.front() == '\t')) word.remove_prefix(1);
    while (!word.empty() && (word.back() == ' ' || word.back() == '\t')) word.remove_suffix(1);
    if (!word.empty()) out.words.emplace_back(word);
  }
  return out;
}

Result<ServiceClient> ServiceClient::create(std::shared_ptr<net::Fetcher> fetcher, std::string url) {
  if (!begins(url, kHttp) && !begins(url, kHttps))
    return make_error(Errc::usage, "'{}' is no http or https URL", url)
        .with_hint("such as http://ca.example.test/certsrv/mscep/mscep.dll");
  return ServiceClient(std::move(fetcher), std::move(url));
}

bool ServiceClient::is_https() const { return begins(url_, kHttps); }

std::string ServiceClient::target(std::string_view operation, std::string_view message) const {
  std::string out = fmt::format("{}{}operation={}", url_, url_.contains('?') ? '&' : '?', operation);
  if (!message.empty()) out += fmt::format("&message={}", message);
  return out;
}

Result<net::FetchResponse> ServiceClient::ask(const net::FetchRequest& request, std::string_view operation) {
  auto response = TRY(fetcher_->fetch(request).context("asking {} with {}", url_, operation));
  if (response.status == 200) return response;
  const std::string words = first_words(response.body);
  Error error = make_error(response.status == 503 ? Errc::unavailable : Errc::denied,
                           "{} answered {} with HTTP status {}{}{}", url_, operation, response.status,
                           words.empty() ? "" : ": ", words);
  const std::string hint = hint_for(response.status);
  return hint.empty() ? std::move(error) : std::move(error).with_hint(hint);
}

Result<Capabilities> ServiceClient::capabilities() {
  const auto response = TRY(ask({.url = target("GetCACaps")}, "GetCACaps"));
  return read_capabilities(as_text(response.body));
}

Result<ServiceCertificates> ServiceClient::certificates() {
  const auto response = TRY(ask({.url = target("GetCACert"), .most = kMaxAnswer}, "GetCACert"));
  return read_service_certificates(response.body).context("reading the answer of {} to GetCACert", url_);
}

Result<Buffer> ServiceClient::send(Bytes message, Transport transport) {
  if (transport == Transport::by_capabilities)
    transport = TRY(capabilities()).has_post() ? Transport::post : Transport::get;
  net::FetchRequest request;
  request.most = kMaxAnswer;
  request.total_time = std::chrono::seconds(60);
  if (transport == Transport::post) {
    request.method = "POST";
    request.url = target("PKIOperation");
    request.body = as_text(message);
    request.content_type = "application/x-pki-message";
  } else {
    request.url = target("PKIOperation", net::percent_encode(to_base64(message)));
  }
  auto response = TRY(ask(request, "PKIOperation"));
  if (!begins(response.content_type, "application/x-pki-message"))
    return make_error(Errc::malformed, "{} answered PKIOperation with content of type '{}', no SCEP message",
                      url_, response.content_type);
  return std::move(response.body);
}

Result<CertRep> exchange(const crypto::Provider& provider, ServiceClient& service, Transport transport,
                         const ClientIdentity& identity, const RequestInput& input,
                         std::span<const Buffer> signers, std::string_view password) {
  const MadeRequest made = TRY(make_request(provider, identity, input));
  const Buffer reply = TRY(service.send(made.message, transport));
  return read_cert_rep(provider, identity, reply, {input.transaction, made.nonce, signers, password})
      .context("reading the reply of {}", service.url());
}

}  // namespace vouch::enroll::scep
