#include "daemon/scep/configuration.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "daemon/setting_kinds.hpp"
#include "daemon/setting_sections.hpp"

namespace vouch::daemon::scep {
namespace {

using P = ProfileConfiguration;
using R = RaConfiguration;

constexpr Word<Profile::Mode> kModes[] = {{"ra", Profile::Mode::ra}, {"ca", Profile::Mode::ca}};
constexpr Word<ChallengeKind> kChallenges[] = {
    {"password", ChallengeKind::password}, {"bound", ChallengeKind::bound},
    {"one-time", ChallengeKind::one_time}, {"single", ChallengeKind::single},
    {"webhook", ChallengeKind::webhook},   {"intune", ChallengeKind::intune},
    {"none", ChallengeKind::none}};

constexpr Setting<P> kProfileSettings[] = {
    on_or_off<P, [](auto& p) -> auto& { return p.enabled; }>("enabled", "whether it is there at all"),
    text<P, [](auto& p) -> auto& { return p.ca; }>("ca", "the CA that issues; empty: the only one"),
    list<P, [](auto& p) -> auto& { return p.paths; }>(
        "paths", "further paths beside /scep/NAME, such as /certsrv/mscep/mscep.dll"),
    choice<P, [](auto& p) -> auto& { return p.mode; }, kModes>(
        "mode", "ra: certificates of the service sign and decrypt; ca: the CA's own key does"),
    text<P, [](auto& p) -> auto& { return p.account; }>(
        "account", "that hands in the requests on the CA's host; empty: scep:NAME"),
    text<P, [](auto& p) -> auto& { return p.signature_template; }>(
        "signature_template", "for requests whose key signs only (MDM: Digital Signature)"),
    text<P, [](auto& p) -> auto& { return p.encryption_template; }>(
        "encryption_template", "for requests whose key encrypts only (MDM: Key Encipherment)"),
    text<P, [](auto& p) -> auto& { return p.general_template; }>(
        "general_template", "for both, and for requests that do not say"),
    list<P, [](auto& p) -> auto& { return p.named_templates; }>("named_templates",
                                                                "those that a request may name itself"),
    choice<P, [](auto& p) -> auto& { return p.challenge; }, kChallenges>(
        "challenge",
        "who decides: password, bound, one-time, single, webhook, intune, none (every request waits for "
        "approval)"),
    text<P, [](auto& p) -> auto& { return p.password_file; }>(
        "password_file", "of challenge = \"password\": its first line, relative to the home"),
    on_or_off<P, [](auto& p) -> auto& { return p.challenge_approves; }>(
        "challenge_approves", "whether a good challenge stands for the approval that a template wants"),
    on_or_off<P, [](auto& p) -> auto& { return p.legacy; }>(
        "legacy", "whether single DES, SHA-1 and MD5 are accepted: for devices that know nothing else"),
    on_or_off<P, [](auto& p) -> auto& { return p.triple_des; }>("triple_des",
                                                                "whether triple DES is: iOS sends it"),
    on_or_off<P, [](auto& p) -> auto& { return p.renewal; }>("renewal", "whether certificates are renewed"),
    on_or_off<P, [](auto& p) -> auto& { return p.renewal_same_key; }>("renewal_same_key",
                                                                      "also with the key that they had"),
    text<P, [](auto& p) -> auto& { return p.renewal_window; }>("renewal_window",
                                                               "how long before its end; empty: any time"),
    text<P, [](auto& p) -> auto& { return p.renewal_grace; }>("renewal_grace",
                                                              "and how long after it; empty: not at all"),
    on_or_off<P, [](auto& p) -> auto& { return p.include_root; }>("include_root",
                                                                  "whether GetCACert gives the root too"),
    on_or_off<P, [](auto& p) -> auto& { return p.include_ca; }>(
        "include_ca",
        "whether answers carry the CA certificate: Cisco's VPN client wants it, iOS must not get it"),
    on_or_off<P, [](auto& p) -> auto& { return p.bare_replies; }>(
        "bare_replies", "whether refusals go without the signer's certificate, as NDES's do"),
    text<P, [](auto& p) -> auto& { return p.capabilities; }>(
        "capabilities", "words of GetCACaps, with commas between; empty: what the service can do"),
    number<P, [](auto& p) -> auto& { return p.largest_message; }, 16'384, 1'048'576>(
        "largest_message", "octets that a message may have by POST; limits.query bounds those by GET"),
    text<P, [](auto& p) -> auto& { return p.webhook; }>(
        "webhook",
        "of challenge = \"webhook\": the section that decides, [webhook.NAME]; empty: the only one"),
    text<P, [](auto& p) -> auto& { return p.intune; }>(
        "intune", "of challenge = \"intune\": the section that decides, [intune.NAME]; empty: the only one"),
    list<P, [](auto& p) -> auto& { return p.notify; }>(
        "notify", "webhooks that are told what became of requests: sections [webhook.NAME]"),
    list<P, [](auto& p) -> auto& { return p.admin_paths; }>(
        "admin_paths", "of the page with challenge passwords, such as /certsrv/mscep_admin; empty: none"),
    text<P, [](auto& p) -> auto& { return p.external_url; }>("external_url",
                                                             "the URL that devices have, at a proxy perhaps"),
    text<P, [](auto& p) -> auto& { return p.internal_url; }>("internal_url",
                                                             "the URL that the proxy has for this service"),
};

constexpr Setting<R> kRaSettings[] = {
    text<R, [](auto& r) -> auto& { return r.signing_template; }>("signing_template",
                                                                 "of the certificate that signs answers"),
    text<R, [](auto& r) -> auto& { return r.encryption_template; }>(
        "encryption_template",
        "of the one that devices encrypt for; the same name as above: one certificate does both"),
    text<R, [](auto& r) -> auto& { return r.name; }>("name", "their common name; empty: HOST-MSCEP-RA"),
    number<R, [](auto& r) -> auto& { return r.key_bits; }, 2048, 8192>("key_bits", "of their RSA keys"),
    on_or_off<R, [](auto& r) -> auto& { return r.renew; }>(
        "renew", "whether this host renews them; false where they come from another one"),
    text<R, [](auto& r) -> auto& { return r.grace; }>("grace",
                                                      "how long keys before the current ones open messages"),
    text<R, [](auto& r) -> auto& { return r.folder; }>(
        "folder", "of a registration authority: where keys and certificates lie, relative to the home"),
};

class ProfileCheck {
 public:
  ProfileCheck(const ProfileConfiguration& profile, std::string_view file) : profile_(profile), file_(file) {}

