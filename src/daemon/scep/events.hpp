#pragma once
// What the log says of a message: symptom, cause, mend, in one line.

#include <string>
#include <string_view>

#include "ca/refusals.hpp"
#include "enroll/scep/responder.hpp"

namespace vouch::daemon::scep {

// "scep devices: PKCSReq of 192.0.2.7 (transaction 5F…) was refused: KeyMismatch: …; expected …; received …;
// mend: …"
std::string sentence(const enroll::scep::Event& event);
// What an administrator does about a code; empty: the detail says it all.
std::string_view mend_of(std::string_view code);
// For the audit log.
ca::FrontEndRefusal refusal_of(const enroll::scep::Event& event);

}  // namespace vouch::daemon::scep
