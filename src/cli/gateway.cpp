// vouch gateway …: looks into the gateway that runs on this host. `vouch serve --role gateway` runs it.
#include <algorithm>
#include <ostream>

#include "cli/output.hpp"
#include "cli/party.hpp"

namespace vouch::cli {
namespace {

Result<Exit> gateway_status(Context& context, const Arguments& arguments) {
  relying::GatewayClient gateway(TRY(need_gateway(context, arguments.find("socket"))));
  const Value value = TRY(gateway.status());
  const Value* health = value.find("health");
  bool well = true;
  if (health && health->list_items())
    for (const Value& check : *health->list_items())
      if (const Value* good = check.find("good"); good && good->boolean() && !*good->boolean()) well = false;
  if (context.json())
    print_json(context, Value().set("gateway", value));
  else
    context.out() << to_toml(printable_tree(value));
  return well ? Exit::done : Exit::found_bad;
}

Result<relying::DecisionFilter> decision_filter_of(const Arguments& arguments) {
  relying::DecisionFilter filter;
  if (arguments.has("refused") && arguments.has("accepted"))
    return usage_error("--refused and --accepted together mean all: leave out both");
  if (arguments.has("refused")) filter.accepted = false;
  if (arguments.has("accepted")) filter.accepted = true;
  filter.code = arguments.text("code");
  filter.text = arguments.text("text");
  filter.client = arguments.text("client");
  filter.since = TRY(arguments.time("since"));
  filter.until = TRY(arguments.time("until"));
  filter.most = TRY(arguments.number("most")).value_or(100);
  return filter;
}

std::string member_text(const Value& line, std::string_view key) {
  const Value* member = line.find(key);
  if (!member) return {};
  if (member->text()) return *member->text();
  if (member->integer()) return fmt::format("{}", *member->integer());
  return {};
}

Result<Exit> decisions(Context& context, const Arguments& arguments) {
  relying::GatewayClient gateway(TRY(need_gateway(context, arguments.find("socket"))));
  const auto lines = TRY(gateway.decisions(TRY(decision_filter_of(arguments))));
  if (const std::string* out = arguments.find("out")) {
    std::string whole;
    for (const std::string& line : lines) whole += line + '\n';
    TRY(write_output(context, *out, as_bytes(whole)));
    context.say("{} decisions in {}", lines.size(), *out);
    if (context.json()) print_json(context, Value().set("decisions", Value::list()).set("file", *out));
    return Exit::done;
  }
  Table table{"TIME", "CLIENT", "SUBJECT", "DECISION", "CODE", "WHY"};
  Value values = Value::list();
  for (const std::string& line : lines) {
    Value value = TRY(parse_json(line).context("reading the gateway's log"));
    const Value* accepted = value.find("accepted");
    const bool good = accepted && accepted->boolean() && *accepted->boolean();
    table.add({member_text(value, "time"), member_text(value, "client"), member_text(value, "subject"),
               good ? "accepted" : "refused", good ? "" : member_text(value, "code"),
               good ? "" : member_text(value, "name")});
    values.push(std::move(value));
  }
  if (context.json())
    print_json(context, Value().set("decisions", std::move(values)).set("file", Value()));
  else
    table.print(context, "no decisions");
  return Exit::done;
}

Result<Exit> trace(Context& context, const Arguments& arguments) {
  relying::GatewayClient gateway(TRY(need_gateway(context, arguments.find("socket"))));
  const std::string what = arguments.operands().empty() ? "show" : arguments.operand(0);
  Value answer;
  if (what == "on") {
    Value wanted = Value().set("on", true).set("refused_only", arguments.has("refused"));
    if (const auto span = TRY(arguments.span("for"))) {
      if (span->months != 0) return usage_error("--for: at most a week");
      wanted.set("seconds", static_cast<std::int64_t>(span->seconds.count()));
    }
    answer = TRY(gateway.trace(wanted));
  } else if (what == "off") {
    answer = TRY(gateway.trace(Value().set("on", false)));
  } else if (what == "clear") {
    answer = TRY(gateway.clear_trace());
  } else if (what == "show") {
    answer = TRY(gateway.trace(Value()));
  } else {
    return usage_error("'{}' is none of on, off, show, clear", what);
  }
  if (context.json()) {
    print_json(context, Value().set("trace", answer));
    return Exit::done;
  }
  const Value* on = answer.find("on");
  const Value* records = answer.find("records");
  const std::string until = member_text(answer, "until");
  context.say("the trace is {}{}; it holds {} records of {} octets, at most {}",
              on && on->boolean() && *on->boolean() ? "on" : "off", until.empty() ? "" : " until " + until,
              records && records->list_items() ? records->list_items()->size() : 0,
              member_text(answer, "octets"), member_text(answer, "most_octets"));
  if (what == "show" && records) context.out() << to_json(printable_tree(*records)) << '\n';
  return Exit::done;
}

constexpr Option kGatewayStatus[] = {kSocketOption};
constexpr Option kDecisions[] = {
    {"refused", "", "only refused ones"},
    {"accepted", "", "only accepted ones"},
    {"code", "CODE", "with this code: 500171, AADSTS500171 or revocation.revoked"},
    {"text", "TEXT", "with this in subject, issuer or serial"},
    {"client", "NAME", "asked by this one: nginx, openvpn, freeradius, …"},
    {"since", "TIME", "not older"},
    {"until", "TIME", "not younger"},
    {"most", "N", "at most so many, the newest (100)"},
    {"out", "FILE", "write them there, as lines of JSON"},
    kSocketOption,
};
constexpr Option kTrace[] = {
    {"for", "SPAN", "with on: it goes off by itself after that time, at most a week"},
    {"refused", "", "with on: only of refused certificates"},
    kSocketOption,
};

constexpr Command kGatewayCommands[] = {
    {"gateway status", "", "what the gateway of this host has cached and is doing", "", kGatewayStatus,
     "vouch gateway status", &gateway_status},
    {"gateway decisions", "", "what it has decided, the newest 10,000", "", kDecisions,
     "vouch gateway decisions --refused --since 2026-11-23", &decisions},
    {"gateway trace", "[on|off|show|clear]", "keep the whole record of decisions for a while",
     "Off as a rule. What it keeps is bounded in size; passwords and tokens in URLs are left out.", kTrace,
     "vouch gateway trace on --for 10m --refused", &trace},
};

}  // namespace

std::span<const Command> gateway_commands() { return kGatewayCommands; }

}  // namespace vouch::cli
