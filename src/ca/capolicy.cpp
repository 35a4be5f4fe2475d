#include "ca/capolicy.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.hpp"
#include "x509/extensions.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxFile = 256 << 10;
// Microsoft's cross-certificate distribution points.
constexpr x509::Oid kCrossCertificateLocations{1, 3, 6, 1, 4, 1, 311, 10, 9, 1};

// Extensions that say who the CA is. A file that could set them could make a certificate that contradicts
// itself.
constexpr x509::Oid kMadeHere[] = {x509::oid::kSubjectKeyIdentifier, x509::oid::kAuthorityKeyIdentifier,
                                   x509::oid::kBasicConstraints,     x509::oid::kMsCaVersion,
                                   x509::oid::kMsPreviousCertHash,   x509::oid::kMsNtdsCaSecurity};

// Sections of Microsoft's format that restrict what the CA may do. Who writes one relies on it, so leaving it
// out with a warning would be worse than stopping.
constexpr std::string_view kRestricting[] = {"NameConstraintsExtension",
                                             "PolicyMappingsExtension",
                                             "PolicyConstraintsExtension",
                                             "InhibitAnyPolicyExtension",
                                             "ApplicationPolicyStatementExtension",
                                             "ApplicationPolicyMappingsExtension",
                                             "ApplicationPolicyConstraintsExtension"};

// The examples of Windows have spaces in URLs; a URI has none.
std::string without_spaces(std::string_view url) {
  std::string out;
  for (const char c : url) {
    if (c == ' ')
      out += "%20";
    else
      out.push_back(c);
  }
  return out;
}

class Interpreter {
 public:
  Interpreter(const Inf& inf, std::string_view file) : inf_(inf) { policy_.file = file; }

  Result<CaPolicy> run() {
    TRY(take_version());
    TRY(take_policies());
    for (const InfSection& section : inf_.sections) TRY(take_section(section));
    TRY(check_extensions());
    std::ranges::sort(policy_.lines, {}, &CaPolicy::Line::line);
    return std::move(policy_);
  }

 private:
  using Taker = Status (Interpreter::*)(const InfEntry&);
  struct Key {
    std::string_view name;
    Taker take;
  };

  template <class... Args>
  Error wrong(int line, fmt::format_string<Args...> format, Args&&... args) const {
    return make_error(Errc::malformed, "{}:{}: {}", policy_.file, line,
                      fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(int line, fmt::format_string<Args...> format, Args&&... args) {
    policy_.warnings.push_back(
        fmt::format("{}:{}: {}", policy_.file, line, fmt::format(format, std::forward<Args>(args)...)));
  }
  void note(const InfSection& section, const InfEntry& entry) {
    policy_.lines.push_back({section.name, entry.key, entry.value, entry.line});
  }

  // Values

  Result<std::uint32_t> number(const InfEntry& entry) const {
    std::string_view digits = entry.value;
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
      digits.remove_prefix(2);
      base = 16;
    }
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size())
      return wrong(entry.line, "{} = '{}' is no number", entry.key, entry.value);
    return value;
  }

  Result<bool> flag(const InfEntry& entry) const {
    for (const std::string_view yes : {"true", "yes", "1"})
      if (same_name(entry.value, yes)) return true;
    for (const std::string_view no : {"false", "no", "0"})
      if (same_name(entry.value, no)) return false;
    return wrong(entry.line, "{} = '{}' is neither true nor false", entry.key, entry.value);
  }

  Result<x509::Oid> oid(const InfEntry& entry, std::string_view text) const {
    auto value = x509::Oid::parse(trimmed(text));
    if (!value) return wrong(entry.line, "'{}' is no object identifier", text);
    return *value;
  }

  // As written, spaces included.
  Result<std::string> location(const InfEntry& entry) const {
    if (entry.value.empty()) return wrong(entry.line, "{} is empty", entry.key);
    if (std::ranges::any_of(entry.value, [](char c) { return static_cast<unsigned char>(c) >= 0x7f; }))
      return wrong(entry.line, "the URL '{}' has characters outside ASCII: write them as %XX", entry.value);
    if (entry.value.find(':') == std::string::npos || entry.value.starts_with(':'))
      return wrong(entry.line, "'{}' is no URL: a scheme such as http: is missing", entry.value);
    return entry.value;
  }
  Result<std::string> url(const InfEntry& entry) const { return without_spaces(TRY(location(entry))); }

