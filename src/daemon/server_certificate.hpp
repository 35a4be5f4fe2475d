#pragma once
// The certificate that the service shows to TLS clients: from files that somebody else looks after, or issued
// and renewed by a CA of this home. The key of the latter is in HOME/tls/server.pem with its certificate; TLS
// needs it in this process, and it certifies nothing.

#include "daemon/authorities.hpp"
#include "daemon/configuration.hpp"
#include "net/tls.hpp"

namespace vouch::daemon {

class ServerCertificate {
 public:
  // Both outlive the object.
  ServerCertificate(const ca::Environment& environment, const OpenAuthorities& authorities)
      : environment_(environment), authorities_(authorities) {}

  // What is to be shown now. Issues a certificate when there is none, when two thirds of its life are over,
  // or when names or issuer have changed; a renewal that fails leaves the old one in use as long as it is
  // valid.
  Result<net::TlsIdentity> load(const TlsConfiguration& configuration) const;

 private:
  Result<net::TlsIdentity> load_issued(const TlsConfiguration& configuration) const;
  Result<Buffer> issue(const TlsConfiguration& configuration, ca::LocalAuthority& authority,
                       const std::vector<std::string>& names) const;
  fs::path folder() const { return environment_.home.folder() / "tls"; }

  const ca::Environment& environment_;
  const OpenAuthorities& authorities_;
};

// What tls.certificate and tls.key name.
Result<net::TlsIdentity> load_identity_files(const fs::path& home, const TlsConfiguration& configuration);
// The same for a home without a CA; `unsupported` when a CA of the home is to issue it.
Result<net::TlsIdentity> load_identity_without_ca(const fs::path& home,
                                                  const TlsConfiguration& configuration);

// Lets in clients whose certificate a CA of this home issued, as it stands in the database: valid, for
// clients, not revoked at this moment.
net::CheckClientCertificate check_client_certificate(const ca::Environment& environment);

}  // namespace vouch::daemon
