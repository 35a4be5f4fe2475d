#pragma once
// What a front end refused before the authority saw it: entries of the audit log, so that an administrator
// finds them at the CA, wherever the front end runs.

#include <span>

#include "ca/home/environment.hpp"

namespace vouch::ca {

struct FrontEndRefusal {
  std::string profile, client, transaction;  // client: its address
  std::string code{}, expected{}, received{}, why{};
  std::string user{};  // who tried to sign in to the page with challenge passwords; empty: a device
  std::optional<Time> seen_at{};  // where that was not now
  std::uint64_t left_out = 0;     // so many before this one are in no audit log
};

constexpr std::size_t kMostRefusals = 100;  // at one time

// In one commit. `authority`: its name; may be empty.
Status record_refusals(const Environment& environment, std::string_view authority, std::string_view actor,
                       std::span<const FrontEndRefusal> refusals);
// From a front end on another host, whose account has the role enroller for some template: it could leave as
// many entries by handing in requests. `limit_exceeded`: more than kMostRefusals.
Status take_refusals(const Environment& environment, const store::AuthorityRecord& authority,
                     std::string_view account, std::span<const FrontEndRefusal> refusals);

}  // namespace vouch::ca
