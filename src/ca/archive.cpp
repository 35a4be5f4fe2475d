#include "ca/archive.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace vouch::ca {
namespace {

constexpr std::string_view kManifest = "manifest.json", kDigest = "manifest.sha256";
constexpr std::string_view kMagic = "VOUCHBK1";
constexpr std::size_t kBlock = 512;    // of tar
constexpr std::size_t kPiece = 65536;  // of a sealed archive
constexpr std::size_t kMaxManifest = std::size_t{4} << 20;
constexpr std::uint64_t kMaxMember = std::uint64_t{1} << 42;
constexpr std::size_t kMaxMembers = 10'000;
constexpr std::size_t kSaltSize = 16, kCheckSize = 8;
constexpr std::size_t kHeaderSize = 8 + 4 + kSaltSize + kCheckSize;

Error damaged(std::string_view member, std::string_view what) {
  return make_error(Errc::malformed, "the backup is damaged: {}: {}", member, what)
      .with_hint("use another copy of it, or an older backup");
}

Error cut_off(std::string_view member) { return damaged(member, "the file ends too early"); }

// --- the manifest ---

Result<const Value*> member_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  if (!value) return damaged(kManifest, fmt::format("'{}' is missing", key));
  return value;
}

Result<std::string> text_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->text()) return damaged(kManifest, fmt::format("'{}' is no text", key));
  return *value->text();
}

Result<std::uint64_t> number_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->integer() || *value->integer() < 0)
    return damaged(kManifest, fmt::format("'{}' is no number", key));
  return static_cast<std::uint64_t>(*value->integer());
}

Result<const Value::List*> list_of(const Value& table, std::string_view key) {
  const Value* value = TRY(member_of(table, key));
  if (!value->list_items() || value->list_items()->size() > kMaxMembers)
    return damaged(kManifest, fmt::format("'{}' is no list, or too long", key));
  return value->list_items();
}

Result<ArchiveMember> parse_member(const Value& value) {
  ArchiveMember member{TRY(text_of(value, "name")), TRY(number_of(value, "size")),
                       TRY(from_hex(TRY(text_of(value, "sha256"))))};
  if (!is_member_name(member.name) || member.name == kManifest || member.name == kDigest)
    return damaged(kManifest, "it names a file that no backup holds");
  if (member.size > kMaxMember || member.sha256.size() != 32)
    return damaged(kManifest, fmt::format("size or digest of {} is impossible", member.name));
  return member;
}

}  // namespace

