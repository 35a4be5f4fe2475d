#include "daemon/scep/desk.hpp"

#include <algorithm>
#include <set>

#include "daemon/scep/events.hpp"
#include "enroll/scep/limited_guesses.hpp"

namespace vouch::daemon::scep {
namespace {

using enroll::scep::ChallengePolicy, enroll::scep::Event, enroll::scep::Responder;

constexpr std::size_t kMaxPasswordFile = 4'096;

Result<std::string> first_line(const fs::path& file) {
  std::error_code unknown;
  const fs::perms others =
      fs::status(file, unknown).permissions() & (fs::perms::group_all | fs::perms::others_all);
  if (!unknown && others != fs::perms::none)
    return make_error(Errc::denied, "the challenge password in {} can be read by others than its owner",
                      file.string())
        .with_hint(fmt::format("chmod 0600 '{}'", file.string()));
  Buffer content = TRY(read_file(file, kMaxPasswordFile).context("reading the challenge password"));
  std::string line(as_text(content).substr(0, as_text(content).find_first_of("\r\n")));
  wipe(content);
  return line;
}

bool is_enrolment(const Event& event) {
  using enroll::scep::MessageType;
  return event.type && (*event.type == MessageType::pkcs_req || *event.type == MessageType::renewal_req ||
                        *event.type == MessageType::update_req);
}

std::string spoken(const Error& error) {
  return error.hint().empty() ? error.summary() : fmt::format("{} ({})", error.summary(), error.hint());
}

}  // namespace

// A responder with what it works with.
struct Desk::Served {
  std::shared_ptr<const Ends> ends;
  std::shared_ptr<const Responder> responder;
};

Result<std::shared_ptr<const ChallengePolicy>> Desk::policy_of(const ProfileConfiguration& profile) const {
  if (profile.challenge == ChallengeKind::none) return std::make_shared<const enroll::scep::ManualApproval>();
  if (profile.challenge == ChallengeKind::password) {
    std::string password = TRY(first_line(options_.home / profile.password_file));
    // Of a provider that outlives the desk.
    const std::shared_ptr<const crypto::Provider> provider(std::shared_ptr<void>(), &options_.provider);
    auto policy = enroll::scep::StaticPassword::create(provider, password);
    wipe(password);
    return std::make_shared<const enroll::scep::LimitedGuesses>(TRY(std::move(policy)), options_.clock);
  }
  if (profile.challenge == ChallengeKind::bound || profile.challenge == ChallengeKind::one_time ||
      profile.challenge == ChallengeKind::single)
    return std::make_shared<const enroll::scep::AuthorityChallenge>(profile.challenge ==
                                                                    ChallengeKind::bound);
  if (const auto maker = options_.policies.find(profile.challenge); maker != options_.policies.end())
    return maker->second(profile);
  return make_error(Errc::unsupported, "nothing on this host judges challenges of the kind '{}'",
                    to_string(profile.challenge));
}

Result<enroll::scep::Profile> Desk::profile_of(const ProfileConfiguration& from) const {
  enroll::scep::Profile profile;
  profile.name = from.name;
  profile.paths = from.paths;
  profile.mode = from.mode;
  profile.account = from.account_name();
  profile.templates = {from.signature_template, from.encryption_template, from.general_template,
                       from.named_templates};
  profile.challenge = TRY(policy_of(from));
  if (options_.listeners) profile.listeners = TRY(options_.listeners(from));
  profile.challenge_approves = from.challenge_approves;
  profile.floor = {
      .triple_des = from.triple_des, .single_des = from.legacy, .sha1 = from.legacy, .md5 = from.legacy};
  profile.renewal.allowed = from.renewal;
  profile.renewal.same_key = from.renewal_same_key;
  if (!from.renewal_window.empty()) profile.renewal.window = TRY(parse_span(from.renewal_window));
  if (!from.renewal_grace.empty()) profile.renewal.grace = TRY(parse_span(from.renewal_grace)).seconds;
  profile.include_root = from.include_root;
  profile.include_ca = from.include_ca;
  profile.bare_replies = from.bare_replies;
  profile.largest_message = static_cast<std::size_t>(from.largest_message);
  profile.capabilities = from.capabilities;
  std::erase(profile.capabilities, ' ');
  std::ranges::replace(profile.capabilities, ',', '\n');
  if (!profile.capabilities.empty()) profile.capabilities += '\n';
  return profile;
}

Result<std::shared_ptr<const Responder>> Desk::make(const ProfileConfiguration& configuration) {
  auto served = std::make_shared<Served>();
  served->ends = TRY(site_->ends(configuration.ca));
  const Ends& ends = *served->ends;
  enroll::scep::Surroundings surroundings{
      .authority = *ends.authority,
      .records = *ends.records,
      .provider = options_.provider,
      .clock = options_.clock,
      .keys = [keys = ends.keys, mode = configuration.mode] { return keys(mode); },
      .rollover = ends.rollover,
      .report = [this, ca = configuration.ca](const Event& event) { report(ca, event); }};
  served->responder = TRY(Responder::create(std::move(surroundings), TRY(profile_of(configuration))));
  const Responder* responder = served->responder.get();
  return std::shared_ptr<const Responder>(std::move(served), responder);
}

// Each profile degrades alone: this one says that it is out of order, and the log says why.
std::vector<net::Route> Desk::routes_of_broken(const ProfileConfiguration& profile, const Error& why) {
  Event event;
  event.profile = profile.name;
  event.status = enroll::scep::PkiStatus::failure;
  event.code = "Unavailable";
  event.detail = spoken(why);
  std::vector<net::Route> routes;
  std::vector<std::string> paths = profile.paths;
  paths.push_back("/scep/" + profile.name);
  for (std::string path : paths) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    for (const std::string_view end : {"", "/", "/pkiclient.exe"})
      routes.push_back({.path = path + std::string(end),
                        .methods = {net::Method::get, net::Method::post},
                        .handler = net::Blocking([this, event](const net::Request& request) {
                          Event seen = event;
                          seen.client = request.client.text();
                          report({}, seen);
                          net::Response response =
                              net::error_response(503, "this SCEP profile is out of order");
                          response.fields.emplace_back("Retry-After", "60");
                          return response;
                        }),
                        .any_case = true,
                        .name = "scep"});
  }
  return routes;
}

