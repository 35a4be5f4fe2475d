#pragma once
// PKCS #12 files (RFC 7292), read and written by OpenSSL.

#include "crypto/openssl/library.hpp"

namespace vouch::crypto::openssl {

Result<Pkcs12> read_pkcs12(const SharedLibrary& library, Bytes file, std::string_view password);
Result<Buffer> write_pkcs12(const PrivateKey& key, Bytes certificate, std::span<const Buffer> others,
                            std::string_view friendly_name, std::string_view password);

}  // namespace vouch::crypto::openssl
