#include "relying/relying_party.hpp"

#include <algorithm>
#include <atomic>

#include "relying/prefetch.hpp"
#include "relying/revocation_client.hpp"
#include "relying/stored_cache.hpp"
#include "validate/validator.hpp"

namespace vouch::relying {
namespace {

using std::chrono::milliseconds, std::chrono::steady_clock;
using validate::Certificate, validate::CertificatePtr, validate::Finding, validate::FindingId;

constexpr std::size_t kMostAhead = 4096;  // URLs that are fetched ahead
constexpr std::size_t kCachedAnswers = 10'000;

// A folder that cannot be made is done without; `problem` says why.
fs::path usable_folder(const fs::path& folder, std::string_view name, std::string& problem) {
  if (folder.empty()) return {};
  const Status made = make_folder(folder / name, 0700);
  if (made) return folder / name;
  problem = made.error().summary();
  return {};
}

std::shared_ptr<CrlCache> usable_cache(const std::shared_ptr<const crypto::Provider>& provider,
                                       const RelyingPartySettings& settings, std::string& problem) {
  if (settings.cache) return settings.cache;
  if (settings.folder.empty()) return make_memory_cache(provider);
  auto store = CrlStore::open(provider, {.folder = settings.folder / "crls"});
  if (store) return make_stored_cache(*std::move(store));
  problem = store.error().summary();
  return make_memory_cache(provider);
}

void refuse(Decision& decision, const Finding& finding) {
  const Explanation explanation = explain(finding);
  decision.code = explanation.number;
  decision.name = explanation.name;
  decision.message = explanation.message;
  decision.causes = explanation.causes;
  decision.recommendations = explanation.recommendations;
}

// What the chain itself has to remark.
void note_chain(Decision& decision) {
  const validate::Decision& path = decision.path;
  if (path.unchecked_issuers != 0)
    decision.notes.push_back(
        fmt::format("{} certificate(s) further up were not checked for revocation: the "
                    "profile checks as many issuers as checked_issuers says",
                    path.unchecked_issuers));
  if (!path.path.empty() && !path.path.back()->self_issued())
    decision.notes.push_back(fmt::format("trust ends at an intermediate CA, '{}', not at a root",
                                         path.path.back()->subject_text()));
}

}  // namespace

class RelyingParty::Impl {
 public:
  Impl(std::shared_ptr<const crypto::Provider> provider, const Clock& clock, TrustListPtr trust,
       RelyingPartySettings settings)
      : provider_(std::move(provider)),
        clock_(clock),
        trust_(std::move(trust)),
        cache_(usable_cache(provider_, settings, folder_problem_)),
        signatures_(std::make_shared<validate::SignatureCache>(settings.remembered_signatures)),
        answers_(provider_, usable_folder(settings.folder, "ocsp", folder_problem_), kCachedAnswers),
        downloads_(provider_, clock, cache_,
                   {usable_folder(settings.folder, "downloads", folder_problem_), settings.downloads,
                    std::move(settings.trusted_roots), std::move(settings.user_agent)}),
        sources_{provider_,
                 cache_,
                 downloads_,
                 answers_,
                 signatures_,
                 [this](const CachedCrl& crl) { return is_noted(crl); },
                 [this](DownloadOrder order, const CachedCrl& crl) { note(std::move(order), crl); }} {}

  Decision decide(const Question& question, const Profile& profile) {
    const auto begun = steady_clock::now();
    Decision decision;
    decision.time = question.at.value_or(clock_.now());
    decision.profile = profile.name;
    if (!folder_problem_.empty()) decision.notes.push_back("the folder cannot be used: " + folder_problem_);
    judge(question, profile, decision);
    decision.taken = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begun);
    return decision;
  }

  TrustListPtr trust() const {
    const std::lock_guard lock(guards_);
    return trust_;
  }
  void replace_trust(TrustListPtr trust) {
    const std::lock_guard lock(guards_);
    trust_ = std::move(trust);
  }

  std::optional<Time> maintain() {
    const Time now = clock_.now();
    std::vector<DownloadOrder> due;
    std::optional<Time> next;
    {
      const std::lock_guard lock(guards_);
      std::erase_if(ahead_, [&](auto& one) { return !is_current(one.first, one.second); });
      for (auto& [url, one] : ahead_) {
        if (one.moment <= now) {
          due.push_back(one.order);
          // Where it fails, the old one serves on, and the rest of the window is left to try again.
          one.moment = now + std::max<std::chrono::seconds>(std::chrono::minutes(1), (one.end - now) / 10);
        }
        if (one.moment < one.end && (!next || one.moment < *next)) next = one.moment;
      }
    }
    for (const DownloadOrder& order : due) downloads_.begin(order);
    answers_.sweep(now);
    return next;
  }

