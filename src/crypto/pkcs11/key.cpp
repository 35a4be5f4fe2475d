#include "crypto/pkcs11/key.hpp"

#include <algorithm>

#include "asn1/der_writer.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

constexpr std::size_t kEnough = 8;  // of objects that fit one URI

// RFC 8017 9.2 note 1: the DER of DigestInfo up to the digest.
Bytes digest_info_prefix(DigestAlgorithm digest) {
  static constexpr std::uint8_t kSha256[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                             0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
  static constexpr std::uint8_t kSha384[] = {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                             0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30};
  static constexpr std::uint8_t kSha512[] = {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                             0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40};
  switch (digest) {
    case DigestAlgorithm::sha384:
      return kSha384;
    case DigestAlgorithm::sha512:
      return kSha512;
    default:
      return kSha256;
  }
}

// Ecdsa-Sig-Value (RFC 3279 2.2.3) from the token's r and s, each as long as the curve's field.
Result<Buffer> ecdsa_signature(Bytes raw) {
  if (raw.empty() || raw.size() % 2 != 0)
    return make_error(Errc::unavailable, "the token gave an ECDSA signature of {} octets", raw.size());
  asn1::Writer out;
  out.sequence([&] {
    out.unsigned_integer(raw.first(raw.size() / 2));
    out.unsigned_integer(raw.subspan(raw.size() / 2));
  });
  return std::move(out).take();
}

class TokenSigner final : public Signer {
 public:
  TokenSigner(std::shared_ptr<const Provider> provider, std::shared_ptr<const KeyOnToken> key,
              SignatureAlgorithm algorithm, const SigningMechanism& mechanism)
      : provider_(std::move(provider)), key_(std::move(key)), algorithm_(algorithm), mechanism_(mechanism) {}

  SignatureAlgorithm algorithm() const override { return algorithm_; }
  Bytes public_key_info() const override { return key_->public_key_info(); }

  Result<Buffer> sign(Bytes tbs) const override {
    Buffer input = mechanism_.digest ? input_for(provider_->digest(*mechanism_.digest, tbs)) : to_buffer(tbs);
    input.reserve(1);  // modules refuse a null pointer, even to no octets
    CK_RSA_PKCS_PSS_PARAMS pss = mechanism_.pss;
    CK_MECHANISM mechanism{mechanism_.type, nullptr, 0};
    if (mechanism_.is_pss) {
      mechanism.pParameter = &pss;
      mechanism.ulParameterLen = sizeof pss;
    }
    Buffer signature(kMaxSignature);
    CK_ULONG size = 0;
    TRY(key_->operate(
        fmt::format("signing with key {}", key_->name()),
        [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
          return call.C_SignInit(session, &mechanism, key);
        },
        [&](const CK_FUNCTION_LIST& call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE) {
          size = signature.size();
          return call.C_Sign(session, input.data(), input.size(), signature.data(), &size);
        }));
    signature.resize(std::min<std::size_t>(size, signature.size()));
    if (mechanism_.type == CKM_ECDSA) return ecdsa_signature(signature);
    return signature;
  }

 private:
  static constexpr std::size_t kMaxSignature = 2048;  // RSA of 16,384 bits

  Buffer input_for(Buffer digest) const {
    if (mechanism_.type == CKM_RSA_PKCS) {
      Buffer info = to_buffer(digest_info_prefix(*mechanism_.digest));
      append(info, digest);
      return info;
    }
    // FIPS 186-4 6.4: the leftmost bits, as many as the order has; P-256's and P-384's orders fill whole
    // octets.
    if (mechanism_.type == CKM_ECDSA) digest.resize(std::min(digest.size(), field_octets(key_->type())));
    return digest;
  }

  std::shared_ptr<const Provider> provider_;
  std::shared_ptr<const KeyOnToken> key_;
  SignatureAlgorithm algorithm_;
  SigningMechanism mechanism_;
};

class TokenPrivateKey final : public PrivateKey {
 public:
  TokenPrivateKey(std::shared_ptr<const Provider> provider, std::shared_ptr<const KeyOnToken> key)
      : provider_(std::move(provider)), key_(std::move(key)) {}

  Bytes public_key_info() const override { return key_->public_key_info(); }

  Result<std::unique_ptr<Signer>> signer(SignatureAlgorithm algorithm) const override {
    return std::make_unique<TokenSigner>(provider_, key_, algorithm,
                                         TRY(signing_mechanism(key_->type(), algorithm)));
  }

  Result<std::unique_ptr<Decrypter>> decrypter() const override {
    if (key_->type() != KeyType::rsa)
      return make_error(Errc::unsupported, "a key of type {} does not decrypt", x509::to_string(key_->type()))
          .with_hint("use an RSA key");
    return make_decrypter(provider_, key_);
  }

  Result<std::string> to_pem(std::string_view) const override {
    return make_error(Errc::unsupported, "key {} is on a token and does not leave it", key_->name())
        .with_hint("back up the token by its own means");
  }

 private:
  std::shared_ptr<const Provider> provider_;
  std::shared_ptr<const KeyOnToken> key_;
};

Result<Buffer> rsa_public_key_info(Session& session, CK_OBJECT_HANDLE object) {
  const auto number = [&](CK_ATTRIBUTE_TYPE type) {
    Buffer value = session.value(object, type);
    const auto first = std::ranges::find_if(value, [](std::uint8_t octet) { return octet != 0; });
    value.erase(value.begin(), first);
    return value;
  };
  const Buffer modulus = number(CKA_MODULUS), exponent = number(CKA_PUBLIC_EXPONENT);
  if (modulus.empty() || exponent.empty())
    return make_error(Errc::unsupported, "{} does not tell modulus and exponent of the key", session.token());
  return x509::encode_rsa_public_key_info(modulus, exponent);
}

Result<Buffer> ec_public_key_info(Session& session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
  const auto curve = curve_of(session.value(object, CKA_EC_PARAMS), type);
  if (!curve)
    return make_error(Errc::unsupported, "the key on {} is on a curve that is not used here", session.token())
        .with_hint("P-256, P-384, P-521 and Ed25519 are");
  const Buffer value = session.value(object, CKA_EC_POINT);
  if (value.empty())
    return make_error(Errc::unsupported, "{} has no public key beside the private one", session.token())
        .with_hint("put the public key onto the token, with the same id");
  const Buffer point = TRY(point_of(value, *curve));
  return *curve == KeyType::ed25519 ? x509::encode_ed25519_public_key_info(point)
                                    : x509::encode_ec_public_key_info(*curve, point);
}

Result<Buffer> public_key_info_of(Session& session, CK_OBJECT_HANDLE object, CK_KEY_TYPE type) {
  if (type == CKK_RSA) return rsa_public_key_info(session, object);
  if (type == CKK_EC || type == CKK_EC_EDWARDS) return ec_public_key_info(session, object, type);
  return make_error(Errc::unsupported, "keys of PKCS #11's type 0x{:x} are not used here", type)
      .with_hint("RSA, EC and Ed25519 are");
}

}  // namespace

