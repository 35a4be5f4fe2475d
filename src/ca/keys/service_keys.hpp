#pragma once
// Keys and certificates of the CAs' own services, which make them, renew them and throw them away by
// themselves. The database remembers the present one of each.

#include <span>

#include "store/database.hpp"

namespace vouch::ca {

struct ServiceKey {
  std::string reference;  // as ca/keys/key_files.hpp knows it
  Buffer serial;          // of its certificate
  bool operator==(const ServiceKey&) const = default;
};

// The responder that answers OCSP requests about what one key of a CA signed.
std::string ocsp_service(store::AuthorityId authority, std::uint16_t key_index);

// `not_found`: there is none yet.
Result<ServiceKey> find_service_key(const store::Snapshot& snapshot, std::string_view service);
// Those of the registration authority that answers SCEP for a CA: the present ones and, for a time, those
// before.
Result<std::vector<ServiceKey>> registration_keys(const store::Snapshot& snapshot,
                                                  store::AuthorityId authority);
Status remember_registration_keys(store::Transaction& transaction, store::AuthorityId authority,
                                  std::span<const ServiceKey> keys);
Status remember_service_key(store::Transaction& transaction, std::string_view service, const ServiceKey& key);

}  // namespace vouch::ca
