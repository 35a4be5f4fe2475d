#include "enroll/mdm/intune_revocations.hpp"

#include <algorithm>

#include "enroll/mdm/webhook.hpp"

namespace vouch::enroll::mdm {
namespace {

constexpr std::string_view kDownload = "CertificateAuthorityRequests/downloadRevocationRequests";
constexpr std::string_view kUpload = "CertificateAuthorityRequests/uploadRevocationResults";
constexpr std::size_t kMostRequests = 500;  // the interface's own limit

struct ErrorName {
  RevocationError error;
  std::string_view name;
};
constexpr ErrorName kNames[] = {
    {RevocationError::none, "None"},
    {RevocationError::non_retryable, "NonRetryableServiceException"},
    {RevocationError::deserialization, "DataSerializationError"},
    {RevocationError::parameters, "ParameterDataInvalidError"},
    {RevocationError::cryptography, "CryptographyError"},
    {RevocationError::certificate_not_found, "CertificateNotFoundError"},
    {RevocationError::conflict, "ConflictError"},
    {RevocationError::not_supported, "NotSupportedError"},
    {RevocationError::payload_too_large, "PayloadTooLargeError"},
    {RevocationError::retryable, "RetryableServiceException"},
    {RevocationError::unavailable, "ServiceUnavailableException"},
    {RevocationError::too_busy, "ServiceTooBusyException"},
    {RevocationError::authentication, "AuthenticationException"},
};

}  // namespace

std::string_view name(RevocationError error) {
  const auto* const found = std::ranges::find(kNames, error, &ErrorName::error);
  return found == std::end(kNames) ? "NonRetryableServiceException" : found->name;
}

RevocationError revocation_error_of(const Error& error) {
  switch (error.code()) {
    case Errc::malformed:
    case Errc::usage:
      return RevocationError::parameters;
    case Errc::not_found:
      return RevocationError::certificate_not_found;
    case Errc::conflict:
      return RevocationError::conflict;
    case Errc::unsupported:
      return RevocationError::not_supported;
    case Errc::denied:
      return RevocationError::authentication;
    case Errc::limit_exceeded:
      return RevocationError::too_busy;
    case Errc::unavailable:
    case Errc::timeout:
      return RevocationError::unavailable;
    default:
      return RevocationError::retryable;
  }
}

Result<std::vector<RevocationRequest>> parse_revocation_requests(const Value& answer) {
  const Value* list = answer.find("value");
  if (list == nullptr || list->list_items() == nullptr)
    return make_error(Errc::unavailable, "the answer with the revocation requests has no list 'value'");
  if (list->list_items()->size() > kMostRequests)
    return make_error(Errc::unavailable, "{} revocation requests at once; at most {} are taken",
                      list->list_items()->size(), kMostRequests);
  std::vector<RevocationRequest> requests;
  for (const Value& item : *list->list_items()) {
    RevocationRequest request{text_member(item, "requestContext"), text_member(item, "serialNumber"),
                              text_member(item, "issuerName")};
    if (!request.context.empty()) requests.push_back(std::move(request));
  }
  return requests;
}

Status IntuneRevocations::run() const {
  TRY(report());
  const std::size_t batch = std::clamp<std::size_t>(settings_.batch, 1, kMostRequests);
  for (int n = 0; n < kMostBatches; ++n) {
    const std::size_t taken = TRY(take_batch());
    if (taken > 0) TRY(report());
    if (taken < batch) break;
  }
  return ok();
}

Status IntuneRevocations::report() const {
  return results_->deliver([this](std::string_view message) -> Status {
    const Value answer = TRY(connection_->post(kPkiConnector, kUpload, TRY(parse_json(message))));
    const Value* value = answer.find("value");
    if (value != nullptr && value->boolean() != nullptr && *value->boolean()) return ok();
    return make_error(Errc::unavailable, "the service did not take the results of revocations");
  });
}

Result<std::size_t> IntuneRevocations::take_batch() const {
  Value parameters;
  parameters
      .set("maxRequests",
           static_cast<std::int64_t>(std::clamp<std::size_t>(settings_.batch, 1, kMostRequests)))
      .set("issuerName", settings_.issuer.empty() ? Value() : Value(settings_.issuer));
  const Value answer = TRY(
      connection_->post(kPkiConnector, kDownload, Value().set("downloadParameters", std::move(parameters))));
  const std::vector<RevocationRequest> requests = TRY(parse_revocation_requests(answer));
  if (requests.empty()) return std::size_t{0};
  Value results = Value::list();
  for (const RevocationRequest& request : requests) results.push(carry_out(request));
  TRY(results_->put(to_json(Value().set("results", std::move(results)), 0)));
  return requests.size();
}

Value IntuneRevocations::carry_out(const RevocationRequest& request) const {
  const Status revoked = revoke(request);
  const RevocationError error = revoked ? RevocationError::none : revocation_error_of(revoked.error());
  return Value()
      .set("requestContext", request.context)
      .set("succeeded", revoked.has_value())
      .set("errorCode", name(error))
      .set("errorMessage", revoked ? Value() : Value(safe_sentence(revoked.error().summary())));
}

Status IntuneRevocations::revoke(const RevocationRequest& request) const {
  const Buffer serial = TRY(x509::serial_from_text(request.serial).context("reading serialNumber"));
  if (!request.issuer.empty() && !settings_.issuer_name.empty()) {
    const auto asked = x509::name_from_rfc4514(request.issuer);
    if (!asked || !x509::names_match(*asked, TRY(x509::parse_name(settings_.issuer_name))))
      return make_error(Errc::not_found, "issuerName is not this authority's name");
  }
  return revoke_(serial);
}

}  // namespace vouch::enroll::mdm
