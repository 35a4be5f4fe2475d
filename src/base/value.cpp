#include "base/value.hpp"

#include <algorithm>

namespace vouch {

const Value* Value::find(std::string_view key) const {
  const Table* table = members();
  if (table == nullptr) return nullptr;
  const auto found = std::ranges::find(*table, key, &Member::first);
  return found == table->end() ? nullptr : &found->second;
}

Value& Value::set(std::string key, Value value) {
  if (members() == nullptr) data_ = Table{};
  Table& table = *members();
  const auto found = std::ranges::find(table, key, &Member::first);
  if (found == table.end())
    table.emplace_back(std::move(key), std::move(value));
  else
    found->second = std::move(value);
  return *this;
}

Value& Value::push(Value value) {
  if (list_items() == nullptr) data_ = List{};
  list_items()->push_back(std::move(value));
  return *this;
}

std::string_view Value::kind() const {
  if (boolean()) return "true or false";
  if (integer()) return "a whole number";
  if (real()) return "a number";
  if (text()) return "text";
  if (list_items()) return "a list";
  if (members()) return "a table";
  return "nothing";
}

Value list_of(const std::vector<std::string>& texts) {
  Value list = Value::list();
  for (const std::string& text : texts) list.push(text);
  return list;
}

std::string text_member(const Value& table, std::string_view name) {
  const Value* member = table.find(name);
  return member != nullptr && member->text() != nullptr ? *member->text() : std::string();
}

Value time_or_null(const std::optional<Time>& time) { return time ? Value(format_time(*time)) : Value(); }

}  // namespace vouch
