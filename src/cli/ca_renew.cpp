// vouch ca renew, ca set
#include "ca/setup/renewal.hpp"

#include <ostream>

#include "ca/settings/change_settings.hpp"
#include "cli/ca_parent.hpp"
#include "cli/ca_setup.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

using store::AuthorityKind;

Status check_renewal_call(const Arguments& arguments, const store::AuthorityRecord& record) {
  const bool parent = arguments.has("parent"), request_out = arguments.has("request-out");
  if (record.kind == AuthorityKind::root) {
    if (parent || request_out)
      return make_error(Errc::denied, "CA '{}' is a root: it signs itself and never becomes a subordinate",
                        record.name)
          .with_hint("renew it without --parent and --request-out");
  } else if (parent == request_out) {
    return usage_error(
        "a subordinate CA needs either --parent (asked at once) or --request-out (signed elsewhere): it "
        "never becomes a root");
  }
  TRY(check_parent_options(arguments));
  if (arguments.has("validity") && request_out)
    return usage_error(
        "the parent decides how long a subordinate is valid: give --validity to vouch ca sign");
  for (const std::string_view option : {"key", "force-weak-key"})
    if (arguments.has(option) && !arguments.has("new-key"))
      return usage_error("--{} goes with --new-key", option);
  return ok();
}

Result<ca::RenewOptions> renew_options(Context& context, const Arguments& arguments,
                                       const store::AuthorityRecord& record) {
  ca::RenewOptions options;
  options.new_key = arguments.has("new-key");
  if (const std::string* spec = arguments.find("key"))
    options.key = TRY(for_option(crypto::parse_key_spec(*spec), "key"));
  if (const std::string* hash = arguments.find("hash"))
    options.digest = TRY(for_option(crypto::digest_from_name(*hash), "hash"));
  const auto validity = TRY(arguments.span("validity"));
  if (record.kind == AuthorityKind::root) options.validity = validity.value_or(Span{});
  if (const std::string* file = arguments.find("capolicy")) options.capolicy = *file;
  options.force_weak_key = arguments.has("force-weak-key");
  options.replace = arguments.has("replace");
  options.administrator = context.user();
  if (const std::string* uri = arguments.find("pkcs11")) {
    (void)TRY(for_option(crypto::parse_token_uri(*uri), "pkcs11"));
    options.token_uri = *uri;
  }
  return options;
}

Result<std::pair<std::string, std::string>> assignment(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return usage_error("'{}' is no SETTING=VALUE", text).with_hint("for example: vouch ca set hash=sha384");
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

}  // namespace

Result<Exit> ca_renew(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  TRY(check_renewal_call(arguments, record));
  ca::RenewOptions options = TRY(renew_options(context, arguments, record));
  (void)TRY(arguments.number("path-length"));
  ChosenParent parent = TRY(choose_parent(context, arguments));
  if (parent.elsewhere) options.parent = parent.elsewhere->record();
  if (options.new_key) options.passphrase = TRY(context.new_key_passphrase());
  const auto renewed =
      TRY(ca::renew(workspace.environment(), record.name, options).context("renewing CA '{}'", record.name));
  wipe(options.passphrase);
  const std::string version = ca::version_text(renewed.generation);
  Report what{.headline = fmt::format("CA {} is renewed with {} key: {}", shell_word(record.name),
                                      options.new_key ? "a new" : "the same", version),
              .record = renewed.record,
              .warnings = renewed.warnings,
              .policy = renewed.policy};
  if (const std::string* file = arguments.find("request-out")) {
    what.headline = fmt::format("CA {} goes on signing with what it has; {} is requested",
                                shell_word(record.name), version);
    return report_request(context, workspace, *file, renewed.generation.request, std::move(what));
  }
  return finish(
      context, workspace, parent, arguments,
      {renewed.generation.request, "the renewal of CA '" + record.name + "'", "it goes on with what it has"},
      std::move(what));
}

Result<Exit> ca_set(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& operand : arguments.operands()) wanted.push_back(TRY(assignment(operand)));
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  Value changes = Value::list();
  for (const auto& [name, value] : wanted) {
    const auto change =
        TRY(ca::change_setting(workspace.environment(), record.name, name, value, context.user()));
    context.say("{}: {} (was {})", change.name, change.after, change.before);
    if (!change.warning.empty()) context.note("warning: {}", change.warning);
    changes.push(Value().set("name", change.name).set("before", change.before).set("after", change.after));
  }
  if (context.json()) print_json(context, Value().set("ca", record.name).set("changes", std::move(changes)));
  return Exit::done;
}

}  // namespace vouch::cli
