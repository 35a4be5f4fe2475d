#include "daemon/registration.hpp"

#include <unistd.h>

#include "api/relay.hpp"
#include "daemon/mdm/minters.hpp"
#include "daemon/mdm/office.hpp"
#include "daemon/scep/desk.hpp"
#include "daemon/scep/there.hpp"
#include "daemon/server_certificate.hpp"

namespace vouch::daemon {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

Status check_complete(const AuthorityConfiguration& configuration);

}  // namespace

Result<net::FetchSettings> identity_at_authority(const AuthorityConfiguration& configuration,
                                                 const fs::path& home) {
  TRY(check_complete(configuration));
  net::FetchSettings settings;
  settings.client_certificate =
      TRY(read_file(home / configuration.certificate, kMaxFile).context("reading authority.certificate"));
  settings.client_key = TRY(read_file(home / configuration.key, kMaxFile).context("reading authority.key"));
  settings.trusted_roots =
      TRY(read_file(home / configuration.trust, kMaxFile).context("reading authority.trust"));
  settings.idle_handles = 64;
  return settings;
}

std::string short_host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "host";
  const std::string_view whole(name);
  return std::string(whole.substr(0, whole.find('.')));
}

namespace {

Status check_complete(const AuthorityConfiguration& configuration) {
  const std::pair<std::string_view, bool> wanted[] = {{"url", !configuration.url.empty()},
                                                      {"ca", !configuration.ca.empty()},
                                                      {"certificate", !configuration.certificate.empty()},
                                                      {"key", !configuration.key.empty()},
                                                      {"trust", !configuration.trust.empty()}};
  for (const auto& [name, is_there] : wanted)
    if (!is_there)
      return make_error(Errc::usage, "a registration authority needs authority.{} in vouch.toml", name)
          .with_hint(
              "vouch config set authority.url https://ca.example.test:8443, and so on; "
              "docs/mechanisms/registration-authority.md goes through it");
  if (!configuration.url.starts_with("https://"))
    return make_error(Errc::usage, "authority.url has to begin with https:// and is {}", configuration.url);
  return ok();
}

}  // namespace

Part Registration::make_scep(const Configuration& configuration) {
  const auto site = std::make_shared<scep::ThereSite>(
      authority_, scep::ThereSite::Context{options_.home / configuration.scep_ra.folder, short_host_name(),
                                           options_.provider, options_.clock});
  const auto office = std::make_shared<mdm::Office>(mdm::Office::Options{
      .home = options_.home,
      .provider = options_.provider,
      .clock = options_.clock,
      .site = site,
      .minter =
          [this](const scep::ProfileConfiguration& profile) {
            return mdm::minter_there(authority_, profile);
          },
      .log = options_.log,
      .refused =
          [log = options_.log, site](const enroll::mdm::RefusedSignIn& refused) {
            site->note_refusal(ca::FrontEndRefusal{.profile = refused.profile,
                                                   .client = refused.client,
                                                   .transaction = {},
                                                   .user = refused.user});
            if (log)
              log(fmt::format("page of SCEP profile '{}': the sign-in of '{}' from {} was refused",
                              refused.profile, refused.user, refused.client));
          }});
  const auto desk = std::make_shared<scep::Desk>(site, mdm::with_office({.home = options_.home,
                                                                         .provider = options_.provider,
                                                                         .clock = options_.clock,
                                                                         .metrics = metrics_,
                                                                         .log = options_.log},
                                                                        office));
  Part part = scep_part(desk, office);
  part.jobs.push_back({"scep refusals", std::chrono::seconds(5), [site] { return site->deliver(); }});
  return part;
}

Registration::Registration(RegistrationOptions options, const Configuration& configuration,
                           net::FetchSettings identity)
    : options_(std::move(options)),
      health_([this](const std::string& sentence) {
        if (options_.log) options_.log(sentence);
      }),
      fetcher_(std::move(identity)),
      authority_({configuration.authority.url, configuration.authority.ca, configuration.authority.patience},
                 fetcher_),
      scep_(make_scep(configuration)),
      front_({.home = options_.home,
              .clock = options_.clock,
              .health = health_,
              .metrics = metrics_,
              .sockets = options_.sockets,
              .identity = [this](const TlsConfiguration& tls) {
                return load_identity_without_ca(options_.home, tls);
              }}) {
  front_.add("api", api::relay_routes(authority_, configuration.authority.ca, options_.login_name));
}

Result<std::unique_ptr<Registration>> Registration::start(RegistrationOptions options) {
  Configuration configuration = TRY(options.configuration());
  net::FetchSettings identity = TRY(identity_at_authority(configuration.authority, options.home));
  std::unique_ptr<Registration> made(
      new Registration(std::move(options), configuration, std::move(identity)));
  made->only_one_ = TRY(lock_home(made->options_.home));
  made->front_.add("scep", TRY(made->scep_.routes_by(configuration)));
  TRY(made->front_.open(std::move(configuration)));
  made->scheduler_ = std::make_unique<Scheduler>(made->jobs(), made->health_);
  return made;
}

std::vector<Job> Registration::jobs() {
  std::vector<Job> jobs;
  jobs.push_back({.name = "authority", .period = std::chrono::seconds(30), .run = [this]() -> Status {
                    (void)TRY(authority_.chain());
                    return ok();
                  }});
  for (const Job& job : scep_.jobs) jobs.push_back(job);
  jobs.push_back(front_.certificate_job([this] { return reload(); }));
  return jobs;
}

Status Registration::reload() {
  const std::scoped_lock lock(guards_reload_);
  Configuration configuration = TRY(options_.configuration());
  front_.add("scep", TRY(scep_.routes_by(configuration)));
  TRY(front_.reload(std::move(configuration)));
  if (scheduler_) scheduler_->hurry();
  return ok();
}

void Registration::stop() {
  if (!front_.is_open()) return;
  if (scheduler_) scheduler_->stop();
  front_.stop();
}

}  // namespace vouch::daemon
