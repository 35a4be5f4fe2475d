// TOML, read with toml++ into Values, written by ourselves. The only file that includes toml++.

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "base/value.hpp"

namespace vouch {
namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxKeyParts = 16;
constexpr std::size_t kMaxOctets = std::size_t{16} << 20;

// toml++ bounds the depth of inline values but not the parts of a dotted key, and takes the tables that
// a.a.a.… makes apart by recursion. So long keys are found before it sees them: outside strings and
// comments, a run of `kMaxKeyParts` dots that nothing but key characters separates.
class KeyGuard {
 public:
  explicit KeyGuard(std::string_view text) : text_(text) {}

  // The line of a key with too many parts, or 0.
  int line_of_long_key() {
    int line = 1, dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        line += skip_string(c);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '\n') ++line;
      if (c == '.') {
        if (++dots >= kMaxKeyParts) return line;
      } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}') {
        dots = 0;
      }
      ++at_;
    }
    return 0;
  }

 private:
  // Moves past the string that starts here; returns how many lines it spans beyond the first.
  int skip_string(char quote) {
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    const bool multi_line = text_.substr(at_).starts_with(triple);
    int lines = 0;
    at_ += multi_line ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') ++lines;
      } else if (multi_line && text_.substr(at_).starts_with(triple)) {
        at_ += 3;
        // Up to two quotes may stand before the closing three.
        while (at_ < text_.size() && text_[at_] == quote) ++at_;
        return lines;
      } else if (c == '\n') {
        if (!multi_line) return lines;  // not closed: toml++ will say so
        ++lines;
      } else if (!multi_line && c == quote) {
        ++at_;
        return lines;
      }
    }
    return lines;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string text_of(const toml::date& date) {
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}
std::string text_of(const toml::time& time) {
  std::string text = fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
  if (time.nanosecond != 0) {
    text += fmt::format(".{:09}", time.nanosecond);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}
std::string text_of(const toml::date_time& moment) {
  std::string text = text_of(moment.date) + "T" + text_of(moment.time);
  if (!moment.offset) return text;
  const int minutes = moment.offset->minutes;
  if (minutes == 0) return text + "Z";
  return text + fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                            std::abs(minutes) % 60);
}

Result<Value> convert(const toml::node& node, std::string_view file, int depth);

// toml++ sorts keys; we give them back in the order written.
Result<Value> convert_table(const toml::table& table, std::string_view file, int depth) {
  struct Entry {
    const toml::key* key;
    const toml::node* node;
  };
  std::vector<Entry> entries;
  for (auto&& [key, node] : table) entries.push_back({&key, &node});
  std::ranges::stable_sort(entries, [](const Entry& a, const Entry& b) {
    const auto& x = a.key->source().begin;
    const auto& y = b.key->source().begin;
    return std::pair(x.line, x.column) < std::pair(y.line, y.column);
  });
  Value::Table out;
  for (const Entry& entry : entries) {
    Value value = TRY(convert(*entry.node, file, depth + 1));
    // The line of the key is where a person looks.
    if (const auto line = entry.key->source().begin.line; line != 0) value.set_line(static_cast<int>(line));
    out.emplace_back(std::string(entry.key->str()), std::move(value));
  }
  return Value(std::move(out));
}

Result<Value> convert_list(const toml::array& array, std::string_view file, int depth) {
  Value::List out;
  for (const toml::node& node : array) out.push_back(TRY(convert(node, file, depth + 1)));
  return Value(std::move(out));
}

