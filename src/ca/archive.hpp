#pragma once
// The file of a backup: a tar archive (POSIX ustar, so that it can be looked into with tools that every
// system has) of a manifest, the manifest's digest, and the files it names; with a passphrase, sealed as
// a stream.
//
//   manifest.json  manifest.sha256  vouch.db  [vouch.toml]  [CAPolicy.inf]  [keys/NAME]…
//
// Sealed: "VOUCHBK1", log2 N, r, p of scrypt (an octet each), a zero, salt (16), key check (8); then pieces
// of 65,536 octets of the archive, the last one shorter or empty, each with its tag (AES-256-GCM; nonce: two
// zeros, an octet that is 1 for the last piece, a zero, and the number of the piece in eight octets;
// associated data: the header). So pieces cannot be changed, moved, left out, or cut off at the end.

#include <functional>
#include <memory>

#include "base/files.hpp"
#include "base/time.hpp"
#include "base/value.hpp"
#include "crypto/provider.hpp"

namespace vouch::ca {

constexpr std::int64_t kArchiveFormat = 1;

struct ArchiveMember {
  std::string name;
  std::uint64_t size = 0;
  Buffer sha256;
  bool operator==(const ArchiveMember&) const = default;
};

// What is in a backup. `authorities` is for people: which CAs, how many certificates, how far.
struct Manifest {
  std::int64_t format = kArchiveFormat;
  std::string program;  // "vouch 0.1"
  Time created_at{};
  std::string host, home;  // where it was made
  struct Authority {
    std::string name, kind;
    std::uint64_t certificates = 0, revoked = 0, last_crl_number = 0;
    bool operator==(const Authority&) const = default;
  };
  std::vector<Authority> authorities;
  std::uint64_t requests = 0, audit_size = 0;
  std::string audit_root;  // of the last signed head
  std::vector<ArchiveMember> members;
  bool operator==(const Manifest&) const = default;
};
Value describe(const Manifest& manifest);
std::string format_manifest(const Manifest& manifest);
// Fails with `unsupported` for a newer format, `malformed` otherwise.
Result<Manifest> parse_manifest(std::string_view json);
// The only names a member may have: no folder but keys/, nothing hidden, no way up.
bool is_member_name(std::string_view name);

// --- writing ---

struct ArchiveInput {
  std::string name;
  fs::path file;
};
// Writes manifest (whose `members` are filled in here) and files under a name of its own and puts the whole
// in place of `target` at the end; mode 0600. An empty passphrase: not sealed. Removes what earlier runs that
// were killed left beside it.
Result<Manifest> write_archive(const crypto::Provider& provider, const fs::path& target,
                               std::string_view passphrase, Manifest manifest,
                               const std::vector<ArchiveInput>& inputs);

// --- reading ---

// Octets in their order.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills `out`, less only at the end. 0: the end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};
std::unique_ptr<ByteSource> memory_source(Bytes octets);

using AskPassphrase = std::function<Result<std::string>()>;
struct OpenedArchive {
  std::unique_ptr<ByteSource> source;  // of the tar archive
  bool sealed = false;
};
// Asks for the passphrase only when the file is sealed. denied: the passphrase is wrong. malformed: it is no
// backup.
Result<OpenedArchive> open_archive(const crypto::Provider& provider, std::unique_ptr<ByteSource> file,
                                   const AskPassphrase& passphrase);
Result<OpenedArchive> open_archive(const crypto::Provider& provider, const fs::path& file,
                                   const AskPassphrase& passphrase);

// Takes what a member holds, piece by piece; an empty one at its end, once its digest has been found right.
using TakeMember = std::function<Status(const ArchiveMember& member, Bytes piece)>;
// Reads and checks everything: names, order, sizes, digests, and that nothing follows. Errors name the
// member.
Result<Manifest> read_archive(const crypto::Provider& provider, ByteSource& source, const TakeMember& take);

}  // namespace vouch::ca
