#include "validate/name_constraints.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::validate {
namespace {

using x509::GeneralName, x509::GeneralNameType;
namespace oid = x509::oid;

// id-on-dnsSRV (RFC 4985 2), id-on-SmtpUTF8Mailbox (RFC 8398 3).
constexpr x509::Oid kSrvName{1, 3, 6, 1, 5, 5, 7, 8, 7}, kSmtpUtf8Mailbox{1, 3, 6, 1, 5, 5, 7, 8, 9};

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

// "Any DNS name that can be constructed by simply adding zero or more labels to the
// left-hand side of the name satisfies the name constraint." A leading dot, which
// many CAs write, asks for at least one label, as OpenSSL, GnuTLS and the browsers
// read it. The empty name is every name. A trailing dot of the name is the root.
bool within_domain(std::string_view host, std::string_view base) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (base.ends_with('.')) base.remove_suffix(1);
  if (base.empty()) return true;
  if (!ends_with_ignoring_case(host, base)) return false;
  return host.size() == base.size() || base.starts_with('.') || host[host.size() - base.size() - 1] == '.';
}

// "*.example.com" could be used as any name of one label more: an exclusion of one of them excludes it.
bool wildcard_reaches(std::string_view name, std::string_view base) {
  if (!name.starts_with("*.")) return false;
  const std::size_t dot = base.find('.', base.starts_with('.') ? 1 : 0);
  return dot != std::string_view::npos && equal_ignoring_case(name.substr(1), base.substr(dot));
}

struct Mailbox {
  std::string_view local, host;
};
std::optional<Mailbox> mailbox(std::string_view text) {
  const std::size_t at = text.rfind('@');  // a quoted local part may hold others
  if (at == std::string_view::npos || at + 1 == text.size()) return std::nullopt;
  return Mailbox{text.substr(0, at), text.substr(at + 1)};
}

// 4.2.1.10: a mailbox, all mailboxes of a host ("example.com"), or all of a domain (".example.com"). The host
// form covers that host alone.
std::optional<bool> mail_within(std::string_view address, std::string_view base) {
  const auto name = mailbox(address);
  if (!name) return std::nullopt;
  if (base.empty()) return true;
  if (base.find('@') != std::string_view::npos) {
    if (base.starts_with('@')) return equal_ignoring_case(name->host, base.substr(1));
    const auto one = mailbox(base);
    if (!one) return std::nullopt;
    return name->local == one->local && equal_ignoring_case(name->host, one->host);
  }
  if (base.starts_with('.'))
    return name->host.size() > base.size() && ends_with_ignoring_case(name->host, base);
  return equal_ignoring_case(name->host, base);
}

// The host of a URI (RFC 3986 3.2.2) when it is a name: constraints do not apply to addresses, and a URI
// without one must be refused.
std::optional<std::string_view> uri_host(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  std::string_view authority = uri.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return std::nullopt;
  authority = authority.substr(0, authority.find(':'));
  const auto digit_or_dot = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  if (authority.empty() || std::ranges::all_of(authority, digit_or_dot)) return std::nullopt;
  return authority;
}

// A host ("example.com": this one alone) or a domain (".example.com").
std::optional<bool> uri_within(std::string_view uri, std::string_view base) {
  const auto host = uri_host(uri);
  if (!host) return std::nullopt;
  if (base.empty()) return true;
  if (base.starts_with('.')) return host->size() > base.size() && ends_with_ignoring_case(*host, base);
  return equal_ignoring_case(*host, base);
}

// Octets and mask, one behind the other. A mask with holes is refused: nobody means one.
std::optional<bool> address_within(Bytes address, Bytes base) {
  if (base.size() != 2 * address.size()) return false;  // the other family
  const Bytes network = base.first(address.size()), mask = base.subspan(address.size());
  bool ended = false;
  for (const std::uint8_t octet : mask)
    for (int bit = 7; bit >= 0; --bit) {
      const bool set = (octet >> bit & 1) != 0;
      if (set && ended) return std::nullopt;
      ended = ended || !set;
    }
  for (std::size_t i = 0; i < address.size(); ++i)
    if (((address[i] ^ network[i]) & mask[i]) != 0) return false;
  return true;
}

// The text inside an otherName.
std::optional<std::string> other_text(const GeneralName& name) {
  asn1::Reader reader(name.value);
  const auto value = reader.next();
  if (!value || !reader.at_end()) return std::nullopt;
  auto text = x509::string_to_utf8(value->tag, value->value);
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

// RFC 4985 4: "_service.host"; a base without a service is for all services of the domain.
std::optional<bool> srv_within(std::string_view name, std::string_view base) {
  const std::size_t dot = name.find('.');
  if (!name.starts_with('_') || dot == std::string_view::npos) return std::nullopt;
  if (!base.starts_with('_')) return within_domain(name.substr(dot + 1), base);
  const std::size_t base_dot = base.find('.');
  if (base_dot == std::string_view::npos) return equal_ignoring_case(name.substr(0, dot), base);
  return equal_ignoring_case(name.substr(0, dot), base.substr(0, base_dot)) &&
         within_domain(name.substr(dot + 1), base.substr(base_dot + 1));
}

std::optional<bool> other_within(const GeneralName& name, const GeneralName& base) {
  const auto text = other_text(name), limit = other_text(base);
  if (!text || !limit) return std::nullopt;
  if (name.other_type == oid::kMsUpn) return mail_within(*text, *limit);
  if (name.other_type == kSrvName) return srv_within(*text, *limit);
  return std::nullopt;
}

std::string key_of(const GeneralName& name) {
  if (name.type != GeneralNameType::directory_name) return {};
  const auto parsed = x509::parse_name(name.value);
  return parsed ? x509::comparison_key(*parsed) : std::string();
}

std::optional<bool> within(const GeneralName& name, const std::string& name_key, const GeneralName& base,
                           const std::string& base_key) {
  const auto text = as_text(name.value), limit = as_text(base.value);
  switch (name.type) {
    case GeneralNameType::directory_name:
      return name_key.starts_with(base_key);
    case GeneralNameType::dns_name:
      return within_domain(text, limit);
    case GeneralNameType::rfc822_name:
      return mail_within(text, limit);
    case GeneralNameType::uri:
      return uri_within(text, limit);
    case GeneralNameType::ip_address:
      return address_within(name.value, base.value);
    case GeneralNameType::registered_id:  // the arcs below one
      return name.value.size() >= base.value.size() &&
             equal(Bytes(name.value).first(base.value.size()), base.value);
    case GeneralNameType::other_name:
      return other_within(name, base);
    case GeneralNameType::x400_address:
    case GeneralNameType::edi_party_name:
      break;
  }
  return std::nullopt;
}

// otherNames are as many forms as there are types.
bool same_form(const GeneralName& name, const GeneralName& base) {
  return name.type == base.type && name.other_type == base.other_type;
}

}  // namespace

