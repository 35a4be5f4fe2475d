#pragma once
// TbsSpool: a CRL while it grows. A small one stays in memory. A large one goes to the file that will become
// the published one: its head has a known size from 16 MiB on, so that the entries can be written where they
// belong before their number is known, and nothing is copied afterwards.

#include <array>

#include "base/files.hpp"
#include "x509/crl.hpp"

namespace vouch::revocation {

class TbsSpool {
 public:
  // `target` is where the CRL will be published; nothing is written there before `file` is committed.
  static TbsSpool create(fs::path target, x509::CrlFields fields) {
    return TbsSpool(std::move(target), std::move(fields));
  }
  TbsSpool(TbsSpool&& other) noexcept;
  TbsSpool& operator=(TbsSpool&&) = delete;
  ~TbsSpool();

  Status add(const x509::CrlEntry& entry);
  std::uint64_t entries() const { return entries_; }
  // The whole tbsCertList, valid as long as this object. No entries can be added afterwards.
  Result<Bytes> finish();
  // After finish(): adds the outer frame (RFC 5280 5.1.1) with the signature. The file is complete then, and
  // waits for its commit.
  Result<AtomicFile> seal(Bytes signature);
  // After seal(): the complete CRL in pieces, for its digest and for further targets.
  std::array<Bytes, 3> parts() const { return {Bytes(frame_head_), tbs_, Bytes(frame_tail_)}; }

 private:
  TbsSpool(fs::path target, x509::CrlFields fields);
  Status flush();
  Result<Bytes> finish_in_memory();
  Result<Bytes> finish_in_file();

  fs::path target_;
  x509::CrlFields fields_;
  Buffer extensions_;
  std::optional<AtomicFile> file_;  // only of a large CRL
  std::size_t head_size_;           // of tbsCertList up to the first entry, in a large CRL
  std::size_t entries_size_ = 0;    // already in the file
  std::uint64_t entries_ = 0;
  Buffer pending_;               // encoded, not in the file; after finish() the whole small tbsCertList
  std::span<std::uint8_t> map_;  // the large file, after finish()
  Bytes tbs_;
  Buffer frame_head_, frame_tail_;
};

}  // namespace vouch::revocation
