#include "daemon/jobs.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "ca/audit/audit_head.hpp"
#include "revocation/crl_publication.hpp"
#include "revocation/crl_targets.hpp"

namespace vouch::daemon {
namespace {

using std::chrono::minutes, std::chrono::seconds;

constexpr seconds kClockTolerance{60};  // what a time service corrects in one step is less
constexpr std::uint64_t kLeastFree = 64 << 20;

Status care_for(const ca::LocalAuthority& authority) {
  const auto report = TRY(revocation::publish_due(authority, kActor, revocation::Retries::in_turn));
  return report.failures.empty() ? ok() : Status(report.failures.front());
}

std::string describe(const revocation::TargetState& state) {
  std::string text = fmt::format("CRL {} is not there: {}; ", state.record.wanted, state.record.error);
  if (state.last_success)
    text += fmt::format("the last one came there on {}, ", format_time(*state.last_success));
  text += fmt::format("{} failures in a row", state.failures);
  if (state.next_try) text += fmt::format(", tried again at {}", format_time(*state.next_try));
  return text + "; " + revocation::mend_of(state);
}

// Says how every place fares. Those that are no place any more lose their state.
class TargetHealth {
 public:
  explicit TargetHealth(Health& health) : health_(health) {}

  Status tell(const ca::Environment& environment, const api::Authorities& authorities) {
    std::set<std::string> told;
    const auto snapshot = TRY(environment.database.snapshot());
    for (const auto& authority : authorities)
      for (const revocation::TargetState& state : TRY(revocation::target_states(
               *snapshot, authority->record(), authority->settings(), environment.clock.now()))) {
        std::string name = fmt::format("publication to {}", state.record.target);
        if (state.failures == 0)
          health_.good(name);
        else
          health_.bad(name, describe(state));
        told.insert(std::move(name));
      }
    for (const std::string& name : std::exchange(told_, std::move(told)))
      if (!told_.contains(name)) health_.forget(name);
    return ok();
  }

 private:
  Health& health_;
  std::set<std::string> told_;
};

// The time of the newest entry of the audit log: somebody saw the clock show that.
Result<Time> last_audited(const ca::Environment& environment) {
  const auto snapshot = TRY(environment.database.snapshot());
  store::AuditFilter newest;
  newest.first = TRY(snapshot->audit_size());
  Time time{};
  if (newest.first == 0) return time;
  TRY(snapshot->for_each_audit(newest, [&](const store::AuditRecord& record) {
    time = record.time;
    return ok();
  }));
  return time;
}

// A file system that has found itself damaged refuses to be written without being marked read-only (ext4
// since Linux 6.15), so a file is written that has no name. Where there are no such files, nothing is known;
// and what is free is judged apart.
Status try_to_write(const fs::path& folder) {
  const FileDescriptor file(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOSPC)) return ok();
  if (!file) return system_error(errno, "cannot write in", folder);
  if (::write(file.get(), ".", 1) < 0 && errno != ENOSPC)
    return system_error(errno, "cannot write in", folder);
  return ok();
}

Status check_file_system(const fs::path& database) {
  struct statvfs info{};
  if (::statvfs(database.c_str(), &info) != 0) return system_error(errno, "looking at", database);
  if (info.f_flag & ST_RDONLY)
    return make_error(Errc::unavailable, "{} lies on a file system that is read-only", database.string());
  TRY(try_to_write(database.parent_path()));  // first: freeing space would not mend what this finds
  if (const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize; free < kLeastFree)
    return make_error(Errc::unavailable, "{} MiB are free where {} lies", free >> 20, database.string());
  return ok();
}

}  // namespace

Job publication_job(const OpenAuthorities& authorities, Health& health) {
  return {.name = "publication",
          .period = seconds(15),
          .run = [&authorities, targets = TargetHealth(health)]() mutable -> Status {
            Status outcome = ok();  // one CA does not hold up the others
            const api::Authorities open = authorities.current();
            for (const auto& authority : open) {
              Status cared = authority->repair();
              if (cared) cared = care_for(*authority);
              if (!cared)
                outcome = std::move(cared).context("looking after CA '{}'", authority->record().name);
            }
            if (open.empty()) return outcome;
            const Status told = targets.tell(open.front()->environment(), open);
            return outcome ? told : outcome;
          }};
}

Job audit_head_job(const ca::Environment& environment) {
  return {.name = "audit head", .period = minutes(5), .run = [&environment]() -> Status {
            auto head = ca::sign_audit_head(environment, kActor);
            // A home from before there were audit keys.
            if (!head && head.error().code() != Errc::not_found) return std::move(head.error());
            return ok();
          }};
}

Job key_job(const ca::Environment& environment, const OpenAuthorities& authorities, Health& health) {
  return {.name = "keys", .period = seconds(15), .run = [&environment, &authorities, &health]() -> Status {
            if (!environment.keys) return ok();
            for (const auto& authority : authorities.current())
              health.set(fmt::format("key of {}", authority->record().name),
                         environment.keys->check(environment, authority->current().generation.key_reference));
            return ok();
          }};
}

Job database_job(const ca::Environment& environment) {
  return {.name = "database", .period = seconds(15), .run = [&environment]() -> Status {
            (void)TRY(TRY(environment.database.snapshot())->audit_size());
            return check_file_system(environment.home.database());
          }};
}

Job clock_job(const ca::Environment& environment) {
  return {.name = "clock", .period = seconds(15), .run = [&environment, latest = Time{}]() mutable -> Status {
            const Time now = environment.clock.now();
            latest = std::max({latest, now, TRY(last_audited(environment))});
            if (now + kClockTolerance >= latest) return ok();
            return make_error(Errc::conflict, "the clock shows {}, and was at {} before", format_time(now),
                              format_time(latest))
                .with_hint("set it right; certificates and CRLs are dated by it");
          }};
}

}  // namespace vouch::daemon
