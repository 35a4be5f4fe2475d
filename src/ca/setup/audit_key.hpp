#pragma once
// A new audit key, when the old one is lost or somebody may have had it.

#include "ca/local_authority.hpp"

namespace vouch::ca {

// By an administrator of the home; the authority's current key vouches for the new audit key. Heads of
// earlier keys stay good.
Status make_new_audit_key(const LocalAuthority& authority, std::string_view passphrase,
                          std::string_view administrator);

}  // namespace vouch::ca
