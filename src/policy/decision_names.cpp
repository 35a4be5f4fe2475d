// The rules about subject and subjectAltName.

#include <algorithm>

#include "base/text.hpp"
#include "policy/decider.hpp"
#include "policy/fixed_names.hpp"
#include "policy/name_syntax.hpp"
#include "policy/purposes.hpp"

namespace vouch::policy {
namespace {

using x509::GeneralName, x509::GeneralNameType;

// Without a template an approver sees every name, so all usual attribute types pass.
bool is_usual_type(const x509::Oid& type) {
  using namespace x509::oid;
  static constexpr std::array kUsual{kCommonName,
                                     kSurname,
                                     kSerialNumber,
                                     kCountry,
                                     kLocality,
                                     kState,
                                     kStreet,
                                     kTitle,
                                     kGivenName,
                                     kInitials,
                                     kOrganization,
                                     kOrganizationalUnit,
                                     kPseudonym,
                                     kDnQualifier,
                                     kUid,
                                     kDomainComponent,
                                     kEmailAddress,
                                     kUnstructuredName,
                                     kUnstructuredAddress,
                                     kOrganizationIdentifier,
                                     kGenerationQualifier};
  return std::ranges::find(kUsual, type) != kUsual.end();
}

SanType type_of(const GeneralName& name) {
  switch (name.type) {
    case GeneralNameType::dns_name:
      return SanType::dns;
    case GeneralNameType::ip_address:
      return SanType::ip;
    case GeneralNameType::rfc822_name:
      return SanType::email;
    case GeneralNameType::uri:
      return SanType::uri;
    case GeneralNameType::directory_name:
      return SanType::directory_name;
    case GeneralNameType::other_name:
      if (name.other_type == x509::oid::kMsUpn) return SanType::upn;
      if (name.other_type == x509::oid::kPkinitSan) return SanType::pkinit;
      return SanType::other;
    default:
      return SanType::other;
  }
}

std::string_view text_of(SanType type) {
  constexpr std::string_view kTexts[] = {
      "DNS names", "IP addresses",        "e-mail addresses", "URIs",
      "UPNs",      "Kerberos principals", "directory names",  "other names"};
  return kTexts[static_cast<std::size_t>(type)];
}

std::string list_of(const std::vector<SanType>& types) {
  std::string out;
  for (const SanType type : types) out += fmt::format("{}{}", out.empty() ? "" : ", ", text_of(type));
  return out.empty() ? "no alternative names" : out;
}
std::string attribute_list(const std::vector<x509::Oid>& types) {
  std::string out;
  for (const x509::Oid& type : types)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", x509::describe(type));
  return out.empty() ? "no attributes" : out;
}

// DER wants the attributes of one RDN sorted (X.690 11.6); requests do not always have them so.
void sort_attributes(x509::RelativeName& rdn) {
  std::ranges::sort(rdn, {}, [](const x509::NameAttribute& attribute) {
    asn1::Writer out;
    out.sequence([&] {
      out.oid(attribute.type);
      out.primitive(attribute.string_type, attribute.value);
    });
    return std::move(out).take();
  });
}

// Windows reads "tag:microsoft.com,2022-09-14:sid:S-1-…" in a URI as the SID extension by another road.
bool is_sid_uri(std::string_view uri) {
  constexpr std::string_view kPrefix = "tag:microsoft.com,";
  return uri.size() >= kPrefix.size() &&
         std::ranges::equal(uri.substr(0, kPrefix.size()), kPrefix, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

constexpr std::size_t kMostNames = 1000;

}  // namespace

std::string Decider::common_name() const {
  for (auto rdn = subject_.rdns.rbegin(); rdn != subject_.rdns.rend(); ++rdn)
    for (const x509::NameAttribute& attribute : *rdn)
      if (attribute.type == x509::oid::kCommonName)
        if (auto text = attribute.text()) return *std::move(text);
  return {};
}

bool Decider::check_names() {
  const NameSource subject = t_ == nullptr ? NameSource::request : t_->subject.source;
  const NameSource san = t_ == nullptr ? NameSource::request : t_->san.source;
  names_from_request_ = subject == NameSource::request || san == NameSource::request;
  switch (subject) {
    case NameSource::request:
      if (!take_subject()) return false;
      break;
    case NameSource::fixed:
      if (!fix_subject()) return false;
      break;
    case NameSource::none:
      decision_.plan.subject = {0x30, 0x00};
      break;
    case NameSource::directory:
      if (!build_subject()) return false;
      break;
  }
  switch (san) {
    case NameSource::request:
      if (!take_san()) return false;
      break;
    case NameSource::fixed:
      if (!fix_san()) return false;
      break;
    case NameSource::none:
      break;
    case NameSource::directory:
      if (!build_san()) return false;
      break;
  }
  if (san != NameSource::request && q_.request->find(x509::oid::kSubjectAltName) != nullptr)
    change("san.source",
           san == NameSource::none ? "no alternative names" : "the template's alternative names",
           "alternative names in the request");
  return check_required_names();
}

bool Decider::take_subject() {
  auto name = x509::parse_name(q_.request->subject);
  if (!name)
    return deny({"subject.form", "the subject cannot be read", "a distinguished name",
                 std::string(name.error().message()), "make the request again with a simpler subject"});
  bool changed = false;
  for (x509::RelativeName& rdn : name->rdns) {
    for (x509::NameAttribute& attribute : rdn)
      if (!take_attribute(attribute, changed)) return false;
    if (rdn.size() > 1) {
      const x509::RelativeName before = rdn;
      sort_attributes(rdn);
      changed |= before != rdn;
    }
  }
  if (changed) {
    change("subject.encoding", "values as UTF8String or PrintableString, in DER",
           "other string types or order");
    decision_.plan.subject = x509::encode_name(*name);
  } else {
    decision_.plan.subject = to_buffer(q_.request->subject);
  }
  subject_ = *std::move(name);
  pass("subject.type");
  return true;
}

// One attribute of the subject in the request: type, value, and a string type that RFC 5280 wants.
bool Decider::take_attribute(x509::NameAttribute& attribute, bool& changed) {
  const bool allowed =
      t_ == nullptr ? is_usual_type(attribute.type) : contains(t_->subject.allowed, attribute.type);
  if (!allowed)
    return deny({"subject.type", "the subject has an attribute that is not accepted",
                 t_ == nullptr ? "usual attribute types" : attribute_list(t_->subject.allowed),
                 x509::describe(attribute.type), "leave it out of the subject"});
  const auto text = attribute.text();
  const std::string_view fault =
      text ? attribute_fault(attribute.type, *text) : "has octets that do not belong to its string type";
  if (!fault.empty())
    return deny(
        {"subject.value", fmt::format("the subject's {} {}", x509::describe(attribute.type), fault),
         fmt::format("at most {} characters of text", upper_bound(attribute.type)),
         text ? fmt::format("'{}'", text->size() > 100 ? text->substr(0, 100) + "…" : *text)
              : "#" + to_hex(Bytes(attribute.value).first(std::min<std::size_t>(attribute.value.size(), 50))),
         "correct the subject"});
  x509::NameAttribute wanted = x509::make_attribute(attribute.type, *text);
  const bool fine =
      attribute.string_type == wanted.string_type ||
      (wanted.string_type == asn1::Tag::utf8_string && attribute.string_type == asn1::Tag::printable_string &&
       x509::is_printable_string(*text));
  if (fine) return true;
  if (wanted.string_type == asn1::Tag::utf8_string &&
      (attribute.type == x509::oid::kEmailAddress || attribute.type == x509::oid::kDomainComponent ||
       attribute.type == x509::oid::kSerialNumber || attribute.type == x509::oid::kDnQualifier))
    return deny(
        {"subject.value",
         fmt::format("the subject's {} has characters outside its type", x509::describe(attribute.type)),
         "plain ASCII", "'" + *text + "'",
         "write it in ASCII; international domain names in their xn-- form"});
  attribute = std::move(wanted);
  changed = true;
  return true;
}

bool Decider::fix_subject() {
  std::string name_in_request;
  if (uses_request(t_->subject.fixed)) {
    names_from_request_ = true;
    if (auto name = x509::parse_name(q_.request->subject)) subject_ = *std::move(name);
    name_in_request = common_name();
  }
  auto name = fixed_subject(t_->subject.fixed, Variables(q_.requester, name_in_request));
  if (!name)
    return deny({"subject.fixed", "the template's subject cannot be filled in", "'" + t_->subject.fixed + "'",
                 std::string(name.error().message()),
                 "ask with an account that has these names, or use another template"});
  for (const x509::RelativeName& rdn : name->rdns)
    for (const x509::NameAttribute& attribute : rdn) {
      const auto text = attribute.text();
      const std::string_view fault = text ? attribute_fault(attribute.type, *text) : "is no text";
      if (!fault.empty())
        return deny({"subject.fixed",
                     fmt::format("the subject's {} {}", x509::describe(attribute.type), fault),
                     "'" + t_->subject.fixed + "'", text ? "'" + *text + "'" : "",
                     "correct the template's subject.fixed"});
    }
  plan_subject(*std::move(name));
  return true;
}

// Another subject than the request's, where that has one, is worth a line.
void Decider::plan_subject(x509::Name name) {
  subject_ = std::move(name);
  decision_.plan.subject = x509::encode_name(subject_);
  if (decision_.plan.subject != to_buffer(q_.request->subject) && q_.request->subject.size() > 2)
    change("subject.source", x509::to_rfc4514(subject_),
           x509::to_rfc4514(q_.request->subject).value_or("another subject"));
  else
    pass("subject.source");
}

bool Decider::take_san() {
  const x509::ExtensionView* extension = q_.request->find(x509::oid::kSubjectAltName);
  if (extension == nullptr) return san_from_common_name();
  auto names = x509::parse_general_names(extension->value);
  if (!names || names->size() > kMostNames)
    return deny({"san.form", "the alternative names cannot be used",
                 fmt::format("1 to {} alternative names", kMostNames),
                 names ? fmt::format("{}", names->size()) : std::string(names.error().message()),
                 "correct subjectAltName in the request"});
  bool identity = false;
  for (const GeneralName& name : *names)
    if (!take_san_name(name, identity)) return false;
  san_ = *std::move(names);
  pass("san.type");
  if (identity) {
    identity_from_request_ = true;
    change("san.identity", "a logon name from the request, by the authority's override", "a logon name");
  }
  return true;
}

bool Decider::take_san_name(const GeneralName& name, bool& identity) {
  const SanType type = type_of(name);
  const bool is_identity = type == SanType::upn || type == SanType::pkinit;
  static const std::vector<SanType> kWithoutTemplate{SanType::dns, SanType::ip, SanType::email, SanType::uri,
                                                     SanType::directory_name};
  const std::vector<SanType>& allowed = t_ == nullptr ? kWithoutTemplate : t_->san.allowed;
  const bool listed = std::ranges::find(allowed, type) != allowed.end();
  // A logon name is computed from the account that asks, never copied (ESC1). A stand-alone authority knows
  // no accounts; its override lets a manager answer for the name.
  const bool overridden = !q_.authority.enterprise && q_.authority.override_logon_purposes;
  if (is_identity && !overridden)
    return deny({"san.identity", "logon names are never taken from a request",
                 "no UPN and no Kerberos principal", name.to_text(),
                 "leave it out; use a template that takes it from the account"});
  if (!listed && !(is_identity && t_ == nullptr))
    return deny({"san.type", "an alternative name is of a type that is not accepted", list_of(allowed),
                 name.to_text(), "leave it out of subjectAltName"});
  identity |= is_identity;
  return check_san_syntax(name, type);
}

bool Decider::check_san_syntax(const GeneralName& name, SanType type) {
  std::string_view fault;
  const std::string_view text = as_text(name.value);
  switch (type) {
    case SanType::dns:
      fault = dns_name_fault(text);
      break;
    case SanType::email:
      fault = email_fault(text);
      break;
    case SanType::uri:
      if (is_sid_uri(text))
        return deny({"san.sid", "a security identifier is never taken from a request", "no SID in a URI",
                     name.to_text(), "leave it out of subjectAltName"});
      fault = uri_fault(text);
      break;
    case SanType::upn: {
      const auto principal = name.as_upn();
      if (!principal || principal->find('@') == std::string::npos) fault = "is not of the form name@domain";
      break;
    }
    default:
      break;
  }
  if (fault.empty()) return true;
  return deny({"san.syntax", fmt::format("an alternative name {}", fault),
               fmt::format("well-formed {}", text_of(type)), name.to_text(),
               "correct subjectAltName in the request"});
}

// No alternative names in the request: clients ignore the CN (RFC 9525 section 2), so a CN that is a host
// name becomes one where the template says so, or where a server without a template is asked for.
bool Decider::san_from_common_name() {
  bool wanted = t_ != nullptr && t_->san.dns_from_common_name;
  if (t_ == nullptr)
    if (const auto* extension = q_.request->find(x509::oid::kExtendedKeyUsage))
      if (const auto purposes = x509::parse_extended_key_usage(extension->value))
        wanted = contains(*purposes, x509::oid::kServerAuth);
  if (!wanted) return true;
  const std::string name = common_name();
  if (name.find('.') != std::string::npos && dns_name_fault(name).empty())
    san_.push_back(GeneralName::dns(name));
  else if (auto address = GeneralName::ip(name);
           address && (t_ == nullptr || std::ranges::count(t_->san.allowed, SanType::ip) != 0))
    san_.push_back(*std::move(address));
  else
    return true;
  change("san.from_common_name", san_.back().to_text(), "no alternative names");
  return true;
}

bool Decider::fix_san() {
  std::string name_in_request;
  if (std::ranges::any_of(t_->san.fixed, uses_request)) {
    names_from_request_ = true;
    if (auto name = x509::parse_name(q_.request->subject)) {
      std::swap(subject_, *name);
      name_in_request = common_name();
      std::swap(subject_, *name);
    }
  }
  const Variables variables(q_.requester, name_in_request);
  for (const std::string& text : t_->san.fixed) {
    const bool is_identity = text.starts_with("UPN:") || text.starts_with("PKINIT:");
    if (is_identity && !domain_names_allowed()) {
      change("san.identity", "no logon name: this is a stand-alone CA", "'" + text + "' of the template");
      continue;
    }
    auto name = fixed_san(text, variables);
    if (!name)
      return deny({"san.fixed", "the template's alternative name cannot be filled in", "'" + text + "'",
                   std::string(name.error().message()),
                   "ask with an account that has these names, or use another template"});
    if (!check_san_syntax(*name, type_of(*name))) return false;
    san_.push_back(*std::move(name));
  }
  pass("san.fixed");
  return true;
}

namespace {

std::string plain_host(std::string_view text) {
  std::string out = lower_case(text);
  while (out.ends_with('.')) out.pop_back();
  return out;
}

// Whether a host name, or a wildcard, stands for a protected name, or for one below "*.x".
bool covers(std::string_view name, std::string_view guarded) {
  if (name == guarded) return true;
  const auto parent = [](std::string_view host) {
    const std::size_t dot = host.find('.');
    return dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
  };
  if (name.starts_with("*.") && !guarded.starts_with("*.")) return name.substr(2) == parent(guarded);
  if (!guarded.starts_with("*.")) return false;
  const std::string_view zone = guarded.substr(1);  // ".x"
  return name.ends_with(zone);
}

}  // namespace

// ESC17: a server certificate for the CA, an update server or a domain controller is worth having. The first
// protected name among those that the request brought; empty: none.
std::string Decider::protected_name() const {
  if (!names_from_request_ || (t_ != nullptr && t_->ca)) return {};
  std::vector<std::string> asked;
  for (const GeneralName& name : san_)
    if (name.type == GeneralNameType::dns_name) asked.push_back(plain_host(as_text(name.value)));
  if (const std::string name = common_name(); !name.empty()) asked.push_back(plain_host(name));
  for (const std::string& name : asked)
    for (const std::string& guarded : q_.authority.protected_names)
      if (!guarded.empty() && covers(name, plain_host(guarded))) return name;
  return {};
}

bool Decider::check_required_names() {
  const bool empty = decision_.plan.subject.size() <= 2;
  if (t_ != nullptr && t_->subject.source == NameSource::request) {
    for (const x509::Oid& type : t_->subject.required) {
      const bool there = std::ranges::any_of(subject_.rdns, [&](const x509::RelativeName& rdn) {
        return std::ranges::find(rdn, type, &x509::NameAttribute::type) != rdn.end();
      });
      if (!there)
        return deny({"subject.required", "the subject lacks an attribute", x509::describe(type),
                     empty ? "an empty subject" : x509::to_rfc4514(subject_), "add it to the subject"});
    }
    if (empty && !t_->subject.may_be_empty)
      return deny(
          {"subject.empty", "the subject is empty", "a subject", "none", "add a subject to the request"});
  }
  if (t_ != nullptr && t_->san.source == NameSource::request) {
    for (const SanType type : t_->san.required)
      if (std::ranges::find(san_, type, type_of) == san_.end())
        return deny(
            {"san.required", "an alternative name is missing", std::string(text_of(type)), "none of them",
             "add subjectAltName to the request, e.g. with: openssl req -addext subjectAltName=DNS:…"});
  }
  // RFC 5280 4.1.2.6
  if (empty && san_.empty())
    return deny({"subject.empty", "the certificate would name nobody", "a subject or an alternative name",
                 "neither", "add a subject or subjectAltName to the request"});
  pass("names.present");
  return true;
}

}  // namespace vouch::policy
