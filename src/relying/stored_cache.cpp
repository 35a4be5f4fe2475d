#include "relying/stored_cache.hpp"

namespace vouch::relying {
namespace {

CachedCrl cached_of(const StoredCrl& stored) {
  return {stored.crl,
          stored.line,
          stored.origin.url,
          stored.origin.fetched_at,
          stored.origin.etag,
          stored.origin.last_modified,
          static_cast<std::size_t>(stored.octets)};
}

class StoredCache final : public CrlCache {
 public:
  explicit StoredCache(std::shared_ptr<CrlStore> store) : store_(std::move(store)) {}

  Result<CrlTaken> put(Buffer der, const CrlOffer& offer) override {
    const CrlOrigin origin{offer.url, offer.now, offer.etag, offer.last_modified};
    const CrlTerms terms{offer.signers, offer.algorithms, offer.need_key_identifier, offer.now,
                         offer.objection};
    CrlPut put = TRY(store_->put(der, origin, terms));
    CrlTaken taken;
    taken.finding = std::move(put.finding);
    taken.unchanged = put.outcome == CrlPut::Outcome::unchanged;
    if (put.stored.crl) taken.cached = cached_of(put.stored);
    return taken;
  }

  Status touch(const std::string& url, Time fetched_at) override { return store_->touch(url, fetched_at); }

  std::optional<CachedCrl> from_url(const std::string& url) override {
    const auto stored = store_->from_url(url);
    if (!stored || !stored->crl) return std::nullopt;
    return cached_of(*stored);
  }

  std::vector<CachedCrl> of_issuer(const std::string& issuer_key) override {
    std::vector<CachedCrl> out;
    for (const StoredCrl& stored : store_->stored_of(issuer_key))
      if (stored.crl) out.push_back(cached_of(stored));
    return out;
  }

  // The store opens nothing for a list, so each is opened by its URL.
  std::vector<CachedCrl> list() override {
    std::vector<CachedCrl> out;
    for (const StoredCrl& listed : store_->list())
      if (listed.octets != 0)
        if (auto cached = from_url(listed.origin.url); cached && cached->line == listed.line)
          out.push_back(*std::move(cached));
    return out;
  }

  std::vector<ListedCrl> lines() override {
    std::vector<ListedCrl> out;
    for (const StoredCrl& stored : store_->list())
      out.push_back({.line = stored.line,
                     .issuer = stored.issuer,
                     .delta = stored.delta,
                     .number = stored.highest_number,
                     .octets = static_cast<std::size_t>(stored.octets),
                     .url = stored.origin.url,
                     .this_update = stored.this_update,
                     .fetched_at = stored.origin.fetched_at,
                     .next_update = stored.next_update,
                     .damaged = stored.damaged});
    return out;
  }

  Result<std::size_t> clear() override { return store_->clear(); }
  Status forget(const std::string& line) override { return store_->forget(line); }

 private:
  const std::shared_ptr<CrlStore> store_;
};

}  // namespace

std::shared_ptr<CrlCache> make_stored_cache(std::shared_ptr<CrlStore> store) {
  return std::make_shared<StoredCache>(std::move(store));
}

}  // namespace vouch::relying
