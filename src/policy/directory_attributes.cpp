#include "policy/directory_attributes.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

using T = CertificateTemplate;
using x509::Oid;

// --- Flags: one row for each bit that has a member of its own.

struct Bit {
  std::uint32_t bit;
  bool (*get)(const T&);
  void (*set)(T&);
};
template <auto Table, auto Member>
constexpr Bit bit(std::uint32_t value) {
  return {value, [](const T& t) -> bool { return (t.*Table).*Member; },
          [](T& t) { (t.*Table).*Member = true; }};
}

constexpr std::uint32_t kAddTemplateName = 0x200;
constexpr Bit kGeneralFlags[] = {
    // MS-CRTD 2.4
    {0x40, [](const T& t) { return t.machine; }, [](T& t) { t.machine = true; }},
    // Microsoft's CrossCA has the second of these without the first.
    {0x80, [](const T& t) { return t.ca && !t.cross_ca; }, [](T& t) { t.ca = true; }},
    {0x800, [](const T& t) { return t.cross_ca; }, [](T& t) { t.ca = t.cross_ca = true; }},
    bit<&T::directory, &DirectoryBits::shipped>(0x10000),
    bit<&T::directory, &DirectoryBits::modified>(0x20000),
};

constexpr Bit kEnrollmentFlags[] = {
    // MS-CRTD 2.26
    bit<&T::enrollment, &EnrollmentRule::smime_capabilities>(0x1),
    {0x2, [](const T& t) { return t.approval; }, [](T& t) { t.approval = true; }},
    bit<&T::enrollment, &EnrollmentRule::publish_recovery_agent>(0x4),
    bit<&T::enrollment, &EnrollmentRule::publish>(0x8),
    bit<&T::enrollment, &EnrollmentRule::check_existing>(0x10),
    bit<&T::enrollment, &EnrollmentRule::autoenroll>(0x20),
    bit<&T::enrollment, &EnrollmentRule::renew_without_approval>(0x40),
    bit<&T::enrollment, &EnrollmentRule::user_interaction>(0x100),
    bit<&T::enrollment, &EnrollmentRule::remove_invalid>(0x400),
    bit<&T::enrollment, &EnrollmentRule::on_behalf_of>(0x800),
    {0x1000, [](const T& t) { return t.ocsp_no_check; }, [](T& t) { t.ocsp_no_check = true; }},
    bit<&T::enrollment, &EnrollmentRule::reuse_key_on_full_token>(0x2000),
    {0x4000, [](const T& t) { return !t.revocation_info; }, [](T& t) { t.revocation_info = false; }},
    {0x8000, [](const T& t) { return !t.ca && t.basic_constraints; },
     [](T& t) { t.basic_constraints = true; }},
    bit<&T::enrollment, &EnrollmentRule::key_based_renewal>(0x10000),
    bit<&T::issuance, &IssuanceRule::from_request>(0x20000),
    bit<&T::enrollment, &EnrollmentRule::skip_autorenewal>(0x40000),
    {0x80000, [](const T& t) { return !t.security_extension; }, [](T& t) { t.security_extension = false; }},
};

constexpr Bit kKeyFlags[] = {
    // MS-CRTD 2.27
    bit<&T::client, &ClientRule::archive_key>(0x1),
    bit<&T::client, &ClientRule::exportable>(0x10),
    bit<&T::client, &ClientRule::strong_protection>(0x20),
    bit<&T::client, &ClientRule::alternate_signature_algorithm>(0x40),
    bit<&T::client, &ClientRule::same_key_renewal>(0x80),
    bit<&T::client, &ClientRule::legacy_provider>(0x100),
    bit<&T::client, &ClientRule::trust_endorsement_on_use>(0x200),
    bit<&T::client, &ClientRule::validate_endorsement_certificate>(0x400),
    bit<&T::client, &ClientRule::validate_endorsement_key>(0x800),
    bit<&T::client, &ClientRule::attestation_preferred>(0x1000),
    bit<&T::client, &ClientRule::attestation_required>(0x2000),
    bit<&T::client, &ClientRule::attestation_without_policy>(0x4000),
    bit<&T::client, &ClientRule::hello_logon_key>(0x200000),
};
constexpr std::uint32_t kCaVersionMask = 0x000f0000, kClientVersionMask = 0x0f000000;

