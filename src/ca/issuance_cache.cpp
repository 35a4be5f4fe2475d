#include "ca/issuance_cache.hpp"

namespace vouch::ca {

Result<IssuanceCache::Template> IssuanceCache::certificate_template(const store::TemplateRecord& record) {
  Version version{record.name, record.major, record.minor};
  const std::scoped_lock lock(mutex_);
  if (const auto it = templates_.find(version); it != templates_.end()) return it->second;
  auto parsed =
      TRY(policy::parse_template(record.body, record.name).context("reading template {}", record.name));
  if (templates_.size() >= kMaxEntries) templates_.clear();
  return templates_
      .emplace(std::move(version), std::make_shared<const policy::CertificateTemplate>(std::move(parsed)))
      .first->second;
}

}  // namespace vouch::ca
