#pragma once
// What is held against a CRL before the store keeps it, apart from the numbers that were there before.
// Internal to this room.

#include "relying/crl_store.hpp"

namespace vouch::relying {

// Empty: nothing. Signature and key identifier first: what another has signed is not looked at further.
std::optional<validate::Finding> fault_of(const crypto::Provider& provider, const validate::CrlHead& head,
                                          const CrlTerms& terms);

// That finding, with this reason.
validate::Finding unusable(const validate::CrlHead& head, std::string reason);

}  // namespace vouch::relying
