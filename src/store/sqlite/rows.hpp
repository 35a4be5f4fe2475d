#pragma once
// How rows are read: a number that is none of ours is damage; all rows of a query are a list.

#include <algorithm>
#include <limits>

#include "store/sqlite/connection.hpp"

namespace vouch::store::sqlite {

// Which columns a reader finds in a row: the large ones are read only where they are asked for.
enum class Bulk { with, without };

inline Error damaged(std::string_view what, std::int64_t value) {
  return make_error(Errc::malformed, "the database holds a row with the {} {}, which there is not", what,
                    value)
      .with_hint("see what else is wrong with vouch db check, and restore a backup");
}

// The largest number that SQLite has stands for all above it.
constexpr std::int64_t sql_number(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
}

// A number of the database as a number of ours, or a damaged row.
template <class Number>
Result<Number> number(const Query& query, int column, std::string_view what,
                      std::int64_t most = sql_number(std::numeric_limits<Number>::max())) {
  const std::int64_t value = query.integer(column);
  if (value < 0 || value > most) return damaged(what, value);
  return static_cast<Number>(value);
}

// One of the values of an enumeration that counts from 1.
template <class Kind>
Result<Kind> one_of(const Query& query, int column, std::string_view what, Kind last) {
  const auto value = TRY(number<std::uint8_t>(query, column, what, static_cast<std::int64_t>(last)));
  if (value == 0) return damaged(what, value);
  return static_cast<Kind>(value);
}

// All rows of a query through one reader.
template <class Read>
auto read_all(Query query, Read read) -> Result<std::vector<typename decltype(read(query))::value_type>> {
  std::vector<typename decltype(read(query))::value_type> rows;
  while (TRY(query.step())) rows.push_back(TRY(read(query)));
  return rows;
}

// The first row, where there is one.
template <class Read>
auto read_first(Query query, Read read) -> Result<std::optional<typename decltype(read(query))::value_type>> {
  if (!TRY(query.step())) return std::nullopt;
  return std::optional(TRY(read(query)));
}

}  // namespace vouch::store::sqlite
