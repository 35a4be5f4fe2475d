#include "ca/settings/templates.hpp"

#include <algorithm>
#include <charconv>

#include "ca/settings/roles.hpp"

namespace vouch::ca {
namespace {

Result<TemplateEntry> entry_of(store::TemplateRecord record) {
  auto value =
      TRY(policy::parse_template(record.body, record.name).context("reading template {}", record.name));
  return TemplateEntry{std::move(value), std::move(record)};
}

store::TemplateRecord record_of(const policy::CertificateTemplate& value, Time now,
                                std::string_view administrator) {
  return {value.name,
          value.major,
          value.minor,
          policy::format_template(value),
          false,
          now,
          std::string(administrator)};
}

// AD CS makes up 1.3.6.1.4.1.311.21.8.… per forest; ours lie under 2.25, the arc that needs no registration
// (X.667), as two arcs of 63 random bits each, because some peers read no wider arc.
Result<x509::Oid> make_template_oid(const crypto::Provider& provider) {
  std::uint8_t random[16];
  provider.random(random);
  std::uint64_t high = 0, low = 0;
  for (int i = 0; i < 8; ++i) {
    high = high << 8 | random[i];
    low = low << 8 | random[8 + i];
  }
  return x509::Oid::parse(fmt::format("2.25.{}.{}", high >> 1, low >> 1));
}

// Templates are the home's; what a CA publishes is decided by its own administrators.
Status authorize_change(const Environment& environment, std::string_view administrator,
                        std::string_view action, std::string_view name, store::AuthorityId authority = 0) {
  const auto snapshot = TRY(environment.database.snapshot());
  std::string ca;
  for (const auto& record : TRY(snapshot->authorities()))
    if (record.id == authority) ca = record.name;
  return authorize(environment, *snapshot,
                   {.account = administrator,
                    .role = Role::administrator,
                    .what = authority == 0 ? "change templates" : "choose the templates",
                    .action = action,
                    .object = "template " + std::string(name),
                    .authority = authority,
                    .authority_name = ca});
}

// The version and its text's hash; the text itself is in the history of the template.
std::string change_of(const Environment& environment, const std::vector<store::TemplateRecord>& history,
                      const policy::CertificateTemplate& value) {
  AuditDetails details;
  details.add("version", fmt::format("{}.{}", value.major, value.minor));
  if (!history.empty())
    details.add("before", fmt::format("{}.{}", history.back().major, history.back().minor));
  return details.add("sha256", Bytes(environment.provider.digest(crypto::DigestAlgorithm::sha256,
                                                                 as_bytes(policy::format_template(value)))));
}

}  // namespace

Result<std::vector<TemplateEntry>> list_templates(const store::Snapshot& snapshot) {
  std::vector<TemplateEntry> entries;
  for (store::TemplateRecord& record : TRY(snapshot.templates()))
    entries.push_back(TRY(entry_of(std::move(record))));
  return entries;
}

Result<TemplateEntry> find_template(const store::Snapshot& snapshot, std::string_view name) {
  auto record = snapshot.certificate_template(name);
  if (record) return entry_of(std::move(*record));
  if (record.error().code() != Errc::not_found) return std::move(record.error());
  for (const TemplateEntry& entry : TRY(list_templates(snapshot)))
    if (entry.value.display_name == name)
      return make_error(Errc::not_found, "'{}' is the display name of template '{}'", name, entry.value.name)
          .with_hint(fmt::format("use the template's name: {}", entry.value.name));
  return make_error(Errc::not_found, "there is no template '{}'", name)
      .with_hint("vouch template list shows them");
}

Result<TemplateEntry> find_template_version(const store::Snapshot& snapshot, std::string_view name,
                                            std::string_view version) {
  std::uint32_t major = 0, minor = 0;
  const char* const begin = version.data();
  const char* const end = begin + version.size();
  auto read = std::from_chars(begin, end, major);
  const bool any_minor = read.ptr == end;
  if (!any_minor && read.ec == std::errc() && *read.ptr == '.')
    read = std::from_chars(read.ptr + 1, end, minor);
  if (read.ec != std::errc() || read.ptr != end)
    return make_error(Errc::usage, "'{}' is no version of the form MAJOR.MINOR", version)
        .with_hint("for example 100.3");
  const auto history = TRY(snapshot.template_history(name));
  for (auto record = history.rbegin(); record != history.rend(); ++record)
    if (record->major == major && (any_minor || record->minor == minor)) return entry_of(*record);
  return make_error(Errc::not_found, "there is no version {} of template '{}'", version, name)
      .with_hint(fmt::format("vouch template history {}", name));
}

policy::CertificateTemplate with_next_major(policy::CertificateTemplate value) {
  ++value.major;
  value.minor = 0;
  return value;
}

Status add_template(const Environment& environment, policy::CertificateTemplate value, bool replace,
                    std::string_view administrator) {
  TRY(authorize_change(environment, administrator, "template.set", value.name));
  TRY(policy::check_template(value).context("checking template {}", value.name));
  if (value.oid.empty()) value.oid = TRY(make_template_oid(environment.provider));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    const auto history = TRY(t.template_history(value.name));
    if (!history.empty()) {
      const store::TemplateRecord& last = history.back();
      if (!replace && !last.removed)
        return make_error(Errc::conflict, "template '{}' exists", value.name)
            .with_hint("change it with: vouch template set, or choose another name");
      // Versions never go back, or a client could not tell which is newer.
      if (value.major < last.major || (value.major == last.major && value.minor <= last.minor)) {
        value.major = last.major;
        value.minor = last.minor + 1;
      }
    }
    TRY(t.insert_template(record_of(value, environment.clock.now(), administrator)));
    return record_audit(environment, t,
                        {.actor = std::string(administrator),
                         .action = history.empty() ? "template.add" : "template.set",
                         .authority = "",
                         .object = "template " + value.name,
                         .details = change_of(environment, history, value)});
  });
}

