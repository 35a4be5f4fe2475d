// Commands about the program itself: explain, completion, version, man.
#include <ostream>

#include "base/text.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"
#include "lint/lint.hpp"

namespace vouch::cli {
namespace {

struct Code {
  std::string_view name, text;
  int exit;
};
constexpr Code kCodes[] = {
#define VOUCH_ERROR(name, exit, text) {#name, text, exit},
#include "base/errors.def"
#undef VOUCH_ERROR
};

struct DecisionRule {
  std::string_view name, text, mend;
};
constexpr DecisionRule kDecisionRules[] = {
#define VOUCH_RULE(name, text, mend) {name, text, mend},
#include "policy/rules.def"
#undef VOUCH_RULE
};

struct Explanation {
  std::string code, kind, text, source;
  std::optional<int> exit;
  std::string mend = {};
};

std::optional<Explanation> explain_code(std::string_view code) {
  for (const Code& c : kCodes)
    if (c.name == code) return Explanation{std::string(c.name), "error", std::string(c.text), "", c.exit};
  for (const DecisionRule& r : kDecisionRules)
    if (r.name == code)
      return Explanation{std::string(r.name), "decision rule",    std::string(r.text), "",
                         std::nullopt,        std::string(r.mend)};
  for (const lint::Rule& r : lint::rules())
    if (r.id == code)
      return Explanation{std::string(r.id),      fmt::format("lint {}", lint::to_string(r.severity)),
                         std::string(r.summary), std::string(r.source),
                         std::nullopt,           std::string(r.mend)};
  return std::nullopt;
}

Result<Exit> explain(Context& context, const Arguments& arguments) {
  std::string code = arguments.operand(0);
  if (code.starts_with('[') && code.ends_with(']'))
    code = code.substr(1, code.size() - 2);  // as errors print it
  const auto explanation = explain_code(code);
  if (!explanation) {
    std::vector<std::string_view> known;
    for (const Code& c : kCodes) known.push_back(c.name);
    for (const DecisionRule& r : kDecisionRules) known.push_back(r.name);
    const auto rules = lint::rules();
    for (const lint::Rule& r : rules) known.push_back(r.id);
    const auto near = nearest(code, known);
    return make_error(Errc::not_found, "there is no code '{}'", code)
        .with_hint(near.empty() ? "a code is the word in brackets at the end of an error, a rule that vouch "
                                  "why names, or a lint rule"
                                : fmt::format("did you mean {}?", near));
  }
  if (context.json()) {
    Value value;
    value.set("code", explanation->code).set("kind", explanation->kind).set("text", explanation->text);
    value.set("source", text_or_null(explanation->source));
    value.set("mend", text_or_null(explanation->mend));
    print_json(context, value.set("exit_code", explanation->exit ? Value(*explanation->exit) : Value()));
    return Exit::done;
  }
  Fields fields;
  fields.add("Code", explanation->code).add("Kind", explanation->kind).add("Meaning", explanation->text);
  fields.add("Source", explanation->source).add("What to do", explanation->mend);
  if (explanation->exit) fields.add("Exit code", fmt::format("{}", *explanation->exit));
  context.out() << fields.text("");
  return Exit::done;
}

Result<Exit> completion(Context& context, const Arguments& arguments) {
  const std::string& shell = arguments.operand(0);
  if (shell == "bash")
    context.out() << bash_completion();
  else if (shell == "zsh")
    context.out() << zsh_completion();
  else if (shell == "fish")
    context.out() << fish_completion();
  else
    return usage_error("the shells are bash, zsh and fish, not '{}'", shell);
  return Exit::done;
}

Result<Exit> version(Context& context, const Arguments&) {
  if (context.json())
    print_json(context, Value().set("version", program_version()));
  else
    context.out() << "vouch " << program_version() << '\n';
  return Exit::done;
}

Result<Exit> man(Context& context, const Arguments&) {
  context.out() << manual_page();
  return Exit::done;
}

constexpr Command kCommands[] = {
    {"explain",
     "CODE",
     "say what an error code, a decision rule or a lint rule means",
     "",
     {},
     "vouch explain limit_exceeded",
     &explain},
    {"completion",
     "bash|zsh|fish",
     "print a completion script for a shell",
     "",
     {},
     "source <(vouch completion bash)",
     &completion},
    {"version", "", "print the version", "", {}, "vouch version", &version},
    {"man",
     "",
     "print the manual page, as packaging/man/vouch.1 holds it",
     "",
     {},
     "vouch man > packaging/man/vouch.1",
     &man,
     true},
};

}  // namespace

std::span<const Command> self_commands() { return kCommands; }

}  // namespace vouch::cli
