#include "policy/agent_right.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace vouch::policy {
namespace {

// `*` stands for any text, also none. Linear apart from going back to the last star.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && ascii_lower(pattern[p]) == ascii_lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(p), [](char c) { return c == '*'; });
}

bool is_alternative_name(std::string_view pattern) {
  const std::size_t colon = pattern.find(':'), equals = pattern.find('=');
  return colon != std::string_view::npos && (equals == std::string_view::npos || colon < equals);
}

// Attribute by attribute, so that a comma inside a value never passes for the next attribute.
bool subject_matches(std::string_view pattern, const x509::Name& subject) {
  const auto wanted = x509::name_from_rfc4514(pattern);
  if (!wanted || wanted->rdns.size() != subject.rdns.size()) return false;
  for (std::size_t i = 0; i < subject.rdns.size(); ++i) {
    const auto &a = wanted->rdns[i], &b = subject.rdns[i];
    if (a.size() != b.size()) return false;
    for (std::size_t j = 0; j < a.size(); ++j) {
      const auto expected = a[j].text(), found = b[j].text();
      if (a[j].type != b[j].type || !expected || !found || !matches(*expected, *found)) return false;
    }
  }
  return true;
}

}  // namespace

Status check_agent_right(const AgentRight& right) {
  const auto agent = x509::name_from_rfc4514(right.agent);
  if (!agent || agent->empty())
    return make_error(Errc::usage, "'{}' is not the subject of an agent's certificate", right.agent)
        .with_hint("write it as vouch cert show does, e.g. \"CN=Agent,O=Example\"");
  if (right.template_name.empty())
    return make_error(Errc::usage, "the right of '{}' names no template", right.agent)
        .with_hint("name one, or * for all");
  return check_name_patterns(right.names, fmt::format("the right of '{}'", right.agent));
}

Status check_name_patterns(const std::vector<std::string>& patterns, std::string_view whose) {
  if (patterns.empty())
    return make_error(Errc::usage, "{} does not say for whom", whose)
        .with_hint(
            "give a pattern such as \"CN=*,OU=Staff,O=Example\" or \"DNS:*.example.com\", or * for all");
  constexpr std::string_view kPrefixes[] = {"DNS:", "UPN:", "email:", "IP:", "URI:", "RID:"};
  for (const std::string& pattern : patterns) {
    if (pattern == "*") continue;
    if (is_alternative_name(pattern)) {
      const bool known = std::ranges::any_of(kPrefixes, [&](std::string_view prefix) {
        return pattern.size() > prefix.size() && pattern.starts_with(prefix);
      });
      if (known) continue;
      return make_error(Errc::usage, "'{}' is no pattern of alternative names", pattern)
          .with_hint("DNS:, UPN:, email:, IP:, URI: or RID: and a text with * in it");
    }
    if (const auto name = x509::name_from_rfc4514(pattern); !name || name->empty())
      return make_error(Errc::usage, "'{}' is no pattern of subjects: {}", pattern,
                        name ? "it has no attribute" : name.error().message())
          .with_hint("e.g. \"CN=*,OU=Staff,O=Example\"");
  }
  return ok();
}

bool covers(const AgentRight& right, Bytes agent_subject, std::string_view template_name,
            const x509::Name& subject, const std::vector<x509::GeneralName>& alternative_names) {
  const auto agent = x509::name_from_rfc4514(right.agent), signer = x509::parse_name(agent_subject);
  if (!agent || !signer || signer->empty() || !x509::names_match(*agent, *signer)) return false;
  if (right.template_name != "*" && right.template_name != template_name) return false;
  return names_covered(right.names, subject, alternative_names);
}

bool names_covered(const std::vector<std::string>& patterns, const x509::Name& subject,
                   const std::vector<x509::GeneralName>& alternative_names) {
  const auto any = [&](auto&& fits) { return std::ranges::any_of(patterns, fits); };
  if (any([](const std::string& pattern) { return pattern == "*"; })) return true;
  if (subject.empty() && alternative_names.empty()) return false;
  if (!subject.empty() && !any([&](const std::string& pattern) {
        return !is_alternative_name(pattern) && subject_matches(pattern, subject);
      }))
    return false;
  return std::ranges::all_of(alternative_names, [&](const x509::GeneralName& name) {
    const std::string text = name.to_text();
    return any(
        [&](const std::string& pattern) { return is_alternative_name(pattern) && matches(pattern, text); });
  });
}

}  // namespace vouch::policy
