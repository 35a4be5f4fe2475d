#include "revocation/ocsp_crl.hpp"

#include <algorithm>
#include <compare>
#include <map>

#include <fmt/ranges.h>

#include "base/pem.hpp"
#include "ca/setup/certificate_files.hpp"
#include "x509/extensions.hpp"

namespace vouch::revocation {
namespace {

using std::chrono::minutes, std::chrono::seconds;

constexpr std::size_t kMostOfCertificate = 1 << 20;
// A CA's clock may be that far ahead of ours.
constexpr minutes kClockTolerance{5};

// A CRL that was checked, without its octets.
struct Accepted {
  Buffer number, base_number;  // unsigned; base_number: of a delta, the least base that it completes
  Time this_update{}, next_update{};
  std::shared_ptr<const CrlIndex> index;
  Buffer octets;  // DER; given away once it is kept
};

// Numbers of up to 20 octets without leading zeros (RFC 5280 5.2.3).
std::strong_ordering compare_numbers(Bytes a, Bytes b) {
  if (a.size() != b.size()) return a.size() <=> b.size();
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}
Result<Buffer> number_in(const x509::ExtensionView& extension) {
  Bytes number = TRY(x509::parse_crl_number(extension.value));
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  return to_buffer(number);
}
std::string number_text(Bytes number) { return "0x" + to_hex(number); }

// For a state of health, which has room for one text.
std::string sentence_of(const Error& error) {
  return error.hint().empty() ? error.summary() : fmt::format("{} ({})", error.summary(), error.hint());
}

Result<Buffer> read_one_certificate(const fs::path& file) {
  auto certificates = TRY(ca::read_certificates(TRY(read_file(file, kMostOfCertificate))));
  return std::move(certificates.front());
}

// Critical extensions that are understood here; any other forbids using the CRL (RFC 5280 5.2).
bool is_understood(const x509::Oid& id) {
  return id == x509::oid::kAuthorityKeyIdentifier || id == x509::oid::kCrlNumber ||
         id == x509::oid::kDeltaCrlIndicator || id == x509::oid::kIssuingDistributionPoint ||
         id == x509::oid::kFreshestCrl;
}

// Whether the CRL speaks about every certificate of the CA.
Status check_scope(const x509::CrlView& crl, bool whole) {
  const auto* extension = crl.find(x509::oid::kIssuingDistributionPoint);
  if (extension == nullptr) return ok();
  const auto scope = TRY(x509::parse_issuing_distribution_point(extension->value));
  if (scope.indirect_crl) return make_error(Errc::unsupported, "it is an indirect CRL");
  if (scope.only_user_certs || scope.only_ca_certs || scope.only_attribute_certs || scope.only_some_reasons)
    return make_error(Errc::unsupported, "it covers only some certificates or reasons (RFC 5280 5.2.5)")
        .with_hint("a responder needs a CRL that covers all certificates of the CA");
  if (scope.name && !whole)
    return make_error(Errc::denied,
                      "it covers the certificates that name its distribution point, and perhaps not all")
        .with_hint("if those are all that the CA issues, and this CRL is no shard: whole = true");
  return ok();
}

class CrlReader {
 public:
  CrlReader(const crypto::Provider& provider, Bytes ca_subject, Bytes ca_key, bool whole)
      : provider_(provider), ca_subject_(ca_subject), ca_key_(ca_key), whole_(whole) {}

  // Everything about one CRL that does not depend on others.
  Result<Accepted> read(Buffer octets, Time now) const {
    Accepted accepted;
    accepted.octets = TRY(der_of(std::move(octets)));
    const auto crl = TRY(x509::parse_crl(accepted.octets));
    TRY(check_issuer(crl));
    TRY(check_scope(crl, whole_));
    for (const x509::ExtensionView& extension : crl.extensions)
      if (extension.critical && !is_understood(extension.id))
        return make_error(Errc::unsupported, "it has the critical extension {}, which is not known",
                          extension.id.dotted());
    TRY(read_times(crl, now, accepted));
    const auto* number = crl.find(x509::oid::kCrlNumber);
    if (number == nullptr)
      return make_error(Errc::malformed, "it has no CRL number, so an older one could take its place");
    accepted.number = TRY(number_in(*number));
    if (const auto* delta = crl.find(x509::oid::kDeltaCrlIndicator))
      accepted.base_number = TRY(number_in(*delta));
    accepted.index = std::make_shared<const CrlIndex>(TRY(CrlIndex::build(crl)));
    return accepted;
  }

 private:
  static Result<Buffer> der_of(Buffer octets) {
    if (!looks_like_pem(octets)) return octets;
    return std::move(TRY(pem_or_der(octets, "X509 CRL", {"X509 CRL"})).front().der);
  }

