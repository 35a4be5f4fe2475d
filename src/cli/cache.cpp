// vouch cache …: what the relying party has fetched.
#include <algorithm>
#include <ostream>

#include "cli/output.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

using relying::CachedCrl;

std::string number_of(const CachedCrl& cached) {
  return cached.crl->head().number ? to_hex(*cached.crl->head().number) : std::string();
}

Value describe(const CachedCrl& cached, Time now) {
  const validate::CrlHead& head = cached.crl->head();
  return Value()
      .set("line", cached.line)
      .set("url", cached.url)
      .set("issuer", head.issuer_text)
      .set("delta", head.delta_base.has_value())
      .set("number", text_or_null(number_of(cached)))
      .set("this_update", format_time(head.view.this_update))
      .set("next_update", time_or_null(head.view.next_update))
      .set("expired", head.view.next_update && *head.view.next_update <= now)
      .set("fetched_at", format_time(cached.fetched_at))
      .set("octets", static_cast<std::int64_t>(cached.octets));
}

Result<Exit> list(Context& context, const Arguments&) {
  const auto party = TRY(open_party(context));
  const Time now = context.clock().now();
  Table table{"LINE", "ISSUER", "KIND", "NUMBER", "VALID UNTIL", "FETCHED", "OCTETS", "URL"};
  Value values = Value::list();
  for (const CachedCrl& cached : party->cache().list()) {
    const validate::CrlHead& head = cached.crl->head();
    const bool expired = head.view.next_update && *head.view.next_update <= now;
    table.add({cached.line.substr(0, 16), head.issuer_text, head.delta_base ? "delta" : "base",
               number_of(cached),
               (head.view.next_update ? format_time(*head.view.next_update) : std::string("-")) +
                   (expired ? " (expired)" : ""),
               format_time(cached.fetched_at), fmt::format("{}", cached.octets), cached.url});
    values.push(describe(cached, now));
  }
  if (context.json())
    print_json(context, Value().set("crls", std::move(values)));
  else
    table.print(context, "no CRLs are cached");
  return Exit::done;
}

Result<Exit> clear(Context& context, const Arguments&) {
  const auto party = TRY(open_party(context));
  const std::size_t gone = TRY(party->cache().clear());
  // A gateway that runs keeps OCSP answers in memory: from now on none of what it has counts.
  party->party().resync(context.clock().now());
  context.say("{} CRL{} removed; the highest numbers are kept, so that an older one is not taken", gone,
              gone == 1 ? "" : "s");
  if (context.json()) print_json(context, Value().set("removed", static_cast<std::int64_t>(gone)));
  return Exit::done;
}

Value describe(const relying::RelyingParty::Fetched& fetched) {
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
    values.push(describe(fetched));
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
    for (const CachedCrl& cached : cache.list())
      if (cached.line.starts_with(text)) found.push_back(cached.line);
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

constexpr Command kCommands[] = {
    {"cache list", "", "list the CRLs that were fetched", "", {}, "vouch cache list", &list},
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
     &clear},
    {"cache forget",
     "LINE",
     "forget a line of CRLs with its number, after its CA was restored from a backup",
     "",
     {},
     "vouch cache forget 5c1b38e02f9a1d44",
     &forget},
};

}  // namespace

std::span<const Command> cache_commands() { return kCommands; }

}  // namespace vouch::cli
