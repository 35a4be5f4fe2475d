#pragma once
// The commands that make a CA (init, sign, install) and renew it, each group in a file of its own; the table
// is in ca.cpp.

#include "cli/output.hpp"

namespace vouch::cli {

Result<Exit> ca_init(Context& context, const Arguments& arguments);
Result<Exit> ca_sign(Context& context, const Arguments& arguments);
Result<Exit> ca_install(Context& context, const Arguments& arguments);
Result<Exit> ca_renew(Context& context, const Arguments& arguments);
Result<Exit> ca_set(Context& context, const Arguments& arguments);

// The password of a PKCS #12 file: --p12-password-file, or a person.
Result<std::string> p12_password(Context& context, const Arguments& arguments, const std::string& file);

}  // namespace vouch::cli
