#include "base/settings.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    lines.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

}  // namespace

Error wrong_kind(std::string_view wanted, const Value& value) {
  return make_error(Errc::malformed, "expected {}, found {}", wanted, value.kind());
}

Error unknown_setting(std::string_view name, std::span<const std::string_view> known) {
  Error error = make_error(Errc::usage, "there is no setting '{}'", name);
  if (const std::string_view near = nearest(name, known); !near.empty())
    return std::move(error).with_hint(fmt::format("did you mean {}?", near));
  std::string all;
  for (const std::string_view one : known) all += (all.empty() ? "" : ", ") + std::string(one);
  return std::move(error).with_hint("known settings: " + all);
}

std::string setting_text(const Value& value) {
  if (value.text()) return *value.text();
  if (value.integer()) return fmt::format("{}", *value.integer());
  if (value.boolean()) return *value.boolean() ? "true" : "false";
  std::string text;
  if (value.list_items())
    for (const Value& item : *value.list_items()) text += (text.empty() ? "" : ", ") + setting_text(item);
  return text;
}

std::string spelled_like(const Value& example, std::string_view word) {
  return example.integer() || example.boolean() ? std::string(word) : to_json(Value(word), 0);
}

std::string with_toml_value(std::string_view toml, std::string_view name, std::string_view spelled) {
  const auto dot = name.rfind('.');
  const std::string header = fmt::format("[{}]", name.substr(0, dot));
  const std::string key(name.substr(dot + 1));

  // Line by line, so that comments and order stay as the administrator wrote them.
  std::vector<std::string> lines = lines_of(toml);
  const std::string assignment = fmt::format("{} = {}", key, spelled);
  bool in_section = false, done = false;
  std::size_t section_end = 0;
  for (std::size_t i = 0; i < lines.size() && !done; ++i) {
    const std::string_view line = trimmed(lines[i], kBlanks);
    if (line.starts_with('[')) in_section = trimmed(line.substr(0, line.find('#')), kBlanks) == header;
    if (in_section) section_end = i + 1;
    const auto equals = line.find('=');
    if (in_section && equals != std::string_view::npos && trimmed(line.substr(0, equals), kBlanks) == key) {
      lines[i] = assignment;
      done = true;
    }
  }
  if (!done && section_end == 0) {
    if (!lines.empty()) lines.emplace_back();
    lines.push_back(header);
    section_end = lines.size();
  }
  if (!done) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(section_end), assignment);
  std::string out;
  for (const std::string& line : lines) out.append(line).append("\n");
  return out;
}

}  // namespace vouch
