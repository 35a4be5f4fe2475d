#include "validate/policy_graph.hpp"

#include <algorithm>
#include <set>

namespace vouch::validate {
namespace {

bool contains(std::span<const Oid> policies, const Oid& policy) {
  return std::ranges::find(policies, policy) != policies.end();
}

}  // namespace

// The root: anyPolicy is expected of the first certificate.
PolicyGraph::PolicyGraph() { expected_.any = true; }

PolicyGraph::Node* PolicyGraph::find(Level& level, const Oid& policy) {
  const auto at = std::ranges::lower_bound(level.nodes, policy, {}, &Node::policy);
  return at != level.nodes.end() && at->policy == policy ? &*at : nullptr;
}

bool PolicyGraph::empty() const { return levels_.empty() ? expected_.empty() : levels_.back().empty(); }

void PolicyGraph::add_nothing() {
  levels_.emplace_back();
  expected_ = {};
}

void PolicyGraph::add_policies(std::span<const Oid> policies, bool any_counts) {
  const bool any = any_counts && contains(policies, x509::oid::kAnyPolicy);
  Level level;
  // d.1.i: policies that are expected; d.2: with anyPolicy, everything that is expected.
  for (Node& node : expected_.nodes)
    if (any || contains(policies, node.policy)) level.nodes.push_back(std::move(node));
  // d.1.ii: the others, where anyPolicy is expected.
  if (expected_.any) {
    std::vector<Node> added;
    for (const Oid& policy : policies)
      if (policy != x509::oid::kAnyPolicy && find(level, policy) == nullptr) added.push_back({policy, {}});
    level.nodes.insert(level.nodes.end(), std::move_iterator(added.begin()), std::move_iterator(added.end()));
    std::ranges::sort(level.nodes, {}, &Node::policy);
  }
  level.any = expected_.any && any;
  levels_.push_back(std::move(level));
  add_mappings({}, true);
}

void PolicyGraph::add_mappings(std::span<const Mapping> mappings, bool allowed) {
  Level& level = levels_.back();
  if (!allowed) {
    // b.2: nodes whose policy would have been mapped go.
    std::erase_if(level.nodes, [&](const Node& node) {
      return std::ranges::find(mappings, node.policy, &Mapping::issuer_domain) != mappings.end();
    });
    mappings = {};
  }
  // b.1: where only anyPolicy stands for the issuer's policy, it gets a node of its own.
  std::set<Oid> mapped;
  for (const Mapping& mapping : mappings) {
    if (level.any && find(level, mapping.issuer_domain) == nullptr) {
      const auto at = std::ranges::lower_bound(level.nodes, mapping.issuer_domain, {}, &Node::policy);
      level.nodes.insert(at, Node{mapping.issuer_domain, {}});
    }
    if (find(level, mapping.issuer_domain) != nullptr) mapped.insert(mapping.issuer_domain);
  }
  std::vector<std::pair<Oid, Oid>> edges;  // subject domain, issuer domain
  for (const Mapping& mapping : mappings)
    if (mapped.contains(mapping.issuer_domain))
      edges.emplace_back(mapping.subject_domain, mapping.issuer_domain);
  for (const Node& node : level.nodes)
    if (!mapped.contains(node.policy)) edges.emplace_back(node.policy, node.policy);
  std::ranges::sort(edges);
  edges.erase(std::ranges::unique(edges).begin(), edges.end());
  expected_ = {};
  expected_.any = level.any;
  for (const auto& [policy, parent] : edges) {
    if (expected_.nodes.empty() || expected_.nodes.back().policy != policy)
      expected_.nodes.push_back({policy, {}});
    expected_.nodes.back().parents.push_back(parent);
  }
}

std::vector<Oid> PolicyGraph::user_constrained(std::span<const Oid> acceptable) const {
  std::vector<Oid> out;
  if (empty() || levels_.empty()) return out;
  const bool any_acceptable = contains(acceptable, x509::oid::kAnyPolicy);
  // The authorities accept whatever the user wants (g.iii.3).
  if (levels_.back().any) out.assign(acceptable.begin(), acceptable.end());
  // From the target upwards: nodes that something below
  // descends from; those under anyPolicy are the anchor's.
  std::set<Oid> reached, above;
  for (const Node& node : levels_.back().nodes) reached.insert(node.policy);
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    above.clear();
    for (const Node& node : level->nodes) {
      if (!reached.contains(node.policy)) continue;
      if (node.parents.empty() && (any_acceptable || contains(acceptable, node.policy)) &&
          !contains(out, node.policy))
        out.push_back(node.policy);
      above.insert(node.parents.begin(), node.parents.end());
    }
    reached.swap(above);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace vouch::validate
