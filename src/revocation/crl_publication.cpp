#include "revocation/crl_publication.hpp"

#include <algorithm>
#include <functional>
#include <thread>

#include "ca/home/audit.hpp"
#include "lint/lint.hpp"
#include "revocation/crl_extensions.hpp"
#include "revocation/crl_targets.hpp"
#include "revocation/crl_times.hpp"
#include "revocation/tbs_spool.hpp"

namespace vouch::revocation {
namespace {

constexpr std::chrono::minutes kPatience{5};  // for another publisher; a CRL of ten million takes seconds

// The CRL's frame without entries, so that a mistake in it is found before the number is used for good.
Status lint_frame(const x509::CrlFields& fields) {
  const Buffer extensions = x509::encode_crl_extensions(fields);
  Buffer tbs = x509::encode_crl_head(fields, 0, extensions.size());
  append(tbs, extensions);
  const std::uint8_t no_signature[1] = {};
  const Buffer crl = x509::encode_certificate(tbs, x509::encode(fields.algorithm), no_signature);
  const x509::CrlView view = TRY(x509::parse_crl(crl).context("reading back the CRL that is to be signed"));
  for (const lint::Finding& finding : lint::lint_crl(view))
    if (finding.severity == lint::Severity::error)
      return make_error(Errc::internal, "the CRL would break a rule: {} ({})", finding.message,
                        finding.source);
  return ok();
}

Error no_target(std::string_view ca, bool delta) {
  return make_error(Errc::denied, "CA '{}' has no file location to publish {} to", ca,
                    delta ? "delta CRLs" : "CRLs")
      .with_hint(delta ? "add one with flag 64: vouch location add --cdp 64:/FOLDER/%3%8%9.crl"
                       : "add one with flag 1: vouch location add --cdp 65:/FOLDER/%3%8%9.crl");
}

// One CRL of one list of one key, on its way from the database to its places.
class Publication {
 public:
  Publication(const ca::LocalAuthority& authority, const ca::CaKey& key, const CrlList& list, bool delta,
              std::string_view actor)
      : authority_(authority),
        environment_(authority.environment()),
        settings_(authority.settings()),
        key_(key),
        list_(list),
        actor_(actor) {
    record_.authority = authority.record().id;
    record_.key_index = key.generation.key_index;
    record_.delta = delta;
    record_.shard = list.shard;
  }

  Result<Published> run() {
    places_ =
        TRY(crl_places(settings_, authority_.record().name, key_.generation, record_.delta, record_.shard));
    if (places_.targets.empty()) return no_target(authority_.record().name, record_.delta);
    {
      // One state of the database decides about entries, base and the change up to which they reach.
      const auto snapshot = TRY(environment_.database.snapshot());
      TRY(look_back(*snapshot));
      TRY(reserve_number());
      TRY(announce_number());
      if (Status built = build(*snapshot); !built) {
        remember_failures();
        return std::move(built.error());
      }
    }
    TRY(record_done());
    Published published{record_, {}, {}};
    for (const store::CrlTarget& state : states_)
      if (state.number == record_.number)
        published.files.emplace_back(state.target);
      else
        published.failures.push_back(state);
    return published;
  }

 private:
  // What earlier CRLs mean for this one.
  Status look_back(const store::Snapshot& snapshot) {
    record_.this_update = environment_.clock.now();
    record_.last_change = TRY(snapshot.last_change(record_.authority));
    const auto bases = TRY(snapshot.newest_crls(series(false), kMostBases));
    // An expired certificate is left out after it has stood on one CRL issued beyond its end (RFC 5280 3.3).
    // What a delta shows is what the next base will show, or this rule would be broken between them.
    unexpired_at_ =
        bases.empty() ? record_.this_update : std::min(bases.front().this_update, record_.this_update);
    if (settings_.keep_expired_since) unexpired_at_ = std::min(unexpired_at_, *settings_.keep_expired_since);
    TRY(look_at_targets(snapshot));
    if (!record_.delta) {
      record_.scope = crl_scope(settings_, places_, list_);
      return ok();
    }
    if (bases.empty())
      return make_error(Errc::denied, "CA '{}' has published no base CRL that a delta could refer to",
                        authority_.record().name)
          .with_hint("publish one first: vouch crl publish");
    const store::CrlRecord& base = TRY(choose_base(snapshot, bases));
    record_.base_number = base.number;
    record_.scope = base.scope;  // RFC 5280 5.2.4: the same as in the base
    base_change_ = base.last_change;
    shown_changes_ =
        TRY(snapshot.changes_on_crls(record_.authority, record_.key_index, record_.shard, base.number));
    return ok();
  }

