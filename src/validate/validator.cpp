#include "validate/validator.hpp"

#include <algorithm>

#include "validate/crl.hpp"
#include "validate/path_builder.hpp"
#include "validate/path_check.hpp"
#include "validate/purpose.hpp"

namespace vouch::validate {
namespace {

constexpr std::size_t kMaxAttempts = 8;

std::size_t errors_in(const std::vector<Finding>& findings) {
  return static_cast<std::size_t>(
      std::ranges::count(findings, Severity::error, [](const Finding& one) { return severity_of(one); }));
}

// One validation from its first step to its last.
class Signers;

class Run {
 public:
  Run(const crypto::Provider& provider, const TrustStore& trust, SignatureCache* cache,
      const Request& request)
      : provider_(provider),
        trust_(trust),
        cache_(cache),
        request_(request),
        budget_(request.profile.limits) {}

  Decision decide() {
    decision_.time = request_.now;
    decision_.purpose = request_.profile.purpose;
    decision_.sent.push_back(request_.target);
    decision_.sent.insert(decision_.sent.end(), request_.sent.begin(), request_.sent.end());
    if (!accepted_anchor()) {
      PathBuilder builder(inputs(request_.profile, nullptr));
      builder.search(request_.target,
                     [&](auto path, const TrustAnchor& anchor) { return judge(path, anchor); });
      if (!decision_.accepted) explain_failure(builder);
    }
    const Limits &whole = request_.profile.limits, &left = budget_.left();
    decision_.paths = whole.paths - left.paths;
    decision_.steps = whole.steps - left.steps;
    decision_.signatures = whole.signatures - left.signatures;
    return std::move(decision_);
  }

  PathBuilder::Inputs inputs(const Profile& profile, const TrustAnchor* only) {
    return {provider_, trust_, request_.sent, profile, request_.now, cache_, budget_, only};
  }
  const Request& request() const { return request_; }

 private:
  friend class Signers;

  bool accepted_anchor() {
    const TrustAnchor* anchor = trust_.anchor(*request_.target);
    if (anchor == nullptr || !request_.profile.accept_anchor_as_target) return false;
    decision_.accepted = true;
    decision_.path = {request_.target};
    decision_.trust = anchor->source;
    return true;
  }

  // True ends the search: the path holds, or no other could change the answer.
  bool judge(std::span<const CertificatePtr> path, const TrustAnchor& anchor) {
    const Profile& profile = request_.profile;
    PathOutcome outcome = check_path(path, anchor, profile, request_.now, budget_);
    for (Finding& finding : check_purpose(path, anchor, profile, request_.expected))
      outcome.findings.push_back(std::move(finding));
    const std::size_t faults = errors_in(outcome.findings);
    std::vector<RevocationRecord> records;
    std::size_t unchecked = 0;
    if (faults == 0) records = check_revocation(path, anchor, outcome.findings, unchecked);
    const bool holds = !has_error(outcome.findings);
    // The target's own revocation is final: another path to the same issuer does not undo it.
    const bool is_final = std::ranges::any_of(
        outcome.findings, [](const Finding& one) { return one.id == FindingId::revoked; });
    if (!holds && !is_final && has_best_ && faults >= best_faults_) {
      remember({{path.begin(), path.end()}, true, std::move(outcome.findings)});
      return false;
    }
    if (has_best_) remember({decision_.path, true, std::move(decision_.findings)});
    has_best_ = true;
    best_faults_ = faults;
    decision_.accepted = holds;
    decision_.path.assign(path.begin(), path.end());
    decision_.trust = anchor.source;
    decision_.policies = std::move(outcome.policies);
    decision_.findings = std::move(outcome.findings);
    decision_.revocation = std::move(records);
    decision_.unchecked_issuers = unchecked;
    return holds || is_final;
  }
  void remember(Attempt attempt) {
    if (decision_.attempts.size() < kMaxAttempts) decision_.attempts.push_back(std::move(attempt));
  }

  std::vector<RevocationRecord> check_revocation(std::span<const CertificatePtr> path,
                                                 const TrustAnchor& anchor, std::vector<Finding>& findings,
                                                 std::size_t& unchecked);

