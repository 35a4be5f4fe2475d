#include "ca/backup/fence.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <set>

namespace vouch::ca {
namespace {

constexpr std::string_view kFenceMagic = "vouch-fence 1";
// A fence of fifty million certificates. What is larger is not ours.
constexpr off_t kMaxFile = off_t{4} << 30;
constexpr std::size_t kFirstLook = std::size_t{1} << 20;
constexpr off_t kSmall = off_t{1} << 20;  // smaller files are not worth compacting
// A certificate stays this long beyond its end, because it appears on one more CRL.
constexpr std::chrono::days kAfterEnd{31};
constexpr std::size_t kMarksKept = 16;

// CRC-32 (IEEE 802.3): it finds torn and damaged lines; it is no protection against people.
constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? 0xedb88320U ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

std::uint32_t crc32(std::string_view text) {
  std::uint32_t value = 0xffffffffU;
  for (const char c : text) value = kCrcTable[(value ^ static_cast<std::uint8_t>(c)) & 0xff] ^ (value >> 8);
  return value ^ 0xffffffffU;
}

std::string with_checksum(std::string line) {
  line += fmt::format(" #{:08x}", crc32(line));
  return line;
}

// The line without its checksum, or nothing when it does not fit.
std::optional<std::string_view> checked(std::string_view line) {
  constexpr std::size_t kChecksum = 10;  // " #01234567"
  if (line.size() < kChecksum || line.substr(line.size() - kChecksum, 2) != " #") return std::nullopt;
  const std::string_view content = line.substr(0, line.size() - kChecksum);
  const std::string_view digits = line.substr(line.size() - 8);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || value != crc32(content))
    return std::nullopt;
  return content;
}

Error no_fence_line() { return make_error(Errc::malformed, "this is no line of a fence that vouch knows"); }

// Words of a line, one after the other.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}
  std::string_view next() {
    const auto space = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, space);
    rest_.remove_prefix(std::min(space + 1, rest_.size()));
    return word;
  }
  bool at_end() const { return rest_.empty(); }
  template <class Number>
  Result<Number> number() {
    const std::string_view word = next();
    Number value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error != std::errc() || end != word.data() + word.size()) return no_fence_line();
    return value;
  }
  Result<Time> time() { return Time(std::chrono::seconds(TRY(number<std::int64_t>()))); }

 private:
  std::string_view rest_;
};

std::string shard_words(const FenceEvent& event) {
  return event.shard == 0 ? std::string() : fmt::format(" shard {}", event.shard);
}

std::int64_t seconds(Time time) { return time.time_since_epoch().count(); }

Result<x509::CrlReason> read_reason(Words& words) {
  const auto reason = TRY(words.number<std::uint8_t>());
  if (reason > 10 || reason == 7) return no_fence_line();
  return static_cast<x509::CrlReason>(reason);
}

Result<FenceEvent> parse_content(std::string_view content) {
  using enum FenceEvent::Kind;
  FenceEvent event;
  Words words(content);
  const std::string_view kind = words.next();
  if (kind == "issued" || kind == "revoked") {
    event.kind = kind == "issued" ? issued : revoked;
    event.serial = TRY(from_hex(words.next()));
    event.not_after = TRY(words.time());
    event.key_index = TRY(words.number<std::uint16_t>());
    if (event.kind == revoked) {
      event.revocation = {event.serial, TRY(words.time()), TRY(read_reason(words)), {}};
      Words last = words;
      if (last.next() == "-")
        words = last;
      else
        event.revocation.invalidity_date = TRY(words.time());
    }
    if (!words.at_end()) {
      if (words.next() != "shard") return no_fence_line();
      event.shard = TRY(words.number<std::uint32_t>());
      if (event.shard == 0) return no_fence_line();
    }
  } else if (kind == "release") {
    event.kind = release;
    event.serial = TRY(from_hex(words.next()));
  } else if (kind == "crl") {
    event.kind = crl;
    event.number = TRY(words.number<std::uint64_t>());
    event.key_index = TRY(words.number<std::uint16_t>());
    event.delta = words.next() == "delta";
  } else if (kind == "audit") {
    event.kind = audit;
    event.number = TRY(words.number<std::uint64_t>());
    event.text = words.next();
  } else if (kind == "mark") {
    event.kind = mark;
    event.text = words.next();
  } else if (kind == "accepted") {
    event.kind = accepted;
    event.when = TRY(words.time());
  } else {
    return no_fence_line();
  }
  if (!words.at_end()) return no_fence_line();
  return event;
}

