#include "enroll/scep/attributes.hpp"

#include <charconv>
#include <limits>

#include "enroll/scep/oids.hpp"

namespace vouch::enroll::scep {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

bool is_string(Tag tag) {
  switch (tag) {
    case Tag::utf8_string:
    case Tag::numeric_string:
    case Tag::printable_string:
    case Tag::teletex_string:
    case Tag::ia5_string:
    case Tag::visible_string:
    case Tag::bmp_string:
      return true;
    default:
      return false;
  }
}

Result<std::optional<asn1::Tlv>> value_of(const std::vector<cms::AttributeView>& attributes,
                                          const x509::Oid& type) {
  const auto value = TRY(cms::single_value(attributes, type));
  if (!value) return std::optional<asn1::Tlv>();
  Reader reader(*value);
  return std::optional<asn1::Tlv>(TRY(reader.next()));
}

// Any string type: real clients do not keep to the PrintableString that the RFC wants.
Result<std::string> text_of(const asn1::Tlv& value, std::size_t most) {
  if (!is_string(value.tag))
    return make_error(Errc::malformed, "a value with tag 0x{:02x} is no string", unsigned(value.tag));
  if (value.value.size() > most)
    return make_error(Errc::limit_exceeded, "a string of {} octets, {} are the most", value.value.size(),
                      most);
  return x509::string_to_utf8(value.tag, value.value);
}

template <class Number>
Result<Number> number_of(const asn1::Tlv& value) {
  const std::string text = TRY(text_of(value, 32));
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return make_error(Errc::malformed, "'{}' is not a number from {} to {}", text,
                      std::numeric_limits<Number>::min(), std::numeric_limits<Number>::max());
  return number;
}

Result<TransactionId> transaction_of(const asn1::Tlv& value) {
  if (!is_string(value.tag))
    return make_error(Errc::malformed, "transactionID with tag 0x{:02x} is no string", unsigned(value.tag));
  if (value.value.empty()) return make_error(Errc::malformed, "transactionID is empty");
  if (value.value.size() > kMaxTransactionId)
    return make_error(Errc::limit_exceeded, "transactionID of {} octets, {} are the most", value.value.size(),
                      kMaxTransactionId);
  return TransactionId{value.tag, std::string(as_text(value.value))};
}

Result<Buffer> nonce_of(const asn1::Tlv& value) {
  if (value.tag != Tag::octet_string) return make_error(Errc::malformed, "a nonce is no OCTET STRING");
  if (value.value.empty() || value.value.size() > kMaxNonce)
    return make_error(Errc::limit_exceeded, "a nonce of {} octets, 1 to {} are taken", value.value.size(),
                      kMaxNonce);
  return to_buffer(value.value);
}

Result<std::uint8_t> small_number_of(const asn1::Tlv& value) { return number_of<std::uint8_t>(value); }
Result<std::int32_t> hresult_of(const asn1::Tlv& value) { return number_of<std::int32_t>(value); }
Result<std::string> text_of_failure(const asn1::Tlv& value) { return text_of(value, 4096); }

class AttributeReader {
 public:
  explicit AttributeReader(const std::vector<cms::AttributeView>& attributes) : attributes_(attributes) {}

  // Gives the value of an attribute to `take` when there is one and it can be read.
  template <class Parse, class Take>
  void read(std::string_view name, const x509::Oid& type, Parse parse, Take take) {
    const Status outcome = [&]() -> Status {
      const auto value = TRY(value_of(attributes_, type));
      if (value) take(TRY(parse(*value)));
      return ok();
    }();
    if (!outcome && status_) status_ = Status(outcome.error()).context("reading {}", name);
  }
  Status take_status() { return std::move(status_); }

 private:
  const std::vector<cms::AttributeView>& attributes_;
  Status status_ = ok();
};

cms::Attribute printable(const x509::Oid& type, std::string_view text) {
  Writer value;
  value.string(Tag::printable_string, text);
  return {type, std::move(value).take()};
}
cms::Attribute number(const x509::Oid& type, std::int64_t value) {
  return printable(type, fmt::format("{}", value));
}
cms::Attribute octets(const x509::Oid& type, Bytes contents) {
  Writer value;
  value.octet_string(contents);
  return {type, std::move(value).take()};
}

}  // namespace