bool is_member_name(std::string_view name) {
  for (const std::string_view known : {kManifest, kDigest, std::string_view("vouch.db"),
                                       std::string_view("vouch.toml"), std::string_view("CAPolicy.inf")})
    if (name == known) return true;
  constexpr std::string_view kKeys = "keys/";
  if (!name.starts_with(kKeys)) return false;
  const std::string_view file = name.substr(kKeys.size());
  return !file.empty() && name.size() < 100 && file.front() != '.' &&
         std::ranges::none_of(
             file, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Value describe(const Manifest& manifest) {
  Value authorities = Value::list(), members = Value::list();
  for (const Manifest::Authority& authority : manifest.authorities)
    authorities.push(Value()
                         .set("name", authority.name)
                         .set("kind", authority.kind)
                         .set("certificates", authority.certificates)
                         .set("revoked", authority.revoked)
                         .set("last_crl_number", authority.last_crl_number));
  for (const ArchiveMember& member : manifest.members)
    members.push(
        Value().set("name", member.name).set("size", member.size).set("sha256", to_hex(member.sha256)));
  Value value;
  value.set("format", manifest.format).set("program", manifest.program);
  value.set("created_at", format_time(manifest.created_at))
      .set("host", manifest.host)
      .set("home", manifest.home);
  value.set("requests", manifest.requests).set("audit_size", manifest.audit_size);
  value.set("audit_root", manifest.audit_root);
  return value.set("authorities", std::move(authorities)).set("members", std::move(members));
}

std::string format_manifest(const Manifest& manifest) { return to_json(describe(manifest)) + "\n"; }

namespace {

Result<Manifest> read_manifest(std::string_view json) {
  const Value value = TRY(parse_json(json));
  Manifest manifest;
  manifest.format = static_cast<std::int64_t>(TRY(number_of(value, "format")));
  if (manifest.format != kArchiveFormat)
    return make_error(Errc::unsupported, "the backup has format {}; this program reads format {}",
                      manifest.format, kArchiveFormat)
        .with_hint("use the vouch that wrote it, or a newer one");
  manifest.program = TRY(text_of(value, "program"));
  manifest.created_at = TRY(parse_time(TRY(text_of(value, "created_at"))));
  manifest.host = TRY(text_of(value, "host"));
  manifest.home = TRY(text_of(value, "home"));
  manifest.requests = TRY(number_of(value, "requests"));
  manifest.audit_size = TRY(number_of(value, "audit_size"));
  manifest.audit_root = TRY(text_of(value, "audit_root"));
  for (const Value& one : *TRY(list_of(value, "authorities")))
    manifest.authorities.push_back({TRY(text_of(one, "name")), TRY(text_of(one, "kind")),
                                    TRY(number_of(one, "certificates")), TRY(number_of(one, "revoked")),
                                    TRY(number_of(one, "last_crl_number"))});
  for (const Value& one : *TRY(list_of(value, "members"))) manifest.members.push_back(TRY(parse_member(one)));
  return manifest;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view json) {
  auto manifest = read_manifest(json);
  if (manifest || manifest.error().code() == Errc::unsupported ||
      manifest.error().message().contains(kManifest))
    return manifest;
  return damaged(kManifest, manifest.error().summary());
}

namespace {

// --- tar ---

using Block = std::array<char, kBlock>;

void put_octal(std::span<char> field, std::uint64_t value) {
  field[field.size() - 1] = '\0';
  for (std::size_t i = field.size() - 1; i-- > 0; value >>= 3)
    field[i] = static_cast<char>('0' + (value & 7));
}

constexpr std::size_t kName = 0, kMode = 100, kOwner = 108, kGroup = 116, kSize = 124, kTime = 136,
                      kChecksum = 148, kType = 156, kUstar = 257;
constexpr std::uint64_t kOctalLimit = std::uint64_t{1} << 33;  // eleven octal digits

unsigned checksum(const Block& block) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += i >= kChecksum && i < kChecksum + 8 ? unsigned{0x20} : static_cast<unsigned char>(block[i]);
  return sum;
}

Block tar_header(std::string_view name, std::uint64_t size, Time time) {
  Block block{};
  const std::span<char> all(block);
  std::ranges::copy(name, all.subspan(kName).begin());
  put_octal(all.subspan(kMode, 8), 0600);
  put_octal(all.subspan(kOwner, 8), 0);
  put_octal(all.subspan(kGroup, 8), 0);
  if (size < kOctalLimit) {
    put_octal(all.subspan(kSize, 12), size);
  } else {
    // As GNU tar and pax write larger ones: the top bit, then the number in binary.
    block[kSize] = static_cast<char>(0x80);
    for (std::size_t i = 0; i < 8; ++i) block[kSize + 11 - i] = static_cast<char>(size >> (8 * i) & 0xff);
  }
  put_octal(all.subspan(kTime, 12),
            static_cast<std::uint64_t>(std::max<std::int64_t>(time.time_since_epoch().count(), 0)));
  block[kType] = '0';
  std::ranges::copy(std::string_view("ustar\00000", 8), all.subspan(kUstar).begin());
  put_octal(all.subspan(kChecksum, 7), checksum(block));
  block[kChecksum + 7] = ' ';
  return block;
}

std::optional<std::uint64_t> read_size(const Block& block) {
  std::uint64_t value = 0;
  if ((block[kSize] & 0x80) != 0) {
    for (std::size_t i = 4; i < 12; ++i) value = value << 8 | static_cast<unsigned char>(block[kSize + i]);
    return value;
  }
  for (std::size_t i = 0; i < 11; ++i) {
    const char c = block[kSize + i];
    if (c < '0' || c > '7') return std::nullopt;
    value = value << 3 | static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::size_t padding(std::uint64_t size) {
  return static_cast<std::size_t>((kBlock - size % kBlock) % kBlock);
}

// --- sealing ---

Buffer piece_nonce(std::uint64_t number, bool last) {
  Buffer nonce(crypto::Sealer::kNonceSize, 0);
  nonce[2] = last ? 1 : 0;
  for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return nonce;
}

struct Opened {
  std::unique_ptr<crypto::Sealer> sealer;
  Buffer check;
};

Result<Opened> derive(const crypto::Provider& provider, std::string_view passphrase, Bytes salt,
                      const crypto::PassphraseCost& cost) {
  Buffer secret = TRY(provider.derive_key(passphrase, salt, cost, crypto::Sealer::kKeySize + kCheckSize));
  auto sealer = provider.sealer(Bytes(secret).first(crypto::Sealer::kKeySize));
  Buffer check = to_buffer(Bytes(secret).last(kCheckSize));
  wipe(secret);
  return Opened{TRY(std::move(sealer)), std::move(check)};
}

// Where the archive goes: as it is, or sealed.
class Output {
 public:
  explicit Output(AtomicFile file) : file_(std::move(file)) {}

  Status seal(const crypto::Provider& provider, std::string_view passphrase) {
    const crypto::PassphraseCost cost;
    Buffer salt(kSaltSize);
    provider.random(salt);
    Opened opened = TRY(derive(provider, passphrase, salt, cost));
    append(header_, as_bytes(kMagic));
    for (const unsigned value : {cost.log2_n, cost.r, cost.p, 0U})
      header_.push_back(static_cast<std::uint8_t>(value));
    append(header_, salt);
    append(header_, opened.check);
    sealer_ = std::move(opened.sealer);
    return file_.write(header_);
  }

  Status write(Bytes octets) {
    if (!sealer_) return file_.write(octets);
    while (!octets.empty()) {
      // A full piece goes out only when more follows: the last one has to be known as such.
      if (pending_.size() == kPiece) TRY(flush(false));
      const std::size_t room = std::min(octets.size(), kPiece - pending_.size());
      append(pending_, octets.first(room));
      octets = octets.subspan(room);
    }
    return ok();
  }

  Status commit() {
    if (sealer_) TRY(flush(true));
    return file_.commit();
  }

 private:
  Status flush(bool last) {
    TRY(file_.write(TRY(sealer_->seal(piece_nonce(number_++, last), header_, pending_))));
    pending_.clear();
    return ok();
  }

  AtomicFile file_;
  Buffer header_, pending_;
  std::unique_ptr<crypto::Sealer> sealer_;
  std::uint64_t number_ = 0;
};

// Calls `visit` for the octets of a file.
template <class Visit>
Status for_each_piece(const fs::path& file, Visit&& visit) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", file);
  Buffer piece(kPiece);
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot read", file);
    if (n == 0) {
      wipe(piece);
      return ok();
    }
    TRY(visit(Bytes(piece).first(static_cast<std::size_t>(n))));
  }
}

Result<ArchiveMember> measure(const crypto::Provider& provider, const ArchiveInput& input) {
  ArchiveMember member{input.name, 0, {}};
  const auto digester = provider.digester(crypto::DigestAlgorithm::sha256);
  TRY(for_each_piece(input.file, [&](Bytes piece) {
    digester->update(piece);
    member.size += piece.size();
    return ok();
  }));
  member.sha256 = digester->finish();
  return member;
}

Bytes octets_of(const Block& block) { return as_bytes(std::string_view(block.data(), block.size())); }

Status write_member(Output& out, std::string_view name, Bytes content, Time time) {
  TRY(out.write(octets_of(tar_header(name, content.size(), time))));
  TRY(out.write(content));
  return out.write(Buffer(padding(content.size()), 0));
}

Status write_file(Output& out, const ArchiveInput& input, const ArchiveMember& member, Time time) {
  TRY(out.write(octets_of(tar_header(member.name, member.size, time))));
  std::uint64_t written = 0;
  TRY(for_each_piece(input.file, [&](Bytes piece) {
    written += piece.size();
    return out.write(piece);
  }));
  if (written != member.size)
    return make_error(Errc::conflict, "{} changed while it was written to the backup", input.file.string())
        .with_hint("try again");
  return out.write(Buffer(padding(member.size), 0));
}

constexpr std::string_view kUnfinished = ".unfinished";  // in the name of an archive that is being written

// Whoever writes an archive holds a lock on it.
bool is_being_written(const fs::path& file) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
}

// What killed runs left. Found first, then removed: what a listing shows of files that go meanwhile is not
// defined.
void remove_leftovers(const fs::path& target) {
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const std::string prefix = fmt::format("{}{}.", target.filename().string(), kUnfinished);
  std::error_code ignored;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename().string().starts_with(prefix) && !is_being_written(entry.path()))
      found.push_back(entry.path());
  for (const fs::path& file : found) fs::remove(file, ignored);
}

}  // namespace

