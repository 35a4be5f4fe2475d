#pragma once
// Certificates, requests and CRLs as text for people and as a Value for --json.

#include <string>

#include "base/value.hpp"
#include "x509/crl.hpp"
#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::x509 {

// Keys of the tables are part of the command line's interface (docs/reference/json.md): they do not
// change with the data; what is absent is null.
Value describe_certificate(const CertificateView& certificate);
Value describe_request(const RequestView& request);  // challengePassword is named, its value is not shown
// At most `max_entries` entries; the table says how many there are.
Result<Value> describe_crl(const CrlView& crl, std::size_t max_entries);
Value describe_extension(const ExtensionView& extension);

// The same as indented text: "Subject: CN=…", "Key usage (critical): digitalSignature, keyEncipherment", …
std::string to_text(const Value& description);

}  // namespace vouch::x509