  store::Snapshot::CrlSeries series(bool delta) const {
    return {record_.authority, record_.key_index, delta, record_.shard};
  }

  // What each place holds so far.
  Status look_at_targets(const store::Snapshot& snapshot) {
    const auto states = TRY(snapshot.crl_targets(series(record_.delta)));
    for (const fs::path& target : places_.targets) {
      store::CrlTarget state{record_.authority, record_.key_index, record_.delta, target.string()};
      state.shard = record_.shard;
      const auto known = std::ranges::find(states, state.target, &store::CrlTarget::target);
      states_.push_back(known != states.end() ? *known : std::move(state));
    }
    return ok();
  }

  // The newest base CRL that lies at every place: clients have to be able to fetch what the delta refers to.
  // Where it is asked for, the oldest that is still valid: then a client may go on with the base that it has.
  Result<std::reference_wrapper<const store::CrlRecord>> choose_base(
      const store::Snapshot& snapshot, const std::vector<store::CrlRecord>& bases) const {
    const CrlPlaces base_places =
        TRY(crl_places(settings_, authority_.record().name, key_.generation, false, record_.shard));
    const std::vector<std::string> places = all_targets(base_places);
    std::uint64_t everywhere = bases.front().number;
    for (const store::CrlTarget& state : TRY(snapshot.crl_targets(series(false))))
      if (state.number != 0 && std::ranges::find(places, state.target) != places.end())
        everywhere = std::min(everywhere, state.number);
    auto base = std::ranges::find_if(bases, [&](const auto& b) { return b.number <= everywhere; });
    if (base == bases.end()) base = bases.begin();
    if (settings_.delta_from_oldest_base)
      for (auto older = std::next(base); older != bases.end(); ++older)
        if (older->next_update >= record_.this_update && older->scope == base->scope) base = older;
    return std::cref(*base);
  }

  // The number is durable before it is signed, so that no crash makes it come twice.
  Status reserve_number() {
    const CrlTimes times = crl_times(settings_, record_.delta, record_.this_update, key_.not_after);
    record_.next_publish = times.next_publish;
    record_.next_update = times.next_update;
    return environment_.database.commit([&](store::Transaction& t) -> Status {
      record_.number = TRY(t.last_crl_number(record_.authority)) + 1;
      return t.insert_crl(record_);
    });
  }

  // The fence knows the number before the key is used, and how long the audit log is by now.
  Status announce_number() const {
    const auto snapshot = TRY(environment_.database.snapshot());
    const auto size = static_cast<std::uint64_t>(TRY(snapshot->audit_size()));
    const auto head = TRY(snapshot->last_audit_head());
    return authority_.fence().record(std::array{
        ca::FenceEvent::crl(record_), ca::FenceEvent::audit(size, head ? Bytes(head->root) : Bytes())});
  }

