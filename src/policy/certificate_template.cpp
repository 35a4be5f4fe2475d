// Templates as TOML and as tables: one row per member, used for reading, writing and single settings alike.

#include "policy/certificate_template.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.hpp"
#include "policy/name_syntax.hpp"

namespace vouch::policy {
namespace {

// --- One reader and one writer per type of member. A reader's error says what was expected; the caller adds
// the member and the line.

Error expected(std::string_view what, const Value& value) {
  return make_error(Errc::malformed, "expected {}, found {}", what, value.kind());
}

Status read(const Value& value, bool& out) {
  if (!value.boolean()) return expected("true or false", value);
  out = *value.boolean();
  return ok();
}
Value write(bool value) { return value; }

Status read(const Value& value, std::string& out) {
  if (!value.text()) return expected("text", value);
  out = *value.text();
  return ok();
}
Value write(const std::string& value) { return value; }

Status read(const Value& value, std::uint32_t& out) {
  const std::int64_t* number = value.integer();
  if (number == nullptr || *number < 0 || *number > std::numeric_limits<std::int32_t>::max())
    return expected("a whole number from 0 to 2147483647", value);
  out = static_cast<std::uint32_t>(*number);
  return ok();
}
Value write(std::uint32_t value) { return std::int64_t{value}; }

Status read(const Value& value, std::size_t& out) {
  std::uint32_t number = 0;
  TRY(read(value, number));
  out = number;
  return ok();
}
Value write(std::size_t value) { return static_cast<std::int64_t>(value); }

Status read(const Value& value, std::optional<std::uint32_t>& out) {
  std::uint32_t number = 0;
  TRY(read(value, number));
  out = number;
  return ok();
}
Value write(const std::optional<std::uint32_t>& value) { return value ? write(*value) : Value(); }

Status read(const Value& value, Span& out) {
  if (!value.text()) return expected("a span of time such as \"90d\"", value);
  out = TRY(parse_span(*value.text()));
  return ok();
}
Value write(Span value) { return format_span(value); }

Status read(const Value& value, x509::Oid& out) {
  if (!value.text()) return expected("an object identifier as text", value);
  out = TRY(x509::oid_from_name(*value.text()));
  return ok();
}
std::string text_of(const x509::Oid& oid) {
  const std::string_view name = x509::name_of(oid);
  return name.empty() ? oid.dotted() : std::string(name);
}
Value write(const x509::Oid& value) { return value.empty() ? Value() : Value(text_of(value)); }

// "1.2.3.4 cps=URI notice=text": the notice goes to the end, so that it may hold anything.
Status read(const Value& value, IssuancePolicy& out) {
  constexpr std::string_view kCps = " cps=", kNotice = " notice=";
  if (!value.text()) return expected("an issuance policy such as \"1.2.3.4 cps=https://example.com\"", value);
  std::string_view text = *value.text();
  out = {};
  if (const std::size_t at = text.find(kNotice); at != std::string_view::npos) {
    out.notice = text.substr(at + kNotice.size());
    if (auto fine = x509::user_notice(out.notice); !fine || out.notice.empty())
      return make_error(Errc::malformed, "the notice of policy '{}' is no text of 1 to 200 characters",
                        text.substr(0, at));
    text = text.substr(0, at);
  }
  if (const std::size_t at = text.find(kCps); at != std::string_view::npos) {
    out.cps = text.substr(at + kCps.size());
    if (const std::string_view fault = uri_fault(out.cps); !fault.empty())
      return make_error(Errc::malformed, "the cps of policy '{}' {}", text.substr(0, at), fault);
    text = text.substr(0, at);
  }
  out.oid = TRY(x509::oid_from_name(text));
  return ok();
}
Value write(const IssuancePolicy& value) {
  return fmt::format("{}{}{}{}{}", text_of(value.oid), value.cps.empty() ? "" : " cps=", value.cps,
                     value.notice.empty() ? "" : " notice=", value.notice);
}

template <class E>
struct Word {
  E value;
  std::string_view text;
};
constexpr Word<Purpose> kPurposes[] = {{Purpose::signature, "signature"},
                                       {Purpose::encryption, "encryption"},
                                       {Purpose::signature_and_encryption, "signature_and_encryption"}};
constexpr Word<NameSource> kNameSources[] = {{NameSource::request, "request"},
                                             {NameSource::fixed, "fixed"},
                                             {NameSource::none, "none"},
                                             {NameSource::directory, "directory"}};
constexpr Word<DirectorySubject> kDirectorySubjects[] = {{DirectorySubject::common_name, "common_name"},
                                                         {DirectorySubject::dns, "dns"},
                                                         {DirectorySubject::path, "path"}};
constexpr Word<DirectoryName> kDirectoryNames[] = {
    {DirectoryName::dns, "dns"}, {DirectoryName::upn, "upn"},   {DirectoryName::email, "email"},
    {DirectoryName::spn, "spn"}, {DirectoryName::guid, "guid"}, {DirectoryName::domain_dns, "domain_dns"}};
constexpr Word<KeySpecHint> kKeySpecHints[] = {{KeySpecHint::exchange, "exchange"},
                                               {KeySpecHint::signature, "signature"}};
constexpr Word<Validity> kBeyondCa[] = {{Validity::truncate, "truncate"}, {Validity::refuse, "refuse"}};
constexpr Word<SanType> kSanTypes[] = {{SanType::dns, "dns"},
                                       {SanType::ip, "ip"},
                                       {SanType::email, "email"},
                                       {SanType::uri, "uri"},
                                       {SanType::upn, "upn"},
                                       {SanType::pkinit, "pkinit"},
                                       {SanType::directory_name, "directory_name"},
                                       {SanType::other, "other"}};
constexpr Word<crypto::KeyType> kKeyTypes[] = {{crypto::KeyType::rsa, "rsa"},
                                               {crypto::KeyType::p256, "P-256"},
                                               {crypto::KeyType::p384, "P-384"},
                                               {crypto::KeyType::p521, "P-521"},
                                               {crypto::KeyType::ed25519, "ed25519"}};
constexpr std::span<const Word<Purpose>> words(Purpose) { return kPurposes; }
constexpr std::span<const Word<NameSource>> words(NameSource) { return kNameSources; }
constexpr std::span<const Word<DirectorySubject>> words(DirectorySubject) { return kDirectorySubjects; }
constexpr std::span<const Word<DirectoryName>> words(DirectoryName) { return kDirectoryNames; }
constexpr std::span<const Word<KeySpecHint>> words(KeySpecHint) { return kKeySpecHints; }
constexpr std::span<const Word<Validity>> words(Validity) { return kBeyondCa; }
constexpr std::span<const Word<SanType>> words(SanType) { return kSanTypes; }
constexpr std::span<const Word<crypto::KeyType>> words(crypto::KeyType) { return kKeyTypes; }

template <class E>
  requires std::is_enum_v<E>
Status read(const Value& value, E& out) {
  std::string known;
  for (const Word<E>& word : words(E{})) {
    if (value.text() && equal_ignoring_case(*value.text(), word.text)) {
      out = word.value;
      return ok();
    }
    known += known.empty() ? "" : ", ";
    known += word.text;
  }
  if (!value.text()) return expected("one of " + known, value);
  return make_error(Errc::malformed, "'{}' is not one of {}", *value.text(), known);
}
template <class E>
  requires std::is_enum_v<E>
Value write(E value) {
  for (const Word<E>& word : words(E{}))
    if (word.value == value) return word.text;
  return Value();
}

template <class T>
Status read(const Value& value, std::vector<T>& out) {
  if (!value.list_items()) return expected("a list", value);
  std::vector<T> list;
  for (const Value& item : *value.list_items()) {
    T element{};
    TRY(read(item, element));
    if (std::ranges::count(list, element) != 0)
      return make_error(Errc::malformed, "the list names something twice");
    list.push_back(std::move(element));
  }
  out = std::move(list);
  return ok();
}
template <class T>
Value write(const std::vector<T>& value) {
  Value list = Value::list();
  for (const T& item : value) list.push(write(item));
  return list;
}

// Key usage: the only 16-bit number.
Status read(const Value& value, std::uint16_t& out) {
  if (!value.list_items()) return expected("a list of key usages", value);
  std::uint16_t usage = 0;
  for (const Value& item : *value.list_items()) {
    if (!item.text()) return expected("the name of a key usage", item);
    usage = static_cast<std::uint16_t>(usage | TRY(x509::key_usage_from_name(*item.text())));
  }
  out = usage;
  return ok();
}
Value write(std::uint16_t value) {
  Value list = Value::list();
  for (const std::string_view name : x509::key_usage_names(value)) list.push(name);
  return list;
}

// --- The members, in the order they are written.

struct Field {
  std::string_view table, name;  // table is empty for members at the top
  Status (*read)(const Value&, CertificateTemplate&);
  Value (*write)(const CertificateTemplate&);
  bool is_text;  // `template set` takes its value without quotes
};

template <auto Member>
constexpr Field field(std::string_view name, bool is_text = false) {
  return {"", name,
          [](const Value& value, CertificateTemplate& out) -> Status { return read(value, out.*Member); },
          [](const CertificateTemplate& in) -> Value { return write(in.*Member); }, is_text};
}
template <auto Table, auto Member>
constexpr Field field(std::string_view table, std::string_view name, bool is_text = false) {
  return {table, name,
          [](const Value& value, CertificateTemplate& out) -> Status {
            return read(value, (out.*Table).*Member);
          },
          [](const CertificateTemplate& in) -> Value { return write((in.*Table).*Member); }, is_text};
}

using T = CertificateTemplate;
constexpr bool kText = true;
constexpr Field kFields[] = {
    field<&T::name>("name", kText),
    field<&T::display_name>("display_name", kText),
    field<&T::description>("description", kText),
    field<&T::oid>("oid", kText),
    field<&T::schema_version>("schema_version"),
    field<&T::major>("major"),
    field<&T::minor>("minor"),
    field<&T::purpose>("purpose", kText),
    field<&T::machine>("machine"),
    field<&T::ca>("ca"),
    field<&T::path_length>("path_length"),
    field<&T::validity>("validity", kText),
    field<&T::renewal_period>("renewal_period", kText),
    field<&T::beyond_ca>("beyond_ca", kText),
    field<&T::approval>("approval"),
    field<&T::key_usage>("key_usage"),
    field<&T::key_usage_critical>("key_usage_critical"),
    field<&T::extended_key_usage>("extended_key_usage"),
    field<&T::extended_key_usage_critical>("extended_key_usage_critical"),
    field<&T::application_policies>("application_policies"),
    field<&T::ocsp_no_check>("ocsp_no_check"),
    field<&T::template_extension>("template_extension"),
    field<&T::key_reuse>("key_reuse"),
    field<&T::cross_ca>("cross_ca"),
    field<&T::basic_constraints>("basic_constraints"),
    field<&T::revocation_info>("revocation_info"),
    field<&T::security_extension>("security_extension"),
    field<&T::supersedes>("supersedes"),
    field<&T::subject, &SubjectRule::source>("subject", "source", kText),
    field<&T::subject, &SubjectRule::fixed>("subject", "fixed", kText),
    field<&T::subject, &SubjectRule::allowed>("subject", "allowed"),
    field<&T::subject, &SubjectRule::required>("subject", "required"),
    field<&T::subject, &SubjectRule::may_be_empty>("subject", "may_be_empty"),
    field<&T::subject, &SubjectRule::directory>("subject", "directory", kText),
    field<&T::subject, &SubjectRule::directory_email>("subject", "directory_email"),
    field<&T::san, &SanRule::source>("san", "source", kText),
    field<&T::san, &SanRule::allowed>("san", "allowed"),
    field<&T::san, &SanRule::required>("san", "required"),
    field<&T::san, &SanRule::fixed>("san", "fixed"),
    field<&T::san, &SanRule::dns_from_common_name>("san", "dns_from_common_name"),
    field<&T::san, &SanRule::directory>("san", "directory"),
    field<&T::san, &SanRule::critical>("san", "critical"),
    field<&T::key, &KeyRule::types>("key", "types"),
    field<&T::key, &KeyRule::minimum_rsa_bits>("key", "minimum_rsa_bits"),
    field<&T::key, &KeyRule::minimum_exponent>("key", "minimum_exponent"),
    field<&T::issuance, &IssuanceRule::policies>("issuance", "policies"),
    field<&T::issuance, &IssuanceRule::critical>("issuance", "critical"),
    field<&T::issuance, &IssuanceRule::from_request>("issuance", "from_request"),
    field<&T::signatures, &SignatureRule::count>("signatures", "count"),
    field<&T::signatures, &SignatureRule::application_policies>("signatures", "application_policies"),
    field<&T::signatures, &SignatureRule::issuance_policies>("signatures", "issuance_policies"),
    field<&T::enrollment, &EnrollmentRule::autoenroll>("enrollment", "autoenroll"),
    field<&T::enrollment, &EnrollmentRule::publish>("enrollment", "publish"),
    field<&T::enrollment, &EnrollmentRule::publish_recovery_agent>("enrollment", "publish_recovery_agent"),
    field<&T::enrollment, &EnrollmentRule::check_existing>("enrollment", "check_existing"),
    field<&T::enrollment, &EnrollmentRule::renew_without_approval>("enrollment", "renew_without_approval"),
    field<&T::enrollment, &EnrollmentRule::user_interaction>("enrollment", "user_interaction"),
    field<&T::enrollment, &EnrollmentRule::remove_invalid>("enrollment", "remove_invalid"),
    field<&T::enrollment, &EnrollmentRule::on_behalf_of>("enrollment", "on_behalf_of"),
    field<&T::enrollment, &EnrollmentRule::reuse_key_on_full_token>("enrollment", "reuse_key_on_full_token"),
    field<&T::enrollment, &EnrollmentRule::key_based_renewal>("enrollment", "key_based_renewal"),
    field<&T::enrollment, &EnrollmentRule::skip_autorenewal>("enrollment", "skip_autorenewal"),
    field<&T::enrollment, &EnrollmentRule::smime_capabilities>("enrollment", "smime_capabilities"),
    field<&T::enrollment, &EnrollmentRule::names_from_previous>("enrollment", "names_from_previous"),
    field<&T::client, &ClientRule::exportable>("client", "exportable"),
    field<&T::client, &ClientRule::strong_protection>("client", "strong_protection"),
    field<&T::client, &ClientRule::alternate_signature_algorithm>("client", "alternate_signature_algorithm"),
    field<&T::client, &ClientRule::same_key_renewal>("client", "same_key_renewal"),
    field<&T::client, &ClientRule::legacy_provider>("client", "legacy_provider"),
    field<&T::client, &ClientRule::archive_key>("client", "archive_key"),
    field<&T::client, &ClientRule::trust_endorsement_on_use>("client", "trust_endorsement_on_use"),
    field<&T::client, &ClientRule::validate_endorsement_certificate>("client",
                                                                     "validate_endorsement_certificate"),
    field<&T::client, &ClientRule::validate_endorsement_key>("client", "validate_endorsement_key"),
    field<&T::client, &ClientRule::attestation_preferred>("client", "attestation_preferred"),
    field<&T::client, &ClientRule::attestation_required>("client", "attestation_required"),
    field<&T::client, &ClientRule::attestation_without_policy>("client", "attestation_without_policy"),
    field<&T::client, &ClientRule::hello_logon_key>("client", "hello_logon_key"),
    field<&T::client, &ClientRule::minimum_ca_version>("client", "minimum_ca_version"),
    field<&T::client, &ClientRule::minimum_client_version>("client", "minimum_client_version"),
    field<&T::client, &ClientRule::key_spec>("client", "key_spec", kText),
    field<&T::client, &ClientRule::providers>("client", "providers"),
    field<&T::directory, &DirectoryBits::shipped>("directory", "shipped"),
    field<&T::directory, &DirectoryBits::modified>("directory", "modified"),
    field<&T::directory, &DirectoryBits::other_flags>("directory", "other_flags"),
    field<&T::directory, &DirectoryBits::other_name_flags>("directory", "other_name_flags"),
    field<&T::directory, &DirectoryBits::other_enrollment_flags>("directory", "other_enrollment_flags"),
    field<&T::directory, &DirectoryBits::other_key_flags>("directory", "other_key_flags"),
};
constexpr std::array<std::string_view, 8> kTables{"subject",    "san",        "key",    "issuance",
                                                  "signatures", "enrollment", "client", "directory"};

const Field* find_field(std::string_view table, std::string_view name) {
  const auto found =
      std::ranges::find_if(kFields, [&](const Field& f) { return f.table == table && f.name == name; });
  return found == std::end(kFields) ? nullptr : found;
}

std::string full_name(std::string_view table, std::string_view name) {
  return table.empty() ? std::string(name) : fmt::format("{}.{}", table, name);
}

// "unknown member 'validty'; did you mean 'validity'?"
Error unknown_member(std::string_view table, std::string_view name) {
  std::vector<std::string_view> candidates;
  for (const Field& f : kFields)
    if (f.table == table) candidates.push_back(f.name);
  if (table.empty()) candidates.insert(candidates.end(), kTables.begin(), kTables.end());
  Error error = make_error(Errc::malformed, "unknown member '{}'", full_name(table, name));
  const std::string_view near = nearest(name, candidates);
  if (!near.empty())
    return std::move(error).with_hint(fmt::format("did you mean '{}'?", full_name(table, near)));
  std::string known;
  for (const std::string_view candidate : candidates)
    known += fmt::format("{}{}", known.empty() ? "" : ", ", candidate);
  return std::move(error).with_hint("known here: " + known);
}

Status read_members(const Value& table, std::string_view table_name, std::string_view file,
                    CertificateTemplate& out) {
  for (const auto& [name, value] : *table.members()) {
    const bool is_table = table_name.empty() && std::ranges::count(kTables, name) != 0;
    if (is_table && value.members() != nullptr) {
      TRY(read_members(value, name, file, out));
      continue;
    }
    if (is_table)
      return expected("a table", value).context(fmt::format("reading {}:{}: {}", file, value.line(), name));
    const Field* f = find_field(table_name, name);
    if (f == nullptr)
      return unknown_member(table_name, name).context(fmt::format("reading {}:{}", file, value.line()));
    TRY(f->read(value, out).context("reading {}:{}: {}", file, value.line(), full_name(table_name, name)));
  }
  return ok();
}

// What a person typed behind "key=" as a Value: TOML, or text as it stands where text is wanted.
Result<Value> setting_value(const Field& f, std::string_view typed) {
  const std::string line = fmt::format("value = {}\n", typed);
  auto table = parse_toml(line, "the value");
  if (table && table->members()->size() == 1) {
    Value value = *table->find("value");
    if (!f.is_text || value.text()) return value;
  }
  if (f.is_text) return Value(typed);
  if (!table)
    return std::move(table.error())
        .with_hint("write true or false, a number, \"text\", or [\"a\", \"list\"]");
  return make_error(Errc::usage, "one value expected, found more");
}

}  // namespace

Result<CertificateTemplate> parse_template(std::string_view toml, std::string_view file) {
  const Value value = TRY(parse_toml(toml, file));
  CertificateTemplate out;
  TRY(read_members(value, "", file, out));
  if (out.display_name.empty()) out.display_name = out.name;
  TRY(check_template(out).context("checking {}", file));
  return out;
}

Value describe_template(const CertificateTemplate& value) {
  Value out = Value::table();
  for (const Field& f : kFields) {
    if (f.table.empty()) {
      out.set(std::string(f.name), f.write(value));
      continue;
    }
    const Value* known = out.find(f.table);
    Value table = known == nullptr ? Value::table() : *known;
    table.set(std::string(f.name), f.write(value));
    out.set(std::string(f.table), std::move(table));
  }
  return out;
}

std::string format_template(const CertificateTemplate& value) { return to_toml(describe_template(value)); }

Result<CertificateTemplate> with_unchecked_setting(const CertificateTemplate& value, std::string_view key,
                                                   std::string_view toml_value) {
  const std::size_t dot = key.find('.');
  const std::string_view table = dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
  const std::string_view name = dot == std::string_view::npos ? key : key.substr(dot + 1);
  if (!table.empty() && std::ranges::count(kTables, table) == 0) return unknown_member("", key);
  const Field* f = find_field(table, name);
  if (f == nullptr) return unknown_member(table, name);

  CertificateTemplate out = value;
  const bool is_removal = toml_value.empty() && name == "path_length";
  if (is_removal)
    out.path_length.reset();
  else
    TRY(f->read(TRY(setting_value(*f, toml_value).context("setting {}", key)), out)
            .context("setting {}", key));
  return out;
}

Result<CertificateTemplate> with_setting(const CertificateTemplate& value, std::string_view key,
                                         std::string_view toml_value) {
  auto out = TRY(with_unchecked_setting(value, key, toml_value));
  TRY(check_template(out).context("checking template {}", out.name));
  return out;
}

}  // namespace vouch::policy
