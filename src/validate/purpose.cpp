#include "validate/purpose.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vouch::validate {
namespace {

using x509::GeneralName, x509::GeneralNameType, x509::Oid;
namespace oid = x509::oid;

struct Row {
  Purpose purpose;
  std::string_view name;
  std::array<Oid, 2> accepted;  // either of them
  bool must_be_named;           // extendedKeyUsage has to be there, and anyExtendedKeyUsage does not count
  std::uint16_t key_usage;      // one of these, where there is a key usage; 0: any
};

// In the order of the enumeration. Key usages: RFC 5280 4.2.1.12, RFC 8446 4.4.2.2, RFC 4556 3.2.
constexpr std::array kRows = {
    Row{Purpose::any, "any", {}, false, 0},
    Row{Purpose::tls_client,
        "tls_client",
        {oid::kClientAuth},
        false,
        x509::digital_signature | x509::key_agreement},
    Row{Purpose::tls_server,
        "tls_server",
        {oid::kServerAuth},
        false,
        x509::digital_signature | x509::key_encipherment | x509::key_agreement},
    Row{Purpose::smart_card_logon,
        "smart_card_logon",
        {oid::kMsSmartCardLogon, oid::kPkinitClientAuth},
        true,
        x509::digital_signature},
    Row{Purpose::kdc, "kdc", {oid::kPkinitKdc}, true, x509::digital_signature},
    Row{Purpose::ocsp_signing,
        "ocsp_signing",
        {oid::kOcspSigning},
        true,
        x509::digital_signature | x509::content_commitment},
    Row{Purpose::code_signing, "code_signing", {oid::kCodeSigning}, true, x509::digital_signature},
    Row{Purpose::email_protection,
        "email_protection",
        {oid::kEmailProtection},
        false,
        x509::digital_signature | x509::content_commitment | x509::key_encipherment | x509::key_agreement},
    Row{Purpose::time_stamping,
        "time_stamping",
        {oid::kTimeStamping},
        true,
        x509::digital_signature | x509::content_commitment},
    Row{Purpose::crl_signing, "crl_signing", {}, false, x509::crl_sign},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (static_cast<std::size_t>(kRows[i].purpose) != i) return false;
  return true;
}
static_assert(in_order());

const Row& row(Purpose purpose) { return kRows[static_cast<std::size_t>(purpose)]; }

template <class List, class Text>
std::string joined(const List& list, Text&& text) {
  std::string out;
  for (const auto& item : list) {
    if (!out.empty()) out += ", ";
    out += text(item);
  }
  return out.empty() ? "none" : out;
}

bool admits(const std::optional<std::vector<Oid>>& purposes, const Row& wanted, bool any_counts) {
  if (!purposes) return true;
  return std::ranges::any_of(*purposes, [&](const Oid& one) {
    return (any_counts && one == oid::kAnyExtendedKeyUsage) ||
           (!one.empty() && std::ranges::find(wanted.accepted, one) != wanted.accepted.end());
  });
}

class PurposeCheck {
 public:
  PurposeCheck(std::span<const CertificatePtr> path, const Profile& profile)
      : path_(path), target_(*path[0]), profile_(profile), row_(row(profile.purpose)) {}

  std::vector<Finding> run(const TrustAnchor& anchor, const Expected& expected) {
    if (row_.key_usage != 0) check_key_usage();
    if (!row_.accepted[0].empty()) {
      check_target_purpose();
      if (profile_.chain_purposes) check_issuer_purposes();
      check_anchor(anchor);
    }
    check_names(expected);
    return std::move(findings_);
  }

 private:
  void add(FindingId id, std::vector<Finding::Parameter> parameters, int index = 0) {
    findings_.push_back({id, index, std::move(parameters)});
  }
  static std::string text_of(const std::optional<std::vector<Oid>>& purposes) {
    return purposes ? joined(*purposes, x509::describe) : "none";
  }

