// vouch crl …
#include <algorithm>
#include <ostream>

#include "base/pem.hpp"
#include "ca/home/audit.hpp"
#include "ca/settings/settings_change.hpp"
#include "ca/setup/setup.hpp"
#include "cli/describe.hpp"
#include "net/http.hpp"
#include "relying/sync/crl_comparison.hpp"
#include "revocation/crl_publication.hpp"
#include "revocation/crl_targets.hpp"
#include "x509/print.hpp"

namespace vouch::cli {
namespace {

// What `crl publish` has to tell, about one CA or several.
struct Report {
  Value crls = Value::list(), copied = Value::list(), failures = Value::list(), next = Value::list();
  std::optional<Error> first_failure;

  void fail(const Context& context, std::string_view ca, const Value& target, const Error& error) {
    failures.push(Value().set("ca", ca).set("target", target).set("error", error.summary()));
    if (!context.json()) print_error(context.surroundings(), error, false);
    if (!first_failure) first_failure = error;
  }
};

std::string kind_of(const store::CrlRecord& record) {
  return record.delta ? fmt::format("delta of {}", record.base_number) : "base";
}

// " of shard 3", or nothing for the complete list.
std::string words_of_shard(std::uint32_t shard) {
  return shard == 0 ? std::string() : fmt::format(" of shard {}", shard);
}

Value shard_or_null(std::uint32_t shard) { return shard == 0 ? Value() : Value(std::uint64_t{shard}); }

void tell(const Context& context, const std::string& ca, const std::vector<revocation::Published>& published,
          Report& report) {
  for (const auto& crl : published) {
    report.crls.push(describe(crl.record, ca, crl.files));
    const std::string shard = words_of_shard(crl.record.shard);
    if (crl.record.delta)
      context.say("Delta CRL {}{} of CA '{}', to base CRL {}: {} changed, valid until {}", crl.record.number,
                  shard, ca, crl.record.base_number, crl.record.entries, format_time(crl.record.next_update));
    else
      context.say("CRL {}{} of CA '{}': {} revoked, valid until {}", crl.record.number, shard, ca,
                  crl.record.entries, format_time(crl.record.next_update));
    for (const fs::path& file : crl.files) context.say("  {}", file.string());
    for (const std::string& url : crl.uploads) context.say("  {}", url);
    for (const store::CrlTarget& failed : crl.failures)
      report.fail(
          context, ca, failed.target,
          make_error(Errc::unavailable, "CRL {} could not be written to {}: {}", crl.record.number,
                     failed.target, failed.error)
              .with_hint("the other places have it; mend this one, then: vouch crl publish --if-due"));
  }
}

// What comes next, which needs no keys. True: something is due now.
Result<bool> look_ahead(const Context& context, const Workspace& workspace,
                        const store::AuthorityRecord& authority, Report* report) {
  const auto snapshot = TRY(workspace.snapshot());
  // As it is now: another call may have changed it.
  const auto record = TRY(snapshot->authority(authority.name));
  const auto settings = TRY(ca::parse_settings(record.settings));
  const Time now = context.clock().now();
  auto tasks = TRY(revocation::crl_schedule(*snapshot, record, settings, now));
  // A place that rests after a failure is tried all the same when somebody asks.
  const bool due = std::ranges::any_of(tasks, [&](const revocation::CrlTask& task) {
    return task.at <= now || task.what == revocation::CrlTask::What::copy;
  });
  if (!report) return due;
  std::ranges::sort(tasks, {}, &revocation::CrlTask::at);
  for (const revocation::CrlTask& task : tasks) {
    report->next.push(Value()
                          .set("ca", record.name)
                          .set("what", revocation::to_string(task.what))
                          .set("key_index", task.key_index)
                          .set("shard", shard_or_null(task.shard))
                          .set("at", format_time(task.at))
                          .set("target", text_or_null(task.target))
                          .set("why", task.why));
    if (task.what == revocation::CrlTask::What::copy)
      context.say("next: CA '{}': {} ({})", record.name, task.target, task.why);
    else
      context.say("next: {} CRL{} of CA '{}'{} at {} ({})", revocation::to_string(task.what),
                  words_of_shard(task.shard), record.name,
                  task.key_index == 0 ? "" : fmt::format(", key {}", task.key_index), format_time(task.at),
                  task.why);
  }
  return due;
}

Status publish_what_is_due(Context& context, const Workspace& workspace, const store::AuthorityRecord& record,
                           Report& report) {
  if (!TRY(look_ahead(context, workspace, record, nullptr))) return ok();
  const auto authority = TRY(context.open_authority(workspace, record.name));
  const Progress progress(context, fmt::format("building the CRL of CA '{}'", record.name));
  const auto done = TRY(revocation::publish_due(*authority, context.user()));
  tell(context, record.name, done.published, report);
  for (const store::CrlTarget& copy : done.copied) {
    report.copied.push(Value()
                           .set("ca", record.name)
                           .set("target", copy.target)
                           .set("number", copy.number)
                           .set("delta", copy.delta)
                           .set("shard", shard_or_null(copy.shard)));
    context.say("CRL {} of CA '{}' is now in {} too", copy.number, record.name, copy.target);
  }
  for (const Error& error : done.failures) report.fail(context, record.name, {}, error);
  for (const Error& error : done.missed) report.fail(context, record.name, {}, error);
  return ok();
}

Status publish_now(Context& context, const Workspace& workspace, const store::AuthorityRecord& record,
                   bool delta, Report& report) {
  const auto authority = TRY(context.open_authority(workspace, record.name));
  const Progress progress(context, fmt::format("building the CRL of CA '{}'", record.name));
  const auto published = TRY((delta ? revocation::publish_deltas(*authority, context.user())
                                    : revocation::publish_crls(*authority, context.user()))
                                 .context("publishing the CRL of CA '{}'", record.name));
  tell(context, record.name, published, report);
  return ok();
}

// The CAs that a call is about. Those that wait for their certificate have nothing to publish.
Result<std::vector<store::AuthorityRecord>> chosen_authorities(const Context& context,
                                                               const store::Snapshot& snapshot, bool all) {
  if (!all) return std::vector{TRY(context.choose_authority(snapshot))};
  std::vector<store::AuthorityRecord> ready;
  for (store::AuthorityRecord& record : TRY(snapshot.authorities())) {
    const auto generations = TRY(snapshot.key_generations(record.id));
    if (std::ranges::any_of(generations, [](const auto& g) { return !g.certificate.empty(); }))
      ready.push_back(std::move(record));
  }
  return ready;
}

Result<Exit> publish_crl(Context& context, const Arguments& arguments) {
  const bool all = arguments.has("all"), if_due = arguments.has("if-due"), delta = arguments.has("delta");
  if (if_due && delta)
    return usage_error("--if-due finds out by itself which kind is due: leave out --delta");
  if (all && context.named_authority())
    return usage_error("--all means every CA of the home: leave out --ca");
  const Workspace& workspace = *TRY(context.workspace());
  const auto authorities = TRY(chosen_authorities(context, *TRY(workspace.snapshot()), all));
  Report report;
  for (const store::AuthorityRecord& record : authorities) {
    const Status done = if_due ? publish_what_is_due(context, workspace, record, report)
                               : publish_now(context, workspace, record, delta, report);
    if (!done && authorities.size() == 1) return done.error();
    if (!done) report.fail(context, record.name, {}, done.error());  // the other CAs get theirs
    if (if_due) (void)TRY(look_ahead(context, workspace, record, &report));
  }
  if (context.json())
    print_json(context, Value()
                            .set("crls", std::move(report.crls))
                            .set("copied", std::move(report.copied))
                            .set("failures", std::move(report.failures))
                            .set("next", if_due ? std::move(report.next) : Value()));
  return report.first_failure ? Exit::failed : Exit::done;
}

// Where the CRLs of a CA are to lie, and what lies there.
Result<Exit> list_targets(Context& context, const store::Snapshot& snapshot,
                          const std::vector<store::AuthorityRecord>& authorities) {
  Table table{"CA", "KEY", "SHARD", "KIND", "PLACE", "HOLDS", "WRITTEN", "STATE"};
  Value values = Value::list();
  for (const auto& authority : authorities)
    for (const store::CrlTarget& target : TRY(snapshot.crl_targets(authority.id))) {
      const auto state = TRY(revocation::target_state(snapshot, target, context.clock().now()));
      const bool good = target.error.empty();
      table.add({authority.name, fmt::format("{}", target.key_index),
                 target.shard == 0 ? "-" : fmt::format("{}", target.shard), target.delta ? "delta" : "base",
                 target.target, target.number == 0 ? "-" : fmt::format("{}", target.number),
                 format_time(target.tried_at),
                 good ? "good"
                      : fmt::format("CRL {} failed: {}; {} in a row, next try {}", target.wanted,
                                    target.error, state.failures,
                                    state.next_try ? format_time(*state.next_try) : std::string("now"))});
      values.push(Value()
                      .set("ca", authority.name)
                      .set("key_index", target.key_index)
                      .set("delta", target.delta)
                      .set("shard", shard_or_null(target.shard))
                      .set("target", target.target)
                      .set("number", target.number)
                      .set("wanted", target.wanted)
                      .set("tried_at", format_time(target.tried_at))
                      .set("error", text_or_null(target.error))
                      .set("failures", std::uint64_t{state.failures})
                      .set("last_success", time_or_null(state.last_success))
                      .set("next_try", time_or_null(state.next_try)));
    }
  if (context.json())
    print_json(context, Value().set("targets", std::move(values)));
  else
    table.print(context, "nothing was published yet");
  return Exit::done;
}

Result<Exit> list_crls(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  auto authorities = TRY(snapshot->authorities());
  if (context.named_authority()) authorities = {TRY(context.choose_authority(*snapshot))};
  if (arguments.has("targets")) return list_targets(context, *snapshot, authorities);
  Table table{"NUMBER",    "CA",          "KEY",     "SHARD",  "KIND",
              "PUBLISHED", "NEXT UPDATE", "ENTRIES", "OCTETS", "FILE"};
  Value values = Value::list();
  for (const auto& authority : authorities)
    for (const auto& crl : TRY(snapshot->crls(authority.id))) {
      table.add({fmt::format("{}", crl.number), authority.name, fmt::format("{}", crl.key_index),
                 crl.shard == 0 ? "-" : fmt::format("{}", crl.shard), kind_of(crl),
                 format_time(crl.this_update), format_time(crl.next_update), fmt::format("{}", crl.entries),
                 fmt::format("{}", crl.size), crl.file});
      std::vector<fs::path> files;
      if (!crl.file.empty()) files.push_back(workspace.home().folder() / crl.file);
      values.push(describe(crl, authority.name, files));
    }
  if (context.json())
    print_json(context, Value().set("crls", std::move(values)));
  else
    table.print(context, "no CRLs");
  return Exit::done;
}

// --- crl schedule ---

// "auto" and "off" are a span of {}.
Result<Span> span_or(const Arguments& arguments, std::string_view option, std::string_view none) {
  const std::string text = arguments.text(option);
  if (text == none) return Span{};
  auto span = parse_span(text);
  if (span) return *span;
  return usage_error("--{}: '{}' is neither a span of time nor '{}'", option, text, none)
      .with_hint("write a number and a unit: 1w, 24h, 30m");
}

Status apply_times_of_day(const std::string& text, ca::AuthoritySettings& settings) {
  settings.publish_at.clear();
  if (text == "any") return ok();
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    settings.publish_at.push_back(TRY(for_option(ca::parse_time_of_day(rest.substr(0, comma)), "at")));
    if (comma == std::string_view::npos) return ok();
    rest.remove_prefix(comma + 1);
  }
}

Status apply_schedule(const Context& context, const Arguments& arguments, ca::AuthoritySettings& settings) {
  if (arguments.has("period")) {
    settings.crl_period = *TRY(arguments.span("period"));
    // An overlap that was made for another period is no choice any more.
    if (!arguments.has("overlap") && !ca::check_crl_settings(settings)) settings.crl_overlap = Span{};
  }
  if (arguments.has("overlap")) settings.crl_overlap = TRY(span_or(arguments, "overlap", "auto"));
  if (arguments.has("delta")) settings.delta_period = TRY(span_or(arguments, "delta", "off"));
  if (arguments.has("delta-overlap"))
    settings.delta_overlap = TRY(span_or(arguments, "delta-overlap", "auto"));
  if (arguments.has("at")) TRY(apply_times_of_day(arguments.text("at"), settings));
  if (const std::string* from = arguments.find("delta-from"))
    settings.delta_from_oldest_base = *from == "oldest";
  if (const std::string* scope = arguments.find("scope"))
    settings.crl_scope = TRY(ca::crl_scope_from_name(*scope));
  if (const auto shards = TRY(arguments.number("shards"))) settings.crl_shards = *shards;
  if (const std::string* keep = arguments.find("keep-expired")) {
    if (*keep == "off")
      settings.keep_expired_since.reset();
    else if (*keep != "on")
      settings.keep_expired_since = TRY(for_option(parse_time(*keep), "keep-expired"));
    else if (!settings.keep_expired_since)
      settings.keep_expired_since = context.clock().now();
  }
  return ca::check_crl_settings(settings);
}

std::string times_of_day(const ca::AuthoritySettings& settings) {
  std::string text;
  for (const auto time : settings.publish_at)
    text += (text.empty() ? "" : ",") + ca::format_time_of_day(time);
  return text.empty() ? "any" : text;
}

Result<Exit> schedule(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  constexpr std::string_view kChanges[] = {"period",     "overlap",      "delta", "delta-overlap", "at",
                                           "delta-from", "keep-expired", "scope", "shards"};
  if (const std::string* scope = arguments.find("scope"))
    TRY(revocation::check_scope_of_issued(*TRY(workspace.snapshot()), record.id,
                                          TRY(ca::crl_scope_from_name(*scope)), context.clock().now()));
  ca::AuditDetails details;
  bool changes = false;
  for (const std::string_view option : kChanges)
    if (arguments.has(option)) {
      details.add(option, arguments.text(option));
      changes = true;
    }
  auto settings = TRY(ca::parse_settings(record.settings));
  if (changes)
    settings = TRY(ca::change_settings(
        workspace.environment(), record.name,
        {.actor = context.user(),
         .action = "crl.schedule",
         .details = details,
         .apply = [&](ca::AuthoritySettings& s) { return apply_schedule(context, arguments, s); }}));
  const std::string delta = settings.delta_period == Span{} ? "off" : format_span(settings.delta_period);
  if (context.json()) {
    Value value;
    value.set("ca", record.name).set("period", format_span(settings.crl_period));
    value.set("overlap", ca::format_overlap(settings.crl_overlap)).set("delta", delta);
    value.set("delta_overlap", ca::format_overlap(settings.delta_overlap));
    Value times = Value::list();
    for (const auto time : settings.publish_at) times.push(ca::format_time_of_day(time));
    value.set("at", std::move(times));
    value.set("delta_from", settings.delta_from_oldest_base ? "oldest" : "newest");
    value.set("keep_expired_since", time_or_null(settings.keep_expired_since));
    value.set("scope", ca::to_string(settings.crl_scope)).set("shards", std::uint64_t{settings.crl_shards});
    print_json(context, value);
    return Exit::done;
  }
  Fields fields;
  fields.add("Base CRL", fmt::format("every {}, overlap {}", format_span(settings.crl_period),
                                     ca::format_overlap(settings.crl_overlap)));
  fields.add("Delta CRL", settings.delta_period == Span{}
                              ? delta
                              : fmt::format("every {}, overlap {}, from the {} base", delta,
                                            ca::format_overlap(settings.delta_overlap),
                                            settings.delta_from_oldest_base ? "oldest valid" : "newest"));
  fields.add("Time of day", times_of_day(settings) + (settings.publish_at.empty() ? "" : " UTC"));
  fields.add("Expired", settings.keep_expired_since
                            ? fmt::format("kept, since {}", format_time(*settings.keep_expired_since))
                            : "dropped after one last appearance");
  fields.add("Scope", ca::to_string(settings.crl_scope));
  fields.add("Shards", settings.crl_shards == 1
                           ? "none"
                           : fmt::format("{}, of certificates issued from now on", settings.crl_shards));
  context.out() << fields.text("");
  if (changes) context.note("note: the next CRL goes by it: vouch crl publish");
  return Exit::done;
}

constexpr std::size_t kMostDownload = std::size_t{256} << 20;  // as for files
constexpr std::chrono::minutes kDownloadTime{1};

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Result<Buffer> download_crl(const Context& context, const std::string& url) {
  const Progress progress(context, "fetching " + url);
  net::Fetcher fetcher(net::FetchSettings{});
  const auto response = TRY(fetcher.fetch({.url = url, .most = kMostDownload, .total_time = kDownloadTime})
                                .context("fetching {}", url));
  if (response.status != 200)
    return make_error(Errc::unavailable, "{}: the server answers {} {}", url, response.status,
                      net::reason_phrase(response.status));
  auto blocks = TRY(pem_or_der(response.body, "X509 CRL", {"X509 CRL"}).context("reading {}", url));
  if (looks_like_pem(response.body))
    context.note(
        "warning: the server hands out PEM; RFC 5280 4.2.1.13 asks for DER, and many clients read nothing "
        "else");
  return std::move(blocks.front().der);
}

// RFC 5280 6.3.3 (f) and (g): name, key identifiers and key usage have to fit as well, or any certificate
// with the same key would do.
Result<relying::CrlComparison> compare_with(Context& context, const x509::CrlView& crl,
                                            const std::string& file) {
  const auto certificates = TRY(read_certificate_file(context, file));
  const auto authority =
      TRY(validate::Certificate::parse(context.provider(), certificates.front()).context("reading {}", file));
  const auto head = TRY(validate::read_crl_head(context.provider(), crl, file));
  return relying::compare(context.provider(), head, *authority);
}

void print_comparison(const Context& context, const relying::CrlComparison& comparison,
                      const std::string& file) {
  const auto text_or_absent = [](const std::string& text) { return text.empty() ? "absent" : text; };
  const auto verdict = [](bool good) { return good ? "good" : "BAD"; };
  const bool absent = comparison.expected_key.empty() || comparison.found_key.empty();
  context.out() << "Held against " << printable(file) << '\n'
                << Fields()
                       .add("Issuer", verdict(comparison.names_fit))
                       .add("  of the CRL", comparison.issuer)
                       .add("  of the CA", comparison.subject)
                       .add("Key", absent ? "cannot be compared" : verdict(comparison.keys_fit))
                       .add("  AKI of the CRL", text_or_absent(comparison.found_key))
                       .add("  SKI of the CA", text_or_absent(comparison.expected_key))
                       .add("cRLSign", verdict(comparison.may_sign))
                       .text()
                << "Checked signature: " << verdict(comparison.signature_fault.empty()) << '\n';
}

Result<Exit> show_crl(Context& context, const Arguments& arguments) {
  const std::string& file = arguments.operand(0);
  const std::uint32_t limit = TRY(arguments.number("entries")).value_or(100);
  const Buffer der = TRY(is_url(file) ? download_crl(context, file) : read_crl_file(context, file));
  const auto view = TRY(x509::parse_crl(der).context("reading {} as a CRL", file));
  Value content = TRY(x509::describe_crl(view, limit).context("reading {} as a CRL", file));
  const auto prints = fingerprints(context.provider(), der);
  content.set("fingerprint_sha256", prints.sha256).set("fingerprint_sha1", prints.sha1);
  std::optional<relying::CrlComparison> comparison;
  if (const std::string* issuer = arguments.find("ca"))
    comparison = TRY(compare_with(context, view, *issuer));
  // CRLs from before RFC 5280, and those of some roots, have no authorityKeyIdentifier.
  const std::string problem = comparison ? comparison->fault(false) : "";
  const bool expired = view.next_update && *view.next_update < context.clock().now();

  if (context.json()) {
    Value value;
    value.set("crl", content).set("expired", expired);
    value.set("signature", comparison ? Value(problem.empty() ? "good" : "bad") : Value());
    value.set("problem", text_or_null(problem));
    value.set("comparison", comparison ? relying::to_value(*comparison) : Value());
    print_json(context, value);
  } else {
    context.out() << x509::to_text(printable_tree(content));
    if (expired) context.note("warning: this CRL has expired");
    if (comparison) print_comparison(context, *comparison, arguments.text("ca"));
  }
  if (problem.empty()) return Exit::done;
  if (!context.json())
    print_error(context.surroundings(), make_error(Errc::found_bad, "{}: {}", file, problem), false);
  return Exit::found_bad;
}

constexpr Option kPublish[] = {
    {"delta", "", "only delta CRLs: what has changed since the base CRL"},
    {"if-due", "", "only what is due, and places that missed the newest CRL; then say what comes next"},
    {"all", "", "every CA of the home"},
};
constexpr Option kListOptions[] = {
    {"targets", "", "where the CRLs lie, and where one could not be written"},
};
constexpr Option kSchedule[] = {
    {"period", "SPAN", "how often there is a base CRL: 1w"},
    {"overlap", "SPAN|auto",
     "how long it stays valid after its successor is due; auto: a tenth, at most 12h"},
    {"delta", "SPAN|off", "how often there is a delta CRL: 24h"},
    {"delta-overlap", "SPAN|auto", "the same for deltas; auto: the whole period, at most 12h"},
    {"at", "TIMES|any",
     "times of day (UTC) to publish and to expire at, for periods of a day and more: 02:00,14:00"},
    {"delta-from", "newest|oldest",
     "deltas reach back to the newest base CRL, or to the oldest one still valid"},
    {"scope", "all|user|ca",
     "which certificates the CRLs are about; others are not issued by this CA (issuing distribution point)"},
    {"shards", "N",
     "so many CRLs beside the complete one, by serial number, each certificate naming its own (1: none); for "
     "what is issued from now on"},
    {"keep-expired", "on|off|TIME",
     "keep certificates on the list that expire after this time (ExpiredCertsOnCRL)"},
};
constexpr Option kCrlShow[] = {
    {"ca", "CERT",
     "hold it against this CA certificate: name, key identifiers, cRLSign, signature; exit code 4 when one "
     "is bad"},
    {"entries", "N", "show at most so many entries (100)"},
};

constexpr Command kCrlCommands[] = {
    {"crl publish", "", "build, sign and publish CRLs now, or what is due",
     "One CRL for each key of the CA, atomically replaced at each location that takes CRLs, and where "
     "deltas are on a delta CRL with it; numbers only rise. A place that cannot be written keeps no other "
     "from "
     "its CRL; it is named, remembered (crl list --targets) and served by the next --if-due. With --if-due, "
     "which a timer calls, the keys are opened only when something is due.",
     kPublish, "vouch crl publish --if-due --all", &publish_crl},
    {"crl list", "", "list the CRLs that were published", "", kListOptions, "vouch crl list --json",
     &list_crls},
    {"crl schedule", "", "show or change when a CA publishes CRLs",
     "Without options it shows. Changes take effect with the next CRL. docs/mechanisms/crl.md explains "
     "period, "
     "overlap and deltas.",
     kSchedule, "vouch crl schedule --period 1w --delta 24h --at 02:00", &schedule},
    {"crl show", "FILE|URL", "show a CRL, and hold it against its CA", "", kCrlShow,
     "vouch crl show root.crl --ca root.pem", &show_crl},
};

}  // namespace

std::span<const Command> crl_commands() { return kCrlCommands; }

}  // namespace vouch::cli
