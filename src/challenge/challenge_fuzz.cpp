// Any text as a challenge, and any octets as what is inside one. Properties: nothing opens that was not
// sealed here, what is read has one encoding, and what was sealed opens to the same value and to nothing once
// a bit of it is changed.
#include <cstdlib>

#include "challenge/comparison.hpp"
#include "challenge/sealed.hpp"
#include "crypto/openssl/openssl.hpp"

namespace {

using namespace vouch;
using namespace vouch::challenge;

struct Keys {
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  std::shared_ptr<const crypto::Sealer> sealer = provider->sealer(Buffer(32, 0x11)).value();
  std::unique_ptr<crypto::PrivateKey> key =
      provider->generate(crypto::parse_key_spec("ed25519").value()).value();
  std::unique_ptr<crypto::Signer> signer = key->signer(crypto::SignatureAlgorithm::ed25519).value();
  Buffer id = Buffer(kKeyIdSize, 0x22), minter = Buffer(kKeyIdSize, 0x33);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Keys keys;
  const Bytes input(data, size);
  OpeningKeys opening{"CA", [](Bytes) { return keys.sealer; },
                      [](Bytes) { return std::optional(to_buffer(keys.key->public_key_info())); }};
  if (open(as_text(input), opening, *keys.provider)) std::abort();

  const auto bound = decode(input);
  if (!bound) return 0;
  if (!equal(encode(*bound), input)) std::abort();
  (void)check_scope(*bound, {bound->audience, bound->template_name, bound->issued_at});
  opening.realm = bound->realm;
  auto text = seal(*bound, {keys.id, *keys.sealer}, {keys.minter, *keys.signer}, *keys.provider);
  if (!text) return 0;  // too long
  const auto opened = open(*text, opening, *keys.provider);
  if (!opened || !(opened->bound == *bound)) std::abort();
  char& changed = (*text)[kPrefix.size() + size % (text->size() - kPrefix.size())];
  changed = changed == 'A' ? 'B' : 'A';
  if (open(*text, opening, *keys.provider)) std::abort();
  return 0;
}
