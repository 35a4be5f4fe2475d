// vouch scep ra …: the certificates of the registration authority.
#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "cli/describe.hpp"
#include "cli/scep_host.hpp"

namespace vouch::cli {
namespace {

using daemon::scep::RaState;

std::string use_of(const RaState& state) {
  return state.signs && state.encrypts ? "signing, encryption" : state.signs ? "signing" : "encryption";
}

Value describe_states(const std::vector<RaState>& states, const crypto::Provider& provider) {
  Value values = Value::list();
  for (const RaState& state : states) {
    const auto view = x509::parse_certificate(state.kept.certificate);
    values.push(Value()
                    .set("use", use_of(state))
                    .set("current", state.current)
                    .set("subject", view ? name_text(view->subject) : "?")
                    .set("serial", view ? to_hex(x509::serial_octets(view->serial)) : "?")
                    .set("not_before", format_time(state.not_before))
                    .set("not_after", format_time(state.not_after))
                    .set("renew_at", format_time(state.renew_at))
                    .set("key", state.kept.reference)
                    .set("sha256", fingerprints(provider, state.kept.certificate).sha256));
  }
  return values;
}

Result<Exit> show_states(Context& context, daemon::scep::RaKeys& keys, const std::string& ca) {
  const auto states = TRY(keys.states());
  const Status good = daemon::scep::judge_ra(states, context.clock().now());
  if (context.json()) {
    print_json(context, Value()
                            .set("ca", ca)
                            .set("problem", good ? Value() : Value(good.error().message()))
                            .set("certificates", describe_states(states, context.provider())));
    return good ? Exit::done : Exit::found_bad;
  }
  Table table{"USE", "SUBJECT", "VALID UNTIL", "RENEWED AT", "STATE", "KEY"};
  for (const RaState& state : states) {
    const auto view = x509::parse_certificate(state.kept.certificate);
    table.add({use_of(state), view ? name_text(view->subject) : "?", format_time(state.not_after),
               format_time(state.renew_at),
               state.current ? (context.clock().now() < state.not_after ? "current" : "expired")
                             : "opens old messages",
               state.kept.reference});
  }
  table.print(context, "the registration authority has no certificates yet: vouch scep ra issue");
  if (!good) context.note("{}", good.error().summary());
  return good ? Exit::done : Exit::found_bad;
}

Result<Exit> show_ra(Context& context, const Arguments&) {
  const auto host = TRY(ScepHost::open(context));
  const std::string ca = TRY(host->ca_of_profiles());
  const auto keys = TRY(host->ra_keys(ca));
  return show_states(context, *keys, ca);
}

Status check_administrator(Context& context, const ScepHost& host, const std::string& ca,
                           std::string_view what) {
  if (host.is_registration()) return ok();  // who may write its files, may
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(TRY(workspace.snapshot())->authority(ca));
  return ca::authorize(workspace.environment(), {.account = context.user(),
                                                 .role = ca::Role::administrator,
                                                 .what = what,
                                                 .action = "scep.ra",
                                                 .authority = record.id,
                                                 .authority_name = record.name});
}

Result<Exit> make_new(Context& context, bool only_if_missing) {
  const auto host = TRY(ScepHost::open(context));
  const std::string ca = TRY(host->ca_of_profiles());
  TRY(check_administrator(context, *host, ca, "issue certificates of the registration authority"));
  const auto keys = TRY(host->ra_keys(ca));
  if (only_if_missing && daemon::scep::judge_ra(TRY(keys->states()), context.clock().now())) {
    context.say("the registration authority has its certificates; vouch scep ra renew issues new ones");
    return show_states(context, *keys, ca);
  }
  if (only_if_missing) {
    daemon::scep::RaConfiguration configuration = host->configuration().scep_ra;
    configuration.renew = true;
    TRY(keys->maintain(configuration));
  } else {
    TRY(keys->renew(host->configuration().scep_ra));
  }
  return show_states(context, *keys, ca);
}

Result<Exit> issue(Context& context, const Arguments&) { return make_new(context, true); }
Result<Exit> renew(Context& context, const Arguments&) { return make_new(context, false); }

Result<std::string> password_of(Context& context, const Arguments& arguments, const std::string& question) {
  std::string password = TRY(context.read_secret(arguments.text("password-file", "-"), question));
  if (password.empty()) return usage_error("the password is empty");
  return password;
}

// "ra.p12" as "ra-signing.p12" where there are two.
fs::path file_for(const fs::path& base, const RaState& state) {
  if (state.signs && state.encrypts) return base;
  fs::path file = base;
  file.replace_filename(base.stem().string() + (state.signs ? "-signing" : "-encryption") +
                        base.extension().string());
  return file;
}

Result<Exit> export_ra(Context& context, const Arguments& arguments) {
  const auto host = TRY(ScepHost::open(context));
  const std::string ca = TRY(host->ca_of_profiles());
  TRY(check_administrator(context, *host, ca, "export keys of the registration authority"));
  const auto keys = TRY(host->ra_keys(ca));
  const auto chain = TRY(host->chain(ca));
  std::string password = TRY(password_of(context, arguments, "Password for the new file: "));
  Value files = Value::list();
  std::size_t written = 0;
  for (const RaState& state : TRY(keys->states())) {
    if (!state.current) continue;
    const auto key = TRY(keys->key(state));
    Buffer content = TRY(context.provider().write_pkcs12(*key, state.kept.certificate, chain,
                                                         "MSCEP-RA " + use_of(state), password));
    const fs::path file = file_for(arguments.operand(0), state);
    const Status kept = write_file_new(file, content, 0600);
    wipe(content);
    TRY(kept);
    files.push(file.string());
    context.say("{}: certificate and key for {}", file.string(), use_of(state));
    ++written;
  }
  wipe(password);
  if (written == 0)
    return make_error(Errc::not_found, "the registration authority has no certificates yet")
        .with_hint("vouch scep ra issue");
  if (context.json()) print_json(context, Value().set("files", std::move(files)));
  context.say(
      "next, on each other host: vouch scep ra import FILE..., and scep_ra.renew = false in its vouch.toml");
  return Exit::done;
}

Result<Exit> import(Context& context, const Arguments& arguments) {
  const auto host = TRY(ScepHost::open(context));
  const std::string ca = TRY(host->ca_of_profiles());
  TRY(check_administrator(context, *host, ca, "import keys of the registration authority"));
  const auto keys = TRY(host->ra_keys(ca));
  std::string password = TRY(password_of(context, arguments, "Password of the file: "));
  for (const std::string& name : arguments.operands()) {
    Buffer content = TRY(read_file(name, std::size_t{1} << 20));
    auto opened = context.provider().read_pkcs12(content, password).context("reading {}", name);
    wipe(content);
    if (!opened) return std::move(opened.error());
    TRY(keys->take(*opened->key, opened->certificate).context("taking in {}", name));
  }
  wipe(password);
  return show_states(context, *keys, ca);
}

constexpr Option kRaPassword[] = {
    {"password-file", "FILE",
     "a file whose first line is the password; asked for, or read from standard input"}};

constexpr Command kRaCommands[] = {
    {"scep ra show",
     "",
     "show the registration authority's certificates; exit code 4 when something is wrong",
     "With these certificates the SCEP service signs its answers, and devices encrypt for them. The service "
     "renews "
     "them "
     "when two thirds of their life are over; old keys open messages for some time (scep_ra.grace).",
     {},
     "vouch scep ra show",
     &show_ra},
    {"scep ra issue",
     "",
     "issue them where there are none, or none that is good",
     "The service does it by itself as well. On a host without the CA they are asked for at the CA.",
     {},
     "vouch scep ra issue",
     &issue},
    {"scep ra renew",
     "",
     "issue new ones now, with new keys and the same subject",
     "The service takes them up within a minute, or at once with SIGHUP.",
     {},
     "vouch scep ra renew",
     &renew},
    {"scep ra export", "FILE", "write the current ones with their keys into encrypted PKCS #12 files",
     "For other hosts that serve the same URL: devices may fetch the certificates from one and send to "
     "another. Where "
     "there are two, -signing and -encryption are put into the names.",
     kRaPassword, "vouch scep ra export ra.p12 --password-file secret", &export_ra},
    {"scep ra import", "FILE...", "take in certificates and keys that another host exported", "", kRaPassword,
     "vouch scep ra import ra-signing.p12 ra-encryption.p12", &import},
};

}  // namespace

std::span<const Command> scep_ra_commands() { return kRaCommands; }

}  // namespace vouch::cli
