#include "ca/backup/archive_stream.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ca/backup/archive_manifest.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kMagic = "VOUCHBK1";
constexpr std::size_t kPiece = 65536;
constexpr std::size_t kSaltSize = 16, kCheckSize = 8;
constexpr std::size_t kHeaderSize = 8 + 4 + kSaltSize + kCheckSize;

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
      return damaged_archive(fmt::format("octets {} to {}", kHeaderSize + number_ * kSealed,
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

Status ArchiveOutput::seal(const crypto::Provider& provider, std::string_view passphrase) {
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

Status ArchiveOutput::write(Bytes octets) {
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

Status ArchiveOutput::commit() {
  if (sealer_) TRY(flush(true));
  return file_.commit();
}

Status ArchiveOutput::flush(bool last) {
  TRY(file_.write(TRY(sealer_->seal(piece_nonce(number_++, last), header_, pending_))));
  pending_.clear();
  return ok();
}

std::unique_ptr<ByteSource> memory_source(Bytes octets) { return std::make_unique<MemorySource>(octets); }

Result<OpenedArchive> open_archive(const crypto::Provider& provider, std::unique_ptr<ByteSource> file,
                                   const AskPassphrase& passphrase) {
  Buffer header(kHeaderSize);
  header.resize(TRY(file->read(header)));
  if (!as_text(header).starts_with(kMagic))
    return OpenedArchive{std::make_unique<Prepended>(std::move(header), std::move(file)), false};
  if (header.size() != kHeaderSize) return damaged_archive("the header", "the file ends too early");
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

}  // namespace vouch::ca