Result<std::vector<net::Route>> Desk::take(std::vector<ProfileConfiguration> profiles,
                                           const RaConfiguration& ra) {
  std::erase_if(profiles, [](const ProfileConfiguration& profile) { return !profile.enabled; });
  std::vector<std::shared_ptr<const Responder>> responders;
  std::vector<net::Route> of_broken;
  std::map<std::string, std::string> broken;
  for (const ProfileConfiguration& profile : profiles) {
    auto responder = make(profile);
    if (responder) {
      responders.push_back(std::move(*responder));
      continue;
    }
    broken[profile.name] = spoken(responder.error());
    std::ranges::move(routes_of_broken(profile, responder.error()), std::back_inserter(of_broken));
  }
  auto routes = TRY(enroll::scep::scep_routes(responders));
  std::ranges::move(of_broken, std::back_inserter(routes));
  const std::scoped_lock lock(guards_profiles_);
  profiles_ = std::move(profiles);
  ra_ = ra;
  broken_ = std::move(broken);
  return routes;
}

// What keeps no profile from working is no fault of the service's health, and worth one line.
void Desk::warn_once(const std::string& profile, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    std::string line = fmt::format("scep {}: warning: {}", profile, warning);
    {
      const std::scoped_lock lock(guards_profiles_);
      if (!warned_.insert(line).second) continue;
    }
    if (options_.log) options_.log(line);
  }
}

Status Desk::check() {
  std::vector<ProfileConfiguration> profiles;
  std::map<std::string, std::string> broken;
  {
    const std::scoped_lock lock(guards_profiles_);
    profiles = profiles_;
    broken = broken_;
  }
  std::string trouble;
  const auto add = [&](const std::string& profile, std::string_view what) {
    trouble += fmt::format("{}profile '{}': {}", trouble.empty() ? "" : "; ", profile, what);
  };
  for (const ProfileConfiguration& profile : profiles) {
    if (const auto why = broken.find(profile.name); why != broken.end()) {
      add(profile.name, why->second);
      continue;
    }
    const auto findings = site_->examine(profile);
    if (!findings) {
      add(profile.name, spoken(findings.error()));
      continue;
    }
    for (const std::string& fault : findings->faults) add(profile.name, fault);
    warn_once(profile.name, findings->warnings);
  }
  return trouble.empty() ? ok() : Status(make_error(Errc::unavailable, "{}", trouble));
}

Status Desk::maintain() {
  std::set<std::string> needed;
  RaConfiguration configuration;
  {
    const std::scoped_lock lock(guards_profiles_);
    configuration = ra_;
    for (const ProfileConfiguration& profile : profiles_)
      if (profile.mode == Profile::Mode::ra) needed.insert(profile.ca);
  }
  Status outcome = ok();
  for (const std::string& ca : needed) {
    const auto keys = site_->ra_keys(ca);
    Status cared = keys ? (*keys)->maintain(configuration) : Status(keys.error());
    if (!cared) outcome = std::move(cared);
  }
  return outcome;
}

void Desk::count(const Event& event) {
  const std::string_view status = event.code == "Unavailable"                        ? "unavailable"
                                  : event.status == enroll::scep::PkiStatus::success ? "success"
                                  : event.status == enroll::scep::PkiStatus::pending ? "pending"
                                                                                     : "failure";
  options_.metrics
      .counter("vouch_scep_messages_total", "SCEP messages, by profile, type and what became of them.",
               {{"profile", event.profile},
                {"type", std::string(event.type ? enroll::scep::to_string(*event.type) : "?")},
                {"status", std::string(status)}})
      .add();
}

// What succeeded is in the audit log and the access log; a line for each would drown the others.
void Desk::report(const std::string& ca, const Event& event) {
  count(event);
  if (event.status == enroll::scep::PkiStatus::success && !event.legacy) return;
  if (options_.log) options_.log(sentence(event));
  if (event.status == enroll::scep::PkiStatus::failure && event.request == 0 && is_enrolment(event))
    site_->note_refusal(ca, event);
}

}  // namespace vouch::daemon::scep
