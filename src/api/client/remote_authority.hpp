#pragma once
// RemoteAuthority: the authority on another host, over the administration API with mutual TLS. A front end
// works with it as with the one in process (ca/authority.hpp), so it can run where the CA's keys and database
// are not (docs/mechanisms/registration-authority.md).
//
// It acts as the account of its own client certificate, whatever names its callers give: roles are granted to
// that. The names go along and stand beside it in the request and in the audit log: "certificate:… (for
// device-7)". `unavailable` and `timeout` mean that nothing is known about what became of the call; a
// submission with a transaction key can be repeated.

#include "base/value.hpp"
#include "ca/authority.hpp"
#include "ca/refusals.hpp"
#include "ca/settings/roles.hpp"
#include "net/fetch.hpp"

namespace vouch::api {

struct RemoteSettings {
  std::string url;                             // https://ca.example.test:8443
  std::string ca;                              // its name there
  std::chrono::milliseconds patience{30'000};  // for one call
  std::string unix_socket{};                   // connect here instead of to the URL's host
};

// Who this program is at the authority, and what it may do there.
struct RemoteCaller {
  std::string account;
  struct Grant {
    ca::Role role{};
    std::string ca;             // empty: every CA there
    std::string template_name;  // empty: any
  };
  std::vector<Grant> grants{};
  bool holds(ca::Role role, std::string_view ca, std::string_view template_name = {}) const;
};

class RemoteAuthority final : public ca::Authority {
 public:
  // The fetcher has the client certificate, its key and the roots that the server is checked against; it
  // outlives the authority.
  RemoteAuthority(RemoteSettings settings, net::Fetcher& fetcher)
      : settings_(std::move(settings)), fetcher_(fetcher) {}

  using Authority::submit;
  // One after the other. Calls of several threads go side by side, and share durable commits there.
  std::vector<Result<ca::Outcome>> submit(std::span<const ca::Submission> submissions) override;
  Result<ca::Outcome> approve(ca::RequestId request, std::string_view manager) override;
  Result<ca::Outcome> deny(ca::RequestId request, std::string_view manager, std::string_view why) override;
  Result<ca::Outcome> retrieve(ca::RequestId request) override;
  Result<std::optional<ca::Submitted>> find_submitted(std::string_view client_transaction) override;
  Status revoke(const ca::Revocation& revocation, std::string_view manager) override;
  Status release(Bytes serial, std::string_view manager) override;
  Result<std::vector<Buffer>> chain() const override;

  // Beyond what front ends need: the request of a subordinate CA, for an administrator.
  struct Subordinate {
    Buffer request;
    std::optional<std::uint32_t> path_length{};
    std::string validity{};     // a span; empty: the template's
    std::string transaction{};  // the same one again gives the outcome of the first time
    std::string for_whom{};
  };
  Result<ca::Outcome> sign_subordinate(const Subordinate& subordinate);
  // Challenges for devices, minted there within the rights of this account (ca/challenges.hpp). `order` has
  // the members of a MintOrder but `ca`.
  struct Challenge {
    std::int64_t number = 0;
    Secret text;
    Time expires_at{};
    std::string warning;  // the device will probably not ask for its certificate yet
  };
  Result<Challenge> mint_challenge(Value order, std::string_view for_whom) const;
  Result<Challenge> mint_password(std::string_view profile, std::string_view for_whom) const;
  // What this host refused by itself, for the audit log there; at most ca::kMostRefusals.
  Status report_refusals(std::span<const ca::FrontEndRefusal> refusals) const;
  Result<RemoteCaller> caller() const;
  // A challenge or a password for a device: `what` is below /challenges, the answer as the API describes it.
  Result<Value> mint(std::string_view what, Value order, std::string_view for_whom) const;
  // A certificate that was issued there, for a reader. `not_found`: none has this serial number.
  struct Certificate {
    Buffer der;
    std::string template_name;
    bool revoked = false;
  };
  Result<Certificate> certificate(Bytes serial) const;
  // The complete CRL that says whether it is revoked, as it was published last.
  Result<Buffer> crl_about(Bytes serial) const;
  // The CAs that live there, and the templates that this one issues. `denied` to whoever is no reader there.
  Result<std::vector<std::string>> cas() const;
  Result<std::vector<std::string>> templates() const;
  const RemoteSettings& settings() const { return settings_; }

 private:
  struct Ask {
    std::string method, path;  // below /api/v1
    Value body{};              // null: none
    std::string_view for_whom{};
    std::size_t most = 0;  // octets of the answer; 0: what is usual
  };
  Result<Value> ask(const Ask& ask) const;
  Result<ca::Outcome> ask_for_outcome(const Ask& ask) const;
  Result<Challenge> ask_for_challenge(const Ask& ask) const;

  const RemoteSettings settings_;
  net::Fetcher& fetcher_;
};

}  // namespace vouch::api
