#include "validate/crl_check.hpp"

#include <algorithm>

#include "validate/distribution_points.hpp"

namespace vouch::validate {
namespace {

namespace oid = x509::oid;

// 6.3.3 c.2 to c.4: same issuer, same scope, same key.
bool same_line(const CrlHead& delta, const CrlHead& base) {
  return delta.issuer_key == base.issuer_key && delta.distribution_point == base.distribution_point &&
         delta.authority_key_identifier == base.authority_key_identifier;
}

// 5.2.4: the delta continues the base: it starts at or before it and goes on from it.
bool continues(const CrlHead& delta, const CrlHead& base) {
  return base.number && delta.number && compare_numbers(*base.number, *delta.delta_base) >= 0 &&
         compare_numbers(*base.number, *delta.number) <= 0;
}

class CrlCheck {
 public:
  CrlCheck(const RevocationQuery& query, const std::vector<CrlPtr>& crls, const CrlRules& rules)
      : query_(query), rules_(rules), certificate_(*query.path[query.index]), crls_(crls) {
    record_.certificate = query.index;
    // The newest first: an old one must not hide it (mbedTLS #10797, wolfSSL PR #7476).
    std::ranges::sort(crls_, [](const CrlPtr& a, const CrlPtr& b) {
      if (a->head().view.this_update != b->head().view.this_update)
        return a->head().view.this_update > b->head().view.this_update;
      return a->head().fingerprint < b->head().fingerprint;
    });
  }

  RevocationRecord run() {
    const auto points = points_of(certificate_);
    if (!points) {
      add(FindingId::extension_malformed,
          {{"extension", "cRLDistributionPoints"}, {"reason", points.error().summary()}});
      return std::move(record_);
    }
    for (const PointOfCertificate& point : *points)
      for (const CrlPtr& crl : crls_) {
        if (done()) break;
        if (!crl->head().delta_base) consider(*points, point, crl);
      }
    finish();
    return std::move(record_);
  }

 private:
  bool done() const { return record_.status == RevocationStatus::revoked || covered_ == kAllReasons; }

  void add(FindingId id, std::vector<Finding::Parameter> parameters) {
    Finding finding{id, static_cast<int>(query_.index), std::move(parameters)};
    if (std::ranges::find(record_.findings, finding) == record_.findings.end())
      record_.findings.push_back(std::move(finding));
  }

  RevocationStep& step(const CrlHead& head, std::string outcome) {
    record_.steps.push_back({head.delta_base ? "delta" : "crl", head.from, std::move(outcome),
                             head.number ? to_hex(*head.number) : "", head.view.this_update,
                             head.view.next_update});
    return record_.steps.back();
  }

  // Steps b to l for one base CRL and one distribution point.
  void consider(const std::vector<PointOfCertificate>& points, const PointOfCertificate& point,
                const CrlPtr& crl) {
    const CrlHead& head = crl->head();
    if (!head.unusable.empty())
      return add(FindingId::crl_unusable, {{"issuer", head.issuer_text}, {"reason", head.unusable}});
    if (const std::string fault = scope_fault(head, certificate_, point); !fault.empty()) {
      // The default point is a second chance; it says nothing new about CRLs that the others refused.
      if (!point.is_default || points.size() == 1)
        add(FindingId::crl_scope, {{"issuer", head.issuer_text}, {"reason", fault}});
      return;
    }
    const x509::ReasonFlags reasons = reasons_of(head, point);
    if ((reasons & ~covered_) == 0) return;  // e
    if (!usable(head)) return remember_stale(*crl);
    const CertificatePtr signer = signer_of(*crl);
    if (!signer) return;
    bool delta_wanted = false;
    const CrlPtr delta = delta_for(head, signer, delta_wanted);
    if (!delta && delta_wanted) return add(FindingId::crl_delta_missing, {{"type", "delta"}});
    if (const Status read = decide(*crl, delta.get()); !read)
      return add(FindingId::crl_unusable, {{"issuer", head.issuer_text}, {"reason", read.error().summary()}});
    step(head, "used");
    if (delta) step(delta->head(), "used");
    limit_unseen(head);
    if (delta) limit_unseen(delta->head());
    covered_ = static_cast<x509::ReasonFlags>(covered_ | reasons);
  }