std::uint32_t flags_of(std::span<const Bit> bits, const T& t) {
  std::uint32_t flags = 0;
  for (const Bit& b : bits)
    if (b.get(t)) flags |= b.bit;
  return flags;
}
// Sets what the flags say; gives back the bits that no row knows.
std::uint32_t take_flags(std::span<const Bit> bits, std::uint32_t flags, T& t) {
  for (const Bit& b : bits) {
    if (flags & b.bit) b.set(t);
    flags &= ~b.bit;
  }
  return flags;
}

// --- Names (MS-CRTD 2.28)

constexpr std::uint32_t kSubjectFromRequest = 0x1, kNamesFromPrevious = 0x8, kSanFromRequest = 0x10000,
                        kSubjectDns = 0x10000000, kSubjectEmail = 0x20000000, kSubjectCommonName = 0x40000000,
                        kSubjectPath = 0x80000000;
struct NameBit {
  std::uint32_t bit;
  DirectoryName name;
  std::string_view fixed;  // the text of `fixed` names that comes nearest
};
constexpr NameBit kSanFlags[] = {{0x400000, DirectoryName::domain_dns, "DNS:{realm}"},
                                 {0x800000, DirectoryName::spn, "PKINIT:"},
                                 {0x1000000, DirectoryName::guid, "otherName:1.3.6.1.4.1.311.25.1:"},
                                 {0x2000000, DirectoryName::upn, "UPN:"},
                                 {0x4000000, DirectoryName::email, "email:"},
                                 {0x8000000, DirectoryName::dns, "DNS:{dns}"}};

std::uint32_t subject_flags(const T& t) {
  switch (t.subject.source) {
    case NameSource::request:
      return kSubjectFromRequest;
    case NameSource::none:
      return 0;
    case NameSource::fixed:
      return t.subject.fixed.find("{dns}") != std::string::npos ? kSubjectDns : kSubjectCommonName;
    case NameSource::directory:
      break;
  }
  const std::uint32_t email = t.subject.directory_email ? kSubjectEmail : 0;
  switch (t.subject.directory) {
    case DirectorySubject::dns:
      return kSubjectDns | email;
    case DirectorySubject::path:
      return kSubjectPath | email;
    case DirectorySubject::common_name:
      break;
  }
  return kSubjectCommonName | email;
}

std::uint32_t san_flags(const T& t) {
  std::uint32_t flags = 0;
  if (t.san.source == NameSource::request)
    return t.subject.source == NameSource::request ? 0 : kSanFromRequest;
  for (const NameBit& b : kSanFlags) {
    const bool built = t.san.source == NameSource::directory &&
                       std::ranges::find(t.san.directory, b.name) != t.san.directory.end();
    const bool fixed =
        t.san.source == NameSource::fixed &&
        std::ranges::any_of(t.san.fixed, [&](const std::string& text) { return text.starts_with(b.fixed); });
    if (built || fixed) flags |= b.bit;
  }
  return flags;
}

std::uint32_t name_flags(const T& t) {
  return subject_flags(t) | san_flags(t) | t.directory.other_name_flags |
         (t.enrollment.names_from_previous ? kNamesFromPrevious : 0);
}

