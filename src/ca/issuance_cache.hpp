#pragma once
// What the certificates of one template version have in common: the parsed template, and per CA key the
// to-be-signed template with the fixed extensions encoded. Made once, filled per certificate.

#include <map>
#include <memory>
#include <mutex>

#include "policy/certificate_template.hpp"
#include "store/database.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {

class IssuanceCache {
 public:
  using Template = std::shared_ptr<const policy::CertificateTemplate>;
  using Tbs = std::shared_ptr<const x509::TbsTemplate>;

  Result<Template> certificate_template(const store::TemplateRecord& record);

  // The published template that replaces this one; empty: none. Read anew when a template has changed or
  // another one is published.
  Result<std::string> successor_of(const store::Snapshot& snapshot, const std::vector<std::string>& published,
                                   const std::string& name);

  // `make` is called at most once for a template version, key and revision of the CA's settings.
  template <class Make>
  Tbs tbs(const policy::CertificateTemplate& value, std::uint16_t key_index, std::uint32_t revision,
          Make&& make) {
    const TbsKey key{{value.name, value.major, value.minor}, key_index, revision};
    const std::scoped_lock lock(mutex_);
    auto it = tbs_.find(key);
    if (it == tbs_.end()) {
      if (tbs_.size() >= kMaxEntries) tbs_.clear();
      it = tbs_.emplace(key, std::make_shared<const x509::TbsTemplate>(make())).first;
    }
    return it->second;
  }

 private:
  static constexpr std::size_t kMaxEntries = 1024;  // old versions are not looked up again; this bounds them
  using Version = std::tuple<std::string, std::uint32_t, std::uint32_t>;
  using TbsKey = std::tuple<Version, std::uint16_t, std::uint32_t>;

  std::mutex mutex_;  // guards the maps
  std::map<Version, Template> templates_;
  std::map<TbsKey, Tbs> tbs_;
  struct Successors {
    std::uint64_t changes = 0;
    std::vector<std::string> published;
    std::map<std::string, std::string> by_name;
  };
  std::optional<Successors> successors_;
};

}  // namespace vouch::ca
