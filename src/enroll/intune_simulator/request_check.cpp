#include "enroll/intune_simulator/request_check.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace vouch::enroll::intune_simulator {
namespace {

Verdict fine() { return {"Success", {}}; }
Verdict differs(std::string_view code, std::string_view expected, std::string_view received) {
  return {std::string(code), fmt::format("expected {}, received {}", expected, received)};
}

Verdict check_subject(const x509::RequestView& request, const Expectation& expectation) {
  const auto received = x509::parse_name(request.subject);
  if (!received || received->empty())
    return expectation.subject.empty() ? fine() : Verdict{"SubjectNameMissing", "the subject is empty"};
  if (expectation.subject.empty()) return fine();
  const auto expected = x509::name_from_rfc4514(expectation.subject);
  if (expected && x509::names_match(*expected, *received)) return fine();
  return differs("SubjectNameMismatch", expectation.subject, x509::to_rfc4514(*received));
}

Verdict check_alternative_names(const x509::RequestView& request, const Expectation& expectation) {
  std::vector<std::string> expected, received;
  for (const std::string& text : expectation.alternative_names)
    if (const auto name = x509::GeneralName::from_text(text)) expected.push_back(name->to_text());
  if (const x509::ExtensionView* extension = request.find(x509::oid::kSubjectAltName)) {
    const auto names = x509::parse_general_names(extension->value);
    if (!names) return {"SubjectAltNameMismatch", names.error().summary()};
    for (const x509::GeneralName& name : *names) received.push_back(name.to_text());
  }
  std::ranges::sort(expected);
  std::ranges::sort(received);
  if (expected == received) return fine();
  return differs(received.empty() ? "SubjectAltNameMissing" : "SubjectAltNameMismatch",
                 fmt::format("[{}]", fmt::join(expected, ", ")),
                 fmt::format("[{}]", fmt::join(received, ", ")));
}

Verdict check_key_usage(const x509::RequestView& request, const Expectation& expectation) {
  const x509::ExtensionView* extension = request.find(x509::oid::kKeyUsage);
  if (expectation.key_usage == 0 || extension == nullptr) return fine();
  const auto usage = x509::parse_key_usage(extension->value);
  if (usage && *usage == expectation.key_usage) return fine();
  return differs(
      "KeyUsageMismatch", fmt::format("{}", fmt::join(x509::key_usage_names(expectation.key_usage), ", ")),
      usage ? fmt::format("{}", fmt::join(x509::key_usage_names(*usage), ", ")) : "what cannot be read");
}

Verdict check_extended_key_usage(const x509::RequestView& request, const Expectation& expectation) {
  if (expectation.extended_key_usage.empty()) return fine();
  const x509::ExtensionView* extension = request.find(x509::oid::kExtendedKeyUsage);
  if (extension == nullptr) return {"EnhancedKeyUsageMissing", "the request has no extended key usage"};
  std::vector<std::string> expected = expectation.extended_key_usage, received;
  const auto purposes = x509::parse_extended_key_usage(extension->value);
  if (!purposes) return {"EnhancedKeyUsageMismatch", purposes.error().summary()};
  for (const x509::Oid& purpose : *purposes) received.push_back(purpose.dotted());
  std::ranges::sort(expected);
  std::ranges::sort(received);
  if (expected == received) return fine();
  return differs("EnhancedKeyUsageMismatch", fmt::format("{}", fmt::join(expected, ", ")),
                 fmt::format("{}", fmt::join(received, ", ")));
}

Verdict check_key(const x509::RequestView& request, const Expectation& expectation) {
  const auto key = x509::parse_public_key_info(request.public_key_info);
  if (!key) return {"CertificateRequestDecodingFailed", key.error().summary()};
  if (expectation.key_bits == 0 || key->bits == expectation.key_bits) return fine();
  return differs("KeyLengthMismatch", std::to_string(expectation.key_bits), std::to_string(key->bits));
}

}  // namespace

Verdict check_request(const x509::RequestView& request, const Expectation& expectation) {
  for (const auto check :
       {check_subject, check_alternative_names, check_key_usage, check_extended_key_usage, check_key})
    if (Verdict verdict = check(request, expectation); !verdict.is_success()) return verdict;
  return fine();
}

}  // namespace vouch::enroll::intune_simulator