  void check_key_usage() {
    if (!target_.key_usage || (*target_.key_usage & row_.key_usage) != 0) return;
    const auto identity = [](std::string_view text) { return std::string(text); };
    if (profile_.purpose == Purpose::crl_signing)
      return add(FindingId::no_crl_signing, {{"name", target_.subject_text()}});
    add(FindingId::purpose_key_usage,
        {{"usages", joined(x509::key_usage_names(*target_.key_usage), identity)},
         {"purpose", std::string(row_.name)},
         {"needed", joined(x509::key_usage_names(row_.key_usage), identity)}});
  }

  void check_target_purpose() {
    const bool any_counts = profile_.any_purpose_counts && !row_.must_be_named;
    const bool absent = row_.must_be_named && !target_.extended_key_usage;
    if (absent || !admits(target_.extended_key_usage, row_, any_counts))
      add(FindingId::purpose_missing,
          {{"purpose", std::string(row_.name)}, {"purposes", text_of(target_.extended_key_usage)}});
    else if (!admits(target_.application_policies, row_, true))
      add(FindingId::purpose_missing,
          {{"purpose", std::string(row_.name)}, {"purposes", text_of(target_.application_policies)}});
  }

  // Certificates between target and anchor; the anchor's own purposes are the trust store's business.
  void check_issuer_purposes() {
    for (std::size_t i = 1; i + 1 < path_.size(); ++i)
      for (const auto* purposes : {&path_[i]->extended_key_usage, &path_[i]->application_policies})
        if (!admits(*purposes, row_, true))
          add(FindingId::purpose_of_ca,
              {{"name", path_[i]->subject_text()},
               {"purpose", std::string(row_.name)},
               {"purposes", text_of(*purposes)}},
              static_cast<int>(i));
  }

  void check_anchor(const TrustAnchor& anchor) {
    if (anchor.purposes.empty() || admits(anchor.purposes, row_, true)) return;
    add(FindingId::anchor_purpose,
        {{"name", anchor.certificate->subject_text()}, {"purpose", std::string(row_.name)}},
        static_cast<int>(path_.size()) - 1);
  }

  // Whoever is expected must be named, whatever the purpose: a name that is not looked at would let anybody
  // in.
  void check_names(const Expected& expected) {
    if (!expected.host.empty()) check_host(expected.host);
    if (profile_.purpose == Purpose::smart_card_logon || !expected.upn.empty() || !expected.sid.empty())
      check_logon(expected);
    if (!expected.realm.empty()) check_realm(expected.realm);
    if (!expected.email.empty()) check_email(expected.email);
  }

  template <class Predicate>
  bool any_name(Predicate&& fits) const {
    return target_.alternative_names && std::ranges::any_of(*target_.alternative_names, fits);
  }
  std::string names_of(std::initializer_list<GeneralNameType> types) const {
    std::vector<std::string> names;
    if (target_.alternative_names)
      for (const GeneralName& name : *target_.alternative_names)
        if (std::ranges::find(types, name.type) != types.end()) names.push_back(name.to_text());
    return joined(names, [](const std::string& text) { return text; });
  }

  // RFC 9525 6: an address is compared with addresses only, octet by octet.
  void check_host(const std::string& host) {
    const auto address = GeneralName::ip(
        host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host);
    const bool fits = any_name([&](const GeneralName& name) {
      if (address) return name == *address;
      return name.type == GeneralNameType::dns_name && host_matches(as_text(name.value), host);
    });
    if (!fits)
      add(FindingId::host_mismatch,
          {{"expected", host},
           {"names", names_of({GeneralNameType::dns_name, GeneralNameType::ip_address})}});
  }