  Status build(const store::Snapshot& snapshot) {
    const x509::CrlFields fields{key_.signer->algorithm(), key_.subject, record_.this_update,
                                 record_.next_update, crl_extensions(key_, settings_, places_, record_)};
    TRY(lint_frame(fields));
    // A large CRL grows in the file that will be the first place's: if that one cannot be written, the next
    // is tried, and the failure is the answer only when there is none left.
    for (std::size_t first = 0;; ++first) {
      TbsSpool spool = TbsSpool::create(places_.targets[first], fields);
      place_failed_ = false;
      Status done = collect(snapshot, spool);
      if (done) done = publish(spool, first);
      if (done) return ok();
      if (place_failed_) note_failure(first, done.error());
      // Only a place is left out; a key or a database that does not answer is nobody's second try.
      if (!place_failed_ || first + 1 == places_.targets.size())
        return std::move(done).context("publishing CRL {}", record_.number);
    }
  }

  Status collect(const store::Snapshot& snapshot, TbsSpool& spool) {
    const auto add = [&](const x509::CrlEntry& entry) {
      Status added = spool.add(entry);
      place_failed_ = !added;
      return added;
    };
    if (!record_.delta)
      return snapshot.for_each_revoked(
          record_.authority, record_.key_index, record_.shard, unexpired_at_,
          [&](const store::Snapshot::RevokedEntry& entry) {
            return add({entry.serial, entry.revoked_at, entry.reason, entry.invalidity_date});
          });
    return snapshot.for_each_changed(
        record_.authority, record_.key_index, record_.shard, base_change_,
        [&](const store::Snapshot::ChangedEntry& entry) -> Status {
          if (entry.released ? !was_shown(entry) : entry.not_after < unexpired_at_) return ok();
          return add({entry.serial, entry.revoked_at, entry.reason, entry.invalidity_date});
        });
  }

  // A hold that was lifted is taken off again if a CRL shows it: the base, a later one, or one that was begun
  // and never recorded as published (RFC 5280 5.2.4).
  bool was_shown(const store::Snapshot::ChangedEntry& released) const {
    return std::ranges::any_of(shown_changes_, [&](std::uint64_t change) {
      return change >= released.held_since && change < released.changed;
    });
  }

  Status publish(TbsSpool& spool, std::size_t first) {
    const auto finished = spool.finish();
    place_failed_ = !finished;
    const Bytes tbs = TRY(finished);
    const Buffer signature =
        TRY(key_.signer->sign(tbs).context("signing with the key of CA '{}'", authority_.record().name));
    auto sealed = spool.seal(signature);
    place_failed_ = !sealed;
    if (!sealed) return std::move(sealed.error());
    // All targets are written before the first is replaced: a full disk leaves every old CRL in place.
    std::vector<std::pair<std::size_t, AtomicFile>> files;
    files.emplace_back(first, std::move(*sealed));
    for (std::size_t i = 0; i < places_.targets.size(); ++i)
      if (i != first && states_[i].wanted != record_.number) write(spool, i, files);
    {
      // While the disk takes its time.
      const std::jthread digesting([&] { record_.sha256 = digest_of(spool.parts()); });
      for (auto& [i, file] : files) commit(i, file);
    }
    record_.entries = spool.entries();
    record_.size = 0;
    for (const Bytes part : spool.parts()) record_.size += part.size();
    const auto written = std::ranges::find(states_, record_.number, &store::CrlTarget::number);
    if (written == states_.end()) return std::move(*last_failure_);
    record_.file = fs::path(written->target).lexically_proximate(environment_.home.folder()).string();
    return ok();
  }

  void write(const TbsSpool& spool, std::size_t i, std::vector<std::pair<std::size_t, AtomicFile>>& files) {
    auto file = AtomicFile::create(places_.targets[i]);
    Status status = file ? ok() : Status(file.error());
    for (const Bytes part : spool.parts())
      if (status) status = file->write(part);
    if (status)
      files.emplace_back(i, std::move(*file));
    else
      note_failure(i, status.error());
  }

  void commit(std::size_t i, AtomicFile& file) {
    const Status status = file.commit();
    if (!status) return note_failure(i, status.error());
    store::CrlTarget& state = states_[i];
    state.number = state.wanted = record_.number;
    state.tried_at = record_.this_update;
    state.error.clear();
  }