std::string_view to_string(MessageType type) {
  switch (type) {
    case MessageType::cert_rep:
      return "CertRep";
    case MessageType::renewal_req:
      return "RenewalReq";
    case MessageType::update_req:
      return "UpdateReq";
    case MessageType::pkcs_req:
      return "PKCSReq";
    case MessageType::cert_poll:
      return "CertPoll";
    case MessageType::get_cert:
      return "GetCert";
    case MessageType::get_crl:
      return "GetCRL";
  }
  return "unknown";
}

std::string_view to_string(PkiStatus status) {
  switch (status) {
    case PkiStatus::success:
      return "SUCCESS";
    case PkiStatus::failure:
      return "FAILURE";
    case PkiStatus::pending:
      return "PENDING";
  }
  return "unknown";
}

std::string_view to_string(FailInfo info) {
  switch (info) {
    case FailInfo::bad_alg:
      return "badAlg";
    case FailInfo::bad_message_check:
      return "badMessageCheck";
    case FailInfo::bad_request:
      return "badRequest";
    case FailInfo::bad_time:
      return "badTime";
    case FailInfo::bad_cert_id:
      return "badCertId";
  }
  return "unknown";
}

ReadAttributes read_message_attributes(const std::vector<cms::AttributeView>& attributes) {
  ReadAttributes out;
  MessageAttributes& read = out.attributes;
  AttributeReader reader(attributes);
  reader.read("transactionID", oid::kTransactionId, transaction_of,
              [&](TransactionId id) { read.transaction = std::move(id); });
  reader.read("senderNonce", oid::kSenderNonce, nonce_of,
              [&](Buffer nonce) { read.sender_nonce = std::move(nonce); });
  reader.read("recipientNonce", oid::kRecipientNonce, nonce_of,
              [&](Buffer nonce) { read.recipient_nonce = std::move(nonce); });
  reader.read("messageType", oid::kMessageType, small_number_of,
              [&](std::uint8_t n) { read.type = MessageType(n); });
  reader.read("pkiStatus", oid::kPkiStatus, small_number_of,
              [&](std::uint8_t n) { read.status = PkiStatus(n); });
  reader.read("failInfo", oid::kFailInfo, small_number_of,
              [&](std::uint8_t n) { read.fail_info = FailInfo(n); });
  reader.read("failInfoText", oid::kFailInfoText, text_of_failure,
              [&](std::string text) { read.fail_info_text = std::move(text); });
  reader.read("the HRESULT", oid::kMsEnrollScepError, hresult_of, [&](std::int32_t n) { read.hresult = n; });
  out.status = reader.take_status();
  return out;
}

std::vector<cms::Attribute> encode_message_attributes(const MessageAttributes& attributes) {
  std::vector<cms::Attribute> out;
  if (attributes.type) out.push_back(number(oid::kMessageType, static_cast<std::uint8_t>(*attributes.type)));
  if (attributes.transaction) {
    Writer value;
    value.string(attributes.transaction->string_type, attributes.transaction->text);
    out.push_back({oid::kTransactionId, std::move(value).take()});
  }
  if (!attributes.sender_nonce.empty()) out.push_back(octets(oid::kSenderNonce, attributes.sender_nonce));
  if (!attributes.recipient_nonce.empty())
    out.push_back(octets(oid::kRecipientNonce, attributes.recipient_nonce));
  if (attributes.status)
    out.push_back(number(oid::kPkiStatus, static_cast<std::uint8_t>(*attributes.status)));
  if (attributes.fail_info)
    out.push_back(number(oid::kFailInfo, static_cast<std::uint8_t>(*attributes.fail_info)));
  if (!attributes.fail_info_text.empty()) {
    Writer value;
    value.string(Tag::utf8_string, attributes.fail_info_text);
    out.push_back({oid::kFailInfoText, std::move(value).take()});
  }
  if (attributes.hresult) out.push_back(number(oid::kMsEnrollScepError, *attributes.hresult));
  return out;
}

}  // namespace vouch::enroll::scep
