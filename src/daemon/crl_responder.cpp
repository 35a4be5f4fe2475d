#include "daemon/crl_responder.hpp"

#include "daemon/crl_fetch.hpp"

namespace vouch::daemon {
namespace {

using std::chrono::duration_cast, std::chrono::seconds;

constexpr std::string_view kFolder = "ocsp";  // in the home: CRLs for the next start

std::vector<revocation::CrlSourceSettings> sources_of(const Configuration& configuration,
                                                      const fs::path& home) {
  std::vector<revocation::CrlSourceSettings> sources;
  sources.reserve(configuration.ocsp_sources.size());
  for (const OcspSourceConfiguration& source : configuration.ocsp_sources)
    sources.push_back({.name = source.name,
                       .ca_certificate = home / source.ca_certificate,
                       .certificate = home / source.certificate,
                       .key = home / source.key,
                       .places = source.crls,
                       .whole = source.whole});
  return sources;
}

api::OcspFaceSettings face_settings(const OcspConfiguration& configuration) {
  return {.max_age = duration_cast<seconds>(configuration.max_age), .cache_octets = configuration.cache};
}

}  // namespace

CrlResponder::CrlResponder(OutpostOptions options, FileLock only_one, const crypto::Provider& provider,
                           const Configuration& configuration)
    : Outpost(std::move(options), std::move(only_one)),
      configured_(configuration.ocsp_sources),
      source_(provider, clock(), home() / kFolder, fetch_crls_from(home()),
              sources_of(configuration, home())),
      face_(std::make_shared<api::OcspFace>(source_, provider, clock(), metrics(),
                                            face_settings(configuration.ocsp))) {
  front().add("ocsp", api::ocsp_routes(face_));
  metrics().gauge_from("vouch_ocsp_crl_octets", "Memory of the CRLs that OCSP answers come from.", {},
                       [this] { return static_cast<double>(source_.octets()); });
}

Result<std::unique_ptr<CrlResponder>> CrlResponder::start(OutpostOptions options,
                                                          const crypto::Provider& provider) {
  Configuration configuration = TRY(options.configuration());
  if (configuration.ocsp_sources.empty())
    return make_error(Errc::usage, "vouch.toml names no CRL to answer from")
        .with_hint("add a section [ocsp_source.NAME] with ca_certificate, crls, certificate and key");
  TRY(make_folder(options.home / kFolder, 0750));
  FileLock only_one = TRY(lock_home(options.home));
  std::unique_ptr<CrlResponder> responder(
      new CrlResponder(std::move(options), std::move(only_one), provider, configuration));
  TRY(responder->source_.open());
  TRY(responder->open(std::move(configuration), responder->jobs()));
  return responder;
}

std::vector<Job> CrlResponder::jobs() {
  std::vector<Job> jobs;
  jobs.reserve(configured_.size() + 1);
  for (std::size_t i = 0; i < configured_.size(); ++i)
    jobs.push_back({.name = fmt::format("ocsp source {}", configured_[i].name),
                    .period = configured_[i].refresh,
                    .run = [this, i] { return source_.refresh(i); }});
  jobs.push_back(
      {.name = "ocsp answers", .period = seconds(5), .run = [this] { return face_->last_outcome(); }});
  return jobs;
}

}  // namespace vouch::daemon
