#include "ca/settings/settings_change.hpp"

#include "ca/home/audit.hpp"
#include "ca/settings/roles.hpp"

namespace vouch::ca {

Result<AuthoritySettings> change_settings(const Environment& environment, std::string_view ca_name,
                                          const SettingsChange& change) {
  {
    const auto snapshot = TRY(environment.database.snapshot());
    const store::AuthorityRecord record = TRY(snapshot->authority(ca_name));
    TRY(authorize(environment, *snapshot,
                  {.account = change.actor,
                   .role = Role::administrator,
                   .what = "change settings",
                   .action = change.action,
                   .object = "settings",
                   .authority = record.id,
                   .authority_name = record.name}));
  }
  AuthoritySettings settings;
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    const store::AuthorityRecord record = TRY(t.authority(ca_name));
    settings = TRY(parse_settings(record.settings).context("reading the settings of CA '{}'", ca_name));
    TRY(change.apply(settings));
    TRY(t.update_settings(record.id, format_settings(settings)));
    return record_audit(environment, t,
                        {.actor = change.actor,
                         .action = change.action,
                         .authority = record.name,
                         .object = "settings",
                         .details = change.details});
  }));
  return settings;
}

}  // namespace vouch::ca
