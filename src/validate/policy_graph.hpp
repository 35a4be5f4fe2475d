#pragma once
// The valid policy graph of RFC 9618, which replaces the tree of RFC 5280 6.1: the same answers, but of a
// size that is linear in the certificates instead of exponential in their number (CVE-2023-0464).

#include <cstdint>
#include <span>
#include <vector>

#include "x509/oids.hpp"

namespace vouch::validate {

using x509::Oid;

// What the user accepts, and what the settings of the profile demand (RFC 5280 6.1.1 c, e, f, g).
struct PolicyInputs {
  std::vector<Oid> acceptable = {x509::oid::kAnyPolicy};
  bool require_explicit = false, inhibit_mapping = false, inhibit_any = false;
};

// Built from the certificate below the anchor down to the target.
class PolicyGraph {
 public:
  PolicyGraph();

  // 6.1.3 d and e: the policies of the next certificate. `any_counts`: its anyPolicy stands for something.
  void add_policies(std::span<const Oid> policies, bool any_counts);
  // 6.1.3 e: a certificate without the extension.
  void add_nothing();
  // 6.1.4 b: `allowed` is policy_mapping > 0. Mappings from or to anyPolicy must have been refused before.
  struct Mapping {
    Oid issuer_domain, subject_domain;
  };
  void add_mappings(std::span<const Mapping> mappings, bool allowed);
  // No certificate policy holds any more: valid_policy_tree is NULL.
  bool empty() const;

  // 6.1.5 g: the policies that both the authorities and the user accept, in terms of the anchor's domain.
  // anyPolicy among them when the user accepts any and the authorities do, too.
  std::vector<Oid> user_constrained(std::span<const Oid> acceptable) const;

 private:
  struct Node {
    Oid policy;
    std::vector<Oid> parents;  // policies of the level above; none: its parent is anyPolicy
  };
  // The policies that hold after one certificate, sorted, and whether anyPolicy is one of them.
  struct Level {
    std::vector<Node> nodes;
    bool any = false;
    bool empty() const { return nodes.empty() && !any; }
  };
  static Node* find(Level& level, const Oid& policy);

  std::vector<Level> levels_;  // one for each certificate; the last one is what the next certificate meets
  Level expected_;             // what the mappings of the last certificate lead to
};

}  // namespace vouch::validate