  Status check() const {
    if (!is_plain_name(profile_.name))  // /scep/NAME is made of it
      return wrong("has no name that a URL can have").with_hint("up to 64 letters, digits, '-' and '_'");
    if (!profile_.enabled) return ok();
    TRY(check_challenge());
    TRY(check_spans());
    std::vector<std::string> paths = profile_.paths;
    paths.insert(paths.end(), profile_.admin_paths.begin(), profile_.admin_paths.end());
    for (const std::string& path : paths)
      if (!path.starts_with('/') || path.find_first_of(" ?#") != std::string::npos)
        return wrong(fmt::format("has '{}' among its paths, which is none", path))
            .with_hint("write it as \"/certsrv/mscep/mscep.dll\"");
    for (const std::string* url : {&profile_.external_url, &profile_.internal_url})
      if (!url->empty() && !url->starts_with("http://") && !url->starts_with("https://"))
        return wrong(fmt::format("has '{}' for a URL", *url))
            .with_hint("write it as \"https://scep.example.com/scep/" + profile_.name + "\"");
    if (profile_.templates().empty())
      return wrong("issues nothing").with_hint("add: general_template = \"ScepDevice\"");
    return ok();
  }

 private:
  Status check_challenge() const {
    if (profile_.challenge == ChallengeKind::password && profile_.password_file.empty())
      return wrong("has the challenge password and no password_file")
          .with_hint("write a password into a file of mode 0600 and name it: password_file = \"scep/" +
                     profile_.name + ".password\"");
    if (profile_.challenge != ChallengeKind::password && !profile_.password_file.empty())
      return wrong(fmt::format("has a password_file, and its challenge is {}", to_string(profile_.challenge)))
          .with_hint("write challenge = \"password\", or take password_file away");
    if (!profile_.webhook.empty() && profile_.challenge != ChallengeKind::webhook)
      return wrong(fmt::format("names a webhook, and its challenge is {}", to_string(profile_.challenge)))
          .with_hint("write challenge = \"webhook\"; or notify = [\"" + profile_.webhook + "\"]");
    if (!profile_.intune.empty() && profile_.challenge != ChallengeKind::intune)
      return wrong(fmt::format("names a section intune, and its challenge is {}",
                               to_string(profile_.challenge)))
          .with_hint("write challenge = \"intune\", or take intune away");
    const bool from_outside = profile_.challenge == ChallengeKind::webhook ||
                              profile_.challenge == ChallengeKind::intune ||
                              profile_.challenge == ChallengeKind::none;
    if (from_outside && !profile_.admin_paths.empty())
      return wrong(fmt::format("has a page with challenge passwords, and its challenge is {}",
                               to_string(profile_.challenge)))
          .with_hint("a page goes with password, one-time, single and bound");
    return ok();
  }