void take_name_flags(std::uint32_t flags, T& t) {
  // Attribute types that Windows takes from requests (the CA's SubjectTemplate setting), as far as they are
  // names of people, hosts and places.
  using namespace x509::oid;
  if (flags & kSubjectFromRequest) {
    t.subject.source = NameSource::request;
    t.subject.may_be_empty = !t.ca;
    t.subject.allowed = {
        kCommonName,      kOrganization,     kOrganizationalUnit,  kLocality,    kState,    kCountry,
        kDomainComponent, kEmailAddress,     kGivenName,           kSurname,     kInitials, kTitle,
        kStreet,          kUnstructuredName, kUnstructuredAddress, kSerialNumber};
  } else if (flags & (kSubjectDns | kSubjectCommonName | kSubjectPath)) {
    t.subject.source = NameSource::directory;
    t.subject.directory = flags & kSubjectPath  ? DirectorySubject::path
                          : flags & kSubjectDns ? DirectorySubject::dns
                                                : DirectorySubject::common_name;
    t.subject.directory_email = (flags & kSubjectEmail) != 0;
  } else {
    t.subject.source = NameSource::none;
  }
  t.san.source = NameSource::none;
  for (const NameBit& b : kSanFlags)
    if (flags & b.bit) {
      t.san.source = NameSource::directory;
      t.san.directory.push_back(b.name);
    }
  if (flags & (kSubjectFromRequest | kSanFromRequest)) {
    t.san.source = NameSource::request;
    if (t.ca)
      t.san.source = NameSource::none;
    else
      t.san.allowed = {SanType::dns, SanType::ip, SanType::email, SanType::uri};
    t.san.directory.clear();
  }
  t.enrollment.names_from_previous = (flags & kNamesFromPrevious) != 0;
  std::uint32_t known = kSubjectFromRequest | kNamesFromPrevious | kSubjectDns | kSubjectCommonName |
                        kSubjectPath | (t.subject.directory_email ? kSubjectEmail : 0);
  if (!(flags & kSubjectFromRequest)) known |= kSanFromRequest;
  for (const NameBit& b : kSanFlags) known |= b.bit;
  t.directory.other_name_flags = flags & ~known & 0x7fffffff;
}

// --- Times: a negative FILETIME, in units of 100 ns (MS-CRTD 2.11). Windows counts years of 365 and months
// of 30 days.

constexpr std::int64_t kUnitsPerSecond = 10'000'000, kDay = 86'400;

std::string format_period(const Span& span) {
  std::int64_t seconds = span.seconds.count();
  seconds += (std::int64_t{span.months} / 12 * 365 + std::int64_t{span.months} % 12 * 30) * kDay;
  const auto units = static_cast<std::uint64_t>(-seconds * kUnitsPerSecond);
  Buffer octets;
  for (int i = 0; i < 8; ++i) octets.push_back(static_cast<std::uint8_t>(units >> (8 * i)));
  return to_hex(octets);
}

Result<Span> parse_period(std::string_view hex) {
  const auto octets = from_hex(hex);
  if (!octets || octets->size() != 8) return make_error(Errc::malformed, "'{}' is not 8 octets in hex", hex);
  std::uint64_t units = 0;
  for (std::size_t i = 8; i-- > 0;) units = units << 8 | (*octets)[i];
  const auto value = static_cast<std::int64_t>(units);
  if (value >= 0 || value < -kUnitsPerSecond * kDay * 365 * 1000)
    return make_error(Errc::malformed, "'{}' is no span of time", hex);
  const std::int64_t seconds = -value / kUnitsPerSecond;
  if (seconds % (365 * kDay) == 0) return Span{static_cast<int>(seconds / (365 * kDay) * 12), {}};
  return Span{0, std::chrono::seconds(seconds)};
}

// --- Key usage (MS-CRTD 2.13): bit 0 of RFC 5280 is the highest bit of the first octet.

