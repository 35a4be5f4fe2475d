#include "net/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <thread>

namespace vouch::net {
namespace {

// Exposition format: backslash, quote and line feed are escaped in a label's value.
std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text += name + "=\"";
    for (const char c : value) {
      if (c == '\\' || c == '"') text += '\\';
      if (c == '\n')
        text += "\\n";
      else
        text += c;
    }
    text += '"';
  }
  return text;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void line(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
          std::string_view value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

}  // namespace

std::size_t Counter::stripe() {
  thread_local const std::size_t mine = std::hash<std::thread::id>{}(std::this_thread::get_id()) % kStripes;
  return mine;
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Stripe& stripe : stripes_) sum += stripe.value.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::vector<double> upper_bounds)
    : bounds_(std::move(upper_bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) {
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<double> default_seconds() {
  return {0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

Metrics::Series& Metrics::series(std::string_view name, std::string_view help, std::string_view type,
                                 const Labels& labels) {
  Family& family = families_[std::string(name)];
  if (family.type.empty()) {
    family.help = help;
    family.type = type;
  }
  return family.series[labels_text(labels)];
}

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(guards_families_);
  Series& s = series(name, help, "counter", labels);
  if (!s.counter) s.counter = std::make_unique<Counter>();
  return *s.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(guards_families_);
  Series& s = series(name, help, "gauge", labels);
  if (!s.gauge) s.gauge = std::make_unique<Gauge>();
  return *s.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              std::vector<double> upper_bounds) {
  const std::lock_guard lock(guards_families_);
  Series& s = series(name, help, "histogram", labels);
  if (!s.histogram) s.histogram = std::make_unique<Histogram>(std::move(upper_bounds));
  return *s.histogram;
}

void Metrics::gauge_from(std::string_view name, std::string_view help, const Labels& labels,
                         std::function<double()> read) {
  const std::lock_guard lock(guards_families_);
  series(name, help, "gauge", labels).read = std::move(read);
}

std::string Metrics::text() const {
  const std::lock_guard lock(guards_families_);
  std::string out;
  for (const auto& [name, family] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
    for (const auto& [labels, series] : family.series) {
      if (series.counter) line(out, name, "", labels, std::to_string(series.counter->value()));
      if (series.gauge) line(out, name, "", labels, number(series.gauge->value()));
      if (series.read) line(out, name, "", labels, number(series.read()));
      if (!series.histogram) continue;
      const Histogram& h = *series.histogram;
      const std::string before = labels.empty() ? "" : labels + ",";
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < h.counts_.size(); ++i) {
        sum += h.counts_[i].load(std::memory_order_relaxed);
        const std::string bound = i < h.bounds_.size() ? number(h.bounds_[i]) : "+Inf";
        line(out, name, "_bucket", before + "le=\"" + bound + "\"", std::to_string(sum));
      }
      line(out, name, "_sum", labels, number(h.sum_.load(std::memory_order_relaxed)));
      line(out, name, "_count", labels, std::to_string(sum));
    }
  }
  return out;
}

}  // namespace vouch::net