  Status check_spans() const {
    for (const std::string* span : {&profile_.renewal_window, &profile_.renewal_grace})
      if (!span->empty()) (void)TRY(parse_span(*span).context("{}", place()));
    if (!profile_.renewal_grace.empty() && TRY(parse_span(profile_.renewal_grace)).months != 0)
      return wrong("has a renewal_grace in months").with_hint("say it in days: renewal_grace = \"30d\"");
    return ok();
  }

  Error wrong(std::string_view what) const {
    return make_error(Errc::malformed, "{}: SCEP profile '{}' {}", place(), profile_.name, what);
  }
  std::string place() const { return fmt::format("{}:{}", file_, profile_.line); }

  const ProfileConfiguration& profile_;
  const std::string_view file_;
};

std::string plain_path(std::string path) {
  std::ranges::transform(path, path.begin(), ascii_lower);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// Two profiles at one path would be a matter of chance.
Status check_paths(const std::vector<ProfileConfiguration>& profiles, std::string_view file) {
  std::map<std::string, const ProfileConfiguration*> taken;
  for (const ProfileConfiguration& profile : profiles) {
    if (!profile.enabled) continue;
    std::vector<std::string> paths = profile.paths;
    paths.push_back("/scep/" + profile.name);
    paths.insert(paths.end(), profile.admin_paths.begin(), profile.admin_paths.end());
    for (const std::string& path : paths) {
      const auto [at, is_new] = taken.emplace(plain_path(path), &profile);
      if (!is_new && at->second != &profile)
        return make_error(Errc::malformed, "{}:{}: the SCEP profiles '{}' and '{}' both have the path {}",
                          file, profile.line, at->second->name, profile.name, path)
            .with_hint("take it out of one of them");
    }
  }
  return ok();
}

}  // namespace

std::string_view to_string(ChallengeKind kind) {
  for (const auto& word : kChallenges)
    if (word.choice == kind) return word.text;
  return "?";
}

std::vector<std::string> ProfileConfiguration::templates() const {
  std::vector<std::string> all = named_templates;
  for (const std::string* each : {&signature_template, &encryption_template, &general_template})
    if (!each->empty() && std::ranges::find(all, *each) == all.end()) all.push_back(*each);
  return all;
}

Result<std::vector<ProfileConfiguration>> read_profiles(const Value* members, std::string_view file) {
  std::vector<ProfileConfiguration> profiles;
  if (!members) return profiles;
  TRY(for_each_section(*members, "scep", "a SCEP profile", file,
                       [&](const std::string& name, const Value& section) -> Status {
                         ProfileConfiguration profile{.name = name, .line = section.line()};
                         TRY(read_section(profile_settings(), profile, section, "scep." + name, file));
                         TRY(ProfileCheck(profile, file).check());
                         profiles.push_back(std::move(profile));
                         return ok();
                       }));
  TRY(check_paths(profiles, file));
  return profiles;
}

Result<RaConfiguration> read_ra(const Value* members, std::string_view file) {
  RaConfiguration ra;
  if (!members) return ra;
  TRY(read_section(ra_settings(), ra, *members, "scep_ra", file));
  const Span grace = TRY(parse_span(ra.grace).context("{}:{}, setting scep_ra.grace", file, members->line()));
  if (grace.months != 0)
    return make_error(Errc::malformed, "{}:{}: scep_ra.grace is in months", file, members->line())
        .with_hint("say it in days: grace = \"30d\"");
  return ra;
}

std::span<const Setting<ProfileConfiguration>> profile_settings() { return kProfileSettings; }
std::span<const Setting<RaConfiguration>> ra_settings() { return kRaSettings; }

}  // namespace vouch::daemon::scep