std::string format_usage(std::uint16_t usage) {
  Buffer octets(2, 0);
  for (unsigned i = 0; i < 9; ++i)
    if (usage & (1u << i)) octets[i / 8] = static_cast<std::uint8_t>(octets[i / 8] | (0x80u >> (i % 8)));
  return to_hex(octets);
}
Result<std::uint16_t> parse_usage(std::string_view hex) {
  const auto octets = from_hex(hex);
  if (!octets || octets->empty() || octets->size() > 2)
    return make_error(Errc::malformed, "'{}' is not one or two octets in hex", hex);
  std::uint16_t usage = 0;
  for (unsigned i = 0; i < 9 && i / 8 < octets->size(); ++i)
    if ((*octets)[i / 8] & (0x80u >> (i % 8))) usage = static_cast<std::uint16_t>(usage | (1u << i));
  return usage;
}

// --- Key types: their names among the properties (2.23.2), and sizes.

struct KeyName {
  crypto::KeyType type;
  std::string_view signs, agrees;
  std::uint32_t bits;
};
constexpr KeyName kKeyNames[] = {{crypto::KeyType::p256, "ECDSA_P256", "ECDH_P256", 256},
                                 {crypto::KeyType::p384, "ECDSA_P384", "ECDH_P384", 384},
                                 {crypto::KeyType::p521, "ECDSA_P521", "ECDH_P521", 521}};

// Whether msPKI-RA-Application-Policies is a list of properties rather than of OIDs (2.23).
bool has_properties(const T& t) {
  return t.schema_version == 3 || (t.schema_version == 4 && !t.client.legacy_provider);
}

std::string properties_of(const T& t) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view value) {
    out += fmt::format("{}`{}`{}`", name, type, value);
  };
  if (!t.signatures.application_policies.empty()) {
    std::string list;
    for (const Oid& oid : t.signatures.application_policies)
      list += fmt::format("{}{}", list.empty() ? "" : ",", oid.dotted());
    add("msPKI-RA-Application-Policies", "PZPWSTR", list);
  }
  std::string_view algorithm = "RSA";
  if (!t.key.types.empty())
    for (const KeyName& name : kKeyNames)
      if (t.key.types.front() == name.type)
        algorithm = t.key_usage & x509::key_agreement ? name.agrees : name.signs;
  add("msPKI-Asymmetric-Algorithm", "PZPWSTR", algorithm);
  add("msPKI-Hash-Algorithm", "PZPWSTR", "SHA256");
  add("msPKI-Key-Usage", "DWORD",
      t.purpose == Purpose::signature    ? "2"
      : t.purpose == Purpose::encryption ? "1"
                                         : "16777215");
  return out;
}

