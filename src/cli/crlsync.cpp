// vouch crlsync: CRL files kept fresh for servers that read nothing else.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include "cli/foreground.hpp"
#include "cli/output.hpp"
#include "daemon/configuration.hpp"
#include "daemon/crl_sync.hpp"

namespace vouch::cli {
namespace {

using relying::SyncReport, relying::SyncTarget;

constexpr std::string_view kFolder = "crlsync";  // in the home: what is remembered between runs

// Options that describe a target on the line, instead of sections of vouch.toml.
constexpr std::string_view kTargetOptions[] = {"authority",         "crl",  "out",  "form",
                                               "with-certificates", "mode", "hook", "proxy"};

// Words with blanks between: the line cannot carry a list, and no shell is asked.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = text.find(' ');
    if (end != 0) words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return words;
}

Result<mode_t> file_mode_of(const std::string& text) {
  mode_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > 0777)
    return usage_error("--mode: '{}' is no mode of a file, such as 0644", text);
  return mode;
}

// The state of a target of the line is found again by its output.
std::string name_of_output(const crypto::Provider& provider, const fs::path& output) {
  const Buffer digest =
      provider.digest(x509::DigestAlgorithm::sha256, as_bytes(output.lexically_normal().string()));
  return "out-" + to_hex(Bytes(digest).first(8));
}

Result<SyncTarget> target_of_line(Context& context, const Arguments& arguments) {
  SyncTarget target;
  for (const std::string& file : arguments.all("authority")) target.authorities.push_back(fs::absolute(file));
  for (const std::string& place : arguments.all("crl"))
    target.crls.push_back(place.find("://") == std::string::npos ? fs::absolute(place).string() : place);
  for (const auto& [option, is_there] :
       {std::pair("authority", !target.authorities.empty()), std::pair("crl", !target.crls.empty()),
        std::pair("out", arguments.has("out"))})
    if (!is_there)
      return usage_error("--{} is missing: --authority, --crl and --out go together", option)
          .with_hint("or describe it in vouch.toml, in a section [crlsync.NAME]");
  target.output = fs::absolute(arguments.text("out"));
  target.name = name_of_output(context.provider(), target.output);
  target.form = TRY(for_option(relying::output_form_from_name(arguments.text("form", "pem")), "form"));
  target.with_certificates = arguments.has("with-certificates");
  if (const std::string* mode = arguments.find("mode")) target.mode = TRY(file_mode_of(*mode));
  target.hook = words_of(arguments.text("hook"));
  target.proxy = arguments.text("proxy");
  if (const Status fits = relying::check_sync_target(target); !fits)
    return usage_error("{}", fits.error().message()).with_hint(std::string(fits.error().hint()));
  return target;
}

Result<std::vector<SyncTarget>> configured_targets(const fs::path& folder) {
  const ca::Home home = TRY(ca::Home::open(folder, false));
  const fs::path& file = home.configuration_file();
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return std::vector<SyncTarget>();
  return relying::parse_sync_targets(as_text(TRY(read_file(file, 1 << 20))), file.string(), folder);
}

// Those of vouch.toml, or the ones that the line names.
Result<std::vector<SyncTarget>> chosen_targets(const fs::path& folder,
                                               const std::vector<std::string>& names) {
  auto targets = TRY(configured_targets(folder));
  if (targets.empty())
    return make_error(Errc::usage, "vouch.toml names no CRL file to keep fresh")
        .with_hint(
            "add a section [crlsync.NAME] with authorities, crls and output; or give --authority, "
            "--crl and --out");
  if (names.empty()) return targets;
  std::vector<SyncTarget> chosen;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(targets, name, &SyncTarget::name);
    if (found == targets.end())
      return make_error(Errc::not_found, "there is no section [crlsync.{}]", name)
          .with_hint("vouch config check tells whether vouch.toml is in order");
    chosen.push_back(*found);
  }
  return chosen;
}

void print_report(const Context& context, const SyncReport& report) {
  for (const auto& place : report.places) {
    if (place.error.empty())
      context.say("{}: CRL 0x{} of {}, valid until {}, from {}: {}", report.name, place.number, place.issuer,
                  format_time(*place.next_update), place.place, relying::to_string(place.outcome));
    else
      print_error(context.surroundings(),
                  make_error(Errc::unavailable, "{}: {}: {}", report.name, place.place, place.error)
                      .with_hint(place.hint),
                  false);
  }
  const auto fail = [&](const std::string& what) {
    print_error(context.surroundings(), make_error(Errc::unavailable, "{}: {}", report.name, what), false);
  };
  for (const auto& authority : report.authorities)
    if (!authority.problem.empty()) fail(fmt::format("{}: {}", authority.subject, authority.problem));
  if (!report.output_error.empty()) fail(report.output_error);
  if (report.changed) context.say("{}: {} is replaced", report.name, report.output);
  if (!report.hook_error.empty())
    fail(report.hook_error);
  else if (report.hook_ran)
    context.say("{}: the hook has run", report.name);
}

// 4 before 1: what was refused needs a person, what did not answer perhaps only time.
Exit worse(Exit a, Exit b) {
  const auto rank = [](Exit exit) { return exit == Exit::found_bad ? 2 : exit == Exit::failed ? 1 : 0; };
  return rank(a) >= rank(b) ? a : b;
}
Exit exit_of(const SyncReport& report) {
  return report.good() ? Exit::done : report.refused() ? Exit::found_bad : Exit::failed;
}

