#pragma once
// What devices have to trust before they enrol, in the forms that MDMs and devices take.

#include <span>
#include <string>
#include <vector>

#include "crypto/provider.hpp"
#include "daemon/scep/configuration.hpp"

namespace vouch::daemon::scep {

struct TrustFile {
  std::string name;  // "devices-root.cer"
  std::string what;  // for people
  Buffer content;
  Buffer certificate{};  // of a .cer: what is in it
};
// What is wrong where the profile names a root and the chain ends in another; empty: nothing.
std::string judge_root(const crypto::Provider& provider, const ProfileConfiguration& profile,
                       std::span<const Buffer> chain);
// `chain`: the issuing CA's certificate and those above, nearest first.
Result<std::vector<TrustFile>> trust_files(const crypto::Provider& provider, const std::string& profile,
                                           std::span<const Buffer> chain);

}  // namespace vouch::daemon::scep
