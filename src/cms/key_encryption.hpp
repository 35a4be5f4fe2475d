#pragma once
// The algorithms of EnvelopedData, and the key wrap of RFC 3211. Internal to this room.

#include "cms/enveloped_data.hpp"

namespace vouch::cms {

struct ContentEncryption {
  crypto::ContentCipher cipher{};
  Bytes iv;
};
// AES-CBC (RFC 3565 2.3) and DES-EDE3-CBC (RFC 3370 5.1): the parameters are the IV. Also DES-CBC (OIW),
// which the caller has to refuse unless somebody asked for it.
Result<ContentEncryption> parse_content_encryption(const AlgorithmIdentifier& identifier);
void write_content_encryption(asn1::Writer& out, crypto::ContentCipher cipher, Bytes iv);

// rsaEncryption (RFC 3370 4.2.1) and id-RSAES-OAEP (RFC 4055 4.1).
Result<crypto::KeyTransport> parse_key_transport(const AlgorithmIdentifier& identifier);
void write_key_transport(asn1::Writer& out, crypto::KeyTransport transport);

// One PasswordRecipientInfo.
Result<Buffer> unwrap_with_password(const crypto::Provider& provider, const RecipientView& recipient,
                                    std::string_view password, std::size_t key_size);
Result<Buffer> encode_password_recipient(const crypto::Provider& provider, const PasswordInput& input,
                                         Bytes content_key);

}  // namespace vouch::cms