  void note_failure(std::size_t i, const Error& error) {
    store::CrlTarget& state = states_[i];
    state.wanted = record_.number;
    state.tried_at = record_.this_update;
    state.error = error.summary();
    last_failure_ = error;
  }

  Buffer digest_of(const std::array<Bytes, 3>& parts) const {
    const auto digester = environment_.provider.digester(crypto::DigestAlgorithm::sha256);
    for (const Bytes part : parts) digester->update(part);
    return digester->finish();
  }

  // For whoever looks at the places; that nothing was published is the answer, whatever becomes of this.
  void remember_failures() const {
    (void)environment_.database.commit([&](store::Transaction& t) -> Status {
      for (const store::CrlTarget& state : states_)
        if (state.wanted == record_.number) TRY(remember_try(t, state));
      return ok();
    });
  }

  Status record_done() const {
    return environment_.database.commit([&](store::Transaction& t) -> Status {
      TRY(t.update_crl(record_));
      for (const store::CrlTarget& state : states_) TRY(remember_try(t, state));
      ca::AuditDetails details;
      details.add("entries", record_.entries).add("sha256", Bytes(record_.sha256));
      if (record_.delta) details.add("base", record_.base_number);
      if (record_.shard != 0) details.add("shard", record_.shard);
      for (const store::CrlTarget& state : states_)
        if (state.number != record_.number) details.add("failed", state.target);
      return ca::record_audit(
          environment_, t,
          {.actor = std::string(actor_),
           .action = "crl.publish",
           .authority = authority_.record().name,
           .object = fmt::format("{}CRL {}", record_.delta ? "delta " : "", record_.number),
           .details = details});
    });
  }

  static constexpr std::size_t kMostBases = 64;  // more are never valid at the same time

  const ca::LocalAuthority& authority_;
  const ca::Environment& environment_;
  const ca::AuthoritySettings settings_;
  const ca::CaKey& key_;
  const CrlList& list_;
  const std::string_view actor_;
  store::CrlRecord record_;
  CrlPlaces places_;
  std::vector<store::CrlTarget> states_;  // one for each of places_.targets
  std::optional<Error> last_failure_;
  bool place_failed_ = false;  // the last failure was the first place's
  Time unexpired_at_{};
  std::uint64_t base_change_ = 0;  // of a delta: its base takes account of changes up to this one
  // Up to which change each CRL since the base takes account.
  std::vector<std::uint64_t> shown_changes_;
};

// Waits for other publishers. What was set meanwhile counts.
Result<FileLock> turn_of(const ca::LocalAuthority& authority) {
  TRY(authority.fence_status());
  FileLock lock = TRY(FileLock::acquire(
      authority.environment().home.lock(fmt::format("publish-{}", authority.record().id)), kPatience));
  TRY(authority.refresh());
  return lock;
}

// Brings the newest CRL of one kind to a place that has not got it, from one that has.
class Copy {
 public:
  Copy(const ca::LocalAuthority& authority, const CrlTask& task)
      : authority_(authority), environment_(authority.environment()), task_(task) {}

  Result<store::CrlTarget> run() {
    {
      const auto snapshot = TRY(environment_.database.snapshot());
      const auto newest = TRY(snapshot->newest_crls(series(), 1));
      if (newest.empty()) return make_error(Errc::not_found, "there is no CRL to copy");
      record_ = newest.front();
      // What a file holds is read from it; of a server it is what it last took.
      if (is_upload(task_.target))
        for (const store::CrlTarget& known : TRY(snapshot->crl_targets(series())))
          if (known.target == task_.target) held_ = known.number;
    }
    state_ = {record_.authority, task_.key_index,          task_.delta, task_.target, held_,
              record_.number,    environment_.clock.now(), {},          task_.shard};
    const Status done = bring();
    if (!done) state_.error = done.error().summary();
    TRY(environment_.database.commit([&](store::Transaction& t) { return remember_try(t, state_); }));
    if (!done)
      return Error(done.error()).context(fmt::format("copying CRL {} to {}", record_.number, task_.target));
    return state_;
  }

