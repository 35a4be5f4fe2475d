#pragma once
// An enrolment that waits for a certificate manager, in a file: what `vouch scep poll` needs to go on. It
// holds no secret: the keys stay in their files.

#include "enroll/scep/client.hpp"
#include "enroll/scep/service_client.hpp"

namespace vouch::cli {

struct ScepPending {
  std::string url, transaction;
  std::string key_file;          // of the certificate that is waited for
  std::string signing_key_file;  // that signed the request: the same, or that of the renewed certificate
  Buffer signing_certificate;
  Buffer subject;               // Name, whole TLV, of the request
  Buffer issuer;                // Name, whole TLV, of the CA
  Buffer encryption;            // the certificate that messages are encrypted for
  std::vector<Buffer> signers;  // that replies may be signed with
  std::string out;              // where the certificate is to be written
  crypto::ContentCipher cipher = crypto::ContentCipher::aes128_cbc;
  crypto::KeyTransport key_transport = crypto::KeyTransport::rsa_pkcs1;
  std::optional<crypto::DigestAlgorithm> digest;
  enroll::scep::Transport transport = enroll::scep::Transport::by_capabilities;
};

std::string encode(const ScepPending& pending);
// `malformed`, naming the member; `unsupported` for a file of a later version.
Result<ScepPending> parse_scep_pending(std::string_view text);

// The names that options and the file have for them: "aes128", "pkcs1", …; `usage` lists them.
Result<crypto::ContentCipher> cipher_from_name(std::string_view name);
Result<crypto::KeyTransport> key_transport_from_name(std::string_view name);

}  // namespace vouch::cli