  // d
  static x509::ReasonFlags reasons_of(const CrlHead& head, const PointOfCertificate& point) {
    x509::ReasonFlags reasons = point.reasons;
    if (head.distribution_point && head.distribution_point->only_some_reasons)
      reasons = static_cast<x509::ReasonFlags>(reasons & *head.distribution_point->only_some_reasons);
    return reasons;
  }

  // a and what section 5 demands of a CRL.
  bool usable(const CrlHead& head) {
    const auto& view = head.view;
    if (view.this_update > query_.now) {
      add(FindingId::crl_not_yet_valid,
          {{"issuer", head.issuer_text}, {"time", format_time(view.this_update)}});
    } else if (!view.next_update && rules_.require_next_update) {
      add(FindingId::crl_without_end, {{"issuer", head.issuer_text}});
    } else if (view.next_update && *view.next_update <= query_.now) {
      add(FindingId::crl_expired, {{"issuer", head.issuer_text}, {"time", format_time(*view.next_update)}});
    } else if (rules_.max_age && view.this_update + *rules_.max_age < query_.now) {
      add(FindingId::crl_expired,
          {{"issuer", head.issuer_text}, {"time", format_time(view.this_update + *rules_.max_age)}});
    } else {
      return true;
    }
    step(head, "not usable");
    return false;
  }

  // What a CA revoked stays revoked: without a fresh CRL an expired one still proves it (SSSD #7404), unless
  // it was only held.
  void remember_stale(const Crl& crl) {
    const auto& until = crl.head().view.next_update;
    if (!until || *until > query_.now || crl.head().view.this_update > query_.now) return;
    const auto found = crl.find(certificate_.view().serial, certificate_.issuer_key());
    if (!found || !*found) return;
    const auto& hit = *found;
    if (hit->reason == x509::CrlReason::certificate_hold || hit->reason == x509::CrlReason::remove_from_crl ||
        stale_)
      return;
    if (signer_of(crl)) stale_ = hit;
  }

  // f and g: a certificate of the CRL issuer whose key fits. The key identifier says where to look first.
  CertificatePtr signer_of(const Crl& crl) {
    const CrlHead& head = crl.head();
    std::vector<CertificatePtr> candidates = query_.signers.named(head.issuer_key);
    const auto& wanted = head.authority_key_identifier;
    const auto named_one = [&](const CertificatePtr& one) {
      return wanted && one->subject_key_identifier && equal(*one->subject_key_identifier, *wanted);
    };
    if (const auto first = std::ranges::find_if(candidates, named_one); first != candidates.end())
      std::rotate(candidates.begin(), first, first + 1);
    std::string reason = "no certificate of the CRL issuer is known";
    for (const CertificatePtr& candidate : candidates) {
      if (const Status fits = query_.signers.verify(crl, candidate); !fits) {
        reason = fits.error().summary();
        continue;
      }
      if (!candidate->allows(x509::crl_sign)) {
        add(FindingId::no_crl_signing, {{"name", candidate->subject_text()}});
        continue;
      }
      if (const Status holds = query_.signers.holds(candidate); !holds) {
        add(FindingId::crl_signer,
            {{"name", candidate->subject_text()}, {"reason", holds.error().summary()}});
        continue;
      }
      return candidate;
    }
    const auto& issuer = *query_.path[query_.index + 1];
    add(FindingId::crl_signature,
        {{"expected", issuer.subject_key_identifier ? to_hex(*issuer.subject_key_identifier) : "-"},
         {"found", wanted ? to_hex(*wanted) : "-"},
         {"reason", reason}});
    step(head, "not usable");
    return nullptr;
  }

