#pragma once
// Lint: what a to-be-signed certificate or CRL must look like, whatever template or code made it. The
// authority lints before it signs, and refuses to sign on an error. Pure: bytes in, findings out.

#include <string>
#include <vector>

#include "x509/crl.hpp"

namespace vouch::lint {

enum class Severity { notice, warning, error };
std::string_view to_string(Severity severity);

struct Finding {
  std::string id;  // "serial.too_long", stable
  Severity severity{};
  std::string message;  // what was found
  std::string source;   // "RFC 5280 4.1.2.2"
};

// Rules for what this project issues. The view may be a tbsCertificate that is not signed yet.
std::vector<Finding> lint_certificate(const x509::CertificateView& certificate);
std::vector<Finding> lint_crl(const x509::CrlView& crl);

// All rules with their ids, for `--help`, docs and tests that want to see every one fire.
struct Rule {
  std::string_view id, summary, source;
  Severity severity;
  std::string_view mend;  // what to do about it
};
std::vector<Rule> rules();

}  // namespace vouch::lint
