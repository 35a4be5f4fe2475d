#include "net/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace vouch::net {
namespace {

// The form is that of Prometheus' documentation, "Text format example".
TEST(Metrics, TextForm) {
  Metrics metrics;
  metrics.counter("vouch_requests_total", "Requests.", {{"proto", "ocsp"}, {"why", "a\"b\\c\nd"}}).add(3);
  metrics.gauge("vouch_crl_bytes", "Size.").set(1.5);
  auto& seconds = metrics.histogram("vouch_issue_seconds", "Time.", {{"stage", "sign"}}, {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) seconds.observe(value);
  metrics.gauge_from("vouch_queue", "Queue.", {}, [] { return 4.0; });
  EXPECT_EQ(metrics.text(),
            "# HELP vouch_crl_bytes Size.\n# TYPE vouch_crl_bytes gauge\nvouch_crl_bytes 1.5\n"
            "# HELP vouch_issue_seconds Time.\n# TYPE vouch_issue_seconds histogram\n"
            "vouch_issue_seconds_bucket{stage=\"sign\",le=\"0.1\"} 2\n"
            "vouch_issue_seconds_bucket{stage=\"sign\",le=\"1\"} 3\n"
            "vouch_issue_seconds_bucket{stage=\"sign\",le=\"+Inf\"} 4\n"
            "vouch_issue_seconds_sum{stage=\"sign\"} 7.65\n"
            "vouch_issue_seconds_count{stage=\"sign\"} 4\n"
            "# HELP vouch_queue Queue.\n# TYPE vouch_queue gauge\nvouch_queue 4\n"
            "# HELP vouch_requests_total Requests.\n# TYPE vouch_requests_total counter\n"
            "vouch_requests_total{proto=\"ocsp\",why=\"a\\\"b\\\\c\\nd\"} 3\n");
}

TEST(Metrics, TheSameSeriesIsOneCounter) {
  Metrics metrics;
  EXPECT_EQ(&metrics.counter("a_total", "A."), &metrics.counter("a_total", "A."));
  EXPECT_NE(&metrics.counter("a_total", "A.", {{"x", "1"}}), &metrics.counter("a_total", "A.", {{"x", "2"}}));
}

TEST(Metrics, ThreadsLoseNothing) {
  Metrics metrics;
  Counter& counter = metrics.counter("a_total", "A.");
  auto& histogram = metrics.histogram("b", "B.");
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 10'000; ++j) {
          counter.add();
          histogram.observe(0.2);
        }
      });
  }
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_THAT(metrics.text(), testing::HasSubstr("b_count 40000\n"));
}

}  // namespace
}  // namespace vouch::net
