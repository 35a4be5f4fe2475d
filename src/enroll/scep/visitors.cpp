#include "enroll/scep/visitors.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.hpp"

namespace vouch::enroll::scep {
namespace {

constexpr std::size_t kLongestAgent = 256;

enum class Asked : std::uint8_t { capabilities, certificates, message };

// Of `operation=` in a query; nothing: no SCEP, or a browser.
std::optional<Asked> asked_in(std::string_view query) {
  constexpr std::string_view kName = "operation=";
  while (!query.empty()) {
    const std::string_view pair = take_until(query, '&');
    if (pair.size() <= kName.size() || !equal_ignoring_case(pair.substr(0, kName.size()), kName)) continue;
    const std::string_view operation = pair.substr(kName.size());
    if (equal_ignoring_case(operation, "GetCACaps")) return Asked::capabilities;
    if (equal_ignoring_case(operation, "PKIOperation")) return Asked::message;
    for (const std::string_view name : {"GetCACert", "GetCACertChain", "GetCAChain", "GetNextCACert"})
      if (equal_ignoring_case(operation, name)) return Asked::certificates;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

VisitorLog::Field VisitorLog::field_of(std::string_view name) {
  constexpr std::pair<std::string_view, Field> kNames[] = {{"date", date},
                                                           {"time", time},
                                                           {"cs-uri-query", query},
                                                           {"c-ip", client},
                                                           {"cs(User-Agent)", agent},
                                                           {"sc-status", status}};
  const auto* known = std::ranges::find(kNames, name, &std::pair<std::string_view, Field>::first);
  return known == std::end(kNames) ? other : known->second;
}

void VisitorLog::take_fields(std::string_view names) {
  constexpr std::size_t kMostFields = 256;
  fields_.clear();
  while (!names.empty() && fields_.size() < kMostFields)
    if (const std::string_view name = take_until(names, ' '); !name.empty())
      fields_.push_back(field_of(name));
}

void VisitorLog::take(std::string_view line) {
  constexpr std::string_view kFields = "#Fields:";
  while (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with(kFields)) return take_fields(line.substr(kFields.size()));
  if (line.empty() || line.starts_with('#')) return;

  std::string_view of[other + 1];
  for (const Field field : fields_) of[field] = take_until(line, ' ');
  const auto asked = asked_in(of[query]);
  unsigned answered = 0;
  const auto [end, error] =
      std::from_chars(of[status].data(), of[status].data() + of[status].size(), answered);
  if (of[client].empty() || of[date].size() != 10 || of[time].size() != 8 || error != std::errc() ||
      end != of[status].data() + of[status].size()) {
    ++unreadable_;
    return;
  }
  if (!asked) return;

  const std::pair key(std::string(of[client]), std::string(of[agent].substr(0, kLongestAgent)));
  auto found = visitors_.find(key);
  if (found == visitors_.end()) {
    full_ = visitors_.size() >= kMost;
    if (full_) return;
    found = visitors_.try_emplace(key).first;
    found->second.client = key.first;
    found->second.agent = key.second == "-" ? "" : key.second;
  }
  Visitor& visitor = found->second;
  const std::string at = std::string(of[date]) + ' ' + std::string(of[time]);
  if (visitor.first.empty() || at < visitor.first) visitor.first = at;
  visitor.last = std::max(visitor.last, at);
  if (*asked == Asked::capabilities) ++visitor.capabilities;
  if (*asked == Asked::certificates) ++visitor.certificates;
  if (*asked != Asked::message) return;
  if (answered == 200) {
    ++visitor.messages;
    return;
  }
  ++visitor.unanswered;
  visitor.last_status = answered;
}

std::vector<Visitor> VisitorLog::visitors() const {
  std::vector<Visitor> out;
  out.reserve(visitors_.size());
  for (const auto& [key, visitor] : visitors_) out.push_back(visitor);
  std::ranges::sort(out, std::greater(), &Visitor::last);
  return out;
}

}  // namespace vouch::enroll::scep
