#pragma once
// How weak the protection of a message may be. RFC 8894 2.9 wants AES and SHA-256 of everybody and forbids
// single DES and MD5; devices that know nothing better exist, and a profile may serve them.

#include "crypto/provider.hpp"

namespace vouch::enroll::scep {

struct Floor {
  bool triple_des = true;   // iOS encrypts with it
  bool single_des = false;  // micromdm's client, old Cisco IOS: anybody can break it
  bool sha1 = false;        // likewise
  bool md5 = false;         // Cisco IOS 12, and jscep where GetCACaps says nothing
  bool accepts_legacy() const { return single_des || sha1 || md5; }
};

// `unsupported`, naming what is too weak and what to do about it.
Status check_cipher(const Floor& floor, crypto::ContentCipher cipher);
Status check_digest(const Floor& floor, crypto::DigestAlgorithm digest);

}  // namespace vouch::enroll::scep
