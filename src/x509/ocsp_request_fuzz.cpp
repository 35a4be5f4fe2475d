// Any input as an OCSP request. Properties: a nonce that is handed out has 1 to 32 octets, and a request of
// the form that our writer makes comes back as the same octets.
#include <cstdlib>

#include "x509/fuzz_rebuild.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  using namespace vouch::x509;
  const Bytes der(data, size);
  const auto view = parse_ocsp_request(der);
  if (!view) return 0;
  if (view->requests.empty() || view->requests.size() > 256) std::abort();

  OcspRequestFields fields;
  if (const auto nonce = view->nonce()) {
    if (nonce->empty() || nonce->size() > 32) std::abort();
    fields.nonce = to_buffer(*nonce);
  }
  for (const OcspSingleRequest& request : view->requests)
    fields.items.push_back(
        {request.id.issuer_name_hash, request.id.issuer_key_hash, serial_octets(request.id.serial)});
  const Buffer written = encode_ocsp_request(fields);
  const auto again = parse_ocsp_request(written);
  if (!again || again->requests.size() != view->requests.size()) std::abort();
  for (std::size_t i = 0; i < view->requests.size(); ++i) {
    const CertId &a = view->requests[i].id, &b = again->requests[i].id;
    if (!fuzz::same(a.issuer_name_hash, b.issuer_name_hash) ||
        !fuzz::same(a.issuer_key_hash, b.issuer_key_hash) ||
        !fuzz::same(serial_octets(a.serial), serial_octets(b.serial)))
      std::abort();
  }
  if (again->nonce().has_value() != view->nonce().has_value()) std::abort();
  return 0;
}
