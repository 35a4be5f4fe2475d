// vouch ca init, ca sign, ca install
#include "cli/ca_setup.hpp"

#include <ostream>

#include "ca/setup/import_pkcs12.hpp"
#include "cli/ca_parent.hpp"
#include "cli/describe.hpp"

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
  Report what{.headline = fmt::format("{} CA {} is set up in {}",
                                      options.kind == AuthorityKind::root ? "Root" : "Subordinate",
                                      shell_word(options.name), workspace.home().folder().string()),
              .record = made.record,
              .warnings = made.warnings,
              .policy = made.policy};
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
  return publish_and_report(context, workspace,
                            {.headline = fmt::format("CA {} has its certificate", shell_word(record.name)),
                             .record = record,
                             .root_fingerprint = installed.root_fingerprint});
}

}  // namespace vouch::cli
