#pragma once
// One message of a client, from its verification to the reply (RFC 8894 3.3, 4.3 to 4.6). Internal to this
// room.

#include "enroll/scep/pki_message.hpp"
#include "enroll/scep/responder.hpp"

namespace vouch::enroll::scep {

// Attribute of a submission: the challengePassword, for the keys of this service alone.
inline constexpr const char* kSealedPassword = "scep.sealed_password";

// What a message is answered with.
struct Reply {
  PkiStatus status = PkiStatus::failure;
  Refusal refusal{};                           // of a FAILURE
  std::vector<Buffer> certificates{}, crls{};  // of a SUCCESS
  ca::RequestId request = 0;
};
Reply refused(Failure failure, std::string detail = {});
Reply refused(Refusal refusal);

// Denied by a certificate manager, not by a rule.
bool is_denied_by_person(const ca::Outcome& outcome);
// What is not the client's fault: it is told to try again.
bool is_outage(const Error& error);
// What the log is told of an error, in one line.
std::string told(const Error& error);

// For one message, then thrown away.
class PkiOperation {
 public:
  PkiOperation(const Surroundings& surroundings, const Profile& profile, const ServiceKeys& keys,
               std::string client)
      : surroundings_(surroundings), profile_(profile), keys_(keys), client_(std::move(client)) {}
  PkiOperation(const PkiOperation&) = delete;
  PkiOperation& operator=(const PkiOperation&) = delete;
  ~PkiOperation();
  // The reply, encoded and signed. Fails only when the authority or a key is out of reach.
  Result<Buffer> answer(const PkiMessage& message);

 private:
  // Who signed the message.
  struct Signer {
    x509::CertificateView certificate;
    x509::PublicKeyInfo key;
    std::optional<CertificateRecords::Issued> issued;  // when the certificate is the authority's own
    bool can_receive() const { return key.type == x509::KeyType::rsa; }
  };
  // A certification request, and what follows from it.
  struct Enrolment {
    x509::RequestView request;
    x509::PublicKeyInfo key;
    std::optional<std::string> password;
    bool is_renewal = false;
    std::string submission;  // the key under which the authority knows the request
    std::string template_name, template_choice;
    std::map<std::string, std::string> attributes;
    bool left_to_authority = false;  // which judges the challenge
    bool waits = false;              // nothing was proven: a person decides

    Enrolment() = default;
    Enrolment(const Enrolment&) = delete;
    Enrolment& operator=(const Enrolment&) = delete;
    ~Enrolment() {
      if (password) wipe(*password);
    }
  };

  // Each looks at one thing; a reply means that the message goes no further.
  using Verdict = Result<std::optional<Reply>>;
  Result<Reply> process(const PkiMessage& message);
  Result<Reply> tell(Reply reply);
  Reply take_back(const EnrolmentNotice& notice, const Reply& reply, const Error& why);
  std::optional<Reply> check_attributes(const PkiMessage& message) const;
  Verdict authenticate(const PkiMessage& message);
  Verdict open(const PkiMessage& message);
  void verify_for_nothing() const;
  Result<Reply> dispatch(MessageType type);

  Result<Reply> enrol(MessageType type);
  std::optional<Reply> read_request(Enrolment& enrolment);
  std::optional<Reply> check_signer(MessageType type, Enrolment& enrolment);
  Verdict find_earlier(Enrolment& enrolment) const;
  std::optional<Reply> check_renewal(const Enrolment& enrolment) const;
  std::optional<Reply> check_renewed_names(const Enrolment& enrolment) const;
  Verdict check_challenge(Enrolment& enrolment) const;
  std::optional<Reply> choose_template(Enrolment& enrolment) const;
  std::map<std::string, std::string> attributes_of(const Enrolment& enrolment) const;
  Result<Reply> submit(Enrolment& enrolment);
  Result<ca::Outcome> hand_in(const ca::Submission& submission);
  Result<Reply> poll();
  Result<std::string> password_of(const ca::Submitted& submitted) const;
  Result<std::string> sealed_password() const;
  Verdict look_up(CertificateRecords::Issued& asked) const;
  Result<Reply> get_certificate() const;
  Result<Reply> get_crl() const;
  Result<Reply> reply_of(const ca::Outcome& outcome) const;

  std::string client_transaction() const;
  Result<Buffer> encode(const PkiMessage& message, const Reply& reply) const;
  Result<Buffer> encode_content(const Reply& reply) const;
  const crypto::Signer& reply_signer(const PkiMessage& message) const;
  void report(const PkiMessage& message, const Reply& reply) const;

  const Surroundings& surroundings_;
  const Profile& profile_;
  const ServiceKeys& keys_;
  std::string client_;
  const PkiMessage* message_ = nullptr;
  std::string transaction_;
  std::optional<Signer> signer_;
  std::optional<OpenedEnvelope> envelope_;
  Buffer request_;              // PKCS #10 of the transaction, once it has been read and verified
  std::string reply_password_;  // for a signer whose key cannot receive
  bool legacy_ = false;
};

}  // namespace vouch::enroll::scep