  Status check_issuer(const x509::CrlView& crl) const {
    if (!equal(crl.issuer, ca_subject_))
      return make_error(Errc::denied, "it is of {}, not of this CA",
                        x509::to_rfc4514(crl.issuer).value_or("another issuer"));
    const auto algorithm = TRY(x509::parse_signature_algorithm(crl.signature_algorithm));
    if (x509::is_weak(algorithm))
      return make_error(Errc::denied, "it is signed with {}, which proves nothing",
                        x509::to_string(algorithm));
    return provider_.verify(ca_key_, algorithm, crl.tbs, crl.signature)
        .context("verifying its signature with the key in the CA certificate");
  }

  static Status read_times(const x509::CrlView& crl, Time now, Accepted& accepted) {
    if (!crl.next_update) return make_error(Errc::malformed, "it has no nextUpdate (RFC 5280 5.1.2.5)");
    accepted.this_update = crl.this_update;
    accepted.next_update = *crl.next_update;
    if (accepted.this_update > now + kClockTolerance)
      return make_error(Errc::conflict, "it is valid from {} on, and the clock shows {}",
                        format_time(accepted.this_update), format_time(now));
    return ok();
  }

  const crypto::Provider& provider_;
  const Bytes ca_subject_, ca_key_;
  const bool whole_;
};

}  // namespace

// What is known of one CA, for the threads that answer. Never changed.
struct CrlOcspSource::Known {
  struct Crl {
    std::shared_ptr<const CrlIndex> index;  // null: there is none
    Time this_update{}, next_update{};
    bool operator==(const Crl&) const = default;
  };
  Crl base, delta;
  bool operator==(const Known&) const = default;
};

struct CrlOcspSource::State {
  std::shared_ptr<const OcspIssuers> issuers = std::make_shared<const OcspIssuers>();
  std::vector<std::shared_ptr<const Known>> known;  // by OcspIssuer::authority
};

// ---- one CA
// ---------------------------------------------------------------------------------------------------

class CrlOcspSource::Source {
 public:
  Source(const crypto::Provider& provider, const Clock& clock, const fs::path& folder, const FetchCrl& fetch,
         CrlSourceSettings settings)
      : provider_(provider), clock_(clock), folder_(folder), fetch_(fetch), settings_(std::move(settings)) {}

  const std::string& name() const { return settings_.name; }
  const OcspIssuer& issuer() const { return issuer_; }

  Status open() {
    const Buffer certificate = TRY(read_one_certificate(settings_.ca_certificate));
    const auto view = TRY(x509::parse_certificate(certificate));
    issuer_.ca = settings_.name;
    issuer_.subject = to_buffer(view.subject);
    ca_key_ = to_buffer(view.public_key_info);
    issuer_.key_bits = to_buffer(TRY(x509::parse_public_key_info(ca_key_)).key_bits);
    // So that the first request after a start is answered. What is not there or not good any more is looked
    // for by the first refresh, which says so.
    (void)take_responder();
    for (const bool delta : {false, true})
      if (auto kept = read_file(file(delta))) (void)take(std::move(*kept), false);
    return ok();
  }

  // All that is wrong, in one sentence each.
  std::vector<std::string> refresh() {
    std::vector<std::string> troubles;
    if (Status taken = take_responder(); !taken)
      troubles.push_back(sentence_of(std::move(taken).context("its OCSP certificate").error()));
    else if (Status soon = check_life(); !soon)
      troubles.push_back(sentence_of(soon.error()));
    for (const std::string& place : settings_.places)
      if (Status looked = look(place); !looked)
        troubles.push_back(sentence_of(std::move(looked).context("{}", place).error()));
    if (Status current = check_current(); !current) troubles.push_back(sentence_of(current.error()));
    return troubles;
  }

  std::shared_ptr<const Known> known() const {
    const auto crl_of = [](const Accepted& crl) {
      return Known::Crl{crl.index, crl.this_update, crl.next_update};
    };
    auto known = std::make_shared<Known>();
    if (base_) known->base = crl_of(*base_);
    if (completes(delta_)) known->delta = crl_of(*delta_);
    return known;
  }

 private:
  fs::path file(bool delta) const {
    return folder_ / fmt::format("{}{}.crl", settings_.name, delta ? "+" : "");
  }

  Status look(const std::string& place) {
    FetchedCrl fetched = TRY(fetch_(place, marks_[place]));
    if (fetched.unchanged) return ok();
    TRY(take(std::move(fetched.octets), true));
    marks_[place] = std::move(fetched.mark);  // what was refused is looked at again, and named again
    return ok();
  }

