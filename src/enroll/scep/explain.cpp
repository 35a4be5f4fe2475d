#include "enroll/scep/explain.hpp"

#include <algorithm>

#include "base/pem.hpp"
#include "enroll/scep/oids.hpp"
#include "enroll/scep/pki_message.hpp"
#include "x509/extension_text.hpp"
#include "x509/print.hpp"

namespace vouch::enroll::scep {
namespace {

Value text_or_null(std::string_view text) { return text.empty() ? Value() : Value(text); }
Value hex_or_null(Bytes octets) { return octets.empty() ? Value() : Value(to_hex(octets)); }
std::string reason_of(const Error& error) { return error.summary(); }

std::string_view string_type(asn1::Tag tag) {
  switch (tag) {
    case asn1::Tag::printable_string:
      return "PrintableString";
    case asn1::Tag::utf8_string:
      return "UTF8String";
    case asn1::Tag::ia5_string:
      return "IA5String";
    case asn1::Tag::teletex_string:
      return "TeletexString";
    case asn1::Tag::bmp_string:
      return "BMPString";
    default:
      return "another string type";
  }
}

std::string hresult_text(std::int32_t value) {
  return fmt::format("0x{:08x} ({})", static_cast<std::uint32_t>(value), value);
}

// What the attributes of SCEP are called; of others, what the library of identifiers says.
std::string attribute_name(const x509::Oid& type) {
  struct Row {
    x509::Oid type;
    std::string_view name;
  };
  static constexpr Row kRows[] = {{oid::kMessageType, "messageType"},
                                  {oid::kPkiStatus, "pkiStatus"},
                                  {oid::kFailInfo, "failInfo"},
                                  {oid::kSenderNonce, "senderNonce"},
                                  {oid::kRecipientNonce, "recipientNonce"},
                                  {oid::kTransactionId, "transactionID"},
                                  {oid::kFailInfoText, "failInfoText"},
                                  {oid::kMsEnrollScepError, "NDES's HRESULT"},
                                  {cms::oid::kContentType, "contentType"},
                                  {cms::oid::kMessageDigest, "messageDigest"},
                                  {cms::oid::kSigningTime, "signingTime"}};
  const auto row = std::ranges::find(kRows, type, &Row::type);
  return row == std::end(kRows) ? std::string(x509::name_of(type)) : std::string(row->name);
}

std::string name_text(Bytes name) { return x509::to_rfc4514(name).value_or("a name that cannot be read"); }

class Explainer {
 public:
  Explainer(const crypto::Provider& provider, const ExplainKeys& keys) : provider_(provider), keys_(keys) {}

  Value explain(Bytes octets) {
    Value out;
    out.set("octets", std::uint64_t{octets.size()}).set("error", Value());
    auto message = read_pki_message(octets);
    out.set("encoding", !message ? Value() : equal(message->der, octets) ? Value("DER") : Value("BER"));
    if (!message) out.set("error", reason_of(message.error()));
    const PkiMessage none;
    const MessageAttributes& attributes = message ? message->attributes : none.attributes;
    add_attributes(out, attributes);
    out.set("attributes_error", message && !message->attributes_status
                                    ? Value(reason_of(message->attributes_status.error()))
                                    : Value());
    add_signature(out, message ? &*message : nullptr);
    add_inside(out, message ? &*message : nullptr, attributes);
    add_remarks(out);
    return out;
  }

 private:
  static void add_attributes(Value& out, const MessageAttributes& read) {
    out.set("message_type", read.type ? Value(to_string(*read.type)) : Value());
    out.set("message_type_number",
            read.type ? Value(std::int64_t{static_cast<std::uint8_t>(*read.type)}) : Value());
    out.set("transaction", read.transaction ? Value(x509::is_valid_utf8(read.transaction->text)
                                                        ? Value(x509::printable_text(read.transaction->text))
                                                        : Value(to_hex(as_bytes(read.transaction->text))))
                                            : Value());
    out.set("transaction_string_type",
            read.transaction ? Value(string_type(read.transaction->string_type)) : Value());
    out.set("sender_nonce", hex_or_null(read.sender_nonce));
    out.set("recipient_nonce", hex_or_null(read.recipient_nonce));
    out.set("status", read.status ? Value(to_string(*read.status)) : Value());
    out.set("fail_info", read.fail_info ? Value(to_string(*read.fail_info)) : Value());
    out.set("fail_info_text", text_or_null(x509::printable_text(read.fail_info_text)));
    out.set("hresult", read.hresult ? Value(hresult_text(*read.hresult)) : Value());
  }

