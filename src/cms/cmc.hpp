#pragma once
// CMC (RFC 5272): the full PKI request that Windows clients send, and the response that they want. Both are
// the content of a SignedData (id-cct-PKIData, id-cct-PKIResponse).
//
//   PKIData ::= SEQUENCE {
//     controlSequence    SEQUENCE SIZE(0..MAX) OF TaggedAttribute,
//     reqSequence        SEQUENCE SIZE(0..MAX) OF TaggedRequest,
//     cmsSequence        SEQUENCE SIZE(0..MAX) OF TaggedContentInfo,
//     otherMsgSequence   SEQUENCE SIZE(0..MAX) OF OtherMsg }
//   TaggedAttribute ::= SEQUENCE {
//     bodyPartID         BodyPartID,
//     attrType           OBJECT IDENTIFIER,
//     attrValues         SET OF AttributeValue }
//   TaggedRequest ::= CHOICE {
//     tcr [0] TaggedCertificationRequest,
//     crm [1] CertReqMsg,
//     orm [2] SEQUENCE { bodyPartID BodyPartID, requestMessageType OBJECT IDENTIFIER,
//                        requestMessageValue ANY DEFINED BY requestMessageType } }
//   TaggedCertificationRequest ::= SEQUENCE {          -- IMPLICIT TAGS: [0] stands for the SEQUENCE
//     bodyPartID            BodyPartID,
//     certificationRequest  CertificationRequest }
//   PKIResponse ::= SEQUENCE {
//     controlSequence    SEQUENCE SIZE(0..MAX) OF TaggedAttribute,
//     cmsSequence        SEQUENCE SIZE(0..MAX) OF TaggedContentInfo,
//     otherMsgSequence   SEQUENCE SIZE(0..MAX) OF OtherMsg }
//   BodyPartID ::= INTEGER(0..4294967295)

#include "cms/content.hpp"

namespace vouch::cms {

struct TaggedAttributeView {
  std::uint32_t body_part = 0;
  Oid type;
  Bytes values;  // contents of the SET OF
};
struct TaggedRequestView {
  std::uint32_t body_part = 0;
  Bytes request;  // PKCS #10, whole TLV
};
// The content of id-cct-PKIData. Requests of other kinds than PKCS #10 (crm, orm) are counted, not read.
struct PkiDataView {
  std::vector<TaggedAttributeView> controls;
  std::vector<TaggedRequestView> requests;
  std::size_t other_requests = 0;
};
Result<PkiDataView> parse_pki_data(Bytes der);

struct PkiDataInput {
  struct Control {
    std::uint32_t body_part = 0;
    Attribute attribute;
  };
  struct Request {
    std::uint32_t body_part = 1;
    Bytes request;
  };
  std::vector<Control> controls;
  std::vector<Request> requests;
};
Buffer encode_pki_data(const PkiDataInput& input);

// AddAttributes (Microsoft, 1.3.6.1.4.1.311.10.10.1): attributes for one request or certificate of a message.
//
//   CmcAddAttributes ::= SEQUENCE {                      (MS-WCCE 2.2.2.6.1)
//     pkiDataReference  BodyPartID,
//     certReferences    SEQUENCE OF BodyPartID,
//     attributes        SET OF Attribute }
struct AddAttributesView {
  std::uint32_t data_reference = 0;
  std::vector<std::uint32_t> references;
  std::vector<AttributeView> attributes;
};
Result<AddAttributesView> parse_add_attributes(Bytes value);  // one value of the control, whole TLV

// What became of a request, as CMCStatusInfo says it (RFC 5272 6.1.1).
//
//   CMCStatusInfo ::= SEQUENCE {
//     cMCStatus     CMCStatus,
//     bodyList      SEQUENCE SIZE (1..MAX) OF BodyPartID,
//     statusString  UTF8String OPTIONAL,
//     otherInfo     CHOICE { failInfo CMCFailInfo, pendInfo PendInfo } OPTIONAL }
//   PendInfo ::= SEQUENCE { pendToken OCTET STRING, pendTime GeneralizedTime }
enum class CmcStatus : std::uint8_t { success = 0, failed = 2, pending = 3, no_support = 4 };
struct CmcStatusInfo {
  CmcStatus status{};
  std::vector<std::uint32_t> bodies{1};
  std::string text;  // "Issued"; empty: left out
  std::optional<std::uint32_t> fail_info;
  struct Pending {
    Buffer token;
    Time time{};
    bool operator==(const Pending&) const = default;
  };
  std::optional<Pending> pending;
  bool operator==(const CmcStatusInfo&) const = default;
};

// The content of id-cct-PKIResponse as MS-WCCE 3.2.1.4.2.1.4.8.2 wants it: one CMCStatusInfo, and for an
// issued certificate its SHA-1 hash (311.21.17) in AddAttributes.
struct PkiResponseInput {
  CmcStatusInfo status;
  Buffer certificate_hash;  // SHA-1 of the certificate; empty: none was issued
};
Buffer encode_pki_response(const PkiResponseInput& input);

struct PkiResponseView {
  std::vector<TaggedAttributeView> controls;
  std::optional<CmcStatusInfo> status;  // the first, decoded
};
Result<PkiResponseView> parse_pki_response(Bytes der);

// A Windows name and value in a signed attribute or control (311.13.2.1).
//
//   EnrollmentNameValuePair ::= SEQUENCE { name BMPString, value BMPString }
Result<std::pair<std::string, std::string>> parse_name_value_pair(Bytes value);

}  // namespace vouch::cms