Result<std::vector<Oid>> parse_oids(const std::vector<std::string>& texts) {
  std::vector<Oid> oids;
  for (const std::string& text : texts) oids.push_back(TRY(Oid::parse(text)));
  return oids;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Status take_properties(std::string_view text, T& t) {
  if (text.size() > 16384) return make_error(Errc::limit_exceeded, "longer than 16384 characters");
  const std::vector<std::string> parts = split(text, '`');
  if (parts.size() % 3 != 0) return make_error(Errc::malformed, "not a list of name`type`value`");
  for (std::size_t i = 0; i < parts.size(); i += 3) {
    const std::string &name = parts[i], &value = parts[i + 2];
    if (name == "msPKI-RA-Application-Policies") {
      t.signatures.application_policies = TRY(parse_oids(split(value, ',')));
    } else if (name == "msPKI-Asymmetric-Algorithm") {
      if (value == "RSA") continue;
      const auto* known = std::ranges::find_if(
          kKeyNames, [&](const KeyName& k) { return k.signs == value || k.agrees == value; });
      if (known == std::end(kKeyNames))
        return make_error(Errc::unsupported, "keys of algorithm '{}' are not issued for here", value);
      t.key.types = {known->type};
    }
  }
  return ok();
}

// --- The attributes

class AttributeWriter {
 public:
  void text(std::string_view name, std::string value) { list(name, {std::move(value)}); }
  void number(std::string_view name, std::int64_t value) { text(name, fmt::format("{}", value)); }
  // LDAP's integers have a sign.
  void flags(std::string_view name, std::uint32_t value) { number(name, static_cast<std::int32_t>(value)); }
  void list(std::string_view name, std::vector<std::string> values) {
    if (!values.empty()) attributes_.push_back({std::string(name), std::move(values)});
  }
  void oids(std::string_view name, const std::vector<Oid>& oids) {
    std::vector<std::string> values;
    for (const Oid& oid : oids) values.push_back(oid.dotted());
    list(name, std::move(values));
  }
  std::vector<DirectoryAttribute> take() && { return std::move(attributes_); }

 private:
  std::vector<DirectoryAttribute> attributes_;
};

std::vector<std::string> critical_extensions(const T& t) {
  std::vector<std::string> out;
  if (t.key_usage_critical || t.ca) out.push_back(x509::oid::kKeyUsage.dotted());
  if (t.ca) out.push_back(x509::oid::kBasicConstraints.dotted());
  if (t.san.critical) out.push_back(x509::oid::kSubjectAltName.dotted());
  if (t.extended_key_usage_critical) out.push_back(x509::oid::kExtendedKeyUsage.dotted());
  if (t.issuance.critical) out.push_back(x509::oid::kCertificatePolicies.dotted());
  return out;
}

std::uint32_t key_size(const T& t) {
  if (!t.key.types.empty())
    for (const KeyName& name : kKeyNames)
      if (t.key.types.front() == name.type) return name.bits;
  return static_cast<std::uint32_t>(t.key.minimum_rsa_bits);
}

class AttributeReader {
 public:
  explicit AttributeReader(const std::vector<DirectoryAttribute>& attributes) : attributes_(attributes) {}

  const std::vector<std::string>& list(std::string_view name) const {
    static const std::vector<std::string> kNone;
    for (const DirectoryAttribute& attribute : attributes_)
      if (same_name(attribute.name, name)) return attribute.values;
    return kNone;
  }
  std::string text(std::string_view name) const {
    const auto& values = list(name);
    return values.empty() ? std::string() : values.front();
  }
  Result<std::uint32_t> number(std::string_view name, std::uint32_t fallback) const {
    const auto& values = list(name);
    if (values.empty()) return fallback;
    std::int64_t value = 0;
    const std::string& digits = values.front();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() ||
        value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::uint32_t>::max())
      return make_error(Errc::malformed, "'{}' is no number of 32 bits", digits);
    return static_cast<std::uint32_t>(value);
  }

 private:
  // Attribute names know no case (RFC 4512 1.4).
  static bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
  }
  const std::vector<DirectoryAttribute>& attributes_;
};

Status take_policies(const AttributeReader& in, T& t) {
  for (const Oid& oid :
       TRY(parse_oids(in.list("msPKI-Certificate-Policy")).context("reading msPKI-Certificate-Policy")))
    t.issuance.policies.push_back({oid, {}, {}});
  t.signatures.count = TRY(in.number("msPKI-RA-Signature", 0).context("reading msPKI-RA-Signature"));
  t.signatures.issuance_policies =
      TRY(parse_oids(in.list("msPKI-RA-Policies")).context("reading msPKI-RA-Policies"));
  constexpr std::string_view kRa = "msPKI-RA-Application-Policies";
  if (has_properties(t) && !in.list(kRa).empty())
    TRY(take_properties(in.text(kRa), t).context("reading {}", kRa));
  else
    t.signatures.application_policies = TRY(parse_oids(in.list(kRa)).context("reading {}", kRa));
  return ok();
}