  // Takes over a CRL that is newer than the one of its kind. `keep`: and writes it down for the next start.
  Status take(Buffer octets, bool keep) {
    const CrlReader reader(provider_, issuer_.subject, ca_key_, settings_.whole);
    Accepted fresh = TRY(reader.read(std::move(octets), clock_.now()));
    const bool is_delta = !fresh.base_number.empty();
    std::optional<Accepted>& present = is_delta ? delta_ : base_;
    if (present) {
      const auto order = compare_numbers(fresh.number, present->number);
      if (order == 0) return ok();
      if (order < 0)
        return make_error(Errc::conflict, "CRL number {} is older than {}, which was seen before",
                          number_text(fresh.number), number_text(present->number));
      if (fresh.this_update < present->this_update)
        return make_error(Errc::conflict, "CRL number {} is newer than {}, and its thisUpdate is older",
                          number_text(fresh.number), number_text(present->number));
    }
    // Its base is about to come. Without it, what the present delta revokes would be forgotten.
    if (is_delta && base_ && compare_numbers(base_->number, fresh.base_number) < 0)
      return make_error(Errc::conflict, "the delta CRL needs base CRL {}, and {} is the newest here",
                        number_text(fresh.base_number), number_text(base_->number));
    if (keep)
      TRY(write_file_atomic(file(is_delta), fresh.octets, 0640).context("keeping it for the next start"));
    Buffer().swap(fresh.octets);
    present = std::move(fresh);
    return ok();
  }

  // RFC 5280 5.2.4: a delta goes with a base that is neither older than the one it was made for, nor as new
  // as the delta itself.
  bool completes(const std::optional<Accepted>& delta) const {
    return delta && base_ && compare_numbers(base_->number, delta->base_number) >= 0 &&
           compare_numbers(base_->number, delta->number) < 0;
  }

  Status check_current() const {
    if (!base_) return make_error(Errc::unavailable, "there is no CRL to answer from");
    const Time now = clock_.now();
    if (now >= base_->next_update)
      return make_error(Errc::unavailable, "the CRL has expired at {}", format_time(base_->next_update))
          .with_hint("answers are tryLater until there is a newer one");
    if (completes(delta_) && now >= delta_->next_update)
      return make_error(Errc::unavailable, "the delta CRL has expired at {}",
                        format_time(delta_->next_update));
    return ok();
  }

  // The responder's certificate and key, when the certificate is another one than before.
  Status take_responder() {
    Buffer certificate = TRY(read_one_certificate(settings_.certificate));
    if (equal(certificate, issuer_.certificate)) return ok();
    const auto view = TRY(x509::parse_certificate(certificate));
    TRY(check_responder(view));
    Buffer pem = TRY(read_file(settings_.key, kMostOfCertificate));
    auto key = provider_.load_private_key(pem, "");
    wipe(pem);
    if (!key) return std::move(key.error()).context(fmt::format("reading {}", settings_.key.string()));
    if (!equal((*key)->public_key_info(), view.public_key_info))
      return make_error(Errc::denied, "{} is not its key", settings_.key.string());
    const auto info = TRY(x509::parse_public_key_info(view.public_key_info));
    const auto algorithm =
        TRY(crypto::signature_algorithm_for({.type = info.type, .rsa_bits = info.bits}, {}));
    issuer_.signer = TRY((*key)->signer(algorithm));
    issuer_.responder_key_hash = TRY(crypto::key_identifier(provider_, view.public_key_info));
    issuer_.until = view.not_after;
    not_before_ = view.not_before;
    issuer_.certificate = std::move(certificate);
    return ok();
  }

  // RFC 6960 4.2.2.2: issued by the very key of the CA whose certificates it answers for.
  Status check_responder(const x509::CertificateView& view) const {
    const auto algorithm = TRY(x509::parse_signature_algorithm(view.signature_algorithm));
    if (!equal(view.issuer, issuer_.subject) ||
        !provider_.verify(ca_key_, algorithm, view.tbs, view.signature))
      return make_error(Errc::denied, "it was not issued by the key in {}",
                        settings_.ca_certificate.string());
    const auto* purposes = view.find(x509::oid::kExtendedKeyUsage);
    std::vector<x509::Oid> allowed;
    if (purposes != nullptr) allowed = TRY(x509::parse_extended_key_usage(purposes->value));
    if (std::ranges::find(allowed, x509::oid::kOcspSigning) == allowed.end())
      return make_error(Errc::denied, "it is not for signing OCSP answers")
          .with_hint("have it issued by the template OcspResponseSigning");
    if (clock_.now() >= view.not_after)
      return make_error(Errc::unavailable, "it has expired at {}", format_time(view.not_after));
    return ok();
  }

  // Nobody renews it from here, so it is said in time.
  Status check_life() const {
    const Time now = clock_.now();
    if (now < issuer_.until - (issuer_.until - not_before_) / 4) return ok();
    return make_error(Errc::unavailable, "its OCSP certificate {} at {}",
                      now < issuer_.until ? "ends" : "has expired", format_time(issuer_.until))
        .with_hint(fmt::format("replace {} and its key; they are read without a restart",
                               settings_.certificate.string()));
  }