 private:
  store::Snapshot::CrlSeries series() const {
    return {authority_.record().id, task_.key_index, task_.delta, task_.shard};
  }

  Status bring() {
    if (is_upload(task_.target)) return put();
    if (const auto there = read_file(task_.target)) {
      state_.number = number_of(*there);
      // One that a crash kept from being recorded may be newer: numbers never go back.
      if (is_record(*there) || state_.number > record_.number) {
        state_.wanted = state_.number;
        return ok();
      }
    }
    const Buffer content = TRY(find_content());
    TRY(write_file_atomic(task_.target, content));
    state_.number = record_.number;
    return ok();
  }

  Status put() {
    if (!environment_.upload)
      return make_error(Errc::unsupported, "this program reaches no web server")
          .with_hint("vouch serve does");
    TRY(environment_.upload(task_.target, "application/pkix-crl", TRY(find_content())));
    state_.number = record_.number;
    return ok();
  }

  bool is_record(Bytes content) const {
    return environment_.provider.digest(crypto::DigestAlgorithm::sha256, content) == record_.sha256;
  }

  // 0 for what is no CRL.
  static std::uint64_t number_of(Bytes content) {
    const auto crl = x509::parse_crl(content);
    const auto* extension = crl ? crl->find(x509::oid::kCrlNumber) : nullptr;
    const auto number = extension ? x509::parse_crl_number(extension->value) : Result<Bytes>(Bytes());
    std::uint64_t value = 0;
    if (number && number->size() < 8)
      for (const std::uint8_t octet : *number) value = value << 8 | octet;
    return value;
  }

  Result<Buffer> find_content() const {
    std::vector<fs::path> sources{environment_.home.folder() / record_.file};
    const auto snapshot = TRY(environment_.database.snapshot());
    for (const store::CrlTarget& state : TRY(snapshot->crl_targets(series())))
      if (state.number == record_.number && !is_upload(state.target)) sources.emplace_back(state.target);
    for (const fs::path& source : sources)
      if (auto content = read_file(source); content && is_record(*content)) return std::move(*content);
    return make_error(Errc::not_found, "CRL {} lies nowhere any more as it was published", record_.number)
        .with_hint("publish a new one: vouch crl publish");
  }

  const ca::LocalAuthority& authority_;
  const ca::Environment& environment_;
  const CrlTask& task_;
  store::CrlRecord record_;
  std::uint64_t held_ = 0;
  store::CrlTarget state_;
};

// To the web servers, from the file that was just written. One that fails has its turn again by the schedule.
Status upload(const ca::LocalAuthority& authority, Retries retries, Published& published) {
  const ca::Environment& environment = authority.environment();
  const Time now = environment.clock.now();
  const store::CrlRecord& crl = published.record;
  const auto states = TRY(
      target_states(*TRY(environment.database.snapshot()), authority.record(), authority.settings(), now));
  for (const TargetState& state : states) {
    store::CrlTarget target = state.record;
    if (target.key_index != crl.key_index || target.delta != crl.delta || target.shard != crl.shard ||
        !is_upload(target.target))
      continue;
    if (retries == Retries::in_turn && state.rests(now)) continue;
    const CrlTask task{CrlTask::What::copy, crl.key_index, now, {}, crl.delta, target.target, crl.shard};
    const auto copied = Copy(authority, task).run();
    if (copied) {
      published.uploads.push_back(target.target);
      continue;
    }
    target.wanted = crl.number;
    target.error = copied.error().message();
    published.failures.push_back(std::move(target));
  }
  return ok();
}

std::string words_of(std::uint32_t shard) { return shard == 0 ? "" : fmt::format(" of shard {}", shard); }

// A CRL that no file took the last time is not signed anew at each look: each try costs a number.
Status check_turn(const ca::LocalAuthority& authority, const ca::CaKey& key, const CrlList& list, bool delta,
                  Retries retries) {
  const ca::Environment& environment = authority.environment();
  if (retries == Retries::at_once) return ok();
  const auto until =
      TRY(resting_until(*TRY(environment.database.snapshot()), authority.record(), authority.settings(),
                        key.generation, list.shard, delta, environment.clock.now()));
  if (!until) return ok();
  return make_error(Errc::unavailable, "no place takes the {}{} of CA '{}'; it is tried again at {}",
                    delta ? "delta CRL" : "CRL", words_of(list.shard), authority.record().name,
                    format_time(*until))
      .with_hint("vouch crl list --targets shows the places");
}

// One turn of a publisher, over all lists of all keys.
class Round {
 public:
  Round(const ca::LocalAuthority& authority, std::string_view actor, Retries retries)
      : authority_(authority), actor_(actor), retries_(retries) {}

