#pragma once
// The signed attributes that make a SignedData a message of SCEP (RFC 8894 3.2.1).

#include <optional>
#include <string>
#include <vector>

#include "cms/content.hpp"

namespace vouch::enroll::scep {

// RFC 8894 3.2.1.2, and 18, which drafts before 23 called UpdateReq and meant as a renewal. A message may
// carry any other number.
enum class MessageType : std::uint8_t {
  cert_rep = 3,
  renewal_req = 17,
  update_req = 18,
  pkcs_req = 19,
  cert_poll = 20,
  get_cert = 21,
  get_crl = 22,
};
std::string_view to_string(MessageType type);  // "PKCSReq"; "unknown" for other numbers

// RFC 8894 3.2.1.3, 3.2.1.4.
enum class PkiStatus : std::uint8_t { success = 0, failure = 2, pending = 3 };
enum class FailInfo : std::uint8_t {
  bad_alg = 0,
  bad_message_check = 1,
  bad_request = 2,
  bad_time = 3,
  bad_cert_id = 4,
};
std::string_view to_string(PkiStatus status);  // "SUCCESS"
std::string_view to_string(FailInfo info);     // "badAlg"

// Chosen by the client in whatever form (hex, decimal, base64, plain words were seen), and sent back as it
// came, with its string type. Not unique: some clients use one text for everything.
struct TransactionId {
  asn1::Tag string_type = asn1::Tag::printable_string;
  std::string text;  // contents octets; at most kMaxTransactionId
  bool operator==(const TransactionId&) const = default;
};
constexpr std::size_t kMaxTransactionId = 1024, kMaxNonce = 128, kNonceSize = 16;

struct MessageAttributes {
  std::optional<MessageType> type;
  std::optional<TransactionId> transaction;
  Buffer sender_nonce, recipient_nonce;  // empty: absent
  std::optional<PkiStatus> status;
  std::optional<FailInfo> fail_info;
  std::string fail_info_text;           // UTF-8; empty: absent
  std::optional<std::int32_t> hresult;  // NDES only
};

// What could be read, even when something else could not: an answer needs transactionID and senderNonce.
struct ReadAttributes {
  MessageAttributes attributes;
  Status status = ok();  // the first thing that is wrong: `malformed` or `limit_exceeded`
};
ReadAttributes read_message_attributes(const std::vector<cms::AttributeView>& attributes);
// Numbers as PrintableString in decimal, as the RFC has it.
std::vector<cms::Attribute> encode_message_attributes(const MessageAttributes& attributes);

}  // namespace vouch::enroll::scep
