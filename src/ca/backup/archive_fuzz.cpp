// A backup from anywhere. Properties: names that come out are of the few that a backup has, and nothing comes
// out of an archive beyond the sizes that its manifest gives; what reads as a manifest is the same after
// writing.
#include <cstdlib>

#include "ca/backup/archive.hpp"
#include "crypto/openssl/openssl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  static const auto provider = crypto::openssl::make_provider();
  const Bytes octets(data, size);
  if (const auto manifest = ca::parse_manifest(as_text(octets))) {
    const auto again = ca::parse_manifest(ca::format_manifest(*manifest));
    if (!again || *again != *manifest) std::abort();
  }
  // Deriving a key from a passphrase takes too long here; what is sealed is left to the unit tests.
  const auto opened = ca::open_archive(*provider, ca::memory_source(octets), []() -> Result<std::string> {
    return make_error(Errc::denied, "no passphrase");
  });
  if (!opened) return 0;
  std::uint64_t total = 0;
  (void)ca::read_archive(*provider, *opened->source, [&](const ca::ArchiveMember& member, Bytes piece) {
    if (!ca::is_member_name(member.name) || member.name.find("..") == 0) std::abort();
    total += piece.size();
    if (total > size) std::abort();
    return ok();
  });
  return 0;
}
