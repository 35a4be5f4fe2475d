#include "ca/keys/token_keys.hpp"

#include <mutex>

#include "ca/keys/key_files.hpp"

namespace vouch::ca {
namespace {

class LateKeySigner final : public LateSigner {
 public:
  LateKeySigner(const Environment& environment, std::string reference, Buffer public_key_info,
                crypto::SignatureAlgorithm algorithm)
      : environment_(environment),
        reference_(std::move(reference)),
        public_key_info_(std::move(public_key_info)),
        algorithm_(algorithm) {}

  crypto::SignatureAlgorithm algorithm() const override { return algorithm_; }
  Bytes public_key_info() const override { return public_key_info_; }

  Status look() const override {
    (void)TRY(signer());
    return ok();
  }

  Result<Buffer> sign(Bytes tbs) const override {
    const auto found = TRY(signer());
    return found->sign(tbs);
  }

  // Together, as far as the key itself can: for one in another process that is one message instead of many.
  std::vector<Result<Buffer>> sign_all(std::span<const Bytes> all) const override {
    const auto found = signer();
    if (found) return (*found)->sign_all(all);
    return std::vector<Result<Buffer>>(all.size(), found.error());
  }

 private:
  Result<std::shared_ptr<const crypto::Signer>> signer() const {
    // One thread looks, the others wait for what it finds: a PIN is asked for once.
    const std::lock_guard lock(guards_signer_);
    if (signer_) return signer_;
    const auto key = TRY(load_key(environment_, reference_));
    if (!equal(key->public_key_info(), public_key_info_))
      return make_error(Errc::conflict, "key {} does not belong to the CA's certificate", reference_)
          .with_hint("bring the CA's own key back; vouch ca key list shows where each is expected");
    signer_ = TRY(key->signer(algorithm_));
    return signer_;
  }

  const Environment environment_;
  const std::string reference_;
  const Buffer public_key_info_;
  const crypto::SignatureAlgorithm algorithm_;
  mutable std::mutex guards_signer_;
  mutable std::shared_ptr<const crypto::Signer> signer_;
};

// Without a source of PINs, the file that the URI itself names.
crypto::PinSource pin_or_else(crypto::PinSource pin) {
  if (pin) return pin;
  return [](const crypto::PinRequest& request) -> Result<std::string> {
    if (!request.pin_source.empty()) return crypto::read_pin_source(request.pin_source);
    return make_error(Errc::denied, "token '{}' wants a PIN, and nothing gives it", request.token)
        .with_hint("add pin-source=/path/to/file to the key's URI");
  };
}

Result<crypto::KeySpec> spec_of(const crypto::PrivateKey& key, bool pss) {
  const auto info = TRY(x509::parse_public_key_info(key.public_key_info()));
  return crypto::KeySpec{info.type, info.type == crypto::KeyType::rsa ? info.bits : 0, pss};
}

}  // namespace

Result<crypto::TokenUri> read_token_uri(const KeyAccess& access, std::string_view reference) {
  crypto::TokenUri uri = TRY(crypto::parse_token_uri(reference));
  if (uri.module_path.empty() && uri.module_name.empty()) uri.module_path = access.pkcs11_module;
  return uri;
}

Result<crypto::TokenUri> read_token_uri(const Environment& environment, std::string_view reference) {
  return read_token_uri(key_access(environment), reference);
}

Result<const crypto::Tokens*> tokens_of(const Environment& environment) {
  if (!environment.tokens) return make_error(Errc::unsupported, "this program does not reach tokens");
  return environment.tokens.get();
}

crypto::PinSource pin_source_of(const Environment& environment) { return pin_or_else(environment.pin); }

Result<std::unique_ptr<crypto::PrivateKey>> find_token_key(const KeyAccess& access,
                                                           std::string_view reference) {
  if (!access.tokens) return make_error(Errc::unsupported, "this program does not reach tokens");
  auto found = TRY(access.tokens->find(TRY(read_token_uri(access, reference)), pin_or_else(access.pin)));
  return std::move(found.key);
}

std::shared_ptr<const LateSigner> make_late_signer(const Environment& environment, std::string reference,
                                                   Buffer public_key_info,
                                                   crypto::SignatureAlgorithm algorithm) {
  return std::make_shared<LateKeySigner>(environment, std::move(reference), std::move(public_key_info),
                                         algorithm);
}

Result<NewKey> NewKey::make(const Environment& environment, NewKeyOptions options) {
  NewKey made(environment);
  made.ca_name_ = options.ca_name;
  if (options.token_uri.empty()) {
    made.key_ =
        options.existing ? std::move(options.existing) : TRY(environment.provider.generate(options.spec));
    return made;
  }
  const auto* tokens = TRY(tokens_of(environment));
  const crypto::PinSource pin = pin_source_of(environment);
  crypto::TokenUri uri = TRY(read_token_uri(environment, options.token_uri));
  const bool names_a_key = !uri.object.empty() || !uri.id.empty();
  if (uri.object.empty()) uri.object = options.ca_name;

  crypto::TokenKey on_token;
  const auto use = [&](crypto::TokenKey key, std::string_view how) {
    on_token = std::move(key);
    made.origin_ = fmt::format("key '{}' {} token '{}'", on_token.uri.object, how, on_token.uri.token);
  };
  if (options.existing) {
    use(TRY(tokens->import(uri, *options.existing, {}, pin)), "was put onto");
    made.made_ = format_token_uri(on_token.uri);
  } else {
    auto found = names_a_key ? tokens->find(TRY(read_token_uri(environment, options.token_uri)), pin)
                             : make_error(Errc::not_found, "a new key is wanted");
    if (!found && found.error().code() != Errc::not_found) return std::move(found.error());
    if (found) {
      use(std::move(*found), "was there already and is used from");
    } else {
      use(TRY(tokens->generate(uri, options.spec, {}, pin)), "was made on");
      made.made_ = format_token_uri(on_token.uri);
    }
  }
  made.key_ = std::move(on_token.key);
  const crypto::KeySpec spec = TRY(spec_of(*made.key_, options.spec.pss));
  TRY(crypto::try_key(environment.provider, *made.key_,
                      TRY(crypto::signature_algorithm_for(spec, options.digest)))
          .context("trying the key on token '{}'", on_token.uri.token));
  // The reference keeps what was given of the way there: a configured module stays configurable.
  const crypto::TokenUri given = TRY(crypto::parse_token_uri(options.token_uri));
  on_token.uri.module_path = given.module_path;
  on_token.uri.module_name = given.module_name;
  made.token_reference_ = format_token_uri(on_token.uri);
  return made;
}

NewKey::~NewKey() {
  if (!environment_ || made_.empty()) return;
  if (!crypto::is_token_uri(made_)) {
    remove_key(*environment_, made_);
    return;
  }
  const auto uri = read_token_uri(*environment_, made_);
  if (!uri) return;
  if (auto removed = environment_->tokens->remove(*uri, pin_source_of(*environment_));
      !removed && environment_->tell)
    environment_->tell(fmt::format("warning: the new key '{}' stays on token '{}', unused: {}", uri->object,
                                   uri->token, removed.error().summary()));
}

Result<std::string> NewKey::keep(std::string_view passphrase) {
  if (!token_reference_.empty()) return token_reference_;
  made_ = TRY(save_key(*environment_, ca_name_, *key_, passphrase));
  return made_;
}

void NewKey::settle() { made_.clear(); }

}  // namespace vouch::ca
