#include "cms/enveloped_data.hpp"

#include <algorithm>

#include "asn1/whole.hpp"
#include "cms/key_encryption.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

Status read_key_transport(Reader& fields, RecipientView& view) {
  (void)TRY(read_version(fields));
  view.recipient = TRY(read_identifier(fields).context("reading rid"));
  view.key_encryption =
      TRY(x509::parse_algorithm_identifier(fields).context("reading keyEncryptionAlgorithm"));
  view.encrypted_key = TRY(fields.expect_octet_string().context("reading encryptedKey"));
  return fields.finish();
}

// An AlgorithmIdentifier under an IMPLICIT tag.
Result<AlgorithmIdentifier> read_tagged_algorithm(Reader fields) {
  AlgorithmIdentifier out;
  out.algorithm = TRY(fields.expect_oid());
  if (!fields.at_end()) out.parameters = TRY(fields.next()).whole;
  TRY(fields.finish());
  return out;
}

Status read_password(Reader& fields, RecipientView& view) {
  (void)TRY(read_version(fields));
  if (auto derivation = TRY(fields.optional_constructed(asn1::context_constructed(0))))
    view.key_derivation = TRY(read_tagged_algorithm(*derivation).context("reading keyDerivationAlgorithm"));
  view.key_encryption =
      TRY(x509::parse_algorithm_identifier(fields).context("reading keyEncryptionAlgorithm"));
  view.encrypted_key = TRY(fields.expect_octet_string().context("reading encryptedKey"));
  return fields.finish();
}

Result<RecipientView> read_recipient(Reader& recipients) {
  RecipientView view;
  if (recipients.peek() == Tag::sequence) {
    view.kind = RecipientView::Kind::key_transport;
    Reader fields = TRY(recipients.expect_sequence());
    TRY(read_key_transport(fields, view));
  } else if (recipients.peek() == asn1::context_constructed(3)) {
    view.kind = RecipientView::Kind::password;
    Reader fields = TRY(recipients.expect_constructed(asn1::context_constructed(3)));
    TRY(read_password(fields, view));
  } else {
    const asn1::Tlv element = TRY(recipients.next());
    if (element.tag != asn1::context_constructed(1) && element.tag != asn1::context_constructed(2) &&
        element.tag != asn1::context_constructed(4))
      return make_error(Errc::malformed, "an element with tag 0x{:02x}", unsigned(element.tag));
  }
  return view;
}

Status read_encrypted_content(Reader& reader, EnvelopedDataView& view) {
  Reader fields = TRY(reader.expect_sequence());
  view.content_type = TRY(fields.expect_oid());
  view.content_encryption =
      TRY(x509::parse_algorithm_identifier(fields).context("reading contentEncryptionAlgorithm"));
  if (!fields.at_end()) {
    const asn1::Tlv content = TRY(fields.next());
    const bool pieces = content.tag == asn1::context_constructed(0);
    if (!pieces && content.tag != asn1::context(0))
      return make_error(Errc::malformed, "encryptedContent with tag 0x{:02x}", unsigned(content.tag));
    view.encrypted_content = TRY(join_octets(pieces, content.value).context("reading encryptedContent"));
    view.has_content = true;
  }
  return fields.finish();
}

Status read_enveloped_data(Bytes der, EnvelopedDataView& view) {
  Reader fields = TRY(asn1::whole_sequence(der));
  view.version = TRY(read_version(fields));
  (void)TRY(fields.optional_constructed(asn1::context_constructed(0)));  // originatorInfo: for key agreement
  Reader recipients = TRY(fields.expect_constructed(Tag::set).context("reading recipientInfos"));
  while (!recipients.at_end()) {
    if (view.recipients.size() == kMaxRecipients)
      return make_error(Errc::limit_exceeded, "more than {} recipients", kMaxRecipients);
    view.recipients.push_back(
        TRY(read_recipient(recipients).context("reading recipient {}", view.recipients.size() + 1)));
  }
  TRY(read_encrypted_content(fields, view).context("reading encryptedContentInfo"));
  if (auto attributes = TRY(fields.optional_constructed(asn1::context_constructed(1))))
    view.unprotected_attributes = TRY(read_attributes(*attributes).context("reading unprotectedAttrs"));
  return fields.finish();
}

Result<Buffer> decrypt_content(const crypto::Provider& provider, const EnvelopedDataView& message,
                               const ContentEncryption& encryption, Buffer key) {
  auto content = provider.decrypt(encryption.cipher, crypto::Padding::pkcs7, key, encryption.iv,
                                  message.encrypted_content);
  wipe(key);
  if (!content) return make_error(Errc::malformed, "the message does not open with this key");
  return content;
}

Status check_content(const EnvelopedDataView& message) {
  if (message.has_content) return ok();
  return make_error(Errc::not_found, "the message is without its encrypted content");
}

Result<ContentEncryption> content_encryption_of(const EnvelopedDataView& message, BrokenCiphers broken) {
  const ContentEncryption encryption = TRY(parse_content_encryption(message.content_encryption));
  if (broken == BrokenCiphers::refuse && crypto::is_broken(encryption.cipher))
    return make_error(Errc::unsupported, "content encryption {} protects nothing and is not accepted",
                      crypto::to_string(encryption.cipher));
  return encryption;
}

