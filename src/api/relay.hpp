#pragma once
// The front end of a registration authority for its own host: the part of the administration API that hands
// in requests, passed on to an authority elsewhere (docs/mechanisms/registration-authority.md). It takes and
// gives what the CA itself takes and gives, so a client need not know which it has.

#include "api/caller.hpp"
#include "ca/authority.hpp"
#include "net/router.hpp"

namespace vouch::api {

// POST /api/v1/requests, GET /api/v1/requests/{id}/outcome, GET /api/v1/cas/{ca}/chain: over the Unix socket
// alone, where the kernel says who asks. `ca` is the authority's name there. The authority outlives the
// routes.
std::vector<net::Route> relay_routes(ca::Authority& authority, std::string ca, LoginName login_name);

}  // namespace vouch::api
