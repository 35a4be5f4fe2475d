#pragma once
// The preparation of strings before they are compared (RFC
// 4518, as RFC 5280 7.1 asks). Internal to this room.

#include <optional>
#include <string>
#include <string_view>

namespace vouch::x509 {

// The form in which two values of a caseIgnoreMatch attribute are equal when their octets are: mapped, case
// folded, normalized (NFKC), runs of space one space and none at the ends (2.2, 2.3, 2.6.1). Nothing when the
// text is not UTF-8 or has a character that 2.4 prohibits: such a value equals only itself.
std::optional<std::string> prepare_string(std::string_view utf8);

}  // namespace vouch::x509