std::string recipients_text(const EnvelopedDataView& message) {
  std::string out;
  for (const RecipientView& recipient : message.recipients) {
    if (!out.empty()) out += "; ";
    out += recipient.kind == RecipientView::Kind::key_transport ? recipient.recipient.text()
           : recipient.kind == RecipientView::Kind::password    ? "a password"
                                                                : "another kind of recipient";
  }
  return out.empty() ? "nobody" : out;
}

}  // namespace

Result<EnvelopedDataView> parse_enveloped_data(Bytes der) {
  const ContentInfoView info = TRY(parse_content_info(der).context("reading an encrypted message"));
  if (info.type != oid::kEnvelopedData)
    return make_error(Errc::not_found, "the message is {}, not EnvelopedData", x509::describe(info.type));
  EnvelopedDataView view;
  TRY(read_enveloped_data(info.content, view).context("reading an encrypted message"));
  return view;
}

Result<crypto::ContentCipher> content_cipher_of(const EnvelopedDataView& message) {
  return TRY(parse_content_encryption(message.content_encryption)).cipher;
}

Result<crypto::KeyTransport> key_transport_of(const RecipientView& recipient) {
  return parse_key_transport(recipient.key_encryption);
}

const RecipientView* find_recipient(const EnvelopedDataView& message,
                                    const x509::CertificateView& certificate) {
  const auto found = std::ranges::find_if(message.recipients, [&](const RecipientView& candidate) {
    return candidate.kind == RecipientView::Kind::key_transport &&
           identifies(candidate.recipient, certificate);
  });
  return found == message.recipients.end() ? nullptr : &*found;
}

Result<Buffer> open_enveloped_data(const crypto::Provider& provider, const EnvelopedDataView& message,
                                   const crypto::Decrypter& decrypter, Bytes certificate,
                                   BrokenCiphers broken) {
  TRY(check_content(message));
  const x509::CertificateView own = TRY(x509::parse_certificate(certificate));
  const RecipientView* const recipient = find_recipient(message, own);
  if (recipient == nullptr)
    return make_error(Errc::not_found, "the message is not for {}, but for {}", identifier_of(own).text(),
                      recipients_text(message));
  const crypto::KeyTransport transport = TRY(parse_key_transport(recipient->key_encryption));
  const ContentEncryption encryption = TRY(content_encryption_of(message, broken));
  auto key = decrypter.decrypt(transport, recipient->encrypted_key, crypto::key_size(encryption.cipher));
  if (!key) {
    if (key.error().code() == Errc::unavailable) return std::move(key.error());
    return make_error(Errc::malformed, "the message does not open with this key");
  }
  return decrypt_content(provider, message, encryption, std::move(*key));
}

Result<Buffer> open_enveloped_data(const crypto::Provider& provider, const EnvelopedDataView& message,
                                   std::string_view password, BrokenCiphers broken) {
  TRY(check_content(message));
  const ContentEncryption encryption = TRY(content_encryption_of(message, broken));
  const auto recipient =
      std::ranges::find(message.recipients, RecipientView::Kind::password, &RecipientView::kind);
  if (recipient == message.recipients.end())
    return make_error(Errc::not_found, "no password opens the message, it is for {}",
                      recipients_text(message));
  Buffer key = TRY(unwrap_with_password(provider, *recipient, password, crypto::key_size(encryption.cipher)));
  return decrypt_content(provider, message, encryption, std::move(key));
}

Result<Buffer> encode_enveloped_data(const crypto::Provider& provider, const EnvelopedDataInput& input,
                                     std::span<const RecipientInput> recipients,
                                     std::span<const PasswordInput> passwords) {
  if (recipients.empty() && passwords.empty())
    return make_error(Errc::usage, "an encrypted message needs a recipient");
  Buffer key(crypto::key_size(input.cipher)), iv(crypto::block_size(input.cipher));
  provider.random(key);
  provider.random(iv);
  const auto encode = [&]() -> Result<Buffer> {
    std::vector<Buffer> infos;
    for (const RecipientInput& recipient : recipients) {
      const Buffer encrypted = TRY(provider.encrypt_key(recipient.transport, recipient.public_key_info, key));
      Writer info;
      info.sequence([&] {
        info.integer(recipient.identifier.key_identifier.empty() ? 0 : 2);
        write_identifier(info, recipient.identifier);
        write_key_transport(info, recipient.transport);
        info.octet_string(encrypted);
      });
      infos.push_back(std::move(info).take());
    }
    for (const PasswordInput& password : passwords)
      infos.push_back(TRY(encode_password_recipient(provider, password, key)));
    const Buffer encrypted =
        TRY(provider.encrypt(input.cipher, crypto::Padding::pkcs7, key, iv, input.content));
    // RFC 5652 6.1: 3 with a password, 0 when all is of the oldest form, else 2.
    const bool by_key = std::ranges::any_of(
        recipients, [](const RecipientInput& r) { return !r.identifier.key_identifier.empty(); });
    Writer out;
    out.sequence([&] {
      out.integer(!passwords.empty() ? 3 : by_key ? 2 : 0);
      out.set([&] { out.raw(asn1::sorted_set_of(std::move(infos))); });
      out.sequence([&] {
        out.oid(input.content_type);
        write_content_encryption(out, input.cipher, iv);
        out.primitive(asn1::context(0), encrypted);
      });
    });
    return encode_content_info(oid::kEnvelopedData, out.bytes());
  };
  auto out = encode();
  wipe(key);
  return out;
}

}  // namespace vouch::cms
