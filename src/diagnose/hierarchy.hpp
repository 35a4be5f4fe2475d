#pragma once
// What there is to check: the CAs of a home, the CAs above them, and every place that their certificates and
// CRLs name.

#include "ca/home/environment.hpp"
#include "ca/settings/settings.hpp"
#include "diagnose/report.hpp"
#include "revocation/crl_shards.hpp"

namespace vouch::diagnose {

// A CA certificate that something fetched may belong to.
struct CaCertificate {
  Buffer der;
  std::uint16_t certificate_index = 0, key_index = 0;
  std::optional<store::CrlRecord>
      newest{};  // the last CRL of its key, of the kind in question; none: unknown
};

struct Place {
  LocationKind kind{};
  std::string url;
  bool current = false;
  std::optional<std::uint64_t> live{};
  std::vector<CaCertificate> issuers{};  // whose it may be; OCSP: one
  // OCSP: the certificate that is asked about; empty: the key has signed none. And whether it is revoked,
  // where that is known here.
  Buffer question{};
  std::optional<bool> revoked{};
};

struct Node {
  std::string name, parent;
  std::string kind;                                // "root", "subordinate", "elsewhere"
  std::optional<store::AuthorityRecord> record{};  // none: a CA elsewhere
  ca::AuthoritySettings settings{};
  revocation::CrlLists lists{};  // of its keys, where it is of the home
  // With a certificate that is valid, and the newest in any case; oldest first.
  std::vector<store::KeyGeneration> generations{};
  std::vector<Place> places{};
  std::uint64_t unrecorded = 0;
};

// Parents before their children. `only`: that CA with its parents; empty: all. Fails with `not_found` when
// there is no such CA.
Result<std::vector<Node>> read_hierarchy(const store::Snapshot& snapshot, std::string_view only, Time now);

}  // namespace vouch::diagnose
