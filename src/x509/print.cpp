#include "x509/print.hpp"

#include <algorithm>

#include "x509/extension_text.hpp"

namespace vouch::x509 {
namespace {

std::string name_text(Bytes name_der) {
  const auto text = to_rfc4514(name_der);
  return text ? printable_text(*text) : "#" + to_hex(name_der);
}

std::string algorithm_text(const AlgorithmIdentifier& identifier) {
  const auto known = parse_signature_algorithm(identifier);
  return known ? std::string(to_string(*known)) : describe(identifier.algorithm);
}

// SubjectPublicKeyInfo's algorithm, for keys that parse_public_key_info does not know.
std::string key_algorithm_text(Bytes spki) {
  asn1::Reader reader(spki);
  auto info = reader.expect_sequence();
  if (!info) return "unknown";
  const auto algorithm = parse_algorithm_identifier(*info);
  return algorithm ? describe(algorithm->algorithm) : "unknown";
}

Value describe_public_key(Bytes spki) {
  Value out = Value::table();
  const auto key = parse_public_key_info(spki);
  if (!key) return out.set("algorithm", key_algorithm_text(spki)).set("bits", Value());
  out.set("algorithm", key->rsassa_pss ? "RSASSA-PSS" : to_string(key->type));
  return out.set("bits", static_cast<std::int64_t>(key->bits));
}

// Looks up extensions of one message by OID and takes their values, or nothing when they are absent or
// cannot be read: the extension's own table says why.
class Lookup {
 public:
  explicit Lookup(const std::vector<ExtensionView>& extensions) : extensions_(extensions) {}

  template <class Parse>
  auto read(const Oid& id, Parse&& parse) const -> std::optional<std::decay_t<decltype(*parse(Bytes()))>> {
    const ExtensionView* extension = find(extensions_, id);
    if (extension == nullptr) return std::nullopt;
    auto value = parse(extension->value);
    if (!value) return std::nullopt;
    return *std::move(value);
  }
  // All values in words.
  Value texts(const Oid& id) const {
    const ExtensionView* extension = find(extensions_, id);
    const auto values = extension ? extension_values(*extension) : Result<std::vector<std::string>>();
    return values ? list_of(*values) : Value::list();
  }
  // The first value in words, or null.
  Value text(const Oid& id) const {
    const Value values = texts(id);
    return values.list_items()->empty() ? Value() : values.list_items()->front();
  }

