#pragma once
// Why a message is refused: what the device is told, and what only the log is told.

#include <string>

#include "enroll/scep/attributes.hpp"

namespace vouch::enroll::scep {

enum class Failure : std::uint8_t {
#define VOUCH_SCEP_FAILURE(code, fail_info, hresult, text) code,
#include "enroll/scep/failures.def"
#undef VOUCH_SCEP_FAILURE
};

struct FailureRow {
  std::string_view code;
  FailInfo fail_info{};
  std::int32_t hresult = 0;
  std::string_view text;
};
const FailureRow& row(Failure failure);

struct Refusal {
  Failure failure{};
  std::string code{};                  // instead of the failure's: a challenge policy has codes of its own
  std::string detail{};                // for the log: what, where, how to mend it
  std::string expected{}, received{};  // for the log; never a challenge

  std::string_view name() const { return code.empty() ? row(failure).code : std::string_view(code); }
  // "KeyMismatch: the request is signed with another key than it asks a certificate for"
  std::string text_for_device() const;
};
inline Refusal refuse(Failure failure, std::string detail = {}) {
  return {.failure = failure, .detail = std::move(detail)};
}

}  // namespace vouch::enroll::scep
