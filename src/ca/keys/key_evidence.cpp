#include "ca/keys/key_evidence.hpp"

#include <algorithm>
#include "ca/keys/service_keys.hpp"

namespace vouch::ca {

Result<std::vector<KeyEvidence>> key_evidence(const store::Snapshot& snapshot) {
  std::vector<KeyEvidence> all;
  std::vector<ServiceKey> responders;  // and registration authorities'
  for (const store::AuthorityRecord& authority : TRY(snapshot.authorities())) {
    for (ServiceKey& key : TRY(registration_keys(snapshot, authority.id)))
      responders.push_back(std::move(key));
    for (store::KeyGeneration& generation : TRY(snapshot.key_generations(authority.id))) {
      if (generation.certificate.empty()) continue;
      const auto responder = find_service_key(snapshot, ocsp_service(authority.id, generation.key_index));
      if (responder) responders.push_back(*responder);
      // A renewal with the same key has two certificates for it: the newest counts.
      const auto known = std::ranges::find(all, generation.key_reference, &KeyEvidence::reference);
      if (known == all.end())
        all.push_back({std::move(generation.key_reference), std::move(generation.certificate)});
      else
        known->evidence = std::move(generation.certificate);
    }
  }
  for (ServiceKey& responder : responders) {
    // Purged, or lost with an older database: the service makes itself a new one.
    const auto certificate = snapshot.certificate(responder.serial);
    if (certificate && !certificate->der().empty())
      all.push_back({std::move(responder.reference), certificate->der()});
  }
  for (store::AuditKey& key : TRY(snapshot.audit_keys()))
    all.push_back({std::move(key.key_reference), std::move(key.public_key_info)});
  return all;
}

Result<KeyEvidence> find_key_evidence(const store::Snapshot& snapshot, std::string_view reference) {
  auto all = TRY(key_evidence(snapshot));
  const auto found = std::ranges::find(all, reference, &KeyEvidence::reference);
  if (found == all.end())
    return make_error(Errc::not_found, "nothing in the database says what the key {} is for", reference);
  return std::move(*found);
}

}  // namespace vouch::ca
