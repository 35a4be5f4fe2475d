#include "ca/key_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "ca/ca_name.hpp"
#include "ca/key_waiting.hpp"
#include "ca/token_keys.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::size_t kMaxKeyFile = 64 << 10;

// A buffer whose content is wiped when it goes.
struct SecretBuffer {
  Buffer octets;
  ~SecretBuffer() { wipe(octets); }
};

}  // namespace

bool is_key_file(std::string_view reference) { return reference.starts_with(kFilePrefix); }

Result<fs::path> key_file_path(const Environment& environment, std::string_view reference) {
  if (!is_key_file(reference))
    return make_error(Errc::unsupported, "this program cannot open the key {}", reference);
  return environment.home.keys() / reference.substr(kFilePrefix.size());
}

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const Environment& environment,
                                                     std::string_view reference) {
  if (crypto::is_token_uri(reference)) return find_token_key(environment, reference);
  const fs::path path = TRY(key_file_path(environment, reference));
  const SecretBuffer file{TRY(read_file(path, kMaxKeyFile))};
  std::string passphrase;
  if (as_text(file.octets).find("ENCRYPTED") != std::string_view::npos)
    passphrase = TRY(environment.passphrase(path.string()));
  auto key =
      environment.provider.load_private_key(file.octets, passphrase).context("reading key {}", path.string());
  wipe(passphrase);
  return key;
}

Result<std::shared_ptr<const crypto::Signer>> open_signer(const Environment& environment,
                                                          std::string_view reference, Bytes public_key_info,
                                                          crypto::SignatureAlgorithm algorithm,
                                                          const SignerOptions& options) {
  auto signer = make_late_signer(environment, std::string(reference), to_buffer(public_key_info), algorithm);
  if (!crypto::is_token_uri(reference)) TRY(signer->look());
  if (!options.interactive) return signer;
  return make_waiting_signer(environment, options.ca, std::move(signer));
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
  if (const auto path = key_file_path(environment, reference)) {
    std::error_code ignored;
    fs::remove(*path, ignored);
  }
}

Status wipe_key_file(const Environment& environment, std::string_view reference) {
  const fs::path path = TRY(key_file_path(environment, reference));
  std::error_code failed;
  const auto size = fs::file_size(path, failed);
  if (failed) return system_error(failed.value(), "deleting", path);
  // In place: a new file would leave the old blocks as they are. Journals, snapshots and flash may keep a
  // copy all the same (docs/mechanisms/keys.md).
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return system_error(errno, "overwriting", path);
  TRY(write_all(file.get(), Buffer(static_cast<std::size_t>(size)), path));
  if (::fsync(file.get()) != 0) return system_error(errno, "overwriting", path);
  fs::remove(path, failed);
  if (failed) return system_error(failed.value(), "deleting", path);
  return ok();
}

}  // namespace vouch::ca