  std::optional<Span> unit_span(std::string_view unit, int count) const {
    struct Unit {
      std::string_view one, many;
      Span span;
    };
    static constexpr Unit kUnits[] = {
        {"year", "years", {12, {}}},
        {"month", "months", {1, {}}},
        {"week", "weeks", {0, std::chrono::days(7)}},
        {"day", "days", {0, std::chrono::days(1)}},
        {"hour", "hours", {0, std::chrono::hours(1)}},
        {"minute", "minutes", {0, std::chrono::minutes(1)}},
        {"second", "seconds", {0, std::chrono::seconds(1)}},
    };
    for (const Unit& each : kUnits)
      if (same_name(unit, each.one) || same_name(unit, each.many))
        return Span{each.span.months * count, each.span.seconds * count};
    return std::nullopt;
  }

  // A period is two keys: NAME = Years and NAMEUnits = 20. Windows 2000 had them the other way round, and
  // later versions read both.
  Result<std::optional<Span>> period(const InfSection& section, const std::string& name, bool may_be_zero) {
    constexpr std::uint32_t kMost = 100'000;
    const InfEntry* unit = last(section, name);
    const InfEntry* count = last(section, name + "Units");
    if (!unit && !count) return std::optional<Span>();
    if (!unit || !count) return wrong((unit ? unit : count)->line, "{} and {}Units go together", name, name);
    if (!unit_span(unit->value, 1)) std::swap(unit, count);
    if (!unit_span(unit->value, 1))
      return wrong(unit->line, "'{}' is no period: Years, Months, Weeks, Days or Hours", count->value);
    const std::uint32_t many = TRY(number(*count));
    if (many > kMost || (many == 0 && !may_be_zero))
      return wrong(count->line, "{} = {} is out of range: {} to {}", count->key, many, may_be_zero ? 0 : 1,
                   kMost);
    return unit_span(unit->value, static_cast<int>(many));
  }

  static const InfEntry* last(const InfSection& section, std::string_view key) {
    const InfEntry* found = nullptr;
    for (const InfEntry& entry : section.entries)
      if (same_name(entry.key, key)) found = &entry;
    return found;
  }

  // Sections

  Status take_version() {
    const InfSection* section = inf_.find("Version");
    const InfEntry* signature = section ? last(*section, "Signature") : nullptr;
    if (!signature)
      return wrong(section ? section->line : 1, "[Version] with Signature=\"$Windows NT$\" is missing");
    if (!same_name(signature->value, "$Windows NT$") && !same_name(signature->value, "$Chicago$"))
      return wrong(signature->line, "Signature is '{}', not \"$Windows NT$\"", signature->value);
    for (const InfEntry& entry : section->entries)
      if (!same_name(entry.key, "Signature")) unknown_key(*section, entry, {});
    return ok();
  }

  void unknown_key(const InfSection& section, const InfEntry& entry,
                   const std::vector<std::string_view>& known) {
    const std::string_view meant = nearest(entry.key, known);
    warn(entry.line, "unknown key '{}' in [{}] is ignored{}", entry.key, section.name,
         meant.empty() ? std::string() : fmt::format("; did you mean {}?", meant));
  }

  Status take_section(const InfSection& section) {
    const auto is = [&](std::string_view name) { return same_name(section.name, name); };
    if (is("Version") || is("Strings") || is("PolicyStatementExtension")) return ok();
    if (std::ranges::any_of(policy_sections_, is)) return ok();
    if (is("Certsrv_Server")) return take_server(section);
    if (is("BasicConstraintsExtension")) return take_basic_constraints(section);
    if (is("CRLDistributionPoint")) return take_urls(section, policy_.cdp);
    if (is("AuthorityInformationAccess")) return take_urls(section, policy_.aia);
    if (is("EnhancedKeyUsageExtension")) return take_purposes(section);
    if (is("CrossCertificateDistributionPointsExtension")) return take_cross_locations(section);
    if (is("Extensions")) return take_raw(section);
    for (const std::string_view name : kRestricting)
      if (is(name))
        return make_error(Errc::unsupported, "{}:{}: [{}] is not read by this program", policy_.file,
                          section.line, section.name)
            .with_hint("give the extension as base64 of its DER in [Extensions]: OID = base64");
    warn(section.line, "unknown section [{}] is ignored", section.name);
    return ok();
  }

