#include "ca/keys/service_keys.hpp"

namespace vouch::ca {
namespace {

std::string mark_of(std::string_view service) { return fmt::format("service key: {}", service); }

}  // namespace

namespace {

std::string registration_mark(store::AuthorityId authority) {
  return fmt::format("service keys: registration {}", authority);
}

}  // namespace

// One line for each: serial number, blank, reference.
Result<std::vector<ServiceKey>> registration_keys(const store::Snapshot& snapshot,
                                                  store::AuthorityId authority) {
  std::vector<ServiceKey> keys;
  const std::string text = TRY(snapshot.mark(registration_mark(authority)));
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto space = line.find(' ');
    if (space == std::string_view::npos)
      return make_error(Errc::malformed,
                        "what the database says of the registration authority's keys cannot be read");
    keys.push_back({std::string(line.substr(space + 1)), TRY(from_hex(line.substr(0, space)))});
  }
  return keys;
}

Status remember_registration_keys(store::Transaction& transaction, store::AuthorityId authority,
                                  std::span<const ServiceKey> keys) {
  std::string text;
  for (const ServiceKey& key : keys)
    text += fmt::format("{}{} {}", text.empty() ? "" : "\n", to_hex(key.serial), key.reference);
  return transaction.set_mark(registration_mark(authority), text);
}

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