  // No path was accepted: what is the nearest to an explanation?
  void explain_failure(const PathBuilder& builder) {
    if (!has_best_) {
      decision_.findings = builder.dead_end_findings();
      remember({{builder.dead_end().begin(), builder.dead_end().end()}, false, builder.dead_end_findings()});
    }
    if (trust_.anchor(*request_.target) != nullptr)
      decision_.findings.insert(decision_.findings.begin(), {FindingId::target_is_anchor, 0, {}});
    if (budget_.spent()) {
      const Limits &left = budget_.left(), &whole = request_.profile.limits;
      const auto [limit, what] = left.steps == 0        ? std::pair(whole.steps, "issuers")
                                 : left.signatures == 0 ? std::pair(whole.signatures, "signatures")
                                 : left.paths == 0      ? std::pair(whole.paths, "paths")
                                                   : std::pair(whole.comparisons, "comparisons of names");
      decision_.findings.push_back(
          {FindingId::budget_spent, kWholePath, {{"limit", std::to_string(limit)}, {"what", what}}});
    }
  }

  const crypto::Provider& provider_;
  const TrustStore& trust_;
  SignatureCache* cache_;
  const Request& request_;
  Budget budget_;
  Decision decision_;
  // The path in the decision so far; what revocation says does not count against it: it held until then.
  bool has_best_ = false;
  std::size_t best_faults_ = 0;
  // Signers of CRLs: those being asked about, and what became of the others.
  std::vector<const Certificate*> asking_;
  std::map<std::pair<const Certificate*, const TrustAnchor*>, std::string> signers_;  // empty: its path holds
};

// Signers of CRLs for one path.
class Signers final : public SignerPaths {
 public:
  Signers(Run& run, std::span<const CertificatePtr> path, const TrustAnchor& anchor)
      : run_(run), path_(path), anchor_(anchor) {}

  std::vector<CertificatePtr> named(const std::string& subject_key) override {
    std::vector<CertificatePtr> out;
    const auto add = [&](const CertificatePtr& one) {
      if (one->subject_key() == subject_key && std::ranges::find(out, one) == out.end()) out.push_back(one);
    };
    for (const CertificatePtr& one : path_.subspan(1)) add(one);
    for (const auto& candidate : run_.trust_.named(subject_key)) add(candidate.certificate);
    for (const CertificatePtr& one : run_.request_.sent) add(one);
    return out;
  }

  Status holds(const CertificatePtr& signer) override {
    // The path's own CAs are judged with the path.
    if (std::ranges::find(path_.subspan(1), signer) != path_.end()) return ok();
    if (std::ranges::find(run_.asking_, signer.get()) != run_.asking_.end()) return ok();
    if (is_same_ca(*signer)) return ok();
    const auto [known, is_new] = run_.signers_.try_emplace({signer.get(), &anchor_});
    std::string& reason = known->second;
    if (is_new) reason = ask(signer);
    return reason.empty() ? ok() : Status(make_error(Errc::denied, "{}", reason));
  }

  Status verify(const Crl& crl, const CertificatePtr& signer) override {
    const CrlHead& head = crl.head();
    (void)TRY(accepted_algorithm(head.view.signature_algorithm, run_.request_.profile.algorithms));
    if (run_.cache_ != nullptr && run_.cache_->knows(head.fingerprint, signer->fingerprint())) return ok();
    if (!run_.budget_.signature()) return make_error(Errc::limit_exceeded, "too many signatures to verify");
    const auto above = std::ranges::find(path_, signer);
    const std::span<const CertificatePtr> signer_and_above =
        above != path_.end() ? path_.subspan(static_cast<std::size_t>(above - path_.begin()))
                             : std::span<const CertificatePtr>(&signer, 1);
    if (check_signature(run_.provider_, signer_and_above, head.view.signature_algorithm, head.view.tbs,
                        head.view.signature) != SignatureVerdict::fits)
      return make_error(Errc::denied, "its signature does not fit the key of '{}'", signer->subject_text());
    if (run_.cache_ != nullptr) run_.cache_->learn(head.fingerprint, signer->fingerprint());
    return ok();
  }

 private:
  // Two anchors of one name are one CA with two keys: while it changes from one to the other, either may
  // sign.
  bool is_same_ca(const Certificate& signer) const {
    const auto& view = signer.view();
    const Time now = run_.request_.now;
    const bool valid =
        !run_.request_.profile.check_anchor_validity || (now >= view.not_before && now <= view.not_after);
    return valid && signer.subject_key() == anchor_.certificate->subject_key() &&
           run_.trust_.anchor(signer) != nullptr;
  }

