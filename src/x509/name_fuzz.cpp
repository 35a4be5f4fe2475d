// Input is read as DER and as RFC 4514. Properties: a name that is accepted encodes to the same octets and
// matches itself; text made of a name reads as a name that matches it and, from then on, prints the same.
#include <cstdlib>

#include "x509/name.hpp"

namespace {

using namespace vouch;
using x509::Name;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_text(const Name& name) {
  const auto first = x509::name_from_rfc4514(x509::to_rfc4514(name));
  // UTF-8 may take more octets than the string type it came from, so a name close to the bounds may not fit.
  if (!first) return require(first.error().code() == Errc::limit_exceeded);
  require(x509::names_match(name, *first));
  // Attributes of one relative name are sorted when read; apart from that the text is final.
  const std::string text = x509::to_rfc4514(*first);
  const auto second = x509::name_from_rfc4514(text);
  require(second.has_value() && *second == *first);
  bool single = true;
  for (const x509::RelativeName& rdn : name.rdns) single = single && rdn.size() == 1;
  if (single) require(text == x509::to_rfc4514(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (const auto name = x509::parse_name(input)) {
    require(equal(x509::encode_name(*name), input));
    require(x509::names_match(*name, *name));
    check_text(*name);
  }
  if (const auto name = x509::name_from_rfc4514(as_text(input))) {
    const auto again = x509::parse_name(x509::encode_name(*name));
    require(again.has_value() && *again == *name);
    check_text(*name);
  }
  return 0;
}