Status take_flag_attributes(const AttributeReader& in, T& t) {
  const std::uint32_t general = TRY(in.number("flags", 0).context("reading flags"));
  const std::uint32_t enrollment =
      TRY(in.number("msPKI-Enrollment-Flag", 0).context("reading msPKI-Enrollment-Flag"));
  const std::uint32_t key =
      TRY(in.number("msPKI-Private-Key-Flag", 0).context("reading msPKI-Private-Key-Flag"));
  const std::uint32_t names =
      TRY(in.number("msPKI-Certificate-Name-Flag", 0).context("reading msPKI-Certificate-Name-Flag"));
  t.basic_constraints = false;
  t.directory.other_flags = take_flags(kGeneralFlags, general, t);
  // Without it, schema version 1 writes no name into certificates; the newer ones always write their OID.
  t.template_extension = t.schema_version != 1 || (general & kAddTemplateName) != 0;
  if (t.schema_version == 1) t.directory.other_flags &= ~kAddTemplateName;
  t.directory.other_enrollment_flags = take_flags(kEnrollmentFlags, enrollment, t);
  t.client.minimum_ca_version = (key & kCaVersionMask) >> 16;
  t.client.minimum_client_version = (key & kClientVersionMask) >> 24;
  t.directory.other_key_flags = take_flags(kKeyFlags, key & ~(kCaVersionMask | kClientVersionMask), t);
  take_name_flags(names, t);
  return ok();
}

}  // namespace

std::vector<DirectoryAttribute> to_attributes(const CertificateTemplate& t) {
  AttributeWriter out;
  out.text("cn", t.name);
  out.text("displayName", t.display_name);
  const bool adds_name = t.schema_version == 1 && t.template_extension;
  out.flags("flags",
            flags_of(kGeneralFlags, t) | t.directory.other_flags | (adds_name ? kAddTemplateName : 0));
  out.number("revision", t.major);
  out.number("pKIDefaultKeySpec", t.client.key_spec == KeySpecHint::signature ? 2 : 1);
  out.text("pKIKeyUsage", format_usage(t.key_usage));
  out.number("pKIMaxIssuingDepth", t.path_length ? std::int64_t{*t.path_length} : t.ca ? -1 : 0);
  out.list("pKICriticalExtensions", critical_extensions(t));
  out.text("pKIExpirationPeriod", format_period(t.validity));
  out.text("pKIOverlapPeriod", format_period(t.renewal_period));
  out.oids("pKIExtendedKeyUsage", t.extended_key_usage);
  std::vector<std::string> providers;
  for (const std::string& provider : t.client.providers)
    providers.push_back(fmt::format("{},{}", providers.size() + 1, provider));
  out.list("pKIDefaultCSPs", std::move(providers));
  out.number("msPKI-RA-Signature", t.signatures.count);
  out.flags("msPKI-Enrollment-Flag", flags_of(kEnrollmentFlags, t) | t.directory.other_enrollment_flags);
  out.flags("msPKI-Private-Key-Flag", flags_of(kKeyFlags, t) | t.client.minimum_ca_version << 16 |
                                          t.client.minimum_client_version << 24 |
                                          t.directory.other_key_flags);
  out.flags("msPKI-Certificate-Name-Flag", name_flags(t));
  out.number("msPKI-Minimal-Key-Size", key_size(t));
  out.number("msPKI-Template-Schema-Version", t.schema_version);
  out.number("msPKI-Template-Minor-Revision", t.minor);
  if (!t.oid.empty()) out.text("msPKI-Cert-Template-OID", t.oid.dotted());
  out.list("msPKI-Supersede-Templates", t.supersedes);
  out.oids("msPKI-RA-Policies", t.signatures.issuance_policies);
  if (has_properties(t))
    out.text("msPKI-RA-Application-Policies", properties_of(t));
  else
    out.oids("msPKI-RA-Application-Policies", t.signatures.application_policies);
  std::vector<Oid> policies;
  for (const IssuancePolicy& policy : t.issuance.policies) policies.push_back(policy.oid);
  out.oids("msPKI-Certificate-Policy", policies);
  if (t.schema_version >= 2 && t.application_policies)
    out.oids("msPKI-Certificate-Application-Policy", t.extended_key_usage);
  return std::move(out).take();
}