 private:
  const std::vector<ExtensionView>& extensions_;
};

// A key identifier without the rest of the extension.
Value authority_key_text(const Lookup& lookup) {
  const auto identifier = lookup.read(oid::kAuthorityKeyIdentifier, parse_authority_key_identifier);
  return identifier && identifier->key_identifier ? Value(to_hex(*identifier->key_identifier)) : Value();
}

Value purposes(const Lookup& lookup) {
  Value out = Value::list();
  if (const auto list = lookup.read(oid::kExtendedKeyUsage, parse_extended_key_usage))
    for (const Oid& purpose : *list) out.push(purpose.dotted());
  return out;
}

Value policies(const Lookup& lookup) {
  Value out = Value::list();
  if (const auto list = lookup.read(oid::kCertificatePolicies, parse_certificate_policies))
    for (const PolicyInformation& policy : *list) out.push(policy.policy.dotted());
  return out;
}

Value crl_urls(const Lookup& lookup) {
  Value out = Value::list();
  if (const auto points = lookup.read(oid::kCrlDistributionPoints, parse_distribution_points))
    for (const std::string& uri : uris_of(*points)) out.push(printable_text(uri));
  return out;
}

Value access_urls(const Lookup& lookup, const Oid& method) {
  Value out = Value::list();
  if (const auto list = lookup.read(oid::kAuthorityInfoAccess, parse_info_access))
    for (const AccessDescription& access : *list)
      if (access.method == method && access.location.type == GeneralNameType::uri)
        out.push(printable_text(as_text(access.location.value)));
  return out;
}

// What both a certificate and a request say about the subject.
void add_subject_members(Value& out, const Lookup& lookup) {
  const auto constraints = lookup.read(oid::kBasicConstraints, parse_basic_constraints);
  const auto information = lookup.read(oid::kMsCertificateTemplate, parse_template_information);
  out.set("is_ca", constraints && constraints->ca);
  out.set("path_length",
          constraints && constraints->path_length ? Value(std::int64_t{*constraints->path_length}) : Value());
  out.set("key_usage", lookup.texts(oid::kKeyUsage));
  out.set("extended_key_usage", purposes(lookup));
  out.set("subject_alternative_names", lookup.texts(oid::kSubjectAltName));
  out.set("subject_key_identifier", lookup.text(oid::kSubjectKeyIdentifier));
  out.set("policies", policies(lookup));
  out.set("template_name", lookup.text(oid::kMsTemplateName));
  out.set("template_oid", information ? Value(information->id.dotted()) : Value());
  out.set("sid", lookup.text(oid::kMsNtdsCaSecurity));
}

Value describe_extensions(const std::vector<ExtensionView>& extensions) {
  Value out = Value::list();
  for (const ExtensionView& extension : extensions) out.push(describe_extension(extension));
  return out;
}

bool carries_extensions(const Oid& type) {
  return type == oid::kExtensionRequest || type == oid::kMsCertExtensions;
}

// The values of an attribute: texts as text, everything else as hex. Passwords and what is printed as an
// extension anyway give no values.
Value attribute_values(const RequestAttribute& attribute) {
  Value out = Value::list();
  if (attribute.type == oid::kChallengePassword || carries_extensions(attribute.type)) return out;
  asn1::Reader reader(attribute.values);
  while (!reader.at_end()) {
    const auto element = reader.next();
    if (!element) break;
    const auto text = string_to_utf8(element->tag, element->value);
    out.push(text ? printable_text(*text) : "#" + to_hex(element->whole));
  }
  return out;
}

Value describe_attributes(const std::vector<RequestAttribute>& attributes) {
  Value out = Value::list();
  for (const RequestAttribute& attribute : attributes) {
    const std::string_view name = name_of(attribute.type);
    Value item = Value::table();
    item.set("oid", attribute.type.dotted()).set("name", name.empty() ? Value() : Value(name));
    out.push(std::move(item.set("values", attribute_values(attribute))));
  }
  return out;
}

Result<Value> describe_entry(const CrlEntryView& entry) {
  const auto extensions =
      TRY(parse_crl_entry_extensions(entry.extensions_der)
              .context("reading the extensions of the CRL entry {}", serial_to_text(entry.serial)));
  Value issuer = Value::list();
  for (const GeneralName& name : extensions.certificate_issuer) issuer.push(printable_text(name.to_text()));
  Value out = Value::table();
  out.set("serial", serial_to_text(entry.serial)).set("revoked_at", format_time(entry.revoked_at));
  out.set("reason", extensions.reason ? Value(to_string(*extensions.reason)) : Value());
  out.set("invalid_since", time_or_null(extensions.invalidity_date));
  return out.set("certificate_issuer", std::move(issuer));
}

// ---- text ----

struct Label {
  std::string_view key, label;  // an empty label: not printed, the extensions say it
};

constexpr Label kLabels[] = {
    {"kind", ""},
    {"not_before", "Valid from"},
    {"not_after", "Valid until"},
    {"this_update", "This update"},
    {"next_update", "Next update"},
    {"public_key", "Public key"},
    {"signature_algorithm", "Signature algorithm"},
    {"fingerprint_sha256", "Fingerprint (SHA-256)"},
    {"fingerprint_sha1", "Fingerprint (SHA-1)"},
    {"has_challenge_password", "Challenge password"},
    {"entry_count", "Revoked certificates"},
    {"is_ca", ""},
    {"path_length", ""},
    {"key_usage", ""},
    {"extended_key_usage", ""},
    {"subject_alternative_names", ""},
    {"subject_key_identifier", ""},
    {"authority_key_identifier", ""},
    {"crl_urls", ""},
    {"ocsp_urls", ""},
    {"ca_issuer_urls", ""},
    {"policies", ""},
    {"template_name", ""},
    {"template_oid", ""},
    {"ca_version", ""},
    {"sid", ""},
    {"number", ""},
    {"delta_base", ""},
    {"next_publish", ""},
};

std::string label_of(std::string_view key) {
  if (const auto known = std::ranges::find(kLabels, key, &Label::key); known != std::end(kLabels))
    return std::string(known->label);
  std::string label(key);
  std::ranges::replace(label, '_', ' ');
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z')
    label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

std::string scalar_text(const Value& value) {
  if (const auto* text = value.text()) return *text;
  if (const auto* number = value.integer()) return fmt::format("{}", *number);
  if (const auto* real = value.real()) return fmt::format("{}", *real);
  if (const auto* flag = value.boolean()) return *flag ? "yes" : "no";
  return "";
}

// "Label: a, b", or one value a line when they are many, long, or hold a comma themselves.
void print_values(std::string& out, std::string_view indent, std::string_view label, const Value& values) {
  constexpr std::size_t kMaxLine = 100;
  std::size_t length = indent.size() + label.size();
  bool one_line = true;
  for (const Value& value : *values.list_items()) {
    const std::string text = scalar_text(value);
    length += text.size() + 2;
    if (values.list_items()->size() > 1 && text.find(',') != std::string::npos) one_line = false;
  }
  if (length > kMaxLine && values.list_items()->size() > 1) one_line = false;
  out += fmt::format("{}{}:", indent, label);
  for (std::size_t i = 0; const Value& value : *values.list_items()) {
    if (one_line)
      out += (i++ == 0 ? " " : ", ") + scalar_text(value);
    else
      out += fmt::format("\n{}  {}", indent, scalar_text(value));
  }
  out += '\n';
}

// Long values that nobody reads are cut here; the JSON has them whole.
Value shortened(const Value& values) {
  constexpr std::size_t kMaxText = 512;
  Value out = Value::list();
  for (const Value& value : *values.list_items()) {
    std::string text = scalar_text(value);
    if (text.starts_with('#') && text.size() > kMaxText)
      text = fmt::format("{}… ({} octets)", text.substr(0, 128), text.size() / 2);
    out.push(std::move(text));
  }
  return out;
}

void print_extension(std::string& out, std::string_view indent, const Value& extension) {
  const Value* critical = extension.find("critical");
  const bool is_critical = critical != nullptr && critical->boolean() != nullptr && *critical->boolean();
  const std::string label = text_member(extension, "label") + (is_critical ? " (critical)" : "");
  const std::string error = text_member(extension, "error");
  const Value* values = extension.find("values");
  if (!error.empty())
    out += fmt::format("{}{}: cannot be read: {}\n", indent, label, error);
  else if (values != nullptr && values->list_items() != nullptr)
    print_values(out, indent, label, shortened(*values));
}

// "kind, name (numbers): values".
void print_attribute(std::string& out, std::string_view indent, const Value& attribute) {
  const auto oid = Oid::parse(text_member(attribute, "oid"));
  const Value* values = attribute.find("values");
  if (!oid || values == nullptr || values->list_items() == nullptr) return;
  if (carries_extensions(*oid)) return;  // printed as extensions
  if (*oid == oid::kChallengePassword)
    out += fmt::format("{}{}: (not shown)\n", indent, describe(*oid));
  else
    print_values(out, indent, describe(*oid), shortened(*values));
}

// "0a1b  2026-11-23T10:00:00Z  keyCompromise"
void print_entry(std::string& out, std::string_view indent, const Value& entry) {
  out += fmt::format("{}{}  {}", indent, text_member(entry, "serial"), text_member(entry, "revoked_at"));
  if (const auto reason = text_member(entry, "reason"); !reason.empty()) out += fmt::format("  {}", reason);
  if (const auto since = text_member(entry, "invalid_since"); !since.empty())
    out += fmt::format("  invalid since {}", since);
  if (const Value* issuers = entry.find("certificate_issuer");
      issuers != nullptr && issuers->list_items() != nullptr)
    for (const Value& issuer : *issuers->list_items())
      out += fmt::format("  issued by {}", scalar_text(issuer));
  out += '\n';
}

void print_public_key(std::string& out, std::string_view indent, const Value& key) {
  const Value* bits = key.find("bits");
  out += fmt::format("{}Public key: {}", indent, text_member(key, "algorithm"));
  if (bits != nullptr && bits->integer() != nullptr) out += fmt::format(", {} bits", *bits->integer());
  out += '\n';
}

void print_list(std::string& out, const std::string& indent, std::string_view key, const Value& value,
                const Value& parent) {
  const std::string inner = indent + "  ";
  const Value::List& items = *value.list_items();
  if (key == "extensions") {
    for (const Value& item : items) print_extension(out, indent, item);
  } else if (key == "attributes") {
    for (const Value& item : items) print_attribute(out, indent, item);
  } else if (key == "entries") {
    for (const Value& item : items) print_entry(out, inner, item);
    const Value* count = parent.find("entry_count");
    if (count != nullptr && count->integer() != nullptr && std::cmp_less(items.size(), *count->integer()))
      out += fmt::format("{}… and {} more\n", inner,
                         *count->integer() - static_cast<std::int64_t>(items.size()));
  } else if (!items.empty()) {
    print_values(out, indent, label_of(key), value);
  }
}

void print_table(std::string& out, const std::string& indent, const Value& table) {
  for (const auto& [key, value] : *table.members()) {
    const std::string label = label_of(key);
    if (label.empty() || value.is_null()) continue;
    if (key == "public_key" && value.members() != nullptr) {
      print_public_key(out, indent, value);
    } else if (value.members() != nullptr) {
      out += fmt::format("{}{}:\n", indent, label);
      print_table(out, indent + "  ", value);
    } else if (value.list_items() != nullptr) {
      print_list(out, indent, key, value, table);
    } else if (key == "has_challenge_password") {
      if (value.boolean() != nullptr && !*value.boolean()) out += indent + "Challenge password: none\n";
    } else {
      out += fmt::format("{}{}: {}\n", indent, label, scalar_text(value));
    }
  }
}

}  // namespace

Value describe_extension(const ExtensionView& extension) {
  const std::string_view name = name_of(extension.id);
  const auto values = extension_values(extension);
  Value out = Value::table();
  out.set("oid", extension.id.dotted()).set("name", name.empty() ? Value() : Value(name));
  out.set("label", extension_label(extension.id)).set("critical", extension.critical);
  out.set("values", values ? list_of(*values) : Value::list());
  out.set("error", values ? Value() : Value(printable_text(values.error().summary())));
  return out.set("der", to_hex(extension.value));
}

Value describe_certificate(const CertificateView& certificate) {
  const Lookup lookup(certificate.extensions);
  Value out = Value::table();
  out.set("kind", "certificate").set("version", static_cast<std::int64_t>(certificate.version));
  out.set("serial", serial_to_text(certificate.serial));
  out.set("subject", name_text(certificate.subject)).set("issuer", name_text(certificate.issuer));
  out.set("not_before", format_time(certificate.not_before))
      .set("not_after", format_time(certificate.not_after));
  out.set("public_key", describe_public_key(certificate.public_key_info));
  // A tbsCertificate has no outer algorithm; the inner one is what it will be.
  out.set("signature_algorithm", algorithm_text(certificate.tbs_signature));
  add_subject_members(out, lookup);
  out.set("authority_key_identifier", authority_key_text(lookup));
  out.set("crl_urls", crl_urls(lookup));
  out.set("ocsp_urls", access_urls(lookup, oid::kAdOcsp));
  out.set("ca_issuer_urls", access_urls(lookup, oid::kAdCaIssuers));
  out.set("ca_version", lookup.text(oid::kMsCaVersion));
  return out.set("extensions", describe_extensions(certificate.extensions));
}

Value describe_request(const RequestView& request) {
  const Lookup lookup(request.extensions);
  Value out = Value::table();
  out.set("kind", "request").set("version", request.version);
  out.set("subject", name_text(request.subject));
  out.set("public_key", describe_public_key(request.public_key_info));
  out.set("signature_algorithm", algorithm_text(request.signature_algorithm));
  out.set("has_challenge_password", request.attribute(oid::kChallengePassword) != nullptr);
  add_subject_members(out, lookup);
  out.set("attributes", describe_attributes(request.attributes));
  return out.set("extensions", describe_extensions(request.extensions));
}

Result<Value> describe_crl(const CrlView& crl, std::size_t max_entries) {
  const Lookup lookup(crl.extensions);
  Value out = Value::table();
  out.set("kind", "crl").set("version", static_cast<std::int64_t>(crl.version));
  out.set("issuer", name_text(crl.issuer));
  out.set("this_update", format_time(crl.this_update)).set("next_update", time_or_null(crl.next_update));
  out.set("signature_algorithm", algorithm_text(crl.signature_algorithm));
  out.set("number", lookup.text(oid::kCrlNumber)).set("delta_base", lookup.text(oid::kDeltaCrlIndicator));
  out.set("authority_key_identifier", authority_key_text(lookup));
  out.set("next_publish", lookup.text(oid::kMsNextPublish)).set("ca_version", lookup.text(oid::kMsCaVersion));
  out.set("extensions", describe_extensions(crl.extensions));

  Value entries = Value::list();
  std::int64_t count = 0;
  for (CrlEntryReader reader(crl.entries); !reader.at_end(); ++count) {
    const CrlEntryView entry = TRY(reader.next());
    if (std::cmp_less(count, max_entries)) entries.push(TRY(describe_entry(entry)));
  }
  out.set("entry_count", count);
  out.set("entries", std::move(entries));
  return out;
}

std::string to_text(const Value& description) {
  std::string out;
  if (description.members() != nullptr) print_table(out, "", description);
  return out;
}

}  // namespace vouch::x509
