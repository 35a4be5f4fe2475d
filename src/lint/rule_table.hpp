#pragma once
// What the two tables of rules share. Internal to this room.

#include "lint/lint.hpp"

namespace vouch::lint {

inline Finding found(const Rule& rule, std::string message) {
  return {std::string(rule.id), rule.severity, std::move(message), std::string(rule.source)};
}

void add_certificate_rules(std::vector<Rule>& rules);
void add_crl_rules(std::vector<Rule>& rules);

}  // namespace vouch::lint
