#pragma once
// The relying party of a command line: that of the home, or one that lives for one command.

#include "cli/context.hpp"
#include "relying/gateway/ask.hpp"
#include "relying/gateway/party_home.hpp"

namespace vouch::cli {

// [relying_party] and [profile.NAME] of the home's vouch.toml; defaults where there is none.
Result<relying::PartyConfiguration> party_configuration(const Context& context);
// The home's. Fails with `not_found` when there is no folder.
Result<std::unique_ptr<relying::PartyHome>> open_party(const Context& context);

// A profile by its name, or that of a TOML file: with one section [profile.NAME], or with settings alone.
Result<relying::Profile> find_profile(const Context& context,
                                      const relying::PartyConfiguration& configuration,
                                      const std::string& name_or_file);

// The Unix socket of the gateway that runs on this host: the one given, the home's, or the one that the units
// make. Nothing when nobody listens there.
std::optional<fs::path> find_gateway(const Context& context, const std::string* given);
// The same for a command that needs one: `unavailable` says how to start it.
Result<fs::path> need_gateway(const Context& context, const std::string* given);

// Options that several commands share.
constexpr Option kSocketOption = {"socket", "PATH",
                                  "Unix socket of the gateway; else that of the home, else "
                                  "/run/vouch-gateway.sock"};

}  // namespace vouch::cli
