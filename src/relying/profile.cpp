#include "relying/profile.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "net/address.hpp"

namespace vouch::relying {
namespace {

using std::chrono::milliseconds, std::chrono::seconds;

// ---- kinds of settings; `of` gives the member of the profile

// "20 MB", "64 KB", or a number of octets.
Result<std::size_t> parse_size(const Value& value) {
  if (value.integer() && *value.integer() > 0) return static_cast<std::size_t>(*value.integer());
  if (!value.text()) return wrong_kind("a size: a number of octets, or \"20 MB\"", value);
  std::string_view text = *value.text();
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, text.data() + text.size());
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  const std::size_t factor = equal_ignoring_case(unit, "MB")   ? kMegabyte
                             : equal_ignoring_case(unit, "KB") ? std::size_t{1} << 10
                             : unit.empty()                    ? 1
                                                               : 0;
  if (error != std::errc() || factor == 0 || number == 0 || number > (std::size_t{1} << 40) / factor)
    return make_error(Errc::malformed, "'{}' is no size: a number of octets, \"64 KB\", \"20 MB\"", text);
  return number * factor;
}

template <auto of>
constexpr Setting<Profile> size(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            of(profile) = TRY(parse_size(value));
            return ok();
          },
          [](const Profile& profile) -> Value {
            const std::size_t octets = of(profile);
            return octets % kMegabyte == 0 ? Value(fmt::format("{} MB", octets / kMegabyte))
                                           : Value(static_cast<std::int64_t>(octets));
          }};
}

template <auto of>
constexpr Setting<Profile> count(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            if (!value.integer()) return wrong_kind("a number", value);
            if (*value.integer() < 0 || *value.integer() > 1'000'000'000)
              return make_error(Errc::malformed, "{} is out of range: 0 to 1000000000", *value.integer());
            auto& member = of(profile);
            member = static_cast<std::remove_reference_t<decltype(member)>>(*value.integer());
            return ok();
          },
          [](const Profile& profile) { return Value(static_cast<std::int64_t>(of(profile))); }};
}

template <auto of>
constexpr Setting<Profile> on_or_off(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            if (!value.boolean()) return wrong_kind("true or false", value);
            of(profile) = *value.boolean();
            return ok();
          },
          [](const Profile& profile) { return Value(bool{of(profile)}); }};
}

template <auto of>
constexpr Setting<Profile> span(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            if (!value.text()) return wrong_kind("a span of time in quotes", value);
            const Span read = TRY(parse_span(*value.text()));
            if (read.months != 0 || read.seconds.count() < 0)
              return make_error(Errc::malformed, "{}: only days, hours, minutes, seconds", *value.text());
            of(profile) = read.seconds;
            return ok();
          },
          [](const Profile& profile) {
            return Value(format_span({0, std::chrono::duration_cast<seconds>(of(profile))}));
          }};
}

template <auto of>
constexpr Setting<Profile> text(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            if (!value.text()) return wrong_kind("a text in quotes", value);
            of(profile) = *value.text();
            return ok();
          },
          [](const Profile& profile) { return Value(of(profile)); }};
}

// One word of several.
template <class Choice>
struct Word {
  std::string_view text;
  Choice choice;
};
template <auto of, const auto& words>
constexpr Setting<Profile> word(std::string_view name, std::string_view summary) {
  return {{name, summary},
          [](Profile& profile, const Value& value) -> Status {
            std::string all;
            for (const auto& one : words) {
              if (value.text() && *value.text() == one.text) {
                of(profile) = one.choice;
                return ok();
              }
              all += fmt::format("{}{}", all.empty() ? "" : ", ", one.text);
            }
            if (!value.text()) return wrong_kind("a text in quotes", value);
            return make_error(Errc::malformed, "'{}' is none of: {}", *value.text(), all);
          },
          [](const Profile& profile) {
            for (const auto& one : words)
              if (one.choice == of(profile)) return Value(one.text);
            return Value();
          }};
}

