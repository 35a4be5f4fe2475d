// vouch ca init, ca sign, ca install
#include "cli/ca_setup.hpp"

#include <ostream>

#include "base/pem.hpp"
#include "ca/import_pkcs12.hpp"
#include "cli/ca_parent.hpp"
#include "cli/describe.hpp"
#include "cli/remote_parent.hpp"

namespace vouch::cli {
namespace {

using store::AuthorityKind;

// Everything that can be wrong about the call is said before anything is made.
Status check_call(const Arguments& arguments, AuthorityKind kind) {
  const bool subordinate = kind == AuthorityKind::subordinate;
  const bool parent = arguments.has("parent"), request_out = arguments.has("request-out");
  if (!subordinate && (parent || request_out))
    return usage_error("a root CA signs itself: --parent and --request-out go with --kind subordinate");
  TRY(check_parent_options(arguments));
  if (arguments.has("validity") && request_out)
    return usage_error(
        "the parent decides how long a subordinate is valid: give --validity to vouch ca sign");
  if (arguments.has("import-p12")) {
    for (const std::string_view option : {"import-key", "key", "parent", "request-out", "validity"})
      if (arguments.has(option))
        return usage_error("--import-p12 brings certificate and key: leave --{} out", option);
    return ok();
  }
  if (arguments.has("p12-password-file") || arguments.has("p12-chain"))
    return usage_error("--p12-password-file and --p12-chain go with --import-p12");
  if (subordinate && parent == request_out)
    return usage_error(
        "a subordinate CA needs either --parent (asked at once) or --request-out (signed elsewhere)");
  if (arguments.has("import-key") && arguments.has("key"))
    return usage_error("--key makes a new key and --import-key brings one: give one of them");
  if (arguments.has("force-weak-key") && !arguments.has("key") && !arguments.has("import-key"))
    return usage_error("--force-weak-key goes with --key or --import-key");
  if (arguments.has("import-passphrase-file") && !arguments.has("import-key"))
    return usage_error("--import-passphrase-file goes with --import-key");
  return ok();
}

Result<std::vector<Buffer>> read_all(const Context& context, const std::vector<std::string>& files) {
  std::vector<Buffer> certificates;
  for (const std::string& file : files)
    for (Buffer& der : TRY(read_certificate_file(context, file))) certificates.push_back(std::move(der));
  return certificates;
}

Result<crypto::Pkcs12> read_p12(Context& context, const Arguments& arguments, const std::string& file) {
  Buffer content = TRY(read_file(file, 16 << 20).context("reading the PKCS #12 file"));
  std::string password = TRY(p12_password(context, arguments, file));
  auto contents = context.provider().read_pkcs12(content, password).context("opening {}", file);
  wipe(password);
  wipe(content);
  return contents;
}

Result<ca::InitOptions> init_options(Context& context, const Arguments& arguments) {
  ca::InitOptions options;
  options.name = arguments.text("name");
  options.administrator = context.user();
  options.subject_suffix = arguments.text("subject-suffix");
  options.kind = arguments.text("kind") == "root" ? AuthorityKind::root : AuthorityKind::subordinate;
  options.mode = arguments.text("mode", "standalone") == "enterprise" ? store::AuthorityMode::enterprise
                                                                      : store::AuthorityMode::standalone;
  if (const std::string* spec = arguments.find("key"))
    options.key = TRY(for_option(crypto::parse_key_spec(*spec), "key"));
  if (const std::string* hash = arguments.find("hash"))
    options.digest = TRY(for_option(crypto::digest_from_name(*hash), "hash"));
  if (options.kind == AuthorityKind::root)
    options.validity = TRY(arguments.span("validity")).value_or(Span{});
  options.no_locations = arguments.has("no-locations");
  options.automatic_issuance = arguments.has("automatic-issuance");
  options.allow_host_name = arguments.has("allow-host-name");
  options.force_weak_key = arguments.has("force-weak-key");
  if (const std::string* file = arguments.find("capolicy")) options.capolicy = *file;
  options.interactive_key = arguments.has("interactive-key");
  options.administrator = context.user();
  if (const std::string* uri = arguments.find("pkcs11")) {
    (void)TRY(for_option(crypto::parse_token_uri(*uri), "pkcs11"));
    options.token_uri = *uri;
  }
  if (const std::string* file = arguments.find("import-key")) {
    options.existing_key = TRY(read_file(*file, 1 << 20).context("reading the key to import"));
    if (const std::string* secret = arguments.find("import-passphrase-file"))
      options.existing_key_passphrase = TRY(context.read_secret(*secret, "Passphrase of " + *file + ": "));
    // Read once here, so that the message names the file and nothing has been made yet.
    (void)TRY(context.provider()
                  .load_private_key(*options.existing_key, options.existing_key_passphrase)
                  .context("reading the key in {}", *file));
  }
  return options;
}

void show_contents(const Context& context, const std::string& file, const ca::Pkcs12Summary& summary) {
  context.note("{} holds:", file);
  Fields fields;
  fields.add("Subject", summary.subject).add("Issuer", summary.self_signed ? "itself" : summary.issuer);
  fields.add("Serial", x509::serial_to_text(summary.serial)).add("Key", summary.key);
  fields.add("Valid",
             fmt::format("{} to {}", format_time(summary.not_before), format_time(summary.not_after)));
  fields.add("For a CA", summary.is_ca ? "yes" : "no");
  for (const std::string& parent : summary.chain) fields.add("With", parent);
  const std::string text = fields.text();
  context.note("{}", text.substr(0, text.size() - 1));
  if (summary.old_ciphers)
    context.note(
        "warning: the file is protected by an old cipher (RC2, RC4 or triple DES): delete it afterwards");
}

// A CA that exists elsewhere, with its key. What is inside is shown before anything is made of it.
Result<ca::InitResult> import_p12(Context& context, const Workspace& workspace, const Arguments& arguments,
                                  const ca::InitOptions& options) {
  const std::string& file = *arguments.find("import-p12");
  auto contents = TRY(read_p12(context, arguments, file));
  show_contents(context, file, TRY(ca::summarize(contents).context("reading {}", file)));
  const auto more = TRY(read_all(context, arguments.all("p12-chain")));
  return ca::import_authority(workspace.environment(), options, std::move(contents), more);
}

std::vector<std::string> next_steps(const store::AuthorityRecord& record, bool waits,
                                    const std::string& request_file) {
  if (waits)
    return {fmt::format("have the parent sign it: vouch --home PARENT-HOME ca sign {} --out ca.pem",
                        request_file),
            fmt::format("then install the answer: vouch --ca {} ca install ca.pem", shell_word(record.name))};
  if (record.kind == AuthorityKind::root)
    return {fmt::format("vouch ca init --name NAME --kind subordinate --parent {}", shell_word(record.name))};
  return {fmt::format("vouch --ca {} template publish WebServer", shell_word(record.name)),
          fmt::format("vouch --ca {} request submit FILE --template WebServer --out CERT",
                      shell_word(record.name))};
}

Value describe(const ca::CaPolicy& policy) {
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

// A file, or the parent that the CA has asked over its API.
Status check_install(const Arguments& arguments) {
  const bool file = !arguments.operands().empty(), from_parent = arguments.has("from-parent");
  if (file == from_parent)
    return usage_error("give the file with the parent's answer, or --from-parent to ask for it");
  for (const std::string_view option :
       {"again", "parent-wait", "parent-passphrase-file", "parent-certificate", "parent-key", "parent-trust"})
    if (arguments.has(option) && !from_parent) return usage_error("--{} goes with --from-parent", option);
  if (from_parent && arguments.has("chain"))
    return usage_error("--chain goes with a file: the parent gives its own chain");
  (void)TRY(arguments.span("parent-wait"));
  return ok();
}

}  // namespace

Result<store::AuthorityRecord> waiting_authority(const Context& context, const store::Snapshot& snapshot) {
  if (context.named_authority()) return context.choose_authority(snapshot);
  std::vector<store::AuthorityRecord> waiting;
  for (auto& record : TRY(snapshot.authorities()))
    if (TRY(snapshot.key_generations(record.id)).back().certificate.empty())
      waiting.push_back(std::move(record));
  if (waiting.size() == 1) return std::move(waiting.front());
  return context.choose_authority(snapshot);
}

std::string shell_word(std::string_view name) { return fmt::format("'{}'", name); }

Result<Publication> publish_all(Context& context, const Workspace& workspace, const std::string& name) {
  const auto authority = TRY(context.open_authority(workspace, name));
  Publication done;
  done.files = TRY(ca::publish_ca_certificates(*authority));
  // Nobody can let the key pass while this command is the one that makes it so.
  if (!authority->settings().interactive_key)
    done.crls = TRY(revocation::publish_crls(*authority, context.user()));
  return done;
}

Error but_set_up(Error error, std::string_view name) {
  return std::move(error)
      .context(fmt::format("publishing for CA '{}', which is set up all the same", name))
      .with_hint("mend that, then: vouch crl publish");
}

Result<Exit> report(Context& context, const Workspace& workspace, const Report& what) {
  const auto snapshot = TRY(workspace.snapshot());
  const auto generation = TRY(snapshot->key_generations(what.record.id)).back();
  const bool waits = generation.certificate.empty();
  const Exit exit = what.pending.empty() ? Exit::done : Exit::pending;
  const auto next = what.pending.empty() ? next_steps(what.record, waits, what.request_file) : what.pending;
  std::vector<std::string> files;
  files.reserve(what.published.files.size());
  for (const fs::path& file : what.published.files) files.push_back(file.string());
  for (const auto& crl : what.published.crls)
    for (const fs::path& file : crl.files) files.push_back(file.string());

  if (context.json()) {
    Value value;
    // What is in the database now: the record was read before the parent was asked.
    const auto record = TRY(snapshot->authority(what.record.name));
    value.set("ca", TRY(api::describe(workspace.environment(), *snapshot, record)));
    value.set("files", texts(files)).set("request_file", text_or_null(what.request_file));
    value.set("root_sha256", hex_or_null(what.root_fingerprint));
    value.set("capolicy", what.policy ? describe(*what.policy) : Value());
    value.set("warnings", texts(what.warnings)).set("next", texts(next));
    print_json(context, value);
    return exit;
  }
  if (what.policy)
    for (const std::string& warning : what.policy->warnings) context.note("warning: {}", printable(warning));
  for (const std::string& warning : what.warnings) context.note("warning: {}", printable(warning));
  Fields fields;
  std::string key = key_text(generation.public_key_info);
  if (generation.key_reference.starts_with("file:"))
    key += fmt::format(", in {}", (workspace.home().keys() / generation.key_reference.substr(5)).string());
  else
    key += fmt::format(", {}", generation.key_reference);
  fields.add("Key", key);
  if (!waits) {
    const auto view = TRY(x509::parse_certificate(generation.certificate));
    const auto prints = fingerprints(context.provider(), generation.certificate);
    fields.add("Subject", name_text(view.subject)).add("Issuer", name_text(view.issuer));
    fields.add("Serial", x509::serial_to_text(view.serial));
    fields.add("Valid", fmt::format("{} to {}", format_time(view.not_before), format_time(view.not_after)));
    fields.add("SHA-256", prints.sha256).add("SHA-1", prints.sha1);
  }
  if (!what.root_fingerprint.empty()) fields.add("Root SHA-256", to_hex(what.root_fingerprint));
  fields.add("Request", what.request_file);
  if (what.policy) {
    if (what.policy->lines.empty()) fields.add("Read", what.policy->file);
    for (const auto& line : what.policy->lines)
      fields.add("Read", fmt::format("{}:{}: [{}] {} = {}", what.policy->file, line.line, line.section,
                                     line.key, line.value));
  }
  for (const std::string& file : files) fields.add("Published", file);
  context.say("{}\n{}", what.headline, fields.text().substr(0, fields.text().size() - 1));
  for (const std::string& step : next) context.say("next: {}", step);
  return exit;
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

Result<std::string> p12_password(Context& context, const Arguments& arguments, const std::string& file) {
  const std::string question = fmt::format("Password of {}: ", printable(file));
  if (const std::string* secret = arguments.find("p12-password-file"))
    return context.read_secret(*secret, question);
  if (context.surroundings().in_is_terminal) return context.surroundings().ask(question);
  return make_error(Errc::denied, "{} needs a password, and nothing gives it", file)
      .with_hint("give it with --p12-password-file FILE");
}

Result<Exit> ca_init(Context& context, const Arguments& arguments) {
  ca::InitOptions options = TRY(init_options(context, arguments));
  TRY(check_call(arguments, options.kind));
  // Read once before anything is made: a home, for instance.
  if (const std::string* file = arguments.find("import-p12"))
    (void)TRY(ca::summarize(TRY(read_p12(context, arguments, *file))).context("reading {}", *file));
  (void)TRY(arguments.span("validity"));
  (void)TRY(arguments.number("path-length"));
  ChosenParent parent = TRY(choose_parent(context, arguments));
  if (parent.elsewhere) options.parent = parent.elsewhere->record();
  // Without the token or its PIN, not even a home is made.
  if (!options.token_uri.empty()) TRY(context.try_token(options.token_uri));

  const Workspace& workspace = *TRY(context.make_workspace());
  options.passphrase = TRY(context.new_key_passphrase());
  const auto made = TRY((arguments.has("import-p12") ? import_p12(context, workspace, arguments, options)
                                                     : ca::init(workspace.environment(), options))
                            .context("setting up CA '{}'", options.name));
  wipe(options.passphrase);
  if (!made.key_origin.empty()) context.note("note: {}", printable(made.key_origin));
  Report what{
      fmt::format("{} CA {} is set up in {}", options.kind == AuthorityKind::root ? "Root" : "Subordinate",
                  shell_word(options.name), workspace.home().folder().string()),
      made.record,
      {},
      {},
      {},
      made.warnings,
      made.policy};

  if (const std::string* file = arguments.find("request-out"))
    return report_request(context, workspace, *file, made.generation.request, std::move(what));
  return finish(context, workspace, parent, arguments,
                {made.generation.request, "CA '" + options.name + "'", "it waits for its certificate"},
                std::move(what));
}

Result<Exit> ca_sign(Context& context, const Arguments& arguments) {
  ca::LocalAuthority::SubordinateOptions options;
  options.path_length = TRY(arguments.number("path-length"));
  options.validity = TRY(arguments.span("validity"));
  const Buffer request = TRY(read_request_file(context, arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const auto authority = TRY(context.open_authority(workspace, record.name));
  const auto outcome = TRY(authority->sign_subordinate(request, options, context.user()));
  OutcomeOptions output{arguments.text("out"), arguments.operand(0), {}, arguments.has("p7b")};
  if (!context.der() || output.p7b) output.chain = TRY(authority->chain());
  return report_outcome(context, outcome, output);
}

Result<Exit> ca_install(Context& context, const Arguments& arguments) {
  TRY(check_install(arguments));
  if (arguments.has("from-parent")) return install_from_parent(context, arguments);
  const std::string& file = arguments.operand(0);
  const Buffer answer = TRY(context.files().read(file));
  const auto chain = TRY(read_all(context, arguments.all("chain")));
  const auto trust = TRY(read_all(context, arguments.all("trust")));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(waiting_authority(context, *TRY(workspace.snapshot())));
  const auto installed =
      TRY(ca::install(workspace.environment(), record.name, answer, chain, trust, context.user())
              .context("installing {} for CA '{}'", file, record.name));
  Report what{fmt::format("CA {} has its certificate", shell_word(record.name)),
              record,
              {},
              {},
              installed.root_fingerprint,
              {},
              {}};
  auto published = publish_all(context, workspace, record.name);
  if (!published) return but_set_up(std::move(published.error()), record.name);
  what.published = std::move(*published);
  return report(context, workspace, what);
}

}  // namespace vouch::cli
