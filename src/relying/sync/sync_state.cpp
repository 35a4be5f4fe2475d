#include "relying/sync/sync_state.hpp"

#include "base/value.hpp"

namespace vouch::relying {
namespace {

constexpr std::size_t kMostState = 1 << 20;
constexpr std::string_view kFile = "state.json";

Result<std::string> text_in(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value || !value->text()) return make_error(Errc::malformed, "'{}' is no text there", key);
  return *value->text();
}
Result<std::optional<Time>> time_in(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value || value->is_null()) return std::optional<Time>();
  return std::optional(TRY(parse_time(TRY(text_in(table, key)))));
}
Result<const Value::Table*> table_in(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value || !value->members()) return make_error(Errc::malformed, "'{}' is no table there", key);
  return value->members();
}

Result<SyncState> parse_state(std::string_view text) {
  const Value document = TRY(parse_json(text));
  SyncState state;
  for (const auto& [name, line] : *TRY(table_in(document, "lines")))
    state.lines[name] = {TRY(text_in(line, "number")), TRY(text_in(line, "sha256")),
                         TRY(time_in(line, "accepted_at")).value_or(Time())};
  for (const auto& [place, entry] : *TRY(table_in(document, "places")))
    state.places[place] = {TRY(text_in(entry, "mark")), TRY(text_in(entry, "line")),
                           TRY(time_in(entry, "succeeded_at")), TRY(text_in(entry, "error"))};
  const Value* owed = document.find("hook_owed");
  state.hook_owed = owed && owed->boolean() && *owed->boolean();
  state.hook_error = TRY(text_in(document, "hook_error"));
  state.hook_at = TRY(time_in(document, "hook_at"));
  state.changed_at = TRY(time_in(document, "changed_at"));
  state.ran_at = TRY(time_in(document, "ran_at"));
  return state;
}

}  // namespace

Result<SyncState> load_sync_state(const fs::path& folder) {
  const auto text = read_file(folder / kFile, kMostState);
  if (!text && text.error().code() == Errc::not_found) return SyncState();
  if (!text) return text.error();
  auto state = parse_state(as_text(*text)).context("reading {}", (folder / kFile).string());
  if (state) return state;
  return std::move(state.error())
      .with_hint(
          "it holds the highest CRL numbers; if they may be forgotten, remove the file and run crlsync "
          "again");
}

Status save_sync_state(const fs::path& folder, const SyncState& state) {
  Value lines = Value::table(), places = Value::table();
  for (const auto& [name, line] : state.lines)
    lines.set(name, Value()
                        .set("number", line.number)
                        .set("sha256", line.sha256)
                        .set("accepted_at", format_time(line.accepted_at)));
  for (const auto& [name, place] : state.places)
    places.set(name, Value()
                         .set("mark", place.mark)
                         .set("line", place.line)
                         .set("succeeded_at", time_or_null(place.succeeded_at))
                         .set("error", place.error));
  Value document = Value::table();
  document.set("lines", std::move(lines)).set("places", std::move(places));
  document.set("hook_owed", state.hook_owed).set("hook_error", state.hook_error);
  document.set("hook_at", time_or_null(state.hook_at)).set("changed_at", time_or_null(state.changed_at));
  document.set("ran_at", time_or_null(state.ran_at));
  return write_file_atomic(folder / kFile, as_bytes(to_json(document) + "\n"), 0600);
}

}  // namespace vouch::relying
