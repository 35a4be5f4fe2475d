#include "base/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace vouch {

Status sync_folder_of(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error(errno, "syncing folder", folder);
  return ok();
}

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(int error_number, std::string_view doing, const fs::path& path) {
  Errc code = Errc::unavailable;
  std::string_view hint;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = Errc::not_found;
      break;
    case EACCES:
    case EPERM:
      code = Errc::denied;
      hint = "check the owner and mode of the file and of its folder";
      break;
    case EEXIST:
      code = Errc::conflict;
      break;
    case EISDIR:
      code = Errc::malformed;
      hint = "name a file, not a folder";
      break;
    case ENOSPC:
    case EDQUOT:
      hint = "free space on that file system and try again; nothing was changed";
      break;
    case EROFS:
      hint = "the file system is mounted read-only; remount it writable and try again";
      break;
    default:
      break;
  }
  Error error = make_error(code, "{} {}: {}", doing, path.string(), std::strerror(error_number));
  return hint.empty() ? error : std::move(error).with_hint(std::string(hint));
}

Result<Buffer> read_file(const fs::path& path, std::size_t max) {
  const bool standard_input = path == "-";
  FileDescriptor owned(standard_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!standard_input && !owned) return system_error(errno, "cannot open", path);
  const int fd = standard_input ? STDIN_FILENO : owned.get();

  Buffer content;
  struct stat info{};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
    content.reserve(std::min(static_cast<std::size_t>(info.st_size), max) + 1);
  std::size_t used = 0;
  for (;;) {
    content.resize(std::max<std::size_t>(content.capacity(), used + 65536));
    const ssize_t n = ::read(fd, content.data() + used, content.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", path);
    used += static_cast<std::size_t>(n);
    if (used > max)
      return make_error(Errc::limit_exceeded, "{} is larger than the limit of {} octets", path.string(), max);
    if (n == 0) break;
  }
  content.resize(used);
  return content;
}

Status write_all(int fd, Bytes octets, const fs::path& what) {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot write", what);
    octets = octets.subspan(static_cast<std::size_t>(n));
  }
  return ok();
}

Result<AtomicFile> AtomicFile::create(const fs::path& target, mode_t mode, std::string_view suffix) {
  std::string name = fmt::format("{}{}.XXXXXX", target.string(), suffix);
  FileDescriptor fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot write", target);
  AtomicFile file(target, name, std::move(fd));
  if (::fchmod(file.fd_.get(), mode) != 0) return system_error(errno, "cannot set the mode of", target);
  return file;
}

AtomicFile::~AtomicFile() {
  if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(Bytes octets) { return write_all(fd_.get(), octets, target_); }

Status AtomicFile::commit() {
  if (::fsync(fd_.get()) != 0) return system_error(errno, "cannot write", target_);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0)
    return system_error(errno, "cannot replace", target_);
  temporary_.clear();
  return sync_folder_of(target_);
}

Status write_file_atomic(const fs::path& target, Bytes content, mode_t mode) {
  AtomicFile file = TRY(AtomicFile::create(target, mode));
  TRY(file.write(content));
  return file.commit();
}

Status write_file_new(const fs::path& target, Bytes content, mode_t mode) {
  // Written under another name first, so that the target never exists half-written; link() refuses an
  // existing name.
  const fs::path temporary = target.string() + ".new";
  {
    AtomicFile file = TRY(AtomicFile::create(temporary, mode));
    TRY(file.write(content));
    TRY(file.commit());
  }
  const int linked = ::link(temporary.c_str(), target.c_str());
  const int why = errno;
  ::unlink(temporary.c_str());
  if (linked != 0) return system_error(why, "cannot create", target);
  return sync_folder_of(target);
}

Result<MappedFile> MappedFile::open(const fs::path& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot open", path);
  if (!S_ISREG(info.st_mode) || info.st_size <= 0)
    return make_error(Errc::malformed, "{} is empty or no file", path.string());
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (map == MAP_FAILED) return system_error(errno, "cannot read", path);
  return MappedFile(std::span(static_cast<std::uint8_t*>(map), size));
}

MappedFile::~MappedFile() {
  if (!map_.empty()) ::munmap(map_.data(), map_.size());
}

Status FileLock::lock(int how, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd_.get(), how | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return system_error(errno, "cannot lock", path_);
    if (std::chrono::steady_clock::now() >= deadline)
      return make_error(Errc::unavailable, "{} is locked by another process", path_.string())
          .with_hint("wait until the other command has finished, then try again");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return ok();
}

namespace {

FileDescriptor open_lock(const fs::path& path) {
  return FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

}  // namespace

Result<FileLock> FileLock::acquire(const fs::path& path, std::chrono::milliseconds patience) {
  FileLock lock(path, open_lock(path));
  if (!lock.fd_) return system_error(errno, "cannot lock", path);
  TRY(lock.lock(LOCK_EX, patience));
  return lock;
}

Result<FileLock> FileLock::share(const fs::path& path, std::chrono::milliseconds patience) {
  FileLock lock(path, open_lock(path));
  if (!lock.fd_) return system_error(errno, "cannot lock", path);
  TRY(lock.lock(LOCK_SH, patience));
  return lock;
}

void FileLock::make_shared() {
  while (::flock(fd_.get(), LOCK_SH) != 0 && errno == EINTR) {
  }
}

Status FileLock::make_exclusive(std::chrono::milliseconds patience) { return lock(LOCK_EX, patience); }

Status make_folder(const fs::path& path, mode_t mode) {
  std::error_code error;
  if (fs::is_directory(path, error)) return ok();
  if (path.has_parent_path() && path.parent_path() != path) TRY(make_folder(path.parent_path(), 0755));
  if (::mkdir(path.c_str(), mode) == 0) return ok();
  const int why = errno;
  if (why == EEXIST && fs::is_directory(path, error)) return ok();  // somebody else was faster
  return system_error(why, "cannot create folder", path);
}

Status copy_durably(const fs::path& from, const fs::path& to) {
  const FileDescriptor fd(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", from);
  AtomicFile file = TRY(AtomicFile::create(to, 0600));
  Buffer piece(std::size_t{1} << 20);
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", from);
    if (n == 0) return file.commit();
    TRY(file.write(Bytes(piece).first(static_cast<std::size_t>(n))));
  }
}

Status move_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    if (errno != EXDEV) return system_error(errno, "cannot move to", to);
    TRY(copy_durably(from, to));
    if (::unlink(from.c_str()) != 0) return system_error(errno, "cannot remove", from);
  }
  TRY(sync_folder_of(to));
  return sync_folder_of(from);
}

}  // namespace vouch
