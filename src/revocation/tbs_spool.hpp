#pragma once
// TbsSpool: a tbsCertList while it grows. Entries go to an unnamed file as they come; when the last is there,
// the head is placed in front and the extensions behind, and the whole is mapped for signing. So a CRL of any
// size needs no list and no copy in memory.

#include "base/files.hpp"
#include "x509/crl.hpp"

namespace vouch::revocation {

class TbsSpool {
 public:
  // The file lies in `folder` without a name and vanishes with the process.
  static Result<TbsSpool> create(const fs::path& folder, x509::CrlFields fields);
  TbsSpool(TbsSpool&& other) noexcept;
  TbsSpool& operator=(TbsSpool&&) = delete;
  ~TbsSpool();

  Status add(const x509::CrlEntry& entry);
  std::uint64_t entries() const { return entries_; }
  // The whole tbsCertList, valid as long as this object. No entries can be added afterwards.
  Result<Bytes> finish();

 private:
  TbsSpool(fs::path folder, FileDescriptor fd, x509::CrlFields fields);
  Status flush();

  fs::path folder_;
  FileDescriptor fd_;
  x509::CrlFields fields_;
  std::size_t head_bound_;  // room for the head at the start of the file
  std::size_t entries_size_ = 0;
  std::uint64_t entries_ = 0;
  Buffer pending_;               // encoded, not yet in the file
  std::span<std::uint8_t> map_;  // the whole file, after finish()
};

}  // namespace vouch::revocation
