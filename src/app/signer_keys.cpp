#include "app/signer_keys.hpp"

#include <algorithm>

#include "x509/certificate.hpp"
#include "x509/extensions.hpp"

namespace vouch::app {
namespace {

using lint::ToBeSigned;

constexpr unsigned kinds(std::initializer_list<ToBeSigned> list) {
  unsigned sum = 0;
  for (const ToBeSigned kind : list) sum |= static_cast<unsigned>(kind);
  return sum;
}
constexpr unsigned kAuthorityKinds =
    kinds({ToBeSigned::certificate, ToBeSigned::crl, ToBeSigned::request, ToBeSigned::audit_statement});
constexpr unsigned kResponderKinds = kinds({ToBeSigned::ocsp_response});
constexpr unsigned kMessageKinds = kinds({ToBeSigned::message_attributes});  // of a registration authority
constexpr unsigned kAuditKinds = kinds({ToBeSigned::audit_head});

Result<bool> is_authority(const x509::CertificateView& certificate) {
  const auto* extension = certificate.find(x509::oid::kBasicConstraints);
  return extension && TRY(x509::parse_basic_constraints(extension->value)).ca;
}

Result<bool> is_responder(const x509::CertificateView& certificate) {
  const auto* extension = certificate.find(x509::oid::kExtendedKeyUsage);
  if (!extension) return false;
  const auto purposes = TRY(x509::parse_extended_key_usage(extension->value));
  return std::ranges::find(purposes, x509::oid::kOcspSigning) != purposes.end();
}

}  // namespace

// A key that is looked for when it is used, and again as long as it was not there.
class SignerKeys::LateKey final : public crypto::PrivateKey {
 public:
  LateKey(const ca::KeyAccess& access, std::string reference, Buffer public_key_info)
      : access_(access), reference_(std::move(reference)), public_key_info_(std::move(public_key_info)) {}

  Bytes public_key_info() const override { return public_key_info_; }
  Result<std::unique_ptr<crypto::Signer>> signer(crypto::SignatureAlgorithm algorithm) const override {
    return TRY(found())->signer(algorithm);
  }
  Result<std::unique_ptr<crypto::Decrypter>> decrypter() const override { return TRY(found())->decrypter(); }
  Result<std::string> to_pem(std::string_view) const override {
    return make_error(Errc::unsupported, "a key does not leave the signer process");
  }

  // That it is the right one, and there.
  Status look() const {
    (void)TRY(crypto::is_token_uri(reference_) ? load() : found());
    return ok();
  }

 private:
  using Key = std::shared_ptr<const crypto::PrivateKey>;
  Result<Key> load() const {
    auto loaded = ca::load_key(access_, reference_);
    if (!loaded) return in_the_sandbox(std::move(loaded.error()));
    Key key = std::move(*loaded);
    if (!equal(key->public_key_info(), public_key_info_))
      return make_error(Errc::conflict, "the key {} is not the one of its certificate", reference_)
          .with_hint("bring the right key back; vouch ca key list shows where each is expected");
    return key;
  }
  // A token that comes back has its module started anew, here, where that reads only what was named.
  Error in_the_sandbox(Error error) const {
    if (!crypto::is_token_uri(reference_) || error.code() != Errc::unavailable) return error;
    std::string hint(error.hint());
    hint += hint.empty() ? "" : "; ";
    return std::move(error).with_hint(
        hint +
        "what the token's module reads has to be in signer.readable, what it writes in signer.writable");
  }
  Result<Key> found() const {
    const std::scoped_lock lock(guards_key_);
    if (!key_) key_ = TRY(load());
    return key_;
  }

