#include "policy/requested_validity.hpp"

#include <gtest/gtest.h>

#include "policy/decision_test_support.hpp"

namespace vouch::policy {
namespace {

using testing_support::Asked;

using Pairs = std::vector<std::pair<std::string, std::string>>;

// MS-WCCE 2.2.2.7.10: SEQUENCE { name BMPString, value BMPString }, one attribute each.
Buffer with_pairs(Asked& asked, const Pairs& pairs) {
  std::vector<std::pair<x509::Oid, Buffer>> attributes;
  for (const auto& [name, value] : pairs) {
    asn1::Writer pair;
    pair.sequence([&] {
      pair.primitive(asn1::Tag::bmp_string, x509::utf8_to_bmp(name));
      pair.primitive(asn1::Tag::bmp_string, x509::utf8_to_bmp(value));
    });
    attributes.emplace_back(x509::Oid{1, 3, 6, 1, 4, 1, 311, 13, 2, 1}, std::move(pair).take());
  }
  const Buffer info = x509::encode_request_info(
      {x509::encode_name(asked.subject), asked.key, asked.extensions, std::move(attributes)});
  return x509::encode_request(info, x509::encode(asked.algorithm), Buffer{0x30, 0x00});
}

struct Decided {
  Decision decision;
  std::string step;  // verdict of validity.requested
  std::string end;
};
Decided decide(const Pairs& in_request, const std::map<std::string, std::string>& beside, bool allowed) {
  Asked asked;
  asked.der = with_pairs(asked, in_request);
  asked.question.attributes = beside;
  asked.question.authority.requested_validity = allowed;
  Decided out{asked.decide(), {}, {}};
  for (const TraceStep& step : out.decision.trace)
    if (step.rule == "validity.requested") out.step = to_string(step.verdict);
  out.end = format_time(out.decision.plan.not_after);
  return out;
}

const Pairs kNinetyDays = {{"ValidityPeriod", "Days"}, {"ValidityPeriodUnits", "90"}};
// The question is asked on 2026-11-23 at 10:00.
constexpr const char* kTemplate = "2027-11-23T10:00:00Z";

TEST(RequestedValidityTest, TheTemplatesWithoutTheCasConsent) {
  const Decided d = decide(kNinetyDays, {}, false);
  EXPECT_EQ(d.end, kTemplate);
  EXPECT_EQ(d.step, "changed");
  EXPECT_EQ(decide({}, {}, true).end, kTemplate);
  EXPECT_EQ(decide({}, {}, true).step, "");
}

TEST(RequestedValidityTest, LessWhereTheCaLetsRequestersSay) {
  EXPECT_EQ(decide(kNinetyDays, {}, true).end, "2027-02-21T10:00:00Z");
  EXPECT_EQ(decide(kNinetyDays, {}, true).step, "passed");
  // Android's client swaps the two.
  EXPECT_EQ(decide({{"ValidityPeriodUnits", "Days"}, {"ValidityPeriod", "90"}}, {}, true).end,
            "2027-02-21T10:00:00Z");
  EXPECT_EQ(decide({}, {{"validityperiod", "weeks"}, {"VALIDITYPERIODUNITS", "2"}}, true).end,
            "2026-12-07T10:00:00Z");
  EXPECT_EQ(decide({}, {{"ExpirationDate", "Fri, 01 Jan 2027 00:00:00 GMT"}}, true).end,
            "2027-01-01T00:00:00Z");
  EXPECT_EQ(decide({}, {{"ExpirationDate", "2027-01-01"}}, true).end, "2027-01-01T00:00:00Z");
  // What stands beside the request was said by who hands it in.
  EXPECT_EQ(decide(kNinetyDays, {{"ExpirationDate", "2027-01-01"}}, true).end, "2027-01-01T00:00:00Z");
}

TEST(RequestedValidityTest, NeverMore) {
  const Decided d = decide({{"ValidityPeriod", "Years"}, {"ValidityPeriodUnits", "9"}}, {}, true);
  EXPECT_EQ(d.end, kTemplate);
  EXPECT_EQ(d.step, "changed");
}

TEST(RequestedValidityTest, AShortOneIsNoted) {
  const Decided d = decide({{"ValidityPeriod", "Hours"}, {"ValidityPeriodUnits", "8"}}, {}, true);
  EXPECT_EQ(d.end, "2026-11-23T18:00:00Z");
  EXPECT_EQ(d.step, "changed");
}

TEST(RequestedValidityTest, WhatIsNoneIsRefused) {
  for (const Pairs& pairs : {Pairs{{"ValidityPeriod", "Days"}}, Pairs{{"ValidityPeriodUnits", "90"}},
                             Pairs{{"ValidityPeriod", "Days"}, {"ValidityPeriodUnits", "-1"}},
                             Pairs{{"ValidityPeriod", "Fortnights"}, {"ValidityPeriodUnits", "1"}},
                             Pairs{{"ValidityPeriod", "Days"}, {"ValidityPeriodUnits", "999999999999"}},
                             Pairs{{"ExpirationDate", "soon"}}, Pairs{{"ExpirationDate", "2026-01-01"}}}) {
    const Decided d = decide(pairs, {}, true);
    EXPECT_EQ(d.decision.action, Action::deny);
    EXPECT_EQ(d.decision.reason, "validity.requested") << pairs.front().first << pairs.front().second;
  }
}

}  // namespace
}  // namespace vouch::policy