  void add_signature(Value& out, const PkiMessage* message) {
    Value attributes = Value::list(), certificates = Value::list();
    out.set("digest_algorithm", Value()).set("signature_algorithm", Value()).set("signer", Value());
    out.set("signature", Value());
    if (message != nullptr) {
      const cms::SignerInfoView& signer = message->signer();
      out.set("digest_algorithm", x509::describe(signer.digest_algorithm.algorithm));
      out.set("signature_algorithm", x509::describe(signer.signature_algorithm.algorithm));
      out.set("signer", signer.signer.text());
      const auto verified = verify_pki_message(provider_, *message, keys_.signers, cms::Md5::accept);
      out.set("signature", verified ? "valid" : reason_of(verified.error()));
      for (const cms::AttributeView& attribute : signer.signed_attributes) {
        attributes.push(Value()
                            .set("oid", attribute.type.dotted())
                            .set("name", text_or_null(attribute_name(attribute.type))));
        if (attribute.type == x509::oid::kChallengePassword)
          remarks_.emplace_back(
              "the challenge stands in the clear, as a signed attribute (macOS does that): whoever sees the "
              "message knows it; use an https URL");
      }
      for (const Bytes certificate : message->signed_data.certificates)
        if (Value one = summarize_certificate(provider_, certificate); !one.is_null())
          certificates.push(std::move(one));
      judge_signature(*message);
    }
    out.set("signed_attributes", std::move(attributes)).set("certificates", std::move(certificates));
  }

  void judge_signature(const PkiMessage& message) {
    if (message.digest == crypto::DigestAlgorithm::md5)
      remarks_.emplace_back("signed with MD5: refused unless the profile is a legacy one");
    if (message.digest == crypto::DigestAlgorithm::sha1)
      remarks_.emplace_back("signed with SHA-1: refused unless the profile is a legacy one");
    const cms::SignerInfoView& signer = message.signer();
    if (signer.signature_algorithm.algorithm != x509::oid::kRsaEncryption &&
        message.attributes.type == MessageType::cert_rep &&
        x509::name_of(signer.signature_algorithm.algorithm).contains("WithRSA"))
      remarks_.emplace_back(
          "the signature names its digest, too: strongSwan 5.9 and old devices read rsaEncryption only");
  }

  // What the envelope is protected with and for whom, and what is in it.
  void add_inside(Value& out, const PkiMessage* message, const MessageAttributes& attributes) {
    out.set("envelope", Value());
    inside_ = Value()
                  .set("kind", Value())
                  .set("request", Value())
                  .set("issuer", Value())
                  .set("subject", Value())
                  .set("serial", Value())
                  .set("certificates", Value::list())
                  .set("crls", Value::list());
    if (message == nullptr) {
      out.set("content", Value());
      return;
    }
    const Bytes content = message->content();
    // RFC 8894 3.3.2.2: no envelope in a PENDING or FAILURE; NDES writes one zero octet.
    if (content.size() <= 1) {
      inside_.set("kind", "nothing");
    } else {
      out.set("envelope", describe_envelope(content, attributes));
    }
    out.set("content", inside_.find("kind")->is_null() ? Value() : std::move(inside_));
  }

  Value describe_envelope(Bytes content, const MessageAttributes& attributes) {
    Value out;
    out.set("content_encryption", Value()).set("octets", Value()).set("opened", false).set("error", Value());
    Value recipients = Value::list();
    const auto der = cms::to_der(content);
    const auto envelope = der ? cms::parse_enveloped_data(*der) : Result<cms::EnvelopedDataView>(der.error());
    if (!envelope) {
      out.set("error", reason_of(envelope.error()));
      return out.set("recipients", std::move(recipients));
    }
    const auto cipher = cms::content_cipher_of(*envelope);
    out.set("content_encryption", cipher ? Value(crypto::to_string(*cipher))
                                         : Value(x509::describe(envelope->content_encryption.algorithm)));
    out.set("octets", std::uint64_t{envelope->encrypted_content.size()});
    if (cipher && crypto::is_broken(*cipher))
      remarks_.emplace_back(
          "encrypted with single DES, which anybody can break: refused unless the profile is a legacy one");
    if (cipher && *cipher == crypto::ContentCipher::des_ede3_cbc)
      remarks_.emplace_back("encrypted with triple DES");
    for (const cms::RecipientView& recipient : envelope->recipients)
      recipients.push(describe_recipient(recipient));
    const auto opened = open(*envelope);
    if (opened) {
      out.set("opened", true);
      read_inside(*opened, attributes);
    } else {
      out.set("error", reason_of(opened.error()));
    }
    return out.set("recipients", std::move(recipients));
  }

