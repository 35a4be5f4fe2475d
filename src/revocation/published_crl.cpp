#include "revocation/published_crl.hpp"

namespace vouch::revocation {
namespace {

constexpr std::size_t kMostOctets = std::size_t{256} << 20;

}  // namespace

Result<Buffer> published_crl(const ca::Environment& environment, const store::Snapshot& snapshot,
                             const store::CertificateRecord& certificate) {
  const auto newest = TRY(snapshot.newest_crls(certificate.authority, certificate.key_index, false, 1));
  if (newest.empty())
    return make_error(Errc::not_found, "no CRL was published yet").with_hint("vouch crl publish");
  return read_file(environment.home.folder() / newest.front().file, kMostOctets);
}

}  // namespace vouch::revocation
