// vouch scep enroll, vouch scep poll: a device's part of SCEP, for scripts.
#include <algorithm>
#include <ostream>
#include <thread>

#include "base/pem.hpp"
#include "cli/describe.hpp"
#include "cli/scep_client.hpp"
#include "cli/scep_pending.hpp"

namespace vouch::cli {
namespace {

namespace scep = enroll::scep;
using scep::MessageType, scep::PkiStatus;

constexpr std::chrono::seconds kUsualInterval{10};
constexpr std::string_view kUsualKey = "rsa:2048";

// ---- what is asked for ----

Result<std::vector<x509::Extension>> extensions_of(const Arguments& arguments) {
  std::vector<x509::Extension> out;
  std::vector<x509::GeneralName> names;
  for (const std::string& text : arguments.all("san"))
    names.push_back(TRY(for_option(x509::GeneralName::from_text(text), "san")));
  if (!names.empty())
    out.push_back(x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
  if (const std::string* usage = arguments.find("usage")) {
    std::uint16_t bits = 0;
    if (*usage != "encryption") bits |= x509::digital_signature;
    if (*usage != "signature") bits |= x509::key_encipherment;
    out.push_back(x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(bits)));
  }
  std::vector<x509::Oid> purposes;
  for (const std::string& name : arguments.all("eku"))
    purposes.push_back(TRY(for_option(x509::oid_from_name(name), "eku")));
  if (!purposes.empty())
    out.push_back(
        x509::make_extension(x509::oid::kExtendedKeyUsage, false, x509::encode_extended_key_usage(purposes)));
  if (const std::string* name = arguments.find("template"))
    out.push_back(x509::make_extension(x509::oid::kMsTemplateName, false, x509::encode_template_name(*name)));
  return out;
}

// From a file, standard input, or the line itself, where others on this host can read it.
Result<std::string> read_challenge(Context& context, const Arguments& arguments) {
  const std::string* const shown = arguments.find("challenge");
  const std::string* const file = arguments.find("challenge-file");
  if (shown && file) return usage_error("--challenge and --challenge-file are two ways: choose one");
  if (file) return context.read_secret(*file, "Challenge: ");
  if (!shown) return std::string();
  context.note(
      "warning: everybody on this host can read --challenge in the list of processes; use "
      "--challenge-file FILE, or - for standard input");
  return *shown;
}

// The key of the certificate: from its file, or new in it.
struct DeviceKey {
  std::unique_ptr<crypto::PrivateKey> key;
  bool made = false;
};
Result<DeviceKey> take_key(Context& context, const Arguments& arguments) {
  const std::string& file = *arguments.find("key");
  std::error_code unknown;
  if (fs::exists(file, unknown)) {
    if (arguments.has("key-spec"))
      context.note("note: {} is there and is used; --key-spec is for a new key", file);
    return DeviceKey{TRY(read_private_key(context, arguments, file)), false};
  }
  const auto spec =
      TRY(for_option(crypto::parse_key_spec(arguments.text("key-spec", kUsualKey)), "key-spec"));
  DeviceKey out{TRY(context.provider().generate(spec)), true};
  std::string passphrase = TRY(context.new_key_passphrase());
  auto pem = out.key->to_pem(passphrase);
  wipe(passphrase);
  if (!pem) return pem.error();
  // Written before it is used: a certificate whose key is lost serves nobody.
  const Status written = write_file_new(file, as_bytes(*pem), 0600);
  wipe(*pem);
  TRY(Status(written).context("writing the new key"));
  return out;
}

// The certification request, made or as it is in a file.
Result<Buffer> take_request(Context& context, const Arguments& arguments, const crypto::Signer& signer,
                            Bytes renewed_subject, std::string_view challenge) {
  if (const std::string* file = arguments.find("request")) {
    for (const std::string_view option :
         {"subject", "san", "usage", "eku", "template", "challenge", "challenge-file"})
      if (arguments.has(option))
        return usage_error("--{} is in the request already that --request gives", option);
    Buffer request = TRY(read_request_file(context, *file));
    if (!equal(TRY(x509::parse_request(request)).public_key_info, signer.public_key_info()))
      return make_error(Errc::denied, "{} is a request for another key than --key", *file);
    return request;
  }
  Buffer subject = to_buffer(renewed_subject);
  if (const std::string* text = arguments.find("subject"))
    subject = x509::encode_name(TRY(for_option(x509::name_from_rfc4514(*text), "subject")));
  if (subject.empty())
    return usage_error("--subject is missing").with_hint("such as --subject CN=router,O=Example");
  return scep::make_certification_request(signer, {subject, TRY(extensions_of(arguments)), challenge});
}

// What a renewal is signed with.
struct Renewed {
  Buffer certificate;
  std::unique_ptr<crypto::PrivateKey> key;
};
Result<std::optional<Renewed>> take_renewed(Context& context, const Arguments& arguments) {
  for (const std::string_view option : {"old-key", "renewal"})
    if (arguments.has(option) && !arguments.has("renew"))
      return usage_error("--{} goes with --renew", option);
  const std::string* const file = arguments.find("renew");
  if (!file) return std::optional<Renewed>();
  Renewed out;
  out.certificate = TRY(read_certificate_file(context, *file)).front();
  const std::string key_file = arguments.text("old-key", *arguments.find("key"));
  out.key = TRY(read_private_key(context, arguments, key_file));
  if (!equal(out.key->public_key_info(), TRY(x509::parse_certificate(out.certificate)).public_key_info))
    return make_error(Errc::denied, "{} is not the key of {}", key_file, *file)
        .with_hint("--renew is the certificate that is renewed, --old-key its key");
  return std::optional<Renewed>(std::move(out));
}

Result<crypto::ContentCipher> choose_cipher(const Arguments& arguments, const scep::Capabilities& said) {
  if (const std::string* name = arguments.find("cipher"))
    return for_option(cipher_from_name(*name), "cipher");
  // RFC 8894 2.9: AES-128-CBC is what everybody has to know, 3.5.2: unless the list says something else.
  if (!said.has_aes() && said.has("DES3")) return crypto::ContentCipher::des_ede3_cbc;
  return crypto::ContentCipher::aes128_cbc;
}

// ---- what came of it ----

struct Outcome {
  MessageType sent{};
  scep::CertRep reply;
  std::string key_file, out, state_file;
  bool key_made = false;
};

Result<Buffer> certificate_of(const scep::CertRep& reply, Bytes public_key_info) {
  for (const Buffer& der : reply.certificates)
    if (equal(TRY(x509::parse_certificate(der)).public_key_info, public_key_info)) return der;
  return make_error(Errc::denied, "the service sent a certificate for another key");
}

std::string hint_of(const scep::MessageAttributes& attributes) {
  switch (attributes.fail_info.value_or(scep::FailInfo::bad_request)) {
    case scep::FailInfo::bad_alg:
      return "an algorithm is too weak or unknown there: vouch scep caps URL shows what it takes";
    case scep::FailInfo::bad_message_check:
      return "the message does not verify or open there: has the service another certificate now? vouch scep "
             "ca URL";
    case scep::FailInfo::bad_time:
      return "are the clocks right on both sides? Of a renewal: is it due?";
    case scep::FailInfo::bad_cert_id:
      return "the service does not know such a transaction or certificate (any more): enrol again";
    case scep::FailInfo::bad_request:
      break;
  }
  // What follows from how `vouch scep enroll` makes its transactions: of the key (RFC 8894 3.2.1.1).
  if (attributes.fail_info_text.starts_with("TransactionReused"))
    return "another request was made with this key before: enrol with a new key (name a --key that is not "
           "there yet)";
  return "is the challenge right and unused, and may this name be had? The service's log says more";
}

Error refusal_of(const scep::MessageAttributes& attributes) {
  std::string what(attributes.fail_info ? to_string(*attributes.fail_info) : "no reason given");
  if (!attributes.fail_info_text.empty())
    what += ": " + printable(attributes.fail_info_text);
  else if (attributes.hresult)
    what += fmt::format(" (0x{:08x})", static_cast<std::uint32_t>(*attributes.hresult));
  return make_error(Errc::denied, "the service refused: {}", what).with_hint(hint_of(attributes));
}

void print_outcome(const Context& context, const Outcome& outcome, const scep::MessageAttributes& attributes,
                   const std::string& transaction, const Buffer& certificate) {
  Value serial, described;
  if (const auto view = x509::parse_certificate(certificate); view && !certificate.empty()) {
    serial = x509::serial_to_text(view->serial);
    described = to_pem("CERTIFICATE", certificate);
  }
  print_json(context,
             Value()
                 .set("state", attributes.status == PkiStatus::success   ? "issued"
                               : attributes.status == PkiStatus::pending ? "pending"
                                                                         : "refused")
                 .set("message_type", to_string(outcome.sent))
                 .set("transaction", transaction)
                 .set("key_file", outcome.key_file)
                 .set("key_made", outcome.key_made)
                 .set("state_file", text_or_null(outcome.state_file))
                 .set("fail_info", attributes.fail_info ? Value(to_string(*attributes.fail_info)) : Value())
                 .set("fail_info_text", text_or_null(attributes.fail_info_text))
                 .set("hresult",
                      attributes.hresult
                          ? Value(fmt::format("0x{:08x}", static_cast<std::uint32_t>(*attributes.hresult)))
                          : Value())
                 .set("serial", std::move(serial))
                 .set("file", certificate.empty() ? Value() : text_or_null(outcome.out))
                 .set("certificate", std::move(described)));
}

// Writes what there is to write, says it, and chooses the exit code.
Result<Exit> finish(Context& context, const Outcome& outcome, const ScepPending& pending,
                    Bytes public_key_info) {
  const scep::MessageAttributes& attributes = outcome.reply.attributes;
  if (attributes.status == PkiStatus::failure) {
    if (!context.json()) return refusal_of(attributes);
    print_outcome(context, outcome, attributes, pending.transaction, {});
    return Exit::failed;
  }
  if (attributes.status == PkiStatus::pending) {
    if (!outcome.state_file.empty()) {
      const std::string state = encode(pending);
      TRY(write_private(outcome.state_file, as_bytes(state)));
    }
    if (context.json()) print_outcome(context, outcome, attributes, pending.transaction, {});
    context.note("the request waits for a certificate manager");
    if (outcome.state_file.empty())
      context.note(
          "with --state FILE its state would be kept for: vouch scep poll FILE; enrolling again with the "
          "same "
          "key goes on, too");
    else
      context.note("next: vouch scep poll {}", outcome.state_file);
    return Exit::pending;
  }
  const Buffer certificate = TRY(certificate_of(outcome.reply, public_key_info));
  const Buffer content = TRY(certificate_output(context, {certificate}));
  if (outcome.out == "-")
    TRY(write_output(context, outcome.out, content));
  else
    TRY(write_private(outcome.out, content));
  // `enroll` has not written it, so what is there may be somebody's.
  if (outcome.sent == MessageType::cert_poll) {
    std::error_code gone;
    fs::remove(outcome.state_file, gone);
  }
  if (context.json() && outcome.out != "-")
    print_outcome(context, outcome, attributes, pending.transaction, certificate);
  const auto view = TRY(x509::parse_certificate(certificate));
  if (outcome.out != "-")
    context.say("certificate {} for {} is in {}, valid until {}", x509::serial_to_text(view.serial),
                printable(name_text(view.subject)), outcome.out, format_time(view.not_after));
  return Exit::done;
}

// ---- polls ----

// What asks again (RFC 8894 3.3.3).
class Waiting {
 public:
  Waiting(Context& context, const ScepPending& pending, scep::ServiceClient& service,
          scep::ClientIdentity identity, std::string password)
      : context_(context),
        pending_(pending),
        service_(service),
        identity_(std::move(identity)),
        password_(std::move(password)) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { wipe(password_); }

