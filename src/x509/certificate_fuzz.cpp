// Any input as a certificate and as a tbsCertificate. Properties: no read outside the buffer, printing what
// was read cannot fail, and what is accepted is rebuilt from its fields to the same octets.
#include <algorithm>
#include <cstdlib>

#include "x509/fuzz_rebuild.hpp"
#include "x509/print.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  using namespace vouch::x509;
  const Bytes der(data, size);
  if (const auto tbs = parse_tbs_certificate(der)) (void)to_text(describe_certificate(*tbs));
  const auto view = parse_certificate(der);
  if (!view) return 0;
  (void)to_text(describe_certificate(*view));
  if (const auto again = parse_tbs_certificate(view->tbs); !again || !equal(again->subject, view->subject))
    std::abort();
  const Buffer tbs = fuzz::rebuild_tbs_certificate(*view);
  if (!fuzz::same(fuzz::signed_octets(tbs, *view), der)) std::abort();
  return 0;
}
