#include "crypto/remote/signer_service.hpp"

#include <algorithm>
#include <map>

namespace vouch::crypto::remote {
namespace {

// What one channel keeps between messages: signers and decrypters, made at their first use.
class Conversation {
 public:
  explicit Conversation(const SignerService& service) : service_(service) {}

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
    for (const SignerService::Key& key : service_.keys)
      keys.push_back({key.reference, to_buffer(key.key->public_key_info())});
    return Response(std::move(keys));
  }

  Result<Response> handle(const SignRequest& request, const FileDescriptor& file) {
    if (request.tbs) return sign(request, *request.tbs);
    const SealedMap map = TRY(SealedMap::open(file));
    return sign(request, map.bytes());
  }

  Result<Response> sign(const SignRequest& request, Bytes tbs) {
    const auto use = [&]() -> Result<Response> {
      const Signer* signer = TRY(signer_of(request.reference, request.algorithm));
      TRY(service_.may_sign(request.reference, tbs));
      return Response(TRY(signer->sign(tbs)));
    };
    return noted("sign", request.reference, tbs.size(), use());
  }

  Result<Response> handle(const DecryptRequest& request, const FileDescriptor&) {
    const auto use = [&]() -> Result<Response> {
      const Decrypter* decrypter = TRY(decrypter_of(request.reference));
      return Response(TRY(decrypter->decrypt(request.transport, request.ciphertext, request.key_size)));
    };
    return noted("decrypt", request.reference, request.ciphertext.size(), use());
  }

  Result<Response> noted(std::string_view operation, std::string_view reference, std::size_t size,
                         Result<Response> result) {
    const Status outcome = result ? ok() : Status(result.error());
    if (service_.note) service_.note({operation, reference, size, outcome});
    return result;
  }

  Result<const PrivateKey*> key_of(const std::string& reference) const {
    const auto key = std::ranges::find(service_.keys, reference, &SignerService::Key::reference);
    if (key == service_.keys.end())
      return make_error(Errc::not_found, "the signer process has no key {}", reference);
    return key->key.get();
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

  const SignerService& service_;
  std::map<std::pair<std::string, SignatureAlgorithm>, std::unique_ptr<Signer>> signers_;
  std::map<std::string, std::unique_ptr<Decrypter>> decrypters_;
};

}  // namespace

Status serve(const Channel& channel, const SignerService& service) {
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
