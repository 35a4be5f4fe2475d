#include "crypto/tokens.hpp"

#include "base/files.hpp"

namespace vouch::crypto {

Result<std::string> read_pin_source(std::string_view pin_source) {
  constexpr std::string_view kFile = "file:";
  constexpr std::size_t kMaxPinFile = 4096;
  if (pin_source.starts_with('|'))
    return make_error(Errc::unsupported, "pin-source names a program, and none is run for a PIN")
        .with_hint("name a file: pin-source=/path/to/file, or use --pin-file FILE");
  std::string_view path = pin_source;
  if (path.starts_with(kFile)) path.remove_prefix(kFile.size());
  if (path.starts_with("//")) path.remove_prefix(2);  // file:///path
  if (!path.starts_with('/'))
    return make_error(Errc::unsupported, "pin-source '{}' is not the absolute path of a file", pin_source)
        .with_hint("write pin-source=/path/to/file");
  Buffer content = TRY(read_file(fs::path(path), kMaxPinFile).context("reading the PIN"));
  std::string_view line = as_text(content);
  line = line.substr(0, line.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string pin(line);
  wipe(content);
  if (pin.empty()) return make_error(Errc::malformed, "{}: the first line, the PIN, is empty", path);
  return pin;
}

Status try_key(const Provider& provider, const PrivateKey& key, SignatureAlgorithm algorithm) {
  const auto signer = TRY(key.signer(algorithm));
  // Random, so that no two trials sign the same; and marked, so that it cannot be taken for a certificate.
  Buffer message = to_buffer(as_bytes("vouch trial signature "));
  Buffer nonce(16);
  provider.random(nonce);
  append(message, nonce);
  const Buffer signature = TRY(signer->sign(message).context("making a trial signature"));
  auto verified = provider.verify(key.public_key_info(), algorithm, message, signature);
  if (verified) return ok();
  return make_error(Errc::conflict, "the key's trial signature does not fit its public key: {}",
                    verified.error().message())
      .with_hint("private and public key on the token are no pair: choose another key");
}

}  // namespace vouch::crypto
