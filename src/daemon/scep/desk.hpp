#pragma once
// The profiles of vouch.toml, served: what answers at which path, what is wrong with each, and what becomes
// of messages.

#include <functional>
#include <mutex>
#include <set>

#include "daemon/scep/site.hpp"
#include "net/metrics.hpp"

namespace vouch::daemon::scep {

class Desk {
 public:
  using MakePolicy = std::function<Result<std::shared_ptr<const enroll::scep::ChallengePolicy>>(
      const ProfileConfiguration& profile)>;
  using MakeListeners =
      std::function<Result<std::vector<std::shared_ptr<const enroll::scep::OutcomeListener>>>(
          const ProfileConfiguration& profile)>;
  struct Options {
    fs::path home;                     // what paths are relative to
    const crypto::Provider& provider;  // this and the next two outlive the desk
    const Clock& clock;
    net::Metrics& metrics;
    std::function<void(const std::string& line)> log{};
    // Policies of further kinds (outside services); none: the profile is out of order.
    std::map<ChallengeKind, MakePolicy> policies{};
    // Who is told what became of a profile's requests; none: nobody.
    MakeListeners listeners{};
  };
  Desk(std::shared_ptr<Site> site, Options options) : site_(std::move(site)), options_(std::move(options)) {}

  // The routes of these profiles, from now on. A profile that cannot be made answers 503 and says why to the
  // log: the others are served. `conflict`: two want one path.
  Result<std::vector<net::Route>> take(std::vector<ProfileConfiguration> profiles, const RaConfiguration& ra);
  // What is wrong with the profiles, each by name.
  Status check();
  // Looks after the certificates of the registration authorities that the profiles need.
  Status maintain();

 private:
  struct Served;
  Result<std::shared_ptr<const enroll::scep::Responder>> make(const ProfileConfiguration& profile);
  void warn_once(const std::string& profile, const std::vector<std::string>& warnings);
  Result<enroll::scep::Profile> profile_of(const ProfileConfiguration& profile) const;
  Result<std::shared_ptr<const enroll::scep::ChallengePolicy>> policy_of(
      const ProfileConfiguration& profile) const;
  void report(const std::string& ca, const enroll::scep::Event& event);
  void count(const enroll::scep::Event& event);
  std::vector<net::Route> routes_of_broken(const ProfileConfiguration& profile, const Error& why);

  const std::shared_ptr<Site> site_;
  const Options options_;
  std::mutex guards_profiles_;  // guards what follows
  std::vector<ProfileConfiguration> profiles_;
  RaConfiguration ra_;
  std::map<std::string, std::string> broken_;  // why, by profile
  std::set<std::string> warned_;               // the log has it already
};

}  // namespace vouch::daemon::scep
