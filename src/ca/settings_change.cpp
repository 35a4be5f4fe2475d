#include "ca/settings_change.hpp"

#include "ca/audit.hpp"

namespace vouch::ca {

Result<AuthoritySettings> change_settings(const Environment& environment, std::string_view ca_name,
                                          const SettingsChange& change) {
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
