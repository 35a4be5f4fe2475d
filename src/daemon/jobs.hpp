#pragma once
// The work in the background that every service does.

#include "daemon/authorities.hpp"
#include "daemon/scheduler.hpp"

namespace vouch::daemon {

// In the audit log, for what nobody asked for.
constexpr std::string_view kActor = "vouch serve";

// CRLs that are due, places that missed them, and certificates that a crash or an absent key left unsigned.
// Each place that CRLs are published to is a health state of its own. Everything that it borrows outlives the
// job; likewise below.
Job publication_job(const OpenAuthorities& authorities, Health& health);
// The signed head of the audit log, when there are new entries.
Job audit_head_job(const ca::Environment& environment);
// Whether each CA's key could sign now: a state of its own for each CA.
Job key_job(const ca::Environment& environment, const OpenAuthorities& authorities, Health& health);
// That the database can be read, and its file system written to.
Job database_job(const ca::Environment& environment);
// That the clock was not set back behind what this home has seen.
Job clock_job(const ca::Environment& environment);

}  // namespace vouch::daemon
