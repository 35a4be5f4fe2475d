#include "ca/challenge_desk.hpp"

#include <algorithm>

#include "ca/home/audit.hpp"
#include "ca/settings/roles.hpp"
#include "challenge/comparison.hpp"
#include "challenge/guess_limit.hpp"
#include "challenge/password.hpp"
#include "x509/certificate.hpp"
#include "x509/extensions.hpp"

namespace vouch::ca {

using challenge::Code, challenge::Refusal;
using store::ChallengeKind, store::ChallengeRecord, store::ChallengeState;

// One request with what it shows.
struct ChallengeDesk::Presented {
  const store::Snapshot& snapshot;
  const Submission& submission;
  const ChallengeProof& proof;
  const x509::RequestView& request;
  Time now;
  std::chrono::seconds renewal_grace;
};

namespace {

std::string describe(const ChallengeRecord& record) {
  std::string text = fmt::format("{} challenge {}", to_string(record.kind), record.id);
  if (!record.minter.empty()) text += " by minter " + record.minter;
  if (!record.device.empty()) text += " for " + record.device;
  return text;
}

Refusal refusal_for_time(const ChallengeRecord& record, Time now) {
  return {Code::ChallengeExpired, "until " + format_time(record.expires_at), format_time(now)};
}

Result<std::vector<x509::GeneralName>> names_in(const x509::ExtensionView* extension) {
  if (!extension) return std::vector<x509::GeneralName>();
  return x509::parse_general_names(extension->value);
}

// The same subject, and no alternative name that the certificate does not have.
std::optional<Refusal> compare_names(const x509::CertificateView& certificate,
                                     const x509::RequestView& request) {
  const auto had = x509::parse_name(certificate.subject), asked = x509::parse_name(request.subject);
  if (!had || !asked || !x509::names_match(*had, *asked))
    return Refusal{Code::RenewalNameMismatch, had ? x509::to_rfc4514(*had) : "",
                   asked ? x509::to_rfc4514(*asked) : "a subject that cannot be read"};
  const auto names = names_in(certificate.find(x509::oid::kSubjectAltName));
  const auto wanted = names_in(request.find(x509::oid::kSubjectAltName));
  if (!names || !wanted)
    return Refusal{Code::RenewalNameMismatch, "alternative names", "something that cannot be read"};
  for (const x509::GeneralName& name : *wanted) {
    if (std::ranges::find(*names, name) != names->end()) continue;
    std::string expected;
    for (const x509::GeneralName& one : *names) expected += (expected.empty() ? "" : ", ") + one.to_text();
    return Refusal{Code::RenewalNameMismatch, expected.empty() ? "no alternative names" : expected,
                   name.to_text()};
  }
  return std::nullopt;
}

}  // namespace

Buffer single_token(const crypto::Provider& provider, std::string_view profile) {
  return provider.digest(crypto::DigestAlgorithm::sha256,
                         as_bytes(fmt::format("vouch single password|{}", profile)));
}

// An account that is bound to challenges shows one, for a profile that it speaks for.
std::optional<Refusal> ChallengeDesk::check_duty(const AuthoritySettings& settings,
                                                 const Submission& submission) const {
  for (const ChallengeDuty& duty : settings.challenge_duties) {
    if (!is_principal(duty.account, principal_of(submission.requester), environment_.groups)) continue;
    if (!submission.challenge)
      return Refusal{Code::ChallengePasswordMissing,
                     fmt::format("a challenge: {} hands in nothing without one", duty.account), "none"};
    const std::string& profile = submission.challenge->profile;
    if (duty.profiles.empty() || std::ranges::find(duty.profiles, profile) != duty.profiles.end()) continue;
    return Refusal{Code::ScepProfileNoLongerTargetedToTheClient,
                   fmt::format("a profile of {}: {}", duty.account, fmt::join(duty.profiles, ", ")),
                   "profile " + profile};
  }
  return std::nullopt;
}

// The front end's profile says how long; who is bound to challenges is trusted with no more than its binding.
std::chrono::seconds ChallengeDesk::renewal_grace(const AuthoritySettings& settings,
                                                  const Submission& submission) const {
  std::chrono::seconds grace = std::max(submission.challenge->renewal_grace, std::chrono::seconds(0));
  for (const ChallengeDuty& duty : settings.challenge_duties)
    if (is_principal(duty.account, principal_of(submission.requester), environment_.groups))
      grace = std::min(grace, duty.renewal_grace);
  return grace;
}

Result<std::optional<ChallengeVerdict>> ChallengeDesk::judge(const store::Snapshot& snapshot,
                                                             const AuthoritySettings& settings,
                                                             const Submission& submission,
                                                             const x509::RequestView& request) const {
  ChallengeVerdict verdict;
  verdict.refusal = check_duty(settings, submission);
  if (!submission.challenge && !verdict.refusal) return std::optional<ChallengeVerdict>();
  verdict.request_hash = environment_.provider.digest(crypto::DigestAlgorithm::sha256, request.whole);
  if (submission.challenge) {
    const ChallengeProof& proof = *submission.challenge;
    verdict.profile = proof.profile;
    verdict.client = proof.client;
    verdict.transaction = proof.transaction;
    if (!verdict.refusal)
      TRY(judge_proof({snapshot, submission, proof, request, environment_.clock.now(),
                       renewal_grace(settings, submission)},
                      verdict));
  }
  return std::optional(std::move(verdict));
}

Status ChallengeDesk::judge_proof(const Presented& shown, ChallengeVerdict& verdict) const {
  const Secret& secret = shown.proof.secret;
  if (!shown.proof.renews.empty()) return judge_renewal(shown, verdict);
  if (challenge::is_bound(secret.text())) return judge_bound(shown, verdict);
  if (!secret.empty()) return judge_password(shown, verdict);
  verdict.refusal = Refusal{Code::ChallengePasswordMissing,
                            fmt::format("a challenge for profile {}", shown.proof.profile), "none"};
  return ok();
}

// --- renewals ---

// The front end has verified that the message was signed by the certificate's key. Here is seen that it is
// this CA's certificate, good now, and that nothing more is asked than it has.
Result<std::optional<Refusal>> ChallengeDesk::check_renewal(const Presented& shown) const {
  const auto certificate = x509::parse_certificate(shown.proof.renews);
  if (!certificate)
    return std::optional(Refusal{Code::RenewalCertificateUnknown, "a certificate of this CA",
                                 "something that is no certificate"});
  const Bytes serial = x509::serial_octets(certificate->serial);
  const auto record = shown.snapshot.certificate(serial);
  if (!record && record.error().code() != Errc::not_found) return record.error();
  if (!record || record->authority != authority_.id || !equal(record->der(), shown.proof.renews))
    return std::optional(Refusal{Code::RenewalCertificateUnknown, "a certificate of this CA",
                                 "serial number " + to_hex(serial)});
  if (record->revocation)
    return std::optional(Refusal{Code::RenewalCertificateRevoked, "a certificate that is not revoked",
                                 "revoked since " + format_time(record->revocation->revoked_at)});
  const Time end = record->not_after + shown.renewal_grace;
  if (shown.now < record->not_before || shown.now > end)
    return std::optional(Refusal{Code::RenewalCertificateExpired,
                                 fmt::format("{} to {}", format_time(record->not_before), format_time(end)),
                                 format_time(shown.now)});
  if (record->template_name != shown.submission.template_name)
    return std::optional(Refusal{Code::RenewalNameMismatch, "template " + record->template_name,
                                 "template " + shown.submission.template_name});
  return compare_names(*certificate, shown.request);
}

// Many clients send the challenge of their first enrolment again. It is used up, and no second proof; but one
// that this CA never made for the profile is somebody trying.
Status ChallengeDesk::judge_renewal(const Presented& shown, ChallengeVerdict& verdict) const {
  verdict.refusal = TRY(check_renewal(shown));
  if (verdict.refusal || shown.proof.secret.empty()) {
    verdict.summary = "renewal, proved by the certificate";
    return ok();
  }
  ChallengeVerdict first;
  if (challenge::is_bound(shown.proof.secret.text()))
    TRY(judge_bound(shown, first));
  else
    TRY(judge_password(shown, first));
  if (first.number == 0) {
    verdict.refusal = std::move(first.refusal);
    verdict.was_guess = first.was_guess;
  }
  verdict.summary = "renewal, proved by the certificate; its challenge is that of the first enrolment";
  return ok();
}

// --- bound challenges ---

Result<std::shared_ptr<const crypto::Sealer>> ChallengeDesk::sealer_of(const store::ChallengeKey& key) const {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = sealers_.find(key.id); found != sealers_.end()) return found->second;
  }
  auto sealer = TRY(load_sealer(environment_, key));
  const std::scoped_lock lock(mutex_);
  return sealers_[key.id] = std::move(sealer);
}