Result<Value> convert(const toml::node& node, std::string_view file, int depth) {
  const auto line = static_cast<int>(node.source().begin.line);
  if (depth > kMaxDepth)
    return make_error(Errc::limit_exceeded, "{}:{}: nested deeper than {} levels", file, line, kMaxDepth);
  Value value;
  if (const auto* table = node.as_table())
    value = TRY(convert_table(*table, file, depth));
  else if (const auto* array = node.as_array())
    value = TRY(convert_list(*array, file, depth));
  else if (const auto* text = node.as_string())
    value = Value(text->get());
  else if (const auto* integer = node.as_integer())
    value = Value(integer->get());
  else if (const auto* real = node.as_floating_point())
    value = Value(real->get());
  else if (const auto* boolean = node.as_boolean())
    value = Value(boolean->get());
  else if (const auto* date = node.as_date())
    value = Value(text_of(date->get()));
  else if (const auto* time = node.as_time())
    value = Value(text_of(time->get()));
  else if (const auto* moment = node.as_date_time())
    value = Value(text_of(moment->get()));
  value.set_line(line);
  return value;
}

void append_key(std::string& out, std::string_view key) {
  const bool bare = !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (bare)
    out += key;
  else
    append_quoted(out, key);
}

std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void write_inline(std::string& out, const Value& value) {
  if (const bool* b = value.boolean()) {
    out += *b ? "true" : "false";
  } else if (const std::int64_t* i = value.integer()) {
    out += fmt::format("{}", *i);
  } else if (const double* d = value.real()) {
    out += real_text(*d);
  } else if (const std::string* s = value.text()) {
    append_quoted(out, *s);
  } else if (const Value::List* list = value.list_items()) {
    out += "[";
    bool first = true;
    for (const Value& item : *list) {
      if (item.is_null()) continue;
      if (!std::exchange(first, false)) out += ", ";
      write_inline(out, item);
    }
    out += "]";
  } else if (const Value::Table* table = value.members()) {
    out += "{";
    bool first = true;
    for (const auto& [key, item] : *table) {
      if (item.is_null()) continue;
      out += std::exchange(first, false) ? " " : ", ";
      append_key(out, key);
      out += " = ";
      write_inline(out, item);
    }
    out += first ? "}" : " }";
  }
}

// A list of tables, and nothing else: [[name]] sections.
bool is_table_list(const Value& value) {
  const Value::List* list = value.list_items();
  return list != nullptr && !list->empty() &&
         std::ranges::all_of(*list, [](const Value& item) { return item.members() != nullptr; });
}

void write_section(std::string& out, const Value::Table& table, const std::string& path) {
  for (const auto& [key, item] : table) {
    if (item.is_null() || item.members() != nullptr || is_table_list(item)) continue;
    append_key(out, key);
    out += " = ";
    write_inline(out, item);
    out += "\n";
  }
  for (const auto& [key, item] : table) {
    std::string inner = path.empty() ? "" : path + ".";
    append_key(inner, key);
    const auto header = [&](std::string_view open, std::string_view close) {
      if (!out.empty()) out += "\n";
      out += open;
      out += inner;
      out += close;
    };
    if (const Value::Table* members = item.members()) {
      header("[", "]\n");
      write_section(out, *members, inner);
    } else if (is_table_list(item)) {
      for (const Value& element : *item.list_items()) {
        header("[[", "]]\n");
        write_section(out, *element.members(), inner);
      }
    }
  }
}

}  // namespace

Result<Value> parse_toml(std::string_view text, std::string_view file) {
  if (text.size() > kMaxOctets)
    return make_error(Errc::limit_exceeded, "{}: TOML of {} octets, at most {} are read", file, text.size(),
                      kMaxOctets);
  if (const int line = KeyGuard(text).line_of_long_key(); line != 0)
    return make_error(Errc::limit_exceeded, "{}:{}: a key of more than {} parts", file, line, kMaxKeyParts);
  const toml::parse_result result = toml::parse(text, file);
  if (!result) {
    const toml::parse_error& error = result.error();
    return make_error(Errc::malformed, "{}:{}: {}", file, error.source().begin.line, error.description());
  }
  return convert(result.table(), file, 0);
}

std::string to_toml(const Value& value) {
  std::string out;
  if (const Value::Table* table = value.members()) write_section(out, *table, "");
  return out;
}

}  // namespace vouch
