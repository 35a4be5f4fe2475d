#pragma once
// Value: a tree of text, numbers, lists and tables, as JSON and TOML carry them. It knows the line it
// stood on, so that whoever checks it can say where a mistake is. base/json.hpp and base/toml.hpp read
// and write it; no other file of the project sees a JSON or TOML library.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace vouch {

class Value {
 public:
  using List = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Table = std::vector<Member>;  // in the order written; keys are unique

  Value() = default;  // null
  Value(bool b) : data_(b) {}
  Value(int i) : data_(std::int64_t{i}) {}
  Value(std::int64_t i) : data_(i) {}
  Value(std::uint64_t i) : data_(static_cast<std::int64_t>(i)) {}
  Value(double d) : data_(d) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(List list) : data_(std::move(list)) {}
  Value(Table table) : data_(std::move(table)) {}
  static Value table() { return Value(Table{}); }
  static Value list() { return Value(List{}); }

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const std::string* text() const { return std::get_if<std::string>(&data_); }
  const List* list_items() const { return std::get_if<List>(&data_); }
  List* list_items() { return std::get_if<List>(&data_); }
  const Table* members() const { return std::get_if<Table>(&data_); }
  Table* members() { return std::get_if<Table>(&data_); }

  // The member of a table, or nullptr when this is no table or has no such member.
  const Value* find(std::string_view key) const;
  // Adds or replaces a member; turns null into a table. Returns *this, so that calls chain.
  Value& set(std::string key, Value value);
  // Appends to a list; turns null into a list.
  Value& push(Value value);

  // What kind it is, for messages: "a number", "a list", …
  std::string_view kind() const;

  int line() const { return line_; }  // 1-based; 0 when it was not read from a file
  void set_line(int line) { line_ = line; }

  bool operator==(const Value& other) const { return data_ == other.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Table> data_;
  int line_ = 0;
};

Value list_of(const std::vector<std::string>& texts);
// A member of a table that is text; empty when there is none, or it is something else.
std::string text_member(const Value& table, std::string_view name);
// As text in RFC 3339, or null.
Value time_or_null(const std::optional<Time>& time);

// JSON (RFC 8259), at most 32 levels deep. `indent` 0 gives one line.
Result<Value> parse_json(std::string_view text);
std::string to_json(const Value& value, int indent = 2);

// TOML 1.0. Errors name `file` and the line. Dates and times become text in RFC 3339.
Result<Value> parse_toml(std::string_view text, std::string_view file);
// Tables become [sections] after the plain members of their parent. Null members are left out.
std::string to_toml(const Value& value);

}  // namespace vouch
