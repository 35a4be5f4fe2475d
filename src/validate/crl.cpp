#include "validate/crl.hpp"

#include <algorithm>

namespace vouch::validate {
namespace {

namespace oid = x509::oid;

Buffer without_leading_zeros(Bytes number) {
  while (!number.empty() && number[0] == 0) number = number.subspan(1);
  return to_buffer(number);
}

bool is_known(const x509::Oid& id) {
  return id == oid::kAuthorityKeyIdentifier || id == oid::kCrlNumber || id == oid::kDeltaCrlIndicator ||
         id == oid::kIssuingDistributionPoint || id == oid::kFreshestCrl || id == oid::kIssuerAltName;
}

Status read_extension(const x509::ExtensionView& extension, CrlHead& head) {
  const x509::Oid& id = extension.id;
  if (id == oid::kCrlNumber) {
    head.number = without_leading_zeros(TRY(x509::parse_crl_number(extension.value)));
  } else if (id == oid::kDeltaCrlIndicator) {
    head.delta_base = without_leading_zeros(TRY(x509::parse_crl_number(extension.value)));
  } else if (id == oid::kAuthorityKeyIdentifier) {
    head.authority_key_identifier = TRY(x509::parse_authority_key_identifier(extension.value)).key_identifier;
  } else if (id == oid::kIssuingDistributionPoint) {
    head.distribution_point = TRY(x509::parse_issuing_distribution_point(extension.value));
  } else if (id == oid::kFreshestCrl) {
    head.announces_delta = true;
  } else if (extension.critical && !is_known(id)) {
    return make_error(Errc::unsupported, "the critical extension {} is not known here", x509::describe(id));
  }
  return ok();
}

// RFC 5280 5.2.5: what an issuingDistributionPoint must not say.
std::string_view distribution_point_fault(const x509::IssuingDistributionPoint& point) {
  if (int(point.only_user_certs) + int(point.only_ca_certs) + int(point.only_attribute_certs) > 1)
    return "its issuingDistributionPoint says 'only' of two kinds of certificates";
  if (point == x509::IssuingDistributionPoint()) return "its issuingDistributionPoint is empty";
  return {};
}

class CrlInMemory final : public Crl {
 public:
  explicit CrlInMemory(Bytes der) : der_(to_buffer(der)) {}

  Status read(const crypto::Provider& provider, std::string from) {
    head_ = TRY(read_crl_head(provider, TRY(x509::parse_crl(der_)), std::move(from)));
    CrlEntryRules rules(head_);
    for (x509::CrlEntryReader entries(head_.view.entries); !entries.at_end();)
      TRY(rules.read(TRY(entries.next())));
    if (head_.unusable.empty()) head_.unusable = rules.unusable();
    return ok();
  }

  const CrlHead& head() const override { return head_; }

  Result<std::optional<CrlHit>> find(Bytes serial, const std::string& issuer_key) const override {
    std::optional<CrlHit> hit;
    const bool indirect = CrlEntryRules::is_indirect(head_);
    CrlEntryRules rules(head_);
    for (x509::CrlEntryReader entries(head_.view.entries); !entries.at_end();) {
      const x509::CrlEntryView entry = TRY(entries.next());
      const bool here = equal(entry.serial, serial);
      if (!here && !indirect) continue;
      const x509::CrlEntryExtensions extensions = TRY(rules.read(entry));
      if (here && rules.issuer() == issuer_key)
        hit = CrlHit{extensions.reason.value_or(x509::CrlReason::unspecified), entry.revoked_at};
    }
    return hit;
  }

 private:
  Buffer der_;
  CrlHead head_;
};

}  // namespace

std::strong_ordering compare_numbers(Bytes a, Bytes b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

CrlEntryRules::CrlEntryRules(const CrlHead& head) : head_(head), issuer_(head.issuer_key) {}

Result<x509::CrlEntryExtensions> CrlEntryRules::read(const x509::CrlEntryView& entry) {
  if (entry.extensions_der.empty()) return x509::CrlEntryExtensions();
  if (head_.view.version < 2)
    return make_error(Errc::malformed, "an entry of a version 1 CRL has extensions");
  auto extensions = TRY(x509::parse_crl_entry_extensions(entry.extensions_der));
  for (const auto& name : extensions.certificate_issuer)
    if (name.type == x509::GeneralNameType::directory_name)
      issuer_ = x509::comparison_key(TRY(x509::parse_name(name.value)));
  if (extensions.unknown_critical && unusable_.empty())
    unusable_ = "an entry has a critical extension that is not known here";
  if (!extensions.certificate_issuer.empty() && !is_indirect(head_) && unusable_.empty())
    unusable_ = "an entry names a certificate issuer, but the CRL is not indirect";
  return extensions;
}

Result<CrlHead> read_crl_head(const crypto::Provider& provider, const x509::CrlView& view, std::string from) {
  CrlHead head = TRY(read_crl_head(view, std::move(from)));
  identify(provider, head, provider.digest(x509::DigestAlgorithm::sha256, view.tbs));
  return head;
}

void identify(const crypto::Provider& provider, CrlHead& head, Buffer tbs_digest) {
  const x509::CrlView& view = head.view;
  const auto end_of_tbs = static_cast<std::size_t>(view.tbs.data() - view.whole.data()) + view.tbs.size();
  Buffer hashed = tbs_digest;
  append(hashed, view.whole.subspan(end_of_tbs));
  head.fingerprint = provider.digest(x509::DigestAlgorithm::sha256, hashed);
  head.tbs_digest = std::move(tbs_digest);
}

Result<CrlHead> read_crl_head(const x509::CrlView& view, std::string from) {
  CrlHead head;
  head.view = view;
  head.from = std::move(from);
  const x509::Name issuer = TRY(x509::parse_name(view.issuer));
  head.issuer_key = x509::comparison_key(issuer);
  head.issuer_text = x509::to_rfc4514(issuer);
  const auto unusable = [&](std::string_view why) {
    if (head.unusable.empty()) head.unusable = why;
  };
  for (const x509::ExtensionView& extension : view.extensions)
    if (const Status status = read_extension(extension, head); !status) unusable(status.error().summary());
  if (!equal(view.tbs_signature.whole, view.signature_algorithm.whole))
    unusable("its two signature algorithms differ");
  if (view.version < 2 && !view.extensions_der.empty()) unusable("version 1 has no extensions");
  if (view.entries_present && view.entries.empty())  // 5.1.2.6
    unusable("its list of revoked certificates is there, but empty");
  if (head.distribution_point) unusable(distribution_point_fault(*head.distribution_point));
  if (head.delta_base && head.number && compare_numbers(*head.number, *head.delta_base) < 0)
    unusable("its number is lower than that of its base");
  return head;
}

Result<CrlPtr> parse_crl_in_memory(const crypto::Provider& provider, Bytes der, std::string from) {
  auto crl = std::make_shared<CrlInMemory>(der);
  TRY(crl->read(provider, std::move(from)));
  return CrlPtr(std::move(crl));
}

}  // namespace vouch::validate
