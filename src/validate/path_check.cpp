#include "validate/path_check.hpp"

#include <algorithm>

#include "validate/name_constraints.hpp"
#include "validate/signatures.hpp"

namespace vouch::validate {
namespace {

namespace oid = x509::oid;

// The variables of 6.1.2 and the steps of 6.1.3 to 6.1.5 over
// them, from the certificate below the anchor to the target.
class PathCheck {
 public:
  PathCheck(std::span<const CertificatePtr> path, const TrustAnchor& anchor, const Profile& profile, Time now,
            Budget& budget)
      : path_(path), anchor_(anchor), profile_(profile), now_(now), budget_(budget) {
    const std::size_t n = path.size() - 1;
    explicit_policy_ = profile.policies.require_explicit ? 0 : n + 1;
    inhibit_any_ = profile.policies.inhibit_any ? 0 : n + 1;
    policy_mapping_ = profile.policies.inhibit_mapping ? 0 : n + 1;
    max_path_length_ = n;
  }

  PathOutcome run() {
    check_anchor();
    for (index_ = path_.size() - 1; index_-- > 0;) {
      check_form();
      check_algorithms();
      check_validity();
      check_names();
      check_policies();
      if (index_ > 0) prepare_for_next();
    }
    wrap_up();
    return std::move(outcome_);
  }

 private:
  const Certificate& current() const { return *path_[index_]; }
  bool is_target() const { return index_ == 0; }
  void add(FindingId id, std::vector<Finding::Parameter> parameters = {}) {
    outcome_.findings.push_back({id, static_cast<int>(index_), std::move(parameters)});
  }

  // RFC 5280 takes name and key of an anchor; time, and what the trust store or RFC 5937 limit, is ours.
  void check_anchor() {
    index_ = path_.size() - 1;
    const Certificate& anchor = current();
    if (profile_.check_anchor_validity) check_validity();
    check_key(anchor);
    if (anchor_.name_constraints) names_.add(*anchor_.name_constraints, anchor.subject_text());
    if (anchor_.path_length) limit_path(*anchor_.path_length);
    if (!anchor_.apply_extensions) return;
    names_.add(anchor);
    if (anchor.basic_constraints && anchor.basic_constraints->path_length)
      limit_path(*anchor.basic_constraints->path_length);
    constrain_policies();
  }
  void limit_path(std::uint32_t length) {
    max_path_length_ = std::min<std::size_t>(max_path_length_, length);
  }

  // 4.2 and 6.1.4 o, 6.1.5 f: nothing critical is left over; nothing is unreadable.
  void check_form() {
    const Certificate& certificate = current();
    for (const auto& bad : certificate.malformed)
      add(FindingId::extension_malformed,
          {{"extension", x509::describe(bad.extension)}, {"reason", bad.reason}});
    for (const auto& id : certificate.unknown_critical)
      add(FindingId::extension_unknown, {{"extension", x509::describe(id)}});
    const auto& view = certificate.view();
    if (!equal(view.tbs_signature.whole, view.signature_algorithm.whole)) add(FindingId::algorithm_mismatch);
    if (anchor_.distrusted_after && view.not_before > *anchor_.distrusted_after)
      add(FindingId::anchor_distrusted,
          {{"name", anchor_.certificate->subject_text()}, {"time", format_time(*anchor_.distrusted_after)}});
  }

  void check_algorithms() {
    const Certificate& certificate = current();
    const auto algorithm = accepted_algorithm(certificate.view().signature_algorithm, profile_.algorithms);
    if (!algorithm) {
      const auto known = x509::parse_signature_algorithm(certificate.view().signature_algorithm);
      add(FindingId::algorithm_refused,
          {{"algorithm", known ? std::string(x509::to_string(*known))
                               : x509::describe(certificate.view().signature_algorithm.algorithm)}});
    }
    check_key(certificate);
  }

  void check_key(const Certificate& certificate) {
    const AlgorithmRules& rules = profile_.algorithms;
    const auto key = x509::parse_public_key_info(certificate.view().public_key_info);
    if (!key) {
      if (rules.accept_weak && x509::parse_dsa_public_key(certificate.view().public_key_info)) return;
      return add(FindingId::key_unsupported, {{"reason", key.error().summary()}});
    }
    const bool rsa = key->type == x509::KeyType::rsa;
    const std::size_t least = rsa ? rules.rsa_bits : rules.curve_bits;
    if (key->bits < least)
      add(FindingId::key_weak, {{"key", fmt::format("{}, {} bits", x509::to_string(key->type), key->bits)},
                                {"least", fmt::format("{} bits", least)}});
  }

