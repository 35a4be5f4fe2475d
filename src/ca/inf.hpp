#pragma once
// INF: the text format of Windows set-up files, as far as CAPolicy.inf uses it.
//
//   [Section]               names of sections and keys without regard to case
//   Key = value             ; a comment, also behind a value
//   Key = "text; with all", second field    a key may come again; "" inside quotes is a quote
//   _continue_ = "more"     goes on with the value above
//   [Strings]
//   name = "text"           %name% anywhere stands for it, %% for %; other percent signs stay (URLs have
//   them)
//
// UTF-8 with or without a mark, and UTF-16 with one. Bounded: 256 KiB, 10,000 lines, 4,096 entries.

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace vouch::ca {

struct InfEntry {
  std::string key;                  // as written
  std::string value;                // the whole value, without quotes
  std::vector<std::string> fields;  // the same, split at commas outside quotes
  int line = 0;
};

struct InfSection {
  std::string name;  // as written first; sections of one name are one section
  std::vector<InfEntry> entries;
  int line = 0;
};

struct Inf {
  std::vector<InfSection> sections;
  const InfSection* find(std::string_view name) const;
};

// Errors name `file` and the line.
Result<Inf> parse_inf(Bytes octets, std::string_view file);

// ASCII letters without regard to case, as INF compares names.
bool same_name(std::string_view a, std::string_view b);

}  // namespace vouch::ca
