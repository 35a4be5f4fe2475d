#include "ca/audit/merkle.hpp"

#include <algorithm>
#include <bit>

namespace vouch::ca {
namespace {

Buffer root_of(const crypto::Provider& provider, std::span<const Buffer> leaves) {
  MerkleFrontier tree(provider);
  for (const Buffer& leaf : leaves) tree.add(leaf);
  return tree.root();
}

}  // namespace

Buffer merkle_node(const crypto::Provider& provider, Bytes left, Bytes right) {
  Buffer input;
  input.reserve(1 + left.size() + right.size());
  input.push_back(0x01);
  append(input, left);
  append(input, right);
  return provider.digest(crypto::DigestAlgorithm::sha256, input);
}

Result<MerkleFrontier> MerkleFrontier::from(const crypto::Provider& provider, std::int64_t size,
                                            std::vector<Buffer> nodes) {
  if (size < 0 || static_cast<std::size_t>(std::popcount(static_cast<std::uint64_t>(size))) != nodes.size() ||
      std::ranges::any_of(nodes, [](const Buffer& node) { return node.size() != kMerkleHash; }))
    return make_error(Errc::malformed, "{} hashes are no tree of {} leaves", nodes.size(), size);
  MerkleFrontier tree(provider);
  tree.size_ = static_cast<std::uint64_t>(size);
  tree.nodes_ = std::move(nodes);
  return tree;
}

void MerkleFrontier::add(Bytes leaf) {
  Buffer node = to_buffer(leaf);
  // Each one at the end of the size is a perfect tree as large as the one that is being made.
  for (std::uint64_t rest = size_; (rest & 1) != 0; rest >>= 1) {
    node = merkle_node(*provider_, nodes_.back(), node);
    nodes_.pop_back();
  }
  nodes_.push_back(std::move(node));
  ++size_;
}

Buffer MerkleFrontier::root() const {
  if (nodes_.empty()) return provider_->digest(crypto::DigestAlgorithm::sha256, {});
  Buffer root = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) root = merkle_node(*provider_, nodes_[i], root);
  return root;
}

std::vector<Buffer> inclusion_path(const crypto::Provider& provider, std::span<const Buffer> leaves,
                                   std::size_t index) {
  if (leaves.size() <= 1) return {};
  const std::size_t split = std::bit_floor(leaves.size() - 1);  // the largest power of two below the size
  const auto left = leaves.first(split), right = leaves.subspan(split);
  const bool is_left = index < split;
  auto path = inclusion_path(provider, is_left ? left : right, is_left ? index : index - split);
  path.push_back(root_of(provider, is_left ? right : left));
  return path;
}

bool leads_to_root(const crypto::Provider& provider, Bytes leaf, std::uint64_t index, std::uint64_t size,
                   std::span<const Buffer> path, Bytes root) {
  if (index >= size) return false;
  std::uint64_t fn = index, sn = size - 1;
  Buffer r = to_buffer(leaf);
  for (const Buffer& p : path) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      r = merkle_node(provider, p, r);
      while (fn != 0 && (fn & 1) == 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      r = merkle_node(provider, r, p);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && equal(r, root);
}

}  // namespace vouch::ca
