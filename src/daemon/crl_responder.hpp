#pragma once
// An OCSP responder away from the CA, as one object: CRLs that it fetches, and the same HTTP front as the
// service's. It has a home with vouch.toml, and neither a database nor a key of a CA.
// docs/mechanisms/ocsp.md, "Away from the CA".

#include <memory>

#include "api/ocsp.hpp"
#include "daemon/front.hpp"
#include "revocation/ocsp_crl.hpp"

namespace vouch::daemon {

struct CrlResponderOptions {
  fs::path home;                     // exists
  const crypto::Provider& provider;  // this and the next outlive the responder
  const Clock& clock;
  // Reads the configuration, at the start and at each reload.
  std::function<Result<Configuration>()> configuration;
  // Sockets that the service manager opened. One takes the place of the listener of its name.
  std::vector<net::PassedSocket> sockets{};
  // One line for the log; called from any thread.
  std::function<void(const std::string& line)> log{};
};

class CrlResponder {
 public:
  // Fails with `usage` when there is no [ocsp_source.NAME], with `conflict` when another service runs on this
  // home, or with whatever keeps it from listening. CRLs that cannot be had are a health state.
  static Result<std::unique_ptr<CrlResponder>> start(CrlResponderOptions options);
  ~CrlResponder() { stop(); }
  CrlResponder(const CrlResponder&) = delete;
  CrlResponder& operator=(const CrlResponder&) = delete;

  // Takes over listeners, limits and certificates, and looks for CRLs soon. [ocsp] and [ocsp_source] are read
  // at the start only.
  Status reload();
  void stop();

  net::Address address(std::string_view listener) const { return front_.address(listener); }
  std::vector<net::HealthCheck> health() const { return health_.checks(); }
  std::vector<std::string> places() const { return front_.places(); }
  void hurry() { scheduler_->hurry(); }

 private:
  CrlResponder(CrlResponderOptions options, const Configuration& configuration);
  std::vector<Job> jobs();

  const CrlResponderOptions options_;
  std::optional<FileLock> only_one_;
  net::Metrics metrics_;
  Health health_;
  const std::vector<OcspSourceConfiguration> configured_;
  revocation::CrlOcspSource source_;
  const std::shared_ptr<const api::OcspFace> face_;
  std::mutex guards_reload_;  // one at a time: a signal's, or a renewed certificate's
  Front front_;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace vouch::daemon
