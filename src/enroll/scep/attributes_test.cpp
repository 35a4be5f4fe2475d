#include "enroll/scep/attributes.hpp"

#include <gmock/gmock.h>

#include "enroll/scep/failure.hpp"
#include "enroll/scep/oids.hpp"

namespace vouch::enroll::scep {
namespace {

using asn1::Tag, asn1::Writer;
using testing::HasSubstr;

std::vector<cms::AttributeView> views(const std::vector<cms::Attribute>& attributes) {
  std::vector<cms::AttributeView> out;
  for (const cms::Attribute& attribute : attributes) out.push_back({attribute.type, attribute.values});
  return out;
}
cms::Attribute string(const x509::Oid& type, Tag tag, std::string_view text) {
  Writer value;
  value.string(tag, text);
  return {type, std::move(value).take()};
}

TEST(ScepAttributes, ReadsWhatItWrites) {
  MessageAttributes all;
  all.type = MessageType::cert_rep;
  all.transaction = TransactionId{Tag::utf8_string, "T+/= 1"};
  all.sender_nonce = Buffer(16, 1);
  all.recipient_nonce = Buffer(16, 2);
  all.status = PkiStatus::failure;
  all.fail_info = FailInfo::bad_cert_id;
  all.fail_info_text = "Zertifikat ungültig";
  all.hresult = -2147024809;
  const auto encoded = encode_message_attributes(all);
  const ReadAttributes read = read_message_attributes(views(encoded));
  ASSERT_TRUE(read.status.has_value());
  EXPECT_EQ(read.attributes.type, all.type);
  EXPECT_EQ(read.attributes.transaction, all.transaction);
  EXPECT_EQ(read.attributes.sender_nonce, all.sender_nonce);
  EXPECT_EQ(read.attributes.recipient_nonce, all.recipient_nonce);
  EXPECT_EQ(read.attributes.status, all.status);
  EXPECT_EQ(read.attributes.fail_info, all.fail_info);
  EXPECT_EQ(read.attributes.fail_info_text, all.fail_info_text);
  EXPECT_EQ(read.attributes.hresult, all.hresult);
}

// As decoded from a reply of NDES: 1.3.6.1.4.1.311.21.33 = PrintableString "-2147024809".
TEST(ScepAttributes, WritesTheNumbersOfNdes) {
  MessageAttributes failure;
  failure.type = MessageType::cert_rep;
  failure.status = PkiStatus::failure;
  failure.fail_info = row(Failure::TransactionReused).fail_info;
  failure.hresult = row(Failure::TransactionReused).hresult;
  const auto encoded = encode_message_attributes(failure);
  ASSERT_EQ(encoded.size(), 4u);
  EXPECT_EQ(encoded[0].type.dotted(), "2.16.840.1.113733.1.9.2");
  EXPECT_EQ(to_hex(encoded[0].values), "130133");
  EXPECT_EQ(encoded[1].type.dotted(), "2.16.840.1.113733.1.9.3");
  EXPECT_EQ(to_hex(encoded[1].values), "130132");
  EXPECT_EQ(encoded[2].type.dotted(), "2.16.840.1.113733.1.9.4");
  EXPECT_EQ(to_hex(encoded[2].values), "130132");
  EXPECT_EQ(encoded[3].type.dotted(), "1.3.6.1.4.1.311.21.33");
  EXPECT_EQ(to_hex(encoded[3].values), "130b2d32313437303234383039");
}

TEST(ScepAttributes, TakesAnyStringType) {
  for (const Tag tag : {Tag::printable_string, Tag::utf8_string, Tag::ia5_string, Tag::teletex_string,
                        Tag::visible_string, Tag::numeric_string}) {
    const std::vector<cms::Attribute> sent{string(oid::kMessageType, tag, "18"),
                                           string(oid::kTransactionId, tag, "77")};
    const ReadAttributes read = read_message_attributes(views(sent));
    EXPECT_TRUE(read.status.has_value()) << unsigned(tag);
    EXPECT_EQ(read.attributes.type, MessageType::update_req);
    EXPECT_EQ(read.attributes.transaction, (TransactionId{tag, "77"}));
  }
}

TEST(ScepAttributes, ReadsWhatItCanBesideWhatItCannot) {
  std::vector<cms::Attribute> sent{string(oid::kMessageType, Tag::printable_string, "nineteen"),
                                   string(oid::kTransactionId, Tag::printable_string, "t")};
  ReadAttributes read = read_message_attributes(views(sent));
  EXPECT_THAT(read.status.error().report(), HasSubstr("messageType"));
  EXPECT_EQ(read.attributes.transaction->text, "t");
  sent[0] = string(oid::kMessageType, Tag::printable_string, "300");
  EXPECT_FALSE(read_message_attributes(views(sent)).status.has_value());
  sent[0] = sent[1];
  EXPECT_THAT(read_message_attributes(views(sent)).status.error().report(), HasSubstr("twice"));
  sent[0] = string(oid::kSenderNonce, Tag::printable_string, "not octets");
  EXPECT_FALSE(read_message_attributes(views(sent)).status.has_value());
  sent[0] = string(oid::kSenderNonce, Tag::octet_string, std::string(kMaxNonce + 1, 'n'));
  EXPECT_EQ(read_message_attributes(views(sent)).status.error().code(), Errc::limit_exceeded);
  sent = {string(oid::kTransactionId, Tag::printable_string, std::string(kMaxTransactionId + 1, 't'))};
  EXPECT_EQ(read_message_attributes(views(sent)).status.error().code(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::enroll::scep
