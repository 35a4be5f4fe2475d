#pragma once
// The syntax of names in subject and subjectAltName as issuing wants it: stricter than what must be read, and
// stricter than what lint lets pass (an underscore is no letter of host names). Internal to this room.

#include <string_view>

#include "x509/oids.hpp"

namespace vouch::policy {

// RFC 5280 4.2.1.6: "preferred name syntax" of RFC 1034 3.5 as modified by RFC 1123: letters, digits and
// hyphens; labels of 1 to 63, a name of at most 253. A wildcard is the whole left-most label and has at least
// two labels behind it (RFC 9525 6.3). A name whose last label is all digits is an address in the wrong
// place.
std::string_view dns_name_fault(std::string_view name);

// RFC 5280 4.2.1.6: a Mailbox (RFC 2821 4.1.2): Local-part@Domain. Quoted local parts are refused.
std::string_view email_fault(std::string_view address);

// RFC 3986: absolute, only its characters, percent signs before two hexadecimal digits; with an authority, a
// host that is a DNS name or an address. `ldap:///…` and `file:///…` may leave the host out.
std::string_view uri_fault(std::string_view uri);

// The scheme in lower case as far as it is one of http, https, ldap, ldaps, file; empty otherwise.
std::string_view known_scheme(std::string_view uri);

// The most characters that RFC 5280 appendix A.1 (and RFC 2985, RFC 4519) allow in an attribute of this type.
std::size_t upper_bound(const x509::Oid& type);

// An attribute value of a name as UTF-8: not empty, within its bound, no control characters, a country of two
// capital letters.
std::string_view attribute_fault(const x509::Oid& type, std::string_view value);

}  // namespace vouch::policy
