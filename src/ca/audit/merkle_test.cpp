#include "ca/audit/merkle.hpp"

#include <gtest/gtest.h>

#include "crypto/openssl/openssl.hpp"

namespace vouch::ca {
namespace {

// The leaves and roots that implementations of certificate transparency test with.
constexpr const char* kInputs[] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
constexpr const char* kRoots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

class Merkle : public testing::Test {
 protected:
  Buffer leaf(std::string_view hex) const {
    Buffer input{0x00};
    append(input, from_hex(hex).value());
    return provider_->digest(crypto::DigestAlgorithm::sha256, input);
  }
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

TEST_F(Merkle, RootsAreThoseOfOtherImplementations) {
  MerkleFrontier tree(*provider_);
  EXPECT_EQ(to_hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < std::size(kInputs); ++i) {
    tree.add(leaf(kInputs[i]));
    EXPECT_EQ(to_hex(tree.root()), kRoots[i]) << i;
    EXPECT_EQ(tree.size(), static_cast<std::int64_t>(i + 1));
  }
}

TEST_F(Merkle, AFrontierGoesOnWhereItWasLeft) {
  for (std::size_t stop = 0; stop <= std::size(kInputs); ++stop) {
    MerkleFrontier begun(*provider_);
    for (std::size_t i = 0; i < stop; ++i) begun.add(leaf(kInputs[i]));
    auto tree = MerkleFrontier::from(*provider_, begun.size(), begun.nodes()).value();
    for (std::size_t i = stop; i < std::size(kInputs); ++i) tree.add(leaf(kInputs[i]));
    EXPECT_EQ(to_hex(tree.root()), kRoots[7]);
  }
  EXPECT_FALSE(MerkleFrontier::from(*provider_, 3, {leaf("")}));
  EXPECT_FALSE(MerkleFrontier::from(*provider_, 1, {{1, 2, 3}}));
  EXPECT_FALSE(MerkleFrontier::from(*provider_, -1, {}));
}

TEST_F(Merkle, InclusionPathsLeadToTheRootOfTheirTreeOnly) {
  std::vector<Buffer> leaves;
  MerkleFrontier tree(*provider_);
  for (std::uint64_t size = 1; size <= 40; ++size) {
    leaves.push_back(leaf(fmt::format("{:04x}", size)));
    tree.add(leaves.back());
    const Buffer root = tree.root();
    for (std::uint64_t index = 0; index < size; ++index) {
      auto path = inclusion_path(*provider_, leaves, index);
      EXPECT_TRUE(leads_to_root(*provider_, leaves[index], index, size, path, root));
      EXPECT_FALSE(leads_to_root(*provider_, leaf("ff"), index, size, path, root));
      EXPECT_FALSE(leads_to_root(*provider_, leaves[index], index + 1, size, path, root) && size > 1);
      if (path.empty()) continue;
      path.front()[0] ^= 1;
      EXPECT_FALSE(leads_to_root(*provider_, leaves[index], index, size, path, root));
      path.pop_back();
      EXPECT_FALSE(leads_to_root(*provider_, leaves[index], index, size, path, root));
    }
  }
}

}  // namespace
}  // namespace vouch::ca
