#pragma once
// Whether a CRL is for a certificate: its issuingDistributionPoint against the certificate's distribution
// point (RFC 5280 6.3.3 b). Internal to this room.

#include <string>
#include <vector>

#include "validate/certificate.hpp"
#include "validate/crl.hpp"

namespace vouch::validate {

// A distribution point of a certificate with its names in a form that compares. Without cRLDistributionPoints
// there is one that stands for all CRLs of the issuer.
struct PointOfCertificate {
  std::vector<std::string> names;        // comparable; empty: no name, or the default one's: the issuer's
  std::vector<std::string> crl_issuers;  // x509::comparison_key; empty: the certificate's issuer
  x509::ReasonFlags reasons = 0;
  bool is_default = false;
};
// Every reason of ReasonFlags that a CRL can cover (bit 0 is unused).
inline constexpr x509::ReasonFlags kAllReasons = 0x1fe;

// In the order of the certificate; at most 64 are looked at.
// The default one comes last, where it adds something.
Result<std::vector<PointOfCertificate>> points_of(const Certificate& certificate);

// Names of a distribution point; a relative one is completed with `issuer`.
std::vector<std::string> comparable_names(const x509::DistributionPointName& name, Bytes issuer);

// Empty when the CRL is for the certificate and point; else why not.
std::string scope_fault(const CrlHead& crl, const Certificate& certificate, const PointOfCertificate& point);

}  // namespace vouch::validate
