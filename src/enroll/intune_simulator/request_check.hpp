#pragma once
// A certification request against what a challenge expects of it.

#include "enroll/intune_simulator/challenge_blob.hpp"
#include "x509/request.hpp"

namespace vouch::enroll::intune_simulator {

struct Verdict {
  std::string code, description;  // "Success" and nothing, or Intune's name and what differs
  bool is_success() const { return code == "Success"; }
};

// Subject, alternative names, key usages and key length, in this order.
Verdict check_request(const x509::RequestView& request, const Expectation& expectation);

}  // namespace vouch::enroll::intune_simulator
