#pragma once
// The parent of a CA that is made or renewed, as --parent names it: a CA here, which signs at once, or a
// service elsewhere (remote_parent.hpp).

#include "cli/remote_parent.hpp"

namespace vouch::cli {

// The CA that signs a subordinate at once, with whatever has to stay open for it.
struct LocalParent {
  std::unique_ptr<Workspace> other;  // none: it lives in the same home
  std::shared_ptr<ca::LocalAuthority> authority;
};

// Neither: a root, or somebody signs later.
struct ChosenParent {
  std::optional<LocalParent> here;
  std::unique_ptr<RemoteParent> elsewhere;
};
// Before anything is made: when the parent cannot sign, nothing is. --parent-ca and --parent-passphrase-file
// help.
Result<ChosenParent> choose_parent(Context& context, const Arguments& arguments);

struct ParentsTask {
  Bytes request;
  std::string what;       // "the renewal of CA 'X'"
  std::string meanwhile;  // how the CA stands as long as the parent has not signed
};
// The end of init and renew: the parent, if there is one, signs; what the CA shows the world is published.
Result<Exit> finish(Context& context, const Workspace& workspace, ChosenParent& parent,
                    const Arguments& arguments, const ParentsTask& task, Report what);

}  // namespace vouch::cli
