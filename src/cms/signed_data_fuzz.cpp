// Any input as SignedData, verified against a provider. Properties: what the view says points into the
// message, and nobody's signature fits without its certificate.
#include <cstdlib>

#include "cms/signed_data.hpp"
#include "crypto/openssl/openssl.hpp"

namespace {

using namespace vouch;
using namespace vouch::cms;

bool inside(Bytes part, const Buffer& whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  (void)looks_like_content_info(Bytes(data, size));
  const auto der = to_der(Bytes(data, size));
  if (!der) return 0;
  const auto view = parse_signed_data(*der);
  if (!view) return 0;
  for (const Bytes certificate : view->certificates)
    if (!inside(certificate, *der)) std::abort();
  const auto reports = verify_signers(*provider, *view);
  if (reports.size() != view->signers.size()) std::abort();
  for (const SignerReport& report : reports) {
    if (!inside(report.signer->signature, *der) || !inside(report.signer->signed_attributes_der, *der))
      std::abort();
    if (report.status && report.certificate.empty()) std::abort();
    (void)report.signer->signer.text();
  }
  (void)certificates_of(*der);
  return 0;
}
