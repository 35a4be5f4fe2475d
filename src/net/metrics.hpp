#pragma once
// Counters, gauges and histograms in Prometheus' text form (exposition format 0.0.4). Registering takes a
// lock and gives a reference that stays valid as long as the registry; counting takes none.
//
//   Counter& requests = metrics.counter("vouch_http_requests_total", "Answers sent.", {{"status", "200"}});
//   requests.add();

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vouch::net {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Counts in stripes, one cache line each, so that threads do not wait for each other's line.
class Counter {
 public:
  void add(std::uint64_t n = 1) { stripes_[stripe()].value.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const;

 private:
  static constexpr std::size_t kStripes = 8;
  static std::size_t stripe();
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> value{0};
  };
  std::array<Stripe, kStripes> stripes_;
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void observe(double value);

 private:
  friend class Metrics;
  const std::vector<double> bounds_;  // ascending; +Inf is implied
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// Seconds, from a cached answer to a client's patience.
std::vector<double> default_seconds();

class Metrics {
 public:
  // The series of that name and these labels, made when it is new. A name has one type and one help text,
  // those of its first use.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       std::vector<double> upper_bounds = default_seconds());
  // A gauge that is asked when somebody looks. `read` must not block and must outlive the registry's use.
  void gauge_from(std::string_view name, std::string_view help, const Labels& labels,
                  std::function<double()> read);

  // Everything, in order of names.
  std::string text() const;

 private:
  struct Series {
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string help, type;
    std::map<std::string, Series> series;  // by the text of their labels
  };
  Series& series(std::string_view name, std::string_view help, std::string_view type, const Labels& labels);

  mutable std::mutex guards_families_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace vouch::net