  // c and h. `wanted`: the profile asks for a delta here.
  CrlPtr delta_for(const CrlHead& base, const CertificatePtr& signer, bool& wanted) {
    if (rules_.deltas == DeltaRule::ignore) return nullptr;
    const bool announced = base.announces_delta || certificate_.view().find(oid::kFreshestCrl) != nullptr;
    wanted = rules_.deltas == DeltaRule::when_announced && announced;
    for (const CrlPtr& delta : crls_) {
      const CrlHead& head = delta->head();
      if (!head.delta_base || !head.unusable.empty() || !same_line(head, base) || !continues(head, base))
        continue;
      if (!usable(head) || !query_.signers.verify(*delta, signer)) continue;
      return delta;
    }
    return nullptr;
  }

  // i to k: the delta is younger; what it removes is good again.
  Status decide(const Crl& base, const Crl* delta) {
    const Bytes serial = certificate_.view().serial;
    std::optional<CrlHit> hit;
    if (delta != nullptr) hit = TRY(delta->find(serial, certificate_.issuer_key()));
    if (!hit) hit = TRY(base.find(serial, certificate_.issuer_key()));
    if (hit && hit->reason != x509::CrlReason::remove_from_crl) revoke(*hit);
    return ok();
  }
  void revoke(const CrlHit& hit) {
    record_.status = RevocationStatus::revoked;
    record_.reason = hit.reason;
    record_.revoked_at = hit.revoked_at;
  }

  void limit_unseen(const CrlHead& head) {
    const auto& until = head.view.next_update;
    if (until && (!record_.unseen_until || *until < *record_.unseen_until)) record_.unseen_until = until;
  }

  void finish() {
    if (record_.status == RevocationStatus::revoked) return;
    if (covered_ == kAllReasons) {
      record_.status = RevocationStatus::good;
      record_.findings.clear();  // CRLs that were not needed
      return;
    }
    if (stale_) return revoke(*stale_);
    if (covered_ != 0)
      add(FindingId::reasons_missing, {{"type", "base"}});
    else if (!has_error(record_.findings))
      add(FindingId::revocation_unknown, {{"name", certificate_.subject_text()}});
  }

  const RevocationQuery& query_;
  const CrlRules& rules_;
  const Certificate& certificate_;
  std::vector<CrlPtr> crls_;
  RevocationRecord record_;
  x509::ReasonFlags covered_ = 0;
  std::optional<CrlHit> stale_;  // by a CRL that has expired
};

}  // namespace

std::string_view to_string(RevocationStatus status) {
  switch (status) {
    case RevocationStatus::good:
      return "good";
    case RevocationStatus::revoked:
      return "revoked";
    case RevocationStatus::unknown:
      break;
  }
  return "unknown";
}

RevocationRecord check_crls(const RevocationQuery& query, const std::vector<CrlPtr>& crls,
                            const CrlRules& rules) {
  return CrlCheck(query, crls, rules).run();
}

CrlRevocation::CrlRevocation(std::vector<CrlPtr> crls, CrlRules rules) : rules_(rules) {
  for (CrlPtr& crl : crls) {
    const std::string& issuer = crl->head().issuer_key;
    by_issuer_[issuer].push_back(std::move(crl));
  }
}

std::vector<std::string> other_crl_issuers(const Certificate& certificate) {
  std::vector<std::string> out;
  if (certificate.view().find(oid::kCrlDistributionPoints) == nullptr) return out;
  if (const auto points = points_of(certificate))
    for (const PointOfCertificate& point : *points)
      for (const std::string& issuer : point.crl_issuers)
        if (issuer != certificate.issuer_key() && std::ranges::find(out, issuer) == out.end())
          out.push_back(issuer);
  return out;
}

RevocationRecord CrlRevocation::check(const RevocationQuery& query) {
  const Certificate& certificate = *query.path[query.index];
  std::vector<CrlPtr> crls;
  const auto take = [&](const std::string& issuer) {
    if (const auto found = by_issuer_.find(issuer); found != by_issuer_.end())
      crls.insert(crls.end(), found->second.begin(), found->second.end());
  };
  take(certificate.issuer_key());
  for (const std::string& issuer : other_crl_issuers(certificate)) take(issuer);
  return check_crls(query, crls, rules_);
}

}  // namespace vouch::validate
