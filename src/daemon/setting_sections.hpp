#pragma once
// Sections of vouch.toml, read setting by setting. Mistakes are errors that name file and line.

#include <algorithm>

#include "base/settings.hpp"

namespace vouch::daemon {

// A name that files, folders and URLs can be made of: up to 64 letters, digits, '-' and '_'.
inline bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// `usage` for a key that there is not, with what was probably meant. The message shows the name as it was
// written: "scep.phones.challenge".
template <class Structure>
Result<const Setting<Structure>*> known_setting(std::span<const Setting<Structure>> settings,
                                                std::string_view key, std::string_view whole_name) {
  if (const auto* setting = find_setting(settings, key)) return setting;
  std::vector<std::string_view> known;
  for (const auto& one : settings) known.push_back(one.key.name);
  return make_error(Errc::usage, "there is no setting '{}'", whole_name)
      .with_hint(std::string(unknown_setting(key, known).hint()));
}

template <class Structure>
Status read_setting(std::span<const Setting<Structure>> settings, Structure& structure, std::string_view key,
                    std::string_view whole_name, const Value& value, std::string_view file) {
  const auto setting = known_setting(settings, key, whole_name);
  if (!setting) return Status(setting.error()).context("{}:{}", file, value.line());
  return (*setting)->read(structure, value).context("{}:{}, setting {}", file, value.line(), whole_name);
}

// All members of one section, such as "scep.phones".
template <class Structure>
Status read_section(std::span<const Setting<Structure>> settings, Structure& structure, const Value& members,
                    std::string_view section, std::string_view file) {
  for (const auto& [key, value] : *members.members())
    TRY(read_setting(settings, structure, key, fmt::format("{}.{}", section, key), value, file));
  return ok();
}

// Sections of one kind, each with a name of its own: [scep.NAME]. `noun` says what one of them is.
template <class Visit>
Status for_each_section(const Value& all, std::string_view kind, std::string_view noun, std::string_view file,
                        Visit visit) {
  for (const auto& [name, members] : *all.members()) {
    if (!members.members())
      return make_error(Errc::malformed, "{}:{}: {} is a section, [{}.{}]", file, members.line(), noun, kind,
                        name);
    TRY(visit(name, members));
  }
  return ok();
}

}  // namespace vouch::daemon
