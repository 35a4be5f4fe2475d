#include "revocation/tbs_spool.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace vouch::revocation {
namespace {

constexpr std::size_t kFlushAt =
    256 << 10;  // large enough that system calls do not count, small in the cache

}  // namespace

TbsSpool::TbsSpool(fs::path folder, FileDescriptor fd, x509::CrlFields fields)
    : folder_(std::move(folder)),
      fd_(std::move(fd)),
      fields_(std::move(fields)),
      head_bound_(x509::crl_head_bound(fields_)) {}

TbsSpool::TbsSpool(TbsSpool&& other) noexcept
    : folder_(std::move(other.folder_)),
      fd_(std::move(other.fd_)),
      fields_(std::move(other.fields_)),
      head_bound_(other.head_bound_),
      entries_size_(other.entries_size_),
      entries_(other.entries_),
      pending_(std::move(other.pending_)),
      map_(std::exchange(other.map_, {})) {}

TbsSpool::~TbsSpool() {
  if (!map_.empty()) ::munmap(map_.data(), map_.size());
}

Result<TbsSpool> TbsSpool::create(const fs::path& folder, x509::CrlFields fields) {
  std::string name = (folder / "crl.XXXXXX").string();
  FileDescriptor fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot build a CRL in", folder);
  ::unlink(name.c_str());
  TbsSpool spool(folder, std::move(fd), std::move(fields));
  if (::lseek(spool.fd_.get(), static_cast<off_t>(spool.head_bound_), SEEK_SET) < 0)
    return system_error(errno, "cannot build a CRL in", folder);
  return spool;
}

Status TbsSpool::add(const x509::CrlEntry& entry) {
  x509::append_crl_entry(pending_, entry);
  ++entries_;
  return pending_.size() >= kFlushAt ? flush() : ok();
}

Status TbsSpool::flush() {
  TRY(write_all(fd_.get(), pending_, folder_));
  entries_size_ += pending_.size();
  pending_.clear();
  return ok();
}

Result<Bytes> TbsSpool::finish() {
  TRY(flush());
  const Buffer extensions = x509::encode_crl_extensions(fields_);
  TRY(write_all(fd_.get(), extensions, folder_));
  const Buffer head = x509::encode_crl_head(fields_, entries_size_, extensions.size());
  const std::size_t start = head_bound_ - head.size();
  const ssize_t written = ::pwrite(fd_.get(), head.data(), head.size(), static_cast<off_t>(start));
  if (written != static_cast<ssize_t>(head.size()))
    return system_error(written < 0 ? errno : ENOSPC, "cannot build a CRL in", folder_);
  const std::size_t size = head_bound_ + entries_size_ + extensions.size();
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (address == MAP_FAILED) return system_error(errno, "cannot map the CRL built in", folder_);
  map_ = {static_cast<std::uint8_t*>(address), size};
  return Bytes(map_).subspan(start);
}

}  // namespace vouch::revocation
