#include "ca/backup/archive.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ca/backup/tar.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kReadAtOnce = 65536;  // octets
constexpr std::size_t kMaxManifest = std::size_t{4} << 20;

// Calls `visit` for the octets of a file.
template <class Visit>
Status for_each_piece(const fs::path& file, Visit&& visit) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error(errno, "cannot open", file);
  Buffer piece(kReadAtOnce);
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

Status write_member(ArchiveOutput& out, std::string_view name, Bytes content, Time time) {
  TRY(out.write(octets_of(tar_header(name, content.size(), time))));
  TRY(out.write(content));
  return out.write(Buffer(tar_padding(content.size()), 0));
}

Status write_file(ArchiveOutput& out, const ArchiveInput& input, const ArchiveMember& member, Time time) {
  TRY(out.write(octets_of(tar_header(member.name, member.size, time))));
  std::uint64_t written = 0;
  TRY(for_each_piece(input.file, [&](Bytes piece) {
    written += piece.size();
    return out.write(piece);
  }));
  if (written != member.size)
    return make_error(Errc::conflict, "{} changed while it was written to the backup", input.file.string())
        .with_hint("try again");
  return out.write(Buffer(tar_padding(member.size), 0));
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
  ArchiveOutput out(std::move(file));
  if (!passphrase.empty()) TRY(out.seal(provider, passphrase));
  TRY(write_member(out, kManifestName, as_bytes(json), manifest.created_at));
  TRY(write_member(out, kDigestName, as_bytes(digest), manifest.created_at));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    TRY(write_file(out, inputs[i], manifest.members[i], manifest.created_at));
  TRY(out.write(Buffer(2 * kTarBlock, 0)));
  TRY(out.commit());
  return manifest;
}

namespace {

class Reader {
 public:
  Reader(const crypto::Provider& provider, ByteSource& source) : provider_(provider), source_(source) {}

  // The header of the member that has to come next; gives its size.
  Result<std::uint64_t> header(std::string_view name) {
    TarBlock block;
    TRY(exactly(std::span(reinterpret_cast<std::uint8_t*>(block.data()), block.size()), name));
    const auto file = read_tar_header(block);
    if (!file)
      return name == kManifestName ? make_error(Errc::malformed, "this is no backup of vouch")
                                         .with_hint("give a file that vouch backup wrote")
                                   : damaged_archive(name, "its header");
    if (file->name != name) return damaged_archive(name, "another file stands in its place");
    return file->size;
  }

  // The octets of a member, and its padding; gives the digest.
  template <class Take>
  Result<Buffer> content(std::string_view name, std::uint64_t size, Take&& take) {
    const auto digester = provider_.digester(crypto::DigestAlgorithm::sha256);
    Buffer piece(kReadAtOnce);
    for (std::uint64_t left = size; left > 0;) {
      const auto part =
          std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, kReadAtOnce)));
      TRY(exactly(part, name));
      digester->update(part);
      TRY(take(Bytes(part)));
      left -= part.size();
    }
    wipe(piece);
    TRY(zeros(tar_padding(size), name));
    return digester->finish();
  }

  Result<std::string> small(std::string_view name, std::size_t most) {
    const std::uint64_t size = TRY(header(name));
    if (size > most) return damaged_archive(name, "it is too large");
    std::string text;
    digest_ = TRY(content(name, size, [&](Bytes piece) {
      text += as_text(piece);
      return ok();
    }));
    return text;
  }
  const Buffer& last_digest() const { return digest_; }

  Status end() {
    TRY(zeros(2 * kTarBlock, "the end"));
    std::uint8_t more = 0;
    if (TRY(source_.read(std::span(&more, 1))) != 0) return damaged_archive("the end", "something follows");
    return ok();
  }

 private:
  Status exactly(std::span<std::uint8_t> out, std::string_view name) {
    if (TRY(source_.read(out)) != out.size()) return damaged_archive(name, "the file ends too early");
    return ok();
  }
  Status zeros(std::size_t count, std::string_view name) {
    Buffer octets(count);
    TRY(exactly(octets, name));
    if (std::ranges::any_of(octets, [](std::uint8_t octet) { return octet != 0; }))
      return damaged_archive(name, "something stands where nothing should");
    return ok();
  }

  const crypto::Provider& provider_;
  ByteSource& source_;
  Buffer digest_;
};

}  // namespace

Result<Manifest> read_archive(const crypto::Provider& provider, ByteSource& source, const TakeMember& take) {
  Reader reader(provider, source);
  const std::string json = TRY(reader.small(kManifestName, kMaxManifest));
  const Buffer digest = reader.last_digest();
  if (TRY(reader.small(kDigestName, kTarBlock)) != to_hex(digest) + "  manifest.json\n")
    return damaged_archive(kManifestName, "its digest does not fit");
  Manifest manifest = TRY(parse_manifest(json));
  std::vector<std::string_view> seen;
  for (const ArchiveMember& member : manifest.members) {
    if (std::ranges::find(seen, member.name) != seen.end())
      return damaged_archive(member.name, "it is there twice");
    seen.push_back(member.name);
    if (TRY(reader.header(member.name)) != member.size) return damaged_archive(member.name, "its size");
    const Buffer found =
        TRY(reader.content(member.name, member.size, [&](Bytes piece) { return take(member, piece); }));
    if (found != member.sha256) return damaged_archive(member.name, "its content");
    TRY(take(member, {}));
  }
  TRY(reader.end());
  return manifest;
}

}  // namespace vouch::ca
