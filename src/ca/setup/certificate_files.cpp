#include "ca/setup/certificate_files.hpp"

#include "base/pem.hpp"
#include "cms/signed_data.hpp"

namespace vouch::ca {

Result<std::vector<Buffer>> read_certificates(Bytes input) {
  std::vector<Buffer> certificates;
  for (PemBlock& block : TRY(pem_or_der(input, "CERTIFICATE",
                                        {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7",
                                         "CMS", "PKCS #7 SIGNED DATA", "CERTIFICATE CHAIN"}))) {
    if (!cms::looks_like_content_info(block.der)) {
      certificates.push_back(std::move(block.der));
      continue;
    }
    // A signature, if there is one, is not looked at: trust comes from the chain alone.
    for (Buffer& certificate : TRY(cms::certificates_of(block.der)))
      certificates.push_back(std::move(certificate));
  }
  if (certificates.empty()) return make_error(Errc::malformed, "there is no certificate in the p7b");
  for (std::size_t i = 0; i < certificates.size(); ++i)
    (void)TRY(x509::parse_certificate(certificates[i]).context("reading certificate {}", i + 1));
  return certificates;
}

}  // namespace vouch::ca
