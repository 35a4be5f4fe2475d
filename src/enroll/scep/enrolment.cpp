// PKCSReq and RenewalReq (RFC 8894 3.3.1): from the certification request to the authority's decision.

#include <algorithm>

#include "enroll/scep/operation.hpp"

namespace vouch::enroll::scep {
namespace {

Reply refused_for(Failure failure, std::string expected, std::string received) {
  Refusal refusal = refuse(failure);
  refusal.expected = std::move(expected);
  refusal.received = std::move(received);
  return refused(std::move(refusal));
}

Status verify_proof(const crypto::Provider& provider, const x509::RequestView& request) {
  const auto algorithm = TRY(x509::parse_signature_algorithm(request.signature_algorithm));
  return provider.verify(request.public_key_info, algorithm, request.info, request.signature);
}

std::string list_of(const ProfileTemplates& templates) {
  std::string out;
  const auto add = [&](const std::string& name) {
    if (!name.empty()) out += (out.empty() ? "" : ", ") + name;
  };
  add(templates.signature);
  add(templates.encryption);
  add(templates.general);
  for (const std::string& name : templates.by_name) add(name);
  return out;
}

// What a rule of the authority's policy refused may be allowed when the administrator has mended it; a
// person's denial stays.
bool may_try_again(const ca::Outcome& outcome) {
  return outcome.disposition == ca::Disposition::failed ||
         (outcome.disposition == ca::Disposition::denied && !is_denied_by_person(outcome));
}

Result<std::vector<x509::GeneralName>> alternative_names(const x509::ExtensionView* extension) {
  if (extension == nullptr) return std::vector<x509::GeneralName>();
  return x509::parse_general_names(extension->value);
}

}  // namespace

Result<Reply> PkiOperation::enrol(MessageType type) {
  Enrolment enrolment;
  if (auto reply = read_request(enrolment)) return std::move(*reply);
  if (auto reply = check_signer(type, enrolment)) return std::move(*reply);
  if (auto reply = TRY(find_earlier(enrolment))) return std::move(*reply);
  if (enrolment.is_renewal)
    if (auto reply = check_renewal(enrolment)) return std::move(*reply);
  if (auto reply = choose_template(enrolment)) return std::move(*reply);
  if (auto reply = TRY(check_challenge(enrolment))) return std::move(*reply);
  return submit(enrolment);
}

// A request that cannot be read, or whose own signature does not fit, is answered like an envelope that does
// not open: who changes somebody's ciphertext must not see how far it got.
std::optional<Reply> PkiOperation::read_request(Enrolment& enrolment) {
  const auto request = x509::parse_request(envelope_->content);
  const auto key = request ? x509::parse_public_key_info(request->public_key_info)
                           : Result<x509::PublicKeyInfo>(request.error());
  if (!key) {
    verify_for_nothing();
    return refused(Failure::EnvelopeInvalid, told(key.error()));
  }
  if (const Status proof = verify_proof(surroundings_.provider, *request); !proof)
    return refused(Failure::EnvelopeInvalid,
                   "the certification request's own signature: " + told(proof.error()));
  enrolment.request = *request;
  request_ = to_buffer(request->whole);
  enrolment.key = *key;
  enrolment.password = challenge_of(*request);
  return std::nullopt;
}

// A first request is signed by the key that it is for, with any certificate; a renewal by the certificate
// that it renews, under either message type (RFC 8894 2.5; most clients send PKCSReq). Also asks whether the
// signer can be answered: nothing is issued that could not be delivered.
std::optional<Reply> PkiOperation::check_signer(MessageType type, Enrolment& enrolment) {
  enrolment.is_renewal = signer_->issued.has_value();
  if (!enrolment.is_renewal && type != MessageType::pkcs_req)
    return refused(Failure::SignerUnknown, cms::identifier_of(signer_->certificate).text());
  if (!enrolment.is_renewal && !equal(signer_->key.key_bits, enrolment.key.key_bits))
    return refused(Failure::KeyMismatch, fmt::format("the signer's certificate is that of {}",
                                                     cms::identifier_of(signer_->certificate).text()));
  if (!signer_->can_receive() && !enrolment.password)
    return refused(Failure::KeyCannotReceive,
                   fmt::format("a {} key, and no challengePassword", x509::to_string(signer_->key.type)));
  if (!signer_->can_receive()) reply_password_ = *enrolment.password;
  return std::nullopt;
}

// The same request again gets the same answer: clients that wait send it again (certmonger, micromdm), others
// repeat the whole cycle. The authority has the last word on that, across processes; here it spares the
// challenge.
PkiOperation::Verdict PkiOperation::find_earlier(Enrolment& enrolment) const {
  enrolment.submission = fmt::format(
      "scep:{}:{}", profile_.name,
      to_hex(surroundings_.provider.digest(crypto::DigestAlgorithm::sha256, enrolment.request.whole)));
  // The next renewal may be asked for with the very same request (same key, cached by the client).
  if (enrolment.is_renewal)
    enrolment.submission += ":" + to_hex(x509::serial_octets(signer_->certificate.serial));
  const auto earlier = TRY(surroundings_.authority.find_submitted(client_transaction()));
  if (!earlier) return std::optional<Reply>();
  const ca::Outcome outcome = TRY(surroundings_.authority.retrieve(earlier->request));
  const bool is_same = earlier->transaction == enrolment.submission ||
                       earlier->transaction.starts_with(enrolment.submission + "/");
  // A host that died between handing in and approving left it pending: the challenge approves it now.
  if (is_same && outcome.disposition == ca::Disposition::pending && profile_.challenge_approves) {
    enrolment.submission = earlier->transaction;
    return std::optional<Reply>();
  }
  if (is_same && !may_try_again(outcome)) return TRY(reply_of(outcome));
  if (is_same) {
    enrolment.submission = fmt::format("{}/{}", enrolment.submission, outcome.request);
    return std::optional<Reply>();
  }
  // micromdm's client makes the identifier of the key, so its renewals come under the first transaction's.
  if (enrolment.is_renewal || may_try_again(outcome)) return std::optional<Reply>();
  return refused(Failure::TransactionReused,
                 fmt::format("transaction '{}' belongs to request {}", transaction_, earlier->request));
}

std::optional<Reply> PkiOperation::check_renewal(const Enrolment& enrolment) const {
  const RenewalRules& rules = profile_.renewal;
  if (!rules.allowed) return refused(Failure::RenewalRefused);
  const x509::CertificateView& certificate = signer_->certificate;
  if (signer_->issued->revoked)
    return refused(Failure::RenewalCertificateRevoked, cms::identifier_of(certificate).text());
  const Time now = surroundings_.clock.now();
  if (now < certificate.not_before || now > certificate.not_after + rules.grace)
    return refused_for(Failure::RenewalCertificateExpired,
                       fmt::format("{} to {}", format_time(certificate.not_before),
                                   format_time(certificate.not_after + rules.grace)),
                       format_time(now));
  if (rules.window) {
    const Time due = add(certificate.not_after, {-rules.window->months, -rules.window->seconds});
    if (now < due) return refused_for(Failure::RenewalTooEarly, "from " + format_time(due), format_time(now));
  }
  if (!rules.same_key && equal(signer_->key.key_bits, enrolment.key.key_bits))
    return refused(Failure::RenewalKeyReused, "make a new key, or set renewal.same_key for this profile");
  return check_renewed_names(enrolment);
}

// The same subject, and no alternative name that the certificate does not have. Fewer are no gain: some
// clients leave out what the template had added.
std::optional<Reply> PkiOperation::check_renewed_names(const Enrolment& enrolment) const {
  const x509::CertificateView& certificate = signer_->certificate;
  const auto had = x509::parse_name(certificate.subject), asked = x509::parse_name(enrolment.request.subject);
  if (!had || !asked || !x509::names_match(*had, *asked))
    return refused_for(Failure::RenewalNameMismatch, had ? x509::to_rfc4514(*had) : "",
                       asked ? x509::to_rfc4514(*asked) : "");
  const auto names = alternative_names(certificate.find(x509::oid::kSubjectAltName));
  const auto wanted = alternative_names(enrolment.request.find(x509::oid::kSubjectAltName));
  if (!names || !wanted) return refused(Failure::RenewalNameMismatch, "subjectAltName cannot be read");
  for (const x509::GeneralName& name : *wanted) {
    if (std::ranges::find(*names, name) != names->end()) continue;
    std::string expected;
    for (const x509::GeneralName& one : *names) expected += (expected.empty() ? "" : ", ") + one.to_text();
    return refused_for(Failure::RenewalNameMismatch, std::move(expected), name.to_text());
  }
  return std::nullopt;
}

// By name where the request names one, else by key usage as NDES does. A renewal stays with its
// certificate's.
std::optional<Reply> PkiOperation::choose_template(Enrolment& enrolment) const {
  const ProfileTemplates& templates = profile_.templates;
  if (templates.empty()) return std::nullopt;
  std::string named = enrolment.is_renewal ? signer_->issued->template_name : std::string();
  if (const x509::ExtensionView* extension = enrolment.request.find(x509::oid::kMsTemplateName);
      extension && named.empty()) {
    auto name = x509::parse_template_name(extension->value);
    if (!name) return refused(Failure::TemplateRefused, told(name.error()));
    named = std::move(*name);
  }
  if (!named.empty()) {
    if (!templates.has(named)) return refused_for(Failure::TemplateRefused, list_of(templates), named);
    enrolment.template_name = std::move(named);
    enrolment.template_choice =
        enrolment.is_renewal ? "that of the renewed certificate" : "named by the request";
    return std::nullopt;
  }
  std::uint16_t usage = 0;
  if (const x509::ExtensionView* extension = enrolment.request.find(x509::oid::kKeyUsage))
    usage = x509::parse_key_usage(extension->value).value_or(std::uint16_t{0});
  const bool signs = (usage & (x509::digital_signature | x509::content_commitment)) != 0;
  const bool encrypts =
      (usage & (x509::key_encipherment | x509::data_encipherment | x509::key_agreement)) != 0;
  if (signs && !encrypts) enrolment.template_name = templates.signature;
  if (encrypts && !signs) enrolment.template_name = templates.encryption;
  enrolment.template_choice = signs == encrypts ? "general" : signs ? "signature" : "encryption";
  if (enrolment.template_name.empty()) {
    enrolment.template_name = templates.general;
    if (signs != encrypts) enrolment.template_choice += ", which the profile leaves to the general one";
  }
  if (enrolment.template_name.empty())
    return refused_for(Failure::TemplateRefused, list_of(templates), "a request for signing and encryption");
  return std::nullopt;
}

PkiOperation::Verdict PkiOperation::check_challenge(Enrolment& enrolment) const {
  const auto sent = std::ranges::count(enrolment.request.attributes, x509::oid::kChallengePassword,
                                       &x509::RequestAttribute::type);
  Refusal refusal = refuse(Failure::ChallengeRefused);
  if (sent > 0 && !x509::challenge_password(enrolment.request)) {
    refusal.code = "ChallengeDecodingError";
    refusal.detail =
        sent > 1 ? "there are two challenge passwords" : "the challenge password is no readable string";
    return refused(std::move(refusal));
  }
  ChallengeVerdict verdict = TRY(profile_.challenge->check({.profile = profile_.name,
                                                            .transaction = transaction_,
                                                            .client = client_,
                                                            .password = enrolment.password,
                                                            .request = enrolment.request,
                                                            .is_renewal = enrolment.is_renewal}));
  if (verdict.allowed) {
    enrolment.attributes = std::move(verdict.attributes);
    enrolment.waits = verdict.waits;
    enrolment.left_to_authority = verdict.left_to_authority;
    return std::optional<Reply>();
  }
  refusal.code = std::move(verdict.code);
  refusal.expected = std::move(verdict.expected);
  refusal.received = std::move(verdict.received);
  return refused(std::move(refusal));
}

// How the request came, for `vouch why`.
std::map<std::string, std::string> PkiOperation::attributes_of(const Enrolment& enrolment) const {
  std::map<std::string, std::string> attributes = enrolment.attributes;
  attributes["scep.profile"] = profile_.name;
  attributes["scep.client"] = client_;
  attributes["scep.transaction"] = transaction_;
  attributes["scep.kind"] = enrolment.is_renewal ? "renewal" : "first request";
  attributes["scep.challenge"] = enrolment.waits               ? "none: a person decides"
                                 : enrolment.left_to_authority ? "judged by the authority"
                                 : enrolment.password          ? "accepted"
                                 : enrolment.is_renewal ? "none: the certificate that is renewed proves it"
                                                        : "none";
  attributes["scep.template_choice"] = enrolment.template_choice;
  return attributes;
}

Result<Reply> PkiOperation::submit(Enrolment& enrolment) {
  ca::Submission submission;
  submission.request = to_buffer(enrolment.request.whole);
  submission.template_name = enrolment.template_name;
  submission.requester = profile_.account;
  submission.transaction = enrolment.submission;
  submission.client_transaction = client_transaction();
  submission.wait_for_approval = enrolment.waits;
  submission.approve = profile_.challenge_approves && !enrolment.waits;
  submission.attributes = attributes_of(enrolment);
  if (enrolment.left_to_authority)
    submission.challenge =
        ca::ChallengeProof{Secret(enrolment.password.value_or("")), profile_.name, client_, transaction_,
                           enrolment.is_renewal ? to_buffer(signer_->certificate.whole) : Buffer()};
  const auto outcome = hand_in(submission);
  if (!outcome) {
    if (is_outage(outcome.error())) return outcome.error();
    return refused(Failure::RequestFailed, told(outcome.error()));
  }
  return reply_of(*outcome);
}

// Approved as it is handed in, almost always. What is pending all the same was handed in before, by a host
// that died, or may not be approved here: then the authority says and audits why.
Result<ca::Outcome> PkiOperation::hand_in(const ca::Submission& submission) {
  ca::Authority& authority = surroundings_.authority;
  ca::Outcome outcome = TRY(authority.submit(submission));
  if (outcome.disposition != ca::Disposition::pending || !submission.approve) return outcome;
  auto approved = authority.approve(outcome.request, profile_.account);
  // The same request came at the same time, and the other one was faster.
  if (!approved && approved.error().code() == Errc::conflict) return authority.retrieve(outcome.request);
  // Without the right to approve, it waits for a person.
  if (!approved && approved.error().code() == Errc::denied) return outcome;
  return approved;
}

}  // namespace vouch::enroll::scep
