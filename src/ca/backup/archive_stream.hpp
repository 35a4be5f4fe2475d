#pragma once
// The octets of a backup, to its file and from it: as they are, or with a passphrase sealed as a stream.
//
// Sealed: "VOUCHBK1", log2 N, r, p of scrypt (an octet each), a zero, salt (16), key check (8); then pieces
// of 65,536 octets of the archive, the last one shorter or empty, each with its tag (AES-256-GCM; nonce: two
// zeros, an octet that is 1 for the last piece, a zero, and the number of the piece in eight octets;
// associated data: the header). So pieces cannot be changed, moved, left out, or cut off at the end.

#include <functional>
#include <memory>

#include "base/files.hpp"
#include "crypto/provider.hpp"

namespace vouch::ca {

// --- writing ---

class ArchiveOutput {
 public:
  explicit ArchiveOutput(AtomicFile file) : file_(std::move(file)) {}
  // Before the first octet.
  Status seal(const crypto::Provider& provider, std::string_view passphrase);
  Status write(Bytes octets);
  Status commit();

 private:
  Status flush(bool last);

  AtomicFile file_;
  Buffer header_, pending_;
  std::unique_ptr<crypto::Sealer> sealer_;
  std::uint64_t number_ = 0;
};

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

}  // namespace vouch::ca
