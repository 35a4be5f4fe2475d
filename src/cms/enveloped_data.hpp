#pragma once
// EnvelopedData (RFC 5652 6): read, opened, made.
//
//   EnvelopedData ::= SEQUENCE {
//     version CMSVersion,
//     originatorInfo [0] IMPLICIT OriginatorInfo OPTIONAL,
//     recipientInfos RecipientInfos,
//     encryptedContentInfo EncryptedContentInfo,
//     unprotectedAttrs [1] IMPLICIT UnprotectedAttributes OPTIONAL }
//   EncryptedContentInfo ::= SEQUENCE {
//     contentType ContentType,
//     contentEncryptionAlgorithm ContentEncryptionAlgorithmIdentifier,
//     encryptedContent [0] IMPLICIT EncryptedContent OPTIONAL }
//   RecipientInfo ::= CHOICE {
//     ktri KeyTransRecipientInfo,
//     kari [1] KeyAgreeRecipientInfo,
//     kekri [2] KEKRecipientInfo,
//     pwri [3] PasswordRecipientInfo,
//     ori [4] OtherRecipientInfo }
//   KeyTransRecipientInfo ::= SEQUENCE {
//     version CMSVersion,  -- always set to 0 or 2
//     rid RecipientIdentifier,
//     keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//     encryptedKey EncryptedKey }
//   PasswordRecipientInfo ::= SEQUENCE {
//     version CMSVersion,   -- Always set to 0
//     keyDerivationAlgorithm [0] KeyDerivationAlgorithmIdentifier OPTIONAL,
//     keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
//     encryptedKey EncryptedKey }

#include "cms/content.hpp"

namespace vouch::cms {

struct RecipientView {
  enum class Kind { key_transport, password, other };
  Kind kind = Kind::other;
  Identifier recipient;                               // key transport only
  std::optional<AlgorithmIdentifier> key_derivation;  // password only
  AlgorithmIdentifier key_encryption;
  Bytes encrypted_key;
};

struct EnvelopedDataView {
  Bytes version;  // INTEGER contents, as sent
  std::vector<RecipientView> recipients;
  Oid content_type;
  AlgorithmIdentifier content_encryption;
  Buffer encrypted_content;  // joined: streaming senders write it in pieces
  bool has_content = false;
  std::vector<AttributeView> unprotected_attributes;
};
// A ContentInfo with EnvelopedData, or `not_found` for another content type.
Result<EnvelopedDataView> parse_enveloped_data(Bytes der);

// How a message is protected, for whoever answers in the same way or sets a floor. `unsupported` names what
// is not known here.
Result<crypto::ContentCipher> content_cipher_of(const EnvelopedDataView& message);
Result<crypto::KeyTransport> key_transport_of(const RecipientView& recipient);
// The recipient by key transport that means this certificate; null: there is none.
const RecipientView* find_recipient(const EnvelopedDataView& message,
                                    const x509::CertificateView& certificate);

// What to do about ciphers that anybody can break (crypto::is_broken).
enum class BrokenCiphers : std::uint8_t { refuse, accept };

// The content, opened with the key of one recipient. `certificate` is that recipient's: it picks the
// recipient. Without a recipient for it, `not_found`, which names those that there are.
//
// A wrong key, damaged content and wrong padding are one `malformed` with one message, and PKCS #1 v1.5 never
// tells padding apart (Decrypter): who can try messages learns nothing about the key.
Result<Buffer> open_enveloped_data(const crypto::Provider& provider, const EnvelopedDataView& message,
                                   const crypto::Decrypter& decrypter, Bytes certificate,
                                   BrokenCiphers broken = BrokenCiphers::refuse);
// The content, opened with a password (RFC 3211: SCEP's CertRep to clients without an RSA key).
Result<Buffer> open_enveloped_data(const crypto::Provider& provider, const EnvelopedDataView& message,
                                   std::string_view password, BrokenCiphers broken = BrokenCiphers::refuse);

struct EnvelopedDataInput {
  Oid content_type = oid::kData;
  Bytes content;
  crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc;
};
struct RecipientInput {
  Identifier identifier;  // identifier_of(certificate), or key_identifier_of
  Bytes public_key_info;  // an RSA key
  crypto::KeyTransport transport = crypto::KeyTransport::rsa_pkcs1;
};
struct PasswordInput {
  std::string_view password;
  std::uint32_t rounds = 600'000;  // PBKDF2 with HMAC-SHA-256, as for key files
};
// The whole ContentInfo, for all recipients together.
Result<Buffer> encode_enveloped_data(const crypto::Provider& provider, const EnvelopedDataInput& input,
                                     std::span<const RecipientInput> recipients,
                                     std::span<const PasswordInput> passwords = {});

}  // namespace vouch::cms