  // Calls `publish` for each list. One that fails keeps no other from being published.
  Status for_each_list(const std::function<Status(const ca::CaKey&, const CrlList&)>& publish) {
    const auto keys = authority_.crl_keys();
    const CrlLists lists = TRY(read_lists(keys));
    for (const ca::CaKey* key : keys)
      for (const CrlList& list : lists.at(key->generation.key_index))
        if (Status done = publish(*key, list); !done) failures.push_back(std::move(done.error()));
    return ok();
  }

  Status publish_one(const ca::CaKey& key, const CrlList& list, bool delta) {
    TRY(check_turn(authority_, key, list, delta, retries_));
    published.push_back(TRY(Publication(authority_, key, list, delta, actor_)
                                .run()
                                .context("publishing the {}{} of CA '{}'", delta ? "delta CRL" : "CRL",
                                         words_of(list.shard), authority_.record().name)));
    return upload(authority_, retries_, published.back());
  }

  // The base CRL and, where deltas are on, the delta that goes with it: without it the place that the base
  // names would hold a delta that is older than the base.
  Status publish_base(const ca::CaKey& key, const CrlList& list) {
    TRY(publish_one(key, list, false));
    const ca::AuthoritySettings settings = authority_.settings();
    const auto places = TRY(crl_places(settings, authority_.record().name, key.generation, true, list.shard));
    return deltas_on(settings) && !places.targets.empty() ? publish_one(key, list, true) : ok();
  }

  // All that was published, or the first failure after everything has been tried.
  Result<std::vector<Published>> result() {
    if (failures.empty()) return std::move(published);
    Error first = std::move(failures.front());
    if (published.empty()) return first;
    return std::move(first).context(
        fmt::format("{} CRLs were published, {} were not", published.size(), failures.size()));
  }

  std::vector<Published> published;
  std::vector<Error> failures;

 private:
  Result<CrlLists> read_lists(const std::vector<const ca::CaKey*>& keys) const {
    std::vector<store::KeyGeneration> generations;
    for (const ca::CaKey* key : keys) generations.push_back(key->generation);
    const ca::Environment& environment = authority_.environment();
    const auto snapshot = TRY(environment.database.snapshot());
    return crl_lists(*snapshot, authority_.record(), authority_.settings(), generations,
                     environment.clock.now());
  }

