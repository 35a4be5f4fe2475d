#pragma once
// A template as the attributes of a pKICertificateTemplate object (MS-CRTD), and back: what a directory shows
// its clients. Plain names and values; whoever speaks LDAP turns them into its messages.
//
// A directory's template says less than ours: `fixed` names become the nearest flags, and of several key
// types the first is told. from_attributes does not check what it makes: check_template says whether it is
// safe.

#include <string>
#include <vector>

#include "policy/certificate_template.hpp"

namespace vouch::policy {

// Numbers are decimal as LDAP has them (32 bits with a sign); octets (pKIKeyUsage, pKIExpirationPeriod,
// pKIOverlapPeriod) are hex.
struct DirectoryAttribute {
  std::string name;
  std::vector<std::string> values;
  bool operator==(const DirectoryAttribute&) const = default;
};

std::vector<DirectoryAttribute> to_attributes(const CertificateTemplate& value);
// Attributes that a template does not have (objectClass, whenChanged, …) are passed over. Fails with
// `malformed`, naming the attribute, and `unsupported` for what no template here can say.
Result<CertificateTemplate> from_attributes(const std::vector<DirectoryAttribute>& attributes);

}  // namespace vouch::policy
