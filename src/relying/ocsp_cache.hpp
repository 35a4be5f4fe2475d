#pragma once
// OCSP answers that were verified: in memory, and in a folder so that another process or the next one finds
// them. What comes from the folder is verified again by whoever asks.

#include <deque>
#include <mutex>
#include <unordered_map>

#include "base/files.hpp"
#include "relying/ocsp_answer.hpp"

namespace vouch::relying {

class OcspCache {
 public:
  // An empty folder: memory only.
  OcspCache(std::shared_ptr<const crypto::Provider> provider, fs::path folder, std::size_t most)
      : provider_(std::move(provider)), folder_(std::move(folder)), most_(most) {}

  struct Entry {
    OcspAnswer answer;
    std::string url;
    Time fetched_at{};
    std::size_t octets = 0;
  };
  std::optional<Entry> find(const validate::Certificate& certificate, const validate::Certificate& issuer);
  void put(const validate::Certificate& certificate, const validate::Certificate& issuer, Bytes der,
           const Entry& entry);
  // The response that another process left, if there is one.
  std::optional<Buffer> from_folder(const validate::Certificate& certificate,
                                    const validate::Certificate& issuer) const;
  // How many answers of one issuer are cached.
  std::size_t count_of(const validate::Certificate& issuer) const;
  std::size_t size() const;
  // All answers go.
  std::size_t clear();
  // Files of answers that nobody can want any more.
  void sweep(Time now) const;

 private:
  std::string key(const validate::Certificate& certificate, const validate::Certificate& issuer) const;
  fs::path file(const std::string& key) const { return folder_ / (key + ".ocsp"); }

  const std::shared_ptr<const crypto::Provider> provider_;
  const fs::path folder_;
  const std::size_t most_;
  mutable std::mutex guards_;
  struct Kept {
    Entry entry;
    std::string issuer;
  };
  std::unordered_map<std::string, Kept> answers_;
  std::deque<std::string> order_;  // the oldest goes first
  std::unordered_map<std::string, std::size_t> by_issuer_;
};

}  // namespace vouch::relying
