#pragma once
// A CRL of any size behind an index: read once from front to back, checked entry by entry, hashed for its
// signature meanwhile; then each look-up is a search in a table, which looks at one cache line, without
// parsing and without an allocation. The CRL stays where it is, usually a mapped file, and is not read again;
// the index takes about 22 octets for each entry.

#include <functional>
#include <stop_token>

#include "base/files.hpp"
#include "relying/entry_issuers.hpp"
#include "relying/sealed_blocks.hpp"
#include "relying/serial_table.hpp"
#include "validate/crl.hpp"

namespace vouch::relying {

// The octets of a CRL and whoever keeps them alive; nobody: they outlive the index.
struct CrlOctets {
  Bytes bytes;
  std::shared_ptr<const void> owner;
};
CrlOctets map(MappedFile file);
CrlOctets own(Buffer octets);

// What an index consists of.
struct CrlIndexParts {
  CrlOctets crl;
  validate::CrlHead head;
  std::size_t entries = 0;
  SerialSeed seed;
  std::span<const Group> groups;
  std::span<const Time> odd_dates;     // that no UTCTime can have
  Bytes issuers;                       // EntryIssuers; empty unless the CRL is indirect
  std::shared_ptr<const void> owner;   // of groups, dates and issuers
  std::optional<SealedBlocks> blocks;  // of groups, dates and issuers, where they were mapped from a file
};

class IndexedCrl final : public validate::Crl {
 public:
  // `malformed` for parts that do not fit each other.
  static Result<std::shared_ptr<const IndexedCrl>> make(CrlIndexParts parts);

  const validate::CrlHead& head() const override { return parts_.head; }
  // Fails as `found_bad` when a block of the index is not what was written there.
  Result<std::optional<validate::CrlHit>> find(Bytes serial, const std::string& issuer_key) const override;

  std::size_t entries() const { return parts_.entries; }
  std::size_t octets() const { return parts_.crl.bytes.size(); }
  std::size_t index_octets() const {
    return parts_.groups.size_bytes() + parts_.odd_dates.size_bytes() + parts_.issuers.size();
  }
  const CrlIndexParts& parts() const { return parts_; }

  // Checks all blocks of the index and the CRL's digest; false when one is bad, or once it was found to be.
  // Stops early when asked to.
  bool check_all(const crypto::Provider& provider, const std::stop_token& stop) const;
  bool is_damaged() const { return damaged_.load(std::memory_order_relaxed); }

  // Use make(); public for std::make_shared only.
  IndexedCrl(CrlIndexParts parts, EntryIssuers issuers) : parts_(std::move(parts)), issuers_(issuers) {}

 private:
  std::optional<std::uint32_t> number_of(const std::string& issuer_key) const;
  bool holds_group(std::size_t group) const;
  Result<std::optional<validate::CrlHit>> hit_of(TableEntry entry) const;
  Error damage() const;

  CrlIndexParts parts_;
  EntryIssuers issuers_;
  mutable std::atomic<bool> damaged_ = false;
};
using IndexedCrlPtr = std::shared_ptr<const IndexedCrl>;

// Reads the CRL and indexes it. With two threads one hashes and the other indexes. What parse_crl_in_memory
// refuses is refused here, and what it finds unusable is unusable here. The signature is not verified: its
// digest is in the head.
Result<IndexedCrlPtr> build_crl_index(const crypto::Provider& provider, CrlOctets crl, std::string from,
                                      std::size_t threads);

}  // namespace vouch::relying