  Result<scep::CertRep> poll() {
    const Buffer asked = scep::encode_issuer_and_subject({pending_.issuer, pending_.subject});
    scep::RequestInput input;
    input.type = MessageType::cert_poll;
    input.transaction = {asn1::Tag::printable_string, pending_.transaction};
    input.content = asked;
    input.recipient = pending_.encryption;
    input.cipher = pending_.cipher;
    input.transport = pending_.key_transport;
    return scep::exchange(context_.provider(), service_, pending_.transport, identity_, input,
                          pending_.signers, password_);
  }
  // Until it is no longer pending, or for `most`. A service that is away is asked on.
  Result<scep::CertRep> wait(scep::CertRep reply, Span most, std::chrono::seconds interval) {
    const Time end = add(context_.clock().now(), most);
    while (reply.attributes.status == PkiStatus::pending && context_.clock().now() < end) {
      const auto left = std::chrono::ceil<std::chrono::seconds>(end - context_.clock().now());
      std::this_thread::sleep_for(std::clamp(left, std::chrono::seconds(1), interval));
      auto now = poll();
      if (now)
        reply = std::move(*now);
      else if (now.error().code() != Errc::unavailable && now.error().code() != Errc::timeout)
        return now;
    }
    return reply;
  }

 private:
  Context& context_;
  const ScepPending& pending_;
  scep::ServiceClient& service_;
  scep::ClientIdentity identity_;
  std::string password_;
};

Result<std::chrono::seconds> interval_of(const Arguments& arguments) {
  const auto span = TRY(arguments.span("interval"));
  if (!span) return kUsualInterval;
  if (!arguments.has("wait")) return usage_error("--interval goes with --wait");
  if (span->months != 0 || span->seconds < std::chrono::seconds(1))
    return usage_error("--interval is at least 1s, in seconds, minutes, hours or days");
  return span->seconds;
}

// ---- the commands ----

std::string whole_path(const std::string& file) {
  return file == "-" ? file : fs::absolute(file).lexically_normal().string();
}

// One enrolment, from the options to what came of it.
class Enrollment {
 public:
  Enrollment(Context& context, const Arguments& arguments) : context_(context), arguments_(arguments) {}
  Enrollment(const Enrollment&) = delete;
  Enrollment& operator=(const Enrollment&) = delete;
  ~Enrollment() { wipe(challenge_); }

