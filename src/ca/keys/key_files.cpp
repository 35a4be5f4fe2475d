#include "ca/keys/key_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "ca/home/ca_name.hpp"
#include "ca/keys/key_waiting.hpp"
#include "ca/keys/token_keys.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kFilePrefix = "file:";
constexpr std::size_t kMaxKeyFile = 64 << 10;

// A buffer whose content is wiped when it goes.
struct SecretBuffer {
  Buffer octets;
  ~SecretBuffer() { wipe(octets); }
};

// The name is the last part of a path: what another process says is not followed out of the folder.
Result<fs::path> key_file_in(const fs::path& folder, std::string_view reference) {
  if (!is_key_file(reference))
    return make_error(Errc::unsupported, "this program cannot open the key {}", reference);
  const std::string_view name = reference.substr(kFilePrefix.size());
  if (name.empty() || name.contains('/') || name.contains('\0') || name == "." || name == "..")
    return make_error(Errc::malformed, "'{}' is no name of a key file", name);
  return folder / name;
}

}  // namespace

bool is_key_file(std::string_view reference) { return reference.starts_with(kFilePrefix); }

Result<fs::path> key_file_path(const Environment& environment, std::string_view reference) {
  return key_file_in(environment.home.keys(), reference);
}

KeyAccess key_access(const Environment& environment) {
  return {environment.home.keys(), environment.home.configuration().pkcs11_module,
          &environment.provider,   environment.passphrase,
          environment.tokens,      environment.pin};
}

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const KeyAccess& access, std::string_view reference) {
  if (crypto::is_token_uri(reference)) return find_token_key(access, reference);
  const fs::path path = TRY(key_file_in(access.folder, reference));
  const SecretBuffer file{TRY(read_file(path, kMaxKeyFile))};
  std::string passphrase;
  if (as_text(file.octets).find("ENCRYPTED") != std::string_view::npos)
    passphrase = TRY(access.passphrase(path.string()));
  auto key =
      access.provider->load_private_key(file.octets, passphrase).context("reading key {}", path.string());
  wipe(passphrase);
  return key;
}

Result<std::unique_ptr<crypto::PrivateKey>> load_key(const Environment& environment,
                                                     std::string_view reference) {
  if (environment.keys) return environment.keys->find(environment, reference);
  return load_key(key_access(environment), reference);
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
