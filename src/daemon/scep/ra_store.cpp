#include "daemon/scep/ra_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/pem.hpp"
#include "ca/keys/key_files.hpp"
#include "ca/keys/service_keys.hpp"
#include "x509/request.hpp"

namespace vouch::daemon::scep {
namespace {

constexpr std::size_t kMaxFile = 64 << 10;

Status check_mode(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return system_error(errno, "looking at", file);
  if ((info.st_mode & 077) == 0) return ok();
  return make_error(Errc::denied, "{} can be read by others than its owner", file.string())
      .with_hint(fmt::format("chmod 0600 '{}'", file.string()));
}

}  // namespace

// --- the CA's home ---

Result<std::vector<RaCertificate>> HomeRaStore::list() const {
  const auto snapshot = TRY(environment_.database.snapshot());
  std::vector<RaCertificate> all;
  for (ca::ServiceKey& key : TRY(ca::registration_keys(*snapshot, authority_))) {
    const auto record = snapshot->certificate(key.serial);
    // Purged, or lost with an older database.
    if (!record && record.error().code() == Errc::not_found) continue;
    if (!record) return record.error();
    if (!record->revocation && !record->der().empty())
      all.push_back({record->der(), std::move(key.reference)});
  }
  return all;
}

Result<std::string> HomeRaStore::keep_key(const crypto::PrivateKey& key) {
  return ca::save_key(environment_, name_, key, "");
}

Status HomeRaStore::keep(const RaCertificate& certificate) {
  const auto view = TRY(x509::parse_certificate(certificate.certificate));
  ca::ServiceKey kept{certificate.reference, to_buffer(x509::serial_octets(view.serial))};
  const auto known = TRY(environment_.database.snapshot())->certificate(kept.serial);
  if (!known) return Error(known.error()).context("looking for the certificate in the database of this home");
  return environment_.database.commit([&](store::Transaction& t) -> Status {
    auto keys = TRY(ca::registration_keys(t, authority_));
    if (std::ranges::find(keys, kept) == keys.end()) keys.push_back(kept);
    return ca::remember_registration_keys(t, authority_, keys);
  });
}

Status HomeRaStore::forget(const std::string& reference) {
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    auto keys = TRY(ca::registration_keys(t, authority_));
    std::erase_if(keys, [&](const ca::ServiceKey& key) { return key.reference == reference; });
    return ca::remember_registration_keys(t, authority_, keys);
  }));
  return ca::wipe_key_file(environment_, reference);
}

Result<std::unique_ptr<crypto::PrivateKey>> HomeRaStore::key(const RaCertificate& certificate) const {
  return ca::load_key(environment_, certificate.reference);
}

// --- a folder ---

Result<std::vector<RaCertificate>> FolderRaStore::list() const {
  std::vector<RaCertificate> all;
  std::error_code unknown;
  for (const auto& entry : fs::directory_iterator(folder_, unknown)) {
    if (entry.path().extension() != ".pem") continue;
    const Buffer pem = TRY(read_file(entry.path(), kMaxFile));
    auto blocks =
        TRY(pem_or_der(pem, "CERTIFICATE", {"CERTIFICATE"}).context("reading {}", entry.path().string()));
    all.push_back({std::move(blocks.front().der), entry.path().stem().string() + ".key"});
  }
  return all;
}

Result<std::string> FolderRaStore::keep_key(const crypto::PrivateKey& key) {
  TRY(make_folder(folder_, 0700));
  const std::string reference =
      to_hex(TRY(crypto::key_identifier(provider_, key.public_key_info()))) + ".key";
  std::string pem = TRY(key.to_pem({}));
  const Status written = write_file_atomic(folder_ / reference, as_bytes(pem), 0600);
  wipe(pem);
  TRY(written);
  return reference;
}

Status FolderRaStore::keep(const RaCertificate& certificate) {
  const fs::path file = (folder_ / certificate.reference).replace_extension(".pem");
  return write_file_atomic(file, as_bytes(to_pem("CERTIFICATE", certificate.certificate)), 0644);
}

Status FolderRaStore::forget(const std::string& reference) {
  const fs::path key = folder_ / reference;
  std::error_code unknown;
  const auto size = fs::file_size(key, unknown);
  if (const FileDescriptor file(::open(key.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)); file && !unknown) {
    TRY(write_all(file.get(), Buffer(static_cast<std::size_t>(size)), key));
    ::fsync(file.get());
  }
  fs::remove(fs::path(key).replace_extension(".pem"), unknown);
  fs::remove(key, unknown);
  return ok();
}

Result<std::optional<RaStore::Waiting>> FolderRaStore::waiting(const std::string& template_name) const {
  const fs::path file = folder_ / (template_name + ".csr");
  std::error_code unknown;
  if (!fs::exists(file, unknown)) return std::optional<Waiting>();
  const Buffer pem = TRY(read_file(file, kMaxFile));
  auto blocks = TRY(
      pem_or_der(pem, "CERTIFICATE REQUEST", {"CERTIFICATE REQUEST"}).context("reading {}", file.string()));
  const auto view = TRY(x509::parse_request(blocks.front().der).context("reading {}", file.string()));
  Waiting waiting;
  waiting.reference = to_hex(TRY(crypto::key_identifier(provider_, view.public_key_info))) + ".key";
  waiting.request = std::move(blocks.front().der);
  if (!fs::exists(folder_ / waiting.reference, unknown)) return std::optional<Waiting>();
  return std::optional(std::move(waiting));
}

Status FolderRaStore::keep_waiting(const std::string& template_name, const std::optional<Waiting>& waiting) {
  const fs::path file = folder_ / (template_name + ".csr");
  if (waiting)
    return write_file_atomic(file, as_bytes(to_pem("CERTIFICATE REQUEST", waiting->request)), 0644);
  std::error_code unknown;
  fs::remove(file, unknown);
  return ok();
}

Result<std::unique_ptr<crypto::PrivateKey>> FolderRaStore::key(const RaCertificate& certificate) const {
  const fs::path file = folder_ / certificate.reference;
  Buffer pem = TRY(read_file(file, kMaxFile));
  auto key = provider_.load_private_key(pem, {}).context("reading {}", file.string());
  wipe(pem);
  TRY(check_mode(file));
  return key;
}

}  // namespace vouch::daemon::scep