  Status take_server(const InfSection& section) {
    static constexpr std::string_view kKnown[] = {"RenewalKeyLength",
                                                  "RenewalValidityPeriod",
                                                  "RenewalValidityPeriodUnits",
                                                  "CRLPeriod",
                                                  "CRLPeriodUnits",
                                                  "CRLDeltaPeriod",
                                                  "CRLDeltaPeriodUnits",
                                                  "CRLOverlapPeriod",
                                                  "CRLOverlapPeriodUnits",
                                                  "CRLOverlapUnits",
                                                  "LoadDefaultTemplates",
                                                  "CNGHashAlgorithm",
                                                  "HashAlgorithm",
                                                  "AlternateSignatureAlgorithm",
                                                  "ForceUTF8",
                                                  "EnableKeyCounting",
                                                  "ClockSkewMinutes"};
    for (const InfEntry& entry : section.entries) {
      const auto is = [&](std::string_view name) { return same_name(entry.key, name); };
      if (std::ranges::none_of(kKnown, is)) {
        unknown_key(section, entry, {std::begin(kKnown), std::end(kKnown)});
        continue;
      }
      note(section, entry);
      TRY(take_server_key(entry));
    }
    policy_.renewal_validity = TRY(period(section, "RenewalValidityPeriod", false));
    policy_.crl_period = TRY(period(section, "CRLPeriod", false));
    policy_.crl_delta_period = TRY(period(section, "CRLDeltaPeriod", true));
    // The registry value is CRLOverlapUnits, and so the file's key is often written.
    InfSection overlap = section;
    for (InfEntry& entry : overlap.entries)
      if (same_name(entry.key, "CRLOverlapUnits")) entry.key = "CRLOverlapPeriodUnits";
    policy_.crl_overlap = TRY(period(overlap, "CRLOverlapPeriod", true));
    return ok();
  }

  Status take_server_key(const InfEntry& entry) {
    const auto is = [&](std::string_view name) { return same_name(entry.key, name); };
    if (is("RenewalKeyLength")) {
      const std::uint32_t bits = TRY(number(entry));
      if (bits < 256 || bits > 16384)
        return wrong(entry.line, "RenewalKeyLength = {} is out of range: 256 to 16384", bits);
      policy_.renewal_key_length = bits;
    } else if (is("LoadDefaultTemplates")) {
      policy_.load_default_templates = TRY(flag(entry));
    } else if (is("AlternateSignatureAlgorithm")) {
      policy_.alternate_signature_algorithm = TRY(flag(entry));
    } else if (is("CNGHashAlgorithm") || is("HashAlgorithm")) {
      policy_.hash = TRY(hash(entry));
    } else if (is("ForceUTF8")) {
      if (!TRY(flag(entry)))
        warn(entry.line, "ForceUTF8 = 0 has no effect: names are UTF8String, as RFC 5280 wants them");
    } else if (is("EnableKeyCounting")) {
      if (TRY(flag(entry)))
        warn(entry.line, "EnableKeyCounting has no effect: every use of the key is in the audit log already");
    } else if (is("ClockSkewMinutes")) {
      (void)TRY(number(entry));
      warn(entry.line, "ClockSkewMinutes has no effect: certificates and CRLs begin now");
    }
    return ok();
  }