Attributes object_template(const TokenUri& uri, CK_OBJECT_CLASS object_class) {
  Attributes attributes;
  attributes.number(CKA_CLASS, object_class);
  if (!uri.object.empty()) attributes.add(CKA_LABEL, uri.object);
  if (!uri.id.empty()) attributes.add(CKA_ID, uri.id);
  return attributes;
}

Result<CK_OBJECT_HANDLE> find_private_key(Session& session, const TokenUri& uri) {
  if (!uri.type.empty() && uri.type != "private")
    return make_error(Errc::usage, "the URI names an object of type {}, a private key is needed", uri.type)
        .with_hint("leave type out, or write type=private");
  const auto found = TRY(session.find(object_template(uri, CKO_PRIVATE_KEY), kEnough));
  const std::string wanted =
      uri.object.empty() ? fmt::format("with id {}", to_hex(uri.id)) : fmt::format("'{}'", uri.object);
  if (found.empty())
    return make_error(Errc::not_found, "there is no private key {} on {}", wanted, session.token())
        .with_hint("vouch ca key list --pkcs11 URI shows the keys of a token");
  if (found.size() > 1)
    return make_error(Errc::conflict, "{} private keys on {} fit the URI", found.size(), session.token())
        .with_hint("name one by its id: vouch ca key list --pkcs11 URI shows them");
  return found.front();
}

Result<Buffer> read_public_key_info(Session& session, CK_OBJECT_HANDLE private_key) {
  const Buffer type_octets = session.value(private_key, CKA_KEY_TYPE);
  CK_KEY_TYPE type = 0;
  if (type_octets.size() != sizeof type)
    return make_error(Errc::unsupported, "{} does not tell the key's type", session.token());
  std::ranges::copy(type_octets, reinterpret_cast<std::uint8_t*>(&type));
  TokenUri beside;
  beside.id = session.value(private_key, CKA_ID);
  if (beside.id.empty()) beside.object = as_text(session.value(private_key, CKA_LABEL));
  Attributes attributes = object_template(beside, CKO_PUBLIC_KEY);
  attributes.number(CKA_KEY_TYPE, type);
  const auto found = TRY(session.find(attributes, kEnough));
  // RSA private keys carry modulus and exponent, and some tokens the point of EC keys as well.
  return public_key_info_of(session, found.size() == 1 ? found.front() : private_key, type);
}

std::string KeyOnToken::name() const {
  return uri_.object.empty() ? to_hex(uri_.id) : fmt::format("'{}'", uri_.object);
}

Result<KeyOnToken::Found> KeyOnToken::find_in(Session& session) const {
  {
    const std::lock_guard lock(guards_found_);
    if (found_.epoch == session.epoch()) return found_;
  }
  const auto handle = find_private_key(session, uri_);
  if (!handle && handle.error().code() == Errc::not_found) {
    // It was there once: what has gone may come back.
    session.mark_lost();
    return make_error(Errc::unavailable, "key {} is not on {} any more", name(), session.token())
        .with_hint("bring it back; no restart is needed");
  }
  if (!handle) return handle.error();
  const Found found{session.epoch(), *handle, session.flag(*handle, CKA_ALWAYS_AUTHENTICATE)};
  const std::lock_guard lock(guards_found_);
  found_ = found;
  return found;
}

Status KeyOnToken::operate(std::string_view doing, const Operation& init, const Operation& finish) const {
  return token_->run(pin_, Access::read, Patience::again, [&](Session& session) -> Status {
    const Found found = TRY(find_in(session));
    TRY(session.check(init(session.call(), session.handle(), found.handle), doing));
    if (found.always_authenticate) TRY(token_->log_in_for_operation(session, pin_));
    return session.check(finish(session.call(), session.handle(), found.handle), doing);
  });
}

std::unique_ptr<PrivateKey> make_private_key(std::shared_ptr<const Provider> provider,
                                             std::shared_ptr<const KeyOnToken> key) {
  return std::make_unique<TokenPrivateKey>(std::move(provider), std::move(key));
}

}  // namespace vouch::crypto::pkcs11
