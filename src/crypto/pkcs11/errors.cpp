#include "crypto/pkcs11/errors.hpp"

#include <algorithm>
#include <iterator>

namespace vouch::crypto::pkcs11 {
namespace {

struct Answer {
  CK_RV value;
  std::string_view name;
  Errc code;
  bool may_pass;
  std::string_view hint;
};

constexpr std::string_view kPin = "correct the PIN where it comes from (--pin-file, pin-source, environment)";
constexpr std::string_view kCannot =
    "see what it can do: pkcs11-tool --module MODULE --list-mechanisms; choose another kind of key or token";

constexpr Answer kAnswers[] = {
    {CKR_HOST_MEMORY, "CKR_HOST_MEMORY", Errc::unavailable, true, ""},
    {CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", Errc::unavailable, true, ""},
    {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", Errc::unavailable, true, ""},
    {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", Errc::unavailable, true, ""},
    {CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", Errc::unsupported, false, ""},
    {CKR_CANT_LOCK, "CKR_CANT_LOCK", Errc::unsupported, false, "use a module that works with threads"},
    {CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", Errc::unsupported, false, kCannot},
    {CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", Errc::unsupported, false, kCannot},
    {CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID", Errc::unsupported, false, kCannot},
    {CKR_DATA_INVALID, "CKR_DATA_INVALID", Errc::unsupported, false, ""},
    {CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", Errc::unsupported, false, ""},
    {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", Errc::unavailable, true, ""},
    {CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", Errc::unavailable, true, "the token may be full"},
    {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", Errc::unavailable, true, ""},
    {CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID", Errc::malformed, false, ""},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE", Errc::malformed, false, ""},
    {CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", Errc::unsupported, false, kCannot},
    {CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", Errc::unavailable, true, ""},
    {CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", Errc::unsupported, false, kCannot},
    {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", Errc::unsupported, false, kCannot},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", Errc::unsupported, false,
     "the key was made for something else: its CKA_SIGN or CKA_DECRYPT is false"},
    {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", Errc::unsupported, false, kCannot},
    {CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID", Errc::unsupported, false, kCannot},
    {CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", Errc::unavailable, true, ""},
    {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", Errc::denied, false, kPin},
    {CKR_PIN_INVALID, "CKR_PIN_INVALID", Errc::denied, false, kPin},
    {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", Errc::denied, false, kPin},
    {CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", Errc::denied, false, "set a new PIN with the token's own program"},
    {CKR_PIN_LOCKED, "CKR_PIN_LOCKED", Errc::denied, false,
     "the security officer unlocks it with the token's own program"},
    {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", Errc::unavailable, true, ""},
    {CKR_SESSION_COUNT, "CKR_SESSION_COUNT", Errc::unavailable, true, ""},
    {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", Errc::unavailable, true, ""},
    {CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", Errc::unsupported, false, ""},
    {CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", Errc::unsupported, false, kCannot},
    {CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", Errc::unsupported, false, kCannot},
    {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", Errc::unavailable, true, ""},
    {CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", Errc::unavailable, true, ""},
    {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", Errc::denied, false,
     "take the write protection off the token"},
    {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", Errc::unavailable, true, ""},
    {CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", Errc::denied, false,
     "set the user's PIN with the token's own program"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", Errc::unavailable, true, ""},
    {CKR_DOMAIN_PARAMS_INVALID, "CKR_DOMAIN_PARAMS_INVALID", Errc::unsupported, false, kCannot},
};

const Answer* find(CK_RV value) {
  const auto* it = std::ranges::find(kAnswers, value, &Answer::value);
  return it == std::end(kAnswers) ? nullptr : it;
}

}  // namespace

std::string name_of(CK_RV answer) {
  const Answer* known = find(answer);
  return known ? std::string(known->name) : fmt::format("CKR 0x{:x}", answer);
}

bool may_pass(CK_RV answer) {
  const Answer* known = find(answer);
  return !known || known->may_pass;
}

Error call_failed(CK_RV answer, std::string_view doing, std::string_view token) {
  const Answer* known = find(answer);
  const Errc code = known ? known->code : Errc::unavailable;
  std::string hint(known ? known->hint : "");
  if (hint.empty() && code == Errc::unavailable)
    hint = "connect the token, or start its service, and try again; no restart is needed";
  return make_error(code, "{} failed on {}: {}", doing, token, name_of(answer)).with_hint(std::move(hint));
}

}  // namespace vouch::crypto::pkcs11