Status ChallengeDesk::judge_bound(const Presented& shown, ChallengeVerdict& verdict) const {
  const auto keys = TRY(shown.snapshot.challenge_keys(authority_.id));
  const auto find = [&](Bytes id, bool minter) {
    const auto found = std::ranges::find_if(keys, [&](const store::ChallengeKey& key) {
      return equal(key.id, id) && key.minter.empty() != minter && !key.removed_at;
    });
    return found == keys.end() ? nullptr : &*found;
  };
  Status outage = ok();  // a key file that cannot be read is no refusal
  const challenge::OpeningKeys opening{authority_.name,
                                       [&](Bytes id) -> std::shared_ptr<const crypto::Sealer> {
                                         const store::ChallengeKey* key = find(id, false);
                                         if (!key) return nullptr;
                                         auto sealer = sealer_of(*key);
                                         if (sealer) return std::move(*sealer);
                                         outage = sealer.error();
                                         return nullptr;
                                       },
                                       [&](Bytes id) -> std::optional<Buffer> {
                                         const store::ChallengeKey* key = find(id, true);
                                         return key ? std::optional(key->public_key_info) : std::nullopt;
                                       }};
  const auto opened = challenge::open(shown.proof.secret.text(), opening, environment_.provider);
  TRY(std::move(outage).context("opening a challenge of a device"));
  if (!opened) {
    verdict.refusal = opened.error();
    return ok();
  }
  const challenge::Bound& bound = opened->bound;
  const auto record = TRY(shown.snapshot.challenge_of_token(authority_.id, bound.id));
  if (!record || record->kind != ChallengeKind::bound) {
    verdict.refusal = Refusal{Code::BadCertificateRequestIdInChallenge, "a challenge that was minted here",
                              "identifier " + to_hex(bound.id)};
    return ok();
  }
  verdict.number = record->id;
  verdict.single_use = true;
  verdict.summary = describe(*record);
  verdict.sid = bound.sid;
  verdict.validity = bound.validity;
  const store::ChallengeKey& minter = *find(opened->minter_key, true);
  const MinterRights rights = TRY(parse_rights(minter.rights));
  if (auto overstep = oversteps(rights, bound)) {
    verdict.refusal = Refusal{Code::SignatureValidationFailed,
                              fmt::format("what minter {} may mint: {}", minter.minter, overstep->allowed),
                              std::move(overstep->asked)};
    return ok();
  }
  verdict.refusal = check_scope(bound, {shown.proof.profile, shown.submission.template_name, shown.now});
  if (verdict.refusal) return ok();
  judge_state(*record, verdict);
  if (verdict.refusal || verdict.again != 0) return ok();
  verdict.refusal =
      compare(bound, shown.request,
              environment_.provider.digest(crypto::DigestAlgorithm::sha256, shown.request.public_key_info));
  return ok();
}

