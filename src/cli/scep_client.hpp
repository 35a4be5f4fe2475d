#pragma once
// What the commands of the SCEP client share: how a service is reached and trusted, and a device's files.

#include "cli/output.hpp"
#include "enroll/scep/service_client.hpp"
#include "enroll/scep/service_trust.hpp"

namespace vouch::cli {

inline constexpr Option kScepTlsRoots{"tls-ca", "FILE",
                                      "roots that an https service is checked by; the system's if left out"};
inline constexpr Option kScepFingerprint{
    "fingerprint", "HEX",
    "SHA-256 or SHA-1 of the CA's certificate (or of the RA's), which the service has to have"};
inline constexpr Option kScepAuthorities{"ca-file", "FILE",
                                         "CA certificates that the service's have to lead to"};
inline constexpr Option kScepGet{"get", "", "send messages by GET, whatever the service says that it takes"};
inline constexpr Option kScepPost{"post", "",
                                  "send messages by POST, whatever the service says that it takes"};

// A SCEP service over HTTP: --tls-ca.
Result<enroll::scep::ServiceClient> reach_scep(const Context& context, const Arguments& arguments,
                                               const std::string& url);
// --get and --post.
Result<enroll::scep::Transport> scep_transport(const Arguments& arguments);
// --fingerprint and --ca-file, and what https adds.
Result<enroll::scep::ServiceTrust> scep_trust(const Context& context, const Arguments& arguments,
                                              const enroll::scep::ServiceClient& service);

// A private key from a file; --key-passphrase-file when it is encrypted.
Result<std::unique_ptr<crypto::PrivateKey>> read_private_key(Context& context, const Arguments& arguments,
                                                             const std::string& file);
// It with its certificate, that signs messages and takes the answers.
Result<enroll::scep::ClientIdentity> scep_identity(const crypto::PrivateKey& key, Buffer certificate,
                                                   std::optional<crypto::DigestAlgorithm> digest);
// Only the owner may read it.
Status write_private(const std::string& file, Bytes content);

}  // namespace vouch::cli