constexpr Word<UrlSource> kUrlSources[] = {{"trust_list", UrlSource::trust_list},
                                           {"certificate", UrlSource::certificate}};
constexpr Word<validate::DeltaRule> kDeltaRules[] = {{"ignore", validate::DeltaRule::ignore},
                                                     {"use", validate::DeltaRule::use},
                                                     {"when_announced", validate::DeltaRule::when_announced}};
constexpr Word<validate::RevocationRule> kRevocationRules[] = {{"none", validate::RevocationRule::none},
                                                               {"target", validate::RevocationRule::target},
                                                               {"chain", validate::RevocationRule::chain}};
using validate::Purpose;
constexpr Word<Purpose> kPurposes[] = {{"any", Purpose::any},
                                       {"tls_client", Purpose::tls_client},
                                       {"tls_server", Purpose::tls_server},
                                       {"smart_card_logon", Purpose::smart_card_logon},
                                       {"kdc", Purpose::kdc},
                                       {"ocsp_signing", Purpose::ocsp_signing},
                                       {"code_signing", Purpose::code_signing},
                                       {"email_protection", Purpose::email_protection},
                                       {"time_stamping", Purpose::time_stamping}};

// Networks by name: "*" or CIDR.
// It becomes part of a URL: HOST, HOST:PORT, [IPv6]:PORT.
Status read_directory(Profile& profile, const Value& value) {
  if (!value.text()) return wrong_kind("a text in quotes", value);
  const auto belongs = [](char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           std::string_view(".-:[]").find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(*value.text(), belongs))
    return make_error(Errc::malformed, "'{}' is no server: HOST or HOST:PORT, without ldap://",
                      *value.text());
  profile.crl.directory = *value.text();
  return ok();
}

Status read_networks(Profile& profile, const Value& value) {
  if (!value.list_items()) return wrong_kind("a list of networks", value);
  std::vector<std::string> networks;
  for (const Value& one : *value.list_items()) {
    if (!one.text()) return wrong_kind("a network in quotes", one);
    if (*one.text() != "*") TRY(net::Network::parse(*one.text()));
    networks.push_back(*one.text());
  }
  profile.private_networks = std::move(networks);
  return ok();
}
Value write_networks(const Profile& profile) {
  Value out = Value::list();
  for (const std::string& one : profile.private_networks) out.push(one);
  return out;
}

Result<Exemption> read_exemption(const Value& value) {
  const Value* authority = value.find("authority");
  const Value* until = value.find("until");
  const Value* reason = value.find("reason");
  if (authority == nullptr || !authority->text())
    return make_error(Errc::malformed, "an exemption needs `authority`: the CA's SHA-256 or key identifier");
  Exemption out;
  out.authority = to_hex(TRY(from_hex(*authority->text()).context("reading `authority`")));
  if (until != nullptr && !until->is_null()) {
    if (!until->text()) return wrong_kind("a date", *until);
    out.until = TRY(parse_time(*until->text()));
  }
  if (reason != nullptr && reason->text()) out.reason = *reason->text();
  return out;
}
Status read_exemptions(Profile& profile, const Value& value) {
  if (!value.list_items()) return wrong_kind("a list of tables", value);
  std::vector<Exemption> exemptions;
  for (const Value& one : *value.list_items()) exemptions.push_back(TRY(read_exemption(one)));
  profile.exemptions = std::move(exemptions);
  return ok();
}
Value write_exemptions(const Profile& profile) {
  Value out = Value::list();
  for (const Exemption& one : profile.exemptions)
    out.push(Value::table()
                 .set("authority", one.authority)
                 .set("until", one.until ? Value(format_time(*one.until)) : Value())
                 .set("reason", one.reason));
  return out;
}