  Result<Exit> run() {
    const auto interval = TRY(interval_of(arguments_));
    const auto wait = TRY(arguments_.span("wait"));
    TRY(take_choices());
    // Who the service is, before anything is made or sent.
    scep::ServiceClient service = TRY(reach_scep(context_, arguments_, arguments_.operand(0)));
    TRY(trust(service));
    TRY(prepare());
    TRY(send(service));
    if (wait && outcome_.reply.attributes.status == PkiStatus::pending) {
      context_.note("the request waits for a certificate manager; asking until {}",
                    format_time(add(context_.clock().now(), *wait)));
      Waiting waiting(context_, pending_, service, identity_, challenge_);
      outcome_.reply = TRY(waiting.wait(std::move(outcome_.reply), *wait, interval));
    }
    return finish(context_, outcome_, pending_, TRY(x509::parse_request(request_)).public_key_info);
  }

 private:
  Status take_choices() {
    pending_.transport = TRY(scep_transport(arguments_));
    pending_.key_transport =
        TRY(for_option(key_transport_from_name(arguments_.text("key-transport", "pkcs1")), "key-transport"));
    if (const std::string* name = arguments_.find("digest"))
      pending_.digest = TRY(for_option(crypto::digest_from_name(*name), "digest"));
    pending_.out = whole_path(arguments_.text("out"));
    outcome_.key_file = arguments_.text("key");
    outcome_.out = arguments_.text("out");
    outcome_.state_file = arguments_.text("state");
    return ok();
  }

