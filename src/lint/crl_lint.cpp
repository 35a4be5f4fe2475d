// The rules for CRLs. Entries are walked once, one after the other.

#include <algorithm>

#include "lint/lint.hpp"
#include "lint/rule_table.hpp"

namespace vouch::lint {
namespace {

namespace oid = x509::oid;

struct CrlRule {
  Rule rule;
  Verdict (*check)(const x509::CrlView&);
};

constexpr const x509::Oid* kKnown[] = {&oid::kAuthorityKeyIdentifier,
                                       &oid::kIssuerAltName,
                                       &oid::kCrlNumber,
                                       &oid::kDeltaCrlIndicator,
                                       &oid::kIssuingDistributionPoint,
                                       &oid::kFreshestCrl,
                                       &oid::kAuthorityInfoAccess};

Verdict criticality(const x509::CrlView& crl) {
  for (const x509::ExtensionView& extension : crl.extensions) {
    const bool must =
        extension.id == oid::kDeltaCrlIndicator || extension.id == oid::kIssuingDistributionPoint;
    if (must && !extension.critical) return fmt::format("{} is not critical", x509::describe(extension.id));
    if (!must && extension.critical) return fmt::format("{} is critical", x509::describe(extension.id));
  }
  return std::nullopt;
}

Verdict unknown_critical(const x509::CrlView& crl) {
  for (const x509::ExtensionView& extension : crl.extensions)
    if (extension.critical &&
        std::ranges::none_of(kKnown, [&](const auto* id) { return *id == extension.id; }))
      return fmt::format("no client knows the critical extension {}", x509::describe(extension.id));
  return std::nullopt;
}

Verdict number(const x509::CrlView& crl) {
  const auto* extension = crl.find(oid::kCrlNumber);
  if (!extension) return "cRLNumber is missing";
  const auto value = x509::parse_crl_number(extension->value);
  return value ? std::nullopt : Verdict(value.error().summary());
}

Verdict entry_is_wrong(const x509::CrlEntryView& entry, bool delta, Time this_update) {
  if (entry.serial.empty() || (entry.serial[0] & 0x80)) return "an entry with a negative serial number";
  if (entry.revoked_at > this_update) return "an entry revoked after the CRL was made";
  if (entry.extensions_der.empty()) return std::nullopt;
  const auto extensions = x509::parse_crl_entry_extensions(entry.extensions_der);
  if (!extensions) return extensions.error().summary();
  if (extensions->reason == x509::CrlReason::unspecified)
    return "reason unspecified is written out (it is left out instead)";
  if (extensions->reason == x509::CrlReason::remove_from_crl && !delta)
    return "removeFromCRL outside a delta CRL";
  return std::nullopt;
}

Verdict entries(const x509::CrlView& crl) {
  const bool delta = crl.find(oid::kDeltaCrlIndicator) != nullptr;
  Bytes last;
  for (x509::CrlEntryReader reader(crl.entries); !reader.at_end();) {
    const auto entry = reader.next();
    if (!entry) return entry.error().summary();
    if (equal(entry->serial, last))
      return fmt::format("serial {} stands twice", x509::serial_to_text(entry->serial));
    last = entry->serial;
    if (auto wrong = entry_is_wrong(*entry, delta, crl.this_update))
      return fmt::format("serial {}: {}", x509::serial_to_text(entry->serial), *wrong);
  }
  return std::nullopt;
}

// RFC 5280 5.2.4: a delta builds on a complete list that came before it, and has no delta of its own.
Verdict delta(const x509::CrlView& crl) {
  const auto* indicator = crl.find(oid::kDeltaCrlIndicator);
  if (indicator == nullptr) return std::nullopt;
  const auto base = x509::parse_crl_number(indicator->value);
  if (!base) return base.error().summary();
  const auto* extension = crl.find(oid::kCrlNumber);
  const auto own = extension == nullptr ? Result<Bytes>(base) : x509::parse_crl_number(extension->value);
  if (!own) return std::nullopt;  // the rule crl.number says so
  const bool before = base->size() != own->size() ? base->size() < own->size()
                                                  : std::ranges::lexicographical_compare(*base, *own);
  if (!before && extension != nullptr)
    return "the base of a delta CRL has no smaller number than the delta itself";
  return when(crl.find(oid::kFreshestCrl) != nullptr, "freshestCRL in a delta CRL");
}

// RFC 5280 5.2.5
Verdict distribution_point(const x509::CrlView& crl) {
  const auto* extension = crl.find(oid::kIssuingDistributionPoint);
  if (extension == nullptr) return std::nullopt;
  const auto point = x509::parse_issuing_distribution_point(extension->value);
  if (!point) return point.error().summary();
  if (int{point->only_user_certs} + int{point->only_ca_certs} + int{point->only_attribute_certs} > 1)
    return "issuingDistributionPoint limits the CRL to several kinds of certificates at once: to none";
  if (!equal(extension->value, x509::encode_issuing_distribution_point(*point)))
    return "issuingDistributionPoint writes out a flag that is FALSE";
  return when(*point == x509::IssuingDistributionPoint(), "issuingDistributionPoint is empty");
}

const CrlRule kCrlRules[] = {
    {{"crl.version", "the CRL is of version 2", "RFC 5280 5.1.2.1", Severity::error, kReport},
     [](const x509::CrlView& c) { return when(c.version != 2, "the version is not 2"); }},
    {{"crl.signature_agree", "the two signature algorithms are the same", "RFC 5280 5.1.1.2", Severity::error,
      kReport},
     [](const x509::CrlView& c) {
       const Bytes outer = c.signature_algorithm.whole;  // empty: not signed yet
       return when(!outer.empty() && !equal(outer, c.tbs_signature.whole),
                   "the signature algorithms inside and outside differ");
     }},
    {{"crl.signature_strong", "the signature algorithm is known and not broken", "RFC 6194", Severity::error,
      "give the CA a key and a hash of today"},
     [](const x509::CrlView& c) {
       const auto algorithm = x509::parse_signature_algorithm(c.tbs_signature);
       return when(!algorithm || is_weak(*algorithm), "the signature algorithm is unknown or broken");
     }},
    {{"crl.issuer", "the issuer has a name", "RFC 5280 5.1.2.3", Severity::error, kReport},
     [](const x509::CrlView& c) { return when(c.issuer.size() <= 2, "the issuer's name is empty"); }},
    {{"crl.next_update", "nextUpdate is there and after thisUpdate", "RFC 5280 5.1.2.5", Severity::error,
      "correct the CA's CRL period"},
     [](const x509::CrlView& c) {
       return when(!c.next_update || *c.next_update <= c.this_update,
                   "nextUpdate is missing or not after thisUpdate");
     }},
    {{"crl.authority_key_identifier", "the issuer's key is identified", "RFC 5280 5.2.1", Severity::error,
      kReport},
     [](const x509::CrlView& c) {
       return when(!c.find(oid::kAuthorityKeyIdentifier), "authorityKeyIdentifier is missing");
     }},
    {{"crl.number", "the CRL has a number of at most 20 octets", "RFC 5280 5.2.3", Severity::error, kReport},
     number},
    {{"crl.delta", "a delta CRL builds on an earlier base and names no delta of its own", "RFC 5280 5.2.4",
      Severity::error, kReport},
     delta},
    {{"crl.distribution_point", "issuingDistributionPoint says one thing that makes sense", "RFC 5280 5.2.5",
      Severity::error, "correct the CDP locations with flag 128"},
     distribution_point},
    {{"crl.critical", "extensions are critical where they must be and nowhere else", "RFC 5280 5.2",
      Severity::error, kReport},
     criticality},
    {{"crl.unknown_critical", "no unknown extension is critical", "RFC 5280 5.2", Severity::error, kReport},
     unknown_critical},
    {{"crl.empty_list", "a CRL without entries has no revokedCertificates", "RFC 5280 5.1.2.6",
      Severity::error, kReport},
     [](const x509::CrlView& c) {
       return when(c.entries_present && c.entries.empty(), "revokedCertificates is empty");
     }},
    {{"crl.entries", "entries are well-formed and their reasons fit", "RFC 5280 5.3", Severity::error,
      "look at the revocation of that serial number"},
     entries},
};

}  // namespace

std::vector<Finding> lint_crl(const x509::CrlView& crl) {
  std::vector<Finding> findings;
  for (const CrlRule& rule : kCrlRules)
    if (Verdict wrong = rule.check(crl)) findings.push_back(found(rule.rule, std::move(*wrong)));
  return findings;
}

void add_crl_rules(std::vector<Rule>& rules) {
  for (const CrlRule& rule : kCrlRules) rules.push_back(rule.rule);
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::notice:
      return "notice";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "";
}

std::vector<Rule> rules() {
  std::vector<Rule> all;
  add_certificate_rules(all);
  add_crl_rules(all);
  return all;
}

}  // namespace vouch::lint