Result<Manifest> write_archive(const crypto::Provider& provider, const fs::path& target,
                               std::string_view passphrase, Manifest manifest,
                               const std::vector<ArchiveInput>& inputs) {
  manifest.members.clear();
  for (const ArchiveInput& input : inputs) manifest.members.push_back(TRY(measure(provider, input)));
  const std::string json = format_manifest(manifest);
  const std::string digest =
      to_hex(provider.digest(crypto::DigestAlgorithm::sha256, as_bytes(json))) + "  manifest.json\n";
  remove_leftovers(target);
  AtomicFile file = TRY(AtomicFile::create(target, 0600, kUnfinished));
  if (::flock(file.descriptor(), LOCK_EX) != 0) return system_error(errno, "cannot lock", target);
  Output out(std::move(file));
  if (!passphrase.empty()) TRY(out.seal(provider, passphrase));
  TRY(write_member(out, kManifest, as_bytes(json), manifest.created_at));
  TRY(write_member(out, kDigest, as_bytes(digest), manifest.created_at));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    TRY(write_file(out, inputs[i], manifest.members[i], manifest.created_at));
  TRY(out.write(Buffer(2 * kBlock, 0)));
  TRY(out.commit());
  return manifest;
}

namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Bytes octets) : rest_(octets) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t n = std::min(out.size(), rest_.size());
    std::ranges::copy(rest_.first(n), out.begin());
    rest_ = rest_.subspan(n);
    return n;
  }

 private:
  Bytes rest_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(fs::path path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    std::size_t have = 0;
    while (have < out.size()) {
      const ssize_t n = ::read(fd_.get(), out.data() + have, out.size() - have);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error(errno, "cannot read", path_);
      if (n == 0) break;
      have += static_cast<std::size_t>(n);
    }
    return have;
  }

 private:
  fs::path path_;
  FileDescriptor fd_;
};

