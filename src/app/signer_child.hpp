#pragma once
// What the signer process does, from its start to the end of the last channel.

#include "app/signer.hpp"
#include "crypto/remote/channel.hpp"

namespace vouch::app {

// Loads the keys, gives up what a signer does not need, and answers until the front closes the channels.
Status run_signer(const daemon::KeyHolderPlan& plan, const MakeTokens& make_tokens,
                  const std::vector<crypto::remote::Channel>& channels);

// One line to standard error, in one write, so that lines of several processes do not mix.
void log_line(std::string_view line);

}  // namespace vouch::app
