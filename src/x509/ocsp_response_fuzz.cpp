// Any input as an OCSP response. Property: the envelope of what is accepted is rebuilt to the same octets,
// and single responses that our writer can express are read back alike.
#include <cstdlib>

#include "x509/fuzz_rebuild.hpp"

namespace {

using namespace vouch;
using namespace vouch::x509;

void check_data(const OcspResponseView& view) {
  const Buffer key_hash(20, 0x41);
  OcspResponseFields fields{key_hash, view.produced_at, {}, {}, false};
  for (const OcspSingleResponse& single : view.responses)
    fields.items.push_back({single.id.whole, single.status, single.revoked_at.value_or(Time()), single.reason,
                            single.this_update, single.next_update});
  const Buffer der = encode_ocsp_response(encode_ocsp_response_data(fields), view.signature_algorithm.whole,
                                          view.signature, view.certificates);
  const auto again = parse_ocsp_response(der);
  // Our key hash may make a response of just under the largest size too large.
  if (!again && again.error().code() == Errc::limit_exceeded) return;
  if (!again || again->responses.size() != view.responses.size()) std::abort();
  for (std::size_t i = 0; i < view.responses.size(); ++i) {
    const OcspSingleResponse &a = view.responses[i], &b = again->responses[i];
    if (a.status != b.status || a.revoked_at != b.revoked_at || a.reason != b.reason ||
        a.this_update != b.this_update || a.next_update != b.next_update ||
        !fuzz::same(a.id.whole, b.id.whole))
      std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes der(data, size);
  const auto view = parse_ocsp_response(der);
  if (!view) return 0;
  (void)view->nonce();
  if (view->status != OcspResponseStatus::successful) {
    if (!fuzz::same(encode_ocsp_error(view->status), der)) std::abort();
    return 0;
  }
  check_data(*view);
  const Buffer written =
      encode_ocsp_response(view->tbs, view->signature_algorithm.whole, view->signature, view->certificates);
  // An empty list of certificates is read, though never written.
  if (!view->certificates.empty() && !fuzz::same(written, der)) std::abort();
  return 0;
}
