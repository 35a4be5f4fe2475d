#include "ca/settings/parent_record.hpp"

#include <limits>

#include "ca/home/audit.hpp"
#include "ca/settings/settings_change.hpp"

namespace vouch::ca {
namespace {

Result<std::string> parent_text(const Value& table, std::string_view name) {
  const Value* value = table.find(name);
  if (!value || !value->text()) return make_error(Errc::malformed, "parent.{} is missing or no text", name);
  return *value->text();
}

Result<std::int64_t> number_of(const Value& table, std::string_view name, std::int64_t least,
                               std::int64_t most) {
  const Value* value = table.find(name);
  const std::int64_t* number = value ? value->integer() : nullptr;
  if (!number || *number < least || *number > most)
    return make_error(Errc::malformed, "parent.{} is missing or no number from {} to {}", name, least, most);
  return *number;
}

}  // namespace

Value describe(const ParentRecord& record) {
  return Value()
      .set("url", record.url)
      .set("ca", record.ca)
      .set("certificate", record.certificate)
      .set("key", record.key)
      .set("trust", record.trust)
      .set("request", record.request)
      .set("attempt", static_cast<std::int64_t>(record.attempt));
}

Result<ParentRecord> parse_parent(const Value& table) {
  ParentRecord record;
  for (const auto& [name, member] :
       {std::pair{"url", &ParentRecord::url}, std::pair{"ca", &ParentRecord::ca},
        std::pair{"certificate", &ParentRecord::certificate}, std::pair{"key", &ParentRecord::key},
        std::pair{"trust", &ParentRecord::trust}})
    record.*member = TRY(parent_text(table, name));
  record.request = TRY(number_of(table, "request", 0, std::numeric_limits<std::int64_t>::max()));
  record.attempt = static_cast<std::uint32_t>(
      TRY(number_of(table, "attempt", 1, std::numeric_limits<std::uint32_t>::max())));
  return record;
}

std::string transaction_of(const crypto::Provider& provider, const ParentRecord& record, Bytes request) {
  return fmt::format("subordinate-{}-{}", to_hex(provider.digest(crypto::DigestAlgorithm::sha256, request)),
                     record.attempt);
}

Result<std::optional<ParentRecord>> parent_of(const store::AuthorityRecord& record) {
  return TRY(parse_settings(record.settings).context("reading the settings of CA '{}'", record.name)).parent;
}

Status remember_parent(const Environment& environment, std::string_view ca_name, const ParentRecord& record,
                       std::string_view administrator) {
  AuditDetails details;
  details.add("parent", record.url).add("parent_ca", record.ca);
  if (record.request != 0) details.add("request", fmt::format("{}", record.request));
  (void)TRY(change_settings(environment, ca_name,
                            {.actor = std::string(administrator),
                             .action = "ca.request",
                             .details = std::move(details),
                             .apply = [&](AuthoritySettings& settings) -> Status {
                               settings.parent = record;
                               return ok();
                             }}));
  return ok();
}

}  // namespace vouch::ca