// What was read ahead, then the rest.
class Prepended final : public ByteSource {
 public:
  Prepended(Buffer first, std::unique_ptr<ByteSource> rest)
      : first_(std::move(first)), rest_(std::move(rest)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t n = std::min(out.size(), first_.size() - at_);
    std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
    at_ += n;
    return n == out.size() ? n : n + TRY(rest_->read(out.subspan(n)));
  }

 private:
  Buffer first_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

class UnsealingSource final : public ByteSource {
 public:
  UnsealingSource(std::unique_ptr<crypto::Sealer> sealer, Buffer header, std::unique_ptr<ByteSource> file)
      : sealer_(std::move(sealer)), header_(std::move(header)), file_(std::move(file)) {}

  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    std::size_t have = 0;
    while (have < out.size()) {
      if (at_ == plain_.size()) {
        if (last_) break;
        TRY(next_piece());
        continue;
      }
      const std::size_t n = std::min(out.size() - have, plain_.size() - at_);
      std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(at_), n,
                  out.begin() + static_cast<std::ptrdiff_t>(have));
      at_ += n;
      have += n;
    }
    return have;
  }

 private:
  // One octet more than a piece is read: whether there is one tells the last piece from the others.
  Status next_piece() {
    constexpr std::size_t kSealed = kPiece + crypto::Sealer::kTagSize;
    ahead_.resize(kSealed + 1);
    const std::size_t have = kept_ + TRY(file_->read(std::span(ahead_).subspan(kept_)));
    last_ = have <= kSealed;
    const Bytes sealed = Bytes(ahead_).first(std::min(have, kSealed));
    auto plain = sealer_->open(piece_nonce(number_, last_), header_, sealed);
    if (!plain && plain.error().code() == Errc::denied)
      return damaged(fmt::format("octets {} to {}", kHeaderSize + number_ * kSealed,
                                 kHeaderSize + number_ * kSealed + sealed.size()),
                     "they were changed, or the file was cut off");
    plain_ = TRY(std::move(plain));
    at_ = 0;
    ++number_;
    kept_ = last_ ? 0 : 1;
    ahead_[0] = ahead_[kSealed];
    return ok();
  }

  std::unique_ptr<crypto::Sealer> sealer_;
  Buffer header_;
  std::unique_ptr<ByteSource> file_;
  Buffer ahead_, plain_;
  std::size_t kept_ = 0, at_ = 0;
  std::uint64_t number_ = 0;
  bool last_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> memory_source(Bytes octets) { return std::make_unique<MemorySource>(octets); }

Result<OpenedArchive> open_archive(const crypto::Provider& provider, std::unique_ptr<ByteSource> file,
                                   const AskPassphrase& passphrase) {
  Buffer header(kHeaderSize);
  header.resize(TRY(file->read(header)));
  if (!as_text(header).starts_with(kMagic))
    return OpenedArchive{std::make_unique<Prepended>(std::move(header), std::move(file)), false};
  if (header.size() != kHeaderSize) return cut_off("the header");
  if (header[11] != 0)
    return make_error(Errc::unsupported, "the backup was sealed in a way that this program does not know")
        .with_hint("use the vouch that wrote it, or a newer one");
  const crypto::PassphraseCost cost{header[8], header[9], header[10]};
  std::string secret = TRY(passphrase());
  auto opened = derive(provider, secret, Bytes(header).subspan(12, kSaltSize), cost);
  wipe(secret);
  Opened key = TRY(std::move(opened));
  if (!equal_constant_time(key.check, Bytes(header).last(kCheckSize)))
    return make_error(Errc::denied, "the passphrase is not the one of this backup, or its header is damaged");
  return OpenedArchive{
      std::make_unique<UnsealingSource>(std::move(key.sealer), std::move(header), std::move(file)), true};
}

