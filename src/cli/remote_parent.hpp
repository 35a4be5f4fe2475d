#pragma once
// A parent on another host, asked over its administration API: --parent URL of `ca init` and `ca renew`, and
// `ca install --from-parent` (docs/mechanisms/subordinate.md).

#include "api/client/remote_authority.hpp"
#include "cli/ca_report.hpp"

namespace vouch::cli {

// Where --parent sends a request.
struct ParentPlace {
  std::string url;          // https://host:port, or http://localhost over the socket
  std::string unix_socket;  // empty: none
};
// https://HOST[:PORT], unix:/PATH, or HOST[:PORT] (port 8443). `usage` for what is none of them.
Result<ParentPlace> parse_parent_place(std::string_view text);
// Whether --parent names a service: not a CA of this home, nor another home's folder. A name without a scheme
// is a host when --parent-certificate says who asks there.
bool is_remote_parent(const Arguments& arguments);
// That what goes with one kind of parent alone is not given with another: `usage`.
Status check_parent_options(const Arguments& arguments);

class RemoteParent {
 public:
  // Reads the files and asks the service, so that everything that can be known of a refusal is known before
  // anything is made: is it there, is it trusted, which CA, what this account may do there, whether that CA
  // may have another below it.
  static Result<std::unique_ptr<RemoteParent>> reach(Context& context, const Arguments& arguments);
  // The one that a CA has asked before. Options that name a file stand above what was recorded.
  static Result<std::unique_ptr<RemoteParent>> reach_again(Context& context, const Arguments& arguments,
                                                           ca::ParentRecord record);
  const ca::ParentRecord& record() const { return record_; }

  // Hands in the request that a CA waits with, or asks what became of it; waits for --parent-wait; installs
  // the certificate. The number of the request is recorded as soon as it is known. Nothing: it is pending.
  Result<std::optional<ca::InstallResult>> join(Context& context, const Workspace& workspace,
                                                const Arguments& arguments,
                                                const store::AuthorityRecord& record, Bytes request);

 private:
  RemoteParent(ca::ParentRecord record, const ParentPlace& place, net::FetchSettings identity)
      : record_(std::move(record)),
        fetcher_(std::move(identity)),
        authority_({.url = place.url, .ca = record_.ca, .unix_socket = place.unix_socket}, fetcher_) {}
  static Result<std::unique_ptr<RemoteParent>> open(Context& context, const Arguments& arguments,
                                                    ca::ParentRecord record);
  Status look(const Arguments& arguments);
  Status check_queue(const Arguments& arguments) const;
  Result<ca::Outcome> hand_in(Context& context, const Arguments& arguments, Bytes request);
  Result<ca::Outcome> wait(Context& context, const Arguments& arguments, ca::Outcome outcome);

  ca::ParentRecord record_;
  net::Fetcher fetcher_;
  api::RemoteAuthority authority_;
  bool signs_at_once_ = false;  // this account is an administrator there
};

// Without --ca: the CA that waits for an answer, when there is exactly one.
Result<store::AuthorityRecord> waiting_authority(const Context& context, const store::Snapshot& snapshot);
// From a CA that has its request, to its answer: the end of init, renew and `install --from-parent`.
Result<Exit> finish_at_parent(Context& context, const Workspace& workspace, RemoteParent& parent,
                              const Arguments& arguments, Bytes request, Report what);

Result<Exit> install_from_parent(Context& context, const Arguments& arguments);

}  // namespace vouch::cli