  static Value describe_recipient(const cms::RecipientView& recipient) {
    Value out;
    switch (recipient.kind) {
      case cms::RecipientView::Kind::key_transport:
        return out.set("kind", "certificate")
            .set("recipient", recipient.recipient.text())
            .set("key_encryption", x509::describe(recipient.key_encryption.algorithm));
      case cms::RecipientView::Kind::password:
        return out.set("kind", "password")
            .set("recipient", Value())
            .set("key_encryption", x509::describe(recipient.key_encryption.algorithm));
      case cms::RecipientView::Kind::other:
        break;
    }
    return out.set("kind", "other").set("recipient", Value()).set("key_encryption", Value());
  }

  Result<Buffer> open(const cms::EnvelopedDataView& envelope) const {
    for (const DecryptionKey& key : keys_.keys) {
      const auto certificate = TRY(x509::parse_certificate(key.certificate));
      if (cms::find_recipient(envelope, certificate) != nullptr)
        return cms::open_enveloped_data(provider_, envelope, *key.key, key.certificate,
                                        cms::BrokenCiphers::accept);
    }
    const bool by_password = std::ranges::any_of(envelope.recipients, [](const cms::RecipientView& one) {
      return one.kind == cms::RecipientView::Kind::password;
    });
    if (by_password && !keys_.password.empty())
      return cms::open_enveloped_data(provider_, envelope, keys_.password, cms::BrokenCiphers::accept);
    if (by_password) return make_error(Errc::not_found, "it opens with the challenge password");
    return make_error(Errc::not_found, "{}",
                      keys_.keys.empty() ? "it opens with the key of its recipient"
                                         : "it is for another certificate than the given one");
  }

  void read_inside(Bytes opened, const MessageAttributes& attributes) {
    if (attributes.type == MessageType::cert_rep) return read_certificates(opened);
    if (const auto request = x509::parse_request(opened)) {
      inside_.set("kind", "request").set("request", x509::describe_request(*request));
    } else if (const auto names = parse_issuer_and_subject(opened)) {
      inside_.set("kind", "issuer-and-subject");
      inside_.set("issuer", name_text(names->issuer)).set("subject", name_text(names->subject));
    } else if (const auto serial = parse_issuer_and_serial(opened)) {
      inside_.set("kind", "issuer-and-serial");
      inside_.set("issuer", name_text(serial->issuer)).set("serial", x509::serial_to_text(serial->serial));
    } else {
      inside_.set("kind", "unknown");
      remarks_.push_back(
          fmt::format("what is inside is no certification request: {}", reason_of(request.error())));
    }
  }

  void read_certificates(Bytes opened) {
    const auto der = cms::to_der(opened);
    const auto list = der ? cms::parse_signed_data(*der) : Result<cms::SignedDataView>(der.error());
    inside_.set("kind", list ? "certificates" : "unknown");
    if (!list) return;
    Value certificates = Value::list(), crls = Value::list();
    for (const Bytes certificate : list->certificates)
      if (Value one = summarize_certificate(provider_, certificate); !one.is_null())
        certificates.push(std::move(one));
    for (const Bytes crl : list->crls) crls.push(to_pem("X509 CRL", crl));
    inside_.set("certificates", std::move(certificates)).set("crls", std::move(crls));
  }

  void add_remarks(Value& out) const {
    Value remarks = Value::list();
    for (const std::string& remark : remarks_) remarks.push(remark);
    out.set("remarks", std::move(remarks));
  }

  const crypto::Provider& provider_;
  const ExplainKeys& keys_;
  Value inside_;
  std::vector<std::string> remarks_;
};

// ---- as text ----

class Text {
 public:
  explicit Text(const Value& explained) : value_(explained) {}

  std::string write() {
    line("Message", headline());
    line("Not readable", text("error"));
    line("Transaction", text("transaction"));
    line("Sender nonce", text("sender_nonce"));
    line("Recipient nonce", text("recipient_nonce"));
    line("Status", text("status"));
    line("Fail info", text("fail_info"));
    line("Reason", text("fail_info_text"));
    line("HRESULT", text("hresult"));
    line("Attributes", text("attributes_error"));
    line("Signer", text("signer"));
    line("Digest", text("digest_algorithm"));
    line("Signed as", text("signature_algorithm"));
    line("Signature", text("signature"));
    line("Attributes signed", names("signed_attributes"));
    envelope();
    for (const Value& remark : items(value_, "remarks")) line("Note", remark.text() ? *remark.text() : "");
    certificates(value_, "certificates", "Certificate");
    content();
    return std::move(out_);
  }

