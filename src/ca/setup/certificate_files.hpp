#pragma once
// Certificates as people and other CAs hand them over.

#include <vector>

#include "base/bytes.hpp"

namespace vouch::ca {

// Certificates out of PEM, DER, or a degenerate PKCS #7 (p7b) in either form; in the order they come. AD CS
// writes a p7b between BEGIN CERTIFICATE lines too.
Result<std::vector<Buffer>> read_certificates(Bytes input);

}  // namespace vouch::ca
