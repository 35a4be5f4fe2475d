#pragma once
// A device management service with the interface of Intune for third-party certification authorities, for
// tests and demonstrations on one host (docs/mechanisms/mdm.md). It shares no code with the client of that
// interface. Everything is in memory; whoever reaches it can do everything under /simulator.
//
//   POST /{tenant}/oauth2/v2.0/token                               a token
//   GET  /v1.0/servicePrincipals/appId={Intune's}/endpoints        where the services are
//   POST
//   /ScepRequestValidationFEService/ScepActions/{validateRequest,successNotification,failureNotification}
//   POST
//   /PkiConnectorFEService/CertificateAuthorityRequests/{downloadRevocationRequests,uploadRevocationResults}
//
//   POST /simulator/challenges   makes a challenge; members as in challenge_blob.hpp, all of them optional,
//   and
//                                "flaw": signature, format, certificate, future, expired, request, device,
//                                user
//   POST /simulator/unassign     {"request": …}: the profile is no longer assigned
//   POST /simulator/keys         {"device": …, "sha256": hex of a SubjectPublicKeyInfo}: the device registers
//   a key POST /simulator/next         {"operation": …, "code" or "status": …}: what the next call of it is
//   answered POST /simulator/forget-tokens POST /simulator/revocations  {"serialNumber": …, "issuerName": …}:
//   to be revoked GET  /simulator/state        what it was told, and what it answered

#include <deque>
#include <set>

#include "enroll/intune_simulator/challenge_blob.hpp"
#include "enroll/intune_simulator/request_check.hpp"
#include "enroll/intune_simulator/tokens.hpp"
#include "net/router.hpp"

namespace vouch::enroll::intune_simulator {

class Simulator {
 public:
  // Provider and clock outlive it; it outlives the server of its routes.
  Simulator(ClientRegistration client, const crypto::Provider& provider, const Clock& clock);
  std::vector<net::Route> routes();
  // How it is reached: goes into the answers about the places of services. To be set before anybody asks.
  void reached_at(std::string url) { url_ = std::move(url); }

 private:
  struct Forced {
    std::string code;
    unsigned status = 200;
  };
  struct Revocation {
    std::string context, serial, issuer;
  };
  using Operation = net::Response (Simulator::*)(const Value& body);

  net::Response endpoints(const net::Request& request) const;
  net::Response guarded(const net::Request& request, std::string_view version, const std::string& name,
                        Operation operation);
  net::Response validate(const Value& body);
  net::Response success(const Value& body);
  net::Response failure(const Value& body);
  net::Response download(const Value& body);
  net::Response upload(const Value& body);
  Verdict validate_request(const Value& request);
  Verdict check_records(const Expectation& expectation, const x509::RequestView& request);

  net::Response make_challenge(const Value& body);
  net::Response unassign(const Value& body);
  net::Response register_key(const Value& body);
  net::Response force_next(const Value& body);
  net::Response forget_tokens(const Value& body);
  net::Response queue_revocation(const Value& body);
  net::Response state() const;
  std::string new_number() const;

  const ClientRegistration client_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  Tokens tokens_;
  const BlobKeys keys_;
  const std::string signing_certificate_;
  std::string url_;

  mutable std::mutex guards_records_;  // guards what follows
  std::set<std::string> requests_, devices_, users_, unassigned_;
  std::map<std::string, std::set<std::string>> registered_;  // SHA-256 of keys, by device
  std::map<std::string, std::deque<Forced>> forced_;         // by operation
  std::deque<Revocation> revocations_;                       // downloaded again until there is a result
  Value validations_ = Value::list(), successes_ = Value::list(), failures_ = Value::list(),
        results_ = Value::list();
};

}  // namespace vouch::enroll::intune_simulator
