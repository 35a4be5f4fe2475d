// Any input as a certification request. Properties: printing never shows a challenge password (its octets
// are replaced and must not come back), and what is accepted is rebuilt from its fields to the same octets.
#include <cstdlib>

#include "x509/fuzz_rebuild.hpp"
#include "x509/print.hpp"

namespace {

using namespace vouch;
using namespace vouch::x509;

// The attributes in the order they came.
Buffer rebuild_info(const RequestView& view) {
  asn1::Writer out;
  out.sequence([&] {
    out.integer(view.version);
    out.raw(view.subject);
    out.raw(view.public_key_info);
    // Without the attributes field nothing follows the key.
    const std::uint8_t* end = view.info.data() + view.info.size();
    if (view.public_key_info.data() + view.public_key_info.size() == end) return;
    out.constructed(asn1::context_constructed(0), [&] {
      for (const RequestAttribute& attribute : view.attributes)
        out.sequence([&] {
          out.oid(attribute.type);
          out.set([&] { out.raw(attribute.values); });
        });
    });
  });
  return std::move(out).take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes der(data, size);
  const auto view = parse_request(der);
  if (!view) return 0;
  (void)challenge_password(*view);
  const Value description = describe_request(*view);
  (void)to_text(description);
  for (const Value& attribute : *description.find("attributes")->list_items())
    if (*attribute.find("oid")->text() == oid::kChallengePassword.dotted() &&
        !attribute.find("values")->list_items()->empty())
      std::abort();
  if (!fuzz::same(fuzz::signed_octets(rebuild_info(*view), *view), der)) std::abort();
  return 0;
}
