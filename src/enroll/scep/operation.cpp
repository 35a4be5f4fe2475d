#include "enroll/scep/operation.hpp"

#include <algorithm>

namespace vouch::enroll::scep {
bool is_denied_by_person(const ca::Outcome& outcome) {
  return outcome.disposition == ca::Disposition::denied && outcome.reason == "manager";
}

bool is_outage(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::timeout ||
         error.code() == Errc::internal || error.code() == Errc::conflict;
}

std::string told(const Error& error) {
  return error.hint().empty() ? error.summary() : fmt::format("{} ({})", error.summary(), error.hint());
}

Reply refused(Refusal refusal) { return {.status = PkiStatus::failure, .refusal = std::move(refusal)}; }
Reply refused(Failure failure, std::string detail) { return refused(refuse(failure, std::move(detail))); }

PkiOperation::~PkiOperation() {
  wipe(reply_password_);
  if (envelope_) wipe(envelope_->content);
  wipe(request_);
}

Result<Buffer> PkiOperation::answer(const PkiMessage& message) {
  message_ = &message;
  if (message.attributes.transaction) transaction_ = message.attributes.transaction->text;
  const Reply reply = TRY(tell(TRY(process(message))));
  report(message, reply);
  return encode(message, reply);
}

Result<Reply> PkiOperation::process(const PkiMessage& message) {
  if (auto reply = check_attributes(message)) return std::move(*reply);
  if (auto reply = TRY(authenticate(message))) return std::move(*reply);
  if (auto reply = TRY(open(message))) return std::move(*reply);
  return dispatch(*message.attributes.type);
}

// Whoever asked for it is told what became of the request before the device gets to know.
Result<Reply> PkiOperation::tell(Reply reply) {
  if (request_.empty() || reply.status == PkiStatus::pending) return reply;
  const EnrolmentNotice notice{profile_.name, transaction_, client_, request_, reply.request};
  for (const auto& listener : profile_.listeners) {
    if (reply.status == PkiStatus::failure) {
      listener->refused(notice, reply.refusal);
      continue;
    }
    const Status taken = listener->issued(notice, reply.certificates.front());
    if (taken) continue;
    if (taken.error().code() == Errc::denied) return take_back(notice, reply, taken.error());
    return make_error(Errc::unavailable, "request {} is issued and not handed out: {}", reply.request,
                      taken.error().summary());
  }
  return reply;
}

// The certificate that a listener does not accept is revoked: it never leaves this service.
Reply PkiOperation::take_back(const EnrolmentNotice& notice, const Reply& reply, const Error& why) {
  Reply answer = refused(Failure::NotificationRefused, told(why));
  answer.request = reply.request;
  const auto certificate = x509::parse_certificate(reply.certificates.front());
  const Status revoked = certificate ? surroundings_.authority.revoke(
                                           {.serial = to_buffer(x509::serial_octets(certificate->serial)),
                                            .reason = x509::CrlReason::cessation_of_operation,
                                            .invalidity_date = {}},
                                           profile_.account)
                                     : Status(certificate.error());
  // Revoked already: by another process that got the same answer.
  if (!revoked && revoked.error().code() != Errc::conflict)
    answer.refusal.detail +=
        "; the certificate was not handed out, and could not be revoked: " + told(revoked.error());
  for (const auto& listener : profile_.listeners) listener->refused(notice, answer.refusal);
  return answer;
}

std::optional<Reply> PkiOperation::check_attributes(const PkiMessage& message) const {
  const MessageAttributes& attributes = message.attributes;
  if (!message.attributes_status)
    return refused(Failure::AttributeMissing, told(message.attributes_status.error()));
  if (!attributes.type) return refused(Failure::AttributeMissing, "there is no messageType");
  if (!attributes.transaction) return refused(Failure::AttributeMissing, "there is no transactionID");
  if (attributes.sender_nonce.empty()) return refused(Failure::AttributeMissing, "there is no senderNonce");
  return std::nullopt;
}

// The signature is verified before anything is looked up, so that nobody learns from an answer which
// certificates exist.
PkiOperation::Verdict PkiOperation::authenticate(const PkiMessage& message) {
  if (!message.digest)
    return refused(Failure::AlgorithmRefused, "the message's digest algorithm is not known here");
  if (const Status strong = check_digest(profile_.floor, *message.digest); !strong)
    return refused(Failure::AlgorithmRefused, told(strong.error()));
  legacy_ = message.digest == crypto::DigestAlgorithm::sha1 || message.digest == crypto::DigestAlgorithm::md5;
  const auto verified =
      verify_pki_message(surroundings_.provider, message, {}, cms::Md5::accept);  // the floor has judged
  if (!verified) {
    const Errc code = verified.error().code();
    return refused(code == Errc::unsupported ? Failure::AlgorithmRefused
                   : code == Errc::malformed ? Failure::MessageMalformed
                                             : Failure::SignatureInvalid,
                   told(verified.error()));
  }
  Signer signer;
  signer.certificate = TRY(x509::parse_certificate(verified->certificate));
  const auto key = x509::parse_public_key_info(signer.certificate.public_key_info);
  if (!key) return refused(Failure::AlgorithmRefused, told(key.error()));
  signer.key = *key;
  // A device's own makeshift certificate: no need to ask anybody.
  if (equal(signer.certificate.issuer, signer.certificate.subject)) {
    signer_ = std::move(signer);
    return std::optional<Reply>();
  }
  // Equal octet by octet to what the authority issued: nothing else about the certificate needs to be
  // verified.
  auto issued = TRY(surroundings_.records.find(x509::serial_octets(signer.certificate.serial)));
  if (issued && equal(issued->certificate, signer.certificate.whole)) signer.issued = std::move(issued);
  signer_ = std::move(signer);
  return std::optional<Reply>();
}

PkiOperation::Verdict PkiOperation::open(const PkiMessage& message) {
  auto opened = open_envelope(surroundings_.provider, message.content(), keys_.decryption, profile_.floor);
  if (opened) {
    envelope_ = std::move(*opened);
    legacy_ = legacy_ || crypto::is_broken(envelope_->cipher);
    return std::optional<Reply>();
  }
  if (is_outage(opened.error())) return std::move(opened.error());
  const Errc code = opened.error().code();
  if (code != Errc::unsupported && code != Errc::not_found) verify_for_nothing();
  return refused(code == Errc::unsupported ? Failure::AlgorithmRefused
                 : code == Errc::not_found ? Failure::RecipientUnknown
                                           : Failure::EnvelopeInvalid,
                 told(opened.error()));
}

// What ends before the request's own signature is verified takes as long as what ends after it: the time
// until the answer would tell right padding from wrong. The signer's key is the request's, but for renewals.
void PkiOperation::verify_for_nothing() const {
  (void)verify_pki_message(surroundings_.provider, *message_, {}, cms::Md5::accept);
}

Result<Reply> PkiOperation::dispatch(MessageType type) {
  switch (type) {
    case MessageType::pkcs_req:
    case MessageType::renewal_req:
    case MessageType::update_req:
      return enrol(type);
    case MessageType::cert_poll:
      return poll();
    case MessageType::get_cert:
      return get_certificate();
    case MessageType::get_crl:
      return get_crl();
    case MessageType::cert_rep:
      break;
  }
  return refused(Failure::MessageTypeUnknown, fmt::format("messageType {}", static_cast<unsigned>(type)));
}

// Transaction identifiers are the client's choice and not unique (sscep uses one text for all its GetCerts):
// only with the key that signed do they tell anything.
std::string PkiOperation::client_transaction() const {
  Buffer name = to_buffer(as_bytes(fmt::format("{}\n{}\n", profile_.name, transaction_)));
  append(name, signer_->certificate.public_key_info);
  return to_hex(surroundings_.provider.digest(crypto::DigestAlgorithm::sha256, name));
}

// RFC 8894 3.3.3. The subject has to be the request's; the issuer is not compared, because clients write
// whichever of the certificates of GetCACert they took for the CA's. What protects the answer is the key that
// it is encrypted for.
Result<Reply> PkiOperation::poll() {
  const auto asked = parse_issuer_and_subject(envelope_->content);
  if (!asked) return refused(Failure::EnvelopeInvalid, told(asked.error()));
  const auto transaction = TRY(surroundings_.authority.find_submitted(client_transaction()));
  if (!transaction) return refused(Failure::TransactionUnknown);
  const x509::RequestView request = TRY(x509::parse_request(transaction->certificate_request));
  if (!x509::names_match(TRY(x509::parse_name(asked->subject)), TRY(x509::parse_name(request.subject)))) {
    Refusal refusal = refuse(Failure::TransactionUnknown, "the poll names another subject than the request");
    refusal.expected = TRY(x509::to_rfc4514(request.subject));
    refusal.received = TRY(x509::to_rfc4514(asked->subject));
    return refused(std::move(refusal));
  }
  request_ = transaction->certificate_request;
  if (!signer_->can_receive()) {
    auto password = password_of(*transaction);
    if (!password && is_outage(password.error())) return std::move(password.error());
    if (!password) return refused(Failure::KeyCannotReceive, told(password.error()));
    reply_password_ = std::move(*password);
  }
  return reply_of(TRY(surroundings_.authority.retrieve(transaction->request)));
}

// The authority keeps no challenge that it judged (x509::without_challenge_password), and the answer to a
// poll of a key that cannot receive is encrypted with it. So it goes along sealed: only the keys that open
// messages open it, whichever host has them.
Result<std::string> PkiOperation::sealed_password() const {
  const DecryptionKey& own = keys_.decryption.front();
  const x509::CertificateView certificate = TRY(x509::parse_certificate(own.certificate));
  const cms::EnvelopedDataInput input{.content = as_bytes(reply_password_)};
  const cms::RecipientInput recipient{cms::identifier_of(certificate), certificate.public_key_info,
                                      crypto::KeyTransport::rsa_oaep_sha256};
  return to_base64(TRY(cms::encode_enveloped_data(surroundings_.provider, input, std::span(&recipient, 1))));
}

Result<std::string> PkiOperation::password_of(const ca::Submitted& submitted) const {
  if (const auto sealed = submitted.attributes.find(kSealedPassword); sealed != submitted.attributes.end()) {
    const Buffer enveloped = TRY(from_base64(sealed->second));
    OpenedEnvelope opened =
        TRY(open_envelope(surroundings_.provider, enveloped, keys_.decryption, {})
                .context("opening the challengePassword of request {}", submitted.request));
    std::string password(as_text(opened.content));
    wipe(opened.content);
    return password;
  }
  const x509::RequestView request = TRY(x509::parse_request(submitted.certificate_request));
  auto password = challenge_of(request);
  if (!password) return make_error(Errc::not_found, "the request had no challengePassword");
  if (password->find_first_not_of('*') == std::string::npos)
    return make_error(Errc::not_found, "the challengePassword is not kept: send the request again");
  return std::move(*password);
}

// GetCert and GetCRL are for holders of certificates: to anybody else they would list who has enrolled.
PkiOperation::Verdict PkiOperation::look_up(CertificateRecords::Issued& asked) const {
  if (!signer_->issued || signer_->issued->revoked)
    return refused(Failure::SignerUnknown, cms::identifier_of(signer_->certificate).text());
  if (!signer_->can_receive())
    return refused(Failure::KeyCannotReceive,
                   "GetCert and GetCRL carry no challenge to encrypt the answer with");
  const auto identifier = parse_issuer_and_serial(envelope_->content);
  if (!identifier) return refused(Failure::EnvelopeInvalid, told(identifier.error()));
  auto found = TRY(surroundings_.records.find(x509::serial_octets(identifier->serial)));
  if (!found || !cms::identifies(*identifier, TRY(x509::parse_certificate(found->certificate))))
    return refused(Failure::CertificateUnknown, identifier->text());
  asked = std::move(*found);
  return std::optional<Reply>();
}

Result<Reply> PkiOperation::get_certificate() const {
  CertificateRecords::Issued asked;
  if (auto reply = TRY(look_up(asked))) return std::move(*reply);
  return Reply{.status = PkiStatus::success, .certificates = {std::move(asked.certificate)}};
}

Result<Reply> PkiOperation::get_crl() const {
  CertificateRecords::Issued asked;
  if (auto reply = TRY(look_up(asked))) return std::move(*reply);
  auto crl = surroundings_.records.crl_about(asked);
  if (!crl && crl.error().code() == Errc::not_found) return refused(Failure::CrlUnknown, told(crl.error()));
  return Reply{.status = PkiStatus::success, .crls = {TRY(std::move(crl))}};
}

Result<Reply> PkiOperation::reply_of(const ca::Outcome& outcome) const {
  Reply reply;
  reply.request = outcome.request;
  switch (outcome.disposition) {
    case ca::Disposition::issued:
    case ca::Disposition::foreign:
      reply.status = PkiStatus::success;
      reply.certificates.push_back(outcome.certificate);
      if (profile_.include_ca) {
        std::vector<Buffer> chain = TRY(surroundings_.authority.chain());
        if (!chain.empty()) reply.certificates.push_back(std::move(chain.front()));
      }
      return reply;
    case ca::Disposition::pending:
    case ca::Disposition::issuing:
      reply.status = PkiStatus::pending;
      return reply;
    case ca::Disposition::revoked:
      reply.refusal = refuse(Failure::CertificateRevoked, outcome.message);
      return reply;
    case ca::Disposition::failed:
      reply.refusal = refuse(Failure::RequestFailed, outcome.message);
      return reply;
    case ca::Disposition::denied:
      break;
  }
  reply.refusal = refuse(Failure::RequestDenied, outcome.message);
  if (!is_denied_by_person(outcome)) reply.refusal.code = outcome.reason;
  reply.refusal.expected = outcome.expected;
  reply.refusal.received = outcome.received;
  return reply;
}

}  // namespace vouch::enroll::scep
