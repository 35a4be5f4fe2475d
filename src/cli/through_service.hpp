#pragma once
// A command line beside a running service: the service runs the command, as the user at the other end of its
// Unix socket, with what it has open: keys that are unlocked, caches that then know (docs/mechanisms/api.md).
// Nothing but the words of the line and the files that it names travels; results and files come back.
//
// Commands about the home itself (set-up, backup, db, config) always work on the files.

#include "cli/context.hpp"
#include "net/router.hpp"

namespace vouch::cli {

// Whether the service runs it: named in the table, and not by an option that proves itself by the rights of
// this process.
bool goes_through_service(const Command& command, const Arguments& arguments);

// The socket of the service that runs on this home; nothing when none answers.
std::optional<fs::path> find_service(const Context& context);

// Has it run there. What the command printed and wrote is here afterwards; the result is its exit code.
Result<int> run_through_service(const Context& context, const fs::path& socket, const Invocation& invocation,
                                std::span<const std::string> words);

// The other end: POST /api/v1/command, on the Unix socket alone. All of the arguments outlive the route.
net::Route command_route(const Surroundings& surroundings, Workspace& workspace, const api::Service& service);

}  // namespace vouch::cli
