#include "enroll/mdm/webhook.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "crypto/hmac.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kMostWebhookAnswer = 65'536, kShortestSecret = 16;

Value text_list(const std::vector<std::string>& texts) {
  Value list = Value::list();
  for (const std::string& text : texts) list.push(text);
  return list;
}

// Members of Go's pkix.Name that step-ca shows. Those that are absent are left out.
Value describe_subject(const x509::Name& name) {
  Value subject = Value::table();
  const std::pair<std::string_view, x509::Oid> lists[] = {
      {"country", x509::oid::kCountry},
      {"organization", x509::oid::kOrganization},
      {"organizationalUnit", x509::oid::kOrganizationalUnit},
      {"locality", x509::oid::kLocality},
      {"province", x509::oid::kState}};
  for (const auto& [member, type] : lists)
    if (const auto values = x509::values_of(name, type); !values.empty())
      subject.set(std::string(member), text_list(values));
  const std::pair<std::string_view, x509::Oid> texts[] = {{"serialNumber", x509::oid::kSerialNumber},
                                                          {"commonName", x509::oid::kCommonName}};
  for (const auto& [member, type] : texts)
    if (const auto values = x509::values_of(name, type); !values.empty())
      subject.set(std::string(member), values.front());
  return subject;
}

struct AlternativeNames {
  Value dns = Value::list(), email = Value::list(), ip = Value::list(), uri = Value::list();
};

Result<AlternativeNames> describe_names(const x509::ExtensionView* extension) {
  AlternativeNames out;
  if (extension == nullptr) return out;
  for (const x509::GeneralName& name : TRY(x509::parse_general_names(extension->value))) {
    const std::string text = name.to_text();
    const std::string value = text.substr(std::min(text.find(':') + 1, text.size()));
    switch (name.type) {
      case x509::GeneralNameType::dns_name:
        out.dns.push(value);
        break;
      case x509::GeneralNameType::rfc822_name:
        out.email.push(value);
        break;
      case x509::GeneralNameType::ip_address:
        out.ip.push(value);
        break;
      case x509::GeneralNameType::uri:
        out.uri.push(value);
        break;
      default:  // user principal names and others: in the extension
        break;
    }
  }
  return out;
}

Value describe_extensions(const std::vector<x509::ExtensionView>& extensions) {
  Value list = Value::list();
  for (const x509::ExtensionView& extension : extensions)
    list.push(Value()
                  .set("id", extension.id.dotted())
                  .set("critical", extension.critical)
                  .set("value", to_base64(extension.value)));
  return list;
}

Result<Value> describe_common(Bytes subject, Bytes public_key_info,
                              const std::vector<x509::ExtensionView>& extensions, Bytes whole) {
  const AlternativeNames names = TRY(describe_names(x509::find(extensions, x509::oid::kSubjectAltName)));
  const auto key = x509::parse_public_key_info(public_key_info);
  const std::string_view type = !key                                  ? ""
                                : key->type == x509::KeyType::rsa     ? "RSA"
                                : key->type == x509::KeyType::ed25519 ? "Ed25519"
                                                                      : "ECDSA";
  return Value()
      .set("subject", describe_subject(TRY(x509::parse_name(subject))))
      .set("rawSubject", to_base64(subject))
      .set("dnsNames", names.dns)
      .set("emailAddresses", names.email)
      .set("ipAddresses", names.ip)
      .set("uris", names.uri)
      .set("extensions", describe_extensions(extensions))
      .set("publicKey", to_base64(public_key_info))
      .set("publicKeyAlgorithm", type)
      .set("raw", to_base64(whole));
}

const std::string* text_of(const Value* table, std::string_view member) {
  const Value* value = table != nullptr ? table->find(member) : nullptr;
  return value != nullptr ? value->text() : nullptr;
}

bool is_this_host(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  const std::string_view authority =
      url.substr(kScheme.size(), url.find_first_of("/?#", kScheme.size()) - kScheme.size());
  // user@host would go to the host behind it.
  if (authority.find('@') != std::string_view::npos) return false;
  const std::string_view host = authority.starts_with('[') ? authority.substr(0, authority.find(']') + 1)
                                                           : authority.substr(0, authority.find(':'));
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

// Whether the service will never take what it was sent, whoever sends it again.
bool refuses_for_good(unsigned status) {
  return status >= 400 && status < 500 && status != 401 && status != 403 && status != 404 && status != 408 &&
         status != 429;
}

}  // namespace

