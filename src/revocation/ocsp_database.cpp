#include "revocation/ocsp_database.hpp"

#include <algorithm>

#include "ca/keys/key_files.hpp"
#include "ca/keys/service_keys.hpp"
#include "x509/request.hpp"

namespace vouch::revocation {
namespace {

constexpr std::string_view kTemplate = "OcspResponseSigning";

// Who can verify the CA's signatures can verify one of the same kind. P-256 signs an order of magnitude
// faster than RSA.
crypto::KeySpec key_of_responder(const ca::CaKey& key) {
  const auto info = x509::parse_public_key_info(key.generation.public_key_info);
  if (info && info->type == x509::KeyType::rsa) return {.type = x509::KeyType::rsa, .rsa_bits = 2048};
  return {.type = x509::KeyType::p256};
}

// RFC 5280 appendix A.1 allows 64 characters.
std::string name_of_responder(std::string_view ca) {
  const std::string name = fmt::format("{} OCSP", ca);
  return name.size() <= 64 ? name : "OCSP";
}

// Late enough to be rare, early enough for some days of trouble: two thirds of a life.
Time renewal_time(Time not_before, Time not_after) { return not_after - (not_after - not_before) / 3; }

Result<Buffer> make_request(const crypto::PrivateKey& key, const crypto::KeySpec& spec,
                            const std::string& name) {
  const auto signer = TRY(key.signer(TRY(crypto::signature_algorithm_for(spec, {}))));
  x509::RequestFields fields;
  const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, name}}));
  fields.subject = subject;
  fields.public_key_info = key.public_key_info();
  const Buffer info = x509::encode_request_info(fields);
  const Buffer signature = TRY(signer->sign(info));
  return x509::encode_request(info, x509::encode(signer->algorithm()), signature);
}

}  // namespace

// ---- what is true
// -------------------------------------------------------------------------------------------

CertificateStatus status_of(const store::CertificateRecord& record) {
  if (!record.revocation) return {.status = x509::OcspCertStatus::good};
  CertificateStatus status{x509::OcspCertStatus::revoked, record.revocation->revoked_at, {}};
  if (record.revocation->reason != x509::CrlReason::unspecified) status.reason = record.revocation->reason;
  return status;
}

Result<CertificateStatus> DatabaseOcspSource::status(const OcspIssuer& issuer, Bytes serial) const {
  return status({issuer.authority, issuer.key_index}, serial);
}

Result<CertificateStatus> DatabaseOcspSource::status(const KeyId& key, Bytes serial) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  const auto record = snapshot->certificate(serial);
  if (!record && record.error().code() == Errc::not_found) return CertificateStatus{};
  if (!record) return record.error();
  if (KeyId(record->authority, record->key_index) != key) return CertificateStatus{};
  return status_of(*record);
}

Result<OcspSource::Validity> DatabaseOcspSource::validity(const OcspIssuer&, Time now) const {
  return Validity{now, now + answer_validity_};
}

// The revocations of all CAs of the home are numbered each from 1, so the sum of the last numbers rises with
// each of them.
Result<std::uint64_t> DatabaseOcspSource::epoch() const {
  auto seen = std::make_shared<Seen>();
  // Before the look: what comes in between makes the mark old.
  seen->mark = environment_.database.change_mark();
  if (const auto before = seen_.load(); before && before->mark == seen->mark) return before->epoch;
  const auto snapshot = TRY(environment_.database.snapshot());
  for (const store::AuthorityRecord& record : TRY(snapshot->authorities()))
    seen->epoch += TRY(snapshot->last_change(record.id));
  const std::uint64_t epoch = seen->epoch;
  seen_.store(std::move(seen));
  return epoch;
}

std::optional<std::uint64_t> DatabaseOcspSource::known_epoch() const {
  const auto seen = seen_.load();
  if (!seen || seen->mark != environment_.database.change_mark()) return std::nullopt;
  return seen->epoch;
}

// ---- who says it
// --------------------------------------------------------------------------------------------

Status DatabaseOcspSource::maintain() {
  auto issuers = std::make_shared<OcspIssuers>();
  std::string trouble;
  for (const auto& authority : authorities_()) {
    for (const ca::CaKey* key : authority->crl_keys()) {
      OcspIssuer issuer;
      issuer.ca = authority->record().name;
      issuer.authority = authority->record().id;
      issuer.key_index = key->generation.key_index;
      issuer.subject = key->subject;
      issuer.key_bits = to_buffer(TRY(x509::parse_public_key_info(key->generation.public_key_info)).key_bits);
      if (const auto responder = responder_of(*authority, *key)) {
        issuer.signer = responder->signer;
        issuer.certificate = responder->certificate;
        issuer.responder_key_hash =
            TRY(crypto::key_identifier(environment_.provider, responder->signer->public_key_info()));
        issuer.until = responder->until;
      } else {
        trouble += fmt::format("{}CA '{}' has no OCSP responder: {}", trouble.empty() ? "" : "; ", issuer.ca,
                               responder.error().summary());
      }
      issuers->push_back(std::move(issuer));
    }
  }
  issuers_.store(std::move(issuers));
  if (trouble.empty()) return ok();
  return make_error(Errc::unavailable, "{}", trouble);
}

