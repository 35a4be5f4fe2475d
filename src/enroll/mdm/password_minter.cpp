#include "enroll/mdm/password_minter.hpp"

#include "base/bytes.hpp"

namespace vouch::enroll::mdm {

void MintedPassword::wipe_text() { wipe(text); }

}  // namespace vouch::enroll::mdm
