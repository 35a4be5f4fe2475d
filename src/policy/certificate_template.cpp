// Templates as TOML and as tables: one row per member, used for reading, writing and single settings alike.

#include "policy/certificate_template.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.hpp"

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

template <class E>
struct Word {
  E value;
  std::string_view text;
};
constexpr Word<Purpose> kPurposes[] = {{Purpose::signature, "signature"},
                                       {Purpose::encryption, "encryption"},
                                       {Purpose::signature_and_encryption, "signature_and_encryption"}};
constexpr Word<NameSource> kNameSources[] = {
    {NameSource::request, "request"}, {NameSource::fixed, "fixed"}, {NameSource::none, "none"}};
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
constexpr std::span<const Word<Validity>> words(Validity) { return kBeyondCa; }
constexpr std::span<const Word<SanType>> words(SanType) { return kSanTypes; }
constexpr std::span<const Word<crypto::KeyType>> words(crypto::KeyType) { return kKeyTypes; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

template <class E>
  requires std::is_enum_v<E>
Status read(const Value& value, E& out) {
  std::string known;
  for (const Word<E>& word : words(E{})) {
    if (value.text() && same_word(*value.text(), word.text)) {
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
    field<&T::subject, &SubjectRule::source>("subject", "source", kText),
    field<&T::subject, &SubjectRule::fixed>("subject", "fixed", kText),
    field<&T::subject, &SubjectRule::allowed>("subject", "allowed"),
    field<&T::subject, &SubjectRule::required>("subject", "required"),
    field<&T::subject, &SubjectRule::may_be_empty>("subject", "may_be_empty"),
    field<&T::san, &SanRule::source>("san", "source", kText),
    field<&T::san, &SanRule::allowed>("san", "allowed"),
    field<&T::san, &SanRule::required>("san", "required"),
    field<&T::san, &SanRule::fixed>("san", "fixed"),
    field<&T::san, &SanRule::dns_from_common_name>("san", "dns_from_common_name"),
    field<&T::key, &KeyRule::types>("key", "types"),
    field<&T::key, &KeyRule::minimum_rsa_bits>("key", "minimum_rsa_bits"),
};
constexpr std::array<std::string_view, 3> kTables{"subject", "san", "key"};

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
