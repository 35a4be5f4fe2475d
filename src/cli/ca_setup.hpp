#pragma once
// The commands that make a CA (init, sign, install) and renew it, each group in a file of its own; the table
// is in ca.cpp.

#include "ca/setup.hpp"
#include "cli/output.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::cli {

Result<Exit> ca_init(Context& context, const Arguments& arguments);
Result<Exit> ca_sign(Context& context, const Arguments& arguments);
Result<Exit> ca_install(Context& context, const Arguments& arguments);
Result<Exit> ca_renew(Context& context, const Arguments& arguments);
Result<Exit> ca_set(Context& context, const Arguments& arguments);

// The password of a PKCS #12 file: --p12-password-file, or a person.
Result<std::string> p12_password(Context& context, const Arguments& arguments, const std::string& file);

// The CA that signs a subordinate at once, with whatever has to stay open for it.
struct Parent {
  std::unique_ptr<Workspace> other;  // none: it lives in the same home
  std::shared_ptr<ca::LocalAuthority> authority;
};
// What a CA shows the world once it can sign.
struct Publication {
  std::vector<fs::path> files;
  std::vector<revocation::Published> crls;
};
Result<Publication> publish_all(Context& context, const Workspace& workspace, const std::string& name);
Error but_set_up(Error error, std::string_view name);

// What was made, for people and for programs: the end of init, install and renew.
struct Report {
  std::string headline;
  store::AuthorityRecord record;
  Publication published;
  std::string request_file;
  Buffer root_fingerprint;
  std::vector<std::string> warnings;
  std::optional<ca::CaPolicy> policy;
  std::vector<std::string> pending{};  // what is to be done until the parent has answered; empty: it has
};
Result<Exit> report(Context& context, const Workspace& workspace, const Report& what);
// Without --ca: the CA that waits for an answer, when there is exactly one.
Result<store::AuthorityRecord> waiting_authority(const Context& context, const store::Snapshot& snapshot);
// Writes the request to --request-out; `what` is then told about it. On standard output it stands alone.
Result<Exit> report_request(Context& context, const Workspace& workspace, const std::string& file,
                            Bytes request, Report what);

std::string shell_word(std::string_view name);

}  // namespace vouch::cli
