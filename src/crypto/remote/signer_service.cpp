#include "crypto/remote/signer_service.hpp"

#include <algorithm>
#include <map>

namespace vouch::crypto::remote {
namespace {

// What one channel keeps between messages: signers and decrypters, made at their first use.
class Conversation {
 public:
  explicit Conversation(SignerService& service) : service_(service) {}

  Response answer(const Packet& packet) {
    auto request = parse_request(packet.message);
    if (!request) return std::move(request.error());
    Result<Response> response = std::visit([&](const auto& r) { return handle(r, packet.file); }, *request);
    if (!response) return std::move(response.error());
    return std::move(*response);
  }

 private:
  Result<Response> handle(const KeysRequest&, const FileDescriptor&) {
    std::vector<RemoteKeyInfo> keys;
    const std::scoped_lock lock(service_.guards_keys);
    for (const SignerService::Key& key : service_.keys)
      keys.push_back({key.reference, to_buffer(key.key->public_key_info())});
    return Response(std::move(keys));
  }

  Result<Response> handle(const SignRequest& request, const FileDescriptor& file) {
    if (request.tbs) return Response(TRY(sign(request.reference, request.algorithm, *request.tbs)));
    const SealedMap map = TRY(SealedMap::open(file));
    return Response(TRY(sign(request.reference, request.algorithm, map.bytes())));
  }

  // Each is looked at by itself, and what is refused keeps nothing from the others.
  Result<Response> handle(const SignAllRequest& request, const FileDescriptor&) {
    Signatures signatures;
    for (const Buffer& tbs : request.tbs)
      signatures.push_back(sign(request.reference, request.algorithm, tbs));
    return Response(std::move(signatures));
  }

  Result<Buffer> sign(const std::string& reference, SignatureAlgorithm algorithm, Bytes tbs) {
    const auto use = [&]() -> Result<Buffer> {
      const Signer* signer = TRY(signer_of(reference, algorithm));
      TRY(service_.may_sign(reference, tbs));
      return signer->sign(tbs);
    };
    return noted("sign", reference, tbs.size(), use());
  }

  Result<Response> handle(const DecryptRequest& request, const FileDescriptor&) {
    const auto use = [&]() -> Result<Response> {
      if (service_.may_decrypt) TRY(service_.may_decrypt(request.reference));
      const Decrypter* decrypter = TRY(decrypter_of(request.reference));
      return Response(TRY(decrypter->decrypt(request.transport, request.ciphertext, request.key_size)));
    };
    return noted("decrypt", request.reference, request.ciphertext.size(), use());
  }

  Result<Response> handle(const OpenRequest& request, const FileDescriptor&) {
    if (const auto known = known_key(request.reference)) {
      if (service_.check) TRY(service_.check(request.reference));
      return Response(to_buffer(known->public_key_info()));
    }
    if (!service_.open) return make_error(Errc::unsupported, "the signer process takes no further keys");
    if (count_keys() >= kMaxKeys)
      return make_error(Errc::limit_exceeded, "the signer process holds {} keys and takes no more", kMaxKeys);
    auto key = TRY(service_.open(request));
    const Buffer public_key_info = to_buffer(key->public_key_info());
    // Two channels may have asked for the same key: then either will do.
    const std::scoped_lock lock(service_.guards_keys);
    if (std::ranges::find(service_.keys, request.reference, &SignerService::Key::reference) ==
        service_.keys.end())
      service_.keys.push_back({request.reference, std::move(key)});
    return Response(public_key_info);
  }

  std::size_t count_keys() const {
    const std::scoped_lock lock(service_.guards_keys);
    return service_.keys.size();
  }
  std::shared_ptr<const PrivateKey> known_key(std::string_view reference) const {
    const std::scoped_lock lock(service_.guards_keys);
    const auto known = std::ranges::find(service_.keys, reference, &SignerService::Key::reference);
    return known == service_.keys.end() ? nullptr : known->key;
  }

  template <class T>
  Result<T> noted(std::string_view operation, std::string_view reference, std::size_t size,
                  Result<T> result) {
    const Status outcome = result ? ok() : Status(result.error());
    if (service_.note) service_.note({operation, reference, size, outcome});
    return result;
  }

  // Keys are added and never taken away, so the pointer stays good.
  Result<const PrivateKey*> key_of(const std::string& reference) const {
    if (const auto key = known_key(reference)) return key.get();
    return make_error(Errc::not_found, "the signer process has no key {}", reference);
  }
  Result<const Signer*> signer_of(const std::string& reference, SignatureAlgorithm algorithm) {
    const PrivateKey* key = TRY(key_of(reference));
    std::unique_ptr<Signer>& signer = signers_[{reference, algorithm}];
    if (!signer) signer = TRY(key->signer(algorithm));
    return signer.get();
  }
  Result<const Decrypter*> decrypter_of(const std::string& reference) {
    const PrivateKey* key = TRY(key_of(reference));
    std::unique_ptr<Decrypter>& decrypter = decrypters_[reference];
    if (!decrypter) decrypter = TRY(key->decrypter());
    return decrypter.get();
  }

  SignerService& service_;
  std::map<std::pair<std::string, SignatureAlgorithm>, std::unique_ptr<Signer>> signers_;
  std::map<std::string, std::unique_ptr<Decrypter>> decrypters_;
};

}  // namespace

Status serve(const Channel& channel, SignerService& service) {
  Conversation conversation(service);
  for (;;) {
    const Packet packet = TRY(channel.receive());
    if (packet.message.empty()) return ok();
    Response response = conversation.answer(packet);
    Buffer message = encode(response);
    const Status sent = channel.send(message);
    if (auto* octets = std::get_if<Buffer>(&response)) wipe(std::span(*octets));
    wipe(std::span(message));
    TRY(sent);
  }
}

}  // namespace vouch::crypto::remote
