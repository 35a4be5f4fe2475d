#include "relying/crl_cache.hpp"

#include <algorithm>

#include "relying/crl_admission.hpp"
#include "validate/signatures.hpp"

namespace vouch::relying {
namespace {

using validate::CertificatePtr, validate::CrlHead, validate::Finding, validate::FindingId;

std::string number_text(const Buffer& number) { return number.empty() ? "00" : to_hex(number); }

// Whose key made the signature; or why nobody's did.
struct SignerFound {
  CertificatePtr signer;
  std::optional<Finding> finding;
};
SignerFound find_signer(const crypto::Provider& provider, const CrlHead& head, const CrlOffer& offer) {
  const auto& found = head.authority_key_identifier;
  std::string expected = "-", reason = "no certificate of the CRL's issuer is known";
  for (const CertificatePtr& one : offer.signers) {
    if (one->subject_key() != head.issuer_key) continue;
    const auto& key = one->subject_key_identifier;
    if (key && expected == "-") expected = to_hex(*key);
    if (offer.need_key_identifier ? !found || !key || !equal(*found, *key)
                                  : found && key && !equal(*found, *key)) {
      reason = "another key is named in the CRL";
      continue;
    }
    const auto algorithm = validate::accepted_algorithm(head.view.signature_algorithm, offer.algorithms);
    if (!algorithm) {
      reason = algorithm.error().summary();
      continue;
    }
    if (validate::check_signature(provider, {&one, 1}, head) != validate::SignatureVerdict::fits) {
      reason = fmt::format("its signature does not fit the key of '{}'", one->subject_text());
      continue;
    }
    if (!one->allows(x509::crl_sign))
      return {nullptr,
              Finding{FindingId::no_crl_signing, validate::kWholePath, {{"name", one->subject_text()}}}};
    return {one, std::nullopt};
  }
  if (expected == "-" && !offer.signers.empty() && offer.signers.front()->subject_key_identifier)
    expected = to_hex(*offer.signers.front()->subject_key_identifier);
  return {nullptr, Finding{FindingId::crl_signature,
                           validate::kWholePath,
                           {{"expected", expected},
                            {"found", found ? to_hex(*found) : ""},
                            {"reason", std::move(reason)}}}};
}

class MemoryCache final : public CrlCache {
 public:
  explicit MemoryCache(std::shared_ptr<const crypto::Provider> provider) : provider_(std::move(provider)) {}

  Result<CrlTaken> put(Buffer der, const CrlOffer& offer) override {
    CrlTaken taken;
    const std::size_t octets = der.size();
    auto parsed = validate::parse_crl_in_memory(*provider_, der, offer.url);
    if (!parsed) {
      taken.finding =
          Finding{FindingId::crl_malformed, validate::kWholePath, {{"reason", parsed.error().summary()}}};
      return taken;
    }
    const CrlHead& head = (*parsed)->head();
    taken.finding = fault_of(head, offer);
    if (taken.finding) return taken;
    CachedCrl entry{*std::move(parsed), line_of(head),       offer.url, offer.now,
                    offer.etag,         offer.last_modified, octets};
    return keep(std::move(entry));
  }

  Status touch(const std::string& url, Time fetched_at) override {
    const std::lock_guard lock(guards_);
    for (auto& [name, line] : lines_)
      if (line.cached && line.cached->url == url) line.cached->fetched_at = fetched_at;
    return ok();
  }

  std::optional<CachedCrl> from_url(const std::string& url) override {
    const std::lock_guard lock(guards_);
    const auto place = places_.find(url);
    if (place == places_.end()) return std::nullopt;
    return lines_[place->second].cached;
  }

  std::vector<CachedCrl> of_issuer(const std::string& issuer_key) override {
    const std::lock_guard lock(guards_);
    std::vector<CachedCrl> out;
    for (const auto& [name, line] : lines_)
      if (line.cached && line.cached->crl->head().issuer_key == issuer_key) out.push_back(*line.cached);
    return out;
  }

  std::vector<CachedCrl> list() override {
    const std::lock_guard lock(guards_);
    std::vector<CachedCrl> out;
    for (const auto& [name, line] : lines_)
      if (line.cached) out.push_back(*line.cached);
    return out;
  }

