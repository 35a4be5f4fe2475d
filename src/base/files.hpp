#pragma once
// Files: bounded reads, writes that appear whole or not at all, and an exclusive lock.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace vouch {

namespace fs = std::filesystem;

constexpr std::size_t kMaxInputFile = std::size_t{256} << 20;  // a CRL of five million entries fits

// Reads a whole file ("-" is standard input). Fails with `not_found`, `denied`, or `limit_exceeded`
// above `max` octets; the message names the file.
Result<Buffer> read_file(const fs::path& path, std::size_t max = kMaxInputFile);

// Owns a file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// A file that appears under its name only when `commit` succeeds: written beside the target under a
// temporary name, fsynced, renamed, and the folder fsynced. Until then the old content stays; a
// destroyed, uncommitted AtomicFile leaves nothing behind. Errors: `denied`, `unavailable` (no space,
// read-only, I/O), each naming the path and what the system said.
class AtomicFile {
 public:
  // `suffix` stands in the temporary name before six random characters, for whoever looks for what killed
  // processes left.
  static Result<AtomicFile> create(const fs::path& target, mode_t mode = 0644, std::string_view suffix = {});
  AtomicFile(AtomicFile&&) = default;
  AtomicFile& operator=(AtomicFile&&) = default;
  ~AtomicFile();

  Status write(Bytes octets);
  int descriptor() const { return fd_.get(); }
  Status commit();

 private:
  AtomicFile(fs::path target, fs::path temporary, FileDescriptor fd)
      : target_(std::move(target)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  fs::path target_, temporary_;  // temporary_ is empty once there is nothing to clean up
  FileDescriptor fd_;
};

// AtomicFile for content that is at hand.
Status write_file_atomic(const fs::path& target, Bytes content, mode_t mode = 0644);
// Like it, but `conflict` when the target exists already: nothing is ever overwritten.
Status write_file_new(const fs::path& target, Bytes content, mode_t mode);

// A file mapped for reading: large ones cost only the pages that are looked at. What replaces the file under
// its name leaves the map as it is.
class MappedFile {
 public:
  // Fails as read_file does; an empty file is `malformed`.
  static Result<MappedFile> open(const fs::path& path);
  MappedFile(MappedFile&& other) noexcept : map_(std::exchange(other.map_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();
  Bytes bytes() const { return map_; }

 private:
  explicit MappedFile(std::span<std::uint8_t> map) : map_(map) {}
  std::span<std::uint8_t> map_;
};

// An advisory lock on a file that is created for it; held until destroyed, released by the kernel when the
// process dies. `acquire` waits up to `patience`, then fails with `unavailable`, naming the file.
class FileLock {
 public:
  static Result<FileLock> acquire(const fs::path& path, std::chrono::milliseconds patience);
  // Held by any number at once, and by nobody who acquires it.
  static Result<FileLock> share(const fs::path& path, std::chrono::milliseconds patience);
  // Turns a shared lock into one of its own. `unavailable`: others share it still.
  Status make_exclusive(std::chrono::milliseconds patience);
  void make_shared();

 private:
  FileLock(fs::path path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Status lock(int how, std::chrono::milliseconds patience);
  fs::path path_;
  FileDescriptor fd_;
};

// Copies a file of any size to a new file of mode 0600, durably and whole or not at all.
Status copy_durably(const fs::path& from, const fs::path& to);
// Puts a file in the place of `to`, durably; across file systems too.
Status move_durably(const fs::path& from, const fs::path& to);

// Makes the names in the folder of `file` durable: after a rename.
Status sync_folder_of(const fs::path& file);

// Creates the folder and its parents; an existing folder keeps its mode.
Status make_folder(const fs::path& path, mode_t mode = 0755);

// Writes all octets to a descriptor, or says why not. `what` names the file in messages.
Status write_all(int fd, Bytes octets, const fs::path& what);

// What errno means, as an Error that names the operation and the path.
Error system_error(int error_number, std::string_view doing, const fs::path& path);

}  // namespace vouch
