#pragma once
// What the two tables of rules share. Internal to this room.

#include "lint/lint.hpp"

namespace vouch::lint {

// What a rule says: what is wrong, or nothing.
using Verdict = std::optional<std::string>;
inline Verdict when(bool wrong, std::string_view message) { return wrong ? Verdict(message) : std::nullopt; }
inline constexpr std::string_view kReport = "this is a mistake of the program: report it";

inline Finding found(const Rule& rule, std::string message) {
  return {std::string(rule.id), rule.severity, std::move(message), std::string(rule.source)};
}

void add_certificate_rules(std::vector<Rule>& rules);
void add_crl_rules(std::vector<Rule>& rules);

}  // namespace vouch::lint
