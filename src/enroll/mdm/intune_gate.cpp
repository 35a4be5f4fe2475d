#include "enroll/mdm/intune_gate.hpp"

#include <algorithm>

#include "enroll/mdm/webhook.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::string_view kValidate = "ScepActions/validateRequest";
constexpr std::string_view kSuccess = "ScepActions/successNotification";
constexpr std::string_view kFailure = "ScepActions/failureNotification";

struct Code {
  std::string_view code, text;
};
constexpr Code kCodes[] = {
#define VOUCH_INTUNE_CODE(code, text) {#code, text},
#include "enroll/mdm/intune_codes.def"
#undef VOUCH_INTUNE_CODE
};

struct Answer {
  std::string code, description;
  bool is_success() const { return code == "Success"; }
};

Result<Answer> read_answer(const Value& value) {
  const Value* code = value.find("code");
  if (code == nullptr || code->text() == nullptr)
    return make_error(Errc::unavailable, "the service's answer has no text 'code'");
  const Value* description = value.find("errorDescription");
  const std::string* text = description != nullptr ? description->text() : nullptr;
  return Answer{*code->text(), text != nullptr ? safe_sentence(*text) : std::string()};
}

std::string upper_hex(Bytes octets) {
  std::string text = to_hex(octets);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  return text;
}

// ISO 8601 with milliseconds, as the library wants certificateExpirationDateUtc.
std::string with_milliseconds(Time time) {
  std::string text = format_time(time);
  text.insert(text.size() - 1, ".000");
  return text;
}

// What a request is known by: who does not have the key cannot sign one that is taken for it.
std::string request_key(const crypto::Provider& provider, std::string_view transaction,
                        Bytes public_key_info) {
  Buffer name = to_buffer(as_bytes(transaction));
  name.push_back('\n');
  append(name, public_key_info);
  return to_hex(provider.digest(crypto::DigestAlgorithm::sha256, name));
}

}  // namespace

std::optional<std::string_view> intune_code_text(std::string_view code) {
  const auto* const found = std::ranges::find(kCodes, code, &Code::code);
  if (found == std::end(kCodes)) return std::nullopt;
  return found->text;
}

std::vector<std::string_view> intune_codes() {
  std::vector<std::string_view> out;
  for (const Code& code : kCodes) out.push_back(code.code);
  return out;
}

Result<scep::ChallengeVerdict> IntuneGate::check(const scep::ChallengeQuestion& question) const {
  if (!question.password) {
    if (question.is_renewal && settings_.renewals_without_challenge)
      return scep::ChallengeVerdict{.allowed = true};
    return scep::ChallengeVerdict{.code = "ChallengePasswordMissing"};
  }
  const Value body = Value().set("request", Value()
                                                .set("transactionId", question.transaction)
                                                .set("certificateRequest", to_base64(question.request.whole))
                                                .set("callerInfo", connection_->settings().caller));
  auto value = connection_->post(kScepValidation, kValidate, body);
  // Also when the service does not take the request as it is: that is no verdict about the challenge.
  if (!value) return make_error(Errc::unavailable, "{}", value.error().summary());
  const Answer answer = TRY(read_answer(*value));
  if (answer.is_success()) {
    validated_.add(request_key(provider_, question.transaction, question.request.public_key_info));
    return scep::ChallengeVerdict{.allowed = true};
  }
  const auto text = intune_code_text(answer.code);
  scep::ChallengeVerdict verdict;
  verdict.code = text ? answer.code : "Unknown";
  verdict.expected = text ? *text : intune_code_text("Unknown").value_or("");
  verdict.received = answer.description.empty() ? safe_sentence(answer.code) : answer.description;
  return verdict;
}

Status IntuneGate::issued(const scep::EnrolmentNotice& notice, Bytes certificate) const {
  const x509::CertificateView view = TRY(x509::parse_certificate(certificate));
  const std::string serial = x509::serial_to_text(view.serial);
  if (told_.contains(serial)) return ok();
  const Value body = success_notification(notice, view);
  if (!settings_.wait_for_notification) {
    TRY(put(kSuccess, body, serial));
    told_.add(serial);
    return ok();
  }
  TRY(send(kSuccess, body));
  told_.add(serial);
  return ok();
}

