#pragma once
// Restricted enrolment agents: whose signature lets a request through for which template and for whom.
// Without a right an agent may nothing (ESC3: who gets an agent's certificate could otherwise enrol as
// anybody).

#include <string>
#include <vector>

#include "x509/general_name.hpp"

namespace vouch::policy {

struct AgentRight {
  std::string agent;               // subject of the agent's certificate, RFC 4514
  std::string template_name;       // "*": every template
  std::vector<std::string> names;  // patterns; each name of the certificate must match one
  bool operator==(const AgentRight&) const = default;
};

// A pattern of names is one of
//   *                            every name
//   CN=*,OU=Staff,O=Example      subjects with just these attributes in this order; * stands for any text
//   inside
//                                one value, never for a further attribute
//   DNS:*.example.com, UPN:*@corp.example, email:…, IP:…, URI:…    alternative names of that type, as
//                                GeneralName::to_text writes them
// Letters match in either case. Fails with `usage`, saying what is wrong.
Status check_agent_right(const AgentRight& right);

// The same about patterns alone; `whose` begins the message: "the right of 'CN=Agent'".
Status check_name_patterns(const std::vector<std::string>& patterns, std::string_view whose);
// Whether every name matches a pattern. An empty subject needs none; no name at all is covered by "*" only.
bool names_covered(const std::vector<std::string>& patterns, const x509::Name& subject,
                   const std::vector<x509::GeneralName>& alternative_names);

// Whether the right lets this agent have a certificate with these names. An empty subject needs no pattern; a
// certificate without any name is covered by "*" only.
bool covers(const AgentRight& right, Bytes agent_subject, std::string_view template_name,
            const x509::Name& subject, const std::vector<x509::GeneralName>& alternative_names);

}  // namespace vouch::policy
