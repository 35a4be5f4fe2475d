#include "revocation/tbs_spool.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace vouch::revocation {
namespace {

// From here on a DER length takes five octets (X.690 8.1.3.5), up to 4 GiB: the sizes of all headers are
// known.
constexpr std::size_t kLarge = std::size_t{1} << 24;
constexpr std::size_t kLargeHeader = 6;
constexpr std::size_t kLargest = 0xffff'ffff;
// Large enough that system calls do not count, small enough that the disk has work early.
constexpr std::size_t kFlushAt = std::size_t{1} << 20;

}  // namespace

TbsSpool::TbsSpool(fs::path target, x509::CrlFields fields)
    : target_(std::move(target)),
      fields_(std::move(fields)),
      extensions_(x509::encode_crl_extensions(fields_)),
      head_size_(x509::encode_crl_head(fields_, kLarge, extensions_.size()).size()) {}

TbsSpool::TbsSpool(TbsSpool&& other) noexcept
    : target_(std::move(other.target_)),
      fields_(std::move(other.fields_)),
      extensions_(std::move(other.extensions_)),
      file_(std::move(other.file_)),
      head_size_(other.head_size_),
      entries_size_(other.entries_size_),
      entries_(other.entries_),
      pending_(std::move(other.pending_)),
      map_(std::exchange(other.map_, {})),
      tbs_(std::exchange(other.tbs_, {})),
      frame_head_(std::move(other.frame_head_)),
      frame_tail_(std::move(other.frame_tail_)) {}

TbsSpool::~TbsSpool() {
  if (!map_.empty()) ::munmap(map_.data(), map_.size());
}

Status TbsSpool::add(const x509::CrlEntry& entry) {
  x509::append_crl_entry(pending_, entry);
  ++entries_;
  return pending_.size() >= (file_ ? kFlushAt : kLarge) ? flush() : ok();
}

Status TbsSpool::flush() {
  if (!file_) {
    file_ = TRY(AtomicFile::create(target_));
    if (::lseek(file_->descriptor(), static_cast<off_t>(kLargeHeader + head_size_), SEEK_SET) < 0)
      return system_error(errno, "cannot write", target_);
  }
  TRY(file_->write(pending_));
  // The disk works while the next entries are encoded; fsync later finds little left to wait for.
  ::sync_file_range(file_->descriptor(), static_cast<off_t>(kLargeHeader + head_size_ + entries_size_),
                    static_cast<off_t>(pending_.size()), SYNC_FILE_RANGE_WRITE);
  entries_size_ += pending_.size();
  pending_.clear();
  return ok();
}

Result<Bytes> TbsSpool::finish() {
  tbs_ = file_ ? TRY(finish_in_file()) : TRY(finish_in_memory());
  return tbs_;
}

Result<Bytes> TbsSpool::finish_in_memory() {
  Buffer tbs = x509::encode_crl_head(fields_, pending_.size(), extensions_.size());
  append(tbs, pending_);
  append(tbs, extensions_);
  pending_ = std::move(tbs);
  return Bytes(pending_);
}

Result<Bytes> TbsSpool::finish_in_file() {
  TRY(flush());
  const std::size_t size = head_size_ + entries_size_ + extensions_.size();
  if (size > kLargest - kLarge)
    return make_error(Errc::limit_exceeded, "a CRL of {} entries would be larger than 4 GiB", entries_);
  TRY(file_->write(extensions_));
  const Buffer head = x509::encode_crl_head(fields_, entries_size_, extensions_.size());
  const ssize_t written =
      ::pwrite(file_->descriptor(), head.data(), head.size(), static_cast<off_t>(kLargeHeader));
  if (written != static_cast<ssize_t>(head.size()))
    return system_error(written < 0 ? errno : ENOSPC, "cannot write", target_);
  void* address = ::mmap(nullptr, kLargeHeader + size, PROT_READ, MAP_SHARED, file_->descriptor(), 0);
  if (address == MAP_FAILED) return system_error(errno, "cannot map", target_);
  map_ = {static_cast<std::uint8_t*>(address), kLargeHeader + size};
  return Bytes(map_).subspan(kLargeHeader);
}

Result<AtomicFile> TbsSpool::seal(Bytes signature) {
  asn1::Writer tail;
  tail.raw(x509::encode(fields_.algorithm));
  tail.bit_string(signature);
  frame_tail_ = std::move(tail).take();
  frame_head_.clear();
  asn1::append_header(frame_head_, asn1::Tag::sequence, tbs_.size() + frame_tail_.size());
  if (!file_) {
    AtomicFile file = TRY(AtomicFile::create(target_));
    for (const Bytes part : parts()) TRY(file.write(part));
    return file;
  }
  TRY(file_->write(frame_tail_));
  const ssize_t written = ::pwrite(file_->descriptor(), frame_head_.data(), frame_head_.size(), 0);
  if (written != static_cast<ssize_t>(kLargeHeader))
    return system_error(written < 0 ? errno : ENOSPC, "cannot write", target_);
  return std::move(*file_);
}

}  // namespace vouch::revocation
