#pragma once
// OcspResponder: from the octets of a request to those of an answer (RFC 6960, and RFC 5019 where it says
// more). It keeps nothing: caching is OcspCache's, HTTP is api's.

#include "base/time.hpp"
#include "revocation/ocsp_ahead.hpp"
#include "revocation/ocsp_source.hpp"

namespace vouch::revocation {

// What is said of a serial number that was never given to a certificate: a forged one, if anybody asks.
enum class NeverIssued : std::uint8_t {
  unknown,  // RFC 6960 2.2
  revoked,  // the same section: "extended revoked", with a hold since 1970
};

struct OcspSettings {
  NeverIssued never_issued = NeverIssued::unknown;
  const SignedAhead* ahead = nullptr;  // outlives the responder; null: everything is signed when it is asked
};

struct OcspAnswer {
  Buffer der;
  x509::OcspResponseStatus status{};
  // Worth keeping: one certificate that exists, no nonce. What follows is filled for these alone.
  bool cacheable = false;
  bool signed_ahead = false;
  OcspSource::Validity validity{};
  std::uint64_t epoch = 0;  // of the source, when the status was read
  CertificateStatus about{};
  std::size_t issuer = 0;  // index into `issuers`
  std::shared_ptr<const OcspIssuers> issuers{};
  Buffer serial{};
};

class OcspResponder {
 public:
  // All outlive it.
  OcspResponder(const OcspSource& source, const crypto::Provider& provider, const Clock& clock,
                OcspSettings settings = {})
      : source_(source), provider_(provider), clock_(clock), settings_(settings) {}

  // Never fails: what cannot be answered is an OCSP error (RFC 6960 2.3). `trouble`, when given, takes the
  // cause of a tryLater or internalError, for the log.
  OcspAnswer respond(Bytes request, Error* trouble = nullptr) const;

  // Whether a kept answer says what the source says now.
  Result<bool> still_holds(const OcspAnswer& answer) const;

 private:
  Result<OcspAnswer> answer(const x509::OcspRequestView& request) const;
  // Reads every status; fills in what `out` says of the answer beside its octets.
  Result<x509::OcspResponseFields> what_to_say(const x509::OcspRequestView& request, const OcspIssuer& issuer,
                                               Time now, OcspAnswer& out) const;
  static Status sign(const OcspIssuer& issuer, const x509::OcspResponseFields& fields, OcspAnswer& out);
  // An answer that was signed ahead and says what `out` has to say; as long as it is valid.
  std::optional<SignedAhead::Item> ready(const x509::OcspRequestView& request, const OcspIssuer& issuer,
                                         const OcspAnswer& out, Time now) const;
  static void take_ready(const OcspIssuer& issuer, Bytes cert_id, const SignedAhead::Item& ready,
                         OcspAnswer& out);
  // The one issuer of all certificates asked for; null: there is none, or there are several.
  const OcspIssuer* issuer_of(const OcspIssuers& issuers, const x509::OcspRequestView& request) const;
  bool is_about(const OcspIssuer& issuer, const x509::CertId& id) const;

  const OcspSource& source_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  const OcspSettings settings_;
};

}  // namespace vouch::revocation
