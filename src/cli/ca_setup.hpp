#pragma once
// The commands that make a CA: init, sign, install. In a file of their own; the table is in ca.cpp.

#include "cli/output.hpp"

namespace vouch::cli {

Result<Exit> ca_init(Context& context, const Arguments& arguments);
Result<Exit> ca_sign(Context& context, const Arguments& arguments);
Result<Exit> ca_install(Context& context, const Arguments& arguments);

// The password of a PKCS #12 file: --p12-password-file, or a person.
Result<std::string> p12_password(Context& context, const Arguments& arguments, const std::string& file);

// One CA as --json and `ca show` tell it.
Result<Value> describe_authority(Context& context, const store::Snapshot& snapshot,
                                 const store::AuthorityRecord& record);

}  // namespace vouch::cli
