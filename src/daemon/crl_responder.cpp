#include "daemon/crl_responder.hpp"

#include "daemon/crl_fetch.hpp"
#include "daemon/server_certificate.hpp"

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

CrlResponder::CrlResponder(CrlResponderOptions options, const Configuration& configuration)
    : options_(std::move(options)),
      health_([this](const std::string& sentence) {
        if (options_.log) options_.log(sentence);
      }),
      configured_(configuration.ocsp_sources),
      source_(options_.provider, options_.clock, options_.home / kFolder, fetch_crls_from(options_.home),
              sources_of(configuration, options_.home)),
      face_(std::make_shared<api::OcspFace>(source_, options_.provider, options_.clock, metrics_,
                                            face_settings(configuration.ocsp))),
      front_({.home = options_.home,
              .clock = options_.clock,
              .health = health_,
              .metrics = metrics_,
              .sockets = options_.sockets,
              .identity = [this](const TlsConfiguration& tls) {
                return load_identity_without_ca(options_.home, tls);
              }}) {
  front_.add("ocsp", api::ocsp_routes(face_));
  metrics_.gauge_from("vouch_ocsp_crl_octets", "Memory of the CRLs that OCSP answers come from.", {},
                      [this] { return static_cast<double>(source_.octets()); });
}

Result<std::unique_ptr<CrlResponder>> CrlResponder::start(CrlResponderOptions options) {
  Configuration configuration = TRY(options.configuration());
  if (configuration.ocsp_sources.empty())
    return make_error(Errc::usage, "vouch.toml names no CRL to answer from")
        .with_hint("add a section [ocsp_source.NAME] with ca_certificate, crls, certificate and key");
  TRY(make_folder(options.home / kFolder, 0750));
  std::unique_ptr<CrlResponder> responder(new CrlResponder(std::move(options), configuration));
  responder->only_one_ = TRY(lock_home(responder->options_.home));
  TRY(responder->source_.open());
  TRY(responder->front_.open(std::move(configuration)));
  responder->scheduler_ = std::make_unique<Scheduler>(responder->jobs(), responder->health_);
  return responder;
}

std::vector<Job> CrlResponder::jobs() {
  std::vector<Job> jobs;
  jobs.reserve(configured_.size() + 2);
  for (std::size_t i = 0; i < configured_.size(); ++i)
    jobs.push_back({.name = fmt::format("ocsp source {}", configured_[i].name),
                    .period = configured_[i].refresh,
                    .run = [this, i] { return source_.refresh(i); }});
  jobs.push_back(
      {.name = "ocsp answers", .period = seconds(5), .run = [this] { return face_->last_outcome(); }});
  jobs.push_back(front_.certificate_job([this] { return reload(); }));
  return jobs;
}

Status CrlResponder::reload() {
  const std::scoped_lock lock(guards_reload_);
  TRY(front_.reload(TRY(options_.configuration())));
  if (scheduler_) scheduler_->hurry();
  return ok();
}

void CrlResponder::stop() {
  if (!front_.is_open()) return;
  if (scheduler_) scheduler_->stop();
  front_.stop();
}

}  // namespace vouch::daemon
