// Input is read as DER and as text. Properties: GeneralNames that are accepted encode to the same octets; a
// name that is printed and read again prints the same; text that is accepted survives as a name.
#include <cstdlib>

#include "x509/general_name.hpp"

namespace {

using namespace vouch;
using x509::GeneralName;

void require(bool condition) {
  if (!condition) std::abort();
}

// A directoryName may sort the attributes of a relative name when it is read from text: settled after one
// turn.
void check_text(const GeneralName& name) {
  const auto first = GeneralName::from_text(name.to_text());
  if (!first) return;
  const std::string text = first->to_text();
  const auto second = GeneralName::from_text(text);
  require(second.has_value() && second->to_text() == text && second->type == name.type);
  if (name.type != x509::GeneralNameType::directory_name) require(text == name.to_text());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input(data, size);
  if (const auto names = x509::parse_general_names(input)) {
    require(equal(x509::encode_general_names(*names), input));
    for (const GeneralName& name : *names) check_text(name);
  }
  if (const auto name = GeneralName::from_text(as_text(input))) {
    check_text(*name);
    // x400Address and ediPartyName are not looked into; the rest must be readable where it is used.
    const auto again = x509::parse_general_names(x509::encode_general_names({*name}));
    require(again.has_value() && again->size() == 1 && again->front() == *name);
  }
  (void)GeneralName::ip_range(as_text(input));
  return 0;
}
