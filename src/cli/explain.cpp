// vouch explain: what a code means that some command, log or answer has named, and what to do.
#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "cli/output.hpp"
#include "lint/lint.hpp"
#include "validate/finding.hpp"

namespace vouch::cli {
namespace {

struct Category {
  std::string_view name, text;
  int exit;
};
constexpr Category kCategories[] = {
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
  std::string code, kind, text, cause = {}, source = {}, mend = {};
  std::optional<int> exit = {};
  unsigned aadsts = 0;  // 0: none
};

Explanation explanation_of(const validate::FindingKind& kind) {
  return {.code = std::string(kind.id),
          .kind = fmt::format("finding, {}", validate::to_string(kind.severity)),
          .text = std::string(kind.text),
          .cause = std::string(kind.cause),
          .mend = std::string(kind.mend),
          .aadsts = kind.code};
}

// One, or for a number of Microsoft Entra's that several findings share, all of them.
std::vector<Explanation> explanations_of(std::string_view code) {
  for (const Category& c : kCategories)
    if (c.name == code)
      return {{.code = std::string(c.name), .kind = "error", .text = std::string(c.text), .exit = c.exit}};
  for (const DecisionRule& r : kDecisionRules)
    if (r.name == code)
      return {{.code = std::string(r.name),
               .kind = "decision rule",
               .text = std::string(r.text),
               .mend = std::string(r.mend)}};
  for (const lint::Rule& r : lint::rules())
    if (r.id == code)
      return {{.code = std::string(r.id),
               .kind = fmt::format("lint {}", lint::to_string(r.severity)),
               .text = std::string(r.summary),
               .source = std::string(r.source),
               .mend = std::string(r.mend)}};
  std::vector<Explanation> found;
  for (const validate::FindingKind* kind : validate::explain(code)) found.push_back(explanation_of(*kind));
  return found;
}

Error unknown_code(std::string_view code) {
  std::vector<std::string_view> known;
  for (const Category& c : kCategories) known.push_back(c.name);
  for (const DecisionRule& r : kDecisionRules) known.push_back(r.name);
  const auto rules = lint::rules();
  for (const lint::Rule& r : rules) known.push_back(r.id);
  for (const validate::FindingKind& kind : validate::finding_kinds()) known.push_back(kind.id);
  const auto near = nearest(code, known);
  return make_error(Errc::not_found, "there is no code '{}'", code)
      .with_hint(near.empty() ? "a code is the word in brackets at the end of an error, a rule that vouch "
                                "why names, a lint rule, a finding of vouch verify, or a number such as "
                                "AADSTS500171"
                              : fmt::format("did you mean {}?", near));
}

void print(const Context& context, const Explanation& explanation) {
  Fields fields;
  fields.add("Code", explanation.code).add("Kind", explanation.kind);
  if (explanation.aadsts != 0) fields.add("Entra", fmt::format("AADSTS{}", explanation.aadsts));
  fields.add(explanation.cause.empty() ? "Meaning" : "Says", explanation.text);
  fields.add("Cause", explanation.cause).add("Source", explanation.source);
  fields.add("What to do", explanation.mend);
  if (explanation.exit) fields.add("Exit code", fmt::format("{}", *explanation.exit));
  context.out() << fields.text("");
}

Result<Exit> explain(Context& context, const Arguments& arguments) {
  std::string code = arguments.operand(0);
  if (code.starts_with('[') && code.ends_with(']'))
    code = code.substr(1, code.size() - 2);  // as errors print it
  const auto explanations = explanations_of(code);
  if (explanations.empty()) return unknown_code(code);
  if (!context.json()) {
    for (std::size_t i = 0; i < explanations.size(); ++i) {
      if (i != 0) context.out() << '\n';
      print(context, explanations[i]);
    }
    return Exit::done;
  }
  const Explanation& first = explanations.front();
  Value others = Value::list();
  for (std::size_t i = 1; i < explanations.size(); ++i) others.push(explanations[i].code);
  Value value;
  value.set("code", first.code).set("kind", first.kind).set("text", first.text);
  value.set("cause", text_or_null(first.cause)).set("source", text_or_null(first.source));
  value.set("mend", text_or_null(first.mend));
  value.set("exit_code", first.exit ? Value(*first.exit) : Value());
  value.set("aadsts", first.aadsts == 0 ? Value() : Value(std::int64_t{first.aadsts}));
  print_json(context, value.set("others", std::move(others)));
  return Exit::done;
}

constexpr Command kCommands[] = {
    {"explain",
     "CODE",
     "say what an error code, a decision rule, a lint rule or a finding of a check means, and what to do",
     "CODE is what stands in brackets at the end of an error, a rule that vouch why names, a lint rule, a "
     "finding of vouch verify (revocation.revoked), or a number of Microsoft Entra's error reference, with "
     "or "
     "without AADSTS.",
     {},
     "vouch explain AADSTS500171",
     &explain},
};

}  // namespace

std::span<const Command> explain_commands() { return kCommands; }

}  // namespace vouch::cli
