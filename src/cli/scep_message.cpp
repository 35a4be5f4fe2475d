// vouch scep decode, vouch scep replay: messages that were found somewhere, explained and sent again.
#include <ostream>

#include "cli/describe.hpp"
#include "cli/scep_client.hpp"
#include "enroll/scep/captured.hpp"
#include "enroll/scep/explain.hpp"

namespace vouch::cli {
namespace {

namespace scep = enroll::scep;

// What opens the inner half, from the options.
struct Opening {
  std::vector<scep::DecryptionKey> keys;
  std::string password;
  std::vector<Buffer> signers;

  Opening() = default;
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  Opening(Opening&&) = default;
  Opening& operator=(Opening&&) = default;
  ~Opening() { wipe(password); }
  scep::ExplainKeys view() const { return {keys, password, signers}; }
};

Result<Opening> take_opening(Context& context, const Arguments& arguments) {
  Opening out;
  const std::string* const key_file = arguments.find("key");
  const std::string* const certificate_file = arguments.find("certificate");
  if ((key_file == nullptr) != (certificate_file == nullptr))
    return usage_error(
        "--key and --certificate belong together: the message names the certificate that it is for");
  if (key_file) {
    const auto key = TRY(read_private_key(context, arguments, *key_file));
    for (Buffer& certificate : TRY(read_certificate_file(context, *certificate_file))) {
      if (!equal(key->public_key_info(), TRY(x509::parse_certificate(certificate)).public_key_info)) continue;
      out.keys.push_back({std::move(certificate), TRY(key->decrypter())});
    }
    if (out.keys.empty())
      return make_error(Errc::denied, "{} is the key of no certificate in {}", *key_file, *certificate_file);
  }
  if (const std::string* file = arguments.find("challenge-file"))
    out.password = TRY(context.read_secret(*file, "Challenge: "));
  if (const std::string* file = arguments.find("signer"))
    out.signers = TRY(read_certificate_file(context, *file));
  return out;
}

Result<scep::Catch> find_in(const Context& context, const std::string& file) {
  const Buffer content = TRY(context.files().read(file).context("reading messages"));
  return scep::find_messages(content).context("looking for messages in {}", file);
}

Result<Exit> decode(Context& context, const Arguments& arguments) {
  const Opening opening = TRY(take_opening(context, arguments));
  const scep::Catch found = TRY(find_in(context, arguments.operand(0)));
  Value messages = Value::list();
  bool first = true;
  for (const scep::Captured& captured : found.messages) {
    Value explained = explain_message(context.provider(), captured.message, opening.view());
    if (!context.json()) {
      if (!std::exchange(first, false)) context.out() << '\n';
      if (found.messages.size() > 1) context.out() << fmt::format("{:<19}{}\n", "Found in:", captured.where);
      context.out() << scep::to_text(printable_tree(explained));
    }
    messages.push(Value().set("where", captured.where).set("message", std::move(explained)));
  }
  if (context.json())
    print_json(context, Value().set("messages", std::move(messages)).set("notes", texts(found.notes)));
  for (const std::string& note : found.notes) context.note("note: {}", printable(note));
  return found.messages.empty() ? Exit::found_bad : Exit::done;
}

Result<Exit> replay_message(Context& context, const Arguments& arguments) {
  const Opening opening = TRY(take_opening(context, arguments));
  scep::ServiceClient service = TRY(reach_scep(context, arguments, arguments.operand(1)));
  const scep::Transport transport = TRY(scep_transport(arguments));
  const scep::Catch found = TRY(find_in(context, arguments.operand(0)));
  const std::size_t number = TRY(arguments.number("number")).value_or(1);
  if (number == 0 || number > found.messages.size())
    return usage_error("--number: there are {} messages in {}, so there is no number {}",
                       found.messages.size(), arguments.operand(0), number);
  const Buffer& message = found.messages[number - 1].message;
  const Buffer reply = TRY(service.send(message, transport));
  const auto explain = [&](Bytes octets) {
    return explain_message(context.provider(), octets, opening.view());
  };
  Value answer = explain(reply);
  if (context.json()) {
    print_json(context, Value()
                            .set("url", service.url())
                            .set("where", found.messages[number - 1].where)
                            .set("sent", explain(message))
                            .set("reply", std::move(answer)));
    return Exit::done;
  }
  context.say("sent {} octets from {} to {}; the reply:", message.size(), arguments.operand(0),
              service.url());
  context.out() << scep::to_text(printable_tree(std::move(answer)));
  return Exit::done;
}

constexpr Option kMessageKey{
    "key", "FILE", "the private key of the recipient: of the RA for requests, of the device for replies"};
constexpr Option kCertificate{"certificate", "FILE", "the certificate of --key"};
constexpr Option kMessagePassword{
    "challenge-file", "FILE",
    "a file whose first line is the challenge, for replies that are encrypted under it"};
constexpr Option kSigner{"signer", "FILE",
                         "certificates of signers, for messages that do not carry their own"};
constexpr Option kDecode[] = {kMessageKey, kCertificate, kMessagePassword, kSigner};
constexpr Option kMessageReplay[] = {kMessageKey,
                                     kCertificate,
                                     kMessagePassword,
                                     kSigner,
                                     {"number", "N", "which of the messages in the file (1)"},
                                     kScepGet,
                                     kScepPost,
                                     kScepTlsRoots};

constexpr Command kMessageCommands[] = {
    {"scep decode", "FILE", "explain the SCEP messages in a file",
     "The file is DER or BER, PEM, base64 in any spelling, the query of a GET, an access log or a device's "
     "log: every "
     "message in it is shown, with its attributes, signer, recipients and algorithms. With the recipient's "
     "key, also what "
     "is inside. A challenge is never shown. Exit code 4 when messages are there but cut off.",
     kDecode, "vouch scep decode access.log --key ra.key --certificate ra.pem", &decode},
    {"scep replay", "FILE URL", "send a captured SCEP message again and explain the reply",
     "The message goes as it was captured. A service answers a request that it has seen before as it did "
     "then.",
     kMessageReplay, "vouch scep replay request.der http://ca.example.test/scep", &replay_message},
};

}  // namespace

std::span<const Command> scep_message_commands() { return kMessageCommands; }

}  // namespace vouch::cli