  Status trust(scep::ServiceClient& service) {
    const scep::ServiceTrust trust = TRY(scep_trust(context_, arguments_, service));
    const bool nothing = trust.fingerprint.empty() && trust.authorities.empty() && !trust.channel;
    if (nothing && !arguments_.has("trust-any"))
      return usage_error("nothing says which service is the right one, and it would be sent the challenge")
          .with_hint("--fingerprint HEX or --ca-file FILE; --trust-any takes whoever answers");
    const scep::Capabilities said = TRY(service.capabilities());
    const scep::ServiceCertificates certificates = TRY(service.certificates());
    auto trusted = TRY(judge_service(context_.provider(), certificates, trust, context_.clock().now()));
    pending_.url = service.url();
    pending_.cipher = TRY(choose_cipher(arguments_, said));
    if (pending_.transport == scep::Transport::by_capabilities)
      pending_.transport = said.has_post() ? scep::Transport::post : scep::Transport::get;
    pending_.issuer = to_buffer(TRY(x509::parse_certificate(certificates.ca)).subject);
    pending_.encryption = std::move(trusted.encryption);
    pending_.signers = std::move(trusted.signers);
    return ok();
  }

  // The key, the request that it is for, and who signs the message.
  Status prepare() {
    challenge_ = TRY(read_challenge(context_, arguments_));
    const auto renewed = TRY(take_renewed(context_, arguments_));
    const DeviceKey device = TRY(take_key(context_, arguments_));
    outcome_.key_made = device.made;
    identity_ = TRY(scep_identity(*device.key, {}, pending_.digest));
    const Bytes old_subject = renewed ? TRY(x509::parse_certificate(renewed->certificate)).subject : Bytes();
    request_ = TRY(take_request(context_, arguments_, *identity_.signer, old_subject, challenge_));
    const auto view = TRY(x509::parse_request(request_));
    if (challenge_.empty()) challenge_ = x509::challenge_password(view).value_or(std::string());
    if (renewed)
      identity_ = TRY(scep_identity(*renewed->key, renewed->certificate, pending_.digest));
    else
      identity_.certificate = TRY(scep::make_self_signed(context_.provider(), *identity_.signer, view.subject,
                                                         context_.clock().now()));
    if (!identity_.decrypter && challenge_.empty())
      return usage_error(
          "a {} key cannot receive an encrypted answer, and without a challenge there is no password for it",
          key_text(identity_.signer->public_key_info()));
    const bool as_renewal = renewed && arguments_.text("renewal", "renewal") == "renewal";
    outcome_.sent = as_renewal ? MessageType::renewal_req : MessageType::pkcs_req;
    pending_.transaction = scep::transaction_id_of(context_.provider(), view.public_key_info).text;
    pending_.key_file = whole_path(outcome_.key_file);
    pending_.signing_key_file =
        renewed ? whole_path(arguments_.text("old-key", outcome_.key_file)) : pending_.key_file;
    pending_.signing_certificate = identity_.certificate;
    pending_.subject = to_buffer(view.subject);
    return ok();
  }