  // 6.1.3 a.2
  void check_validity() {
    const auto& view = current().view();
    const bool early = now_ < view.not_before;
    if (!early && now_ <= view.not_after) return;
    const FindingId id = early ? (is_target() ? FindingId::not_yet_valid : FindingId::issuer_not_yet_valid)
                               : (is_target() ? FindingId::expired : FindingId::issuer_expired);
    add(id, {{"name", current().subject_text()},
             {"issuer", current().issuer_text()},
             {"now", format_time(now_)},
             {"not_before", format_time(view.not_before)},
             {"not_after", format_time(view.not_after)}});
  }

  // 6.1.3 b and c: a self-issued certificate is exempt unless it is the target.
  void check_names() {
    if (current().self_issued() && !is_target()) return;
    if (auto finding = names_.check(current(), static_cast<int>(index_), budget_))
      outcome_.findings.push_back(*std::move(finding));
  }

  // 6.1.3 d, e, f
  void check_policies() {
    const auto& policies = current().policies;
    if (!policies) {
      policies_.add_nothing();
    } else {
      for (auto one = policies->begin(); one != policies->end(); ++one)
        if (std::find(policies->begin(), one, *one) != one)
          add(FindingId::policy_duplicate, {{"policy", x509::describe(*one)}});
      const bool any_counts = inhibit_any_ > 0 || (!is_target() && current().self_issued());
      policies_.add_policies(*policies, any_counts);
    }
    if (explicit_policy_ == 0 && policies_.empty()) require_policy();
  }
  void require_policy() {
    if (!policy_required_) add(FindingId::policy_required);
    policy_required_ = true;
  }

  // 6.1.4
  void prepare_for_next() {
    map_policies();
    names_.add(current());
    if (!current().self_issued()) {
      const auto count_down = [](std::size_t& n) { n -= n > 0; };
      count_down(explicit_policy_);
      count_down(policy_mapping_);
      count_down(inhibit_any_);
    }
    constrain_policies();
    check_issuer();
  }

  // a, b
  void map_policies() {
    if (!current().policy_mappings) return;
    std::vector<PolicyGraph::Mapping> mappings;
    for (const auto& mapping : *current().policy_mappings) {
      if (mapping.issuer_domain == oid::kAnyPolicy || mapping.subject_domain == oid::kAnyPolicy)
        return add(FindingId::policy_mapping_any);
      mappings.push_back({mapping.issuer_domain, mapping.subject_domain});
    }
    policies_.add_mappings(mappings, policy_mapping_ > 0);
  }

  // i, j
  void constrain_policies() {
    const auto limit = [](std::size_t& variable, const std::optional<std::uint32_t>& value) {
      if (value) variable = std::min<std::size_t>(variable, *value);
    };
    if (current().policy_constraints) {
      limit(explicit_policy_, current().policy_constraints->require_explicit_policy);
      limit(policy_mapping_, current().policy_constraints->inhibit_policy_mapping);
    }
    limit(inhibit_any_, current().inhibit_any_policy);
  }

  // k to n
  void check_issuer() {
    const Certificate& ca = current();
    if (ca.view().version < 3)
      add(FindingId::certificate_version, {{"version", std::to_string(ca.view().version)}});
    else if (!ca.is_ca())
      add(FindingId::not_a_ca, {{"name", ca.subject_text()}});
    if (!ca.self_issued()) {
      if (max_path_length_ == 0)
        add(FindingId::path_length, {{"name", ca.subject_text()}});
      else
        --max_path_length_;
    }
    if (ca.basic_constraints && ca.basic_constraints->path_length)
      limit_path(*ca.basic_constraints->path_length);
    if (!ca.allows(x509::key_cert_sign))
      add(FindingId::no_certificate_signing, {{"name", ca.subject_text()}});
  }

  // 6.1.5 a, b, g
  void wrap_up() {
    index_ = 0;
    if (explicit_policy_ > 0) --explicit_policy_;
    if (current().policy_constraints && current().policy_constraints->require_explicit_policy == 0u)
      explicit_policy_ = 0;
    outcome_.policies = policies_.user_constrained(profile_.policies.acceptable);
    if (explicit_policy_ == 0 && outcome_.policies.empty()) require_policy();
  }

  std::span<const CertificatePtr> path_;
  const TrustAnchor& anchor_;
  const Profile& profile_;
  Time now_;
  Budget& budget_;
  std::size_t index_ = 0;
  ConstrainedNames names_;
  PolicyGraph policies_;
  std::size_t explicit_policy_ = 0, inhibit_any_ = 0, policy_mapping_ = 0, max_path_length_ = 0;
  bool policy_required_ = false;
  PathOutcome outcome_;
};

}  // namespace

PathOutcome check_path(std::span<const CertificatePtr> path, const TrustAnchor& anchor,
                       const Profile& profile, Time now, Budget& budget) {
  return PathCheck(path, anchor, profile, now, budget).run();
}

}  // namespace vouch::validate
