#pragma once
// Rules for the texts in certificates: host names, addresses, URLs, attribute lengths. Each says what is
// wrong, or nothing.

#include <optional>
#include <string>

#include "x509/name.hpp"

namespace vouch::lint {

// RFC 1034 3.5 as RFC 1123 2.1 relaxes it, with a wildcard as the whole left-most label (RFC 9525 6.3).
std::optional<std::string> check_dns_name(std::string_view name);
std::optional<std::string> check_email(std::string_view address);
// http and ldap URLs without white space; https would need the very certificate that is being checked.
std::optional<std::string> check_url(std::string_view url);
// Upper bounds of RFC 5280 appendix A.1 and the two letters of a country.
std::optional<std::string> check_attributes(const x509::Name& name);

}  // namespace vouch::lint
