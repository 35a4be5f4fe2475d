#include "validate/finding.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.hpp"

namespace vouch::validate {
namespace {

constexpr std::array kKinds = {
#define VOUCH_FINDING(name, id, severity, code, text, cause, mend) \
  FindingKind{FindingId::name, id, Severity::severity, code, text, cause, mend},
#include "validate/findings.def"
#undef VOUCH_FINDING
};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::notice:
      return "notice";
    case Severity::warning:
      return "warning";
    case Severity::error:
      break;
  }
  return "error";
}

const FindingKind& kind_of(FindingId finding) { return kKinds[static_cast<std::size_t>(finding)]; }
std::span<const FindingKind> finding_kinds() { return kKinds; }

std::vector<const FindingKind*> explain(std::string_view code_or_id) {
  std::string wanted(code_or_id);
  std::ranges::transform(wanted, wanted.begin(), ascii_lower);
  std::string_view digits = wanted;
  if (digits.starts_with("aadsts")) digits.remove_prefix(6);
  unsigned code = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
  const bool is_code = error == std::errc() && end == digits.data() + digits.size() && code != 0;
  std::vector<const FindingKind*> found;
  for (const FindingKind& kind : kKinds)
    if (is_code ? kind.code == code : kind.id == wanted) found.push_back(&kind);
  return found;
}

bool has_error(std::span<const Finding> findings) {
  return std::ranges::any_of(findings, [](const Finding& f) { return severity_of(f) == Severity::error; });
}

std::string message_of(const Finding& finding) {
  std::string out;
  std::string_view text = kind_of(finding.id).text;
  while (!text.empty()) {
    const std::size_t open = text.find('{'), close = text.find('}', open);
    if (close == std::string_view::npos) break;
    out += text.substr(0, open);
    const std::string_view word = text.substr(open + 1, close - open - 1);
    const auto found = std::ranges::find(finding.parameters, word, &Finding::Parameter::first);
    if (found != finding.parameters.end()) out += found->second;
    text.remove_prefix(close + 1);
  }
  return out.append(text);
}

Value to_value(const Finding& finding) {
  const FindingKind& kind = kind_of(finding.id);
  Value parameters = Value::table();
  for (const auto& [name, value] : finding.parameters) parameters.set(name, value);
  Value out = Value::table();
  out.set("id", kind.id).set("severity", to_string(kind.severity));
  out.set("code", kind.code == 0 ? Value() : Value(std::int64_t{kind.code}));
  out.set("certificate", finding.certificate == kWholePath ? Value() : Value(finding.certificate));
  out.set("message", message_of(finding)).set("parameters", std::move(parameters));
  out.set("cause", kind.cause).set("mend", kind.mend);
  return out;
}

}  // namespace vouch::validate
