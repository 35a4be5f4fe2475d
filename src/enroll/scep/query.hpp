#pragma once
// What an HTTP request asks of SCEP (RFC 8894 4.1), in every spelling that clients are known to send.

#include "net/http.hpp"

namespace vouch::enroll::scep {

enum class Operation : std::uint8_t {
  none,
  get_ca_caps,
  get_ca_cert,
  get_next_ca_cert,
  pki_operation,
  unknown
};

struct Query {
  Operation operation = Operation::none;  // none: a browser's visit
  std::string name;                       // as it came, for messages
  Buffer message;                         // of PKIOperation
};

// The path and, of a POST, every field but the body are looked past: clients send no Content-Type or any
// other. The parameter `message` of the other operations says anything ("0", "default", a trust point's name)
// and is ignored. `malformed` for a PKIOperation without a readable message.
Result<Query> decode_query(net::Method method, std::string_view query, std::string_view body);

}  // namespace vouch::enroll::scep
