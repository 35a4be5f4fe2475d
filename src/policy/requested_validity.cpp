#include "policy/requested_validity.hpp"

#include <time.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "x509/name.hpp"

namespace vouch::policy {
namespace {

// MS-WCCE 2.2.2.7.10: SEQUENCE { name BMPString, value BMPString }
constexpr x509::Oid kNameValuePair{1, 3, 6, 1, 4, 1, 311, 13, 2, 1};

constexpr std::size_t kLongestText = 64;

// By their names in small letters.
using Pairs = std::map<std::string, std::string>;

void add(Pairs& pairs, std::string_view name, std::string value) {
  std::string key(name);
  std::ranges::transform(key, key.begin(), ascii_lower);
  if (value.size() <= kLongestText) pairs.emplace(std::move(key), std::move(value));  // the first counts
}

Result<std::string> text_of(asn1::Reader& reader) {
  const asn1::Tlv text = TRY(reader.next());
  return x509::string_to_utf8(text.tag, text.value);
}

Pairs pairs_in(const x509::RequestView& request) {
  Pairs pairs;
  for (const x509::RequestAttribute& attribute : request.attributes) {
    if (attribute.type != kNameValuePair) continue;
    for (asn1::Reader values(attribute.values); !values.at_end();) {
      auto pair = values.expect_sequence();
      if (!pair) break;
      const auto name = text_of(*pair);
      auto value = name ? text_of(*pair) : name;
      if (value) add(pairs, *name, std::move(*value));
    }
  }
  return pairs;
}

const std::string* find(const Pairs& pairs, const char* name) {
  const auto found = pairs.find(name);
  return found == pairs.end() ? nullptr : &found->second;
}

std::optional<Span> period_of(std::string_view unit, std::string_view count) {
  struct Unit {
    std::string_view name;
    Span span;
  };
  static constexpr Unit kUnits[] = {
      {"years", {12, {}}},
      {"months", {1, {}}},
      {"weeks", {0, std::chrono::days(7)}},
      {"days", {0, std::chrono::days(1)}},
      {"hours", {0, std::chrono::hours(1)}},
      {"minutes", {0, std::chrono::minutes(1)}},
      {"seconds", {0, std::chrono::seconds(1)}},
  };
  constexpr int kMost = 10'000;
  int number = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), number);
  if (error != std::errc() || end != count.data() + count.size() || number <= 0 || number > kMost)
    return std::nullopt;
  for (const Unit& each : kUnits)
    if (equal_ignoring_case(unit, each.name))
      return Span{each.span.months * number, each.span.seconds * number};
  return std::nullopt;
}

// RFC 9110 5.6.7, as MS-WCCE has it: "Tue, 21 Nov 2028 01:06:53 GMT".
std::optional<Time> date_of(const std::string& text) {
  struct tm parts = {};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end != nullptr && *end == '\0') return Time(std::chrono::seconds(::timegm(&parts)));
  const auto time = parse_time(text);
  return time ? std::optional(*time) : std::nullopt;
}

std::optional<RequestedValidity> asked_in(const Pairs& pairs, Time now) {
  if (const std::string* date = find(pairs, "expirationdate"))
    return RequestedValidity{"ExpirationDate=" + *date, date_of(*date)};
  const std::string* unit = find(pairs, "validityperiod");
  const std::string* count = find(pairs, "validityperiodunits");
  if (unit == nullptr && count == nullptr) return std::nullopt;
  const std::string unit_text = unit ? *unit : "", count_text = count ? *count : "";
  RequestedValidity asked{fmt::format("ValidityPeriod={}, ValidityPeriodUnits={}", unit_text, count_text),
                          std::nullopt};
  // Android's client has them the other way round.
  auto period = period_of(unit_text, count_text);
  if (!period) period = period_of(count_text, unit_text);
  if (period) asked.end = vouch::add(now, *period);
  return asked;
}

}  // namespace

std::optional<RequestedValidity> requested_validity(const x509::RequestView& request,
                                                    const std::map<std::string, std::string>& attributes,
                                                    Time now) {
  Pairs beside;
  for (const auto& [name, value] : attributes) add(beside, name, value);
  auto asked = asked_in(beside, now);
  return asked ? asked : asked_in(pairs_in(request), now);
}

}  // namespace vouch::policy
