#pragma once
// The chain from a CA certificate up to its root, as set-up and every start need it. It is not the relying
// party's path validation (room `validate`): it answers whether this CA may sign, not whether others trust
// it.

#include <span>

#include "ca/home/environment.hpp"

namespace vouch::ca {

// The certificates above `certificate`, nearest first, root last; empty when it is self-signed. Issuers come
// from `candidates` in any order. Fails with `not_found`, naming the issuer that is missing, and with
// `denied` when a signature does not fit or an issuer is no CA.
Result<std::vector<Buffer>> build_chain(const crypto::Provider& provider, Bytes certificate,
                                        std::span<const Buffer> candidates);

// Checks that every certificate of the chain is valid now. Fails with `denied`, naming the one that is not.
Status check_chain_dates(Bytes certificate, std::span<const Buffer> chain, Time now);

}  // namespace vouch::ca