  std::vector<Fetched> refresh(const Profile& profile, std::span<const std::string> urls) {
    const TrustListPtr trust = this->trust();
    std::vector<Fetched> out;
    for (const auto& [url, delta] : refreshable(*trust, urls)) {
      const Downloaded got = downloads_.get_in_background(order_for(profile, *trust, url, delta));
      Fetched one;
      one.url = url;
      one.good = got.crl.has_value();
      one.changed = one.good && !got.unchanged;
      one.step = {.what = delta ? "delta" : "crl",
                  .url = url,
                  .outcome = got.outcome,
                  .good = one.good,
                  .status = got.status,
                  .octets = got.octets,
                  .taken = got.taken};
      if (got.crl) {
        const auto& head = got.crl->crl->head();
        one.step.number = head.number ? to_hex(*head.number) : "";
        one.step.this_update = head.view.this_update;
        one.step.next_update = head.view.next_update;
      }
      one.finding = got.finding;
      out.push_back(std::move(one));
    }
    return out;
  }

  void resync(Time before) { resync_ = before.time_since_epoch().count(); }
  bool drain(milliseconds patience) { return downloads_.drain(patience); }

  Value status() const {
    Value out = downloads_.status(), crls = Value::list(), ahead = Value::list();
    for (const ListedCrl& one : cache_->lines())
      crls.push(Value::table()
                    .set("line", one.line)
                    .set("url", one.url)
                    .set("issuer", one.issuer)
                    .set("delta", one.delta)
                    .set("number", one.number)
                    .set("octets", static_cast<std::int64_t>(one.octets))
                    .set("this_update", one.octets == 0 ? Value() : Value(format_time(one.this_update)))
                    .set("next_update", one.next_update ? Value(format_time(*one.next_update)) : Value())
                    .set("fetched_at", one.octets == 0 ? Value() : Value(format_time(one.fetched_at))));
    const std::lock_guard lock(guards_);
    for (const auto& [url, one] : ahead_)
      ahead.push(Value::table().set("url", url).set("at", format_time(one.moment)));
    return out.set("prefetch", std::move(ahead))
        .set("crls", std::move(crls))
        .set("ocsp_answers", static_cast<std::int64_t>(answers_.size()))
        .set("trusted_issuers", static_cast<std::int64_t>(trust_->issuers().size()));
  }

 private:
  void judge(const Question& question, const Profile& profile, Decision& decision) {
    const CertificatePtr leaf = read_chain(question, decision);
    if (!leaf) return;
    const TrustListPtr trust = this->trust();
    validate::Profile path = profile.path;
    if (question.purpose) path.purpose = *question.purpose;
    std::vector<CertificatePtr> sent(decision.path.sent.begin() + 1, decision.path.sent.end());
    if (!profile.build_from_sent) sent.clear();
    RevocationClient client(sources_, {profile, trust, sent, question.stapled, decision.time,
                                       Time(std::chrono::seconds(resync_.load()))});
    const validate::Validator validator(provider_, trust->store(), signatures_);
    std::vector<CertificatePtr> as_sent = std::move(decision.path.sent);
    decision.path = validator.validate(leaf, sent, {decision.time, path, question.expected, &client});
    decision.path.sent = std::move(as_sent);
    decision.accepted = decision.path.accepted;
    decision.trust = decision.path.trust;
    decision.checks = client.take_checks();
    for (std::string& note : client.take_notes()) decision.notes.push_back(std::move(note));
    note_chain(decision);
    if (decision.accepted) return;
    const Finding* finding = validate::decisive(decision.path);
    Finding told = finding != nullptr ? *finding : Finding{FindingId::revocation_unknown, 0, {}};
    if (told.id == FindingId::revoked && question.application) told.id = FindingId::credential_revoked;
    refuse(decision, told);
  }

  // The chain as sent goes into the record; the leaf, or nothing when it cannot be read.
  CertificatePtr read_chain(const Question& question, Decision& decision) const {
    decision.path.time = decision.time;
    const auto leaf = question.chain.empty()
                          ? Result<CertificatePtr>(make_error(Errc::malformed, "no certificate was sent"))
                          : Certificate::parse(*provider_, question.chain.front());
    if (!leaf) {
      decision.path.findings.push_back(
          {FindingId::certificate_malformed, 0, {{"reason", leaf.error().summary()}}});
      refuse(decision, decision.path.findings.front());
      return nullptr;
    }
    decision.path.sent.push_back(*leaf);
    for (std::size_t i = 1; i < question.chain.size() && i <= validate::Validator::kMaxSent; ++i)
      if (auto one = Certificate::parse(*provider_, question.chain[i])) decision.path.sent.push_back(*one);
    return *leaf;
  }

  // ---- CRLs that are fetched ahead

  struct Ahead {
    DownloadOrder order;
    Buffer fingerprint;  // of the CRL that was used
    Time moment{}, end{};
  };

