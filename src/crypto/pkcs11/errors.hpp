#pragma once
// What a module answers (CK_RV), as an Error that names the token.

#include <p11-kit/pkcs11.h>

#include "base/error.hpp"

namespace vouch::crypto::pkcs11 {

std::string name_of(CK_RV answer);  // "CKR_DEVICE_REMOVED", or the number
// `doing`: "signing with key 'x'". `token`: "token 'y'".
Error call_failed(CK_RV answer, std::string_view doing, std::string_view token);
// True for what another session, login or start of the module may mend; false where the request itself is
// what the token cannot do.
bool may_pass(CK_RV answer);

}  // namespace vouch::crypto::pkcs11