// --- passwords ---

Result<bool> ChallengeDesk::is_single_password(const ChallengeRecord& record,
                                               std::string_view password) const {
  std::string named = fmt::format("{}|{}", record.verifier, password);
  Buffer digest = environment_.provider.digest(crypto::DigestAlgorithm::sha256, as_bytes(named));
  wipe(named);
  {
    const std::scoped_lock lock(mutex_);
    const auto known = known_passwords_.find(record.id);
    if (known != known_passwords_.end() && equal_constant_time(known->second, digest)) return true;
  }
  if (!TRY(challenge::matches(environment_.provider, record.verifier, password))) return false;
  const std::scoped_lock lock(mutex_);
  known_passwords_[record.id] = std::move(digest);
  return true;
}

Result<std::optional<ChallengeRecord>> ChallengeDesk::find_password(const Presented& shown) const {
  const std::string_view password = shown.proof.secret.text();
  auto one_time = TRY(shown.snapshot.challenge_of_token(
      authority_.id, challenge::password_token(environment_.provider, shown.proof.profile, password)));
  if (one_time) return one_time;
  auto single = TRY(shown.snapshot.challenge_of_token(
      authority_.id, single_token(environment_.provider, shown.proof.profile)));
  if (single && single->state == ChallengeState::minted && TRY(is_single_password(*single, password)))
    return single;
  return std::optional<ChallengeRecord>();
}

