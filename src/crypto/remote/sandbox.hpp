#pragma once
// What a process gives up for good before it reads what others send: new privileges, core dumps, being
// traced, other programs, the network, and every file but those named. For the signer process; irrevocable.

#include <string>
#include <vector>

#include "base/files.hpp"

namespace vouch::crypto::remote {

struct Sandbox {
  std::vector<fs::path> readable;  // files and folders, with what is below
  std::vector<fs::path> writable;  // the same; a token in software keeps its state in files
  // A network HSM, or one behind a daemon: its module opens sockets by itself.
  bool sockets = false;
};

// Enters it; before the process makes its threads, because Landlock holds for the calling thread and those
// that it makes. What the process will use (files outside, libraries) has to be open and loaded. Fails with
// `unavailable` when the kernel refuses what it has. What this kernel does not have at all is returned in
// words, for the log: everything else holds.
Result<std::vector<std::string>> enter(const Sandbox& sandbox);

}  // namespace vouch::crypto::remote
