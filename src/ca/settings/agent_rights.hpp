#pragma once
// The rights of enrolment agents at one CA (policy/agent_right.hpp), kept in its settings.

#include "ca/home/environment.hpp"
#include "policy/agent_right.hpp"

namespace vouch::ca {

Result<std::vector<policy::AgentRight>> agent_rights(const store::Snapshot& snapshot,
                                                     std::string_view authority);
// Adds a right; `usage` for one that says nothing, `conflict` for one that is there already.
Status allow_agent(const Environment& environment, std::string_view authority,
                   const policy::AgentRight& right, std::string_view administrator);
// Removes the rights of an agent: all of them, or those for one template. How many there were; none is
// `not_found`.
Result<std::size_t> forbid_agent(const Environment& environment, std::string_view authority,
                                 std::string_view agent, std::string_view template_name,
                                 std::string_view administrator);

}  // namespace vouch::ca
