#include "relying/codes.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace vouch::relying {
namespace {

constexpr std::array kCodes = {
#define VOUCH_CODE(number, name, message, meaning, causes, recommendations) \
  Code{number, name, message, meaning, causes, recommendations},
#include "relying/codes.def"
#undef VOUCH_CODE
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Several findings share a number: the reference's row, and ours that mean it.
Explanation of_code(const Code& code) {
  Explanation out;
  out.number = code.number;
  out.name = code.name;
  out.message = code.message;
  out.meaning = code.meaning;
  out.causes = lines_of(code.causes);
  out.recommendations = lines_of(code.recommendations);
  for (const validate::FindingKind& kind : validate::finding_kinds())
    if (code.number != 0 ? kind.code == code.number : kind.id == code.name) out.findings.push_back(&kind);
  return out;
}

const Code* named(std::string_view name) {
  const auto found = std::ranges::find(kCodes, name, &Code::name);
  return found == kCodes.end() ? nullptr : &*found;
}

// A finding of ours; where it shares a number, what the reference says to the number as well.
Explanation of_kind(const validate::FindingKind& kind) {
  if (const Code* code = named(kind.id)) return of_code(*code);
  Explanation out;
  out.number = kind.code;
  out.name = kind.id;
  out.message = kind.text;
  out.causes.emplace_back(kind.cause);
  out.recommendations.emplace_back(kind.mend);
  out.findings.push_back(&kind);
  if (const Code* code = code_of(kind.code)) {
    out.meaning = code->meaning;
    for (std::string& more : lines_of(code->recommendations)) out.recommendations.push_back(std::move(more));
  }
  return out;
}

}  // namespace

std::span<const Code> codes() { return kCodes; }

const Code* code_of(unsigned number) {
  if (number == 0) return nullptr;
  const auto found = std::ranges::find(kCodes, number, &Code::number);
  return found == kCodes.end() ? nullptr : &*found;
}

Result<Explanation> explain(std::string_view code) {
  const auto kinds = validate::explain(code);
  if (!kinds.empty()) {
    const Code* row = code_of(kinds.front()->code);
    const bool by_number = !equal_ignoring_case(kinds.front()->id, code);
    return by_number && row != nullptr ? of_code(*row) : of_kind(*kinds.front());
  }
  std::vector<std::string_view> names;
  for (const validate::FindingKind& kind : validate::finding_kinds()) names.push_back(kind.id);
  const std::string_view near = nearest(code, names);
  return make_error(Errc::not_found, "there is no code '{}'", code.substr(0, 64))
      .with_hint(near.empty() ? "vouch explain without a code lists all"
                              : fmt::format("did you mean {}? vouch explain lists all", near));
}

std::vector<Explanation> explanations() {
  std::vector<Explanation> out;
  for (const Code& code : kCodes) out.push_back(of_code(code));
  for (const validate::FindingKind& kind : validate::finding_kinds())
    if (named(kind.id) == nullptr && code_of(kind.code) == nullptr) out.push_back(of_kind(kind));
  return out;
}

Explanation explain(const validate::Finding& finding) {
  Explanation out = of_kind(validate::kind_of(finding.id));
  out.name = validate::kind_of(finding.id).id;
  out.message = validate::message_of(finding);
  return out;
}

Value to_value(const Explanation& explanation) {
  Value findings = Value::list();
  for (const validate::FindingKind* kind : explanation.findings)
    findings.push(Value::table()
                      .set("name", kind->id)
                      .set("message", kind->text)
                      .set("cause", kind->cause)
                      .set("mend", kind->mend));
  const unsigned number = explanation.number;
  return Value::table()
      .set("code", number == 0 ? Value() : Value(std::int64_t{number}))
      .set("alias", number == 0 ? Value() : Value(fmt::format("AADSTS{}", number)))
      .set("name", explanation.name)
      .set("message", explanation.message)
      .set("meaning", explanation.meaning)
      .set("causes", list_of(explanation.causes))
      .set("recommendations", list_of(explanation.recommendations))
      .set("findings", std::move(findings));
}

std::string to_text(const Explanation& explanation) {
  std::string out = explanation.name;
  if (explanation.number != 0) out += fmt::format(" (AADSTS{})", explanation.number);
  out += fmt::format("\n  {}\n", explanation.message);
  if (!explanation.meaning.empty()) out += fmt::format("  {}\n", explanation.meaning);
  out += "causes\n";
  for (const std::string& cause : explanation.causes) out += fmt::format("  - {}\n", cause);
  out += "what to do\n";
  for (const std::string& advice : explanation.recommendations) out += fmt::format("  - {}\n", advice);
  if (explanation.findings.size() < 2) return out;
  out += "our own names for it\n";
  for (const validate::FindingKind* kind : explanation.findings)
    out += fmt::format("  {}: {}\n    {}\n", kind->id, kind->text, kind->mend);
  return out;
}

}  // namespace vouch::relying