Status set_in_template(const Environment& environment, std::string_view name, std::string_view key,
                       std::string_view toml_value, std::string_view administrator) {
  const auto snapshot = TRY(environment.database.snapshot());
  const TemplateEntry entry = TRY(find_template(*snapshot, name));
  auto changed = TRY(policy::with_setting(entry.value, key, toml_value));
  if (changed.name != entry.value.name)
    return make_error(Errc::usage, "a template keeps its name")
        .with_hint("make a copy under the new name with: vouch template add");
  return add_template(environment, std::move(changed), true, administrator);
}

Status remove_template(const Environment& environment, std::string_view name,
                       std::string_view administrator) {
  TRY(authorize_change(environment, administrator, "template.remove", name));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    store::TemplateRecord record = TRY(find_template(t, name)).record;
    for (const auto& authority : TRY(t.authorities()))
      if (std::ranges::count(TRY(t.published_templates(authority.id)), name) != 0)
        return make_error(Errc::conflict, "template '{}' is published by CA '{}'", name, authority.name)
            .with_hint(
                fmt::format("withdraw it first: vouch --ca '{}' template withdraw {}", authority.name, name));
    record.minor += 1;
    record.removed = true;
    record.changed_at = environment.clock.now();
    record.changed_by = administrator;
    TRY(t.insert_template(record));
    return record_audit(environment, t,
                        {.actor = std::string(administrator),
                         .action = "template.remove",
                         .authority = "",
                         .object = fmt::format("template {}", name)});
  });
}

Status load_default_templates(const Environment& environment) {
  return environment.database.commit([&](store::Transaction& t) -> Status {
    for (policy::CertificateTemplate& value : policy::shipped_templates()) {
      if (!TRY(t.template_history(value.name)).empty()) continue;  // also when an administrator removed it
      if (value.oid.empty()) value.oid = TRY(make_template_oid(environment.provider));
      TRY(t.insert_template(record_of(value, environment.clock.now(), "vouch")));
    }
    return ok();
  });
}

namespace {

Status record_publication(const Environment& environment, store::Transaction& t, store::AuthorityId authority,
                          std::string_view name, std::string_view administrator, std::string_view action) {
  std::string ca;
  for (const auto& record : TRY(t.authorities()))
    if (record.id == authority) ca = record.name;
  return record_audit(environment, t,
                      {.actor = std::string(administrator),
                       .action = std::string(action),
                       .authority = std::move(ca),
                       .object = fmt::format("template {}", name)});
}

}  // namespace

Status publish_template(const Environment& environment, store::AuthorityId authority, std::string_view name,
                        std::string_view administrator) {
  TRY(authorize_change(environment, administrator, "template.publish", name, authority));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    (void)TRY(find_template(t, name));
    TRY(t.publish_template(authority, name));
    return record_publication(environment, t, authority, name, administrator, "template.publish");
  });
}

Status withdraw_template(const Environment& environment, store::AuthorityId authority, std::string_view name,
                         std::string_view administrator) {
  TRY(authorize_change(environment, administrator, "template.withdraw", name, authority));
  return environment.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.withdraw_template(authority, name));
    return record_publication(environment, t, authority, name, administrator, "template.withdraw");
  });
}

}  // namespace vouch::ca
