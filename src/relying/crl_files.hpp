#pragma once
// The store's folder as files, without a word about what is in a CRL. Internal to this room.
//
//   LINE.json          what counts (crl_line.hpp)
//   LINE-RANDOM.crl    the CRL, under a name of its own each time
//   LINE-RANDOM.idx    its index
//   key                32 octets, mode 0600: seals the indexes
//   lock               held by whoever changes something
//   generation         a number in shared memory, raised after each change: readers look there first
//
// CRL and index are durable before LINE.json names them, and that is replaced atomically. So a process that
// is killed leaves the old or the new, and files that nobody names; the next one to open the folder removes
// those.

#include <atomic>

#include "relying/crl_line.hpp"

namespace vouch::relying {

class CrlFiles {
 public:
  // Makes what is missing.
  static Result<CrlFiles> open(const crypto::Provider& provider, const fs::path& folder,
                               std::chrono::milliseconds patience);

  fs::path crl(std::string_view stem) const { return folder_ / fmt::format("{}.crl", stem); }
  fs::path index(std::string_view stem) const { return folder_ / fmt::format("{}.idx", stem); }
  const std::shared_ptr<const crypto::Sealer>& sealer() const { return sealer_; }
  std::string new_stem(const crypto::Provider& provider, std::string_view line) const;

  Result<FileLock> lock(std::chrono::milliseconds patience) const;
  std::uint64_t generation() const;

  // The lines that have a file.
  std::vector<std::string> lines() const;
  // Tells whether the line's file is another one than before. Nothing: there is none.
  std::optional<std::string> stamp(const std::string& line) const;
  Result<LineState> read(const std::string& line) const;

  // For whoever holds the lock. What the line named before and names no more is removed.
  Status write(const LineState& line, const std::optional<LineState>& before) const;
  Status erase(const std::string& line, const std::optional<LineState>& before) const;
  void sweep() const;

 private:
  CrlFiles(fs::path folder, std::shared_ptr<const crypto::Sealer> sealer,
           std::shared_ptr<std::uint64_t> generation)
      : folder_(std::move(folder)), sealer_(std::move(sealer)), generation_(std::move(generation)) {}
  fs::path state(std::string_view line) const { return folder_ / fmt::format("{}.json", line); }
  void announce() const;
  void remove_files(std::string_view stem) const;

  fs::path folder_;
  std::shared_ptr<const crypto::Sealer> sealer_;
  std::shared_ptr<std::uint64_t> generation_;  // mapped
};

}  // namespace vouch::relying
