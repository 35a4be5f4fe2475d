#pragma once
// What extended key usages mean to the decision. Internal to this room.

#include <algorithm>
#include <array>
#include <vector>

#include "x509/oids.hpp"

namespace vouch::policy {

// Whoever holds such a certificate can be taken for the account that its names say (ESC1, ESC3).
inline constexpr std::array kLogonPurposes{x509::oid::kClientAuth, x509::oid::kMsSmartCardLogon,
                                           x509::oid::kPkinitClientAuth,
                                           x509::oid::kMsCertificateRequestAgent, x509::oid::kPkinitKdc};
// A domain's own: a stand-alone authority refuses them unless its settings say otherwise.
inline constexpr std::array kDomainPurposes{x509::oid::kMsSmartCardLogon, x509::oid::kPkinitClientAuth,
                                            x509::oid::kPkinitKdc};
// Such a certificate acts for others or for the authority: only a template gives it.
inline constexpr std::array kPrivilegedPurposes{x509::oid::kMsCertificateRequestAgent,
                                                x509::oid::kOcspSigning, x509::oid::kMsKeyRecoveryAgent,
                                                x509::oid::kMsCaExchange};

template <std::size_t N>
inline const x509::Oid* first_of(const std::vector<x509::Oid>& purposes,
                                 const std::array<x509::Oid, N>& wanted) {
  const auto found = std::ranges::find_first_of(purposes, wanted);
  return found == purposes.end() ? nullptr : &*found;
}

inline bool contains(const std::vector<x509::Oid>& list, const x509::Oid& wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

}  // namespace vouch::policy
