// vouch explain: what a code means that some command, log or answer has named, and what to do.
#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "cli/output.hpp"
#include "lint/lint.hpp"
#include "relying/codes.hpp"

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

struct ChallengeCode {
  std::string_view name, text, mend;
};
constexpr ChallengeCode kChallengeCodes[] = {
#define VOUCH_CODE(name, text, mend) {#name, text, mend},
#include "challenge/codes.def"
#undef VOUCH_CODE
};

struct Explanation {
  std::string code, kind, text;
  std::vector<std::string> causes = {};
  std::string source = {};
  std::vector<std::string> mends = {};
  std::optional<int> exit = {};
  unsigned aadsts = 0;                   // 0: none
  std::vector<std::string> others = {};  // findings that share the number
};

Explanation explanation_of(const relying::Explanation& found) {
  Explanation explanation{.code = found.name, .kind = "finding", .text = found.message};
  if (!found.meaning.empty()) explanation.causes.push_back(found.meaning);
  explanation.causes.insert(explanation.causes.end(), found.causes.begin(), found.causes.end());
  explanation.mends = found.recommendations;
  explanation.aadsts = found.number;
  for (const validate::FindingKind* kind : found.findings) {
    if (kind->id == found.name)
      explanation.kind = fmt::format("finding, {}", validate::to_string(kind->severity));
    else
      explanation.others.emplace_back(kind->id);
  }
  return explanation;
}

std::optional<Explanation> explain_code(std::string_view code) {
  for (const Category& c : kCategories)
    if (c.name == code)
      return Explanation{
          .code = std::string(c.name), .kind = "error", .text = std::string(c.text), .exit = c.exit};
  for (const DecisionRule& r : kDecisionRules)
    if (r.name == code)
      return Explanation{.code = std::string(r.name),
                         .kind = "decision rule",
                         .text = std::string(r.text),
                         .mends = {std::string(r.mend)}};
  for (const ChallengeCode& c : kChallengeCodes)
    if (c.name == code)
      return Explanation{.code = std::string(c.name),
                         .kind = "challenge",
                         .text = std::string(c.text),
                         .mends = {std::string(c.mend)}};
  for (const lint::Rule& r : lint::rules())
    if (r.id == code)
      return Explanation{.code = std::string(r.id),
                         .kind = fmt::format("lint {}", lint::to_string(r.severity)),
                         .text = std::string(r.summary),
                         .source = std::string(r.source),
                         .mends = {std::string(r.mend)}};
  const auto found = relying::explain(code);
  return found ? std::optional(explanation_of(*found)) : std::nullopt;
}

Error unknown_code(std::string_view code) {
  std::vector<std::string_view> known;
  for (const Category& c : kCategories) known.push_back(c.name);
  for (const DecisionRule& r : kDecisionRules) known.push_back(r.name);
  for (const ChallengeCode& c : kChallengeCodes) known.push_back(c.name);
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

void print_explanation(const Context& context, const Explanation& explanation) {
  Fields fields;
  fields.add("Code", explanation.code).add("Kind", explanation.kind);
  if (explanation.aadsts != 0) fields.add("Entra", fmt::format("AADSTS{}", explanation.aadsts));
  fields.add("Meaning", explanation.text);
  for (const std::string& cause : explanation.causes) fields.add("Cause", cause);
  fields.add("Source", explanation.source);
  for (const std::string& mend : explanation.mends) fields.add("What to do", mend);
  if (explanation.exit) fields.add("Exit code", fmt::format("{}", *explanation.exit));
  for (const std::string& other : explanation.others) fields.add("See also", other);
  context.out() << fields.text("");
}

Result<Exit> explain_code(Context& context, const Arguments& arguments) {
  std::string code = arguments.operand(0);
  if (code.starts_with('[') && code.ends_with(']'))
    code = code.substr(1, code.size() - 2);  // as errors print it
  const auto explanation = explain_code(code);
  if (!explanation) return unknown_code(code);
  if (!context.json()) {
    print_explanation(context, *explanation);
    return Exit::done;
  }
  Value value;
  value.set("code", explanation->code).set("kind", explanation->kind).set("text", explanation->text);
  value.set("causes", texts(explanation->causes)).set("source", text_or_null(explanation->source));
  value.set("mends", texts(explanation->mends));
  value.set("exit_code", explanation->exit ? Value(*explanation->exit) : Value());
  value.set("aadsts", explanation->aadsts == 0 ? Value() : Value(std::int64_t{explanation->aadsts}));
  print_json(context, value.set("others", texts(explanation->others)));
  return Exit::done;
}

constexpr Command kExplainCommands[] = {
    {"explain",
     "CODE",
     "say what an error code, a decision rule, a lint rule or a finding of a check means, and what to do",
     "CODE is what stands in brackets at the end of an error, a rule that vouch why names, a lint rule, a "
     "finding of vouch verify (revocation.revoked), or a number of Microsoft Entra's error reference, with "
     "or "
     "without AADSTS.",
     {},
     "vouch explain AADSTS500171",
     &explain_code},
};

}  // namespace

std::span<const Command> explain_commands() { return kExplainCommands; }

}  // namespace vouch::cli
