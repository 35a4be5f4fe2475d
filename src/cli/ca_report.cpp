#include "cli/ca_report.hpp"

#include "base/pem.hpp"
#include "cli/describe.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::cli {
namespace {

std::vector<std::string> next_steps(const store::AuthorityRecord& record, bool waits,
                                    const std::string& request_file) {
  if (waits)
    return {fmt::format("have the parent sign it: vouch --home PARENT-HOME ca sign {} --out ca.pem",
                        request_file),
            fmt::format("then install the answer: vouch --ca {} ca install ca.pem", shell_word(record.name))};
  if (record.kind == store::AuthorityKind::root)
    return {fmt::format("vouch ca init --name NAME --kind subordinate --parent {}", shell_word(record.name))};
  return {fmt::format("vouch --ca {} template publish WebServer", shell_word(record.name)),
          fmt::format("vouch --ca {} request submit FILE --template WebServer --out CERT",
                      shell_word(record.name))};
}

Value describe_policy(const ca::CaPolicy& policy) {
  Value settings = Value::list();
  for (const auto& line : policy.lines)
    settings.push(Value()
                      .set("section", line.section)
                      .set("key", line.key)
                      .set("value", line.value)
                      .set("line", line.line));
  return Value()
      .set("file", policy.file)
      .set("settings", std::move(settings))
      .set("warnings", texts(policy.warnings));
}

Result<std::vector<std::string>> publish_first_crls(Context& context, const Workspace& workspace,
                                                    const std::string& name) {
  const auto authority = TRY(context.open_authority(workspace, name));
  std::vector<std::string> published;
  for (const fs::path& file : TRY(ca::publish_ca_certificates(*authority)))
    published.push_back(file.string());
  // Nobody can let the key pass while this command is the one that makes it so.
  if (authority->settings().interactive_key) return published;
  for (const auto& crl : TRY(revocation::publish_crls(*authority, context.user())))
    for (const fs::path& file : crl.files) published.push_back(file.string());
  return published;
}

// Of the CA's newest key.
Result<Fields> fields_of(Context& context, const Workspace& workspace,
                         const store::KeyGeneration& generation) {
  Fields fields;
  std::string key = key_text(generation.public_key_info);
  if (generation.key_reference.starts_with("file:"))
    key += fmt::format(", in {}", (workspace.home().keys() / generation.key_reference.substr(5)).string());
  else
    key += fmt::format(", {}", generation.key_reference);
  fields.add("Key", key);
  if (generation.certificate.empty()) return fields;
  const auto view = TRY(x509::parse_certificate(generation.certificate));
  const auto prints = fingerprints(context.provider(), generation.certificate);
  fields.add("Subject", name_text(view.subject)).add("Issuer", name_text(view.issuer));
  fields.add("Serial", x509::serial_to_text(view.serial));
  fields.add("Valid", fmt::format("{} to {}", format_time(view.not_before), format_time(view.not_after)));
  fields.add("SHA-256", prints.sha256).add("SHA-1", prints.sha1);
  return fields;
}

void add_policy(Fields& fields, const ca::CaPolicy& policy) {
  if (policy.lines.empty()) fields.add("Read", policy.file);
  for (const auto& line : policy.lines)
    fields.add("Read", fmt::format("{}:{}: [{}] {} = {}", policy.file, line.line, line.section, line.key,
                                   line.value));
}

}  // namespace

std::string shell_word(std::string_view name) { return fmt::format("'{}'", name); }

Result<Exit> report(Context& context, const Workspace& workspace, const Report& what) {
  const auto snapshot = TRY(workspace.snapshot());
  const auto generation = TRY(snapshot->key_generations(what.record.id)).back();
  const auto next = what.pending.empty()
                        ? next_steps(what.record, generation.certificate.empty(), what.request_file)
                        : what.pending;
  const Exit exit = what.pending.empty() ? Exit::done : Exit::pending;
  if (context.json()) {
    // What is in the database now: the record was read before the parent was asked.
    const auto record = TRY(snapshot->authority(what.record.name));
    Value value;
    value.set("ca", TRY(api::describe(workspace.environment(), *snapshot, record)));
    value.set("files", texts(what.published)).set("request_file", text_or_null(what.request_file));
    value.set("root_sha256", hex_or_null(what.root_fingerprint));
    value.set("capolicy", what.policy ? describe_policy(*what.policy) : Value());
    value.set("warnings", texts(what.warnings)).set("next", texts(next));
    print_json(context, value);
    return exit;
  }
  if (what.policy)
    for (const std::string& warning : what.policy->warnings) context.note("warning: {}", printable(warning));
  for (const std::string& warning : what.warnings) context.note("warning: {}", printable(warning));
  Fields fields = TRY(fields_of(context, workspace, generation));
  if (!what.root_fingerprint.empty()) fields.add("Root SHA-256", to_hex(what.root_fingerprint));
  fields.add("Request", what.request_file);
  if (what.policy) add_policy(fields, *what.policy);
  for (const std::string& file : what.published) fields.add("Published", file);
  context.say("{}\n{}", what.headline, fields.text().substr(0, fields.text().size() - 1));
  for (const std::string& step : next) context.say("next: {}", step);
  return exit;
}

Result<Exit> publish_and_report(Context& context, const Workspace& workspace, Report what) {
  auto published = publish_first_crls(context, workspace, what.record.name);
  if (!published)
    return std::move(published.error())
        .context(fmt::format("publishing for CA '{}', which is set up all the same", what.record.name))
        .with_hint("mend that, then: vouch crl publish");
  what.published = std::move(*published);
  return report(context, workspace, what);
}

Result<Exit> report_request(Context& context, const Workspace& workspace, const std::string& file,
                            Bytes request, Report what) {
  const std::string pem = to_pem("CERTIFICATE REQUEST", request);
  const Bytes content = context.der() ? request : as_bytes(pem);
  auto written = write_output(context, file, content);
  if (!written)
    return std::move(written.error())
        .context(fmt::format("writing the request of CA '{}', which is made all the same", what.record.name))
        .with_hint(fmt::format("write it again with: vouch --ca {} ca export --request --out FILE",
                               shell_word(what.record.name)));
  what.headline += ", and waits for its certificate";
  what.request_file = file;
  if (file == "-") return Exit::done;  // standard output is the request
  return report(context, workspace, what);
}

}  // namespace vouch::cli
