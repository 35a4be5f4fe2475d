// vouch status
#include "diagnose/status.hpp"

#include <ostream>

#include "cli/output.hpp"

namespace vouch::cli {
namespace {

Result<Exit> show_status(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  (void)TRY(context.read(workspace));  // asks for the role
  net::Fetcher fetcher(net::FetchSettings{});
  const bool offline = arguments.has("offline");
  const Progress progress(context, "asking every location");
  const diagnose::Report report = TRY(diagnose::status(workspace.environment(), offline ? nullptr : &fetcher,
                                                       {context.named_authority().value_or("")}));
  if (context.json())
    print_json(context, diagnose::describe(report));
  else
    for (const std::string& line : diagnose::to_lines(report)) context.out() << printable(line) << '\n';
  return report.all_well() ? Exit::done : Exit::found_bad;
}

constexpr Option kStatusOptions[] = {
    {"offline", "", "ask no location; only what this machine knows"},
};

constexpr Command kStatusCommands[] = {
    {"status", "", "the health of every CA and of every place that its certificates name",
     "For each CA of the home, or that of --ca, and for the CAs above: certificates, CRLs with the forecast "
     "of "
     "their size, OCSP responders, and every AIA, CDP, delta CRL and OCSP location, fetched as relying "
     "parties "
     "fetch it. Each is OK, Expiring, Expired, Unable to download or Not matching, with cause and mend. Exit "
     "code 4 when something is not well. Works with and without the service. docs/mechanisms/status.md says "
     "what is judged how.",
     kStatusOptions, "vouch status --ca \"Example Issuing CA\"", &show_status},
};

}  // namespace

std::span<const Command> status_commands() { return kStatusCommands; }

}  // namespace vouch::cli