Result<std::optional<Refusal>> ChallengeDesk::check_guesses(const Presented& shown) const {
  const std::pair<std::string, challenge::GuessRule> scopes[] = {
      {challenge::address_scope(shown.proof.client), challenge::kPerAddress},
      {challenge::profile_scope(shown.proof.profile), challenge::kPerProfile}};
  for (const auto& [scope, rule] : scopes) {
    const auto record = TRY(shown.snapshot.guesses(authority_.id, scope));
    if (!record || !challenge::is_full({record->level, record->at}, rule, shown.now)) continue;
    return std::optional(Refusal{
        Code::ChallengeGuessLimit, fmt::format("fewer than {} wrong passwords for {}", rule.most, scope),
        "closed until " + format_time(challenge::opens_at({record->level, record->at}, rule, shown.now))});
  }
  return std::optional<Refusal>();
}

Status ChallengeDesk::judge_password(const Presented& shown, ChallengeVerdict& verdict) const {
  verdict.refusal = TRY(check_guesses(shown));
  if (verdict.refusal) return ok();
  const auto record = TRY(find_password(shown));
  if (!record) {
    verdict.was_guess = true;
    verdict.refusal = Refusal{Code::ChallengePasswordMismatch, "a password of profile " + shown.proof.profile,
                              "another one"};
    return ok();
  }
  verdict.number = record->id;
  verdict.single_use = record->kind != ChallengeKind::single;
  verdict.summary = describe(*record);
  if (verdict.single_use && shown.now > record->expires_at) {
    verdict.refusal = refusal_for_time(*record, shown.now);
    return ok();
  }
  if (verdict.single_use) judge_state(*record, verdict);
  if (!verdict.refusal && verdict.again == 0) verdict.refusal = challenge::find_forbidden(shown.request, "");
  return ok();
}

// --- what has become of it ---

void ChallengeDesk::judge_state(const ChallengeRecord& record, ChallengeVerdict& verdict) const {
  switch (record.state) {
    case ChallengeState::minted:
      return;
    case ChallengeState::claimed:
    case ChallengeState::issued:
      if (equal(record.request_hash, verdict.request_hash)) {
        verdict.again = record.request;
        return;
      }
      verdict.refusal = Refusal{Code::ChallengeReused, fmt::format("request {} again", record.request),
                                "another request, from " + verdict.client};
      return;
    case ChallengeState::failed:
      verdict.refusal = Refusal{Code::ChallengeAttemptsExceeded,
                                fmt::format("fewer than {} refused requests", kMostAttempts),
                                fmt::format("{}, the last one for {}", record.failures, record.last_refusal)};
      return;
    case ChallengeState::cancelled:
      verdict.refusal = Refusal{Code::ScepProfileNoLongerTargetedToTheClient, "a challenge that is good",
                                "cancelled at " + format_time(record.changed_at)};
      return;
  }
}

Status ChallengeDesk::look_again(store::Transaction& t, ChallengeVerdict& verdict) const {
  if (verdict.refusal || verdict.number == 0 || !verdict.single_use) return ok();
  verdict.again = 0;
  judge_state(TRY(t.challenge(verdict.number)), verdict);
  return ok();
}

