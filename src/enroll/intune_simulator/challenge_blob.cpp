#include "enroll/intune_simulator/challenge_blob.hpp"

#include "crypto/hmac.hpp"

namespace vouch::enroll::intune_simulator {
namespace {

constexpr std::string_view kPurpose = "vouch simulator of Intune";

Value describe(const Expectation& expectation) {
  return Value()
      .set("request", expectation.request)
      .set("device", expectation.device)
      .set("user", expectation.user)
      .set("signing_certificate", expectation.signing_certificate)
      .set("issued", format_time(expectation.issued))
      .set("expires", format_time(expectation.expires))
      .set("subject", expectation.subject)
      .set("alternative_names", list_of(expectation.alternative_names))
      .set("key_usage", std::int64_t{expectation.key_usage})
      .set("extended_key_usage", list_of(expectation.extended_key_usage))
      .set("key_bits", static_cast<std::int64_t>(expectation.key_bits))
      .set("registered_key", expectation.registered_key);
}

template <class Kind>
Result<Kind> member(const Value& table, std::string_view name, const Kind* (Value::*as)() const) {
  const Value* value = table.find(name);
  const Kind* kind = value != nullptr ? (value->*as)() : nullptr;
  if (kind == nullptr) return make_error(Errc::malformed, "the challenge has no {}", name);
  return *kind;
}

Result<std::vector<std::string>> texts(const Value& table, std::string_view name) {
  std::vector<std::string> out;
  for (const Value& item : TRY(member(table, name, &Value::list_items))) {
    if (item.text() == nullptr) return make_error(Errc::malformed, "{} is no list of texts", name);
    out.push_back(*item.text());
  }
  return out;
}

Result<Expectation> read(const Value& table) {
  Expectation out;
  out.request = TRY(member(table, "request", &Value::text));
  out.device = TRY(member(table, "device", &Value::text));
  out.user = TRY(member(table, "user", &Value::text));
  out.signing_certificate = TRY(member(table, "signing_certificate", &Value::text));
  out.issued = TRY(parse_time(TRY(member(table, "issued", &Value::text))));
  out.expires = TRY(parse_time(TRY(member(table, "expires", &Value::text))));
  out.subject = TRY(member(table, "subject", &Value::text));
  out.alternative_names = TRY(texts(table, "alternative_names"));
  out.key_usage = static_cast<std::uint16_t>(TRY(member(table, "key_usage", &Value::integer)));
  out.extended_key_usage = TRY(texts(table, "extended_key_usage"));
  out.key_bits = static_cast<std::size_t>(TRY(member(table, "key_bits", &Value::integer)));
  out.registered_key = TRY(member(table, "registered_key", &Value::boolean));
  return out;
}

}  // namespace

BlobKeys::BlobKeys(const crypto::Provider& provider)
    : provider_(provider), sealing_(crypto::Sealer::kKeySize), signing_(crypto::Sealer::kKeySize) {
  provider.random(sealing_);
  provider.random(signing_);
}

std::string BlobKeys::signature_over(std::string_view text) const {
  return to_hex(crypto::hmac_sha256(provider_, signing_, as_bytes(text)));
}

Result<std::string> BlobKeys::seal_text(std::string_view text) const {
  Buffer blob(crypto::Sealer::kNonceSize);
  provider_.random(blob);
  const Buffer nonce = blob;
  append(blob, TRY(TRY(provider_.sealer(sealing_))->seal(nonce, as_bytes(kPurpose), as_bytes(text))));
  return to_base64(blob);
}

Result<std::string> BlobKeys::seal(const Expectation& expectation, bool signature_fits) const {
  const std::string text = to_json(describe(expectation), 0);
  const std::string signature = signature_fits ? signature_over(text) : signature_over(text + " ");
  return seal_text(to_json(Value().set("text", text).set("signature", signature), 0));
}

Result<std::string> BlobKeys::seal_nonsense() const { return seal_text("{\"text\": 7}"); }

OpenedBlob BlobKeys::open(std::string_view challenge) const {
  const auto blob = from_base64(challenge);
  constexpr std::size_t kLeast = crypto::Sealer::kNonceSize + crypto::Sealer::kTagSize;
  if (!blob || blob->size() < kLeast) return {"ChallengeDecodingError"};
  const auto sealer = provider_.sealer(sealing_);
  if (!sealer) return {"Unknown"};
  const Bytes octets(*blob);
  const auto opened = (*sealer)->open(octets.first(crypto::Sealer::kNonceSize), as_bytes(kPurpose),
                                      octets.subspan(crypto::Sealer::kNonceSize));
  if (!opened) return {"ChallengeDecryptionError"};
  const auto outer = parse_json(as_text(*opened));
  if (!outer) return {"ChallengeDeserializationError"};
  const auto text = member(*outer, "text", &Value::text),
             signature = member(*outer, "signature", &Value::text);
  if (!text || !signature) return {"ChallengeDeserializationError"};
  if (!equal_constant_time(as_bytes(*signature), as_bytes(signature_over(*text))))
    return {"SignatureValidationFailed"};
  const auto inner = parse_json(*text);
  auto expectation = inner ? read(*inner) : Result<Expectation>(inner.error());
  if (!expectation) return {"ChallengeDeserializationError"};
  return {"Success", std::move(*expectation)};
}

}  // namespace vouch::enroll::intune_simulator