  bool is_noted(const CachedCrl& crl) const {
    const std::lock_guard lock(guards_);
    const auto known = ahead_.find(crl.url);
    return known != ahead_.end() && equal(known->second.fingerprint, crl.crl->head().fingerprint);
  }

  // Only what was used is fetched ahead: a prefetched CRL that nobody needed ends it until somebody does.
  void note(DownloadOrder order, const CachedCrl& crl) {
    if (!order.settings.prefetch) return;
    const auto window = prefetch_window(crl.crl->head().view, order.settings.shortest_window);
    if (!window) return;
    std::uint64_t random = 0;
    provider_->random({reinterpret_cast<std::uint8_t*>(&random), sizeof random});
    order.conditional = true;
    order.seen = crl.crl->head().fingerprint;
    const std::lock_guard lock(guards_);
    if (ahead_.size() >= kMostAhead && !ahead_.contains(crl.url)) return;
    const std::string url = order.url;
    ahead_.insert_or_assign(url, Ahead{std::move(order), crl.crl->head().fingerprint,
                                       prefetch_moment(*window, clock_.now(), random), window->end});
  }

  bool is_current(const std::string& url, const Ahead& one) const {
    const auto cached = cache_->from_url(url);
    return cached && equal(cached->crl->head().fingerprint, one.fingerprint);
  }

  // ---- Fetching by hand

  // URLs with whether a delta is expected there.
  std::vector<std::pair<std::string, bool>> refreshable(const TrustList& trust,
                                                        std::span<const std::string> wanted) const {
    std::vector<std::pair<std::string, bool>> all;
    for (const TrustedIssuer& issuer : trust.issuers()) {
      if (!issuer.base_url.empty()) all.emplace_back(issuer.base_url, false);
      if (!issuer.delta_url.empty()) all.emplace_back(issuer.delta_url, true);
    }
    for (const ListedCrl& one : cache_->lines())
      if (!one.url.empty()) all.emplace_back(one.url, one.delta);
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    if (!wanted.empty())
      std::erase_if(all,
                    [&](const auto& one) { return std::ranges::find(wanted, one.first) == wanted.end(); });
    return all;
  }

  DownloadOrder order_for(const Profile& profile, const TrustList& trust, const std::string& url,
                          bool delta) const {
    DownloadOrder order;
    order.url = url;
    order.settings = profile.crl;
    order.proxy = profile.proxy;
    order.conditional = true;
    order.offer.algorithms = profile.path.algorithms;
    order.offer.need_key_identifier = profile.crl.need_key_identifier;
    for (const TrustedIssuer& issuer : trust.issuers()) order.offer.signers.push_back(issuer.certificate);
    order.offer.objection = [delta](const validate::CrlHead& head) -> std::optional<Finding> {
      if (head.delta_base.has_value() == delta) return std::nullopt;
      return Finding{FindingId::crl_wrong_segment,
                     validate::kWholePath,
                     {{"type", delta ? "delta" : "base"},
                      {"reason", delta ? "it is a whole CRL" : "it is a delta CRL"}}};
    };
    return order;
  }

  const std::shared_ptr<const crypto::Provider> provider_;
  const Clock& clock_;
  mutable std::mutex guards_;  // trust_, ahead_
  TrustListPtr trust_;
  std::map<std::string, Ahead> ahead_;
  std::atomic<std::int64_t> resync_ = 0;
  std::string folder_problem_;
  const std::shared_ptr<CrlCache> cache_;
  const std::shared_ptr<validate::SignatureCache> signatures_;
  OcspCache answers_;
  Downloads downloads_;  // goes first: its threads use what is above
  const Sources sources_;
};

RelyingParty::RelyingParty(std::shared_ptr<const crypto::Provider> provider, const Clock& clock,
                           TrustListPtr trust, RelyingPartySettings settings)
    : impl_(std::make_unique<Impl>(std::move(provider), clock, std::move(trust), std::move(settings))) {}
RelyingParty::~RelyingParty() = default;

Decision RelyingParty::decide(const Question& question, const Profile& profile) {
  return impl_->decide(question, profile);
}
void RelyingParty::replace_trust(TrustListPtr trust) { impl_->replace_trust(std::move(trust)); }
TrustListPtr RelyingParty::trust() const { return impl_->trust(); }
std::optional<Time> RelyingParty::maintain() { return impl_->maintain(); }
std::vector<RelyingParty::Fetched> RelyingParty::refresh(const Profile& profile,
                                                         std::span<const std::string> urls) {
  return impl_->refresh(profile, urls);
}
void RelyingParty::resync(Time before) { impl_->resync(before); }
bool RelyingParty::drain(std::chrono::milliseconds patience) { return impl_->drain(patience); }
Value RelyingParty::status() const { return impl_->status(); }

}  // namespace vouch::relying
