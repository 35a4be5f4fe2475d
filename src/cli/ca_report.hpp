#pragma once
// What a CA shows once it is made, has its certificate or is renewed: to the world, to people and to
// programs.

#include "ca/setup/setup.hpp"
#include "cli/output.hpp"

namespace vouch::cli {

struct Report {
  std::string headline;
  store::AuthorityRecord record;
  std::vector<std::string> warnings{};
  std::optional<ca::CaPolicy> policy{};
  std::string request_file{};
  Buffer root_fingerprint{};
  std::vector<std::string> published{};  // files
  std::vector<std::string> pending{};    // what is to be done until the parent has answered; empty: it has
};
Result<Exit> report(Context& context, const Workspace& workspace, const Report& what);
// Publishes certificates and CRLs first. When that fails, the CA is there all the same.
Result<Exit> publish_and_report(Context& context, const Workspace& workspace, Report what);
// Writes the request to --request-out; `what` is then told about it. On standard output it stands alone.
Result<Exit> report_request(Context& context, const Workspace& workspace, const std::string& file,
                            Bytes request, Report what);

std::string shell_word(std::string_view name);

}  // namespace vouch::cli
