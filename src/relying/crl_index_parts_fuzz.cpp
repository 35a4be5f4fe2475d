// Any input as the body of an index, groups and issuers, beside a real CRL, as if its seal had held.
// Property: nothing is read outside of it, and no serial is found that the CRL does not list; what it lists
// is found, not found or an error. The first octet says how many of the input's octets are the groups'
// changes: an offset and a value each, over the true table; the rest are the issuers.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"
#include "relying/crl_index.hpp"
#include "relying/test_same_crl.hpp"
#include "validate/test_pki.hpp"

namespace {

using namespace vouch;
using namespace vouch::relying;

// Its own entries and one of another issuer.
Buffer sample_crl() {
  validate::test::TestPki pki;
  x509::IssuingDistributionPoint point;
  point.indirect_crl = true;
  return to_buffer(
      pki.crl({.issuer = "CA",
               .revoked = {{1, x509::CrlReason::unspecified},
                           {2, x509::CrlReason::key_compromise},
                           {300, x509::CrlReason::superseded}},
               .extensions = {x509::make_extension(x509::oid::kIssuingDistributionPoint, true,
                                                   x509::encode_issuing_distribution_point(point))}})
          ->head()
          .view.whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  static const IndexedCrlPtr good = build_crl_index(*provider, own(sample_crl()), "fuzz", 1).value();
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  const std::size_t changes = std::min<std::size_t>(data[0], input.size());
  CrlIndexParts parts;
  parts.crl = good->parts().crl;
  parts.head = good->parts().head;
  parts.entries = good->entries();
  parts.seed = good->parts().seed;
  std::vector<Group> groups(good->parts().groups.begin(), good->parts().groups.end());
  const std::span<std::uint8_t> octets(reinterpret_cast<std::uint8_t*>(groups.data()),
                                       groups.size() * sizeof(Group));
  for (std::size_t i = 0; i + 1 < changes; i += 2) octets[input[i] % octets.size()] ^= input[i + 1];
  parts.groups = groups;
  parts.issuers = input.subspan(changes);
  const auto index = IndexedCrl::make(std::move(parts));
  if (!index) return 0;
  for (const std::string& issuer : {good->head().issuer_key, std::string("x"), std::string()})
    for (const Buffer& serial :
         {Buffer{1}, Buffer{2}, Buffer{1, 0x2c}, Buffer{3}, Buffer{}, Buffer(200, 9)}) {
      const auto found = (*index)->find(serial, issuer);
      const bool listed = serial == Buffer{1} || serial == Buffer{2} || serial == Buffer{1, 0x2c};
      if (found && *found && !listed) std::abort();
      if (!found && !(*index)->is_damaged()) std::abort();
    }
  return 0;
}
