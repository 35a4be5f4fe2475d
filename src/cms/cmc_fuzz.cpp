// Any input as the content of a CMC request and response, in a message or bare. Property: what is read of a
// request is written again as the same octets.
#include <cstdlib>

#include "cms/cmc.hpp"
#include "cms/signed_data.hpp"

namespace {

using namespace vouch;
using namespace vouch::cms;

void read(Bytes content) {
  if (const auto view = parse_pki_data(content)) {
    for (const TaggedAttributeView& control : view->controls) {
      (void)parse_add_attributes(control.values);
      (void)parse_name_value_pair(control.values);
    }
    PkiDataInput input;
    for (const TaggedAttributeView& control : view->controls)
      input.controls.push_back({control.body_part, {control.type, to_buffer(control.values)}});
    for (const TaggedRequestView& request : view->requests)
      input.requests.push_back({request.body_part, request.request});
    const Buffer again = encode_pki_data(input);
    const auto same = parse_pki_data(again);
    if (!same || same->controls.size() != view->controls.size() ||
        same->requests.size() != view->requests.size())
      std::abort();
    for (std::size_t i = 0; i < same->requests.size(); ++i)
      if (!equal(same->requests[i].request, view->requests[i].request)) std::abort();
  }
  if (const auto response = parse_pki_response(content); response && response->status) {
    const auto again = parse_pki_response(encode_pki_response({*response->status, {}}));
    if (!again || again->status != response->status) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  read(input);
  const auto der = to_der(input);
  if (!der) return 0;
  if (const auto message = parse_signed_data(*der); message && message->content) read(*message->content);
  return 0;
}
