#include "revocation/crl_schedule.hpp"

#include <algorithm>
#include <map>

#include "revocation/crl_targets.hpp"
#include "x509/certificate.hpp"

namespace vouch::revocation {
namespace {

// The tasks of one list of one key.
class ListSchedule {
 public:
  ListSchedule(const store::Snapshot& snapshot, const store::AuthorityRecord& authority,
               const ca::AuthoritySettings& settings, const store::KeyGeneration& generation,
               const CrlList& list, Time now)
      : snapshot_(snapshot),
        authority_(authority),
        settings_(settings),
        generation_(generation),
        list_(list),
        now_(now) {}

  Result<std::vector<CrlTask>> run() {
    const auto base = TRY(newest(false));
    TRY(add_base(base));
    if (base) TRY(add_copies(*base));
    if (!deltas_on(settings_)) return std::move(tasks_);
    const auto delta = TRY(newest(true));
    add_delta(base, delta);
    if (delta && base && delta->number > base->number) TRY(add_copies(*delta));
    return std::move(tasks_);
  }

 private:
  store::Snapshot::CrlSeries series(bool delta) const {
    return {authority_.id, generation_.key_index, delta, list_.shard};
  }

  Result<std::optional<store::CrlRecord>> newest(bool delta) const {
    auto crls = TRY(snapshot_.newest_crls(series(delta), 1));
    if (crls.empty()) return std::nullopt;
    return std::move(crls.front());
  }

  void add(CrlTask::What what, Time at, std::string why) {
    tasks_.push_back(
        {what, generation_.key_index, at, std::move(why), what == CrlTask::What::delta, {}, list_.shard});
  }

  Status add_base(const std::optional<store::CrlRecord>& base) {
    if (!base) {
      add(CrlTask::What::base, now_, "there is none yet");
      return ok();
    }
    const CrlPlaces places = TRY(crl_places(settings_, authority_.name, generation_, false, list_.shard));
    if (base->scope != crl_scope(settings_, places, list_))
      add(CrlTask::What::base, now_, fmt::format("the scope has changed since CRL {}", base->number));
    else
      add(CrlTask::What::base, base->next_publish, fmt::format("follows CRL {}", base->number));
    return ok();
  }

  void add_delta(const std::optional<store::CrlRecord>& base, const std::optional<store::CrlRecord>& delta) {
    if (!base || (delta && delta->number > base->number))
      add(CrlTask::What::delta, base ? delta->next_publish : now_,
          base ? fmt::format("follows CRL {}", delta->number) : "there is none yet");
    else
      add(CrlTask::What::delta, now_, fmt::format("there is none since base CRL {}", base->number));
  }

  Status add_copies(const store::CrlRecord& newest) {
    const CrlPlaces places =
        TRY(crl_places(settings_, authority_.name, generation_, newest.delta, list_.shard));
    const auto states = TRY(snapshot_.crl_targets(series(newest.delta)));
    for (const std::string& target : all_targets(places)) {
      const auto state = std::ranges::find(states, target, &store::CrlTarget::target);
      // One that failed with a CRL that came to be nowhere is looked at again, too, although it lacks
      // nothing.
      if (state != states.end() && state->number >= newest.number && state->wanted <= state->number) continue;
      Time at = now_;  // one that failed has its pause
      if (state != states.end())
        at = std::max(at, TRY(target_state(snapshot_, *state, now_)).next_try.value_or(now_));
      tasks_.push_back({CrlTask::What::copy, newest.key_index, at,
                        state == states.end() || state->error.empty()
                            ? fmt::format("CRL {} is not there yet", newest.number)
                            : fmt::format("CRL {} could not be written: {}", state->wanted, state->error),
                        newest.delta, target, list_.shard});
    }
    return ok();
  }

  const store::Snapshot& snapshot_;
  const store::AuthorityRecord& authority_;
  const ca::AuthoritySettings& settings_;
  const store::KeyGeneration& generation_;
  const CrlList& list_;
  const Time now_;
  std::vector<CrlTask> tasks_;
};

}  // namespace

std::string_view to_string(CrlTask::What what) {
  switch (what) {
    case CrlTask::What::base:
      return "base";
    case CrlTask::What::delta:
      return "delta";
    case CrlTask::What::copy:
      return "copy";
  }
  return "";
}

Result<std::vector<store::KeyGeneration>> crl_generations(const store::Snapshot& snapshot,
                                                          store::AuthorityId authority, Time now) {
  std::map<std::uint16_t, std::pair<store::KeyGeneration, Time>>
      newest;  // and the latest end of its certificates
  for (store::KeyGeneration& generation : TRY(snapshot.key_generations(authority))) {
    if (generation.certificate.empty()) continue;
    const Time end = TRY(x509::parse_certificate(generation.certificate)).not_after;
    auto& [kept, latest] = newest[generation.key_index];
    latest = std::max(latest, end);
    kept = std::move(generation);
  }
  std::vector<store::KeyGeneration> generations;
  for (auto& [index, entry] : newest)
    if (now <= entry.second) generations.push_back(std::move(entry.first));
  return generations;
}

Status check_scope_of_issued(const store::Snapshot& snapshot, store::AuthorityId authority,
                             ca::CrlScope scope, Time now) {
  if (scope == ca::CrlScope::all) return ok();
  store::CertificateFilter filter;
  filter.authority = authority;
  filter.expires_after = now;
  for (;;) {
    const auto page = TRY(snapshot.certificates(filter));
    if (page.empty()) return ok();
    for (const store::CertificateRecord& row : page) {
      const store::CertificateRecord whole = TRY(snapshot.certificate_of_request(row.request));
      if (whole.tbs.empty()) continue;  // lost: known by its number alone
      const auto view = TRY(x509::parse_tbs_certificate(whole.tbs).context(
          "reading the certificate of request {}", row.request));
      const auto* extension = view.find(x509::oid::kBasicConstraints);
      const bool is_ca = extension && TRY(x509::parse_basic_constraints(extension->value)).ca;
      if (is_ca != (scope == ca::CrlScope::ca))
        return make_error(Errc::conflict,
                          "the certificate of {} (request {}) is one of {}: no CRL would list it",
                          row.subject, row.request, is_ca ? "a CA" : "an end entity")
            .with_hint("it has to expire first; until then the scope stays all");
    }
    filter.after = page.back().request;
  }
}

Result<std::vector<CrlTask>> crl_schedule(const store::Snapshot& snapshot,
                                          const store::AuthorityRecord& authority,
                                          const ca::AuthoritySettings& settings, Time now) {
  std::vector<CrlTask> tasks;
  const auto generations = TRY(crl_generations(snapshot, authority.id, now));
  const CrlLists lists = TRY(crl_lists(snapshot, authority, settings, generations, now));
  for (const store::KeyGeneration& generation : generations)
    for (const CrlList& list : lists.at(generation.key_index))
      for (CrlTask& task : TRY(ListSchedule(snapshot, authority, settings, generation, list, now).run()))
        tasks.push_back(std::move(task));
  return tasks;
}

}  // namespace vouch::revocation