#define MEMBER(path) [](auto& profile) -> auto& { return profile.path; }
constexpr Setting<Profile> kSettings[] = {
    word<MEMBER(path.purpose), kPurposes>("purpose", "what certificates are to be used for"),
    word<MEMBER(path.revocation), kRevocationRules>("revocation", "whose revocation is checked"),
    on_or_off<MEMBER(path.link_by_key_identifier)>("link_by_key_identifier",
                                                   "chains need key identifiers that fit"),
    on_or_off<MEMBER(path.strong_mapping)>("strong_mapping", "smart-card logon needs the SID"),
    on_or_off<MEMBER(path.algorithms.accept_weak)>("accept_weak", "SHA-1 and MD5: for old archives only"),
    count<MEMBER(path.algorithms.rsa_bits)>("rsa_bits", "RSA keys have at least so many"),
    count<MEMBER(path.checked_issuers)>("checked_issuers", "CAs from the leaf whose CRLs are checked"),
    on_or_off<MEMBER(path.refuse_unchecked_issuers)>("refuse_longer_chains",
                                                     "refuse chains with more CAs than that"),
    on_or_off<MEMBER(build_from_sent)>("build_from_sent", "certificates of the peer may be intermediates"),
    span<MEMBER(total_time)>("total_time", "all downloads of one decision"),
    {{"private_networks", "private networks that URLs in certificates may lead to"},
     &read_networks,
     &write_networks},
    text<MEMBER(proxy)>("proxy", "a proxy for all downloads: http://HOST:PORT"),
    {{"exemptions", "CAs without a CRL check: {authority, until, reason}"},
     &read_exemptions,
     &write_exemptions},
    word<MEMBER(crl.urls), kUrlSources>("crl.urls", "where the URLs of CRLs come from"),
    word<MEMBER(crl.deltas), kDeltaRules>("crl.deltas", "delta CRLs that certificates and CRLs announce"),
    size<MEMBER(crl.interactive_size)>("crl.interactive_size", "read while somebody waits"),
    span<MEMBER(crl.interactive_time)>("crl.interactive_time", "for one download while somebody waits"),
    size<MEMBER(crl.background_size)>("crl.background_size", "read in the background"),
    span<MEMBER(crl.background_time)>("crl.background_time", "for one download in the background"),
    on_or_off<MEMBER(crl.wait_for_others)>("crl.wait_for_others",
                                           "wait for a download that another one has begun"),
    span<MEMBER(crl.retry_pause)>("crl.retry_pause", "a URL that failed is not asked again for so long"),
    span<MEMBER(crl.longest_pause)>("crl.longest_pause", "the longest Retry-After that counts"),
    count<MEMBER(crl.attempts)>("crl.attempts", "attempts at one URL in attempts_within"),
    span<MEMBER(crl.attempts_within)>("crl.attempts_within", "see crl.attempts"),
    on_or_off<MEMBER(crl.need_key_identifier)>("crl.need_key_identifier",
                                               "CRLs need an authorityKeyIdentifier that fits"),
    count<MEMBER(crl.redirects)>("crl.redirects", "that are followed, never to another scheme"),
    {{"crl.directory", "the LDAP server of URLs that name none (ldap:///…): HOST or HOST:PORT"},
     &read_directory,
     [](const Profile& profile) { return Value(profile.crl.directory); }},
    on_or_off<MEMBER(crl.prefetch)>("crl.prefetch", "fetch ahead after Next CRL Publish"),
    span<MEMBER(crl.shortest_window)>("crl.shortest_window", "a shorter prefetch window is none"),
    on_or_off<MEMBER(crl.require)>("crl.require", "the leaf's issuer must have a CRL configured"),
    on_or_off<MEMBER(ocsp.use)>("ocsp.use", "ask OCSP responders, and take stapled answers"),
    on_or_off<MEMBER(ocsp.nonce)>("ocsp.nonce", "send a nonce"),
    on_or_off<MEMBER(ocsp.need_nonce)>("ocsp.need_nonce", "refuse answers without the nonce"),
    size<MEMBER(ocsp.size)>("ocsp.size", "of one answer"),
    span<MEMBER(ocsp.time)>("ocsp.time", "for one responder"),
    span<MEMBER(ocsp.skew)>("ocsp.skew", "by which a responder's clock may differ"),
    span<MEMBER(ocsp.age_without_end)>("ocsp.age_without_end", "of an answer without nextUpdate"),
    on_or_off<MEMBER(ocsp.check_responder)>("ocsp.check_responder",
                                            "look delegated responders up in CRLs, without nocheck"),
    count<MEMBER(ocsp.prefer_crl_above)>("ocsp.prefer_crl_above",
                                         "cached answers of one issuer after which its CRL is tried first"),
};
#undef MEMBER