  const ca::LocalAuthority& authority_;
  const std::string_view actor_;
  const Retries retries_;
};

bool is_due(const std::vector<CrlTask>& tasks, CrlTask::What what, std::uint16_t key_index,
            std::uint32_t shard, Time now) {
  return std::ranges::any_of(tasks, [&](const CrlTask& task) {
    return task.what == what && task.key_index == key_index && task.shard == shard && task.at <= now;
  });
}

// At any time one likes: those who revoke, and those who administer the CA.
Status authorize_publication(const ca::LocalAuthority& authority, std::string_view actor) {
  const ca::Environment& environment = authority.environment();
  const auto snapshot = TRY(environment.database.snapshot());
  ca::Act act{.account = actor,
              .role = ca::Role::manager,
              .what = "publish CRLs",
              .action = "crl.publish",
              .object = "CRL",
              .authority = authority.record().id,
              .authority_name = authority.record().name};
  if (ca::check_role(TRY(ca::RoleTable::read(*snapshot)), environment.groups, act)) return ok();
  act.role = ca::Role::administrator;
  return ca::authorize(environment, *snapshot, act);
}

}  // namespace

Result<std::vector<Published>> publish_crls(const ca::LocalAuthority& authority, std::string_view actor) {
  TRY(authorize_publication(authority, actor));
  const FileLock lock = TRY(turn_of(authority));
  Round round(authority, actor, Retries::at_once);
  TRY(round.for_each_list(
      [&](const ca::CaKey& key, const CrlList& list) { return round.publish_base(key, list); }));
  return round.result();
}

Result<std::vector<Published>> publish_deltas(const ca::LocalAuthority& authority, std::string_view actor) {
  TRY(authorize_publication(authority, actor));
  const FileLock lock = TRY(turn_of(authority));
  if (!deltas_on(authority.settings()))
    return make_error(Errc::denied, "CA '{}' publishes no delta CRLs", authority.record().name)
        .with_hint("switch them on with: vouch crl schedule --delta 1d");
  const auto snapshot = TRY(authority.environment().database.snapshot());
  const auto has_base = [&](const ca::CaKey& key, std::uint32_t shard) -> Result<bool> {
    return !TRY(snapshot->newest_crls({authority.record().id, key.generation.key_index, false, shard}, 1))
                .empty();
  };
  bool none = true;
  for (const ca::CaKey* key : authority.crl_keys()) none = none && !TRY(has_base(*key, 0));
  Round round(authority, actor, Retries::at_once);
  TRY(round.for_each_list([&](const ca::CaKey& key, const CrlList& list) -> Status {
    // A key that came with a renewal, and a shard that came with a change, must not keep the others from
    // their deltas.
    return none || TRY(has_base(key, list.shard)) ? round.publish_one(key, list, true)
                                                  : round.publish_base(key, list);
  }));
  return round.result();
}

Result<DueReport> publish_due(const ca::LocalAuthority& authority, std::string_view actor, Retries retries) {
  const FileLock lock = TRY(turn_of(authority));
  const Time now = authority.environment().clock.now();
  const auto schedule = [&]() -> Result<std::vector<CrlTask>> {
    const auto snapshot = TRY(authority.environment().database.snapshot());
    return crl_schedule(*snapshot, authority.record(), authority.settings(), now);
  };
  const auto tasks = TRY(schedule());
  Round round(authority, actor, retries);
  TRY(round.for_each_list([&](const ca::CaKey& key, const CrlList& list) -> Status {
    const std::uint16_t index = key.generation.key_index;
    if (is_due(tasks, CrlTask::What::base, index, list.shard, now)) return round.publish_base(key, list);
    if (is_due(tasks, CrlTask::What::delta, index, list.shard, now))
      return round.publish_one(key, list, true);
    return ok();
  }));
  DueReport report{std::move(round.published), {}, std::move(round.failures)};
  // A place that has just failed is not tried again in the same run.
  for (const CrlTask& task : TRY(schedule())) {
    const bool just_failed = std::ranges::any_of(report.published, [&](const Published& p) {
      return std::ranges::any_of(p.failures, [&](const auto& f) { return f.target == task.target; });
    });
    if (task.what != CrlTask::What::copy || just_failed) continue;
    if (retries == Retries::in_turn && task.at > now) continue;
    auto copied = Copy(authority, task).run();
    if (copied)
      report.copied.push_back(std::move(*copied));
    else
      report.missed.push_back(std::move(copied.error()));
  }
  return report;
}

}  // namespace vouch::revocation
