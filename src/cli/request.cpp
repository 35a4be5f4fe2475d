// vouch request …
#include <ostream>

#include "ca/signed_request.hpp"
#include "cli/describe.hpp"
#include "cms/signed_data.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

Result<std::map<std::string, std::string>> attributes_of(const Arguments& arguments) {
  std::map<std::string, std::string> attributes;
  for (const std::string& pair : arguments.all("attr")) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return usage_error("--attr: '{}' is not of the form KEY=VALUE", pair);
    if (!attributes.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second)
      return usage_error("--attr: '{}' is given twice", pair.substr(0, equals));
  }
  return attributes;
}

Result<Exit> report_outcome(Context& context, const ca::LocalAuthority& authority, const ca::Outcome& outcome,
                            const Arguments& arguments, std::string input = {}) {
  OutcomeOptions options{arguments.text("out"), std::move(input), {}, false};
  if (arguments.has("chain")) options.chain = TRY(authority.chain());
  return report_outcome(context, outcome, options);
}

// As a device of a profile shows it: to try a challenge, or to see why one is refused.
Result<std::optional<ca::ChallengeProof>> proof_of(Context& context, const Arguments& arguments) {
  const std::string *profile = arguments.find("profile"), *file = arguments.find("challenge-file"),
                    *renews = arguments.find("renews");
  if (!profile && (file || renews)) return usage_error("--challenge-file and --renews go with --profile");
  if (!profile) return std::optional<ca::ChallengeProof>();
  ca::ChallengeProof proof{Secret(), *profile, "command line", ""};
  if (file) proof.secret = Secret(TRY(context.read_secret(*file, "Challenge: ")));
  if (renews) proof.renews = std::move(TRY(read_certificate_file(context, *renews)).front());
  return std::optional(std::move(proof));
}

Result<Exit> submit(Context& context, const Arguments& arguments) {
  ca::Submission submission;
  submission.attributes = TRY(attributes_of(arguments));
  if (arguments.has("der") && arguments.has("chain"))
    return usage_error("--chain writes several certificates, and DER holds one: leave out one of the two");
  submission.request = TRY(read_request_file(context, arguments.operand(0)));
  submission.template_name = arguments.text("template");
  submission.requester = context.user();
  submission.challenge = TRY(proof_of(context, arguments));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const auto authority = TRY(context.open_authority(workspace, record.name));
  if (submission.attributes.contains("san"))
    context.note(
        "note: the attribute 'san' is kept with the request and never used: names come from the request "
        "itself");
  const auto outcome = TRY(authority->submit(submission).context("submitting {}", arguments.operand(0)));
  return report_outcome(context, *authority, outcome, arguments, arguments.operand(0));
}

Result<Exit> list_requests(Context& context, const Arguments& arguments) {
  store::RequestFilter filter;
  if (const std::string* state = arguments.find("state"))
    filter.disposition = TRY(for_option(store::disposition_from_name(*state), "state"));
  filter.template_name = arguments.text("template");
  filter.requester = arguments.text("requester");
  const std::optional<std::uint32_t> limit = TRY(arguments.number("limit"));
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  if (context.named_authority()) filter.authority = TRY(context.choose_authority(*snapshot)).id;
  const auto names = TRY(authority_names(*snapshot));

  Table table{"ID", "STATE", "TEMPLATE", "REQUESTER", "SUBMITTED", "MESSAGE"};
  Value values = Value::list();
  std::size_t left = limit.value_or(UINT32_MAX);
  while (left != 0) {
    const std::size_t page_size = filter.limit = std::min<std::size_t>(filter.limit, left);
    const auto page = TRY(snapshot->requests(filter));
    for (const auto& record : page) {
      table.add({fmt::format("{}", record.id), std::string(store::to_string(record.disposition)),
                 record.template_name.empty() ? "-" : record.template_name, record.requester,
                 format_time(record.submitted_at), record.message});
      values.push(describe(record, names));
    }
    if (page.size() < page_size) break;
    left -= page.size();
    filter.after = page.back().id;
  }
  if (context.json())
    print_json(context, Value().set("requests", std::move(values)));
  else
    table.print(context, "no requests");
  return Exit::done;
}

// Whom the messages around a request name as their signers.
std::vector<std::string> signers_of(const ca::OpenedRequest& opened) {
  std::vector<std::string> signers;
  for (const Buffer& der : opened.messages)
    if (const auto message = cms::parse_signed_data(der))
      for (const cms::SignerInfoView& signer : message->signers) signers.push_back(signer.signer.text());
  return signers;
}

