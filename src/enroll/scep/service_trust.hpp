#pragma once
// Which of the certificates that a service gives are the right ones. GetCACert is not signed: what it brings
// counts only when something that the client knew before vouches for it (RFC 8894 4.2.1, 7.2).

#include "enroll/scep/client.hpp"

namespace vouch::enroll::scep {

// What the client knew before. Nothing at all: it takes what comes.
struct ServiceTrust {
  Buffer fingerprint;               // SHA-256 or SHA-1 of one of the certificates
  std::vector<Buffer> authorities;  // CA certificates
  bool channel = false;             // TLS has authenticated the service already
};

// "AB:CD …" with colons, blanks and whatever else web pages put between the digits. `usage`: it has neither
// SHA-1's nor SHA-256's length.
Result<Buffer> parse_fingerprint(std::string_view text);

struct TrustedService {
  Buffer encryption;            // for messages to the service
  Buffer ca;                    // that issues; empty: nothing vouches for it
  std::vector<Buffer> signers;  // replies may be signed with these
  std::string why;              // what vouches for them, in words; empty: nothing does
};

// A fingerprint of a CA's certificate vouches for it and for what it issued; that of another one for that
// certificate alone. `denied`: nothing that is trusted leads to the certificate that messages are encrypted
// for.
Result<TrustedService> judge_service(const crypto::Provider& provider,
                                     const ServiceCertificates& certificates, const ServiceTrust& trust,
                                     Time now);

}  // namespace vouch::enroll::scep
