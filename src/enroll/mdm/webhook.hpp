#pragma once
// An outside HTTPS service that decides about requests or is told what became of them. Bodies and signature
// are those of step-ca's webhooks (SCEPCHALLENGE, NOTIFYING), so that services written for it can be used:
//
//   POST url
//   X-Smallstep-Webhook-ID: ID
//   X-Smallstep-Signature:  hex of HMAC-SHA256(secret, body)
//   {"timestamp": …, "provisionerName": PROFILE, "scepChallenge": …, "scepTransactionID": …,
//    "x509CertificateRequest": {"subject": …, "dnsNames": …, "publicKey": base64, "raw": base64, …}}
//   -> {"allow": true|false, "data": {…}, "error": {"code": …, "message": …}}

#include "enroll/mdm/last_outcome.hpp"
#include "enroll/mdm/outbox.hpp"
#include "enroll/mdm/told.hpp"
#include "enroll/scep/challenge.hpp"
#include "enroll/scep/outcome_listener.hpp"
#include "net/fetch.hpp"

namespace vouch::enroll::mdm {

struct WebhookSettings {
  std::string id;                              // in the header, and in messages
  std::string url;                             // https; http only to this host
  Buffer secret;                               // that bodies are signed with; at least 16 octets
  std::string bearer{};                        // sent as Authorization: Bearer; empty: none
  std::chrono::milliseconds patience{10'000};  // for one call
  net::FetchSettings connection{};             // trust, client certificate, proxy
};

class Webhook {
 public:
  // `usage` for an URL without TLS to another host, or a secret that is too short. Provider and clock outlive
  // it.
  static Result<std::shared_ptr<const Webhook>> create(WebhookSettings settings,
                                                       const crypto::Provider& provider, const Clock& clock);
  // Adds the time and the signature. `unavailable` unless the answer is 2xx with a JSON object; `denied` when
  // the service says that it does not take this (other 4xx than 401, 403, 404, 408, 429).
  Result<Value> call(Value body) const;
  const WebhookSettings& settings() const { return settings_; }
  // What the last call came to.
  Status health() const { return last_.get(); }

 private:
  Webhook(WebhookSettings settings, const crypto::Provider& provider, const Clock& clock);
  Result<Value> send(const std::string& body) const;
  const WebhookSettings settings_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  mutable net::Fetcher fetcher_;  // safe from several threads
  LastOutcome last_;
};

// The service decides. Whatever is no clear yes is a no: a refusal with the service's code, or `unavailable`
// when there is no decision. Renewals are asked about, too, with "isRenewal": true.
class WebhookPolicy final : public scep::ChallengePolicy {
 public:
  explicit WebhookPolicy(std::shared_ptr<const Webhook> webhook) : webhook_(std::move(webhook)) {}
  Result<scep::ChallengeVerdict> check(const scep::ChallengeQuestion& question) const override;
  bool is_module() const override { return true; }

 private:
  const std::shared_ptr<const Webhook> webhook_;
};

// The service is told of certificates and refusals, by way of an outbox: the device does not wait for it.
class WebhookNotifier final : public scep::OutcomeListener {
 public:
  WebhookNotifier(std::shared_ptr<const Webhook> webhook, std::shared_ptr<Outbox> outbox)
      : webhook_(std::move(webhook)), outbox_(std::move(outbox)) {}
  Status issued(const scep::EnrolmentNotice& notice, Bytes certificate) const override;
  void refused(const scep::EnrolmentNotice& notice, const scep::Refusal& refusal) const override;
  // For a background job.
  Status deliver() const;

 private:
  const std::shared_ptr<const Webhook> webhook_;
  const std::shared_ptr<Outbox> outbox_;
  LastOutcome last_put_;
  mutable Told told_;
};

// The request as step-ca describes it to webhooks.
Result<Value> describe_for_webhook(const x509::RequestView& request);
Result<Value> describe_for_webhook(const x509::CertificateView& certificate);

// A code that somebody else names may go to a device and into logs: letters and digits, at most 64.
std::string safe_code(std::string_view code, std::string_view otherwise);
// The same for sentences: one line of at most 255 octets.
std::string safe_sentence(std::string_view sentence);
// https, or http to this host: whether secrets may be sent there. `usage` says what is wrong.
Status check_outside_url(std::string_view url, std::string_view setting);

}  // namespace vouch::enroll::mdm
