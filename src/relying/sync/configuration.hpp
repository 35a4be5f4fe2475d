#pragma once
// [crlsync.NAME] of vouch.toml: a file or folder of CRLs that a server reads, and where they come from.

#include <chrono>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/value.hpp"

namespace vouch::relying {

enum class OutputForm {
  pem,        // one file, all CRLs
  der,        // one file, one CRL
  directory,  // a folder with a file for each CRL, named by the hash of its issuer as `openssl rehash` does
};
std::string_view to_string(OutputForm form);

struct SyncTarget {
  std::string name;                     // of the section, and of its folder in the home
  std::vector<fs::path> authorities{};  // CA certificates, PEM or DER; each needs a CRL
  std::vector<std::string> crls{};      // http and https URLs, and files; in any order
  fs::path output{};
  OutputForm form = OutputForm::pem;
  bool with_certificates = false;   // the CA certificates go into the output as well
  mode_t mode = 0644;               // of the output's files
  std::vector<std::string> hook{};  // a program and its arguments; empty: none. No shell reads them.
  std::chrono::seconds hook_time{60};
  std::chrono::seconds refresh{300};         // how often it looks
  std::chrono::seconds patience{60};         // for one download
  std::size_t most = std::size_t{65} << 20;  // octets of one CRL
  std::string proxy{};
};

// The members of [crlsync]. Paths are relative to `home`. What is unknown, missing or wrong is `malformed`
// and names file and line.
Result<std::vector<SyncTarget>> read_sync_targets(const Value& sections, std::string_view file,
                                                  const fs::path& home);
// Those of a whole vouch.toml.
Result<std::vector<SyncTarget>> parse_sync_targets(std::string_view toml, std::string_view file,
                                                   const fs::path& home);
// What the section and the command line have to agree with: a source, a CA, an output that fits its form.
Status check_sync_target(const SyncTarget& target);

Result<OutputForm> output_form_from_name(std::string_view name);

}  // namespace vouch::relying
