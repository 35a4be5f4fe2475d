#pragma once
// The error reference: what a code means, why it happens, what to do. A code is a number of Microsoft Entra's
// reference (AADSTS…) with our own name, which is the id of the finding that stands for it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "validate/finding.hpp"

namespace vouch::relying {

// A row of codes.def.
struct Code {
  unsigned number = 0;    // 0: the one text without a number
  std::string_view name;  // id of the finding that stands for it: "revocation.revoked"
  std::string_view message, meaning;
  std::string_view causes, recommendations;  // one a line
};
std::span<const Code> codes();
// The row of a number; nullptr when there is none (0 has none: several findings have no number).
const Code* code_of(unsigned number);

// What a user means by "AADSTS500171", "500171" or "revocation.revoked", in any case.
struct Explanation {
  unsigned number = 0;  // 0: our own only
  std::string name;     // our own
  std::string message, meaning;
  std::vector<std::string> causes, recommendations;
  std::vector<const validate::FindingKind*> findings;  // all of ours that share the number
};
// `not_found`, with the name that was probably meant.
Result<Explanation> explain(std::string_view code);
// All of them: the numbers first, then our own that have none.
std::vector<Explanation> explanations();
// The same for a finding at hand, with its fields filled in.
Explanation explain(const validate::Finding& finding);

// {code, alias, name, message, meaning, causes [], recommendations [], findings []}; code and alias
// ("AADSTS500171") are null where there is no number.
Value to_value(const Explanation& explanation);
std::string to_text(const Explanation& explanation);

}  // namespace vouch::relying
