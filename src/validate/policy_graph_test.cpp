#include "validate/policy_graph.hpp"

#include <gtest/gtest.h>

namespace vouch::validate {
namespace {

const Oid kAny = x509::oid::kAnyPolicy, kA{1, 2, 1}, kB{1, 2, 2}, kC{1, 2, 3};
using Oids = std::vector<Oid>;

Oids constrained(const PolicyGraph& graph, const Oids& acceptable = {kAny}) {
  return graph.user_constrained(acceptable);
}

TEST(PolicyGraphTest, KeepsWhatEveryCertificateHas) {
  PolicyGraph graph;
  graph.add_policies(Oids{kA, kB}, true);
  graph.add_policies(Oids{kB, kC}, true);
  EXPECT_EQ(constrained(graph), (Oids{kB}));
  EXPECT_EQ(constrained(graph, {kA}), Oids{});
  EXPECT_EQ(constrained(graph, {kB, kC}), (Oids{kB}));
}

TEST(PolicyGraphTest, IsEmptyAfterACertificateWithoutPolicies) {
  PolicyGraph graph;
  EXPECT_FALSE(graph.empty());
  graph.add_nothing();
  EXPECT_TRUE(graph.empty());
  graph.add_policies(Oids{kA, kAny}, true);
  EXPECT_TRUE(graph.empty()) << "it does not come back";
  EXPECT_EQ(constrained(graph), Oids{});
}

TEST(PolicyGraphTest, AnyPolicyStandsForWhatTheUserWantsUnlessItIsInhibited) {
  PolicyGraph graph;
  graph.add_policies(Oids{kAny}, true);
  EXPECT_EQ(constrained(graph), (Oids{kAny}));
  EXPECT_EQ(constrained(graph, {kA, kB}), (Oids{kA, kB}));
  graph.add_policies(Oids{kA}, true);
  EXPECT_EQ(constrained(graph, {kB}), Oids{});
  PolicyGraph inhibited;
  inhibited.add_policies(Oids{kAny}, false);
  EXPECT_TRUE(inhibited.empty());
}

TEST(PolicyGraphTest, MappedPoliciesCountAsWhatTheAnchorsDomainCallsThem) {
  PolicyGraph graph;
  graph.add_policies(Oids{kA}, true);
  graph.add_mappings(std::vector<PolicyGraph::Mapping>{{kA, kB}}, true);
  graph.add_policies(Oids{kB}, true);
  EXPECT_EQ(constrained(graph), (Oids{kA}));
  EXPECT_EQ(constrained(graph, {kB}), Oids{}) << "the user speaks the anchor's language";
}

TEST(PolicyGraphTest, AMappingThatIsInhibitedTakesThePolicyAway) {
  PolicyGraph graph;
  graph.add_policies(Oids{kA, kC}, true);
  graph.add_mappings(std::vector<PolicyGraph::Mapping>{{kA, kB}}, false);
  graph.add_policies(Oids{kA, kB, kC}, true);
  EXPECT_EQ(constrained(graph), (Oids{kC}));
}

TEST(PolicyGraphTest, AnyPolicyGivesMappingsANode) {
  PolicyGraph graph;
  graph.add_policies(Oids{kAny}, true);
  graph.add_mappings(std::vector<PolicyGraph::Mapping>{{kA, kB}}, true);
  graph.add_policies(Oids{kB}, true);
  // B also stands for itself: anyPolicy of the certificate above covers it.
  EXPECT_EQ(constrained(graph, {kA}), (Oids{kA}));
}

// CVE-2023-0464: with a tree, each level multiplies the
// nodes; here 64 levels of 8 policies, each mapped to all.
TEST(PolicyGraphTest, GrowsWithTheCertificatesAndNotWithTheirPower) {
  Oids policies;
  std::vector<PolicyGraph::Mapping> mappings;
  for (std::uint64_t i = 1; i <= 8; ++i) policies.push_back(Oid{1, 2, i});
  for (const Oid& from : policies)
    for (const Oid& to : policies) mappings.push_back({from, to});
  PolicyGraph graph;
  for (int level = 0; level < 64; ++level) {
    graph.add_policies(policies, true);
    graph.add_mappings(mappings, true);
  }
  graph.add_policies(policies, true);
  EXPECT_EQ(constrained(graph), policies);
}

}  // namespace
}  // namespace vouch::validate
