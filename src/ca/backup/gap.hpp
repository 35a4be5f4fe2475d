#pragma once
// The gap between what the world has seen of a CA and what its database knows: what a restored backup lacks.
// While there is one, the CA neither issues nor revokes nor publishes.

#include <map>
#include <optional>

#include "ca/backup/fence.hpp"
#include "ca/home/environment.hpp"

namespace vouch::ca {

struct Gap {
  std::vector<FenceEvent> certificates;  // `issued`, that the database has never heard of
  std::vector<FenceEvent> revocations;   // `revoked`, that it lacks
  std::uint64_t crl_number = 0, known_crl_number = 0;
  std::uint64_t audit_size = 0, known_audit_size = 0;
  std::vector<fs::path> crls;        // published ones that are newer than the database
  std::vector<std::string> damaged;  // lines of the fence that cannot be read

  bool empty() const {
    return certificates.empty() && revocations.empty() && crl_number <= known_crl_number &&
           audit_size <= known_audit_size && damaged.empty();
  }
  // "12 certificates, 2 revocations, CRL number 17 (known: 9)".
  std::string text() const;
};
// For --json: counts, numbers, and the serial numbers that are lost.
Value describe(const Gap& gap, std::string_view ca);

// The fence of a CA: HOME/fence/<CA>.log.
Result<std::shared_ptr<Fence>> fence_of(const Environment& environment, const store::AuthorityRecord& record,
                                        const store::Snapshot& snapshot);
// The name of the mark in the database that says how far the fence has been compared.
std::string fence_mark_name(store::AuthorityId authority);
std::string new_fence_nonce(const crypto::Provider& provider);

struct Comparison {
  Gap gap;
  std::uint64_t lines = 0;  // compared; many: worth a mark
};
// Looks at the fence and at the CRLs in the file locations first and at the database afterwards: what others
// issue meanwhile is never taken for a gap. No private key is needed.
Result<Comparison> compare_with_fence(const Environment& environment, const store::AuthorityRecord& record,
                                      const Fence& fence);

// Gives up what the gap names: its serial numbers count as used, its certificates are kept as lost ones, its
// revocations are taken over from the fence and from published CRLs, CRL numbers go on above everything seen.
// not_found: there is no gap.
Result<Gap> accept_gap(const Environment& environment, std::string_view name, std::string_view administrator);
// The gap as it is now; empty: none.
Result<Gap> find_gap(const Environment& environment, std::string_view name);

}  // namespace vouch::ca
