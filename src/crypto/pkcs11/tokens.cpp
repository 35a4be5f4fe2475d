#include <algorithm>
#include <map>

#include "base/pem.hpp"
#include "crypto/pkcs11/errors.hpp"
#include "crypto/pkcs11/key.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "crypto/pkcs8.hpp"

namespace vouch::crypto::pkcs11 {
namespace {

constexpr std::size_t kMostKeys = 1000;  // that a listing shows of one token
constexpr std::uint8_t kPublicExponent[] = {0x01, 0x00, 0x01};
constexpr std::size_t kIdentifierOctets = 16;

// What of a URI chooses the token, apart from the object on it.
TokenUri token_part(TokenUri uri) {
  uri.object.clear();
  uri.type.clear();
  uri.id.clear();
  return uri;
}

// The URI of one key: as it was given, with what the token says about itself and the key.
TokenUri complete(TokenUri uri, const Slot& slot, std::string label, Buffer id) {
  uri.token = slot.uri.token;
  uri.object = std::move(label);
  uri.id = std::move(id);
  uri.type = "private";
  return uri;
}

std::string kind_of(Bytes public_key_info, Bytes key_type) {
  if (const auto info = x509::parse_public_key_info(public_key_info)) {
    if (info->type == KeyType::rsa) return fmt::format("RSA {}", info->bits);
    return std::string(x509::to_string(info->type));
  }
  CK_KEY_TYPE type = 0;
  if (key_type.size() != sizeof type) return "unknown";
  std::ranges::copy(key_type, reinterpret_cast<std::uint8_t*>(&type));
  return type == CKK_RSA ? "RSA" : type == CKK_EC ? "EC" : fmt::format("PKCS #11 type 0x{:x}", type);
}

struct Generation {
  CK_MECHANISM_TYPE mechanism;
  std::string_view name;
};
Generation generation_of(const KeySpec& spec) {
  if (spec.type == KeyType::rsa) return {CKM_RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"};
  if (spec.type == KeyType::ed25519) return {CKM_EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"};
  return {CKM_EC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"};
}

CK_KEY_TYPE key_type_of(KeyType type) {
  return type == KeyType::rsa ? CKK_RSA : type == KeyType::ed25519 ? CKK_EC_EDWARDS : CKK_EC;
}

void add_usage(Attributes& attributes, bool is_private, bool decrypts) {
  attributes.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, is_private);
  attributes.flag(is_private ? CKA_SIGN : CKA_VERIFY, true);
  attributes.flag(is_private ? CKA_DECRYPT : CKA_ENCRYPT, decrypts);
  if (is_private) attributes.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
}

class Pkcs11Tokens final : public Tokens {
 public:
  explicit Pkcs11Tokens(std::shared_ptr<const Provider> provider) : provider_(std::move(provider)) {}

  Result<TokenKey> find(const TokenUri& uri, const PinSource& pin) const override {
    const auto token = TRY(token_for(uri));
    TokenUri exact;
    Buffer public_key_info;
    TRY(token->run(pin, Access::read, Patience::again, [&](Session& session) -> Status {
      const CK_OBJECT_HANDLE key = TRY(find_private_key(session, uri));
      public_key_info = TRY(read_public_key_info(session, key));
      exact = complete(uri, session.slot(), std::string(as_text(session.value(key, CKA_LABEL))),
                       session.value(key, CKA_ID));
      return ok();
    }));
    return hold(token, std::move(exact), pin, std::move(public_key_info));
  }

  Result<TokenKey> generate(const TokenUri& wanted, const KeySpec& spec, const TokenKeyOptions& options,
                            const PinSource& pin) const override {
    const auto token = TRY(token_for(wanted));
    const TokenUri uri = TRY(prepare_new(*token, wanted, pin));
    const auto algorithm = TRY(signature_algorithm_for(spec, {}));
    const SigningMechanism signing = TRY(signing_mechanism(spec.type, algorithm));
    const Generation generation = generation_of(spec);
    TokenUri exact;
    Buffer public_key_info;
    TRY(token->run(pin, Access::write, Patience::once, [&](Session& session) -> Status {
      TRY(session.need_mechanism(generation.mechanism, generation.name, CKF_GENERATE_KEY_PAIR));
      TRY(session.need_mechanism(signing.type, signing.name, CKF_SIGN));
      Attributes public_part, private_part;
      for (Attributes* part : {&public_part, &private_part})
        part->add(CKA_LABEL, uri.object).add(CKA_ID, uri.id);
      add_usage(public_part, false, options.decrypts);
      add_usage(private_part, true, options.decrypts);
      if (spec.type == KeyType::rsa)
        public_part.number(CKA_MODULUS_BITS, spec.rsa_bits).add(CKA_PUBLIC_EXPONENT, Bytes(kPublicExponent));
      else
        public_part.add(CKA_EC_PARAMS, ec_parameters(spec.type));
      CK_MECHANISM mechanism{generation.mechanism, nullptr, 0};
      CK_OBJECT_HANDLE public_key = 0, private_key = 0;
      TRY(session.check(session.call().C_GenerateKeyPair(session.handle(), &mechanism, public_part.data(),
                                                         public_part.size(), private_part.data(),
                                                         private_part.size(), &public_key, &private_key),
                        fmt::format("making key '{}'", uri.object)));
      auto read = read_public_key_info(session, private_key);
      if (!read) {
        session.call().C_DestroyObject(session.handle(), private_key);
        session.call().C_DestroyObject(session.handle(), public_key);
        return read.error();
      }
      public_key_info = std::move(*read);
      exact = complete(uri, session.slot(), uri.object, uri.id);
      return ok();
    }));
    return hold(token, std::move(exact), pin, std::move(public_key_info));
  }

  Result<TokenKey> import(const TokenUri& wanted, const PrivateKey& key, const TokenKeyOptions& options,
                          const PinSource& pin) const override {
    std::string pem = TRY(key.to_pem({}));
    auto blocks = pem_or_der(as_bytes(pem), "PRIVATE KEY", {"PRIVATE KEY"});
    wipe(pem);
    if (!blocks) return blocks.error();
    auto imported = import_numbers(wanted, blocks->front().der, key, options, pin);
    for (PemBlock& block : *blocks) wipe(block.der);
    return imported;
  }

  Status remove(const TokenUri& uri, const PinSource& pin) const override {
    const auto token = TRY(token_for(uri));
    return token->run(pin, Access::write, Patience::again, [&](Session& session) -> Status {
      const CK_OBJECT_HANDLE key = TRY(find_private_key(session, uri));
      TokenUri beside;
      beside.id = session.value(key, CKA_ID);
      if (!beside.id.empty())
        for (const CK_OBJECT_HANDLE object : TRY(session.find(object_template(beside, CKO_PUBLIC_KEY), 2)))
          TRY(session.check(session.call().C_DestroyObject(session.handle(), object), "destroying a key"));
      return session.check(session.call().C_DestroyObject(session.handle(), key), "destroying a key");
    });
  }

  Result<std::vector<TokenKeyDescription>> list(const TokenUri& uri, const PinSource& pin) const override {
    const auto module = TRY(module_for(uri));
    std::vector<Slot> slots;
    // A fresh look: a module tells of tokens that came since its start only after another start.
    for (bool second = false; slots.empty(); second = true) {
      std::uint64_t epoch = 0;
      {
        const Module::Use use = module->use();
        epoch = use.epoch();
        slots = TRY(find_slots(use, uri));
      }
      if (!slots.empty() || second) break;
      TRY(module->restart(epoch));
    }
    if (slots.empty())
      return make_error(Errc::unavailable, "{} is not there", describe_token(uri))
          .with_hint("connect it, or correct the URI");
    std::vector<TokenKeyDescription> all;
    for (const Slot& slot : slots) {
      TokenUri one = uri;
      one.token = slot.uri.token;
      one.serial = slot.uri.serial;
      for (auto& key : TRY(list_token(uri, one, pin))) all.push_back(std::move(key));
    }
    return all;
  }

 private:
  Result<std::shared_ptr<Module>> module_for(const TokenUri& uri) const {
    const std::string file = TRY(module_file(uri));
    const std::lock_guard lock(guards_maps_);
    if (const auto found = modules_.find(file); found != modules_.end()) return found->second;
    auto module = TRY(Module::load(file));
    modules_.emplace(file, module);
    return module;
  }

  // CAs whose keys lie on one token share its login and its sessions.
  Result<std::shared_ptr<Token>> token_for(const TokenUri& uri) const {
    auto module = TRY(module_for(uri));
    const TokenUri which = token_part(uri);
    const std::string name = module->path() + '\n' + format_token_uri(which);
    const std::lock_guard lock(guards_maps_);
    auto& token = tokens_[name];
    if (!token) token = std::make_shared<Token>(std::move(module), which);
    return token;
  }

  Result<TokenKey> hold(std::shared_ptr<Token> token, TokenUri uri, const PinSource& pin,
                        Buffer public_key_info) const {
    const KeyType type = TRY(x509::parse_public_key_info(public_key_info)).type;
    auto key =
        std::make_shared<const KeyOnToken>(std::move(token), uri, pin, std::move(public_key_info), type);
    return TokenKey{std::move(uri), make_private_key(provider_, std::move(key))};
  }

  // Login, and that there is no such key yet: with patience, because nothing is made here.
  Result<TokenUri> prepare_new(Token& token, const TokenUri& wanted, const PinSource& pin) const {
    TokenUri uri = wanted;
    if (uri.object.empty())
      return make_error(Errc::usage, "the URI does not name the new key").with_hint("add object=NAME to it");
    if (uri.id.empty()) {
      uri.id.resize(kIdentifierOctets);
      provider_->random(uri.id);
    }
    TRY(token.run(pin, Access::write, Patience::again, [&](Session& session) -> Status {
      TokenUri label, id;
      label.object = uri.object;
      id.id = uri.id;
      for (const TokenUri& name : {label, id})
        if (!TRY(session.find(object_template(name, CKO_PRIVATE_KEY), 1)).empty())
          return make_error(Errc::conflict, "there is a private key {} on {} already",
                            name.object.empty() ? "with id " + to_hex(name.id) : "'" + name.object + "'",
                            session.token())
              .with_hint("choose another object=NAME, or use that key");
      return ok();
    }));
    return uri;
  }

  Result<TokenKey> import_numbers(const TokenUri& wanted, Bytes der, const PrivateKey& key,
                                  const TokenKeyOptions& options, const PinSource& pin) const {
    const PrivateNumbers numbers = TRY(parse_private_key_info(der));
    const auto info = TRY(x509::parse_public_key_info(key.public_key_info()));
    const auto token = TRY(token_for(wanted));
    const TokenUri uri = TRY(prepare_new(*token, wanted, pin));
    Attributes private_part, public_part;
    private_part.number(CKA_CLASS, CKO_PRIVATE_KEY);
    public_part.number(CKA_CLASS, CKO_PUBLIC_KEY);
    for (Attributes* part : {&public_part, &private_part})
      part->number(CKA_KEY_TYPE, key_type_of(info.type)).add(CKA_LABEL, uri.object).add(CKA_ID, uri.id);
    add_usage(public_part, false, options.decrypts);
    add_usage(private_part, true, options.decrypts);
    if (info.type == KeyType::rsa) {
      private_part.add(CKA_MODULUS, numbers.modulus)
          .add(CKA_PUBLIC_EXPONENT, numbers.public_exponent)
          .add(CKA_PRIVATE_EXPONENT, numbers.private_exponent)
          .add(CKA_PRIME_1, numbers.prime1)
          .add(CKA_PRIME_2, numbers.prime2)
          .add(CKA_EXPONENT_1, numbers.exponent1)
          .add(CKA_EXPONENT_2, numbers.exponent2)
          .add(CKA_COEFFICIENT, numbers.coefficient);
      public_part.add(CKA_MODULUS, info.modulus).add(CKA_PUBLIC_EXPONENT, info.exponent);
    } else {
      private_part.add(CKA_EC_PARAMS, ec_parameters(info.type)).add(CKA_VALUE, numbers.secret);
      public_part.add(CKA_EC_PARAMS, ec_parameters(info.type)).add(CKA_EC_POINT, ec_point(info.point));
    }
    TokenUri exact;
    TRY(token->run(pin, Access::write, Patience::once, [&](Session& session) -> Status {
      CK_OBJECT_HANDLE private_key = 0, public_key = 0;
      const auto create = [&](const Attributes& attributes, CK_OBJECT_HANDLE& object) {
        return session.check(
            session.call().C_CreateObject(session.handle(), attributes.data(), attributes.size(), &object),
            fmt::format("putting key '{}' onto the token", uri.object));
      };
      TRY(create(private_part, private_key));
      if (auto made = create(public_part, public_key); !made) {
        session.call().C_DestroyObject(session.handle(), private_key);
        return made;
      }
      exact = complete(uri, session.slot(), uri.object, uri.id);
      return ok();
    }));
    return hold(token, std::move(exact), pin, to_buffer(key.public_key_info()));
  }

  Result<std::vector<TokenKeyDescription>> list_token(const TokenUri& asked, const TokenUri& one,
                                                      const PinSource& pin) const {
    const auto token = TRY(token_for(one));
    std::vector<TokenKeyDescription> keys;
    TRY(token->run(pin, Access::read, Patience::again, [&](Session& session) -> Status {
      keys.clear();
      // Without a login only public keys can be seen.
      const CK_OBJECT_CLASS object_class = pin ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
      for (const CK_OBJECT_HANDLE object :
           TRY(session.find(object_template(asked, object_class), kMostKeys))) {
        TokenKeyDescription key;
        key.uri = complete(asked, session.slot(), std::string(as_text(session.value(object, CKA_LABEL))),
                           session.value(object, CKA_ID));
        if (auto info = read_public_key_info(session, object)) key.public_key_info = std::move(*info);
        if (session.lost()) return make_error(Errc::unavailable, "{} went away", session.token());
        key.kind = kind_of(key.public_key_info, session.value(object, CKA_KEY_TYPE));
        key.extractable = session.flag(object, CKA_EXTRACTABLE);
        keys.push_back(std::move(key));
      }
      return ok();
    }));
    return keys;
  }

  std::shared_ptr<const Provider> provider_;
  mutable std::mutex guards_maps_;
  mutable std::map<std::string, std::shared_ptr<Module>> modules_;
  mutable std::map<std::string, std::shared_ptr<Token>> tokens_;
};

}  // namespace

std::shared_ptr<const Tokens> make_tokens(std::shared_ptr<const Provider> provider) {
  return std::make_shared<Pkcs11Tokens>(std::move(provider));
}

}  // namespace vouch::crypto::pkcs11