  Result<crypto::DigestAlgorithm> hash(const InfEntry& entry) const {
    struct Numbered {
      x509::Oid oid;
      crypto::DigestAlgorithm digest;
    };
    static constexpr Numbered kNumbered[] = {{x509::oid::kSha256, crypto::DigestAlgorithm::sha256},
                                             {x509::oid::kSha384, crypto::DigestAlgorithm::sha384},
                                             {x509::oid::kSha512, crypto::DigestAlgorithm::sha512}};
    if (const auto number = x509::Oid::parse(entry.value))
      for (const Numbered& each : kNumbered)
        if (each.oid == *number) return each.digest;
    auto digest = crypto::digest_from_name(entry.value);
    if (!digest)
      return wrong(entry.line, "{} = '{}': {}", entry.key, entry.value, digest.error().message())
          .with_hint("use SHA256, SHA384 or SHA512");
    return *digest;
  }

  Status take_basic_constraints(const InfSection& section) {
    for (const InfEntry& entry : section.entries) {
      if (same_name(entry.key, "PathLength")) {
        const std::uint32_t length = TRY(number(entry));
        if (length > 255) return wrong(entry.line, "PathLength = {} is out of range: 0 to 255", length);
        policy_.path_length = length;
      } else if (same_name(entry.key, "Critical")) {
        if (!TRY(flag(entry)))
          warn(entry.line,
               "Critical = no has no effect: RFC 5280 wants the basic constraints of a CA critical");
      } else {
        unknown_key(section, entry, {"PathLength", "Critical"});
        continue;
      }
      note(section, entry);
    }
    return ok();
  }

  // URL = …, or Empty = true, or nothing at all: no such extension.
  Status take_urls(const InfSection& section, CaPolicy::Urls& urls) {
    const InfEntry* empty = nullptr;
    urls.line = section.line;
    for (const InfEntry& entry : section.entries) {
      if (same_name(entry.key, "URL")) {
        urls.urls.push_back(TRY(location(entry)));
        // A variable that does not exist is found here, and not when the certificate is made.
        if (const auto known = expand({0, urls.urls.back()}, {"host.example", "host", "CA", 0, 0, false});
            !known)
          return wrong(entry.line, "URL: {}", known.error().message());
      } else if (same_name(entry.key, "Empty")) {
        if (TRY(flag(entry))) empty = &entry;
      } else if (same_name(entry.key, "Critical")) {
        urls.critical = TRY(flag(entry));
      } else {
        unknown_key(section, entry, {"URL", "Empty", "Critical"});
        continue;
      }
      note(section, entry);
    }
    if (empty && !urls.urls.empty())
      return wrong(empty->line, "[{}] says Empty and names a URL as well", section.name);
    if (urls.critical && same_name(section.name, "AuthorityInformationAccess")) {
      warn(section.line, "Critical = yes has no effect: RFC 5280 forbids a critical authorityInfoAccess");
      urls.critical = false;
    }
    return ok();
  }

  Status take_purposes(const InfSection& section) {
    std::vector<x509::Oid> purposes;
    bool critical = false;
    for (const InfEntry& entry : section.entries) {
      if (same_name(entry.key, "OID")) {
        for (const std::string& field : entry.fields) {
          purposes.push_back(TRY(oid(entry, field)));
          if (std::ranges::count(purposes, purposes.back()) != 1)
            return wrong(entry.line, "the purpose {} stands twice", field);
        }
      } else if (same_name(entry.key, "Critical")) {
        critical = TRY(flag(entry));
      } else {
        unknown_key(section, entry, {"OID", "Critical"});
        continue;
      }
      note(section, entry);
    }
    if (!purposes.empty())
      add(x509::oid::kExtendedKeyUsage, critical, x509::encode_extended_key_usage(purposes), section.line);
    return ok();
  }

  // CrossCertDistPoints ::= SEQUENCE { syncDeltaTime INTEGER OPTIONAL, SEQUENCE OF GeneralNames }
  Status take_cross_locations(const InfSection& section) {
    std::vector<x509::GeneralName> urls;
    std::optional<std::uint32_t> seconds;
    bool critical = false;
    for (const InfEntry& entry : section.entries) {
      if (same_name(entry.key, "URL")) {
        urls.push_back(x509::GeneralName::uri(TRY(url(entry))));
      } else if (same_name(entry.key, "SyncDeltaTime")) {
        seconds = TRY(number(entry));
      } else if (same_name(entry.key, "Critical")) {
        critical = TRY(flag(entry));
      } else {
        unknown_key(section, entry, {"URL", "SyncDeltaTime", "Critical"});
        continue;
      }
      note(section, entry);
    }
    if (urls.empty()) {
      if (seconds) return wrong(section.line, "[{}] names no URL", section.name);
      return ok();
    }
    asn1::Writer out;
    out.sequence([&] {
      if (seconds) out.integer(std::uint64_t{*seconds});
      out.sequence([&] {
        for (const x509::GeneralName& each : urls) out.raw(x509::encode_general_names({each}));
      });
    });
    add(kCrossCertificateLocations, critical, std::move(out).take(), section.line);
    return ok();
  }