  Status send(scep::ServiceClient& service) {
    const scep::TransactionId transaction{asn1::Tag::printable_string, pending_.transaction};
    const scep::MadeRequest made =
        TRY(scep::make_request(context_.provider(), identity_,
                               {outcome_.sent, transaction, request_, pending_.encryption, pending_.cipher,
                                pending_.key_transport}));
    if (const std::string* file = arguments_.find("save-message")) TRY(write_private(*file, made.message));
    const Progress progress(context_, fmt::format("asking {}", service.url()));
    const Buffer reply = TRY(service.send(made.message, pending_.transport));
    outcome_.reply = TRY(scep::read_cert_rep(context_.provider(), identity_, reply,
                                             {transaction, made.nonce, pending_.signers, challenge_})
                             .context("reading the reply of {}", service.url()));
    return ok();
  }

  Context& context_;
  const Arguments& arguments_;
  ScepPending pending_;
  Outcome outcome_;
  scep::ClientIdentity identity_;
  Buffer request_;
  std::string challenge_;
};

Result<Exit> enroll(Context& context, const Arguments& arguments) {
  return Enrollment(context, arguments).run();
}

Result<Exit> poll(Context& context, const Arguments& arguments) {
  const auto interval = TRY(interval_of(arguments));
  const auto wait = TRY(arguments.span("wait"));
  const std::string& file = arguments.operand(0);
  const Buffer content =
      TRY(read_file(file, std::size_t{1} << 20).context("reading the state of an enrolment"));
  const ScepPending pending = TRY(parse_scep_pending(as_text(content)).context("reading {}", file));
  const auto key = TRY(read_private_key(context, arguments, pending.key_file));
  const auto signing_key = TRY(read_private_key(context, arguments, pending.signing_key_file));
  scep::ServiceClient service = TRY(reach_scep(context, arguments, pending.url));
  auto identity = TRY(scep_identity(*signing_key, pending.signing_certificate, pending.digest));
  std::string challenge = TRY(read_challenge(context, arguments));
  if (!identity.decrypter && challenge.empty())
    return usage_error("the answer comes encrypted under the challenge, since a {} key cannot receive",
                       key_text(identity.signer->public_key_info()))
        .with_hint("--challenge-file FILE, with the challenge that the request had");
  Waiting waiting(context, pending, service, std::move(identity), std::move(challenge));
  Outcome outcome;
  outcome.sent = MessageType::cert_poll;
  outcome.key_file = pending.key_file;
  outcome.out = arguments.text("out", pending.out);
  outcome.state_file = file;
  outcome.reply = TRY(waiting.poll());
  if (wait) outcome.reply = TRY(waiting.wait(std::move(outcome.reply), *wait, interval));
  return finish(context, outcome, pending, key->public_key_info());
}

constexpr Option kChallengeFile{"challenge-file", "FILE",
                                "a file whose first line is the challenge (- is standard input)"};
constexpr Option kChallenge{"challenge", "TEXT",
                            "the challenge itself, where others on this host can read it"};
constexpr Option kWait{"wait", "SPAN", "while the request is pending, ask again for so long: 10m"};
constexpr Option kInterval{"interval", "SPAN", "with --wait: how often (10s)"};

constexpr Option kEnroll[] = {
    {"key", "FILE", "the private key; a new one is made there when there is none", Occurs::once},
    {"out", "FILE", "where the certificate is written (mode 0600); - is standard output", Occurs::once},
    {"key-spec", "SPEC", "what a new key is: rsa:2048 (if left out), rsa:3072, ec:P-256 …"},
    {"subject", "DN",
     "the name that is asked for: CN=router,O=Example; of a renewal the old one if left out"},
    {"san", "TYPE:VALUE", "an alternative name: DNS:router.example, IP:192.0.2.1, UPN:…, URI:…",
     Occurs::any_times},
    {"usage", "signature|encryption|both",
     "the key usage that is asked for, by which NDES chooses the template"},
    {"eku", "PURPOSE", "an extended key usage that is asked for: clientAuth, or an OID", Occurs::any_times},
    {"template", "NAME", "the template that is asked for"},
    {"request", "FILE", "a certification request (PEM or DER) in place of these, made with --key"},
    kChallengeFile,
    kChallenge,
    kScepFingerprint,
    kScepAuthorities,
    {"trust-any", "", "send the challenge to whoever answers: for tests"},
    kScepTlsRoots,
    {"renew", "CERT", "renew this certificate: the message is signed with it"},
    {"old-key", "FILE", "the key of the certificate that is renewed; --key if left out"},
    {"renewal", "renewal|pkcs",
     "send a renewal as RenewalReq (if left out) or as PKCSReq, as older clients do"},
    {"save-message", "FILE", "also write the message that is sent, for `vouch scep decode` and `replay`"},
    {"state", "FILE", "where a pending enrolment is kept for `vouch scep poll`"},
    kWait,
    kInterval,
    kScepGet,
    kScepPost,
    {"cipher", "NAME", "how the request is encrypted: aes128 (if left out), aes192, aes256, des3, des"},
    {"digest", "NAME", "how messages are signed: sha256 (if left out), sha384, sha512"},
    {"key-transport", "NAME",
     "how the content's key is encrypted: pkcs1 (if left out), oaep-sha1, oaep-sha256"},
};
constexpr Option kPoll[] = {
    kChallengeFile,
    kChallenge,
    kWait,
    kInterval,
    kScepTlsRoots,
    {"out", "FILE", "where the certificate is written, in place of the file that enroll named"}};

constexpr Command kScepEnrollCommands[] = {
    {"scep enroll", "URL", "enrol for a certificate with SCEP, as a device does",
     "Issued: exit code 0, the certificate is written. Pending: exit code 3; --state keeps what `vouch scep "
     "poll` needs. "
     "Refused: exit code 1, and the reason that the service gives. Run again with the same key, the same "
     "transaction "
     "goes on. The key is written before it is used. Elliptic-curve keys need a challenge, since the answer "
     "is encrypted "
     "under it.",
     kEnroll,
     "vouch scep enroll http://ca.example.test/scep --fingerprint 5f3a… --key router.key --subject CN=router "
     "--challenge-file challenge --out router.pem",
     &enroll},
    {"scep poll", "STATE", "ask what became of a pending enrolment",
     "Exit code 3 while it is pending. When the certificate has come, it is written where `vouch scep "
     "enroll` was told, "
     "and the state is removed.",
     kPoll, "vouch scep poll router.state --wait 1h", &poll},
};

}  // namespace

std::span<const Command> scep_enroll_commands() { return kScepEnrollCommands; }

}  // namespace vouch::cli
