// vouch why: how a request was decided.
#include <algorithm>
#include <ostream>

#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

// A number may be a request's or a certificate's; hex of 20 or 32 octets may be a serial or a fingerprint.
Result<store::RequestRecord> find_request(Context& context, const store::Snapshot& snapshot,
                                          const std::string& text) {
  if (const auto id = parse_request_id(text)) {
    auto record = snapshot.request(*id);
    if (record || record.error().code() != Errc::not_found) return record;
  }
  const auto not_found = [&] {
    return make_error(Errc::not_found, "'{}' is no request, serial or fingerprint that is known here", text)
        .with_hint("vouch request list and vouch cert find TEXT show what is");
  };
  if (const auto serial = x509::serial_from_text(text)) {
    const auto certificate = snapshot.certificate(*serial);
    if (certificate) return snapshot.request(certificate->request);
    if (certificate.error().code() != Errc::not_found) return certificate.error();
  }
  const auto hex = from_hex(text);
  if (!hex || (hex->size() != 20 && hex->size() != 32)) return not_found();
  const auto certificate = find_by_fingerprint(context, snapshot, *hex);
  if (certificate) return snapshot.request(certificate->request);
  if (certificate.error().code() != Errc::not_found) return certificate.error();
  return not_found();
}

// How a request came, where a front end has said so.
void add_transport(Fields& fields, const store::RequestRecord& record) {
  const auto of = [&](const char* name) {
    const auto found = record.attributes.find(name);
    return found == record.attributes.end() ? std::string() : printable(found->second);
  };
  if (of("scep.profile").empty()) return;
  fields.add("Came by", fmt::format("SCEP, profile {}, from {}, {}", of("scep.profile"), of("scep.client"),
                                    of("scep.kind")));
  fields.add("Transaction", of("scep.transaction")).add("Challenge", of("scep.challenge"));
  fields.add("Template by", of("scep.template_choice"));
}

Result<Exit> why(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(find_request(context, *snapshot, arguments.operand(0)));
  TRY(context.check_authority(TRY(authority_of(*snapshot, record.authority)),
                              fmt::format("request {}", record.id)));
  const auto names = TRY(authority_names(*snapshot));
  auto trace = TRY(policy::parse_trace(record.trace).context("reading the trace of request {}", record.id));
  auto certificate = snapshot->certificate_of_request(record.id);
  if (!certificate && certificate.error().code() != Errc::not_found) return std::move(certificate.error());

  if (context.json()) {
    Value value;
    value.set("request", describe(record, names));
    value.set("certificate", certificate ? describe(*certificate, names) : Value());
    value.set("trace", policy::describe_trace(trace));
    print_json(context, value);
    return Exit::done;
  }
  for (policy::TraceStep& step : trace)
    for (std::string* text : {&step.rule, &step.expected, &step.received, &step.mend})
      *text = printable(*text);
  Fields fields;
  fields.add("Request", fmt::format("{}", record.id)).add("CA", names.at(record.authority));
  fields.add("State", store::to_string(record.disposition)).add("Message", record.message);
  fields.add("Template", record.template_name.empty() ? "none" : record.template_name);
  fields.add("Requester", record.requester).add("Submitted", format_time(record.submitted_at));
  if (record.resolved_at) fields.add("Resolved", format_time(*record.resolved_at));
  fields.add("By", record.resolver);
  add_transport(fields, record);
  if (certificate)
    fields.add("Certificate", fmt::format("{} ({}), {}", x509::serial_to_text(certificate->serial),
                                          certificate->subject, state_of(*certificate)));
  context.out() << fields.text("") << '\n' << policy::explain_trace(trace);
  return Exit::done;
}

constexpr Command kWhyCommands[] = {
    {"why",
     "REQUEST-ID|SERIAL|FINGERPRINT",
     "show how a request was decided: every rule, what it expected and received",
     "Works for issued, pending and denied requests alike.",
     {},
     "vouch why 7",
     &why},
};

}  // namespace

std::span<const Command> why_commands() { return kWhyCommands; }

}  // namespace vouch::cli
