#include "ca/audit/audit_mirror.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxLine = std::size_t{256} << 10;
constexpr std::size_t kChunk = std::size_t{1} << 20;  // written at once

struct Line {
  store::AuditRecord record;
  std::int64_t committed = 0;
};

std::string format_line(const store::AuditRecord& record, std::int64_t committed) {
  return to_json(describe_audit_entry(record).set("committed", committed), 0) + "\n";
}

Result<Line> parse_line(std::string_view text) {
  const Value value = TRY(parse_json(text));
  const Value* committed = value.find("committed");
  if (!committed || !committed->integer()) return make_error(Errc::malformed, "the line has no 'committed'");
  return Line{TRY(parse_audit_entry(value)), *committed->integer()};
}

// The end of the file: its last whole line, and whether there is something after it.
struct Tail {
  std::optional<Line> last;
  bool torn = false;
  off_t size = 0;
};

Result<Tail> read_tail(int fd, const fs::path& file) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return system_error(errno, "cannot read", file);
  if (!S_ISREG(info.st_mode))
    return make_error(Errc::unavailable, "the audit mirror {} is not a file", file.string());
  Tail tail;
  tail.size = info.st_size;
  const auto want = static_cast<std::size_t>(std::min<off_t>(info.st_size, off_t{2} * kMaxLine));
  std::string text(want, '\0');
  std::size_t have = 0;
  while (have < want) {
    const auto got = ::pread(fd, text.data() + have, want - have,
                             info.st_size - static_cast<off_t>(want) + static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_error(got < 0 ? errno : EIO, "cannot read", file);
    have += static_cast<std::size_t>(got);
  }
  tail.torn = !text.empty() && text.back() != '\n';
  // From the end: the first line that is one. Lines that broke off are followed by whole ones.
  std::string_view rest(text);
  if (tail.torn) rest = rest.substr(0, rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1);
  while (!rest.empty() && !tail.last) {
    rest.remove_suffix(1);
    const auto start = rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1;
    if (auto line = parse_line(rest.substr(start))) tail.last = std::move(*line);
    rest = rest.substr(0, start);
  }
  if (!tail.last && info.st_size > 0 && text.find('\n') != std::string::npos)
    return make_error(Errc::malformed, "{} is no mirror of an audit log", file.string())
        .with_hint("set audit.mirror to a file of its own");
  return tail;
}

class MirrorFile {
 public:
  explicit MirrorFile(fs::path file) : file_(std::move(file)) {}

  Status write(const store::Snapshot& state, std::int64_t before, std::int64_t after) const {
    const FileDescriptor fd = TRY(open());
    const Tail tail = TRY(read_tail(fd.get(), file_));
    const std::int64_t first = TRY(first_to_write(state, tail, before));
    Status written = write_lines(fd.get(), state, tail, first, before, after);
    if (written && ::fdatasync(fd.get()) != 0) written = system_error(errno, "syncing", file_);
    // Half of a line would be recognised as such; none is better.
    if (!written) (void)!::ftruncate(fd.get(), tail.size);
    return written;
  }

