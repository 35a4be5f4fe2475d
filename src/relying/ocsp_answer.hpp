#pragma once
// An OCSP response held against the question (RFC 6960 3.2, 4.2.2): about this certificate, by somebody who
// may speak for its issuer, and valid now. No network here.

#include <functional>
#include <optional>

#include "relying/profile.hpp"
#include "validate/finding.hpp"
#include "x509/ocsp.hpp"

namespace vouch::relying {

struct OcspQuestion {
  const validate::Certificate& certificate;
  const validate::CertificatePtr& issuer;
  Time now{};
  std::string url;                // for messages
  std::optional<Buffer> nonce{};  // that was sent
};

struct OcspAnswer {
  bool revoked = false;
  std::optional<x509::CrlReason> reason;
  std::optional<Time> revoked_at;
  Time this_update{};
  std::optional<Time> next_update;
  Time good_until{};  // of the answer and of the responder's certificate; without nextUpdate by choice
};

// Whether a delegated responder is still to be believed: asked when its certificate does not say nocheck.
using CheckResponder = std::function<Status(const validate::CertificatePtr& responder)>;

struct OcspReading {
  std::optional<OcspAnswer> answer;
  std::optional<validate::Finding> finding;  // why there is none: ocsp_refused, ocsp_unusable, ocsp_unknown
};
OcspReading read_ocsp_answer(const crypto::Provider& provider, Bytes der, const OcspQuestion& question,
                             const OcspSettings& settings, const validate::AlgorithmRules& algorithms,
                             const CheckResponder& check_responder);

// A request for one certificate, DER. SHA-1 names the issuer: that is what every responder takes (RFC 5019
// 2.1.1), and nothing rests on it.
Buffer make_ocsp_request(const crypto::Provider& provider, const OcspQuestion& question);

// The http and https responders that the certificate names (RFC 5280 4.2.2.1), at most 8.
std::vector<std::string> ocsp_urls_of(const validate::Certificate& certificate);

}  // namespace vouch::relying