  const ca::KeyAccess& access_;
  const std::string reference_;
  const Buffer public_key_info_;
  mutable std::mutex guards_key_;
  mutable Key key_;
};

Result<SignerKeys::Purpose> SignerKeys::purpose_of(Bytes evidence) const {
  Purpose purpose;
  if (x509::parse_public_key_info(evidence)) {
    purpose.public_key_info = to_buffer(evidence);
    purpose.grant.kinds = kAuditKinds;
    return purpose;
  }
  const auto certificate = TRY(x509::parse_certificate(evidence).context("reading the certificate of a key"));
  purpose.public_key_info = to_buffer(certificate.public_key_info);
  purpose.grant.subject = to_buffer(certificate.subject);
  purpose.grant.key_identifier = TRY(crypto::key_identifier(*access_.provider, certificate.public_key_info));
  purpose.grant.key_sha256 =
      access_.provider->digest(crypto::DigestAlgorithm::sha256, certificate.public_key_info);
  purpose.grant.kinds = TRY(is_authority(certificate))   ? kAuthorityKinds
                        : TRY(is_responder(certificate)) ? kResponderKinds
                                                         : kMessageKinds;
  return purpose;
}

// A certificate in the name of a CA whose key is here has to be signed by that key. Of other CAs nothing is
// known here.
Status SignerKeys::check_issuer(Bytes evidence) const {
  const auto certificate = x509::parse_certificate(evidence);
  if (!certificate) return ok();
  const auto algorithm = TRY(x509::parse_signature_algorithm(certificate->signature_algorithm));
  const auto is_signed_by = [&](Bytes public_key_info) {
    return access_.provider->verify(public_key_info, algorithm, certificate->tbs, certificate->signature)
        .has_value();
  };
  // A root's, also that of a new key beside an old one of the same name.
  if (equal(certificate->issuer, certificate->subject) && is_signed_by(certificate->public_key_info))
    return ok();
  bool is_known = false;
  const std::scoped_lock lock(guards_held_);
  for (const auto& [reference, held] : held_) {
    if ((held.grant.kinds & kAuthorityKinds) == 0 || !equal(held.grant.subject, certificate->issuer))
      continue;
    is_known = true;
    if (is_signed_by(held.key->public_key_info())) return ok();
  }
  if (!is_known) return ok();
  return make_error(Errc::denied, "the certificate of the key is not signed by the CA that it names");
}

Result<std::shared_ptr<const crypto::PrivateKey>> SignerKeys::add(const ca::KeyEvidence& key) {
  Purpose purpose = TRY(purpose_of(key.evidence));
  if (std::ranges::find(messengers_, key.reference) != messengers_.end())
    purpose.grant.kinds |= kMessageKinds;
  TRY(check_issuer(key.evidence));
  auto late = std::make_shared<const LateKey>(access_, key.reference, std::move(purpose.public_key_info));
  if (!crypto::is_token_uri(key.reference)) TRY(late->look());
  const std::scoped_lock lock(guards_held_);
  // What was said first about a key holds: by another reference it would be the same key.
  for (const auto& [reference, held] : held_)
    if (equal(held.key->public_key_info(), late->public_key_info()) &&
        held.grant.kinds != purpose.grant.kinds)
      return make_error(Errc::denied, "the key {} is there for something else", reference);
  return held_.try_emplace(key.reference, Held{std::move(late), std::move(purpose.grant)}).first->second.key;
}

Result<SignerKeys::Held> SignerKeys::held(std::string_view reference) const {
  const std::scoped_lock lock(guards_held_);
  const auto found = held_.find(reference);
  if (found == held_.end()) return make_error(Errc::not_found, "the signer process has no key {}", reference);
  return found->second;
}

Status SignerKeys::check(std::string_view reference) const { return TRY(held(reference)).key->look(); }

Result<ToBeSigned> SignerKeys::may_sign(std::string_view reference, Bytes tbs) const {
  return lint::check_to_be_signed(TRY(held(reference)).grant, tbs);
}

Status SignerKeys::may_decrypt(std::string_view reference) const {
  if ((TRY(held(reference)).grant.kinds & kMessageKinds) != 0) return ok();
  return make_error(Errc::denied, "the key {} is not there to decrypt", reference);
}

}  // namespace vouch::app
