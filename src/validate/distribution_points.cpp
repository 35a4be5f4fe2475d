#include "validate/distribution_points.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"

namespace vouch::validate {
namespace {

namespace oid = x509::oid;
using x509::GeneralName, x509::GeneralNameType;

constexpr std::size_t kMaxPoints = 64;  // real certificates have one or two

// Names compare as RFC 5280 7 says; URIs without regard to case, as Windows has it. A letter says which form.
std::string comparable(const GeneralName& name) {
  std::string out(1, static_cast<char>('a' + static_cast<int>(name.type)));
  if (name.type == GeneralNameType::directory_name) {
    const auto parsed = x509::parse_name(name.value);
    return out + (parsed ? x509::comparison_key(*parsed) : std::string(as_text(name.value)));
  }
  std::ranges::transform(as_text(name.value), std::back_inserter(out), ascii_lower);
  return out;
}

bool share_one(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(a, [&](const std::string& one) { return std::ranges::find(b, one) != b.end(); });
}

// Most CRLs have no name, so that the default point's is made when it is asked for.
std::vector<std::string> names_of(const PointOfCertificate& point, const Certificate& certificate) {
  if (!point.is_default) return point.names;
  return {comparable({GeneralNameType::directory_name, to_buffer(certificate.view().issuer), {}})};
}

}  // namespace

std::vector<std::string> comparable_names(const x509::DistributionPointName& name, Bytes issuer) {
  std::vector<std::string> out;
  out.reserve(name.full_name.size() + 1);
  for (const GeneralName& one : name.full_name) out.push_back(comparable(one));
  if (name.relative_to_issuer) {
    if (auto whole = x509::parse_name(issuer)) {
      whole->rdns.push_back(*name.relative_to_issuer);
      out.push_back(comparable(GeneralName::directory(*whole)));
    }
  }
  return out;
}

Result<std::vector<PointOfCertificate>> points_of(const Certificate& certificate) {
  std::vector<PointOfCertificate> out;
  if (const auto* extension = certificate.view().find(oid::kCrlDistributionPoints)) {
    for (const auto& point : TRY(x509::parse_distribution_points(extension->value))) {
      if (out.size() == kMaxPoints)
        return make_error(Errc::limit_exceeded, "more than {} distribution points", kMaxPoints);
      PointOfCertificate one;
      Bytes issuer = certificate.view().issuer;
      for (const GeneralName& name : point.crl_issuer)
        if (name.type == GeneralNameType::directory_name) {
          one.crl_issuers.push_back(x509::comparison_key(TRY(x509::parse_name(name.value))));
          issuer = name.value;
        }
      if (point.name) one.names = comparable_names(*point.name, issuer);
      // b.2.i: without a name, the names are those of the CRL issuer.
      if (!point.name)
        for (const GeneralName& name : point.crl_issuer) one.names.push_back(comparable(name));
      one.reasons = static_cast<x509::ReasonFlags>(point.reasons.value_or(kAllReasons) & kAllReasons);
      out.push_back(std::move(one));
    }
  }
  // 6.3.3, at the end: CRLs of the certificate's issuer that no distribution point names.
  PointOfCertificate all;
  all.reasons = kAllReasons;
  all.is_default = true;
  out.push_back(std::move(all));
  return out;
}

std::string scope_fault(const CrlHead& crl, const Certificate& certificate, const PointOfCertificate& point) {
  const auto& idp = crl.distribution_point;
  const bool indirect = idp && idp->indirect_crl;
  if (!point.crl_issuers.empty()) {  // b.1
    if (std::ranges::find(point.crl_issuers, crl.issuer_key) == point.crl_issuers.end())
      return "another CRL issuer is named in the certificate";
    if (!indirect && crl.issuer_key != certificate.issuer_key()) return "it is not indirect";
  } else if (crl.issuer_key != certificate.issuer_key()) {
    return "it is of another issuer";
  }
  if (!idp) return {};
  if (idp->name && !share_one(comparable_names(*idp->name, crl.view.issuer), names_of(point, certificate)))
    return "it is for another distribution point";
  if (idp->only_user_certs && certificate.is_ca()) return "it is for end entities only";
  if (idp->only_ca_certs && !certificate.is_ca()) return "it is for CAs only";
  if (idp->only_attribute_certs) return "it is for attribute certificates only";
  // Only version 3 says whether it is a CA (BoringSSL refuses such a CRL for the same reason).
  if (idp->only_user_certs && certificate.view().version < 3)
    return "nothing says that the certificate is no CA's";
  return {};
}

}  // namespace vouch::validate
