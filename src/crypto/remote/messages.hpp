#pragma once
// The messages between front and signer process. One request, one response, on one channel; DER, so that the
// project's own strict reader checks every octet.
//
//   Request ::= CHOICE {
//     keys     [0] SEQUENCE {},
//     sign     [1] SEQUENCE { reference UTF8String, algorithm AlgorithmIdentifier, tbs OCTET STRING OPTIONAL
//     }, decrypt  [2] SEQUENCE { reference UTF8String, transport INTEGER, keySize INTEGER, ciphertext OCTET
//     STRING }, open     [3] SEQUENCE { reference UTF8String, evidence OCTET STRING },
//     signAll  [4] SEQUENCE { reference UTF8String, algorithm AlgorithmIdentifier,
//                             SEQUENCE SIZE (1..kMaxTogether) OF tbs OCTET STRING } }
//
//   Response ::= CHOICE {
//     failure  [0] SEQUENCE { code UTF8String, message UTF8String, hint UTF8String },
//     keys     [1] SEQUENCE OF SEQUENCE { reference UTF8String, subjectPublicKeyInfo },
//     octets   [2] OCTET STRING,
//     several  [3] SEQUENCE OF CHOICE { failure, octets }, one for each tbs of signAll }
//
// A tbs that is left out lies in the file descriptor sent along: a CRL of fifty megabytes is mapped, not
// copied.

#include <string>
#include <variant>
#include <vector>

#include "crypto/provider.hpp"

namespace vouch::crypto::remote {

constexpr std::size_t kMaxMessage = 128 << 10;  // below the kernel's limit for one packet
constexpr std::size_t kMaxKeys = 256;
// Signatures of one message: few enough for a slow token to make them while its caller is patient.
constexpr std::size_t kMaxTogether = 32;

struct KeysRequest {};
struct SignRequest {
  std::string reference;
  SignatureAlgorithm algorithm{};
  std::optional<Buffer> tbs;  // none: in the file
};
struct DecryptRequest {
  std::string reference;
  KeyTransport transport{};
  std::size_t key_size = 0;
  Buffer ciphertext;
};
// A key that came into being after the process was started.
struct OpenRequest {
  std::string reference;
  Buffer evidence;  // what shows what the key is for, and which one it is; its certificate, as a rule
};
// Several with the same key, each of which may be refused by itself.
struct SignAllRequest {
  std::string reference;
  SignatureAlgorithm algorithm{};
  std::vector<Buffer> tbs;
};
using Request = std::variant<KeysRequest, SignRequest, DecryptRequest, OpenRequest, SignAllRequest>;

struct RemoteKeyInfo {
  std::string reference;
  Buffer public_key_info;
  bool operator==(const RemoteKeyInfo&) const = default;
};
// `octets` answers `open` as well: the public key.
using Signatures = std::vector<Result<Buffer>>;
using Response = std::variant<Error, std::vector<RemoteKeyInfo>, Buffer, Signatures>;

Buffer encode(const Request& request);
Buffer encode(const Response& response);
Result<Request> parse_request(Bytes message);
Result<Response> parse_response(Bytes message);

}  // namespace vouch::crypto::remote
