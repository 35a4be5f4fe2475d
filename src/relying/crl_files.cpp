#include "relying/crl_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace vouch::relying {
namespace {

constexpr std::string_view kStateSuffix = ".json";
constexpr std::size_t kMaxState = std::size_t{256} << 10;

// The folder's key. One that is cut off is replaced: indexes can be built again.
Result<Buffer> key_in(const crypto::Provider& provider, const fs::path& file) {
  if (auto key = read_file(file, 4096); key && key->size() == crypto::Sealer::kKeySize) return key;
  Buffer key(crypto::Sealer::kKeySize);
  provider.random(key);
  TRY(write_file_atomic(file, key, 0600));
  return key;
}

// A number that all processes with the folder open share. The file is as large as it has to be from its first
// moment on and never gets smaller, so that the map stays good.
Result<std::shared_ptr<std::uint64_t>> map_number(const fs::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || info.st_size != sizeof(std::uint64_t))
    TRY(write_file_atomic(file, Buffer(sizeof(std::uint64_t)), 0600));
  const FileDescriptor fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", file);
  void* map = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) return system_error(errno, "cannot map", file);
  return std::shared_ptr<std::uint64_t>(static_cast<std::uint64_t*>(map),
                                        [](std::uint64_t* number) { ::munmap(number, sizeof *number); });
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    out.push_back(at->path().filename().string());
  return out;
}

}  // namespace

Result<CrlFiles> CrlFiles::open(const crypto::Provider& provider, const fs::path& folder,
                                std::chrono::milliseconds patience) {
  TRY(make_folder(folder, 0700));
  const FileLock held = TRY(FileLock::acquire(folder / "lock", patience));
  Buffer key = TRY(key_in(provider, folder / "key"));
  std::shared_ptr<const crypto::Sealer> sealer = TRY(provider.sealer(key));
  wipe(key);
  CrlFiles files(folder, std::move(sealer), TRY(map_number(folder / "generation")));
  files.sweep();
  // A process may have been killed between a change and telling of it.
  files.announce();
  return files;
}

std::string CrlFiles::new_stem(const crypto::Provider& provider, std::string_view line) const {
  std::array<std::uint8_t, 8> octets{};
  provider.random(octets);
  return fmt::format("{}-{}", line, to_hex(octets));
}

Result<FileLock> CrlFiles::lock(std::chrono::milliseconds patience) const {
  return FileLock::acquire(folder_ / "lock", patience);
}

std::uint64_t CrlFiles::generation() const {
  return std::atomic_ref(*generation_).load(std::memory_order_acquire);
}

void CrlFiles::announce() const { std::atomic_ref(*generation_).fetch_add(1, std::memory_order_acq_rel); }

std::vector<std::string> CrlFiles::lines() const {
  std::vector<std::string> out;
  for (const std::string& name : names_in(folder_))
    if (name.ends_with(kStateSuffix))
      if (std::string id = name.substr(0, name.size() - kStateSuffix.size()); is_line_id(id))
        out.push_back(std::move(id));
  std::ranges::sort(out);
  return out;
}

std::optional<std::string> CrlFiles::stamp(const std::string& line) const {
  struct stat info{};
  if (::stat(state(line).c_str(), &info) != 0) return std::nullopt;
  return fmt::format("{}.{}.{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

Result<LineState> CrlFiles::read(const std::string& line) const {
  const fs::path file = state(line);
  const Buffer octets = TRY(read_file(file, kMaxState));
  auto read = parse_line(line, as_text(octets));
  if (read) return read;
  return std::move(read.error())
      .context(fmt::format("reading {}", file.string()))
      .with_hint(fmt::format("its highest CRL number is lost; to begin anew: vouch cache forget {}", line));
}

Status CrlFiles::write(const LineState& line, const std::optional<LineState>& before) const {
  TRY(write_file_atomic(state(line.id), as_bytes(format_line(line)), 0600));
  announce();
  if (before && before->file && (!line.file || line.file->stem != before->file->stem))
    remove_files(before->file->stem);
  return ok();
}

Status CrlFiles::erase(const std::string& line, const std::optional<LineState>& before) const {
  const fs::path file = state(line);
  if (::unlink(file.c_str()) != 0) return system_error(errno, "cannot remove", file);
  TRY(sync_folder_of(file));
  announce();
  if (before && before->file) remove_files(before->file->stem);
  return ok();
}

// Nobody waits for what is not named any more: what cannot be removed now is swept later.
void CrlFiles::remove_files(std::string_view stem) const {
  ::unlink(crl(stem).c_str());
  ::unlink(index(stem).c_str());
}

void CrlFiles::sweep() const {
  std::set<std::string> named;
  for (const std::string& id : lines()) {
    const auto line = read(id);
    if (!line) return;  // it may name anything
    if (!line->file) continue;
    named.insert(line->file->stem + ".crl");
    named.insert(line->file->stem + ".idx");
  }
  for (const std::string& name : names_in(folder_)) {
    // Only names that this class gives.
    const bool ours = is_line_id(std::string_view(name).substr(0, 32)) && name.size() > 32;
    const bool state_file = name.size() == 32 + kStateSuffix.size() && name.ends_with(kStateSuffix);
    const bool spare_key = name.starts_with("key.") || name.starts_with("generation.");
    if ((ours && !state_file && !named.contains(name)) || spare_key) ::unlink((folder_ / name).c_str());
  }
}

}  // namespace vouch::relying
