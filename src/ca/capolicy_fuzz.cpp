// CAPolicy.inf: whatever is read gives extensions that can be encoded and read back, and names its lines.
#include <cstdlib>

#include "ca/capolicy.hpp"
#include "x509/extensions.hpp"

using namespace vouch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  (void)ca::parse_inf(input, "fuzz");
  // With a valid beginning, so that the fuzzer gets past it.
  Buffer framed = to_buffer(as_bytes("[Version]\nSignature=\"$Windows NT$\"\n"));
  append(framed, input);
  for (const Bytes& each : {input, Bytes(framed)}) {
    const auto policy = ca::parse_ca_policy(each, "fuzz");
    if (!policy) continue;
    asn1::Writer out;
    out.sequence([&] {
      for (const x509::Extension& extension : policy->further) x509::encode_extension(out, extension);
    });
    const Buffer extensions = std::move(out).take();
    if (!policy->further.empty() && !x509::parse_extensions(extensions)) std::abort();
    for (const auto& line : policy->lines)
      if (line.line < 1) std::abort();
    (void)ca::location_extensions(*policy, {"host.example", "host", "CA", 1, 1, false, {}});
  }
  return 0;
}