Status write_or_take_back(int fd, std::string_view text, off_t size, const fs::path& file) {
  Status written = write_all(fd, as_bytes(text), file);
  if (!written) (void)!::ftruncate(fd, size);
  return written;
}

// A whole number of lines: what a crash left of the last one is cut off. Looked at before every append, so
// the usual case reads one octet.
Result<off_t> trim_torn_line(int fd, off_t size, const fs::path& file) {
  constexpr off_t kBlock = 65536;
  char last = '\n';
  if (size > 0 && ::pread(fd, &last, 1, size - 1) != 1) return system_error(EIO, "cannot read", file);
  if (last == '\n') return size;
  off_t end = size;
  std::string block;
  for (off_t begin = size; begin > 0 && end == size;) {
    const off_t length = std::min(begin, kBlock);
    begin -= length;
    block.resize(static_cast<std::size_t>(length));
    if (::pread(fd, block.data(), block.size(), begin) != static_cast<ssize_t>(length))
      return system_error(EIO, "cannot read", file);
    if (const auto line_end = block.rfind('\n'); line_end != std::string::npos)
      end = begin + static_cast<off_t>(line_end) + 1;
    else if (begin == 0)
      end = 0;
  }
  if (end != size && ::ftruncate(fd, end) != 0) return system_error(errno, "cannot write", file);
  return end;
}

}  // namespace

FenceEvent FenceEvent::issued(const store::CertificateRecord& certificate) {
  FenceEvent event;
  event.kind = Kind::issued;
  event.serial = certificate.serial;
  event.not_after = certificate.not_after;
  event.key_index = certificate.key_index;
  event.shard = certificate.shard;
  return event;
}

FenceEvent FenceEvent::revoked(const store::CertificateRecord& certificate,
                               const store::RevocationRecord& revocation) {
  FenceEvent event = issued(certificate);
  event.kind = Kind::revoked;
  event.revocation = revocation;
  return event;
}

FenceEvent FenceEvent::release(Bytes serial) {
  FenceEvent event;
  event.kind = Kind::release;
  event.serial = to_buffer(serial);
  return event;
}

FenceEvent FenceEvent::crl(const store::CrlRecord& record) {
  FenceEvent event;
  event.kind = Kind::crl;
  event.number = record.number;
  event.key_index = record.key_index;
  event.delta = record.delta;
  return event;
}

FenceEvent FenceEvent::audit(std::uint64_t size, Bytes root) {
  FenceEvent event;
  event.kind = Kind::audit;
  event.number = size;
  event.text = root.empty() ? "-" : to_hex(root);
  return event;
}

FenceEvent FenceEvent::mark(std::string nonce) {
  FenceEvent event;
  event.kind = Kind::mark;
  event.text = std::move(nonce);
  return event;
}

FenceEvent FenceEvent::accepted(Time when) {
  FenceEvent event;
  event.kind = Kind::accepted;
  event.when = when;
  return event;
}

std::string format_fence_line(const FenceEvent& event) {
  using enum FenceEvent::Kind;
  switch (event.kind) {
    case issued:
      return with_checksum(fmt::format("issued {} {} {}{}", to_hex(event.serial), seconds(event.not_after),
                                       event.key_index, shard_words(event)));
    case revoked: {
      const store::RevocationRecord& revocation = event.revocation;
      return with_checksum(fmt::format(
          "revoked {} {} {} {} {} {}{}", to_hex(event.serial), seconds(event.not_after), event.key_index,
          seconds(revocation.revoked_at), static_cast<int>(revocation.reason),
          revocation.invalidity_date ? fmt::format("{}", seconds(*revocation.invalidity_date)) : "-",
          shard_words(event)));
    }
    case release:
      return with_checksum("release " + to_hex(event.serial));
    case crl:
      return with_checksum(
          fmt::format("crl {} {} {}", event.number, event.key_index, event.delta ? "delta" : "base"));
    case audit:
      return with_checksum(fmt::format("audit {} {}", event.number, event.text));
    case mark:
      return with_checksum("mark " + event.text);
    case accepted:
      return with_checksum(fmt::format("accepted {}", seconds(event.when)));
  }
  return {};
}

