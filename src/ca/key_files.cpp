#include "ca/key_files.hpp"

#include "ca/ca_name.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::size_t kMaxKeyFile = 64 << 10;

Result<fs::path> path_of(const Environment& environment, std::string_view reference) {
  if (!reference.starts_with(kFilePrefix))
    return make_error(Errc::unsupported, "this program cannot open the key {}", reference);
  return environment.home.keys() / reference.substr(kFilePrefix.size());
}

// A buffer whose content is wiped when it goes.
struct SecretBuffer {
  Buffer octets;
  ~SecretBuffer() { wipe(octets); }
};

}  // namespace

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const Environment& environment,
                                                     std::string_view reference) {
  const fs::path path = TRY(path_of(environment, reference));
  const SecretBuffer file{TRY(read_file(path, kMaxKeyFile))};
  std::string passphrase;
  if (as_text(file.octets).find("ENCRYPTED") != std::string_view::npos)
    passphrase = TRY(environment.passphrase(path.string()));
  auto key =
      environment.provider.load_private_key(file.octets, passphrase).context("reading key {}", path.string());
  wipe(passphrase);
  return key;
}

Result<std::string> save_key(const Environment& environment, std::string_view ca_name,
                             const crypto::PrivateKey& key, std::string_view passphrase) {
  const Buffer identifier = TRY(crypto::key_identifier(environment.provider, key.public_key_info()));
  const std::string name =
      fmt::format("{}-{}.key", sanitized_name(ca_name), to_hex(Bytes(identifier).first(8)));
  std::string pem = TRY(key.to_pem(passphrase));
  const Status written = write_file_new(environment.home.keys() / name, as_bytes(pem), 0600);
  wipe(pem);
  if (!written) return written.error();
  return std::string(kFilePrefix) + name;
}

void remove_key(const Environment& environment, std::string_view reference) {
  if (const auto path = path_of(environment, reference)) {
    std::error_code ignored;
    fs::remove(*path, ignored);
  }
}

}  // namespace vouch::ca