// The one that there is, as long as it is good; a new one in time. When none can be had, the old one serves
// until its end.
Result<DatabaseOcspSource::Responder> DatabaseOcspSource::responder_of(const ca::LocalAuthority& authority,
                                                                       const ca::CaKey& key) {
  const KeyId id{key.generation.authority, key.generation.key_index};
  const Time now = environment_.clock.now();
  auto known = responders_.find(id);
  if (known == responders_.end()) {
    if (auto recalled = recall(authority, key)) known = responders_.emplace(id, std::move(*recalled)).first;
  } else if (const auto now_is = status(id, known->second.serial);
             now_is && now_is->status != x509::OcspCertStatus::good) {
    responders_.erase(known);  // somebody has revoked it
    known = responders_.end();
  }
  if (known != responders_.end() && now < known->second.renew_at) return known->second;
  auto made = make(authority, key);
  if (!made) {
    if (known != responders_.end() && now < known->second.until) return known->second;
    return made;
  }
  if (known != responders_.end()) (void)ca::wipe_key_file(environment_, known->second.reference);
  return responders_.insert_or_assign(id, std::move(*made)).first->second;
}

Result<DatabaseOcspSource::Responder> DatabaseOcspSource::recall(const ca::LocalAuthority& authority,
                                                                 const ca::CaKey& key) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  const std::string service = ca::ocsp_service(key.generation.authority, key.generation.key_index);
  ca::ServiceKey known = TRY(ca::find_service_key(*snapshot, service));
  const auto record = TRY(snapshot->certificate(known.serial));
  if (record.revocation) return make_error(Errc::denied, "the responder's certificate is revoked");
  return open(authority, record.der(), std::move(known.reference));
}

Result<DatabaseOcspSource::Responder> DatabaseOcspSource::make(const ca::LocalAuthority& authority,
                                                               const ca::CaKey& key) const {
  const crypto::KeySpec spec = key_of_responder(key);
  const auto private_key = TRY(environment_.provider.generate(spec));
  const std::string name = name_of_responder(authority.record().name);
  const Buffer request = TRY(make_request(*private_key, spec, name));
  // Before its certificate: a certificate whose key is lost would be worse than a key without one.
  const std::string reference = TRY(ca::save_key(environment_, name, *private_key, ""));
  const auto issued = [&]() -> Result<Buffer> {
    // Its issuer has to be the very key it speaks for, which need not be the CA's newest.
    const auto signing =
        TRY(ca::LocalAuthority::open(environment_, authority.record().name, key.generation.key_index));
    const ca::Outcome outcome = TRY(signing->issue_to_service(request, kTemplate));
    if (outcome.disposition != store::Disposition::issued)
      return make_error(Errc::denied, "its certificate was refused: {}", outcome.message)
          .with_hint(fmt::format("vouch why {}", outcome.request));
    return outcome.certificate;
  }();
  if (!issued) {
    ca::remove_key(environment_, reference);
    return issued.error();
  }
  const auto view = TRY(x509::parse_certificate(*issued));
  const ca::ServiceKey made{reference, to_buffer(x509::serial_octets(view.serial))};
  TRY(environment_.database.commit([&](store::Transaction& t) {
    return ca::remember_service_key(t, ca::ocsp_service(key.generation.authority, key.generation.key_index),
                                    made);
  }));
  return open(authority, *issued, reference);
}

Result<DatabaseOcspSource::Responder> DatabaseOcspSource::open(const ca::LocalAuthority& authority,
                                                               Bytes certificate,
                                                               std::string reference) const {
  const auto view = TRY(x509::parse_certificate(certificate));
  if (environment_.clock.now() >= view.not_after)
    return make_error(Errc::denied, "the responder's certificate has expired");
  const auto info = TRY(x509::parse_public_key_info(view.public_key_info));
  const crypto::KeySpec spec{.type = info.type, .rsa_bits = info.bits};
  Responder responder;
  responder.signer =
      TRY(ca::open_signer(environment_, reference, view.public_key_info,
                          TRY(crypto::signature_algorithm_for(spec, {})), {.ca = authority.record().name}));
  responder.reference = std::move(reference);
  responder.certificate = to_buffer(certificate);
  responder.serial = to_buffer(x509::serial_octets(view.serial));
  responder.until = view.not_after;
  responder.renew_at = renewal_time(view.not_before, view.not_after);
  return responder;
}

}  // namespace vouch::revocation
