#include "daemon/registration.hpp"

#include <unistd.h>

#include "api/relay.hpp"
#include "daemon/mdm/minters.hpp"
#include "daemon/scep/there.hpp"

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

Part Registration::make_scep(const crypto::Provider& provider, const Configuration& configuration) {
  scep::ThereSite::Context context{home() / configuration.scep_ra.folder, short_host_name(), provider,
                                   clock()};
  return scep_part(
      {.home = home(),
       .provider = provider,
       .clock = clock(),
       .site = std::make_shared<scep::ThereSite>(authority_, std::move(context)),
       .minter =
           [this](const scep::ProfileConfiguration& profile) {
             return mdm::minter_there(authority_, profile);
           },
       .log = log(),
       .refused =
           [log = log()](const enroll::mdm::RefusedSignIn& refused) {
             if (log)
               log(fmt::format("page of SCEP profile '{}': the sign-in of '{}' from {} was refused",
                               refused.profile, refused.user, refused.client));
           }},
      metrics());
}

Registration::Registration(OutpostOptions options, FileLock only_one, const crypto::Provider& provider,
                           const Configuration& configuration, net::FetchSettings identity)
    : Outpost(std::move(options), std::move(only_one)),
      fetcher_(std::move(identity)),
      authority_({configuration.authority.url, configuration.authority.ca, configuration.authority.patience},
                 fetcher_),
      scep_(make_scep(provider, configuration)) {}

Result<std::unique_ptr<Registration>> Registration::start(OutpostOptions options,
                                                          const crypto::Provider& provider,
                                                          const api::LoginName& login_name) {
  Configuration configuration = TRY(options.configuration());
  net::FetchSettings identity = TRY(identity_at_authority(configuration.authority, options.home));
  FileLock only_one = TRY(lock_home(options.home));
  std::unique_ptr<Registration> made(new Registration(std::move(options), std::move(only_one), provider,
                                                      configuration, std::move(identity)));
  made->front().add("api", api::relay_routes(made->authority_, configuration.authority.ca, login_name));
  made->front().add("scep", TRY(made->scep_.routes_by(configuration)));
  TRY(made->open(std::move(configuration), made->jobs()));
  return made;
}

std::vector<Job> Registration::jobs() {
  std::vector<Job> jobs;
  jobs.push_back({.name = "authority", .period = std::chrono::seconds(30), .run = [this]() -> Status {
                    (void)TRY(authority_.chain());
                    return ok();
                  }});
  for (const Job& job : scep_.jobs) jobs.push_back(job);
  return jobs;
}

Status Registration::take(Configuration configuration) {
  front().add("scep", TRY(scep_.routes_by(configuration)));
  return front().reload(std::move(configuration));
}

}  // namespace vouch::daemon