  std::vector<ListedCrl> lines() override {
    const std::lock_guard lock(guards_);
    std::vector<ListedCrl> out;
    for (const auto& [name, line] : lines_) {
      ListedCrl one{
          .line = name, .issuer = line.issuer, .delta = line.delta, .number = number_text(line.highest)};
      if (line.cached) {
        const auto& view = line.cached->crl->head().view;
        one.octets = line.cached->octets;
        one.url = line.cached->url;
        one.this_update = view.this_update;
        one.next_update = view.next_update;
        one.fetched_at = line.cached->fetched_at;
      }
      out.push_back(std::move(one));
    }
    return out;
  }

  Result<std::size_t> clear() override {
    const std::lock_guard lock(guards_);
    std::size_t cleared = 0;
    for (auto& [name, line] : lines_) {
      if (line.cached) ++cleared;
      line.cached.reset();
    }
    return cleared;
  }

  Status forget(const std::string& line) override {
    const std::lock_guard lock(guards_);
    if (lines_.erase(line) == 0) return make_error(Errc::not_found, "there is no line '{}'", line);
    std::erase_if(places_, [&](const auto& place) { return place.second == line; });
    return ok();
  }

 private:
  struct Line {
    std::string issuer;  // RFC 4514
    bool delta = false;
    Buffer highest, fingerprint;  // of the highest number that was ever seen
    std::optional<CachedCrl> cached;
  };

  std::optional<Finding> fault_of(const CrlHead& head, const CrlOffer& offer) const {
    if (!head.unusable.empty()) return unusable(head, head.unusable);
    if (SignerFound found = find_signer(*provider_, head, offer); found.finding) return found.finding;
    if (!head.number) return unusable(head, "it has no CRL number");  // RFC 5280 5.2.3
    if (head.view.this_update > offer.now)
      return Finding{FindingId::crl_not_yet_valid,
                     validate::kWholePath,
                     {{"issuer", head.issuer_text}, {"time", format_time(head.view.this_update)}}};
    return offer.objection ? offer.objection(head) : std::nullopt;
  }

  std::string line_of(const CrlHead& head) const {
    Buffer all = to_buffer(as_bytes(head.issuer_key));
    all.push_back(head.delta_base ? 1 : 0);
    if (head.authority_key_identifier) append(all, *head.authority_key_identifier);
    all.push_back(0);
    if (const auto* scope = head.view.find(x509::oid::kIssuingDistributionPoint)) append(all, scope->value);
    return to_hex(provider_->digest(x509::DigestAlgorithm::sha256, all)).substr(0, 32);
  }

  // RFC 5280 5.2.3: numbers rise. What goes back is an old CRL that somebody plays, however it is signed.
  CrlTaken keep(CachedCrl entry) {
    const CrlHead& head = entry.crl->head();
    const std::lock_guard lock(guards_);
    Line& line = lines_[entry.line];
    CrlTaken taken;
    if (!line.fingerprint.empty()) {
      const auto order = validate::compare_numbers(*head.number, line.highest);
      if (order < 0 || (order == 0 && !equal(head.fingerprint, line.fingerprint))) {
        taken.finding =
            unusable(head, order < 0 ? fmt::format("its number {} is lower than {}, which was seen already",
                                                   number_text(*head.number), number_text(line.highest))
                                     : fmt::format("number {} was seen already, with other contents",
                                                   number_text(*head.number)));
        taken.cached = line.cached;
        return taken;
      }
      taken.unchanged = order == 0;
    }
    line.issuer = head.issuer_text;
    line.delta = head.delta_base.has_value();
    line.highest = *head.number;
    line.fingerprint = head.fingerprint;
    places_[entry.url] = entry.line;
    line.cached = std::move(entry);
    taken.cached = line.cached;
    return taken;
  }

  const std::shared_ptr<const crypto::Provider> provider_;
  mutable std::mutex guards_;
  std::map<std::string, Line> lines_;
  std::map<std::string, std::string> places_;  // URL to line
};

}  // namespace

std::shared_ptr<CrlCache> make_memory_cache(std::shared_ptr<const crypto::Provider> provider) {
  return std::make_shared<MemoryCache>(std::move(provider));
}

}  // namespace vouch::relying