  const crypto::Provider& provider_;
  const Clock& clock_;
  const fs::path& folder_;
  const FetchCrl& fetch_;
  const CrlSourceSettings settings_;
  OcspIssuer issuer_;
  Buffer ca_key_;  // SubjectPublicKeyInfo
  Time not_before_{};
  std::optional<Accepted> base_, delta_;
  std::map<std::string, std::string> marks_;  // by place
};

// ---- all of them
// ----------------------------------------------------------------------------------------------

CrlOcspSource::CrlOcspSource(const crypto::Provider& provider, const Clock& clock, fs::path folder,
                             FetchCrl fetch, std::vector<CrlSourceSettings> sources)
    : folder_(std::move(folder)), fetch_(std::move(fetch)), state_(std::make_shared<const State>()) {
  for (CrlSourceSettings& settings : sources)
    sources_.push_back(std::make_unique<Source>(provider, clock, folder_, fetch_, std::move(settings)));
}
CrlOcspSource::~CrlOcspSource() = default;

Status CrlOcspSource::open() {
  for (const auto& source : sources_)
    TRY(source->open().context("OCSP source {}: reading the CA certificate", source->name()));
  publish();
  return ok();
}

Status CrlOcspSource::refresh(std::size_t index) {
  const std::vector<std::string> troubles = sources_.at(index)->refresh();
  publish();
  if (troubles.empty()) return ok();
  return make_error(Errc::unavailable, "{}", fmt::join(troubles, "; "));
}

const std::string& CrlOcspSource::name(std::size_t index) const { return sources_.at(index)->name(); }

void CrlOcspSource::publish() {
  const auto before = state_.load();
  auto state = std::make_shared<State>();
  auto issuers = std::make_shared<OcspIssuers>();
  bool news = before->known.empty();
  for (const auto& source : sources_) {
    const std::size_t index = state->known.size();
    issuers->push_back(source->issuer());
    issuers->back().authority = static_cast<std::int64_t>(index);
    auto known = source->known();
    news = news || *known != *before->known[index] ||
           !equal(issuers->back().certificate, (*before->issuers)[index].certificate);
    state->known.push_back(std::move(known));
  }
  if (!news) return;
  state->issuers = std::move(issuers);
  state_.store(std::move(state));
  // After the state: who reads this number finds what it stands for, or something newer.
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

std::shared_ptr<const CrlOcspSource::Known> CrlOcspSource::known(const OcspIssuer& issuer) const {
  return state_.load()->known.at(static_cast<std::size_t>(issuer.authority));
}

std::size_t CrlOcspSource::octets() const {
  std::size_t all = 0;
  for (const auto& known : state_.load()->known)
    for (const auto& index : {known->base.index, known->delta.index}) all += index ? index->octets() : 0;
  return all;
}

std::shared_ptr<const OcspIssuers> CrlOcspSource::issuers() const { return state_.load()->issuers; }

Result<OcspSource::Validity> CrlOcspSource::validity(const OcspIssuer& issuer, Time now) const {
  const auto known = this->known(issuer);
  const auto& [base, delta] = *known;
  if (!base.index) return make_error(Errc::unavailable, "there is no CRL of CA '{}' yet", issuer.ca);
  if (now >= base.next_update)
    return make_error(Errc::unavailable, "the CRL of CA '{}' has expired at {}", issuer.ca,
                      format_time(base.next_update));
  // What an expired delta revoked stays revoked; answers are then as old as the base.
  if (!delta.index || now >= delta.next_update) return Validity{base.this_update, base.next_update};
  return Validity{std::max(base.this_update, delta.this_update),
                  std::min(base.next_update, delta.next_update)};
}

Result<CertificateStatus> CrlOcspSource::status(const OcspIssuer& issuer, Bytes serial) const {
  const auto known = this->known(issuer);
  const auto& [base, delta] = *known;
  if (!base.index) return make_error(Errc::unavailable, "there is no CRL of CA '{}' yet", issuer.ca);
  std::optional<CrlIndex::Entry> entry = delta.index ? delta.index->find(serial) : std::nullopt;
  if (!entry) entry = base.index->find(serial);
  // removeFromCRL (RFC 5280 5.3.1): a hold that was released, or a certificate that has expired since.
  if (!entry || entry->reason == x509::CrlReason::remove_from_crl)
    return CertificateStatus{.status = x509::OcspCertStatus::good};
  CertificateStatus status{x509::OcspCertStatus::revoked, entry->revoked_at, {}};
  if (entry->reason != x509::CrlReason::unspecified) status.reason = entry->reason;
  return status;
}

}  // namespace vouch::revocation
