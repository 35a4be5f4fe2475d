#pragma once
// Findings: what validation says about a certificate, as
// values. The table findings.def has every kind of them.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/value.hpp"

namespace vouch::validate {

enum class Severity { notice, warning, error };
std::string_view to_string(Severity severity);

enum class FindingId {
#define VOUCH_FINDING(name, id, severity, code, text, cause, mend) name,
#include "validate/findings.def"
#undef VOUCH_FINDING
};

// A row of the table.
struct FindingKind {
  FindingId finding{};
  std::string_view id;  // "path.issuer_not_found", stable
  Severity severity{};
  unsigned code = 0;  // AADSTS number of Microsoft Entra, 0 when there is none
  std::string_view text, cause, mend;
};
const FindingKind& kind_of(FindingId finding);
std::span<const FindingKind> finding_kinds();
// The rows that a user means by "AADSTS500171", "500171"
// or an id, in any case. Several findings share a code.
std::vector<const FindingKind*> explain(std::string_view code_or_id);

// The certificate that a finding is about, counted from the target (0); or none.
inline constexpr int kWholePath = -1;

struct Finding {
  using Parameter = std::pair<std::string, std::string>;
  FindingId id{};
  int certificate = kWholePath;
  std::vector<Parameter> parameters;
  bool operator==(const Finding&) const = default;
};
// About the path as a whole.
inline Finding finding(FindingId id, std::vector<Finding::Parameter> parameters = {}) {
  return {id, kWholePath, std::move(parameters)};
}
inline Severity severity_of(const Finding& finding) { return kind_of(finding.id).severity; }
bool has_error(std::span<const Finding> findings);
// The text of the kind with its {words} filled in; words without a parameter stay out.
std::string message_of(const Finding& finding);
// {id, severity, code, certificate, message, parameters {}, cause, mend}; code is null when there is none.
Value to_value(const Finding& finding);

}  // namespace vouch::validate
