#include "daemon/mdm/office.hpp"

#include <algorithm>

namespace vouch::daemon::mdm {
namespace {

using enroll::mdm::NdesAdmin, enroll::mdm::NdesAdminSettings;
using std::chrono::steady_clock;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::chrono::seconds kDelivery{2};

// The one for everybody, of challenge = "password".
class FileMinter final : public enroll::mdm::PasswordMinter {
 public:
  explicit FileMinter(std::function<Result<std::string>()> read) : read_(std::move(read)) {}
  Result<enroll::mdm::MintedPassword> one_time(std::string_view, std::string_view) override {
    return refuse();
  }
  Result<enroll::mdm::MintedPassword> single(std::string_view, std::string_view) override {
    return enroll::mdm::MintedPassword{Secret(TRY(read_()))};
  }
  Result<enroll::mdm::MintedPassword> bound(std::string_view,
                                            const enroll::mdm::BoundChallengeWish&) override {
    return refuse();
  }

 private:
  static Error refuse() {
    return make_error(Errc::unsupported, "this profile has one password for everybody")
        .with_hint("challenge = \"one-time\" or \"bound\" in vouch.toml");
  }
  const std::function<Result<std::string>()> read_;
};

NdesAdminSettings::Passwords passwords_of(scep::ChallengeKind kind) {
  switch (kind) {
    case scep::ChallengeKind::bound:
      return NdesAdminSettings::Passwords::bound;
    case scep::ChallengeKind::password:
    case scep::ChallengeKind::single:
      return NdesAdminSettings::Passwords::single;
    default:
      return NdesAdminSettings::Passwords::one_time;
  }
}

}  // namespace

Office::Office(Options options)
    : options_(std::move(options)),
      sign_in_(options_.provider, options_.clock, enroll::mdm::page_users_file(options_.home)),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

Office::~Office() {
  thread_.request_stop();
  woken_.notify_all();
}

Result<std::string> Office::first_line(const fs::path& file) const {
  Buffer octets = TRY(content(file));
  std::string line(as_text(octets).substr(0, as_text(octets).find_first_of("\r\n")));
  wipe(octets);
  return line;
}

Result<Buffer> Office::content(const fs::path& file) const {
  if (file.empty()) return Buffer();
  return read_file(options_.home / file, kMaxFile);
}

Result<std::shared_ptr<enroll::mdm::Outbox>> Office::outbox(const std::string& name) {
  if (const auto known = outboxes_.find(name); known != outboxes_.end()) return known->second;
  TRY(make_folder(options_.home / "outbox", 0700));
  std::shared_ptr<enroll::mdm::Outbox> made =
      TRY(enroll::mdm::Outbox::open(options_.home / "outbox" / name, {}, options_.provider, options_.clock));
  outboxes_.emplace(name, made);
  return made;
}

Result<Office::Hook> Office::make_hook(const WebhookConfiguration& from) {
  enroll::mdm::WebhookSettings settings;
  settings.id = from.name;
  settings.url = from.url;
  settings.secret = to_buffer(as_bytes(TRY(first_line(from.secret_file))));
  settings.bearer = TRY(first_line(from.bearer_file));
  settings.patience = from.patience;
  settings.connection.trusted_roots = TRY(content(from.trust));
  settings.connection.client_certificate = TRY(content(from.certificate));
  settings.connection.client_key = TRY(content(from.key));
  Hook hook;
  hook.webhook = TRY(enroll::mdm::Webhook::create(std::move(settings), options_.provider, options_.clock));
  hook.notifier =
      std::make_shared<const enroll::mdm::WebhookNotifier>(hook.webhook, TRY(outbox("webhook-" + from.name)));
  return hook;
}

// With a role of its own: what asks for revocations can do nothing else.
enroll::mdm::RevokeCertificate Office::revoke_for(const IntuneConfiguration& from) const {
  return [site = options_.site, ca = from.ca, account = from.account_name()](Bytes serial) -> Status {
    const auto ends = TRY(site->ends(ca));
    // Whoever may revoke some certificates alone is not told by the authority which ones there are.
    if (!TRY(ends->records->find(serial)))
      return make_error(Errc::not_found, "there is no certificate {}", to_hex(serial));
    return ends->authority->revoke({.serial = to_buffer(serial),
                                    .reason = x509::CrlReason::cessation_of_operation,
                                    .invalidity_date = {}},
                                   account);
  };
}

Result<Office::Service> Office::make_service(const IntuneConfiguration& from) {
  enroll::mdm::IntuneSettings settings;
  settings.tenant = from.tenant;
  settings.application = from.application;
  settings.secret = TRY(first_line(from.secret_file));
  settings.certificate = TRY(content(from.certificate));
  settings.key = TRY(content(from.key));
  settings.login_url = from.login_url;
  settings.graph_url = from.graph_url;
  settings.validation_url = from.validation_url;
  settings.connector_url = from.connector_url;
  settings.patience = from.patience;
  settings.connection.trusted_roots = TRY(content(from.trust));
  Service service;
  service.configuration = from;
  service.connection =
      TRY(enroll::mdm::IntuneConnection::create(std::move(settings), options_.provider, options_.clock));
  service.gate = std::make_shared<enroll::mdm::IntuneGate>(
      service.connection, TRY(outbox("intune-" + from.name)),
      enroll::mdm::IntuneGateSettings{.wait_for_notification = from.wait,
                                      .renewals_without_challenge = from.renewals_without_challenge,
                                      .ca_configuration = from.ca},
      options_.provider, revoke_for(from));
  if (from.revocations)
    service.revocations = std::make_shared<const enroll::mdm::IntuneRevocations>(
        service.connection, TRY(outbox("intune-" + from.name + "-revocations")),
        enroll::mdm::IntuneRevocationSettings{.batch = static_cast<std::size_t>(from.batch)},
        revoke_for(from));
  return service;
}

void Office::take(const std::vector<WebhookConfiguration>& webhooks,
                  const std::vector<IntuneConfiguration>& intunes,
                  const std::vector<ProfileConfiguration>& profiles) {
  const auto uses = [&](const ProfileConfiguration& profile, const IntuneConfiguration& intune) {
    return profile.enabled && profile.challenge == scep::ChallengeKind::intune &&
           (profile.intune.empty() || profile.intune == intune.name);
  };
  {
    const std::scoped_lock lock(guards_services_);
    hooks_.clear();
    services_.clear();
    for (const WebhookConfiguration& webhook : webhooks)
      hooks_.emplace(webhook.name, make_hook(webhook).context("webhook '{}'", webhook.name));
    for (IntuneConfiguration intune : intunes) {
      const auto user =
          std::ranges::find_if(profiles, [&](const auto& profile) { return uses(profile, intune); });
      if (intune.ca.empty() && user != profiles.end()) intune.ca = user->ca;
      services_.emplace(intune.name, make_service(intune).context("intune '{}'", intune.name));
    }
    plan();
  }
  woken_.notify_all();
}

void Office::plan() {
  work_.clear();
  states_.clear();
  for (const auto& [name, hook] : hooks_) {
    const std::string what = fmt::format("webhook '{}'", name);
    if (!hook) {
      states_.insert_or_assign(what, hook.error());
      continue;
    }
    work_.push_back({what, kDelivery, [one = *hook]() -> Status {
                       TRY(one.notifier->deliver());
                       return one.webhook->health();
                     }});
  }
  for (const auto& [name, service] : services_) {
    const std::string what = fmt::format("intune '{}'", name);
    if (!service) {
      states_.insert_or_assign(what, service.error());
      continue;
    }
    work_.push_back({what, kDelivery, [gate = service->gate] { return gate->deliver(); }});
    if (service->revocations)
      work_.push_back({what + " revocations", service->configuration.interval,
                       [revocations = service->revocations] { return revocations->run(); }});
  }
}

void Office::work(const std::stop_token& stop) {
  std::unique_lock lock(guards_services_);
  while (!stop.stop_requested()) {
    const auto now = steady_clock::now();
    const auto due = std::ranges::find_if(work_, [&](const Work& work) { return work.due <= now; });
    if (due == work_.end()) {
      woken_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
      continue;
    }
    due->due = now + due->period;
    const auto run = due->run;
    const std::string name = due->name;
    lock.unlock();
    const Status done = run();
    lock.lock();
    // What a reload has taken away meanwhile has no state any more.
    if (std::ranges::find(work_, name, &Work::name) != work_.end()) states_.insert_or_assign(name, done);
  }
}

Status Office::check() const {
  const std::scoped_lock lock(guards_services_);
  std::string trouble;
  for (const auto& [name, state] : states_)
    if (!state)
      trouble += fmt::format("{}{}: {}", trouble.empty() ? "" : "; ", name, state.error().summary());
  return trouble.empty() ? ok() : Status(make_error(Errc::unavailable, "{}", trouble));
}

// A name that is left out means the only one, here and below.
Result<const Office::Hook*> Office::find_hook(const std::string& name) const {
  const auto found = name.empty() && hooks_.size() == 1 ? hooks_.begin() : hooks_.find(name);
  if (found == hooks_.end())
    return make_error(Errc::not_found, "there is no section [webhook.{}] in vouch.toml",
                      name.empty() ? "NAME" : name);
  if (!found->second) return found->second.error();
  return &*found->second;
}

Result<const Office::Service*> Office::find_service(const std::string& name) const {
  const auto found = name.empty() && services_.size() == 1 ? services_.begin() : services_.find(name);
  if (found == services_.end())
    return make_error(Errc::not_found, "there is no section [intune.{}] in vouch.toml",
                      name.empty() ? "NAME" : name);
  if (!found->second) return found->second.error();
  return &*found->second;
}

Result<std::shared_ptr<const enroll::scep::ChallengePolicy>> Office::policy(
    const ProfileConfiguration& profile) const {
  const std::scoped_lock lock(guards_services_);
  if (profile.challenge == scep::ChallengeKind::webhook)
    return std::make_shared<const enroll::mdm::WebhookPolicy>(TRY(find_hook(profile.webhook))->webhook);
  if (profile.challenge != scep::ChallengeKind::intune)
    return make_error(Errc::internal, "no outside service decides for profile '{}'", profile.name);
  const Service* service = TRY(find_service(profile.intune));
  if (service->configuration.ca != profile.ca)
    return make_error(Errc::usage,
                      "intune '{}' revokes certificates of CA '{}', and profile '{}' issues from '{}'",
                      service->configuration.name, service->configuration.ca, profile.name, profile.ca);
  return std::shared_ptr<const enroll::scep::ChallengePolicy>(service->gate);
}

Result<std::vector<std::shared_ptr<const enroll::scep::OutcomeListener>>> Office::listeners(
    const ProfileConfiguration& profile) const {
  const std::scoped_lock lock(guards_services_);
  std::vector<std::shared_ptr<const enroll::scep::OutcomeListener>> out;
  // The one that may refuse comes first.
  if (profile.challenge == scep::ChallengeKind::intune)
    out.push_back(TRY(find_service(profile.intune))->gate);
  for (const std::string& name : profile.notify) out.push_back(TRY(find_hook(name))->notifier);
  return out;
}

net::Response Office::answer_page(const ProfileConfiguration& profile, const net::Request& request) {
  const auto ends = options_.site->ends(profile.ca);
  std::unique_ptr<enroll::mdm::PasswordMinter> minter;
  if (profile.challenge == scep::ChallengeKind::password)
    minter = std::make_unique<FileMinter>([this, &profile] { return first_line(profile.password_file); });
  else if (options_.minter)
    minter = options_.minter(profile);
  if (!ends || !minter) {
    if (options_.log)
      options_.log(fmt::format("page of SCEP profile '{}': {}", profile.name,
                               ends ? "nothing mints passwords on this host" : ends.error().summary()));
    return net::error_response(503, "the page cannot be served now; the service's log says why");
  }
  const NdesAdmin page({.authority = *(*ends)->authority,
                        .minter = *minter,
                        .sign_in = sign_in_,
                        .provider = options_.provider,
                        .clock = options_.clock,
                        .refused = options_.refused},
                       {.passwords = passwords_of(profile.challenge), .profile = profile.name});
  return page.answer(request);
}

std::vector<net::Route> Office::pages(const std::vector<ProfileConfiguration>& profiles) {
  std::vector<net::Route> routes;
  for (const ProfileConfiguration& profile : profiles)
    if (profile.enabled)
      for (net::Route& route : enroll::mdm::ndes_admin_routes(
               profile.admin_paths,
               [this, profile](const net::Request& request) { return answer_page(profile, request); }))
        routes.push_back(std::move(route));
  return routes;
}

scep::Desk::Options with_office(scep::Desk::Options options, const std::shared_ptr<Office>& office) {
  for (const auto kind : {scep::ChallengeKind::webhook, scep::ChallengeKind::intune})
    options.policies[kind] = [office](const ProfileConfiguration& profile) {
      return office->policy(profile);
    };
  options.listeners = [office](const ProfileConfiguration& profile) { return office->listeners(profile); };
  return options;
}

}  // namespace vouch::daemon::mdm
