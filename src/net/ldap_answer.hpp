#pragma once
// LDAP URLs (RFC 4516) as locations of CRLs: what libcurl makes of a directory's answer is text, close to
// LDIF.

#include <string_view>

#include "base/bytes.hpp"

namespace vouch::net {

// "certificateRevocationList;binary" of ldap://host/dn?certificateRevocationList;binary?base; empty when the
// URL names none.
std::string_view ldap_attribute(std::string_view url);

// The first value of that attribute in libcurl's text, with or without ";binary" there. `not_found` when
// there is none, `malformed` for base64 that cannot be read.
Result<Buffer> ldap_value(std::string_view text, std::string_view attribute);

}  // namespace vouch::net
