#pragma once
// The signer process and how the front speaks to it: crypto/remote put together with what the authority's
// keys are (docs/mechanisms/signer-process.md).
//
//   vouch serve ── fork ──► keeper ── fork ──► signer process
//
// The keeper never has a second thread and reads nothing but "start one"; so a signer process that died can
// be replaced while the front runs with many threads, and passphrases are not kept in the front for that.

#include "daemon/key_holder.hpp"

namespace vouch::app {

// Called before the caller makes threads or opens what a child must not have. Lines for the log go to
// standard error.
using MakeTokens = std::function<std::shared_ptr<const crypto::Tokens>()>;
Result<std::shared_ptr<const ca::KeySource>> hold_keys(daemon::KeyHolderPlan plan,
                                                       const MakeTokens& make_tokens);

}  // namespace vouch::app
