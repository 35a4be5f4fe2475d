#include "relying/ocsp_cache.hpp"

#include <system_error>

namespace vouch::relying {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::chrono::hours kOldFile{24 * 14};  // no responder's answers are good for longer

std::string issuer_of(const validate::Certificate& issuer) {
  return std::string(as_text(issuer.fingerprint()));
}

}  // namespace

// The issuer's certificate is part of the key: an answer counts under the very key that it was verified with.
std::string OcspCache::key(const validate::Certificate& certificate,
                           const validate::Certificate& issuer) const {
  Buffer all = to_buffer(issuer.fingerprint());
  append(all, certificate.view().serial);
  return to_hex(provider_->digest(x509::DigestAlgorithm::sha256, all));
}

std::optional<OcspCache::Entry> OcspCache::find(const validate::Certificate& certificate,
                                                const validate::Certificate& issuer) {
  const std::string wanted = key(certificate, issuer);
  const std::lock_guard lock(guards_);
  const auto found = answers_.find(wanted);
  return found == answers_.end() ? std::nullopt : std::optional(found->second.entry);
}

void OcspCache::put(const validate::Certificate& certificate, const validate::Certificate& issuer, Bytes der,
                    const Entry& entry) {
  const std::string wanted = key(certificate, issuer);
  const std::string of = issuer_of(issuer);
  {
    const std::lock_guard lock(guards_);
    const auto [place, is_new] = answers_.insert_or_assign(wanted, Kept{entry, of});
    if (is_new) {
      order_.push_back(wanted);
      ++by_issuer_[of];
    }
    while (order_.size() > most_) {
      const auto oldest = answers_.find(order_.front());
      if (auto counted = by_issuer_.find(oldest->second.issuer); --counted->second == 0)
        by_issuer_.erase(counted);
      answers_.erase(oldest);
      order_.pop_front();
    }
  }
  // Without the file it is only fetched again.
  if (!folder_.empty()) (void)write_file_atomic(file(wanted), der, 0600);
}

std::optional<Buffer> OcspCache::from_folder(const validate::Certificate& certificate,
                                             const validate::Certificate& issuer) const {
  if (folder_.empty()) return std::nullopt;
  auto read = read_file(file(key(certificate, issuer)), kMaxFile);
  return read ? std::optional(*std::move(read)) : std::nullopt;
}

std::size_t OcspCache::count_of(const validate::Certificate& issuer) const {
  const std::lock_guard lock(guards_);
  const auto found = by_issuer_.find(issuer_of(issuer));
  return found == by_issuer_.end() ? 0 : found->second;
}

std::size_t OcspCache::size() const {
  const std::lock_guard lock(guards_);
  return answers_.size();
}

std::size_t OcspCache::clear() {
  std::error_code ignored;
  std::size_t files = 0;
  if (!folder_.empty())
    for (const auto& one : fs::directory_iterator(folder_, ignored))
      if (one.path().extension() == ".ocsp" && fs::remove(one.path(), ignored)) ++files;
  const std::lock_guard lock(guards_);
  const std::size_t answers = answers_.size();
  answers_.clear();
  order_.clear();
  by_issuer_.clear();
  return std::max(files, answers);
}

void OcspCache::sweep(Time now) const {
  if (folder_.empty()) return;
  std::error_code ignored;
  for (const auto& one : fs::directory_iterator(folder_, ignored)) {
    if (one.path().extension() != ".ocsp") continue;
    const auto written = one.last_write_time(ignored);
    if (ignored) continue;
    if (std::chrono::file_clock::to_sys(written) + kOldFile < now) fs::remove(one.path(), ignored);
  }
}

}  // namespace vouch::relying
