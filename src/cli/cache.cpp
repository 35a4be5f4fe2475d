// vouch cache …: what the relying party has fetched.
#include <algorithm>
#include <ostream>

#include "cli/output.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

using relying::ListedCrl;

bool is_there(const ListedCrl& line) { return line.octets != 0 && !line.damaged; }

// What there is to say of a line that has no CRL to show.
std::string crl_state(const ListedCrl& line, Time now) {
  if (line.damaged) return "damaged";
  if (line.octets == 0) return "cleared";
  if (!line.next_update) return "-";
  return format_time(*line.next_update) + (*line.next_update <= now ? " (expired)" : "");
}

Value describe_cache(const ListedCrl& line, Time now) {
  const bool there = is_there(line);
  return Value()
      .set("line", line.line)
      .set("url", text_or_null(line.url))
      .set("issuer", text_or_null(line.issuer))
      .set("delta", line.delta)
      .set("number", line.issuer.empty() ? Value() : Value(line.number))
      .set("this_update", there ? Value(format_time(line.this_update)) : Value())
      .set("next_update", time_or_null(line.next_update))
      .set("expired", line.next_update && *line.next_update <= now)
      .set("fetched_at", there ? Value(format_time(line.fetched_at)) : Value())
      .set("octets", static_cast<std::int64_t>(line.octets))
      .set("damaged", line.damaged);
}

Result<Exit> list_cache(Context& context, const Arguments&) {
  const auto party = TRY(open_party(context));
  const Time now = context.clock().now();
  Table table{"LINE", "ISSUER", "KIND", "NUMBER", "VALID UNTIL", "FETCHED", "OCTETS", "URL"};
  Value values = Value::list();
  bool damaged = false;
  for (const ListedCrl& line : party->cache().lines()) {
    // Of a line that says nothing any more only the name is known.
    const bool known = !line.issuer.empty();
    table.add({line.line.substr(0, 16), known ? line.issuer : "-",
               known ? line.delta ? "delta" : "base" : "-", known ? line.number : "-", crl_state(line, now),
               is_there(line) ? format_time(line.fetched_at) : std::string("-"),
               fmt::format("{}", line.octets), line.url});
    values.push(describe_cache(line, now));
    damaged = damaged || line.damaged;
  }
  if (context.json()) {
    print_json(context, Value().set("crls", std::move(values)));
    return Exit::done;
  }
  table.print(context, "no CRLs are cached");
  if (damaged)
    context.note(
        "what is damaged counts as missing; vouch cache refresh fetches it again, vouch cache forget LINE "
        "begins "
        "a line anew whose highest number is lost");
  return Exit::done;
}

Result<Exit> clear_cache(Context& context, const Arguments&) {
  const auto party = TRY(open_party(context));
  const std::size_t gone = TRY(party->cache().clear());
  // A gateway that runs keeps OCSP answers in memory: from now on none of what it has counts.
  party->party().resync(context.clock().now());
  context.say("{} CRL{} removed; the highest numbers are kept, so that an older one is not taken", gone,
              gone == 1 ? "" : "s");
  if (context.json()) print_json(context, Value().set("removed", static_cast<std::int64_t>(gone)));
  return Exit::done;
}

Value describe_cache(const relying::RelyingParty::Fetched& fetched) {
  return Value()
      .set("url", fetched.url)
      .set("good", fetched.good)
      .set("changed", fetched.changed)
      .set("number", text_or_null(fetched.step.number))
      .set("next_update", time_or_null(fetched.step.next_update))
      .set("octets", static_cast<std::int64_t>(fetched.step.octets))
      .set("ms", static_cast<std::int64_t>(fetched.step.taken.count()))
      .set("problem", fetched.finding ? Value(validate::message_of(*fetched.finding)) : Value())
      .set("code", fetched.finding ? Value(validate::kind_of(fetched.finding->id).id) : Value());
}

Result<Exit> refresh(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const auto profile = TRY(find_profile(context, *party->configuration(), arguments.text("profile")));
  const Progress progress(context, "fetching CRLs");
  const std::vector<std::string> urls(arguments.operands().begin(), arguments.operands().end());
  Exit exit = Exit::done;
  Value values = Value::list();
  for (const auto& fetched : party->party().refresh(profile, urls)) {
    values.push(describe_cache(fetched));
    if (!fetched.good) exit = Exit::failed;
    if (context.json()) continue;
    if (fetched.good)
      context.say("{}: CRL 0x{}, {}", fetched.url, fetched.step.number,
                  fetched.changed ? "new" : "the one that was there");
    else
      print_error(context.surroundings(),
                  make_error(Errc::unavailable, "{}: {}", fetched.url,
                             fetched.finding ? validate::message_of(*fetched.finding) : fetched.step.outcome),
                  false);
  }
  if (values.is_null() || values.list_items()->empty())
    context.note("nothing to fetch: no trusted issuer has a URL, and nothing is cached");
  if (context.json()) print_json(context, Value().set("fetched", std::move(values)));
  return exit;
}

// A line by its name or the beginning of it, at least eight digits.
Result<std::string> find_line(relying::CrlCache& cache, const std::string& text) {
  std::vector<std::string> found;
  if (text.size() >= 8)
    for (const ListedCrl& line : cache.lines())
      if (line.line.starts_with(text)) found.push_back(line.line);
  if (found.size() == 1) return found.front();
  if (found.empty())
    return make_error(Errc::not_found, "no line of CRLs begins with '{}'", text)
        .with_hint("vouch cache list shows them; at least eight digits are wanted");
  return make_error(Errc::conflict, "{} lines of CRLs begin with '{}'", found.size(), text)
      .with_hint("write more of it");
}

Result<Exit> forget(Context& context, const Arguments& arguments) {
  const auto party = TRY(open_party(context));
  const std::string line = TRY(find_line(party->cache(), arguments.operand(0)));
  TRY(party->cache().forget(line));
  context.note("the line {} is forgotten with its number, by {}", line, context.user());
  context.say("the next CRL of this line is taken whatever its number");
  if (context.json()) print_json(context, Value().set("line", line));
  return Exit::done;
}

constexpr Option kRefresh[] = {
    {"profile", "NAME", "whose limits hold; else that of [relying_party]"},
};

constexpr Command kCacheCommands[] = {
    {"cache list",
     "",
     "list the CRLs that were fetched",
     "Also lines whose CRL was cleared away, for their highest numbers are kept, and those whose files are "
     "damaged.",
     {},
     "vouch cache list",
     &list_cache},
    {"cache refresh", "[URL...]", "fetch CRLs now",
     "Every URL of the trusted issuers and of what is cached, or those named; with the limits for the "
     "background. Exit "
     "code 1 when one could not be had.",
     kRefresh, "vouch cache refresh", &refresh},
    {"cache clear",
     "",
     "remove what was fetched; the highest CRL numbers stay",
     "",
     {},
     "vouch cache clear",
     &clear_cache},
    {"cache forget",
     "LINE",
     "forget a line of CRLs with its number, after its CA was restored from a backup",
     "Also one whose file is damaged, so that the number in it is lost.",
     {},
     "vouch cache forget 5c1b38e02f9a1d44",
     &forget},
};

}  // namespace

std::span<const Command> cache_commands() { return kCacheCommands; }

}  // namespace vouch::cli