  // OID = base64 of the DER; Critical = OID, OID
  Status take_raw(const InfSection& section) {
    std::vector<std::pair<const InfEntry*, x509::Oid>> critical;
    for (const InfEntry& entry : section.entries)
      if (same_name(entry.key, "Critical"))
        for (const std::string& field : entry.fields) critical.emplace_back(&entry, TRY(oid(entry, field)));
    std::set<x509::Oid> seen;
    for (const InfEntry& entry : section.entries) {
      note(section, entry);
      if (same_name(entry.key, "Critical")) continue;
      const x509::Oid id = TRY(oid(entry, entry.key));
      if (std::ranges::find(kMadeHere, id) != std::end(kMadeHere))
        return wrong(entry.line, "the extension {} is made by the CA itself", x509::describe(id));
      const auto der = from_base64(entry.value);
      if (!der || der->empty()) return wrong(entry.line, "the value of {} is no base64", entry.key);
      asn1::Reader reader(*der);
      if (!reader.next() || !reader.at_end())
        return wrong(entry.line, "the value of {} is not the DER of one element", entry.key);
      TRY(check_key_usage(entry, id, *der));
      const bool is_critical =
          std::ranges::any_of(critical, [&](const auto& each) { return each.second == id; });
      add(id, is_critical, *der, entry.line);
      seen.insert(id);
    }
    for (const auto& [entry, id] : critical)
      if (!seen.contains(id))
        warn(entry->line, "Critical names {}, which this section does not set", id.dotted());
    return ok();
  }

  // A key usage given here replaces the usual one; a CA that may not sign certificates is none.
  Status check_key_usage(const InfEntry& entry, const x509::Oid& id, Bytes der) const {
    if (id != x509::oid::kKeyUsage) return ok();
    const auto usage = x509::parse_key_usage(der);
    if (!usage) return wrong(entry.line, "the key usage is malformed: {}", usage.error().message());
    constexpr std::uint16_t kNeeded = x509::key_cert_sign | x509::crl_sign;
    if ((*usage & kNeeded) != kNeeded)
      return wrong(entry.line, "a CA's key usage has keyCertSign and cRLSign, this one lacks them");
    return ok();
  }

  // [PolicyStatementExtension] Policies = A, B; each names a section with OID, Notice and URL.
  Status take_policies() {
    const InfSection* section = inf_.find("PolicyStatementExtension");
    if (!section) return ok();
    std::vector<x509::PolicyInformation> policies;
    bool critical = false;
    for (const InfEntry& entry : section->entries) {
      if (same_name(entry.key, "Policies")) {
        for (const std::string& name : entry.fields) TRY(take_policy(entry, name, policies));
      } else if (same_name(entry.key, "Critical")) {
        critical = TRY(flag(entry));
      } else {
        unknown_key(*section, entry, {"Policies", "Critical"});
        continue;
      }
      note(*section, entry);
    }
    if (!policies.empty())
      add(x509::oid::kCertificatePolicies, critical, x509::encode_certificate_policies(policies),
          section->line);
    return ok();
  }