Result<OpenedArchive> open_archive(const crypto::Provider& provider, const fs::path& file,
                                   const AskPassphrase& passphrase) {
  FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", file);
  return open_archive(provider, std::make_unique<FileSource>(file, std::move(fd)), passphrase)
      .context("opening {}", file.string());
}

namespace {

class Reader {
 public:
  Reader(const crypto::Provider& provider, ByteSource& source) : provider_(provider), source_(source) {}

  // The header of the member that has to come next; gives its size.
  Result<std::uint64_t> header(std::string_view name) {
    Block block;
    TRY(exactly(std::span(reinterpret_cast<std::uint8_t*>(block.data()), block.size()), name));
    const std::string_view found(block.data(), ::strnlen(block.data(), 100));
    Block expected = block;
    put_octal(std::span<char>(expected).subspan(kChecksum, 7), checksum(block));
    expected[kChecksum + 7] = ' ';
    const auto size = read_size(block);
    if (expected != block || std::string_view(block.data() + kUstar, 5) != "ustar" || block[kType] != '0' ||
        !size)
      return name == kManifest ? make_error(Errc::malformed, "this is no backup of vouch")
                                     .with_hint("give a file that vouch backup wrote")
                               : damaged(name, "its header");
    if (found != name) return damaged(name, "another file stands in its place");
    return *size;
  }

  // The octets of a member, and its padding; gives the digest.
  template <class Take>
  Result<Buffer> content(std::string_view name, std::uint64_t size, Take&& take) {
    const auto digester = provider_.digester(crypto::DigestAlgorithm::sha256);
    Buffer piece(kPiece);
    for (std::uint64_t left = size; left > 0;) {
      const auto part =
          std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, kPiece)));
      TRY(exactly(part, name));
      digester->update(part);
      TRY(take(Bytes(part)));
      left -= part.size();
    }
    wipe(piece);
    TRY(zeros(padding(size), name));
    return digester->finish();
  }

  Result<std::string> small(std::string_view name, std::size_t most) {
    const std::uint64_t size = TRY(header(name));
    if (size > most) return damaged(name, "it is too large");
    std::string text;
    digest_ = TRY(content(name, size, [&](Bytes piece) {
      text += as_text(piece);
      return ok();
    }));
    return text;
  }
  const Buffer& last_digest() const { return digest_; }

  Status end() {
    TRY(zeros(2 * kBlock, "the end"));
    std::uint8_t more = 0;
    if (TRY(source_.read(std::span(&more, 1))) != 0) return damaged("the end", "something follows");
    return ok();
  }

 private:
  Status exactly(std::span<std::uint8_t> out, std::string_view name) {
    if (TRY(source_.read(out)) != out.size()) return cut_off(name);
    return ok();
  }
  Status zeros(std::size_t count, std::string_view name) {
    Buffer octets(count);
    TRY(exactly(octets, name));
    if (std::ranges::any_of(octets, [](std::uint8_t octet) { return octet != 0; }))
      return damaged(name, "something stands where nothing should");
    return ok();
  }

  const crypto::Provider& provider_;
  ByteSource& source_;
  Buffer digest_;
};

}  // namespace

Result<Manifest> read_archive(const crypto::Provider& provider, ByteSource& source, const TakeMember& take) {
  Reader reader(provider, source);
  const std::string json = TRY(reader.small(kManifest, kMaxManifest));
  const Buffer digest = reader.last_digest();
  if (TRY(reader.small(kDigest, kBlock)) != to_hex(digest) + "  manifest.json\n")
    return damaged(kManifest, "its digest does not fit");
  Manifest manifest = TRY(parse_manifest(json));
  std::vector<std::string_view> seen;
  for (const ArchiveMember& member : manifest.members) {
    if (std::ranges::find(seen, member.name) != seen.end()) return damaged(member.name, "it is there twice");
    seen.push_back(member.name);
    if (TRY(reader.header(member.name)) != member.size) return damaged(member.name, "its size");
    const Buffer found =
        TRY(reader.content(member.name, member.size, [&](Bytes piece) { return take(member, piece); }));
    if (found != member.sha256) return damaged(member.name, "its content");
    TRY(take(member, {}));
  }
  TRY(reader.end());
  return manifest;
}

}  // namespace vouch::ca
