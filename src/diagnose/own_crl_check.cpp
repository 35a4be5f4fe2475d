#include "diagnose/own_crl_check.hpp"

#include <algorithm>

#include "revocation/crl_extensions.hpp"
#include "revocation/crl_schedule.hpp"
#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

// Long enough to even out holidays, short enough to see what has changed.
constexpr std::chrono::days kLookBack{365};
// What the first days say is chance.
constexpr std::chrono::days kShortestBasis{7};
constexpr std::chrono::days kFarAway{36'525};

double seconds(std::chrono::seconds span) { return static_cast<double>(span.count()); }

double growth_per_second(Time then, std::uint64_t before, Time now, std::uint64_t size) {
  if (now - then < kShortestBasis || size <= before) return 0;
  return static_cast<double>(size - before) / seconds(now - then);
}

// The oldest CRL of the kind that is worth comparing with; without one, nothing on the day the key was made.
struct Start {
  Time time{};
  std::uint64_t size = 0;
};
Start start_of(const std::vector<store::CrlRecord>& history, const store::CrlRecord& newest,
               Time key_made_at) {
  Start start{key_made_at, 0};
  for (const store::CrlRecord& crl : history)
    if (crl.key_index == newest.key_index && crl.delta == newest.delta && crl.shard == newest.shard &&
        crl.size != 0 && crl.number < newest.number && crl.this_update + kLookBack >= newest.this_update)
      start = {crl.this_update, crl.size};
  return start;
}

Judgement judge(const CrlStatus& crl, const Node& node, Time now) {
  const std::string publish = fmt::format(
      "vouch crl publish --if-due --ca '{}'; vouch serve or vouch-crl.timer "
      "does it by itself",
      node.name);
  if (crl.number == 0)
    return {Verdict::not_published, "there is none yet",
            fmt::format("vouch crl publish --ca '{}'", node.name)};
  if (crl.next_update < now)
    return {Verdict::expired, fmt::format("it expired on {}", format_time(crl.next_update)), publish};
  if (!crl.delta && crl.size > kInteractiveLimit)
    return {
        Verdict::too_large,
        fmt::format("{} octets are more than the {} MB that relying parties download while somebody waits",
                    crl.size, kInteractiveLimit >> 20),
        "divide it into shards, or let certificates live shorter (docs/mechanisms/crl.md)"};
  if (crl.next_publish < now)
    return {Verdict::expiring,
            fmt::format("its successor has been due since {}; it expires on {}",
                        format_time(crl.next_publish), format_time(crl.next_update)),
            publish};
  return {};
}

CrlStatus status_of(const store::CrlRecord& record, const Start& start) {
  CrlStatus status;
  status.number = record.number;
  status.this_update = record.this_update;
  status.next_update = record.next_update;
  status.next_publish = record.next_publish;
  status.entries = record.entries;
  status.size = record.size;
  // A delta begins anew with each base.
  if (record.delta) return status;
  status.growth = growth_per_second(start.time, start.size, record.this_update, record.size) * 86'400;
  for (const auto& [name, octets] :
       {std::pair("interactive", kInteractiveLimit), std::pair("interactive_government", kGovernmentLimit)})
    status.limits.push_back(
        {name, octets, forecast(start.time, start.size, record.this_update, record.size, octets)});
  return status;
}

}  // namespace

std::optional<Time> forecast(Time then, std::uint64_t before, Time now, std::uint64_t size,
                             std::uint64_t limit) {
  if (size >= limit) return now;
  const double growth = growth_per_second(then, before, now, size);
  if (growth <= 0) return std::nullopt;
  const double left = static_cast<double>(limit - size) / growth;
  if (left > seconds(kFarAway)) return std::nullopt;
  return now + std::chrono::seconds(static_cast<std::int64_t>(left));
}

Result<std::vector<CrlStatus>> check_own_crls(const store::Snapshot& snapshot, const Node& node, Time now) {
  std::vector<CrlStatus> list;
  if (!node.record) return list;
  const auto history = TRY(snapshot.crls(node.record->id));
  const auto generations = TRY(revocation::crl_generations(snapshot, node.record->id, now));
  const auto lists = TRY(revocation::crl_lists(snapshot, *node.record, node.settings, generations, now));
  for (const store::KeyGeneration& generation : generations)
    for (const revocation::CrlList& each : lists.at(generation.key_index))
      for (const bool delta : {false, true}) {
        if (delta && !revocation::deltas_on(node.settings)) continue;
        const auto newest =
            TRY(snapshot.newest_crls({node.record->id, generation.key_index, delta, each.shard}, 1));
        CrlStatus status;
        if (!newest.empty())
          status = status_of(newest.front(), start_of(history, newest.front(), generation.created_at));
        status.key_index = generation.key_index;
        status.delta = delta;
        status.shard = each.shard;
        status.judgement = judge(status, node, now);
        list.push_back(std::move(status));
      }
  return list;
}

}  // namespace vouch::diagnose
