#pragma once
// What the process that will hold the keys is told before it starts, and how it is started. The composition
// root knows which process that is (app/signer.hpp).

#include <map>

#include "ca/keys/key_evidence.hpp"
#include "ca/keys/key_files.hpp"

namespace vouch::daemon {

struct KeyHolderPlan {
  ca::KeyAccess access{};                // how keys are reached
  std::vector<ca::KeyEvidence> known{};  // those that there are; what each is for stays as it is said here
  // Asked for beforehand, because later nobody can be asked: passphrases by key file, PINs by token.
  std::map<std::string, std::string, std::less<>> passphrases{}, pins{};
  bool sockets = false;                          // a PKCS #11 module that speaks over a network
  std::vector<fs::path> readable{}, writable{};  // further files of such a module
  unsigned channels = 8;                         // signatures at the same time
  // Keys of CAs that answer SCEP themselves: they may sign messages and decrypt, which no other CA key may.
  std::vector<std::string> messengers{};
};

// Starts the process. Called while there is one thread, with nothing open that a child must not have.
using HoldKeys = std::function<Result<std::shared_ptr<const ca::KeySource>>(KeyHolderPlan plan)>;

// What the database, the key files and the configuration say about it. Asks for passphrases and PINs.
struct Configuration;
Result<KeyHolderPlan> plan_key_holder(const ca::Environment& environment, const Configuration& configuration);

}  // namespace vouch::daemon