std::string safe_code(std::string_view code, std::string_view otherwise) {
  constexpr std::size_t kLongest = 64;
  const bool safe = !code.empty() && code.size() <= kLongest && std::ranges::all_of(code, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  return std::string(safe ? code : otherwise);
}

std::string safe_sentence(std::string_view sentence) {
  constexpr std::size_t kLongest = 255;
  std::string out;
  while (!sentence.empty() && out.size() < kLongest) {
    const std::size_t size = utf8_character(sentence);
    const bool control = static_cast<unsigned char>(sentence.front()) < 0x20 || sentence.front() == 0x7f;
    if (size == 0 || control)
      out += ' ';
    else if (out.size() + size <= kLongest)
      out += sentence.substr(0, size);
    else
      break;
    sentence.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

Status check_outside_url(std::string_view url, std::string_view setting) {
  if (url.starts_with("https://") || is_this_host(url)) return ok();
  return make_error(Errc::usage, "{} is '{}'", setting, url)
      .with_hint("it has to begin with https://; http:// only to 127.0.0.1, [::1] or localhost");
}

Webhook::Webhook(WebhookSettings settings, const crypto::Provider& provider, const Clock& clock)
    : settings_(std::move(settings)), provider_(provider), clock_(clock), fetcher_(settings_.connection) {}

Result<std::shared_ptr<const Webhook>> Webhook::create(WebhookSettings settings,
                                                       const crypto::Provider& provider, const Clock& clock) {
  TRY(check_outside_url(settings.url, fmt::format("the URL of webhook '{}'", settings.id)));
  if (settings.secret.size() < kShortestSecret)
    return make_error(Errc::usage, "the secret of webhook '{}' has {} octets, at least {} are wanted",
                      settings.id, settings.secret.size(), kShortestSecret)
        .with_hint("make one with openssl rand -base64 32");
  return std::shared_ptr<const Webhook>(new Webhook(std::move(settings), provider, clock));
}

Result<Value> Webhook::call(Value body) const {
  body.set("timestamp", format_time(clock_.now()));
  std::string text = to_json(body, 0);
  auto answer = send(text);
  wipe(text);
  // What it does not take is not the service's state.
  const bool healthy = answer || answer.error().code() == Errc::denied;
  last_.set(healthy ? ok() : Status(answer.error()));
  return answer;
}

Result<Value> Webhook::send(const std::string& body) const {
  net::FetchRequest request;
  request.url = settings_.url;
  request.method = "POST";
  request.body = body;
  request.content_type = "application/json";
  request.most = kMostWebhookAnswer;
  request.total_time = settings_.patience;
  request.connect_time = std::min(request.connect_time, settings_.patience);
  request.fields = {
      {"X-Smallstep-Webhook-ID", settings_.id},
      {"X-Smallstep-Signature", to_hex(crypto::hmac_sha256(provider_, settings_.secret, as_bytes(body)))}};
  if (!settings_.bearer.empty()) request.fields.emplace_back("Authorization", "Bearer " + settings_.bearer);
  const auto unavailable = [&](std::string_view why) {
    return make_error(Errc::unavailable, "webhook '{}': {}", settings_.id, why);
  };
  const auto response = fetcher_.fetch(request);
  wipe(request.body);
  if (!response) return unavailable(response.error().summary());
  if (refuses_for_good(response->status))
    return make_error(Errc::denied, "webhook '{}' answered with {}", settings_.id, response->status);
  if (response->status < 200 || response->status > 299)
    return unavailable(fmt::format("it answered with {}", response->status));
  auto answer = parse_json(as_text(response->body));
  if (!answer) return unavailable("its answer is no JSON: " + answer.error().summary());
  if (!answer->members()) return unavailable(fmt::format("its answer is {}, not an object", answer->kind()));
  return std::move(*answer);
}

Result<scep::ChallengeVerdict> WebhookPolicy::check(const scep::ChallengeQuestion& question) const {
  auto request = describe_for_webhook(question.request);
  if (!request)
    return scep::ChallengeVerdict{.code = "CertificateRequestDecodingFailed",
                                  .received = request.error().summary()};
  Value body;
  body.set("provisionerName", question.profile);
  if (question.password) body.set("scepChallenge", *question.password);
  body.set("scepTransactionID", question.transaction)
      .set("isRenewal", question.is_renewal)
      .set("x509CertificateRequest", std::move(*request));
  auto answer = webhook_->call(std::move(body));
  // There is no decision: the device may come again.
  if (!answer) return make_error(Errc::unavailable, "{}", answer.error().summary());
  const Value* allow = answer->find("allow");
  if (allow == nullptr || allow->boolean() == nullptr)
    return make_error(Errc::unavailable, "webhook '{}': its answer has no member allow that is true or false",
                      webhook_->settings().id);
  scep::ChallengeVerdict verdict;
  verdict.allowed = *allow->boolean();
  if (verdict.allowed) {
    // For the request's record; not for policy, which reads other names.
    for (const std::string_view member : {"device", "user", "requestId"})
      if (const std::string* text = text_of(answer->find("data"), member))
        verdict.attributes.emplace(fmt::format("mdm-{}", member), safe_sentence(*text));
    return verdict;
  }
  const Value* error = answer->find("error");
  const std::string *code = text_of(error, "code"), *message = text_of(error, "message");
  verdict.code = safe_code(code ? *code : std::string(), "WebhookDenied");
  verdict.expected = fmt::format("webhook '{}' allows it", webhook_->settings().id);
  verdict.received = message ? safe_sentence(*message) : "it does not";
  return verdict;
}

Status WebhookNotifier::issued(const scep::EnrolmentNotice& notice, Bytes certificate) const {
  const x509::CertificateView view = TRY(x509::parse_certificate(certificate));
  if (!told_.add(x509::serial_to_text(view.serial))) return ok();
  Value body;
  body.set("provisionerName", notice.profile)
      .set("scepTransactionID", notice.transaction)
      .set("x509Certificate", TRY(describe_for_webhook(view)))
      .set("x509CertificateRequest", TRY(describe_for_webhook(TRY(x509::parse_request(notice.request)))));
  // A full outbox does not keep devices from their certificates; the health state tells.
  last_put_.set(outbox_->put(to_json(body, 0)));
  return ok();
}

void WebhookNotifier::refused(const scep::EnrolmentNotice& notice, const scep::Refusal& refusal) const {
  // Anybody can be refused: that must not take the room of what the others are told.
  if (!outbox_->has_room_for_refusals()) return;
  const auto request = x509::parse_request(notice.request);
  if (!request) return;
  auto described = describe_for_webhook(*request);
  Value body;
  body.set("provisionerName", notice.profile)
      .set("scepTransactionID", notice.transaction)
      .set("scepErrorCode", std::int64_t{scep::row(refusal.failure).hresult})
      .set("scepErrorDescription", safe_sentence(refusal.text_for_device()));
  if (described) body.set("x509CertificateRequest", std::move(*described));
  last_put_.set(outbox_->put(to_json(body, 0)));
}

Status WebhookNotifier::deliver() const {
  const Status delivered = outbox_->deliver([&](std::string_view message) -> Status {
    (void)TRY(webhook_->call(TRY(parse_json(message))));
    return ok();
  });
  return delivered ? last_put_.get() : delivered;
}

Result<Value> describe_for_webhook(const x509::RequestView& request) {
  // The challenge is an attribute of the request, and therefore in "raw".
  return TRY(describe_common(request.subject, request.public_key_info, request.extensions, request.whole))
      .set("version", static_cast<std::int64_t>(request.version));
}

Result<Value> describe_for_webhook(const x509::CertificateView& certificate) {
  return TRY(describe_common(certificate.subject, certificate.public_key_info, certificate.extensions,
                             certificate.whole))
      .set("serialNumber", x509::serial_to_text(certificate.serial))
      .set("notBefore", format_time(certificate.not_before))
      .set("notAfter", format_time(certificate.not_after));
}

}  // namespace vouch::enroll::mdm