 private:
  Result<FileDescriptor> open() const {
    FileDescriptor fd(::open(file_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
    if (fd) return fd;
    if (errno != ENOENT) return system_error(errno, "cannot open", file_);
    fd = FileDescriptor(::open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!fd) return system_error(errno, "cannot create", file_);
    const FileDescriptor folder(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0)
      return system_error(errno, "syncing folder", file_.parent_path());
    return fd;
  }

  // Where to go on: entries that the mirror lacks, because it is new or was away, come first.
  Result<std::int64_t> first_to_write(const store::Snapshot& state, const Tail& tail,
                                      std::int64_t before) const {
    if (!tail.last) return 1;
    const std::int64_t sequence = tail.last->record.sequence;
    if (tail.last->committed > before)
      return make_error(Errc::unavailable, "the mirror {} knows of {} audit entries, the database has {}",
                        file_.string(), tail.last->committed, before)
          .with_hint(
              "the database was cut off or an older one was put in its place: see vouch audit "
              "verify; after a restore, set audit.mirror to a new file and keep the old one");
    // Beyond what is durable: left by a commit that did not happen.
    if (sequence > before) return before + 1;
    bool same = false;
    TRY(state.for_each_audit_leaf(sequence, sequence, [&](std::int64_t, Bytes leaf) {
      same = equal(leaf, tail.last->record.leaf);
      return ok();
    }));
    if (!same)
      return make_error(Errc::unavailable, "the mirror {} and the database differ about audit entry {}",
                        file_.string(), sequence)
          .with_hint(
              "it is the mirror of another log, or one of the two was changed: see vouch audit verify");
    return sequence + 1;
  }

  Status write_lines(int fd, const store::Snapshot& state, const Tail& tail, std::int64_t first,
                     std::int64_t before, std::int64_t after) const {
    std::string text;
    if (tail.torn) text = "\n";
    store::AuditFilter filter;
    filter.first = first;
    filter.last = after;
    TRY(state.for_each_audit(filter, [&](const store::AuditRecord& record) -> Status {
      text += format_line(record, before);
      if (text.size() < kChunk) return ok();
      const Status written = write_all(fd, as_bytes(text), file_);
      text.clear();
      return written;
    }));
    return write_all(fd, as_bytes(text), file_);
  }

  const fs::path file_;
};

}  // namespace

store::Database::AuditMirror make_audit_mirror(fs::path file) {
  return [mirror = std::make_shared<const MirrorFile>(std::move(file))](
             const store::Snapshot& state, std::int64_t before, std::int64_t after) {
    Status written = mirror->write(state, before, after);
    if (written) return written;
    // Whatever the cause: it may be tried again.
    return Status(make_error(Errc::unavailable, "{}", written.error().message())
                      .with_hint(written.error().hint().empty() ? "make the file writable again"
                                                                : std::string(written.error().hint()))
                      .context("writing the mirror of the audit log, without which nothing is issued or "
                               "changed"));
  };
}

void connect_audit_mirror(const Home& home, store::Database& database) {
  if (const fs::path file = home.audit_mirror(); !file.empty())
    database.mirror_audit(make_audit_mirror(file));
}

Status expect_new_audit_mirror(const Home& home) {
  const fs::path file = home.audit_mirror();
  std::error_code unknown;
  if (file.empty() || !fs::exists(file, unknown)) return ok();
  return make_error(Errc::conflict, "the audit mirror {} is that of the log that would be replaced",
                    file.string())
      .with_hint("keep it, and set audit.mirror to a new file first: vouch config set audit.mirror FILE");
}

Result<MirrorContent> read_audit_mirror(const crypto::Provider& provider, const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return system_error(errno, "cannot open", file);
  MirrorContent content;
  std::string text;
  std::int64_t number = 0;
  const auto find = [&](std::string what) {
    content.findings.push_back(fmt::format("{}, line {}: {}", file.string(), number, what));
  };
  while (std::getline(in, text)) {
    ++number;
    auto line =
        text.size() > kMaxLine ? make_error(Errc::malformed, "the line is too long") : parse_line(text);
    // What a crash left of a line was begun again after it; if it was not, an entry is missing and found so.
    if (!line) continue;
    const store::AuditRecord& record = line->record;
    const auto size = static_cast<std::int64_t>(content.leaves.size());
    if (audit_leaf(provider, record) != record.leaf)
      find(fmt::format("entry {} was changed: it does not hash to its leaf", record.sequence));
    if (record.sequence < 1 || record.sequence > size + 1) {
      find(fmt::format("entry {} follows entry {}: lines are missing", record.sequence, size));
      if (record.sequence < 1 || record.sequence > size + (1 << 24)) continue;
      content.leaves.resize(static_cast<std::size_t>(record.sequence - 1));
    } else if (record.sequence <= size) {
      if (record.sequence <= content.committed || record.sequence != line->committed + 1)
        find(fmt::format("entry {} stands there a second time", record.sequence));
      content.superseded += size - record.sequence + 1;
      content.leaves.resize(static_cast<std::size_t>(record.sequence - 1));
    }
    if (line->committed < content.committed)
      find(fmt::format("{} entries were durable, after {}", line->committed, content.committed));
    content.committed = std::max(content.committed, line->committed);
    content.leaves.push_back(record.leaf);
  }
  if (in.bad()) return system_error(errno, "cannot read", file);
  return content;
}

}  // namespace vouch::ca