Value IntuneGate::success_notification(const scep::EnrolmentNotice& notice,
                                       const x509::CertificateView& certificate) const {
  const std::string issuer = x509::to_rfc4514(certificate.issuer).value_or(std::string());
  Value notification;
  notification.set("transactionId", notice.transaction)
      .set("certificateRequest", to_base64(notice.request))
      // Windows' thumbprint.
      .set("certificateThumbprint",
           upper_hex(provider_.digest(crypto::DigestAlgorithm::sha1, certificate.whole)))
      .set("certificateSerialNumber", upper_hex(x509::serial_octets(certificate.serial)))
      .set("certificateExpirationDateUtc", with_milliseconds(certificate.not_after))
      .set("issuingCertificateAuthority", issuer)
      .set("callerInfo", connection_->settings().caller)
      .set("caConfiguration",
           settings_.ca_configuration.empty() ? Value() : Value(settings_.ca_configuration))
      .set("certificateAuthority", issuer);
  return Value().set("notification", std::move(notification));
}

// Its own verdicts the service knows already; and of requests that it never allowed it should not hear as
// often as somebody likes to send them.
void IntuneGate::refused(const scep::EnrolmentNotice& notice, const scep::Refusal& refusal) const {
  const auto request = x509::parse_request(notice.request);
  if (!request) return;
  const std::string key = request_key(provider_, notice.transaction, request->public_key_info);
  if (!validated_.contains(key) || !told_.add(key + std::string(refusal.name()))) return;
  if (!outbox_->has_room_for_refusals()) return;
  const Value body =
      Value().set("notification", Value()
                                      .set("transactionId", notice.transaction)
                                      .set("certificateRequest", to_base64(notice.request))
                                      .set("hResult", std::int64_t{scep::row(refusal.failure).hresult})
                                      .set("errorDescription", safe_sentence(refusal.text_for_device()))
                                      .set("callerInfo", connection_->settings().caller));
  (void)put(kFailure, body, {});
}

// `denied`: the service has answered, and not with Success.
Status IntuneGate::send(std::string_view path, const Value& body) const {
  const Answer answer = TRY(read_answer(TRY(connection_->post(kScepValidation, path, body))));
  if (answer.is_success()) return ok();
  return make_error(Errc::denied, "the service answered the {} with {}{}{}", path, safe_sentence(answer.code),
                    answer.description.empty() ? "" : ": ", answer.description);
}

Status IntuneGate::put(std::string_view path, const Value& body, std::string_view serial) const {
  const Status put =
      outbox_->put(to_json(Value().set("path", path).set("serial", serial).set("body", body), 0));
  last_put_.set(put);
  return put;
}

Status IntuneGate::deliver() const {
  const Status delivered =
      outbox_->deliver([this](std::string_view message) { return deliver_one(message); });
  if (!delivered) return delivered;
  TRY(last_put_.get());
  return connection_->health();
}

Status IntuneGate::deliver_one(std::string_view message) const {
  const Value value = TRY(parse_json(message));
  const Value *path = value.find("path"), *serial = value.find("serial"), *body = value.find("body");
  if (path == nullptr || path->text() == nullptr || body == nullptr)
    return make_error(Errc::denied, "a message of the outbox that this program did not write");
  const Status sent = send(*path->text(), *body);
  if (sent || sent.error().code() != Errc::denied || serial == nullptr || serial->text() == nullptr ||
      serial->text()->empty())
    return sent;
  // The device has its certificate; it must not keep it.
  const Status revoked = revoke_(TRY(x509::serial_from_text(*serial->text())));
  if (revoked || revoked.error().code() == Errc::conflict)
    return make_error(Errc::denied, "certificate {} was revoked: {}", *serial->text(),
                      sent.error().summary());
  return make_error(Errc::unavailable, "certificate {} should be revoked: {}", *serial->text(),
                    revoked.error().summary());
}

}  // namespace vouch::enroll::mdm
