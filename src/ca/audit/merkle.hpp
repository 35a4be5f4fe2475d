#pragma once
// Merkle tree hashing (RFC 9162 2.1) over leaf hashes. A tree of n leaves consists of one perfect tree for
// each bit of n, the largest first; their root hashes are all that is needed to go on, and to have the root.

#include <vector>

#include "crypto/provider.hpp"

namespace vouch::ca {

inline constexpr std::size_t kMerkleHash = 32;  // octets, SHA-256

// SHA-256(0x01 || left || right).
Buffer merkle_node(const crypto::Provider& provider, Bytes left, Bytes right);

class MerkleFrontier {
 public:
  explicit MerkleFrontier(const crypto::Provider& provider) : provider_(&provider) {}
  // Goes on from what nodes() of a tree of that size gave. `malformed`: they do not go together.
  static Result<MerkleFrontier> from(const crypto::Provider& provider, std::int64_t size,
                                     std::vector<Buffer> nodes);

  void add(Bytes leaf);
  std::int64_t size() const { return static_cast<std::int64_t>(size_); }
  Buffer root() const;  // of no leaves: SHA-256 of nothing
  const std::vector<Buffer>& nodes() const { return nodes_; }

 private:
  const crypto::Provider* provider_;
  std::uint64_t size_ = 0;
  std::vector<Buffer> nodes_;
};

// The hashes that lead from leaf `index` (from 0) to the root (RFC 9162 2.1.3.1).
std::vector<Buffer> inclusion_path(const crypto::Provider& provider, std::span<const Buffer> leaves,
                                   std::size_t index);
// Whether the path does lead there (RFC 9162 2.1.3.2).
bool leads_to_root(const crypto::Provider& provider, Bytes leaf, std::uint64_t index, std::uint64_t size,
                   std::span<const Buffer> path, Bytes root);

}  // namespace vouch::ca