Result<FenceEvent> parse_fence_line(std::string_view line) {
  const auto content = checked(line);
  if (!content) return make_error(Errc::malformed, "the checksum does not fit");
  return parse_content(*content);
}

// The file, open and locked against other processes, and how long it is.
struct Fence::Locked {
  std::shared_ptr<const FileDescriptor> fd;
  off_t size = 0;
  Locked(std::shared_ptr<const FileDescriptor> file, off_t octets) : fd(std::move(file)), size(octets) {}
  Locked(Locked&&) = default;
  Locked& operator=(Locked&&) = delete;
  ~Locked() {
    if (fd) ::flock(fd->get(), LOCK_UN);
  }
};

std::string Fence::header(std::size_t size) const {
  return with_checksum(fmt::format("{} {} {}", kFenceMagic, identity_, size)) + '\n';
}

// Another process may have put a compacted file in place of the one that is open here.
Result<Fence::Locked> Fence::lock() {
  for (;;) {
    if (!fd_) {
      TRY(make_folder(file_.parent_path(), 0700));
      auto fd = std::make_shared<const FileDescriptor>(
          ::open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
      if (!*fd) return system_error(errno, "cannot open", file_);
      fd_ = std::move(fd);
    }
    while (::flock(fd_->get(), LOCK_EX) != 0)
      if (errno != EINTR) return system_error(errno, "cannot lock", file_);
    Locked locked(fd_, 0);
    struct stat ours{}, named{};
    if (::fstat(fd_->get(), &ours) != 0) return system_error(errno, "cannot read", file_);
    if (::stat(file_.c_str(), &named) != 0 && errno != ENOENT)
      return system_error(errno, "cannot read", file_);
    if (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) {
      fd_.reset();
      continue;
    }
    locked.size = TRY(trim_torn_line(fd_->get(), ours.st_size, file_));
    if (locked.size != 0) return locked;
    const std::string first = header(0);
    TRY(write_or_take_back(fd_->get(), first, 0, file_));
    // A new file: its name has to be durable too.
    const FileDescriptor folder(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0)
      return system_error(errno, "syncing folder", file_.parent_path());
    locked.size = static_cast<off_t>(first.size());
    return locked;
  }
}

Result<Fence::Position> Fence::append(std::span<const FenceEvent> events) {
  std::string text;
  for (const FenceEvent& event : events) text.append(format_fence_line(event)).push_back('\n');
  const std::lock_guard guard(mutex_);
  if (text.empty()) return appended_;
  {
    const Locked locked = TRY(lock());
    TRY(write_or_take_back(locked.fd->get(), text, locked.size, file_));
  }
  for (const FenceEvent& event : events)
    since_mark_ = event.kind == FenceEvent::Kind::mark ? 0 : since_mark_ + 1;
  return ++appended_;
}

Status Fence::sync(Position position) {
  std::unique_lock guard(mutex_);
  while (synced_ < position) {
    if (failed_ >= position)
      return make_error(Errc::unavailable, "{} could not be written to the disk", file_.string());
    if (syncing_) {
      synced_changed_.wait(guard);
      continue;
    }
    syncing_ = true;
    const Position all = appended_;
    const auto fd = fd_;
    guard.unlock();
    const int failure = ::fdatasync(fd->get()) == 0 ? 0 : errno;
    guard.lock();
    syncing_ = false;
    // What a failed sync has dropped is gone, whatever the next one says.
    Position& reached = failure == 0 ? synced_ : failed_;
    reached = std::max(reached, all);  // a compaction may have gone further
    synced_changed_.notify_all();
    if (failure != 0) return system_error(failure, "cannot write", file_);
  }
  return ok();
}

Status Fence::record(std::span<const FenceEvent> events) { return sync(TRY(append(events))); }

std::size_t Fence::since_mark() const {
  const std::lock_guard guard(mutex_);
  return since_mark_;
}

namespace {

struct Tail {
  std::string text;  // whole lines
  off_t begin = 0;   // where it begins in the file
};

// The end of the file that begins behind the mark; the whole file when the mark is not there.
Result<Tail> read_behind(int fd, off_t size, std::string_view nonce, const fs::path& file) {
  const std::string mark = fmt::format("\n{}\n", format_fence_line(FenceEvent::mark(std::string(nonce))));
  for (auto look = static_cast<off_t>(kFirstLook);; look *= 4) {
    Tail tail{{}, nonce.empty() || look >= size ? 0 : size - look};
    tail.text.resize(static_cast<std::size_t>(size - tail.begin));
    std::size_t have = 0;
    while (have < tail.text.size()) {
      const ssize_t n = ::pread(fd, tail.text.data() + have, tail.text.size() - have,
                                tail.begin + static_cast<off_t>(have));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return system_error(n < 0 ? errno : EIO, "cannot read", file);
      have += static_cast<std::size_t>(n);
    }
    if (const auto at = nonce.empty() ? std::string::npos : tail.text.rfind(mark); at != std::string::npos) {
      tail.begin += static_cast<off_t>(at + mark.size());
      tail.text.erase(0, at + mark.size());
      return tail;
    }
    if (tail.begin == 0) return tail;
  }
}

std::size_t lines_before(int fd, off_t end) {
  std::size_t lines = 0;
  std::array<char, 65536> block{};
  for (off_t at = 0; at < end;) {
    const auto want = static_cast<std::size_t>(std::min<off_t>(end - at, block.size()));
    const ssize_t n = ::pread(fd, block.data(), want, at);
    if (n <= 0) break;
    lines += static_cast<std::size_t>(std::count(block.data(), block.data() + n, '\n'));
    at += n;
  }
  return lines;
}

// Calls `visit(line, number)` for each whole line.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return;  // torn
    visit(text.substr(0, end), number);
    text.remove_prefix(end + 1);
  }
}

