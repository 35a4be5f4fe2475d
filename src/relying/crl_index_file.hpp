#pragma once
// An index kept beside its CRL, and opened again by mapping both: nothing is parsed but the CRL's head and
// tail.
//
//   head | tags of the body's blocks | padding | tag of all before |
//   body: groups, odd dates, issuers, why the CRL is unusable
//
// The tags are made with a key of this machine (SealedBlocks): an index of somebody else, or for another CRL,
// or damaged, is not believed. Of the CRL, what stands around its entries is held against a digest in the
// head when the index is opened; the entries themselves are not read. The form is the machine's own; another
// one builds its own index.

#include "relying/crl_index.hpp"

namespace vouch::relying {

// Replaces the file atomically; whoever has the old one mapped keeps it.
Status save_crl_index(const crypto::Provider& provider, const crypto::Sealer& sealer, const IndexedCrl& index,
                      const fs::path& file);

// `not_found` or `denied` as files are; `found_bad` when the index is not one that this key has sealed for
// this CRL: build it again.
Result<IndexedCrlPtr> open_crl_index(const crypto::Provider& provider,
                                     std::shared_ptr<const crypto::Sealer> sealer, CrlOctets crl,
                                     const fs::path& file, std::string from);

}  // namespace vouch::relying