 private:
  static std::string text(const Value& in, std::string_view key) {
    const Value* found = in.find(key);
    if (found == nullptr) return {};
    if (found->text() != nullptr) return *found->text();
    return found->integer() != nullptr ? fmt::format("{}", *found->integer()) : std::string();
  }
  std::string text(std::string_view key) const { return text(value_, key); }
  static const Value::List& items(const Value& in, std::string_view key) {
    static const Value::List none;
    const Value* found = in.find(key);
    return found != nullptr && found->list_items() != nullptr ? *found->list_items() : none;
  }
  std::string headline() const {
    const std::string encoding = text("encoding");
    return fmt::format("{}{}, {} octets{}{}",
                       text("message_type").empty() ? "no SCEP message" : text("message_type"),
                       text("message_type_number").empty() ? "" : " (" + text("message_type_number") + ")",
                       text("octets"), encoding.empty() ? "" : ", ", encoding);
  }
  std::string names(std::string_view key) const {
    std::string out;
    for (const Value& item : items(value_, key)) {
      const std::string name = text(item, "name");
      out += (out.empty() ? "" : ", ") + (name.empty() ? text(item, "oid") : name);
    }
    return out;
  }
  void line(std::string_view label, const std::string& what) {
    if (!what.empty()) out_ += fmt::format("{:<19}{}\n", fmt::format("{}:", label), what);
  }
  static std::string indented(std::string_view lines) {
    std::string out;
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size() - 1) + 1;
      out.append("  ").append(lines.substr(at, end - at));
      at = end;
    }
    return out;
  }
  void envelope() {
    const Value* envelope = value_.find("envelope");
    if (envelope == nullptr || envelope->is_null()) return;
    line("Encrypted with", text(*envelope, "content_encryption"));
    for (const Value& recipient : items(*envelope, "recipients")) {
      const std::string who = text(recipient, "recipient");
      line("Encrypted for", fmt::format("{}, {}", who.empty() ? "a " + text(recipient, "kind") : who,
                                        text(recipient, "key_encryption")));
    }
    line("Not opened", text(*envelope, "error"));
  }
  void certificates(const Value& in, std::string_view key, std::string_view title) {
    for (const Value& one : items(in, key)) {
      line(title, text(one, "subject"));
      line("  issued by", fmt::format("{}, serial {}", text(one, "issuer"), text(one, "serial")));
      line("  valid", fmt::format("{} to {}", text(one, "not_before"), text(one, "not_after")));
      line("  SHA-256", text(one, "fingerprint_sha256"));
    }
  }
  void content() {
    const Value* content = value_.find("content");
    if (content == nullptr || content->is_null()) return;
    const std::string kind = text(*content, "kind");
    if (kind == "nothing") line("Inside", "nothing, as it should be for this status");
    if (kind == "unknown") line("Inside", "something that is not understood");
    line("About issuer", text(*content, "issuer"));
    line("About subject", text(*content, "subject"));
    line("About serial", text(*content, "serial"));
    certificates(*content, "certificates", "Certificate inside");
    if (const std::size_t count = items(*content, "crls").size(); count != 0)
      line("CRLs inside", fmt::format("{}", count));
    if (const Value* request = content->find("request"); request != nullptr && !request->is_null())
      out_ += fmt::format("The request inside:\n{}", indented(x509::to_text(*request)));
  }

  const Value& value_;
  std::string out_;
};

}  // namespace

Value summarize_certificate(const crypto::Provider& provider, Bytes der) {
  const auto view = x509::parse_certificate(der);
  if (!view) return {};
  return Value()
      .set("subject", name_text(view->subject))
      .set("issuer", name_text(view->issuer))
      .set("serial", x509::serial_to_text(view->serial))
      .set("not_before", format_time(view->not_before))
      .set("not_after", format_time(view->not_after))
      .set("fingerprint_sha256", to_hex(provider.digest(crypto::DigestAlgorithm::sha256, der)))
      .set("certificate", to_pem("CERTIFICATE", der));
}

Value explain_message(const crypto::Provider& provider, Bytes message, const ExplainKeys& keys) {
  return Explainer(provider, keys).explain(message);
}

std::string to_text(const Value& explained) { return Text(explained).write(); }

}  // namespace vouch::enroll::scep
