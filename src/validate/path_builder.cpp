#include "validate/path_builder.hpp"

#include <algorithm>

namespace vouch::validate {
namespace {

enum class KeyMatch { fits, silent, differs };

// RFC 5280 4.2.1.1, 4.2.1.2: a hint, unless the profile makes it a rule.
KeyMatch key_match(const Certificate& certificate, const Certificate& issuer) {
  const auto& wanted = certificate.authority_key_identifier;
  if (!wanted || !wanted->key_identifier || !issuer.subject_key_identifier) return KeyMatch::silent;
  return equal(*wanted->key_identifier, *issuer.subject_key_identifier) ? KeyMatch::fits : KeyMatch::differs;
}

bool is_valid_at(const Certificate& certificate, Time now) {
  return now >= certificate.view().not_before && now <= certificate.view().not_after;
}

}  // namespace

// Lower is tried earlier (RFC 4158 3.5): the key that the certificate names, trusted, a CA, valid now.
int PathBuilder::rank(const Certificate& certificate, const Candidate& candidate) const {
  const Certificate& issuer = *candidate.certificate;
  return static_cast<int>(key_match(certificate, issuer)) * 8 + (candidate.anchor != nullptr ? 0 : 4) +
         (issuer.is_ca() || candidate.anchor != nullptr ? 0 : 2) + (is_valid_at(issuer, inputs_.now) ? 0 : 1);
}

std::vector<PathBuilder::Candidate> PathBuilder::candidates_for(const Certificate& certificate) const {
  std::vector<Candidate> out;
  const std::string& wanted = certificate.issuer_key();
  const auto add = [&](const CertificatePtr& one, const TrustAnchor* anchor) {
    if (inputs_.only != nullptr && anchor != nullptr && anchor != inputs_.only) return;
    const bool known = std::ranges::any_of(out, [&](const Candidate& other) {
      return other.certificate == one || equal(other.certificate->fingerprint(), one->fingerprint());
    });
    if (known) return;
    out.push_back({one, anchor, 0});
    out.back().rank = rank(certificate, out.back());
  };
  for (const auto& known : inputs_.trust.named(wanted)) add(known.certificate, known.anchor);
  for (const CertificatePtr& one : inputs_.sent)
    if (one->subject_key() == wanted) add(one, inputs_.trust.anchor(*one));
  // Of equals the youngest first; then in a fixed order, so that the same input takes the same path.
  std::ranges::sort(out, [](const Candidate& a, const Candidate& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    const auto &left = a.certificate->view(), &right = b.certificate->view();
    if (left.not_before != right.not_before) return left.not_before > right.not_before;
    return std::ranges::lexicographical_compare(a.certificate->fingerprint(), b.certificate->fingerprint());
  });
  return out;
}

// RFC 4158 5.2: the same name with the same key twice leads in circles.
bool PathBuilder::is_loop(const Certificate& candidate) const {
  return std::ranges::any_of(path_, [&](const CertificatePtr& one) {
    return one->subject_key() == candidate.subject_key() &&
           equal(one->view().public_key_info, candidate.view().public_key_info);
  });
}

bool PathBuilder::issued_by(const CertificatePtr& issuer) {
  const CertificatePtr& certificate = path_.back();
  const auto edge = std::pair(certificate.get(), issuer.get());
  if (const auto known = edges_.find(edge); known != edges_.end())
    return known->second != SignatureVerdict::wrong;
  // The target's signature is new each time: looking it up would cost and never help.
  const bool cached = inputs_.cache != nullptr && path_.size() > 1;
  if (cached && inputs_.cache->knows(certificate->fingerprint(), issuer->fingerprint())) return true;
  if (!inputs_.budget.signature()) return false;
  const auto& view = certificate->view();
  const SignatureVerdict verdict =
      check_signature(inputs_.provider, {&issuer, 1}, view.signature_algorithm, view.tbs, view.signature);
  edges_.emplace(edge, verdict);
  if (cached && verdict == SignatureVerdict::fits)
    inputs_.cache->learn(certificate->fingerprint(), issuer->fingerprint());
  return verdict != SignatureVerdict::wrong;
}

// DSA keys that inherit their parameters, now that everything above them is known.
bool PathBuilder::undecided_signatures_fit() const {
  for (std::size_t i = 0; i + 1 < path_.size(); ++i) {
    const auto edge = edges_.find({path_[i].get(), path_[i + 1].get()});
    if (edge == edges_.end() || edge->second != SignatureVerdict::undecided) continue;
    const auto& view = path_[i]->view();
    if (!inputs_.budget.signature() ||
        check_signature(inputs_.provider, std::span(path_).subspan(i + 1), view.signature_algorithm, view.tbs,
                        view.signature) != SignatureVerdict::fits)
      return false;
  }
  return true;
}

void PathBuilder::note_dead_end(std::vector<Finding> findings) {
  if (path_.size() <= dead_end_.size()) return;
  dead_end_ = path_;
  dead_end_findings_ = std::move(findings);
}

bool PathBuilder::follow(const Candidate& candidate, const Judge& judge) {
  path_.push_back(candidate.certificate);
  bool accepted = false;
  if (candidate.anchor != nullptr) {
    if (undecided_signatures_fit() && inputs_.budget.path()) accepted = judge(path_, *candidate.anchor);
  }
  // An anchor that did not do may itself have been issued by another.
  if (!accepted && !inputs_.budget.spent()) accepted = extend(judge);
  path_.pop_back();
  return accepted;
}

bool PathBuilder::extend(const Judge& judge) {
  const CertificatePtr certificate = path_.back();
  const int index = static_cast<int>(path_.size()) - 1;
  if (path_.size() >= inputs_.profile.limits.certificates) {
    note_dead_end({{FindingId::path_too_long,
                    kWholePath,
                    {{"limit", std::to_string(inputs_.profile.limits.certificates)}}}});
    return false;
  }
  const bool by_key = inputs_.profile.link_by_key_identifier;
  if (by_key &&
      !(certificate->authority_key_identifier && certificate->authority_key_identifier->key_identifier)) {
    note_dead_end({{FindingId::key_identifier_missing, index, {{"extension", "authorityKeyIdentifier"}}}});
    return false;
  }
  std::vector<Finding> why;
  for (const Candidate& candidate : candidates_for(*certificate)) {
    if (!inputs_.budget.step()) return false;
    if (is_loop(*candidate.certificate)) continue;
    const KeyMatch match = key_match(*certificate, *candidate.certificate);
    if (by_key && match != KeyMatch::fits) {
      const auto& wanted = certificate->authority_key_identifier->key_identifier;
      why.push_back(
          match == KeyMatch::silent
              ? Finding{FindingId::key_identifier_missing, index + 1, {{"extension", "subjectKeyIdentifier"}}}
              : Finding{FindingId::key_identifier_mismatch,
                        index,
                        {{"issuer", certificate->issuer_text()}, {"identifier", to_hex(*wanted)}}});
      continue;
    }
    if (!issued_by(candidate.certificate)) {
      why.push_back({FindingId::signature_wrong, index, {{"issuer", certificate->issuer_text()}}});
      continue;
    }
    if (follow(candidate, judge)) return true;
    if (inputs_.budget.spent()) return false;
  }
  if (why.empty())
    why.push_back({certificate->self_issued() ? FindingId::root_not_trusted : FindingId::issuer_not_found,
                   index,
                   {{"issuer", certificate->issuer_text()}}});
  note_dead_end(std::move(why));
  return false;
}

bool PathBuilder::search(const CertificatePtr& target, const Judge& judge) {
  path_ = {target};
  const bool accepted = extend(judge);
  path_.clear();
  return accepted;
}

}  // namespace vouch::validate