  // RFC 5280 6.3.3 f: a path of its own to the same anchor, with nothing asked but that it holds. Why not, in
  // words.
  std::string ask(const CertificatePtr& signer) {
    run_.asking_.push_back(signer.get());
    Profile profile = run_.request_.profile;
    profile.purpose = Purpose::crl_signing;
    profile.policies = {};
    std::string reason;
    PathBuilder builder(run_.inputs(profile, &anchor_));
    const bool found = builder.search(signer, [&](auto path, const TrustAnchor& anchor) {
      reason = fault_of(path, anchor, profile);
      return reason.empty();
    });
    run_.asking_.pop_back();
    if (found) return {};
    if (reason.empty() && !builder.dead_end_findings().empty())
      reason = message_of(builder.dead_end_findings().front());
    return reason.empty() ? "no path to the same trust anchor" : reason;
  }

  std::string fault_of(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                       const Profile& profile) {
    auto findings = check_path(path, anchor, profile, run_.request_.now, run_.budget_).findings;
    for (Finding& finding : check_purpose(path, anchor, profile, {})) findings.push_back(std::move(finding));
    Signers signers(run_, path, anchor);
    for (std::size_t i = path.size() - 1; i-- > 0 && !has_error(findings);) {
      const RevocationRecord record = run_.request_.revocation->check({path, i, run_.request_.now, signers});
      if (record.status == RevocationStatus::good) continue;
      return fmt::format("'{}' is {}", path[i]->subject_text(),
                         record.status == RevocationStatus::revoked ? "revoked" : "of unknown status");
    }
    for (const Finding& finding : findings)
      if (severity_of(finding) == Severity::error) return message_of(finding);
    return {};
  }

  Run& run_;
  std::span<const CertificatePtr> path_;
  const TrustAnchor& anchor_;
};

std::vector<RevocationRecord> Run::check_revocation(std::span<const CertificatePtr> path,
                                                    const TrustAnchor& anchor, std::vector<Finding>& findings,
                                                    std::size_t& unchecked) {
  const Profile& profile = request_.profile;
  std::vector<RevocationRecord> records;
  if (profile.revocation == RevocationRule::none) return records;
  const std::size_t all = path.size() - 1;
  std::size_t asked =
      profile.revocation == RevocationRule::target ? 1 : std::min(all, profile.checked_issuers);
  if (request_.revocation == nullptr) asked = 0;
  unchecked = all - asked;
  const bool too_long =
      profile.revocation == RevocationRule::chain && profile.refuse_unchecked_issuers && unchecked != 0;
  if (asked == 0 || too_long)
    findings.push_back({FindingId::revocation_unknown,
                        static_cast<int>(all) - 1,
                        {{"name", path[all - 1]->subject_text()}}});
  Signers signers(*this, path, anchor);
  // From the anchor downwards: what a revoked CA says of others does not count.
  for (std::size_t i = asked; i-- > 0;) {
    records.push_back(request_.revocation->check({path, i, request_.now, signers}));
    const RevocationRecord& record = records.back();
    const int index = static_cast<int>(i);
    if (record.status == RevocationStatus::revoked) {
      findings.push_back(
          {i == 0 ? FindingId::revoked : FindingId::issuer_revoked,
           index,
           {{"name", path[i]->subject_text()},
            {"reason", std::string(x509::to_string(record.reason.value_or(x509::CrlReason::unspecified)))},
            {"time", record.revoked_at ? format_time(*record.revoked_at) : "at an unknown time"}}});
      break;
    }
    if (record.status == RevocationStatus::good || profile.accept_unknown_revocation) continue;
    // Its own reasons where it has some: they carry the codes.
    if (has_error(record.findings)) {
      findings.insert(findings.end(), record.findings.begin(), record.findings.end());
    } else {
      findings.push_back({FindingId::revocation_unknown, index, {{"name", path[i]->subject_text()}}});
    }
    break;
  }
  return records;
}

}  // namespace

Decision Validator::validate(const Request& request) const {
  return Run(*provider_, *trust_, cache_.get(), request).decide();
}

Decision Validator::validate(Bytes target, std::span<const Bytes> sent, Request request) const {
  for (const Bytes der : sent.first(std::min(sent.size(), kMaxSent)))
    if (auto read = Certificate::parse(*provider_, der)) request.sent.push_back(*std::move(read));
  auto read = Certificate::parse(*provider_, target);
  if (!read) {
    Decision decision;
    decision.time = request.now;
    decision.purpose = request.profile.purpose;
    decision.findings.push_back({FindingId::certificate_malformed, 0, {{"reason", read.error().summary()}}});
    return decision;
  }
  request.target = *std::move(read);
  return validate(request);
}

}  // namespace vouch::validate
