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

Result<std::string> IssuanceCache::successor_of(const store::Snapshot& snapshot,
                                                const std::vector<std::string>& published,
                                                const std::string& name) {
  const std::uint64_t changes = TRY(snapshot.template_changes());
  const auto answer = [&name](const Successors& known) {
    const auto found = known.by_name.find(name);
    return found == known.by_name.end() ? std::string() : found->second;
  };
  {
    const std::scoped_lock lock(mutex_);
    if (successors_ && successors_->changes == changes && successors_->published == published)
      return answer(*successors_);
  }
  Successors successors{changes, published, {}};
  for (const std::string& publisher : published) {
    const Template value = TRY(certificate_template(TRY(snapshot.certificate_template(publisher))));
    for (const std::string& replaced : value->supersedes) successors.by_name.emplace(replaced, publisher);
  }
  const std::scoped_lock lock(mutex_);
  successors_ = std::move(successors);
  return answer(*successors_);
}

}  // namespace vouch::ca
