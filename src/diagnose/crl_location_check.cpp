#include "diagnose/crl_location_check.hpp"

#include <algorithm>

#include "x509/crl.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::string_view kPublishAgain =
    "publish it there again: vouch crl publish; vouch crl list --targets shows where this CA writes to";
constexpr std::string_view kTwoNames =
    "let the server show this CA's own file: two CAs or keys may share a path (vouch location list; %3 and "
    "%8 "
    "keep them apart)";

// One CRL at one place.
class CrlCheck {
 public:
  CrlCheck(const crypto::Provider& provider, const Place& place, const x509::CrlView& crl, Bytes body,
           Time now)
      : provider_(provider), place_(place), crl_(crl), body_(body), now_(now) {}

  Judged run() {
    Judged judged;
    if (const auto* extension = crl_.find(x509::oid::kCrlNumber))
      if (const auto octets = x509::parse_crl_number(extension->value))
        judged.crl_number = number_of(*octets);
    judged.expires = crl_.next_update;
    judged.judgement = judge(judged.crl_number);
    return judged;
  }

 private:
  using Finding = std::optional<Judgement>;

  Judgement judge(const std::optional<std::uint64_t>& number) {
    const CaCertificate* issuer = nullptr;
    if (auto found = find_issuer(issuer)) return *found;
    if (auto found = check_kind()) return *found;
    if (auto found = check_end()) return *found;
    if (auto found = check_begin()) return *found;
    if (auto found = compare(issuer->newest, number)) return *found;
    return check_successor().value_or(Judgement{});
  }

  static std::optional<std::uint64_t> number_of(Bytes octets) {
    if (octets.size() > 8) return std::nullopt;  // RFC 5280 allows 20; no CA that counts needs them
    std::uint64_t number = 0;
    for (const std::uint8_t octet : octets) number = number << 8 | octet;
    return number;
  }

  Finding mismatch(std::string cause, std::string_view mend) const {
    return Judgement{Verdict::not_matching, std::move(cause), std::string(mend)};
  }

  // RFC 5280 6.3.3 (f), (g): the name, and the key that signed.
  Finding find_issuer(const CaCertificate*& issuer) const {
    const auto algorithm = x509::parse_signature_algorithm(crl_.signature_algorithm);
    if (!algorithm || !equal(crl_.tbs_signature.whole, crl_.signature_algorithm.whole))
      return mismatch("its signature algorithm cannot be read", kPublishAgain);
    bool name_fits = false, key_fits = false;
    for (const CaCertificate& candidate : place_.issuers) {
      const auto view = x509::parse_certificate(candidate.der);
      if (!view || !equal(view->subject, crl_.issuer)) continue;
      name_fits = true;
      key_fits = key_fits || is_key_of(*view);
      if (!provider_.verify(view->public_key_info, *algorithm, crl_.tbs, crl_.signature)) continue;
      issuer = &candidate;
      return std::nullopt;
    }
    if (!name_fits) return mismatch(fmt::format("it is the CRL of another CA: {}", issuer_text()), kTwoNames);
    if (!key_fits) return mismatch("it is signed with another key of this CA", kTwoNames);
    return mismatch("its signature does not verify: it was changed or damaged", kPublishAgain);
  }

  std::string issuer_text() const {
    const auto text = x509::to_rfc4514(crl_.issuer);
    return text ? *text : std::string("its name cannot be read");
  }

  // By the key identifiers; without them nobody can tell.
  bool is_key_of(const x509::CertificateView& certificate) const {
    const auto* named = crl_.find(x509::oid::kAuthorityKeyIdentifier);
    const auto* own = certificate.find(x509::oid::kSubjectKeyIdentifier);
    if (!named || !own) return true;
    const auto wanted = x509::parse_authority_key_identifier(named->value);
    const auto identifier = x509::parse_subject_key_identifier(own->value);
    return !wanted || !wanted->key_identifier || !identifier || equal(*wanted->key_identifier, *identifier);
  }

  Finding check_kind() const {
    const bool is_delta = crl_.find(x509::oid::kDeltaCrlIndicator) != nullptr;
    if (is_delta == (place_.kind == LocationKind::delta)) return std::nullopt;
    return mismatch(is_delta ? "it is a delta CRL, where the base CRL should be"
                             : "it is a base CRL, where the delta CRL should be",
                    "let the server show the other file: %9 (+ in the name of the delta) keeps them apart");
  }

  Finding check_end() const {
    if (!crl_.next_update || *crl_.next_update >= now_) return std::nullopt;
    return Judgement{Verdict::expired, fmt::format("it expired on {}", format_time(*crl_.next_update)),
                     std::string(kPublishAgain)};
  }

  Finding check_begin() const {
    if (crl_.this_update <= now_ + kClockSkew) return std::nullopt;
    return mismatch(fmt::format("it is of {}, which has not come yet", format_time(crl_.this_update)),
                    "one of the clocks is wrong: compare that of the CA and that of this machine");
  }

  // With what this home published last for the key that signed it.
  Finding compare(const std::optional<store::CrlRecord>& newest,
                  const std::optional<std::uint64_t>& number) const {
    if (!newest) return std::nullopt;
    if (!number) return mismatch("it has no CRL number", kPublishAgain);
    if (*number < newest->number)
      return mismatch(fmt::format("it is CRL {}; CRL {} was published on {}", *number, newest->number,
                                  format_time(newest->this_update)),
                      "bring the new one there: vouch crl publish --if-due; a cache in between forgets the "
                      "old one at the time in its Expires field");
    if (*number > newest->number)
      return mismatch(
          fmt::format("it is CRL {}, and this home has published none after {}", *number, newest->number),
          "does another home sign with this key, or was this one restored from a backup? vouch db "
          "check");
    if (provider_.digest(crypto::DigestAlgorithm::sha256, body_) != newest->sha256)
      return mismatch(fmt::format("there are two different CRLs {}", *number), kPublishAgain);
    return std::nullopt;
  }

  // Microsoft's Next CRL Publish says when the successor is due; without it the last tenth of its life.
  Finding check_successor() const {
    if (!crl_.next_update) return std::nullopt;
    Time due = *crl_.next_update - (*crl_.next_update - crl_.this_update) / 10;
    if (const auto* extension = crl_.find(x509::oid::kMsNextPublish))
      if (const auto time = x509::parse_next_publish(extension->value)) due = *time;
    if (due >= now_) return std::nullopt;
    return Judgement{
        Verdict::expiring,
        fmt::format("its successor has been due since {}; it expires on {}", format_time(due),
                    format_time(*crl_.next_update)),
        "publish what is due: vouch crl publish --if-due; vouch serve or vouch-crl.timer does it "
        "by itself"};
  }

  const crypto::Provider& provider_;
  const Place& place_;
  const x509::CrlView& crl_;
  const Bytes body_;
  const Time now_;
};

}  // namespace

Judged judge_crl(const crypto::Provider& provider, const Place& place, Bytes body, Time now) {
  if (as_text(body).starts_with("-----BEGIN"))
    return not_matching("it is PEM; a CRL is fetched as DER (RFC 5280 4.2.1.13)",
                        "publish the file as vouch writes it");
  const auto crl = x509::parse_crl(body);
  if (!crl)
    return not_matching(fmt::format("what is there is no CRL, or not a whole one ({} octets): {}",
                                    body.size(), crl.error().message()),
                        std::string(kPublishAgain));
  return CrlCheck(provider, place, *crl, body, now).run();
}

}  // namespace vouch::diagnose
