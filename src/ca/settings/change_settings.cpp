#include "ca/settings/change_settings.hpp"

#include <algorithm>
#include <array>

#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"

namespace vouch::ca {
namespace {

struct Setting {
  ChangeableSetting about;
  std::string (*read)(const AuthoritySettings&);
  Status (*write)(AuthoritySettings&, std::string_view);
  std::string_view warning;  // when it is switched on
};

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

Result<bool> parse_yes(std::string_view value) {
  if (value == "yes" || value == "true") return true;
  if (value == "no" || value == "false") return false;
  return make_error(Errc::usage, "'{}' is neither yes nor no", value);
}

template <bool AuthoritySettings::* Member>
std::string read_flag(const AuthoritySettings& settings) {
  return yes_or_no(settings.*Member);
}

template <bool AuthoritySettings::* Member>
Status write_flag(AuthoritySettings& settings, std::string_view value) {
  settings.*Member = TRY(parse_yes(value));
  return ok();
}

Status set_algorithm(AuthoritySettings& settings, std::optional<crypto::DigestAlgorithm> digest) {
  settings.signature_algorithm = TRY(crypto::signature_algorithm_for(settings.key, digest));
  return ok();
}

constexpr Setting kSettings[] = {
    {{"hash", "sha256|sha384|sha512", "digest of what is signed from now on"},
     [](const AuthoritySettings& s) { return std::string(x509::to_string(s.signature_algorithm)); },
     [](AuthoritySettings& s, std::string_view value) -> Status {
       return set_algorithm(s, TRY(crypto::digest_from_name(value)));
     },
     ""},
    {{"alternate-signature-algorithm", "yes|no", "RSA keys sign with PSS instead of PKCS #1 v1.5"},
     [](const AuthoritySettings& s) { return yes_or_no(s.key.pss); },
     [](AuthoritySettings& s, std::string_view value) -> Status {
       const bool pss = TRY(parse_yes(value));
       if (s.key.type != crypto::KeyType::rsa)
         return make_error(Errc::usage, "only an RSA key can sign with PSS, this CA's is {}",
                           crypto::format_key_spec(s.key));
       s.key.pss = pss;
       return set_algorithm(s, digest_of(s.signature_algorithm));
     },
     "some devices cannot verify RSA-PSS"},
    {{"automatic-issuance", "yes|no", "stand-alone: issue without the pending queue"},
     read_flag<&AuthoritySettings::automatic_issuance>,
     write_flag<&AuthoritySettings::automatic_issuance>,
     "certificates are issued without anybody looking at the request: less secure than the pending queue"},
    {{"override-logon-purposes", "yes|no", "stand-alone: smart-card-logon and KDC purposes after all"},
     read_flag<&AuthoritySettings::override_logon_purposes>,
     write_flag<&AuthoritySettings::override_logon_purposes>,
     "whoever approves a request decides who can log on as whom"},
    {{"requested-validity", "yes|no",
      "requests may ask for an earlier end than the template's (AD CS: EDITF_ATTRIBUTEENDDATE)"},
     read_flag<&AuthoritySettings::requested_validity>,
     write_flag<&AuthoritySettings::requested_validity>,
     ""},
    {{"default-validity", "SPAN", "validity of certificates issued without a template"},
     [](const AuthoritySettings& s) { return format_span(s.default_validity); },
     [](AuthoritySettings& s, std::string_view value) -> Status {
       const Span span = TRY(parse_span(value));
       if (span.months <= 0 && span.seconds.count() <= 0)
         return make_error(Errc::usage, "the validity has to be longer than nothing");
       s.default_validity = span;
       return ok();
     },
     ""},
};

}  // namespace

std::span<const ChangeableSetting> changeable_settings() {
  static constexpr auto kAbout = [] {
    std::array<ChangeableSetting, std::size(kSettings)> about{};
    for (std::size_t i = 0; i < about.size(); ++i) about[i] = kSettings[i].about;
    return about;
  }();
  return kAbout;
}

Result<SettingChange> change_setting(const Environment& environment, std::string_view authority,
                                     std::string_view name, std::string_view value,
                                     std::string_view administrator) {
  const auto* setting = std::ranges::find(kSettings, name, [](const Setting& s) { return s.about.name; });
  if (setting == std::end(kSettings)) {
    std::string known;
    for (const Setting& each : kSettings) known += (known.empty() ? "" : ", ") + std::string(each.about.name);
    return make_error(Errc::usage, "a CA has no setting '{}' that can be changed", name)
        .with_hint("there is: " + known);
  }
  {
    const auto snapshot = TRY(environment.database.snapshot());
    const auto record = TRY(snapshot->authority(authority));
    TRY(authorize(environment, *snapshot,
                  {.account = administrator,
                   .role = Role::administrator,
                   .what = "change settings",
                   .action = "ca.set",
                   .object = name,
                   .authority = record.id,
                   .authority_name = record.name}));
  }
  SettingChange change{std::string(name), {}, {}, {}};
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    const store::AuthorityRecord record = TRY(t.authority(authority));
    AuthoritySettings settings = TRY(parse_settings(record.settings));
    change.before = setting->read(settings);
    TRY(setting->write(settings, value).context("setting {} to {}", name, value));
    change.after = setting->read(settings);
    TRY(t.update_settings(record.id, format_settings(settings)));
    return record_audit(environment, t,
                        {std::string(administrator), "ca.set", record.name, fmt::format("setting {}", name),
                         AuditDetails().add("before", change.before).add("after", change.after)});
  }));
  if (change.after == "yes" && change.before != change.after) change.warning = setting->warning;
  return change;
}

}  // namespace vouch::ca
