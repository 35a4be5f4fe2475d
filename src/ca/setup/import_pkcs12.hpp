#pragma once
// A CA that exists, out of a PKCS #12 file: its certificate, its key and its chain, as AD CS's backup,
// openssl or another Vouch wrote them.

#include "ca/setup/setup.hpp"

namespace vouch::ca {

// What is inside, for a person to look at before anything is made of it.
struct Pkcs12Summary {
  std::string subject, issuer;
  Buffer serial;
  Time not_before{}, not_after{};
  std::string key;  // "RSA 2048"
  bool self_signed = false, is_ca = false, old_ciphers = false;
  std::vector<std::string> chain;  // subjects of the other certificates, in the order of the file
};
Result<Pkcs12Summary> summarize(const crypto::Pkcs12& contents);

// Sets the CA up as `options` say, with the certificate of the file instead of a new one. The name must be
// the CN of its subject (`usage`), the kind what the certificate is (`usage`); for a subordinate the chain
// must reach a root, from the file or from `more` (`not_found`, naming the issuer). Key file or token as for
// new keys.
Result<InitResult> import_authority(const Environment& environment, const InitOptions& options,
                                    crypto::Pkcs12 contents, const std::vector<Buffer>& more);

}  // namespace vouch::ca
