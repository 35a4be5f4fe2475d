#include "crypto/openssl/handles.hpp"

#include <openssl/err.h>

namespace vouch::crypto::openssl {

Error library_error(Errc code, std::string_view doing) {
  const unsigned long first = ERR_peek_error();
  const char* reason = first != 0 ? ERR_reason_error_string(first) : nullptr;
  ERR_clear_error();
  return make_error(code, "{}: {}", doing, reason != nullptr ? reason : "no reason given by OpenSSL");
}

void forget_library_errors() { ERR_clear_error(); }

}  // namespace vouch::crypto::openssl
