#include "enroll/scep/floor.hpp"

namespace vouch::enroll::scep {
namespace {

Error too_weak(std::string_view algorithm, std::string_view word) {
  return make_error(Errc::unsupported, "{} is too weak for this profile", algorithm)
      .with_hint(
          fmt::format("have the device use AES and SHA-256, or set legacy = \"{}\" for this profile", word));
}

}  // namespace

Status check_cipher(const Floor& floor, crypto::ContentCipher cipher) {
  if (cipher == crypto::ContentCipher::des_cbc && !floor.single_des)
    return too_weak(crypto::to_string(cipher), "des");
  if (cipher == crypto::ContentCipher::des_ede3_cbc && !floor.triple_des)
    return too_weak(crypto::to_string(cipher), "des3");
  return ok();
}

Status check_digest(const Floor& floor, crypto::DigestAlgorithm digest) {
  if (digest == crypto::DigestAlgorithm::sha1 && !floor.sha1)
    return too_weak(x509::to_string(digest), "sha1");
  if (digest == crypto::DigestAlgorithm::md5 && !floor.md5) return too_weak(x509::to_string(digest), "md5");
  return ok();
}

}  // namespace vouch::enroll::scep
