#include "relying/gateway/trace.hpp"

#include <gmock/gmock.h>

namespace vouch::relying {
namespace {

using std::chrono::seconds;

const Time kNow = parse_time("2026-06-01").value();

Decision decision(bool accepted, Time time = kNow) {
  Decision one;
  one.accepted = accepted;
  one.time = time;
  one.message = "see https://h/x?sig=secret";
  return one;
}
std::size_t records(const Trace& trace) { return trace.to_value(kNow).find("records")->list_items()->size(); }

TEST(Trace, IsOffUntilItIsSwitchedOn) {
  Trace trace(1 << 20);
  trace.add(decision(true), "nginx");
  EXPECT_EQ(records(trace), 0u);
  trace.set({.on = true});
  trace.add(decision(true), "nginx");
  EXPECT_EQ(records(trace), 1u);
  trace.set({});
  trace.add(decision(true), "nginx");
  EXPECT_EQ(records(trace), 1u) << "what was kept can be looked at still";
  trace.clear();
  EXPECT_EQ(records(trace), 0u);
}

TEST(Trace, OfRefusedOnesAndForATime) {
  Trace trace(1 << 20);
  trace.set({.on = true, .until = kNow + seconds(60), .refused_only = true});
  trace.add(decision(true), "nginx");
  EXPECT_EQ(records(trace), 0u);
  trace.add(decision(false, kNow + seconds(59)), "nginx");
  EXPECT_EQ(records(trace), 1u);
  trace.add(decision(false, kNow + seconds(60)), "nginx");
  EXPECT_EQ(records(trace), 1u);
  EXPECT_FALSE(trace.state(kNow + seconds(60)).on);
}

TEST(Trace, IsBoundedAndHasNoSecrets) {
  Trace trace(1 << 14);
  trace.set({.on = true});
  for (int i = 0; i < 1000; ++i) trace.add(decision(false), "nginx");
  const Value value = trace.to_value(kNow);
  EXPECT_LE(*value.find("octets")->integer(), 1 << 14);
  EXPECT_GT(records(trace), 1u);
  EXPECT_LT(records(trace), 1000u);
  EXPECT_EQ(to_json(value).find("secret"), std::string::npos);
  Trace tiny(10);
  tiny.set({.on = true});
  tiny.add(decision(false), "nginx");
  EXPECT_EQ(records(tiny), 0u);
  EXPECT_EQ(*tiny.to_value(kNow).find("left_out")->integer(), 1);
}

}  // namespace
}  // namespace vouch::relying
