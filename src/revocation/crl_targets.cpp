#include "revocation/crl_targets.hpp"

#include <algorithm>
#include <charconv>

#include "revocation/crl_schedule.hpp"
#include "revocation/crl_shards.hpp"

namespace vouch::revocation {
namespace {

std::string mark_of(const store::CrlTarget& record) {
  const std::string shard = record.shard == 0 ? "" : fmt::format("~{}", record.shard);
  return fmt::format("crl target {}.{}{}{} {}", record.authority, record.key_index, shard,
                     record.delta ? "+" : "", record.target);
}

// What a mark keeps beside the database's row: "FAILURES SECONDS", the latter of the last success, 0 for
// none.
struct Tally {
  std::uint32_t failures = 0;
  std::int64_t last_success = 0;
};

Result<Tally> read_tally(const store::Snapshot& snapshot, const store::CrlTarget& record) {
  const std::string text = TRY(snapshot.mark(mark_of(record)));
  Tally tally;
  const char* const end = text.data() + text.size();
  const auto failures = std::from_chars(text.data(), end, tally.failures);
  if (text.empty()) return tally;
  if (failures.ec == std::errc() && failures.ptr != end)
    if (std::from_chars(failures.ptr + 1, end, tally.last_success).ptr == end) return tally;
  return make_error(Errc::malformed, "what the database says of the place {} cannot be read", record.target);
}

}  // namespace

std::chrono::seconds pause_after(std::uint32_t failures) {
  if (failures == 0) return std::chrono::seconds(0);
  constexpr std::uint32_t kDoublings = 10;  // far beyond the longest pause, and no overflow
  return std::min(kLongestPause, kFirstPause * (1 << std::min(failures - 1, kDoublings)));
}

bool is_upload(std::string_view target) {
  return target.starts_with("http://") || target.starts_with("https://");
}

std::vector<std::string> all_targets(const CrlPlaces& places) {
  std::vector<std::string> all;
  all.reserve(places.targets.size() + places.uploads.size());
  for (const fs::path& file : places.targets) all.push_back(file.string());
  all.insert(all.end(), places.uploads.begin(), places.uploads.end());
  return all;
}

Result<TargetState> target_state(const store::Snapshot& snapshot, store::CrlTarget record, Time now) {
  TargetState state;
  const Tally tally = TRY(read_tally(snapshot, record));
  state.failures = tally.failures;
  if (tally.last_success != 0) state.last_success = Time(std::chrono::seconds(tally.last_success));
  // A try in the future: the clock was set back. Then nobody knows when it was.
  if (state.failures != 0) state.next_try = std::min(record.tried_at, now) + pause_after(state.failures);
  state.record = std::move(record);
  return state;
}

namespace {

// The places of one list.
Status add_states(const store::Snapshot& snapshot, const store::Snapshot::CrlSeries& series,
                  const CrlPlaces& places, Time now, std::vector<TargetState>& states) {
  const auto newest = TRY(snapshot.newest_crls(series, 1));
  const auto known = TRY(snapshot.crl_targets(series));
  for (const std::string& target : all_targets(places)) {
    const auto row = std::ranges::find(known, target, &store::CrlTarget::target);
    store::CrlTarget record{series.authority, series.key_index, series.delta, target};
    record.shard = series.shard;
    if (row != known.end()) record = *row;
    states.push_back(TRY(target_state(snapshot, std::move(record), now)));
    states.back().newest = newest.empty() ? 0 : newest.front().number;
  }
  return ok();
}

}  // namespace

Result<std::vector<TargetState>> target_states(const store::Snapshot& snapshot,
                                               const store::AuthorityRecord& authority,
                                               const ca::AuthoritySettings& settings, Time now) {
  std::vector<TargetState> states;
  const auto generations = TRY(crl_generations(snapshot, authority.id, now));
  const CrlLists lists = TRY(crl_lists(snapshot, authority, settings, generations, now));
  for (const store::KeyGeneration& generation : generations)
    for (const CrlList& list : lists.at(generation.key_index))
      for (const bool delta : {false, true}) {
        if (delta && !deltas_on(settings)) continue;
        const CrlPlaces places = TRY(crl_places(settings, authority.name, generation, delta, list.shard));
        TRY(add_states(snapshot, {authority.id, generation.key_index, delta, list.shard}, places, now,
                       states));
      }
  return states;
}

Status remember_try(store::Transaction& transaction, const store::CrlTarget& record) {
  Tally tally = TRY(read_tally(transaction, record));
  if (record.error.empty())
    tally = {0, record.tried_at.time_since_epoch().count()};
  else
    ++tally.failures;
  TRY(transaction.set_mark(mark_of(record), fmt::format("{} {}", tally.failures, tally.last_success)));
  return transaction.put_crl_target(record);
}

Result<std::optional<Time>> resting_until(const store::Snapshot& snapshot,
                                          const store::AuthorityRecord& authority,
                                          const ca::AuthoritySettings& settings,
                                          const store::KeyGeneration& generation, std::uint32_t shard,
                                          bool delta, Time now) {
  std::optional<Time> earliest;
  for (TargetState& state : TRY(target_states(snapshot, authority, settings, now))) {
    if (state.record.key_index != generation.key_index || state.record.delta != delta ||
        state.record.shard != shard || is_upload(state.record.target))
      continue;
    if (!state.rests(now)) return std::nullopt;
    earliest = std::min(earliest.value_or(*state.next_try), *state.next_try);
  }
  return earliest;
}

std::string mend_of(const TargetState& state) {
  return is_upload(state.record.target)
             ? "the server has to take PUT on that path; look into its log. It is tried again by itself, at "
               "once with: vouch crl publish --if-due"
             : "is the folder there, can this account write to it, and is there space? It is tried again by "
               "itself, at once with: vouch crl publish --if-due";
}

}  // namespace vouch::revocation
