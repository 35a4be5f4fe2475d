#include "enroll/scep/failure.hpp"

#include <array>

namespace vouch::enroll::scep {
namespace {

constexpr std::array kRows = {
#define VOUCH_SCEP_FAILURE(code, fail_info, hresult, text) \
  FailureRow{#code, FailInfo::fail_info, static_cast<std::int32_t>(hresult), text},
#include "enroll/scep/failures.def"
#undef VOUCH_SCEP_FAILURE
};

}  // namespace

const FailureRow& row(Failure failure) { return kRows[static_cast<std::size_t>(failure)]; }

std::string Refusal::text_for_device() const { return fmt::format("{}: {}", name(), row(failure).text); }

}  // namespace vouch::enroll::scep
