#pragma once
// The certificate templates of a home: read, edited and published through the database, where every version
// is kept.

#include "ca/home/environment.hpp"
#include "policy/certificate_template.hpp"

namespace vouch::ca {

struct TemplateEntry {
  policy::CertificateTemplate value;
  store::TemplateRecord record;
};

Result<std::vector<TemplateEntry>> list_templates(const store::Snapshot& snapshot);
// Fails with `not_found`; given a display name, the message suggests the name.
Result<TemplateEntry> find_template(const store::Snapshot& snapshot, std::string_view name);

// One version of a template, also of one that is removed. `version`: "101.2", or "101" for the newest of it.
Result<TemplateEntry> find_template_version(const store::Snapshot& snapshot, std::string_view name,
                                            std::string_view version);
// The next version that makes clients enrol again: the major one.
policy::CertificateTemplate with_next_major(policy::CertificateTemplate value);

// Adds a new template (gives it an OID when it has none), or with `replace` a new version of one.
Status add_template(const Environment& environment, policy::CertificateTemplate value, bool replace,
                    std::string_view administrator);
Status set_in_template(const Environment& environment, std::string_view name, std::string_view key,
                       std::string_view toml_value, std::string_view administrator);
Status remove_template(const Environment& environment, std::string_view name, std::string_view administrator);
// Puts the shipped templates that are missing into the database; publishes nothing.
Status load_default_templates(const Environment& environment);
Status publish_template(const Environment& environment, store::AuthorityId authority, std::string_view name,
                        std::string_view administrator = {});
Status withdraw_template(const Environment& environment, store::AuthorityId authority, std::string_view name,
                         std::string_view administrator = {});

}  // namespace vouch::ca
