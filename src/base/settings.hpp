#pragma once
// A configuration file as a table of settings: each has a name ("limits.idle"), a sentence about itself, and
// the two functions that read it from and write it to a structure. Reading, showing and changing the file are
// then the same for all of them.

#include <span>
#include <string>
#include <string_view>

#include "base/value.hpp"

namespace vouch {

// One known setting, for `config show|get|set|check` and the documentation.
struct SettingKey {
  std::string_view name;  // "database.path": section and key
  std::string_view summary;
};

template <class Structure>
struct Setting {
  SettingKey key;
  Status (*read)(Structure&, const Value&);
  Value (*write)(const Structure&);
};

template <class Structure>
const Setting<Structure>* find_setting(std::span<const Setting<Structure>> settings, std::string_view name) {
  for (const auto& setting : settings)
    if (setting.key.name == name) return &setting;
  return nullptr;
}

// What is wrong with a value of another kind than the setting wants: "expected a number, found a text".
Error wrong_kind(std::string_view wanted, const Value& value);
// `usage`, with the name that was probably meant or all that there are.
Error unknown_setting(std::string_view name, std::span<const std::string_view> known);

// A value as `config get` prints it: a list's items with commas between.
std::string setting_text(const Value& value);
// A word of the command line as TOML has to spell it: bare when the setting holds numbers or true and false.
std::string spelled_like(const Value& example, std::string_view word);
// The text of a TOML file with one value changed. Other lines stay as they are. The last dot of the name ends
// the section: "listener.http.tls" is tls in [listener.http].
std::string with_toml_value(std::string_view toml, std::string_view name, std::string_view spelled);

}  // namespace vouch
