#pragma once
// A CrlStore as the CRL client's cache: one folder for all processes of a machine.

#include "relying/crl_cache.hpp"
#include "relying/crl_store.hpp"

namespace vouch::relying {

std::shared_ptr<CrlCache> make_stored_cache(std::shared_ptr<CrlStore> store);

}  // namespace vouch::relying
