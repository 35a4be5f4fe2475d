// vouch helper …: what VPN and RADIUS servers call for each client certificate.
#include <algorithm>
#include <ostream>

#include "cli/describe.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

using relying::Answer, relying::Asked;

// By the gateway that runs here; where none runs, by this process, with the same home.
Result<Answer> decide(Context& context, const Arguments& arguments, const Asked& asked) {
  if (const auto socket = find_gateway(context, arguments.find("socket")))
    return relying::GatewayClient(*socket).ask(asked);
  const auto party = TRY(open_party(context));
  const auto profile = TRY(party->configuration()->find_profile(asked.profile));
  const auto decision = party->party().decide(asked.question, profile);
  return Answer{decision.accepted, decision.code, decision.name, decision.message,
                relying::to_value(decision)};
}

Result<Asked> question_of_helper(const Arguments& arguments, std::string client) {
  Asked asked;
  asked.client = std::move(client);
  asked.profile = arguments.text("profile");
  asked.question.purpose =
      TRY(for_option(relying::purpose_from_name(arguments.text("purpose", "client")), "purpose"));
  asked.question.expected.upn = arguments.text("upn");
  asked.question.expected.sid = arguments.text("sid");
  return asked;
}

// One line, which the server puts into its own log; the exit code is what it goes by.
Result<Exit> answer_to_helper(Context& context, const Arguments& arguments, const Asked& asked,
                              const std::string& whom) {
  const Answer answer = TRY(decide(context, arguments, asked));
  if (context.json())
    print_json(context, Value().set("decision", answer.whole));
  else if (answer.accepted)
    context.say("vouch: {}: accepted", whom);
  else
    context.out() << printable(fmt::format("vouch: {}: refused: {}{}: {}", whom, answer.name,
                                           answer.code == 0 ? "" : fmt::format(" (AADSTS{})", answer.code),
                                           answer.message))
                  << '\n';
  return answer.accepted ? Exit::done : Exit::found_bad;
}

// tls-verify CMD: called as CMD DEPTH SUBJECT, from the root down to the client (depth 0), with the
// certificate at hand in the file that the variable peer_cert names (tls-export-cert).
Result<Exit> openvpn(Context& context, const Arguments& arguments) {
  if (arguments.operand(0) != "0") return Exit::done;  // the chain above is built from the client's own
  const auto file = context.surroundings().variable("peer_cert");
  if (!file || file->empty())
    return make_error(Errc::usage,
                      "OpenVPN has not exported the client's certificate: there is no variable peer_cert")
        .with_hint("add to its configuration: tls-export-cert /run/openvpn-server; and script-security 2");
  Asked asked = TRY(question_of_helper(arguments, "openvpn"));
  asked.question.chain = TRY(read_certificate_file(context, *file));
  return answer_to_helper(context, arguments, asked,
                          arguments.operands().size() > 1 ? arguments.operand(1) : *file);
}

// verify { client = "CMD %{TLS-Client-Cert-Filename}" } in eap.conf.
Result<Exit> freeradius(Context& context, const Arguments& arguments) {
  Asked asked = TRY(question_of_helper(arguments, "freeradius"));
  asked.question.chain = TRY(read_certificate_file(context, arguments.operand(0)));
  for (const std::string& file : arguments.all("chain"))
    for (Buffer& der : TRY(read_certificate_file(context, file)))
      asked.question.chain.push_back(std::move(der));
  return answer_to_helper(context, arguments, asked, arguments.operand(0));
}

constexpr Option kProfile = {"profile", "NAME", "cba, logon, or one of one's own; else that of the gateway"};
constexpr Option kPurpose = {"purpose", "client|smartcard|any",
                             "what the certificate is to be used for (client)"};
constexpr Option kOpenvpn[] = {kProfile, kPurpose, kSocketOption};
constexpr Option kFreeradius[] = {
    kProfile,
    kPurpose,
    {"upn", "NAME", "whom it must name, by principal name: \"%{User-Name}\""},
    {"sid", "SID", "whom it must name, by security identifier"},
    {"chain", "FILE", "CA certificates between the client's and the root", Occurs::any_times},
    kSocketOption,
};

constexpr Command kHelperCommands[] = {
    {"helper openvpn", "DEPTH [SUBJECT]", "decide for OpenVPN's tls-verify",
     "In OpenVPN's configuration: script-security 2, tls-export-cert FOLDER, and tls-verify \"/usr/bin/vouch "
     "helper "
     "openvpn\"; OpenVPN adds depth and subject. Asks the gateway of this host, or decides by itself where "
     "none runs. Exit "
     "code 0 lets the client in. docs/how-to/openvpn.md.",
     kOpenvpn, "vouch helper openvpn 0 CN=alice", &openvpn},
    {"helper freeradius", "CERTFILE", "decide for FreeRADIUS, in verify { client = }",
     "In mods-enabled/eap: verify { tmpdir = /run/freeradius; client = \"/usr/bin/vouch helper freeradius "
     "%{TLS-Client-Cert-Filename}\" }. Asks the gateway of this host, or decides by itself where none runs. "
     "Exit code 0 "
     "lets the client in. docs/how-to/freeradius.md.",
     kFreeradius, "vouch helper freeradius client.pem --upn alice@example.test", &freeradius},
};

}  // namespace

std::span<const Command> helper_commands() { return kHelperCommands; }

}  // namespace vouch::cli
