// Any certificate or CRL that can be read can be linted, with findings that name their rule.
#include <cstdlib>

#include "lint/lint.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const vouch::Bytes input(data, size);
  std::vector<vouch::lint::Finding> findings;
  if (const auto certificate = vouch::x509::parse_certificate(input))
    findings = vouch::lint::lint_certificate(*certificate);
  if (const auto crl = vouch::x509::parse_crl(input)) findings = vouch::lint::lint_crl(*crl);
  for (const auto& finding : findings)
    if (finding.id.empty() || finding.message.empty() || finding.source.empty()) std::abort();
  return 0;
}
