// JSON, read with Boost.JSON's event parser straight into Values (so that keys keep their order and double
// keys are found), written by ourselves. The only file that includes Boost.JSON.

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <charconv>
#include <cmath>
#include <set>

#include "base/text.hpp"
#include "base/value.hpp"

namespace vouch {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxOctets = std::size_t{64} << 20;

// What the parser calls. It may report an error through `refused`, with a sentence for people.
class Builder {
 public:
  using Code = boost::json::error_code;
  static constexpr std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                               max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return begin(Value::table()); }
  bool on_object_end(std::size_t, Code& code) { return end_of_table(code); }
  bool on_array_begin(Code&) { return begin(Value::list()); }
  bool on_array_end(std::size_t, Code&) { return end(); }
  bool on_key_part(boost::json::string_view part, std::size_t, Code&) { return gather(part); }
  bool on_key(boost::json::string_view part, std::size_t, Code&) {
    gather(part);
    open_.back().keys.push_back(std::move(text_));
    text_.clear();
    return true;
  }
  bool on_string_part(boost::json::string_view part, std::size_t, Code&) { return gather(part); }
  bool on_string(boost::json::string_view part, std::size_t, Code&) {
    gather(part);
    return add(Value(std::exchange(text_, {})));
  }
  bool on_number_part(boost::json::string_view part, Code&) { return gather(part); }
  bool on_int64(std::int64_t value, boost::json::string_view, Code&) {
    text_.clear();
    return add(Value(value));
  }
  bool on_uint64(std::uint64_t, boost::json::string_view part, Code& code) {
    gather(part);
    return refuse(code, text_ + " is too large a number");
  }
  // Boost.JSON 1.81 rounds some numbers wrongly in the last digit, so the text is converted here.
  bool on_double(double, boost::json::string_view part, Code& code) {
    gather(part);
    const std::string text = std::exchange(text_, {});
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      return refuse(code, text + " is too large or too small a number");
    return add(Value(value));
  }
  bool on_bool(bool value, Code&) { return add(Value(value)); }
  bool on_null(Code&) { return add(Value()); }
  bool on_comment_part(boost::json::string_view, Code&) { return true; }
  bool on_comment(boost::json::string_view, Code&) { return true; }

  Value take() { return std::move(root_); }
  std::string refused;

 private:
  struct Open {
    Value value;
    std::vector<std::string> keys;  // of a table: one more than it has members while one is being read
  };
  bool gather(boost::json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool begin(Value value) {
    open_.push_back({std::move(value), {}});
    return true;
  }
  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Value::Table* table = open_.back().value.members()) {
      table->emplace_back(open_.back().keys.back(), std::move(value));
    } else {
      open_.back().value.push(std::move(value));
    }
    return true;
  }
  bool end() {
    Value value = std::move(open_.back().value);
    open_.pop_back();
    return add(std::move(value));
  }
  // RFC 8259 section 4: names SHOULD be unique. Two readers that pick different ones are an attack, so
  // they must be.
  bool end_of_table(Code& code) {
    std::set<std::string_view> seen;
    for (const std::string& key : open_.back().keys) {
      if (!seen.insert(key).second) {
        std::string quoted;
        append_quoted(quoted, key);
        return refuse(code, "the name " + quoted + " stands twice");
      }
    }
    return end();
  }
  bool refuse(Code& code, std::string why) {
    refused = std::move(why);
    code = boost::json::error::syntax;
    return false;
  }

  Value root_;
  std::vector<Open> open_;
  std::string text_;
};

Error json_error(std::string_view text, std::size_t offset, std::string_view why,
                 Errc code = Errc::malformed) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t eol = before.rfind('\n');
  const std::size_t column = before.size() - (eol == std::string_view::npos ? 0 : eol + 1) + 1;
  return make_error(code, "JSON line {} column {}: {}", line, column, why);
}

void write(std::string& out, const Value& value, int indent, int depth);

void new_line(std::string& out, int indent, int depth) {
  if (indent == 0) return;
  out.push_back('\n');
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

void write_list(std::string& out, const Value::List& list, int indent, int depth) {
  out.push_back('[');
  bool first = true;
  for (const Value& item : list) {
    if (!std::exchange(first, false)) out += indent == 0 ? ", " : ",";
    new_line(out, indent, depth + 1);
    write(out, item, indent, depth + 1);
  }
  if (!list.empty()) new_line(out, indent, depth);
  out.push_back(']');
}

void write_table(std::string& out, const Value::Table& table, int indent, int depth) {
  out.push_back('{');
  bool first = true;
  for (const auto& [key, item] : table) {
    if (!std::exchange(first, false)) out += indent == 0 ? ", " : ",";
    new_line(out, indent, depth + 1);
    append_quoted(out, key);
    out += ": ";
    write(out, item, indent, depth + 1);
  }
  if (!table.empty()) new_line(out, indent, depth);
  out.push_back('}');
}

// The shortest text that reads back as the same double, and as a double. JSON has no infinity and no NaN.
std::string real_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

void write(std::string& out, const Value& value, int indent, int depth) {
  if (const bool* b = value.boolean())
    out += *b ? "true" : "false";
  else if (const std::int64_t* i = value.integer())
    fmt::format_to(std::back_inserter(out), "{}", *i);
  else if (const double* d = value.real())
    out += real_text(*d);
  else if (const std::string* s = value.text())
    append_quoted(out, *s);
  else if (const Value::List* list = value.list_items())
    write_list(out, *list, indent, depth);
  else if (const Value::Table* table = value.members())
    write_table(out, *table, indent, depth);
  else
    out += "null";
}

}  // namespace

Result<Value> parse_json(std::string_view text) {
  if (text.size() > kMaxOctets)
    return make_error(Errc::limit_exceeded, "JSON of {} octets, at most {} are read", text.size(),
                      kMaxOctets);
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code error;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
  if (error) {
    if (error == boost::json::error::too_deep)
      return json_error(text, used, fmt::format("nested deeper than {} levels", kMaxDepth),
                        Errc::limit_exceeded);
    const std::string& refused = parser.handler().refused;
    return json_error(text, used, refused.empty() ? error.message() : refused);
  }
  const std::size_t more = text.find_first_not_of(" \t\r\n", used);
  if (more != std::string_view::npos) return json_error(text, more, "something follows the document");
  return parser.handler().take();
}

std::string to_json(const Value& value, int indent) {
  std::string out;
  write(out, value, indent, 0);
  return out;
}

}  // namespace vouch
