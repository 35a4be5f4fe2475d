#pragma once
// Symptom: relying parties that read one copy of the CRL know of new revocations, those that read another do
// not. Probe:   what is known of each place of publication, and the files themselves. Verdict: Not published
// while a place lacks the newest CRL; Not matching when a file there is another one. Mend:    the place's
// own: folder, rights, space, server.

#include "crypto/provider.hpp"
#include "diagnose/hierarchy.hpp"

namespace vouch::diagnose {

Result<std::vector<TargetStatus>> check_targets(const crypto::Provider& provider,
                                                const store::Snapshot& snapshot, const Node& node, Time now);

}  // namespace vouch::diagnose
