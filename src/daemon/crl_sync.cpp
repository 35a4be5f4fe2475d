#include "daemon/crl_sync.hpp"

namespace vouch::daemon {

using relying::SyncReport, relying::PlaceReport, relying::AuthorityReport;

std::vector<std::string> news_of(const SyncReport& report) {
  std::vector<std::string> lines;
  for (const PlaceReport& place : report.places)
    if (place.outcome == relying::PlaceOutcome::replaced)
      lines.push_back(fmt::format("{}: CRL 0x{} of {}, valid until {}, from {} ({} octets in {} ms)",
                                  report.name, place.number, place.issuer, format_time(*place.next_update),
                                  place.place, place.octets, place.taken.count()));
  if (report.changed) lines.push_back(fmt::format("{}: {} is replaced", report.name, report.output));
  if (report.hook_ran && report.hook_error.empty())
    lines.push_back(fmt::format("{}: the hook has run", report.name));
  return lines;
}

Status status_of(const SyncReport& report) {
  std::string troubles;
  const auto add = [&](const std::string& trouble) {
    if (!trouble.empty()) troubles += (troubles.empty() ? "" : "; ") + trouble;
  };
  for (const PlaceReport& place : report.places)
    if (!place.error.empty()) add(fmt::format("{}: {}", place.place, place.error));
  for (const AuthorityReport& authority : report.authorities)
    if (!authority.problem.empty()) add(fmt::format("{}: {}", authority.subject, authority.problem));
  add(report.output_error);
  add(report.hook_error);
  if (troubles.empty()) return ok();
  return Error(report.refused() ? Errc::found_bad : Errc::unavailable, std::move(troubles));
}

CrlSyncService::CrlSyncService(CrlSyncOptions options)
    : options_(std::move(options)), health_([this](const std::string& sentence) {
        if (options_.log) options_.log(sentence);
      }) {}

Result<std::unique_ptr<CrlSyncService>> CrlSyncService::start(CrlSyncOptions options) {
  std::unique_ptr<CrlSyncService> service(new CrlSyncService(std::move(options)));
  TRY(service->open());
  return service;
}

Status CrlSyncService::open() {
  auto targets = TRY(options_.targets());
  if (targets.empty())
    return make_error(Errc::usage, "vouch.toml names no CRL file to keep fresh")
        .with_hint("add a section [crlsync.NAME] with authorities, crls and output");
  std::vector<std::unique_ptr<relying::CrlSync>> syncs;
  std::vector<Job> jobs;
  for (relying::SyncTarget& target : targets) {
    syncs.push_back(std::make_unique<relying::CrlSync>(options_.provider, options_.clock, options_.folder,
                                                       std::move(target)));
    jobs.push_back(job_of(*syncs.back()));
  }
  stop();  // the jobs of the configuration before
  syncs_ = std::move(syncs);
  scheduler_ = std::make_unique<Scheduler>(std::move(jobs), health_);
  return ok();
}

Job CrlSyncService::job_of(relying::CrlSync& sync) {
  return {.name = "crlsync " + sync.target().name,
          .period = sync.target().refresh,
          .run = [this, &sync]() -> Status {
            const SyncReport report = TRY(sync.run());
            if (options_.log)
              for (const std::string& line : news_of(report)) options_.log("crlsync " + line);
            return status_of(report);
          }};
}

Status CrlSyncService::reload() { return open(); }

void CrlSyncService::stop() { scheduler_.reset(); }

}  // namespace vouch::daemon
