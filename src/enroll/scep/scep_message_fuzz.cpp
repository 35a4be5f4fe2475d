// Anything as a SCEP message, as the service and the client read it. Properties: what is read points into the
// message, attributes that were read are written and read again the same, and nothing verifies that nobody
// signed.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"
#include "enroll/scep/envelope.hpp"
#include "enroll/scep/pki_message.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_attributes(const PkiMessage& message) {
  const auto encoded = encode_message_attributes(message.attributes);
  std::vector<cms::AttributeView> views;
  for (const cms::Attribute& attribute : encoded) views.push_back({attribute.type, attribute.values});
  const ReadAttributes again = read_message_attributes(views);
  require(again.attributes.type == message.attributes.type);
  require(again.attributes.transaction == message.attributes.transaction);
  require(again.attributes.sender_nonce == message.attributes.sender_nonce);
  require(again.attributes.hresult == message.attributes.hresult);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  const Bytes input(data, size);
  const auto message = read_pki_message(input);
  if (!message) return 0;
  check_attributes(*message);
  if (const auto signer = verify_pki_message(*provider, *message)) require(!signer->certificate.empty());
  const Bytes content = message->content();
  require(content.empty() || (content.data() >= message->der.data() &&
                              content.data() + content.size() <= message->der.data() + message->der.size()));
  (void)open_envelope(*provider, content, {}, {});
  return 0;
}