Status check_header(std::string_view line, std::string_view identity, const fs::path& file) {
  const auto content = checked(line);
  if (!content || !content->starts_with(kFenceMagic))
    return make_error(Errc::malformed, "{}:1: this does not begin as a fence does", file.string())
        .with_hint("put the fence file of this CA back, or accept the gap: vouch db accept-gap");
  Words words(content->substr(kFenceMagic.size()));
  (void)words.next();
  if (words.next() == identity) return ok();
  return make_error(Errc::conflict, "{} is the fence of another CA of this name", file.string())
      .with_hint("if that CA is gone for good, move the file away; otherwise use another name");
}

}  // namespace

Result<Fence::Reading> Fence::read(std::string_view nonce,
                                   const std::function<void(FenceEvent)>& visit) const {
  Reading reading;
  const FileDescriptor fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return reading;
  if (!fd) return system_error(errno, "cannot open", file_);
  while (::flock(fd.get(), LOCK_SH) != 0)
    if (errno != EINTR) return system_error(errno, "cannot lock", file_);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return system_error(errno, "cannot read", file_);
  if (info.st_size > kMaxFile)
    return make_error(Errc::limit_exceeded, "{} is larger than any fence", file_.string());
  const Tail tail = TRY(read_behind(fd.get(), info.st_size, nonce, file_));
  Status header_status = ok();
  for_each_line(tail.text, [&](std::string_view line, std::size_t number) {
    if (tail.begin == 0 && number == 1) {
      header_status = check_header(line, identity_, file_);
      return;
    }
    ++reading.lines;
    auto event = parse_fence_line(line);
    if (event) return visit(std::move(*event));
    reading.damaged.push_back(fmt::format(
        "{}:{}: {}", file_.string(), lines_before(fd.get(), tail.begin) + number, event.error().message()));
  });
  TRY(std::move(header_status));
  return reading;
}

bool Fence::compaction_due() const {
  struct stat info{};
  if (::stat(file_.c_str(), &info) != 0 || info.st_size < kSmall) return false;
  const FileDescriptor fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 256> first{};
  const ssize_t n = fd ? ::pread(fd.get(), first.data(), first.size(), 0) : -1;
  if (n <= 0) return false;
  const std::string_view text(first.data(), static_cast<std::size_t>(n));
  const auto content = checked(text.substr(0, text.find('\n')));
  if (!content) return false;
  Words words(content->substr(std::min(kFenceMagic.size(), content->size())));
  (void)words.next();
  (void)words.next();
  const auto before = words.number<std::int64_t>();
  return before && info.st_size / 2 > *before;
}

