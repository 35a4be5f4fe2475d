#pragma once
// The whole hierarchy at one glance: what AD CS's "Enterprise PKI" view shows, for people and for monitoring.
//
//   net::Fetcher fetcher(net::FetchSettings{});
//   const Report report = TRY(diagnose::status(environment, &fetcher, {}));
//   for (const std::string& line : diagnose::to_lines(report)) …
//
// Needs the database and no key. It asks every location and so takes up to kDownloadTime for each kAtOnce of
// them; never call it on a thread that answers requests (StatusDesk does not).

#include "ca/home/environment.hpp"
#include "diagnose/report.hpp"
#include "net/fetch.hpp"

namespace vouch::diagnose {

// What a relying party gives a download while somebody waits for a sign-in. Later is never, to him.
constexpr std::chrono::seconds kDownloadTime{10};

struct StatusRequest {
  std::string ca{};                                    // with the CAs above it; empty: every CA of the home
  std::chrono::milliseconds patience = kDownloadTime;  // for one location
};
// Without a fetcher no location is asked. Fails with `not_found` for an unknown CA, and as the database does.
Result<Report> status(const ca::Environment& environment, net::Fetcher* fetcher,
                      const StatusRequest& request);

}  // namespace vouch::diagnose