// The members of a section with their whole names: [profile.x.crl] size is "crl.size".
void flatten(const Value& value, const std::string& prefix,
             std::vector<std::pair<std::string, const Value*>>& out) {
  for (const auto& [key, member] : *value.members()) {
    const std::string name = prefix + key;
    if (member.members() != nullptr)
      flatten(member, name + ".", out);
    else
      out.emplace_back(name, &member);
  }
}

}  // namespace

Profile cba() {
  Profile profile;
  profile.name = "cba";
  profile.path.purpose = validate::Purpose::tls_client;
  profile.path.link_by_key_identifier = true;
  profile.build_from_sent = false;
  profile.crl.urls = UrlSource::trust_list;
  profile.total_time = milliseconds(20'000);
  return profile;
}

Profile logon() {
  Profile profile;
  profile.name = "logon";
  profile.path.purpose = validate::Purpose::tls_client;
  profile.crl.need_key_identifier = false;
  profile.crl.redirects = 3;
  profile.ocsp.use = true;
  return profile;
}

Result<Profile> shipped_profile(std::string_view name) {
  if (name == "logon") return logon();
  if (name != "cba" && name != "cba-government")
    return make_error(Errc::not_found, "there is no profile '{}'", name.substr(0, 64))
        .with_hint("shipped are cba, cba-government and logon");
  Profile profile = cba();
  profile.name = name;
  if (name == "cba") return profile;
  profile.crl.interactive_size = 45 * kMegabyte;
  profile.crl.background_size = 150 * kMegabyte;
  return profile;
}

std::span<const Setting<Profile>> profile_settings() { return kSettings; }

Result<Profile> read_profile(std::string_view name, const Value& section, std::string_view file) {
  if (section.members() == nullptr)
    return make_error(Errc::malformed, "{}:{}: a profile is a table", file, section.line());
  const Value* base = section.find("base");
  if (base != nullptr && !base->text()) return wrong_kind("the name of a shipped profile", *base);
  Profile profile = TRY(shipped_profile(base != nullptr ? std::string_view(*base->text()) : name)
                            .context("reading `base` of profile '{}' in {}", name, file));
  profile.name = name;
  std::vector<std::pair<std::string, const Value*>> members;
  flatten(section, "", members);
  std::vector<std::string_view> known;
  for (const auto& setting : kSettings) known.push_back(setting.key.name);
  for (const auto& [key, value] : members) {
    if (key == "base") continue;
    const auto* setting = find_setting<Profile>(kSettings, key);
    if (setting == nullptr)
      return unknown_setting(key, known).context(fmt::format("reading {}:{}", file, value->line()));
    TRY(setting->read(profile, *value).context("{}:{}: {}", file, value->line(), key));
  }
  if (profile.crl.background_size < profile.crl.interactive_size)
    return make_error(Errc::malformed, "{}: profile '{}': crl.background_size is below crl.interactive_size",
                      file, name);
  return profile;
}

Value to_value(const Profile& profile) {
  Value out = Value::table();
  out.set("name", profile.name);
  for (const auto& setting : kSettings) out.set(std::string(setting.key.name), setting.write(profile));
  return out;
}

const Exemption* exemption_of(const Profile& profile, const validate::Certificate& authority, Time now) {
  const std::string fingerprint = to_hex(authority.fingerprint());
  const std::string key = authority.subject_key_identifier ? to_hex(*authority.subject_key_identifier) : "";
  for (const Exemption& one : profile.exemptions) {
    if (one.until && *one.until <= now) continue;
    if (one.authority == fingerprint || (!key.empty() && one.authority == key)) return &one;
  }
  return nullptr;
}

}  // namespace vouch::relying
