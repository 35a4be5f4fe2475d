#pragma once
// When a CRL begins, when the next one is due, and when it ends: as AD CS documents it for CRLPeriod,
// CRLOverlapPeriod and their delta counterparts (docs/mechanisms/crl.md).

#include "ca/settings/settings.hpp"

namespace vouch::revocation {

struct CrlTimes {
  Time this_update{}, next_publish{}, next_update{};
};
// `key_end` is the end of the CA certificate: no CRL can be verified after it.
CrlTimes crl_times(const ca::AuthoritySettings& settings, bool delta, Time now, Time key_end);

// How long a CRL outlives the publication of its successor: what was set, or by itself a tenth of the period
// (of a delta CRL the whole period) and at most twelve hours; never longer than the period, never below one
// and a half times the clocks' allowance, which is added.
std::chrono::seconds crl_overlap(std::chrono::seconds period, std::chrono::seconds configured, bool delta);

}  // namespace vouch::revocation
