#pragma once
// The fence: what the world may have seen of one CA, remembered beside the database and never part of a
// backup, so that a database that was put back in time is recognised (docs/mechanisms/backup.md).
//
//   HOME/fence/<CA>.log, lines of text, each with its checksum:
//     vouch-fence 1 <identity> <size after the last compaction> #<crc>
//     issued <serial> <not after> <key index> [shard <n>] #…
//     revoked <serial> <not after> <key index> <when> <reason> <invalid since or -> [shard <n>] #…
//     release <serial> #…
//     crl <number> <key index> base|delta #…
//     audit <size> <root of the last head, or -> #…
//     mark <nonce> #…
//     accepted <when> #…
//
// The order that every crash keeps: the database is durable first, then the fence, then the answer; only a
// `release` stands before its change. So the database knows everything that a whole fence holds.
//
// A mark is written to the fence first and to the database afterwards. A database that has it knows all lines
// before it: they are not compared again.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "base/files.hpp"
#include "base/time.hpp"
#include "store/records.hpp"

namespace vouch::ca {

struct FenceEvent {
  enum class Kind { issued, revoked, release, crl, audit, mark, accepted };
  Kind kind{};
  Buffer serial;
  Time not_after{};
  std::uint16_t key_index = 0;
  std::uint32_t shard = 0;               // of `issued` and `revoked`; its line says nothing of 0
  store::RevocationRecord revocation{};  // `revoked`
  std::uint64_t number = 0;              // of a CRL; size of the audit log
  bool delta = false;
  std::string text;  // nonce of a mark, root hash of an audit head
  Time when{};       // of `accepted`

  static FenceEvent issued(const store::CertificateRecord& certificate);
  static FenceEvent revoked(const store::CertificateRecord& certificate,
                            const store::RevocationRecord& revocation);
  static FenceEvent release(Bytes serial);
  static FenceEvent crl(const store::CrlRecord& record);
  static FenceEvent audit(std::uint64_t size, Bytes root);
  static FenceEvent mark(std::string nonce);
  static FenceEvent accepted(Time when);
  bool operator==(const FenceEvent&) const = default;
};
// One line without its line break; and back. `malformed`: the checksum does not fit, or there is no such
// line.
std::string format_fence_line(const FenceEvent& event);
Result<FenceEvent> parse_fence_line(std::string_view line);

class Fence {
 public:
  // `identity` tells this CA from another one of the same name. Touches nothing: the file is made by the
  // first `append`.
  Fence(fs::path file, std::string identity) : file_(std::move(file)), identity_(std::move(identity)) {}
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

  const fs::path& file() const { return file_; }

  // Writes the lines, all or none. They are durable when `sync` has been given the position.
  using Position = std::uint64_t;
  Result<Position> append(std::span<const FenceEvent> events);
  // Threads that come while a sync is under way share the next one.
  Status sync(Position position);
  Status record(std::span<const FenceEvent> events);

  // Lines written by this object since the last mark.
  std::size_t since_mark() const;

  struct Reading {
    std::uint64_t lines = 0;           // that were visited
    std::vector<std::string> damaged;  // one sentence for each line that cannot be read
  };
  // Visits the lines after the mark with this nonce, or all when there is none. A last line without its end
  // is what a crash leaves, and is passed over. conflict: the fence of another CA.
  Result<Reading> read(std::string_view nonce, const std::function<void(FenceEvent)>& visit) const;

  // Drops what nobody needs to know any more: certificates that ended long before `now`, all but the newest
  // numbers. Damaged lines stay. `due` says whether it is worth while.
  bool compaction_due() const;
  Status compact(Time now);
  // The same, and drops damaged lines too: their loss has been accepted.
  Status rewrite(Time now) { return compact(now, true); }

 private:
  struct Locked;
  Result<Locked> lock();
  Status compact(Time now, bool drop_damaged);
  std::string header(std::size_t size) const;

  const fs::path file_;
  const std::string identity_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable synced_changed_;
  std::shared_ptr<const FileDescriptor> fd_;
  Position appended_ = 0, synced_ = 0, failed_ = 0;
  bool syncing_ = false;
  std::size_t since_mark_ = 0;
};

}  // namespace vouch::ca
