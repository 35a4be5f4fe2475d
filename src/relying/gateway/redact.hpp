#pragma once
// What must not stand in a log or a trace: URLs may carry passwords and tokens.

#include <string>
#include <string_view>

#include "base/value.hpp"

namespace vouch::relying {

// Every URL in the text loses its user information and its query: "http://u:p@h/x?sig=1" becomes
// "http://…@h/x?…".
std::string without_credentials(std::string_view text);
// The same for every text of a tree.
Value tree_without_credentials(Value value);

}  // namespace vouch::relying
