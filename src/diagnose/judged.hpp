#pragma once
// What a check of something fetched found out.

#include "diagnose/report.hpp"

namespace vouch::diagnose {

struct Judged {
  Judgement judgement{};
  std::optional<Time> expires{};
  std::optional<std::uint64_t> crl_number{};
};

inline Judged not_matching(std::string cause, std::string mend) {
  return {.judgement = {Verdict::not_matching, std::move(cause), std::move(mend)}};
}
// By how much clocks may differ before a date in the future means anything (as revocation/crl_times.hpp).
constexpr std::chrono::minutes kClockSkew{10};

}  // namespace vouch::diagnose