  Status take_policy(const InfEntry& list, const std::string& name,
                     std::vector<x509::PolicyInformation>& policies) {
    const InfSection* section = inf_.find(name);
    if (!section) return wrong(list.line, "there is no section [{}] for the policy '{}'", name, name);
    policy_sections_.push_back(section->name);
    x509::PolicyInformation policy;
    for (const InfEntry& entry : section->entries) {
      if (same_name(entry.key, "OID")) {
        if (!policy.policy.empty()) return wrong(entry.line, "[{}] has two OIDs", section->name);
        policy.policy = TRY(oid(entry, entry.value));
      } else if (same_name(entry.key, "URL")) {
        policy.qualifiers.push_back(x509::cps_uri(TRY(url(entry))));
      } else if (same_name(entry.key, "Notice")) {
        auto notice = x509::user_notice(entry.value);
        if (!notice) return wrong(entry.line, "Notice: {}", notice.error().message());
        policy.qualifiers.push_back(std::move(*notice));
      } else {
        unknown_key(*section, entry, {"OID", "URL", "Notice"});
        continue;
      }
      note(*section, entry);
    }
    if (policy.policy.empty()) {
      // Microsoft's own example has such a section.
      warn(section->line, "the policy [{}] has no OID and is left out", section->name);
      return ok();
    }
    for (const x509::PolicyInformation& other : policies)
      if (other.policy == policy.policy)
        return wrong(section->line, "the policy {} stands twice (RFC 5280 4.2.1.4)", policy.policy.dotted());
    policies.push_back(std::move(policy));
    return ok();
  }

  void add(const x509::Oid& id, bool critical, Buffer value, int line) {
    policy_.further.push_back({id, critical, std::move(value)});
    further_lines_.push_back(line);
  }

  // An OID may stand once in a certificate, however many sections could set it.
  Status check_extensions() {
    std::set<x509::Oid> seen;
    if (!policy_.cdp.urls.empty()) seen.insert(x509::oid::kCrlDistributionPoints);
    if (!policy_.aia.urls.empty()) seen.insert(x509::oid::kAuthorityInfoAccess);
    for (std::size_t i = 0; i < policy_.further.size(); ++i)
      if (!seen.insert(policy_.further[i].id).second)
        return wrong(further_lines_[i], "the extension {} is set twice",
                     x509::describe(policy_.further[i].id));
    return ok();
  }

  const Inf& inf_;
  CaPolicy policy_;
  std::vector<std::string> policy_sections_;
  std::vector<int> further_lines_;
};

}  // namespace

Result<CaPolicy> parse_ca_policy(Bytes octets, std::string_view file) {
  const Inf inf = TRY(parse_inf(octets, file));
  return Interpreter(inf, file).run();
}

Result<std::optional<CaPolicy>> read_ca_policy(const Home& home, const std::optional<fs::path>& named) {
  std::vector<fs::path> places;
  if (named)
    places = {*named};
  else
    places = {home.folder() / "CAPolicy.inf", "/etc/vouch/CAPolicy.inf"};
  for (const fs::path& place : places) {
    auto octets = read_file(place, kMaxFile);
    if (!octets && octets.error().code() == Errc::not_found && !named) continue;
    if (!octets) return std::move(octets).context("reading CAPolicy.inf").error();
    return std::optional(TRY(parse_ca_policy(*octets, place.string())));
  }
  return std::optional<CaPolicy>();
}

Result<std::vector<x509::Extension>> location_extensions(const CaPolicy& policy,
                                                         const LocationVariables& variables) {
  const auto expanded = [&](const CaPolicy::Urls& urls) -> Result<std::vector<std::string>> {
    std::vector<std::string> out;
    out.reserve(urls.urls.size());
    for (const std::string& url : urls.urls)
      out.push_back(without_spaces(
          TRY(expand({0, url}, variables).context("filling in a URL of {}:{}", policy.file, urls.line))));
    return out;
  };
  std::vector<x509::Extension> extensions;
  if (const auto urls = TRY(expanded(policy.cdp)); !urls.empty())
    extensions.push_back(x509::make_extension(x509::oid::kCrlDistributionPoints, policy.cdp.critical,
                                              x509::encode_distribution_point_uris(urls)));
  std::vector<x509::AccessDescription> access;
  for (const std::string& url : TRY(expanded(policy.aia)))
    access.push_back({x509::oid::kAdCaIssuers, x509::GeneralName::uri(url)});
  if (!access.empty())
    extensions.push_back(
        x509::make_extension(x509::oid::kAuthorityInfoAccess, false, x509::encode_info_access(access)));
  return extensions;
}

}  // namespace vouch::ca