Result<Exit> run_once(Context& context, const Arguments& arguments, const fs::path& state,
                      std::vector<SyncTarget> targets) {
  Exit exit = Exit::done;
  Value reports = Value::list();
  for (SyncTarget& target : targets) {
    const std::string name = target.name;
    relying::CrlSync sync(context.provider(), context.clock(), state, std::move(target));
    if (arguments.has("forget-numbers")) {
      TRY(sync.forget_numbers());
      context.note("warning: {} forgets its CRL numbers, as --forget-numbers says; asked by {}", name,
                   context.user());
    }
    // One that fails as a whole keeps no other from its CRLs.
    const auto report = arguments.has("status") ? sync.look() : sync.run();
    if (!report) {
      if (targets.size() == 1) return report.error();
      print_error(context.surroundings(), Error(report.error()).context(name), context.json());
      exit = worse(exit, Exit::failed);
      continue;
    }
    exit = worse(exit, exit_of(*report));
    reports.push(relying::to_value(*report));
    if (!context.json()) print_report(context, *report);
  }
  if (context.json()) print_json(context, Value().set("targets", std::move(reports)));
  return exit;
}

Result<Exit> keep_on(Context& context, const Arguments& arguments, const fs::path& folder,
                     const fs::path& state) {
  const Signals signals;
  const auto manager = net::ServiceManager::from(environment_of(context.surroundings()), ::getpid());
  const std::vector<std::string> names(arguments.operands().begin(), arguments.operands().end());
  auto service =
      TRY(daemon::CrlSyncService::start({.folder = state,
                                         .provider = context.provider(),
                                         .clock = context.clock(),
                                         .targets = [folder, names] { return chosen_targets(folder, names); },
                                         .log = log_to(context)}));
  run_in_foreground(context, *service, signals, manager);
  return Exit::done;
}

Result<Exit> crlsync(Context& context, const Arguments& arguments) {
  const fs::path folder = context.home_folder(), state = folder / kFolder;
  const bool on_the_line =
      std::ranges::any_of(kTargetOptions, [&](std::string_view option) { return arguments.has(option); });
  const bool once = arguments.has("once") || arguments.has("status") || arguments.has("forget-numbers");
  if (on_the_line && !arguments.operands().empty())
    return usage_error(
        "a NAME means a section of vouch.toml: leave it out beside --authority, --crl and --out");
  if (on_the_line && !once)
    return usage_error("what the line describes is done once: add --once")
        .with_hint(
            "without --once it goes by the sections [crlsync.NAME] of vouch.toml, until it is stopped");
  if (arguments.has("status") && arguments.has("forget-numbers"))
    return usage_error("--status changes nothing: leave out --forget-numbers");
  std::error_code unknown;
  if (!on_the_line && !fs::is_directory(folder, unknown))
    return make_error(Errc::not_found, "there is no folder {}", folder.string())
        .with_hint(
            "set it up: make the folder and write vouch.toml there; or say where it is with --home or "
            "VOUCH_HOME");
  if (!once) return keep_on(context, arguments, folder, state);
  std::vector<SyncTarget> targets;
  if (on_the_line)
    targets.push_back(TRY(target_of_line(context, arguments)));
  else
    targets = TRY(chosen_targets(folder, {arguments.operands().begin(), arguments.operands().end()}));
  return run_once(context, arguments, state, std::move(targets));
}

constexpr Option kSyncOptions[] = {
    {"once", "", "look once and end; without it, it runs until SIGTERM, and SIGHUP reads vouch.toml anew"},
    {"status", "", "only tell what there is; ask nobody"},
    {"forget-numbers", "", "take the next CRL whatever its number: after a CA was restored from a backup"},
    {"authority", "CERT", "certificate of a CA whose CRL is wanted", Occurs::any_times},
    {"crl", "URL|FILE", "where a CRL comes from", Occurs::any_times},
    {"out", "PATH", "the file, or with --form directory the folder, that the server reads"},
    {"form", "pem|der|directory", "pem: all CRLs in one file; directory: one file each, named by hash"},
    {"with-certificates", "", "the CA certificates go into the output as well"},
    {"mode", "MODE", "mode of the files (0644)"},
    {"hook", "WORDS", "program by its whole path, and its arguments, run after a change; no shell is asked"},
    {"proxy", "URL", "fetch through this HTTP proxy"},
};

constexpr Command kSyncCommands[] = {
    {"crlsync", "[NAME...]", "keep CRL files fresh for servers that only read files",
     "For MIT's KDC, nginx, FreeRADIUS, PostgreSQL and others: fetches the CRLs of each section "
     "[crlsync.NAME] of "
     "vouch.toml, or of the line, checks signature, issuer, key identifiers and times against the CA's "
     "certificate, takes only higher numbers, replaces the output as a whole, and runs the hook after a "
     "change. What fails changes nothing; a hook that failed is run again. Exit code 0 when every CRL is "
     "there and fresh, 4 when something that came was refused, 1 when something could not be had or written. "
     "docs/mechanisms/crlsync.md has recipes.",
     kSyncOptions,
     "vouch crlsync --once --authority ca.pem --crl http://pki.example.test/ca.crl --out /etc/nginx/crls.pem",
     &crlsync},
};

}  // namespace

std::span<const Command> crlsync_commands() { return kSyncCommands; }

}  // namespace vouch::cli
