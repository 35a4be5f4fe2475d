#pragma once
// What a process gives up for good before it reads what others send: new privileges, core dumps, being
// traced, other programs, the network, and every file but those named. For the signer process; irrevocable.

#include <string>
#include <vector>

#include "base/files.hpp"

namespace vouch::crypto::remote {

// What happens to a process that asks for a socket.
enum class Sockets : std::uint8_t {
  fatal,    // it ends: nothing in it has a reason to
  refused,  // it is told no: modules of tokens write to syslog, and can do without
  allowed,  // a network HSM, or one behind a daemon: its module opens sockets by itself
};

struct Sandbox {
  std::vector<fs::path> readable;  // files and folders, with what is below
  std::vector<fs::path> writable;  // the same; a token in software keeps its state in files
  Sockets sockets = Sockets::fatal;
};

// The part of it that a process can live with that still starts others: no new privileges, no core dumps,
// not to be traced, memory locked as far as the limit allows. In words what could not be had.
Result<std::vector<std::string>> hide();

// Enters it; before the process makes its threads, because Landlock holds for the calling thread and those
// that it makes. What the process will use (files outside, libraries) has to be open and loaded. Fails with
// `unavailable` when the kernel refuses what it has. What this kernel does not have at all is returned in
// words, for the log: everything else holds.
Result<std::vector<std::string>> enter(const Sandbox& sandbox);

}  // namespace vouch::crypto::remote
