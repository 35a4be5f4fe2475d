#pragma once
// The files that servers read CRLs from.

#include <span>
#include <string>
#include <vector>

#include "relying/sync/configuration.hpp"
#include "validate/certificate.hpp"

namespace vouch::relying {

// What is to lie there: CRLs, and CA certificates where the target wants them. Both in the order of the
// target's authorities.
struct OutputContent {
  struct Item {
    Buffer der;
    Buffer issuer;  // of a CRL its issuer, of a certificate its subject: a Name, whole TLV
  };
  std::vector<Item> crls, certificates;
};

// Brings file or folder to that state: each file is replaced whole, what is the same already is left alone.
// True: something was changed. Of a folder, files of these names that are not wanted any more are removed,
// others are never touched.
Result<bool> write_output(const crypto::Provider& provider, const SyncTarget& target,
                          const OutputContent& content);

// The eight digits by which OpenSSL finds certificates and CRLs of a name in a folder (X509_NAME_hash_ex):
// SHA-1 over the name in its canonical form. A name that cannot be read is `malformed`.
Result<std::string> openssl_name_hash(const crypto::Provider& provider, Bytes name);

}  // namespace vouch::relying