Result<Exit> show_request(Context& context, const Arguments& arguments) {
  const auto id = TRY(parse_request_id(arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(snapshot->request(id));
  TRY(context.check_authority(TRY(authority_of(*snapshot, record.authority)), fmt::format("request {}", id)));
  const auto names = TRY(authority_names(*snapshot));
  // A request that could not be parsed was denied for it, and can be shown all the same.
  const auto opened = ca::open_request(record.request);
  const auto view = opened ? x509::parse_request(opened->request) : Result<x509::RequestView>(opened.error());
  const std::vector<std::string> signers = opened ? signers_of(*opened) : std::vector<std::string>();
  Value content = view ? x509::describe_request(*view) : Value();

  if (context.json()) {
    Value attributes = Value::list();
    for (const auto& [key, text] : record.attributes)
      attributes.push(Value().set("name", key).set("value", text));
    Value value = describe(record, names);
    Value signed_by = Value::list();
    for (const std::string& signer : signers) signed_by.push(signer);
    value.set("attributes", std::move(attributes)).set("signed_by", std::move(signed_by));
    value.set("content", std::move(content));
    print_json(context, value);
    return Exit::done;
  }
  Fields fields;
  fields.add("Request", fmt::format("{}", record.id)).add("CA", names.at(record.authority));
  fields.add("State", store::to_string(record.disposition)).add("Template", record.template_name);
  fields.add("Requester", record.requester).add("Submitted", format_time(record.submitted_at));
  if (record.resolved_at) fields.add("Resolved", format_time(*record.resolved_at));
  fields.add("By", record.resolver).add("Message", record.message).add("Rule", record.reason);
  constexpr std::size_t kLongest = 200;  // what is sealed is for no eyes
  for (const auto& [key, text] : record.attributes)
    fields.add("Attribute",
               fmt::format("{}={}{}", key, text.substr(0, kLongest), text.size() > kLongest ? "…" : ""));
  for (const std::string& signer : signers) fields.add("Signed by", signer);
  context.out() << fields.text("") << '\n';
  if (view)
    context.out() << x509::to_text(printable_tree(std::move(content)));
  else
    context.out() << "The request cannot be read: " << printable(view.error().message()) << '\n';
  return Exit::done;
}

// The authority that a request is with.
Result<std::shared_ptr<ca::LocalAuthority>> authority_of_request(Context& context, const Workspace& workspace,
                                                                 store::RequestId id) {
  const auto snapshot = TRY(workspace.snapshot());
  const auto request = TRY(snapshot->request(id));
  const auto record = TRY(authority_of(*snapshot, request.authority));
  TRY(context.check_authority(record, fmt::format("request {}", id)));
  return context.open_authority(workspace, record.name);
}

Result<Exit> approve(Context& context, const Arguments& arguments) {
  const auto id = TRY(parse_request_id(arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto authority = TRY(authority_of_request(context, workspace, id));
  const auto outcome = TRY(authority->approve(id, context.user()));
  return report_outcome(context, *authority, outcome, arguments);
}

Result<Exit> deny(Context& context, const Arguments& arguments) {
  const auto id = TRY(parse_request_id(arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto authority = TRY(authority_of_request(context, workspace, id));
  const auto outcome = TRY(authority->deny(id, context.user(), arguments.text("reason")));
  if (context.json())
    print_json(context, Value()
                            .set("request", id)
                            .set("state", store::to_string(outcome.disposition))
                            .set("message", outcome.message));
  context.say("request {} is denied", id);
  return Exit::done;
}

Result<Exit> retrieve(Context& context, const Arguments& arguments) {
  const auto id = TRY(parse_request_id(arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto authority = TRY(authority_of_request(context, workspace, id));
  const auto outcome = TRY(authority->retrieve(id));
  return report_outcome(context, *authority, outcome, arguments);
}

constexpr Option kSubmit[] = {
    {"template", "NAME", "the template to issue by; a stand-alone CA takes requests without one"},
    {"attr", "KEY=VALUE", "an attribute to keep beside the request", Occurs::any_times},
    {"profile", "NAME", "as a device of this profile would: with a challenge, or renewing a certificate"},
    {"challenge-file", "FILE", "the challenge of --profile, on the first line; - asks for it"},
    {"renews", "FILE", "the certificate that --profile renews; its names must stay"},
    {"out", "FILE", "where the certificate goes; standard output if left out"},
    {"chain", "", "write the CA's chain after the certificate"},
};
constexpr Option kRequestList[] = {
    {"state", "pending|issued|denied|failed|revoked|foreign|issuing", "only requests in this state"},
    {"template", "NAME", "only requests for this template"},
    {"requester", "NAME", "only requests of this account"},
    {"limit", "N", "at most so many"},
};
constexpr Option kOutcome[] = {
    {"out", "FILE", "where the certificate goes; standard output if left out"},
    {"chain", "", "write the CA's chain after the certificate"},
};
constexpr Option kDeny[] = {{"reason", "TEXT", "why; the requester reads it", Occurs::once}};

constexpr Command kRequestCommands[] = {
    {"request submit", "FILE", "submit a certification request (PKCS #10, or in a signed message)",
     "FILE is PKCS #10, or a signed message (CMS, PKCS #7) around it: signed by an enrolment agent, as "
     "templates "
     "with signatures.count demand it, or by the certificate that is renewed. Make one with: openssl cms "
     "-sign "
     "-binary -nodetach -in web.csr.der -signer agent.pem -inkey agent.key -outform PEM -out web.p7m. "
     "Issued: the certificate is written and the exit code is 0. Pending: the exit code is 3, and a "
     "certificate "
     "manager approves. Denied: the exit code is 1, and the rule, what it expected and what it received are "
     "printed.",
     kSubmit, "vouch request submit web.csr --template WebServer --out web.pem", &submit},
    {"request list", "", "list requests", "", kRequestList, "vouch request list --state pending",
     &list_requests},
    {"request show",
     "ID",
     "show a request with what it asks for",
     "",
     {},
     "vouch request show 7",
     &show_request},
    {"request approve", "ID", "approve a pending request and issue its certificate", "", kOutcome,
     "vouch request approve 7 --out web.pem", &approve},
    {"request deny", "ID", "deny a pending request", "", kDeny,
     "vouch request deny 7 --reason \"not our domain\"", &deny},
    {"request retrieve", "ID", "fetch what became of a request; exit code 3 while it is pending", "",
     kOutcome, "vouch request retrieve 7 --out web.pem", &retrieve},
};

}  // namespace

std::span<const Command> request_commands() { return kRequestCommands; }

}  // namespace vouch::cli
