#pragma once
// Kinds of settings of vouch.toml, each with how it is read, written and what is wrong with a value. `of`
// gives the member of the structure that a setting stands for.

#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include "base/files.hpp"
#include "base/settings.hpp"
#include "base/time.hpp"

namespace vouch::daemon {

template <auto of, class Structure>
Status read_text(Structure& structure, const Value& value) {
  if (!value.text()) return wrong_kind("a text in quotes", value);
  of(structure) = *value.text();
  return ok();
}
template <auto of, class Structure>
Value write_text(const Structure& structure) {
  return Value(fs::path(of(structure)).string());
}
template <class Structure, auto of>
constexpr Setting<Structure> text(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_text<of, Structure>, write_text<of, Structure>};
}

template <auto of, std::int64_t least, std::int64_t most, class Structure>
Status read_number(Structure& structure, const Value& value) {
  if (!value.integer()) return wrong_kind("a number", value);
  if (*value.integer() < least || *value.integer() > most)
    return make_error(Errc::malformed, "{} is out of range: {} to {}", *value.integer(), least, most);
  auto& member = of(structure);
  member = static_cast<std::remove_reference_t<decltype(member)>>(*value.integer());
  return ok();
}
template <auto of, class Structure>
Value write_number(const Structure& structure) {
  return Value(static_cast<std::int64_t>(of(structure)));
}
template <class Structure, auto of, std::int64_t least, std::int64_t most>
constexpr Setting<Structure> number(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_number<of, least, most, Structure>, write_number<of, Structure>};
}

template <auto of, class Structure>
Status read_switch(Structure& structure, const Value& value) {
  if (!value.boolean()) return wrong_kind("true or false", value);
  of(structure) = *value.boolean();
  return ok();
}
template <auto of, class Structure>
Value write_switch(const Structure& structure) {
  return Value(bool{of(structure)});
}
template <class Structure, auto of>
constexpr Setting<Structure> on_or_off(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_switch<of, Structure>, write_switch<of, Structure>};
}

// From a second to a day.
template <auto of, class Structure>
Status read_time(Structure& structure, const Value& value) {
  if (!value.text()) return wrong_kind("a span of time in quotes", value);
  const Span span = TRY(parse_span(*value.text()));
  if (span.months != 0 || span.seconds < std::chrono::seconds(1) || span.seconds > std::chrono::hours(24))
    return make_error(Errc::malformed, "{} is out of range: 1s to 1d", *value.text());
  of(structure) = span.seconds;
  return ok();
}
template <auto of, class Structure>
Value write_time(const Structure& structure) {
  return Value(format_span({0, std::chrono::duration_cast<std::chrono::seconds>(of(structure))}));
}
template <class Structure, auto of>
constexpr Setting<Structure> time(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_time<of, Structure>, write_time<of, Structure>};
}

// One word of several.
template <class Choice>
struct Word {
  std::string_view text;
  Choice choice;
};
template <auto of, const auto& words, class Structure>
Status read_choice(Structure& structure, const Value& value) {
  std::string all;
  for (const auto& word : words) {
    if (value.text() && *value.text() == word.text) {
      of(structure) = word.choice;
      return ok();
    }
    all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", word.text);
  }
  if (!value.text()) return wrong_kind("one of " + all, value);
  return make_error(Errc::malformed, "'{}' is none of {}", *value.text(), all);
}
template <auto of, const auto& words, class Structure>
Value write_choice(const Structure& structure) {
  for (const auto& word : words)
    if (word.choice == of(structure)) return Value(word.text);
  return {};
}
template <class Structure, auto of, const auto& words>
constexpr Setting<Structure> choice(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_choice<of, words, Structure>, write_choice<of, words, Structure>};
}

// A span of any length, in months too; "0s" where there may be none.
template <auto of, class Structure>
Status read_long_time(Structure& structure, const Value& value) {
  if (!value.text()) return wrong_kind("a span of time in quotes", value);
  of(structure) = TRY(parse_span(*value.text()));
  return ok();
}
template <auto of, class Structure>
Value write_long_time(const Structure& structure) {
  return Value(format_span(of(structure)));
}
template <class Structure, auto of>
constexpr Setting<Structure> long_time(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_long_time<of, Structure>, write_long_time<of, Structure>};
}

// "a, b" as {"a", "b"}.
inline std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

// A list of texts, or one text with commas between.
template <auto of, class Structure>
Status read_list(Structure& structure, const Value& value) {
  std::vector<std::string>& items = of(structure);
  items.clear();
  if (!value.text() && !value.list_items()) return wrong_kind("a list of texts", value);
  if (value.list_items()) {
    for (const Value& item : *value.list_items()) {
      if (!item.text()) return wrong_kind("a text in quotes", item);
      items.push_back(*item.text());
    }
    return ok();
  }
  items = items_of(*value.text());
  return ok();
}
template <auto of, class Structure>
Value write_list(const Structure& structure) {
  std::string text;
  for (const std::string& item : of(structure)) text += (text.empty() ? "" : ", ") + item;
  return Value(std::move(text));
}
template <class Structure, auto of>
constexpr Setting<Structure> list(std::string_view name, std::string_view summary) {
  return {{name, summary}, read_list<of, Structure>, write_list<of, Structure>};
}

}  // namespace vouch::daemon
