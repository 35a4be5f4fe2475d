#include "validate/validator.hpp"

#include <algorithm>

#include "validate/crl_signers.hpp"
#include "validate/path_builder.hpp"
#include "validate/path_check.hpp"
#include "validate/purpose.hpp"

namespace vouch::validate {
namespace {

constexpr std::size_t kMaxAttempts = 8;  // of those that the record keeps

// One validation from its first step to its last.
class Validation {
 public:
  Validation(const crypto::Provider& provider, const TrustStore& trust, SignatureCache* cache,
             const CertificatePtr& target, std::span<const CertificatePtr> sent, const Terms& terms)
      : target_(target),
        terms_(terms),
        budget_(terms.profile.limits),
        inputs_{provider, trust, sent, terms.profile, terms.now, cache, budget_, nullptr} {}

  Decision decide() {
    decision_.time = terms_.now;
    decision_.purpose = terms_.profile.purpose;
    decision_.sent.push_back(target_);
    decision_.sent.insert(decision_.sent.end(), inputs_.sent.begin(), inputs_.sent.end());
    if (!accepts_as_anchor()) {
      PathBuilder builder(inputs_);
      builder.search(target_, [&](auto path, const TrustAnchor& anchor) { return judge(path, anchor); });
      if (!decision_.accepted) explain_failure(builder);
    }
    decision_.paths = budget_.used(&Limits::paths);
    decision_.steps = budget_.used(&Limits::steps);
    decision_.signatures = budget_.used(&Limits::signatures);
    return std::move(decision_);
  }

 private:
  bool accepts_as_anchor() {
    const TrustAnchor* anchor = inputs_.trust.anchor(*target_);
    if (anchor == nullptr || !terms_.profile.accept_anchor_as_target) return false;
    decision_.accepted = true;
    decision_.path = {target_};
    decision_.trust = anchor->source;
    return true;
  }

  // What is said of one path to an anchor.
  struct Judgement {
    std::vector<Finding> findings;
    std::size_t faults = 0;  // errors of the path itself; with revocation asked about, there are none
    std::vector<x509::Oid> policies;
    std::vector<RevocationRecord> revocation;
    std::size_t unchecked_issuers = 0;
  };

  // True ends the search: the path holds, or no other could change the answer.
  bool judge(std::span<const CertificatePtr> path, const TrustAnchor& anchor) {
    Judgement judgement = weigh(path, anchor);
    const bool holds = !has_error(judgement.findings);
    // The target's own revocation is final: another path to the same issuer does not undo it.
    const bool is_final =
        std::ranges::find(judgement.findings, FindingId::revoked, &Finding::id) != judgement.findings.end();
    if (holds || is_final || !best_faults_ || judgement.faults < *best_faults_)
      adopt(path, anchor, std::move(judgement), holds);
    else
      remember({{path.begin(), path.end()}, true, std::move(judgement.findings)});
    return holds || is_final;
  }

  Judgement weigh(std::span<const CertificatePtr> path, const TrustAnchor& anchor) {
    PathOutcome outcome = check_path(path, anchor, terms_.profile, terms_.now, budget_);
    Judgement judgement;
    judgement.policies = std::move(outcome.policies);
    judgement.findings = std::move(outcome.findings);
    for (Finding& finding : check_purpose(path, anchor, terms_.profile, terms_.expected))
      judgement.findings.push_back(std::move(finding));
    judgement.faults =
        static_cast<std::size_t>(std::ranges::count(judgement.findings, Severity::error, severity_of));
    if (judgement.faults == 0 && terms_.profile.revocation != RevocationRule::none)
      check_revocation(path, anchor, judgement);
    return judgement;
  }

  // The path becomes the decision's; the one before it is kept among the attempts.
  void adopt(std::span<const CertificatePtr> path, const TrustAnchor& anchor, Judgement judgement,
             bool holds) {
    if (best_faults_) remember({decision_.path, true, std::move(decision_.findings)});
    best_faults_ = judgement.faults;
    decision_.accepted = holds;
    decision_.path.assign(path.begin(), path.end());
    decision_.trust = anchor.source;
    decision_.policies = std::move(judgement.policies);
    decision_.findings = std::move(judgement.findings);
    decision_.revocation = std::move(judgement.revocation);
    decision_.unchecked_issuers = judgement.unchecked_issuers;
  }
  void remember(Attempt attempt) {
    if (decision_.attempts.size() < kMaxAttempts) decision_.attempts.push_back(std::move(attempt));
  }