Status Fence::compact(Time now) { return compact(now, false); }

namespace {

// Calls `visit(line, number)` for each whole line of the file's first octets, block by block: a fence of
// millions of certificates does not go into memory.
template <class Visit>
Status for_each_line_of(int fd, off_t size, const fs::path& file, Visit&& visit) {
  constexpr off_t kBlock = off_t{1} << 18;
  std::string text;  // the beginning of a line, and a block
  std::size_t number = 0;
  for (off_t at = 0; at < size;) {
    const std::size_t before = text.size();
    const auto want = static_cast<std::size_t>(std::min(size - at, kBlock));
    text.resize(before + want);
    const ssize_t n = ::pread(fd, text.data() + before, want, at);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(n < 0 ? errno : EIO, "cannot read", file);
    at += n;
    std::size_t begin = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      visit(std::string_view(text).substr(begin, end - begin), ++number);
      begin = end + 1;
    }
    text.erase(0, begin);
  }
  return ok();
}

// What a compacted fence keeps. Shown every event once, then asked about every event once, in their order.
class Keeping {
 public:
  explicit Keeping(Time now) : now_(now) {}

  void see(const FenceEvent& event) {
    if (event.kind == Kind::revoked && !ended(event)) still_revoked_.insert(event.serial);
    if (event.kind == Kind::crl) last_crl_ = std::max(last_crl_, event.number);
    if (event.kind == Kind::audit) last_audit_ = std::max(last_audit_, event.number);
    if (event.kind == Kind::mark) ++marks_;
    if (event.kind == Kind::accepted) ++acceptances_;
  }

  bool keep(const FenceEvent& event) {
    switch (event.kind) {
      case Kind::issued:
      case Kind::revoked:
        return !ended(event);
      case Kind::release:
        return still_revoked_.contains(event.serial);
      case Kind::crl:
        return event.number == last_crl_;
      case Kind::audit:
        return event.number == last_audit_;
      case Kind::mark:
        return marks_-- <= kMarksKept;
      case Kind::accepted:
        return acceptances_-- == 1;
    }
    return true;
  }

 private:
  using Kind = FenceEvent::Kind;
  bool ended(const FenceEvent& event) const { return event.not_after + kAfterEnd < now_; }

  const Time now_;
  std::set<Buffer> still_revoked_;
  std::uint64_t last_crl_ = 0, last_audit_ = 0;
  std::size_t marks_ = 0, acceptances_ = 0;
};

}  // namespace

// Everything is read under the lock, so that no line that is appended meanwhile is left behind.
Status Fence::compact(Time now, bool drop_damaged) {
  const std::lock_guard guard(mutex_);
  const Locked locked = TRY(lock());
  const int fd = locked.fd->get();
  Keeping keeping(now);
  Status header_status = ok();
  TRY(for_each_line_of(fd, locked.size, file_, [&](std::string_view line, std::size_t number) {
    if (number == 1)
      header_status = check_header(line, identity_, file_);
    else if (const auto event = parse_fence_line(line))
      keeping.see(*event);
  }));
  if (!header_status && !drop_damaged) return header_status;

  std::vector<bool> kept;  // by number of the line, from 0
  std::size_t size = 0;
  TRY(for_each_line_of(fd, locked.size, file_, [&](std::string_view line, std::size_t number) {
    const auto event = parse_fence_line(line);
    kept.push_back(number != 1 && (event ? keeping.keep(*event) : !drop_damaged));
    if (kept.back()) size += line.size() + 1;
  }));

  AtomicFile file = TRY(AtomicFile::create(file_, 0600));
  std::string block = header(size);
  Status written = ok();
  TRY(for_each_line_of(fd, locked.size, file_, [&](std::string_view line, std::size_t number) {
    constexpr std::size_t kBlock = std::size_t{1} << 18;
    if (!kept[number - 1]) return;
    block.append(line).push_back('\n');
    if (block.size() < kBlock || !written) return;
    written = file.write(as_bytes(block));
    block.clear();
  }));
  TRY(std::move(written));
  TRY(file.write(as_bytes(block)));
  TRY(file.commit());
  // Everything appended so far is durable in the new file.
  synced_ = std::max(synced_, appended_);
  fd_.reset();
  return ok();
}

}  // namespace vouch::ca
