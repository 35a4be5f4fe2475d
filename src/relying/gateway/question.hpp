#pragma once
// A client's certificate as different proxies write it into a request, and a whole question as JSON.
//
// Each spelling has a URL of its own, and only its own field is read there: a proxy replaces or removes the
// field that it sets, and passes through any other as the client wrote it.

#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "relying/relying_party.hpp"

namespace vouch::relying {

constexpr std::size_t kMostCertificates = 32;  // in one question

// nginx: X-Client-Cert, `$ssl_client_escaped_cert`: PEM, percent-encoded. Envoy: X-Forwarded-Client-Cert with
// Cert= or Chain=, of one element. RFC 9440: Client-Cert and Client-Cert-Chain, base64 between colons.
enum class Spelling { nginx, envoy, rfc9440 };
std::string_view to_string(Spelling spelling);

// DER, the client's own first. Empty: the request says that there is none. `malformed`: the field cannot be
// read, stands there twice, or holds a whole row of hops.
Result<std::vector<Buffer>> client_certificates(const net::Request& request, Spelling spelling);

// A question with the profile that decides it; an empty name is the default.
struct Asked {
  Question question;
  std::string profile;
  std::string client;  // who asks, for the log: "nginx", "openvpn"
};
// profile, purpose, host, upn, sid, realm, email out of a query; others are `usage`.
Status read_query(std::string_view query, Asked& asked);
// {chain: PEM or [PEM or base64 DER…], stapled: base64, profile, purpose, client, expected {host, upn, sid,
// realm, email}}. Unknown keys are `malformed`.
Result<Asked> read_question(std::string_view json);
std::string to_json(const Asked& asked);

// "client", "server", "smartcard", "kdc", "email", "code", "any", and the names of validate::to_string.
Result<validate::Purpose> purpose_from_name(std::string_view name);

}  // namespace vouch::relying