  void check_revocation(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                        Judgement& judgement) {
    const Profile& profile = terms_.profile;
    const bool chain = profile.revocation == RevocationRule::chain;
    const std::size_t all = path.size() - 1;
    std::size_t asked = chain ? std::min(all, profile.checked_issuers) : 1;
    if (terms_.revocation == nullptr) asked = 0;
    judgement.unchecked_issuers = all - asked;
    if (asked == 0 || (chain && profile.refuse_unchecked_issuers && asked < all))
      judgement.findings.push_back(unknown(path, all - 1));
    if (asked == 0) return;
    CrlSigners signers(inputs_, *terms_.revocation, signers_, path, anchor);
    // From the anchor downwards: what a revoked CA says of others does not count.
    for (std::size_t i = asked; i-- > 0;) {
      judgement.revocation.push_back(terms_.revocation->check({path, i, terms_.now, signers}));
      const RevocationRecord& record = judgement.revocation.back();
      if (record.status == RevocationStatus::revoked) {
        judgement.findings.push_back(revoked(path, i, record));
        break;
      }
      if (record.status == RevocationStatus::good || profile.accept_unknown_revocation) continue;
      // Its own reasons where it has some: they carry the codes.
      if (has_error(record.findings))
        judgement.findings.insert(judgement.findings.end(), record.findings.begin(), record.findings.end());
      else
        judgement.findings.push_back(unknown(path, i));
      break;
    }
  }
  static Finding unknown(std::span<const CertificatePtr> path, std::size_t index) {
    return {FindingId::revocation_unknown, static_cast<int>(index), {{"name", path[index]->subject_text()}}};
  }
  static Finding revoked(std::span<const CertificatePtr> path, std::size_t index,
                         const RevocationRecord& record) {
    const auto reason = record.reason.value_or(x509::CrlReason::unspecified);
    return {index == 0 ? FindingId::revoked : FindingId::issuer_revoked,
            static_cast<int>(index),
            {{"name", path[index]->subject_text()},
             {"reason", std::string(x509::to_string(reason))},
             {"time", record.revoked_at ? format_time(*record.revoked_at) : "at an unknown time"}}};
  }

  // No path was accepted: what is the nearest to an explanation?
  void explain_failure(const PathBuilder& builder) {
    if (!best_faults_) {
      decision_.findings = builder.dead_end_findings();
      remember({{builder.dead_end().begin(), builder.dead_end().end()}, false, builder.dead_end_findings()});
    }
    if (inputs_.trust.anchor(*target_) != nullptr)
      decision_.findings.insert(decision_.findings.begin(), {FindingId::target_is_anchor, 0, {}});
    if (const auto& refused = budget_.refused())
      decision_.findings.push_back(
          {FindingId::budget_spent,
           kWholePath,
           {{"limit", std::to_string(refused->limit)}, {"what", std::string(refused->what)}}});
  }

  const CertificatePtr& target_;
  const Terms& terms_;
  Budget budget_;
  const PathBuilder::Inputs inputs_;
  SignerMemory signers_;
  Decision decision_;
  std::optional<std::size_t> best_faults_;  // of the path in the decision, if there is one
};

}  // namespace

Decision Validator::validate(const CertificatePtr& target, const std::vector<CertificatePtr>& sent,
                             const Terms& terms) const {
  return Validation(*provider_, *trust_, cache_.get(), target, sent, terms).decide();
}

Decision Validator::validate(Bytes target, std::span<const Bytes> sent, const Terms& terms) const {
  const auto read = Certificate::parse(*provider_, target);
  if (!read) {
    Decision decision;
    decision.time = terms.now;
    decision.purpose = terms.profile.purpose;
    decision.findings.push_back({FindingId::certificate_malformed, 0, {{"reason", read.error().summary()}}});
    return decision;
  }
  std::vector<CertificatePtr> others;
  for (const Bytes der : sent.first(std::min(sent.size(), kMaxSent)))
    if (auto other = Certificate::parse(*provider_, der)) others.push_back(*std::move(other));
  return validate(*read, others, terms);
}

}  // namespace vouch::validate