Result<CertificateTemplate> from_attributes(const std::vector<DirectoryAttribute>& attributes) {
  const AttributeReader in(attributes);
  CertificateTemplate t;
  t.name = in.text("cn");
  if (t.name.empty()) return make_error(Errc::malformed, "a template without cn");
  t.display_name = in.text("displayName").empty() ? t.name : in.text("displayName");
  const auto number = [&](std::string_view name, std::uint32_t fallback) {
    return in.number(name, fallback).context("reading {} of template {}", name, t.name);
  };
  t.schema_version = TRY(number("msPKI-Template-Schema-Version", 1));
  t.major = TRY(number("revision", 0));
  t.minor = TRY(number("msPKI-Template-Minor-Revision", 0));
  if (const std::string oid = in.text("msPKI-Cert-Template-OID"); !oid.empty())
    t.oid = TRY(Oid::parse(oid).context("reading msPKI-Cert-Template-OID of template {}", t.name));
  TRY(take_flag_attributes(in, t).context("reading template {}", t.name));

  t.key.types = {crypto::KeyType::rsa};
  TRY(take_policies(in, t).context("reading template {}", t.name));
  // Microsoft's oldest templates say 512 or 1024; ours say no less than 2048.
  t.key.minimum_rsa_bits = 2048;
  if (t.key.types.front() == crypto::KeyType::rsa)
    t.key.minimum_rsa_bits = std::max(2048u, TRY(number("msPKI-Minimal-Key-Size", 2048)));
  t.client.key_spec =
      TRY(number("pKIDefaultKeySpec", 1)) == 2 ? KeySpecHint::signature : KeySpecHint::exchange;
  for (const std::string& provider : in.list("pKIDefaultCSPs")) {
    const std::size_t comma = provider.find(',');
    t.client.providers.push_back(comma == std::string::npos ? provider : provider.substr(comma + 1));
  }
  if (const std::string usage = in.text("pKIKeyUsage"); !usage.empty())
    t.key_usage = TRY(parse_usage(usage).context("reading pKIKeyUsage of template {}", t.name));
  const bool encrypts =
      t.key_usage & (x509::key_encipherment | x509::data_encipherment | x509::key_agreement);
  const bool signs = t.key_usage & ~(x509::key_encipherment | x509::data_encipherment | x509::key_agreement);
  t.purpose = encrypts && signs ? Purpose::signature_and_encryption
              : encrypts        ? Purpose::encryption
                                : Purpose::signature;
  if (t.ca)
    if (const std::uint32_t depth = TRY(number("pKIMaxIssuingDepth", 0xffffffff)); depth <= 0x7fffffff)
      t.path_length = depth;
  const auto critical = TRY(parse_oids(in.list("pKICriticalExtensions"))
                                .context("reading pKICriticalExtensions of template {}", t.name));
  t.key_usage_critical = contains(critical, x509::oid::kKeyUsage);
  t.san.critical = contains(critical, x509::oid::kSubjectAltName);
  t.extended_key_usage_critical = contains(critical, x509::oid::kExtendedKeyUsage);
  t.issuance.critical = contains(critical, x509::oid::kCertificatePolicies);
  t.validity = TRY(parse_period(in.text("pKIExpirationPeriod"))
                       .context("reading pKIExpirationPeriod of template {}", t.name));
  t.renewal_period = TRY(
      parse_period(in.text("pKIOverlapPeriod")).context("reading pKIOverlapPeriod of template {}", t.name));
  // Application policies and purposes are one here; where a directory names both, both are meant (2.25).
  t.extended_key_usage = TRY(parse_oids(in.list("pKIExtendedKeyUsage"))
                                 .context("reading pKIExtendedKeyUsage of template {}", t.name));
  for (const Oid& oid :
       TRY(parse_oids(in.list("msPKI-Certificate-Application-Policy"))
               .context("reading msPKI-Certificate-Application-Policy of template {}", t.name)))
    if (!contains(t.extended_key_usage, oid)) t.extended_key_usage.push_back(oid);
  t.application_policies = t.schema_version >= 2;
  t.supersedes = in.list("msPKI-Supersede-Templates");
  return t;
}

}  // namespace vouch::policy
