#pragma once
// Administrator interaction: key operations of a CA that wait, each in its own process, until an
// administrator lets them pass with `vouch ca unlock`. The list is files in HOME/locks/waiting: NAME.wait
// says what waits, a lock on NAME.lock that its process is alive, and renaming NAME.wait to NAME.go lets
// exactly this one pass.

#include <chrono>

#include "ca/home/environment.hpp"

namespace vouch::ca {

struct WaitingOperation {
  std::string name;  // rises in the order in which they came
  std::string ca, what;
  Time since{};
};

// What waits now, oldest first. Leftovers of processes that died are cleared away.
Result<std::vector<WaitingOperation>> waiting_operations(const Home& home);
// Lets one pass. not_found: it does not wait any more.
Status let_pass(const Home& home, const WaitingOperation& operation);
// The same for an administrator of the CA, with its entry in the audit log.
Status let_pass(const Environment& environment, const WaitingOperation& operation,
                std::string_view administrator);

// Waits for its turn. Fails with `timeout` after `patience`; what was to be signed is kept by whoever wanted
// it.
Status wait_for_unlock(const Environment& environment, const std::string& ca, const std::string& what,
                       std::chrono::milliseconds patience);

// Signs with `signer` when an administrator has let it pass, each time anew.
std::shared_ptr<const crypto::Signer> make_waiting_signer(const Environment& environment, std::string ca,
                                                          std::shared_ptr<const crypto::Signer> signer);

}  // namespace vouch::ca
