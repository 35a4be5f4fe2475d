#pragma once
// What surrounds the SCEP profiles of a host: outside services that decide and that are told, the revocations
// that they ask for, and the page with challenge passwords. It has a thread of its own, for a service that is
// slow must not hold up CRLs.

#include <condition_variable>
#include <map>
#include <thread>

#include "daemon/mdm/configuration.hpp"
#include "daemon/scep/desk.hpp"
#include "enroll/mdm/intune_gate.hpp"
#include "enroll/mdm/intune_revocations.hpp"
#include "enroll/mdm/ndes_admin.hpp"
#include "enroll/mdm/webhook.hpp"

namespace vouch::daemon::mdm {

using scep::ProfileConfiguration;

class Office {
 public:
  using MakeMinter = std::function<std::unique_ptr<enroll::mdm::PasswordMinter>(const ProfileConfiguration&)>;
  struct Options {
    fs::path home;                     // what paths are relative to; outboxes lie there
    const crypto::Provider& provider;  // this and the clock outlive it
    const Clock& clock;
    std::shared_ptr<scep::Site> site;
    MakeMinter minter{};  // none: the authority mints nothing for this host
    std::function<void(const std::string& line)> log{};
    std::function<void(const enroll::mdm::RefusedSignIn&)> refused{};
  };
  explicit Office(Options options);
  ~Office();
  Office(const Office&) = delete;
  Office& operator=(const Office&) = delete;

  // From now on. A section that cannot be used (a file is missing) is a fault of the profiles that name it.
  // An intune section without a CA is for that of the first profile that uses it.
  void take(const std::vector<WebhookConfiguration>& webhooks,
            const std::vector<IntuneConfiguration>& intunes,
            const std::vector<ProfileConfiguration>& profiles);
  // For profiles whose challenge is `webhook` or `intune`, and for those that somebody is told of.
  Result<std::shared_ptr<const enroll::scep::ChallengePolicy>> policy(
      const ProfileConfiguration& profile) const;
  Result<std::vector<std::shared_ptr<const enroll::scep::OutcomeListener>>> listeners(
      const ProfileConfiguration& profile) const;
  // The pages of profiles with `admin_paths`.
  std::vector<net::Route> pages(const std::vector<ProfileConfiguration>& profiles);
  // What is wrong with the outside services, each by name.
  Status check() const;

 private:
  struct Hook {
    std::shared_ptr<const enroll::mdm::Webhook> webhook;
    std::shared_ptr<const enroll::mdm::WebhookNotifier> notifier;
  };
  struct Service {
    IntuneConfiguration configuration;
    std::shared_ptr<enroll::mdm::IntuneConnection> connection;
    std::shared_ptr<enroll::mdm::IntuneGate> gate;
    std::shared_ptr<const enroll::mdm::IntuneRevocations> revocations;  // null: not asked for
  };
  struct Work {
    std::string name;
    std::chrono::milliseconds period;
    std::function<Status()> run;
    std::chrono::steady_clock::time_point due{};
  };
  Result<Hook> make_hook(const WebhookConfiguration& configuration);
  Result<Service> make_service(const IntuneConfiguration& configuration);
  Result<std::shared_ptr<enroll::mdm::Outbox>> outbox(const std::string& name);
  enroll::mdm::RevokeCertificate revoke_for(const IntuneConfiguration& configuration) const;
  Result<const Hook*> find_hook(const std::string& name) const;
  Result<const Service*> find_service(const std::string& name) const;
  net::Response answer_page(const ProfileConfiguration& profile, const net::Request& request);
  Result<std::string> first_line(const fs::path& file) const;
  Result<Buffer> content(const fs::path& file) const;
  void plan();
  void work(const std::stop_token& stop);

  const Options options_;
  enroll::mdm::SignIn sign_in_;
  std::map<std::string, std::shared_ptr<enroll::mdm::Outbox>> outboxes_;  // kept over reloads

  mutable std::mutex guards_services_;  // guards what follows
  std::map<std::string, Result<Hook>> hooks_;
  std::map<std::string, Result<Service>> services_;
  std::vector<Work> work_;
  std::map<std::string, Status> states_;  // by the name of the work
  std::condition_variable_any woken_;
  std::jthread thread_;
};

// The options of a desk whose outside services are the office's.
scep::Desk::Options with_office(scep::Desk::Options options, const std::shared_ptr<Office>& office);

}  // namespace vouch::daemon::mdm
