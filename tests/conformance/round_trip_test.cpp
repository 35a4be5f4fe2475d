// Every certificate, CRL, request and OCSP message of Debian's package python3-cryptography-vectors (PKITS
// among them): read → written again from the decoded fields → the same octets.

#include <gtest/gtest.h>

#include <cstdlib>

#include "suite.hpp"

namespace vouch::conformance {
namespace {

TEST(RoundTrip, EveryMessageOfTheCryptographyVectorsComesBackAsTheSameOctets) {
  const char* other = std::getenv("VOUCH_CRYPTOGRAPHY_VECTORS");
  check_suite("cryptography_vectors", other ? other : "/usr/lib/python3/dist-packages/cryptography_vectors",
              700);
}

}  // namespace
}  // namespace vouch::conformance