  // Windows: the UPN without regard to case, or the SID. An expected SID must be the certificate's when it
  // has one; a certificate without one passes unless strong mapping is demanded (KB5014754).
  void check_logon(const Expected& expected) {
    std::vector<std::string> upns;
    if (target_.alternative_names)
      for (const GeneralName& name : *target_.alternative_names)
        if (auto upn = name.as_upn()) upns.push_back(*std::move(upn));
    if (upns.empty() && !target_.sid) add(FindingId::upn_missing, {});
    if (!expected.upn.empty() && !upns.empty() &&
        std::ranges::none_of(upns, [&](const auto& upn) { return equal_ignoring_case(upn, expected.upn); }))
      add(FindingId::upn_mismatch, {{"names", joined(upns, [](const std::string& text) { return text; })},
                                    {"expected", expected.upn}});
    // Without a UPN only the SID can say that the certificate is this user's.
    const bool sid_needed =
        profile_.strong_mapping || (upns.empty() && !expected.upn.empty() && expected.sid.empty());
    if (sid_needed && !target_.sid) add(FindingId::sid_missing, {});
    if (target_.sid && !expected.sid.empty() && *target_.sid != expected.sid)
      add(FindingId::sid_mismatch, {{"found", *target_.sid}, {"expected", expected.sid}});
    else if (target_.sid && expected.sid.empty() && upns.empty() && !expected.upn.empty())
      add(FindingId::upn_mismatch, {{"names", *target_.sid}, {"expected", expected.upn}});
  }

  // RFC 4556 3.2.4: id-pkinit-san krbtgt/REALM@REALM. Domain controllers of Windows have the DNS name of the
  // domain in subjectAltName instead (MS-PKCA 3.1.5.1.4).
  void check_realm(const std::string& realm) {
    const GeneralName principal = GeneralName::pkinit(realm, {"krbtgt", realm});
    const bool fits = any_name([&](const GeneralName& name) {
      if (name.type == GeneralNameType::dns_name) return equal_ignoring_case(as_text(name.value), realm);
      return name == principal;
    });
    if (!fits) add(FindingId::kdc_mismatch, {{"expected", realm}});
  }

  // The host part without regard to case, the local part as it is (RFC 5280 7.5).
  static bool same_address(std::string_view a, std::string_view b) {
    const std::size_t at = a.rfind('@');
    if (at == std::string_view::npos || at != b.rfind('@')) return false;
    return a.substr(0, at) == b.substr(0, at) && equal_ignoring_case(a.substr(at), b.substr(at));
  }
  void check_email(const std::string& address) {
    bool fits = any_name([&](const GeneralName& name) {
      return name.type == GeneralNameType::rfc822_name && same_address(as_text(name.value), address);
    });
    std::string names = names_of({GeneralNameType::rfc822_name});
    if (!fits && names == "none") {  // RFC 8550 3: old certificates have it in the subject
      const auto addresses = x509::values_of(target_.subject(), oid::kEmailAddress);
      fits = std::ranges::any_of(addresses, [&](const auto& one) { return same_address(one, address); });
      names = joined(addresses, [](const std::string& text) { return text; });
    }
    if (!fits) add(FindingId::email_mismatch, {{"expected", address}, {"names", names}});
  }

  std::span<const CertificatePtr> path_;
  const Certificate& target_;
  const Profile& profile_;
  const Row& row_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view to_string(Purpose purpose) { return row(purpose).name; }

bool host_matches(std::string_view pattern, std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (pattern.ends_with('.')) pattern.remove_suffix(1);
  if (host.empty() || pattern.empty()) return false;
  if (!pattern.starts_with("*."))
    return pattern.find('*') == std::string_view::npos && equal_ignoring_case(pattern, host);
  const std::size_t dot = host.find('.');
  const std::string_view base = pattern.substr(1);
  // "*.com" would stand for half the world (RFC 9525 7.1 leaves that to us).
  if (dot == 0 || dot == std::string_view::npos || base.find('.', 1) == std::string_view::npos) return false;
  return base.find('*') == std::string_view::npos && equal_ignoring_case(base, host.substr(dot));
}

std::vector<Finding> check_purpose(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                                   const Profile& profile, const Expected& expected) {
  return PurposeCheck(path, profile).run(anchor, expected);
}

}  // namespace vouch::validate