std::optional<bool> within_subtree(const GeneralName& name, const GeneralName& base) {
  if (!same_form(name, base)) return std::nullopt;
  return within(name, key_of(name), base, key_of(base));
}

std::vector<ConstrainedNames::Subtree> ConstrainedNames::prepared(
    const std::vector<x509::GeneralSubtree>& subtrees) {
  std::vector<Subtree> out;
  out.reserve(subtrees.size());
  for (const auto& subtree : subtrees)
    out.push_back({subtree.base, key_of(subtree.base), subtree.minimum != 0 || subtree.maximum.has_value()});
  return out;
}

void ConstrainedNames::add(const x509::NameConstraints& constraints, std::string ca) {
  levels_.push_back({prepared(constraints.permitted), prepared(constraints.excluded), std::move(ca)});
}

void ConstrainedNames::add(const Certificate& ca) {
  if (ca.name_constraints) add(*ca.name_constraints, ca.subject_text());
}

std::optional<Finding> ConstrainedNames::check_name(const GeneralName& name, const std::string& name_key,
                                                    int index, Budget& budget) const {
  const auto refused = [&](FindingId id, const Level& level, std::string reason) {
    return Finding{id, index, {{"name", name.to_text()}, {"ca", level.ca}, {"reason", std::move(reason)}}};
  };
  // Nothing: not comparable. Counts against the budget.
  const auto compare = [&](const Subtree& subtree) -> std::optional<bool> {
    if (!budget.compare() || subtree.bounded) return std::nullopt;
    return within(name, name_key, subtree.base, subtree.name_key);
  };
  const char* const no_rule = "there is no rule for names of this form, or one of the two is malformed";
  for (const Level& level : levels_) {
    for (const Subtree& subtree : level.excluded) {
      if (!same_form(name, subtree.base)) continue;
      const auto inside = compare(subtree);
      if (!inside) return refused(FindingId::name_not_checkable, level, no_rule);
      const bool reached = name.type == GeneralNameType::dns_name &&
                           wildcard_reaches(as_text(name.value), as_text(subtree.base.value));
      if (*inside || reached) return refused(FindingId::name_excluded, level, "");
    }
    bool constrained = false, permitted = false;
    for (const Subtree& subtree : level.permitted) {
      if (!same_form(name, subtree.base)) continue;
      constrained = true;
      const auto inside = compare(subtree);
      if (!inside) return refused(FindingId::name_not_checkable, level, no_rule);
      if ((permitted = *inside)) break;
    }
    if (constrained && !permitted) return refused(FindingId::name_not_permitted, level, "");
  }
  return std::nullopt;
}

std::optional<Finding> ConstrainedNames::check(const Certificate& certificate, int index,
                                               Budget& budget) const {
  if (levels_.empty()) return std::nullopt;
  bool has_mail = false;
  if (certificate.alternative_names)
    for (const GeneralName& name : *certificate.alternative_names) {
      has_mail = has_mail || name.type == GeneralNameType::rfc822_name;
      if (auto finding = check_name(name, key_of(name), index, budget)) return finding;
      if (name.type != GeneralNameType::other_name || name.other_type != kSmtpUtf8Mailbox) continue;
      // RFC 9598 6: it is held against constraints of rfc822Name.
      const auto text = other_text(name);
      const GeneralName mail{GeneralNameType::rfc822_name, to_buffer(as_bytes(text.value_or(""))), {}};
      if (auto finding = check_name(mail, {}, index, budget)) return finding;
    }
  const x509::Name subject = certificate.subject();
  if (subject.empty()) return std::nullopt;
  const GeneralName directory{GeneralNameType::directory_name, to_buffer(certificate.view().subject), {}};
  if (auto finding = check_name(directory, certificate.subject_key(), index, budget)) return finding;
  if (has_mail) return std::nullopt;
  // 4.2.1.10: without rfc822Name, the constraint holds for emailAddress in the subject.
  for (const std::string& address : x509::values_of(subject, oid::kEmailAddress)) {
    const GeneralName mail{GeneralNameType::rfc822_name, to_buffer(as_bytes(address)), {}};
    if (auto finding = check_name(mail, {}, index, budget)) return finding;
  }
  return std::nullopt;
}

}  // namespace vouch::validate
