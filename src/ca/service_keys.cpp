#include "ca/service_keys.hpp"

namespace vouch::ca {
namespace {

std::string mark_of(std::string_view service) { return fmt::format("service key: {}", service); }

}  // namespace

std::string ocsp_service(store::AuthorityId authority, std::uint16_t key_index) {
  return fmt::format("ocsp {}.{}", authority, key_index);
}

Result<ServiceKey> find_service_key(const store::Snapshot& snapshot, std::string_view service) {
  const std::string text = TRY(snapshot.mark(mark_of(service)));
  if (text.empty()) return make_error(Errc::not_found, "the service '{}' has no key yet", service);
  const auto space = text.find(' ');
  if (space == std::string::npos)
    return make_error(Errc::malformed, "what the database says of the key of '{}' cannot be read", service);
  return ServiceKey{text.substr(space + 1), TRY(from_hex(text.substr(0, space)))};
}

Status remember_service_key(store::Transaction& transaction, std::string_view service,
                            const ServiceKey& key) {
  return transaction.set_mark(mark_of(service), fmt::format("{} {}", to_hex(key.serial), key.reference));
}

}  // namespace vouch::ca
