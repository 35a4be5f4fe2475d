#pragma once
// The file of a backup: a tar archive (POSIX ustar, so that it can be looked into with tools that every
// system has) of a manifest, the manifest's digest, and the files it names; with a passphrase, sealed
// (archive_stream.hpp).
//
//   manifest.json  manifest.sha256  vouch.db  [vouch.toml]  [CAPolicy.inf]  [keys/NAME]…

#include "ca/backup/archive_manifest.hpp"
#include "ca/backup/archive_stream.hpp"

namespace vouch::ca {

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

// Takes what a member holds, piece by piece; an empty one at its end, once its digest has been found right.
using TakeMember = std::function<Status(const ArchiveMember& member, Bytes piece)>;
// Reads and checks everything: names, order, sizes, digests, and that nothing follows. Errors name the
// member.
Result<Manifest> read_archive(const crypto::Provider& provider, ByteSource& source, const TakeMember& take);

}  // namespace vouch::ca