Status ChallengeDesk::count_guess(store::Transaction& t, const ChallengeVerdict& verdict) const {
  const Time now = environment_.clock.now();
  const std::pair<std::string, challenge::GuessRule> scopes[] = {
      {challenge::address_scope(verdict.client), challenge::kPerAddress},
      {challenge::profile_scope(verdict.profile), challenge::kPerProfile}};
  for (const auto& [scope, rule] : scopes) {
    const auto record = TRY(t.guesses(authority_.id, scope));
    const auto next = challenge::with_one_more(
        record ? challenge::Guesses{record->level, record->at} : challenge::Guesses{}, rule, now);
    TRY(t.put_guesses({authority_.id, scope, next.level, next.at}));
  }
  // After this long every bucket has leaked dry.
  const auto longest = std::max(challenge::kPerAddress.most * challenge::kPerAddress.leak,
                                challenge::kPerProfile.most * challenge::kPerProfile.leak);
  return t.forget_guesses(now - longest);
}

Status ChallengeDesk::settle(store::Transaction& t, const ChallengeVerdict& verdict,
                             const store::RequestRecord& request) const {
  if (verdict.was_guess) TRY(count_guess(t, verdict));
  if (verdict.number == 0 || !verdict.single_use) return ok();
  ChallengeRecord record = TRY(t.challenge(verdict.number));
  if (record.state != ChallengeState::minted) {
    if (!verdict.refusal || verdict.refusal->code != Code::ChallengeReused) return ok();
    // Two devices with one challenge: one of them has a copy.
    return record_audit(environment_, t,
                        {.action = "challenge.reuse",
                         .authority = authority_.name,
                         .object = fmt::format("challenge {}", record.id),
                         .details = AuditDetails()
                                        .add("device", record.device)
                                        .add("used_by", static_cast<std::uint64_t>(record.request))
                                        .add("used_from", record.client)
                                        .add("request", static_cast<std::uint64_t>(request.id))
                                        .add("from", verdict.client),
                         .outcome = std::string(audit_outcome::denied)});
  }
  const bool uses = request.disposition == Disposition::issued || request.disposition == Disposition::pending;
  // What policy refused may be mended, and the device comes again. So does one that is refused here, with the
  // very same request, several times in a row: that is one attempt.
  if (!uses && (!verdict.refusal || equal(record.request_hash, verdict.request_hash))) return ok();
  record.changed_at = environment_.clock.now();
  record.client = verdict.client;
  record.request_hash = verdict.request_hash;
  if (uses) {
    record.state =
        request.disposition == Disposition::issued ? ChallengeState::issued : ChallengeState::claimed;
    record.request = request.id;
  } else {
    record.last_refusal = request.reason;
    if (++record.failures >= kMostAttempts) record.state = ChallengeState::failed;
  }
  return t.update_challenge(record);
}

Result<std::optional<ChallengeVerdict>> ChallengeDesk::of_claimed(const store::Snapshot& snapshot,
                                                                  RequestId request) const {
  const auto record = TRY(snapshot.challenge_of_request(request));
  if (!record) return std::optional<ChallengeVerdict>();
  ChallengeVerdict verdict;
  verdict.number = record->id;
  verdict.single_use = true;
  verdict.request_hash = record->request_hash;
  verdict.sid = record->sid;
  if (record->validity != 0) verdict.validity = std::chrono::seconds(record->validity);
  verdict.summary = describe(*record);
  if (record->state == ChallengeState::cancelled) judge_state(*record, verdict);
  verdict.profile = record->profile;
  verdict.client = record->client;
  return std::optional(std::move(verdict));
}

Status ChallengeDesk::close(store::Transaction& t, const store::RequestRecord& request) const {
  auto record = TRY(t.challenge_of_request(request.id));
  if (!record || record->state != ChallengeState::claimed) return ok();
  if (request.disposition == Disposition::pending) return ok();
  record->changed_at = environment_.clock.now();
  record->state =
      request.disposition == Disposition::issued ? ChallengeState::issued : ChallengeState::failed;
  if (record->state == ChallengeState::failed) record->last_refusal = request.reason;
  return t.update_challenge(*record);
}

void ChallengeDesk::add_details(AuditDetails& details, const ChallengeVerdict& verdict) const {
  if (verdict.number != 0) details.add("challenge", static_cast<std::uint64_t>(verdict.number));
  details.add("profile", verdict.profile).add("from", verdict.client).add("transaction", verdict.transaction);
  if (verdict.refusal)
    details.add("expected", verdict.refusal->expected).add("received", verdict.refusal->received);
}

}  // namespace vouch::ca
