#include "challenge/sealed.hpp"

#include <algorithm>
#include <array>

#include "asn1/whole.hpp"

namespace vouch::challenge {
namespace {

using asn1::Reader, asn1::Writer;

Buffer key_id(const crypto::Provider& provider, std::string_view what, Bytes key) {
  Buffer named = to_buffer(as_bytes(what));
  append(named, key);
  Buffer digest = provider.digest(crypto::DigestAlgorithm::sha256, named);
  wipe(named);
  digest.resize(kKeyIdSize);
  return digest;
}

// The realm is free text, the key's id behind it has one length: no two pairs give the same octets.
std::string context_of(std::string_view realm, Bytes key) {
  return fmt::format("vouch-scep-challenge/1|{}|{}", realm, to_hex(key));
}

Buffer to_be_signed(std::string_view context, Bytes payload) {
  Buffer out = to_buffer(as_bytes(context));
  append(out, payload);
  return out;
}

// Base64 as it is written here: no padding, no white space, no other alphabet, no stray bits at the end.
std::optional<Buffer> decoded(std::string_view text) {
  if (text.empty() || text.contains('=') || text.size() % 4 == 1) return std::nullopt;
  if (!std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
      }))
    return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  auto octets = from_base64(padded);
  if (!octets || to_base64(*octets) != padded) return std::nullopt;
  return std::move(*octets);
}

// Both layers are SEQUENCE { OCTET STRING, OCTET STRING, OCTET STRING }.
Result<std::array<Bytes, 3>> parse_layer(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  std::array<Bytes, 3> layer;
  for (Bytes& field : layer) field = TRY(fields.expect_octet_string());
  TRY(fields.finish());
  return layer;
}

struct Outer {
  Bytes key_id, nonce, sealed;
};
Result<Outer> parse_outer(Bytes der) {
  const auto [key_id, nonce, sealed] = TRY(parse_layer(der));
  if (key_id.size() != kKeyIdSize || nonce.size() != crypto::Sealer::kNonceSize ||
      sealed.size() < crypto::Sealer::kTagSize)
    return make_error(Errc::malformed, "a field of the challenge has another size");
  return Outer{key_id, nonce, sealed};
}

struct Signed {
  Bytes minter, payload, signature;
};
Result<Signed> parse_signed(Bytes der) {
  const auto [minter, payload, signature] = TRY(parse_layer(der));
  return Signed{minter, payload, signature};
}

Status verify(const crypto::Provider& provider, Bytes public_key_info, Bytes message, Bytes signature) {
  const auto key = TRY(x509::parse_public_key_info(public_key_info));
  const auto algorithm = TRY(crypto::signature_algorithm_for({key.type, key.bits, false}, {}));
  return provider.verify(public_key_info, algorithm, message, signature);
}

std::unexpected<Refusal> refused(Code code, std::string expected = {}, std::string_view received = {}) {
  return std::unexpected(Refusal{code, std::move(expected), std::string(received)});
}

}  // namespace

Buffer sealing_key_id(const crypto::Provider& provider, Bytes key) {
  return key_id(provider, "vouch challenge sealing key|", key);
}
Buffer minter_key_id(const crypto::Provider& provider, Bytes public_key_info) {
  return key_id(provider, "vouch challenge minter key|", public_key_info);
}

bool is_bound(std::string_view text) { return text.starts_with(kPrefix); }

Result<std::string> seal(const Bound& bound, const SealingKey& key, const MinterKey& minter,
                         const crypto::Provider& provider) {
  TRY(check(bound));
  const std::string context = context_of(bound.realm, key.id);
  const Buffer payload = encode(bound);
  Writer signed_part;
  const Buffer signature = TRY(minter.signer.sign(to_be_signed(context, payload)));
  signed_part.sequence([&] {
    signed_part.octet_string(minter.id);
    signed_part.octet_string(payload);
    signed_part.octet_string(signature);
  });
  Buffer nonce(crypto::Sealer::kNonceSize);
  provider.random(nonce);
  const Buffer sealed = TRY(key.sealer.seal(nonce, as_bytes(context), signed_part.bytes()));
  Writer outer;
  outer.sequence([&] {
    outer.octet_string(key.id);
    outer.octet_string(nonce);
    outer.octet_string(sealed);
  });
  std::string text = std::string(kPrefix) + to_base64(outer.bytes());
  text.erase(std::find(text.begin(), text.end(), '='), text.end());
  if (text.size() <= kLongest) return text;
  return make_error(Errc::limit_exceeded, "the challenge would have {} characters, and devices take {}",
                    text.size(), kLongest)
      .with_hint("bind it to fewer names");
}

std::expected<Opened, Refusal> open(std::string_view text, const OpeningKeys& keys,
                                    const crypto::Provider& provider) {
  if (text.size() > kLongest)
    return refused(Code::ChallengeDecodingError, fmt::format("at most {} characters", kLongest),
                   std::to_string(text.size()));
  if (!is_bound(text)) return refused(Code::ChallengeDecodingError, "a text that begins with VC1.");
  const auto der = decoded(text.substr(kPrefix.size()));
  if (!der)
    return refused(Code::ChallengeDecodingError, "base64 without padding",
                   "other characters, or an end cut off");
  const auto outer = parse_outer(*der);
  if (!outer) return refused(Code::ChallengeDecodingError, "a sealed challenge", outer.error().message());
  const auto sealer = keys.sealer(outer->key_id);
  if (!sealer)
    return refused(Code::ChallengeDecryptionError, "a key of this CA", "key " + to_hex(outer->key_id));
  const std::string context = context_of(keys.realm, outer->key_id);
  const auto plain = sealer->open(outer->nonce, as_bytes(context), outer->sealed);
  if (!plain)
    return refused(Code::ChallengeDecryptionError, "what this CA has sealed", "something that does not open");
  const auto inner = parse_signed(*plain);
  if (!inner)
    return refused(Code::ChallengeDeserializationError, "a signed challenge", inner.error().message());
  const auto minter = keys.minter(inner->minter);
  if (!minter)
    return refused(Code::SignatureValidationFailed, "a minter of this CA", "key " + to_hex(inner->minter));
  if (!verify(provider, *minter, to_be_signed(context, inner->payload), inner->signature))
    return refused(Code::SignatureValidationFailed, "the signature of key " + to_hex(inner->minter),
                   "one that does not fit");
  auto bound = decode(inner->payload);
  if (!bound)
    return refused(Code::ChallengeDeserializationError, "a challenge of version 1", bound.error().message());
  if (bound->realm != keys.realm)
    return refused(Code::ScepProfileNoLongerTargetedToTheClient, "CA " + std::string(keys.realm),
                   "CA " + bound->realm);
  return Opened{std::move(*bound), to_buffer(outer->key_id), to_buffer(inner->minter)};
}

}  // namespace vouch::challenge
