#include "x509/ocsp.hpp"

#include "asn1/der_cursor.hpp"
#include "asn1/whole.hpp"
#include "x509/form.hpp"

// RFC 6960 4.1.1 and 4.2.1 (appendix B.1, explicit tags):
//
//   OCSPRequest     ::=     SEQUENCE {
//      tbsRequest                  TBSRequest,
//      optionalSignature   [0]     EXPLICIT Signature OPTIONAL }
//
//   TBSRequest      ::=     SEQUENCE {
//      version             [0] EXPLICIT Version DEFAULT v1,
//      requestorName       [1] EXPLICIT GeneralName OPTIONAL,
//      requestList             SEQUENCE OF Request,
//      requestExtensions   [2] EXPLICIT Extensions OPTIONAL }
//
//   Signature       ::=     SEQUENCE {
//      signatureAlgorithm   AlgorithmIdentifier,
//      signature            BIT STRING,
//      certs                [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
//
//   Version         ::=     INTEGER { v1(0) }
//
//   Request ::=     SEQUENCE {
//      reqCert                    CertID,
//      singleRequestExtensions    [0] EXPLICIT Extensions OPTIONAL }
//
//   CertID ::= SEQUENCE {
//      hashAlgorithm           AlgorithmIdentifier,
//      issuerNameHash          OCTET STRING, -- Hash of issuer's DN
//      issuerKeyHash           OCTET STRING, -- Hash of issuer's public key
//      serialNumber            CertificateSerialNumber }
//
//   OCSPResponse ::= SEQUENCE {
//      responseStatus          OCSPResponseStatus,
//      responseBytes           [0] EXPLICIT ResponseBytes OPTIONAL }
//
//   OCSPResponseStatus ::= ENUMERATED {
//      successful          (0),      --Response has valid confirmations
//      malformedRequest    (1),      --Illegal confirmation request
//      internalError       (2),      --Internal error in issuer
//      tryLater            (3),      --Try again later
//                                    -- (4) is not used
//      sigRequired         (5),      --Must sign the request
//      unauthorized        (6)       --Request unauthorized
//      }
//
//   ResponseBytes ::= SEQUENCE {
//      responseType            OBJECT IDENTIFIER,
//      response                OCTET STRING }
//
//   BasicOCSPResponse ::= SEQUENCE {
//      tbsResponseData         ResponseData,
//      signatureAlgorithm      AlgorithmIdentifier,
//      signature               BIT STRING,
//      certs               [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
//
//   ResponseData ::= SEQUENCE {
//      version             [0] EXPLICIT Version DEFAULT v1,
//      responderID             ResponderID,
//      producedAt              GeneralizedTime,
//      responses               SEQUENCE OF SingleResponse,
//      responseExtensions  [1] EXPLICIT Extensions OPTIONAL }
//
//   ResponderID ::= CHOICE {
//      byName              [1] Name,
//      byKey               [2] KeyHash }
//
//   KeyHash ::= OCTET STRING -- SHA-1 hash of responder's public key
//                            --  (excluding the tag and length fields)
//
//   SingleResponse ::= SEQUENCE {
//      certID                       CertID,
//      certStatus                   CertStatus,
//      thisUpdate                   GeneralizedTime,
//      nextUpdate         [0]       EXPLICIT GeneralizedTime OPTIONAL,
//      singleExtensions   [1]       EXPLICIT Extensions OPTIONAL }
//
//   CertStatus ::= CHOICE {
//      good                [0]     IMPLICIT NULL,
//      revoked             [1]     IMPLICIT RevokedInfo,
//      unknown             [2]     IMPLICIT UnknownInfo }
//
//   RevokedInfo ::= SEQUENCE {
//      revocationTime              GeneralizedTime,
//      revocationReason    [0]     EXPLICIT CRLReason OPTIONAL }
//
//   UnknownInfo ::= NULL
//
// RFC 9654 2.1:
//
//   Nonce ::= OCTET STRING(SIZE(1..128))

namespace vouch::x509 {
namespace {

using asn1::context, asn1::context_constructed, asn1::Reader, asn1::Tag;

constexpr std::size_t kMaxRequests = 256;
constexpr std::size_t kMaxResponses = 4096;
constexpr std::size_t kMaxCertificates = 64;
constexpr std::size_t kMaxNonce = 128;

Error bad(std::size_t offset, std::string_view what) {
  return make_error(Errc::malformed, "DER at offset {}: {}", offset, what);
}

// version [0] EXPLICIT Version DEFAULT v1: there is only v1, and a default is not encoded (X.690 11.5).
Status refuse_version(Reader& reader) {
  const std::size_t at = reader.offset();
  auto wrapper = TRY(reader.optional_constructed(context_constructed(0)));
  if (!wrapper) return ok();
  const std::uint64_t version = TRY(wrapper->expect_uint64());
  if (version == 0) return bad(at, "version v1 is the default, yet encoded");
  return make_error(Errc::unsupported, "DER at offset {}: version v{} is not known", at, version);
}

Result<std::vector<ExtensionView>> read_extensions(Reader& reader, std::uint8_t number) {
  auto wrapper = TRY(reader.optional_constructed(context_constructed(number)));
  if (!wrapper) return std::vector<ExtensionView>();
  const std::size_t at = wrapper->offset();
  const Bytes sequence = TRY(wrapper->expect_tlv(Tag::sequence)).whole;
  TRY(wrapper->finish());
  return parse_extensions(sequence).context("reading the extensions at offset {}", at);
}

Result<CertId> read_cert_id(Reader& reader) {
  Reader at = reader;
  CertId id;
  id.whole = TRY(reader.expect_tlv(Tag::sequence)).whole;
  Reader fields = TRY(at.expect_sequence());
  id.hash_algorithm = TRY(parse_algorithm_identifier(fields).context("reading hashAlgorithm"));
  id.issuer_name_hash = TRY(fields.expect_octet_string().context("reading issuerNameHash"));
  id.issuer_key_hash = TRY(fields.expect_octet_string().context("reading issuerKeyHash"));
  id.serial = TRY(fields.expect_integer().context("reading serialNumber"));
  TRY(fields.finish());
  return id;
}

// certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL. The certificates stay unread: whoever needs one
// parses it.
Result<std::vector<Bytes>> read_certificates(Reader& reader) {
  std::vector<Bytes> out;
  auto wrapper = TRY(reader.optional_constructed(context_constructed(0)));
  if (!wrapper) return out;
  Reader list = TRY(wrapper->expect_sequence());
  TRY(wrapper->finish());
  while (!list.at_end()) {
    if (out.size() == kMaxCertificates)
      return make_error(Errc::limit_exceeded, "more than {} certificates in one message", kMaxCertificates);
    out.push_back(TRY(list.expect_tlv(Tag::sequence)).whole);
  }
  return out;
}

// The nonce in an extension value. Before RFC 8954 said OCTET STRING, clients put in bare octets.
Bytes nonce_octets(Bytes value) {
  Reader reader(value);
  const auto octets = reader.expect_octet_string();
  return octets && reader.at_end() ? *octets : value;
}

std::optional<Bytes> find_nonce(const std::vector<ExtensionView>& extensions) {
  const ExtensionView* extension = find(extensions, oid::kOcspNonce);
  if (extension == nullptr) return std::nullopt;
  return nonce_octets(extension->value);
}

// RFC 9654 2.1: a nonce of 0 octets or of more than 128 MUST be answered with malformedRequest.
Status check_nonce(const std::vector<ExtensionView>& extensions) {
  const auto nonce = find_nonce(extensions);
  if (nonce && (nonce->empty() || nonce->size() > kMaxNonce))
    return make_error(Errc::malformed, "a nonce of {} octets, where 1 to {} are allowed", nonce->size(),
                      kMaxNonce);
  return ok();
}

Result<OcspSingleRequest> read_single_request(Reader& list) {
  Reader request = TRY(list.expect_sequence());
  OcspSingleRequest out;
  out.id = TRY(read_cert_id(request).context("reading reqCert"));
  out.extensions = TRY(read_extensions(request, 0).context("reading singleRequestExtensions"));
  TRY(request.finish());
  return out;
}

Status read_request_list(Reader& tbs, OcspRequestView& view) {
  Reader list = TRY(tbs.expect_sequence());
  if (list.at_end()) return bad(list.offset(), "no certificate is asked about");
  while (!list.at_end()) {
    if (view.requests.size() == kMaxRequests)
      return make_error(Errc::limit_exceeded, "more than {} certificates are asked about", kMaxRequests);
    view.requests.push_back(TRY(read_single_request(list)));
  }
  return ok();
}

Status read_tbs_request(Reader& request, OcspRequestView& view) {
  Reader at = request;
  view.tbs = TRY(request.expect_tlv(Tag::sequence)).whole;
  Reader tbs = TRY(at.expect_sequence());
  TRY(refuse_version(tbs).context("reading version"));
  if (auto wrapper = TRY(tbs.optional_constructed(context_constructed(1)))) {
    view.requestor_name = TRY(parse_general_name(*wrapper).context("reading requestorName"));
    TRY(wrapper->finish());
  }
  TRY(read_request_list(tbs, view).context("reading requestList"));
  view.extensions = TRY(read_extensions(tbs, 2).context("reading requestExtensions"));
  TRY(check_nonce(view.extensions));
  return tbs.finish();
}

Status read_request_signature(Reader& request, OcspRequestView& view) {
  auto wrapper = TRY(request.optional_constructed(context_constructed(0)));
  if (!wrapper) return ok();
  Reader signature = TRY(wrapper->expect_sequence());
  TRY(wrapper->finish());
  view.signature_algorithm = TRY(parse_algorithm_identifier(signature));
  view.signature = TRY(form::read_signature(signature));
  view.certificates = TRY(read_certificates(signature).context("reading certs"));
  return signature.finish();
}

Status read_request(Bytes der, OcspRequestView& view) {
  TRY(form::check_size(der, form::kMaxOcsp, "an OCSP request"));
  Reader request = TRY(asn1::whole_sequence(der));
  TRY(read_tbs_request(request, view).context("reading tbsRequest"));
  TRY(read_request_signature(request, view).context("reading optionalSignature"));
  return request.finish();
}

Result<OcspResponseStatus> read_response_status(Reader& response) {
  const std::size_t at = response.offset();
  const Bytes contents = TRY(response.expect(Tag::enumerated));
  if (contents.size() != 1 || contents[0] > 6 || contents[0] == 4) return bad(at, "no such responseStatus");
  return OcspResponseStatus(contents[0]);
}

Status read_responder_id(Reader& data, OcspResponseView& view) {
  if (auto by_name = TRY(data.optional_constructed(context_constructed(1)))) {
    view.responder_name = TRY(form::read_name(*by_name, "byName"));
    return by_name->finish();
  }
  Reader by_key = TRY(data.expect_constructed(context_constructed(2)));
  const std::size_t at = by_key.offset();
  view.responder_key_hash = TRY(by_key.expect_octet_string());
  if (view.responder_key_hash.size() != digest_size(DigestAlgorithm::sha1))
    return bad(at, "a responder's key hash has 20 octets");
  return by_key.finish();
}

Status read_revoked_info(Reader& info, OcspSingleResponse& response) {
  response.status = OcspCertStatus::revoked;
  response.revoked_at = TRY(info.expect_generalized_time().context("reading revocationTime"));
  if (auto reason = TRY(info.optional_constructed(context_constructed(0))))
    response.reason = TRY(parse_reason_code(reason->rest()).context("reading revocationReason"));
  return info.finish();
}

Status read_cert_status(Reader& single, OcspSingleResponse& response) {
  if (auto revoked = TRY(single.optional_constructed(context_constructed(1))))
    return read_revoked_info(*revoked, response);
  const std::size_t at = single.offset();
  const asn1::Tlv element = TRY(single.next());
  if (element.tag != context(0) && element.tag != context(2)) return bad(at, "no such certStatus");
  if (!element.value.empty()) return bad(at, "NULL with contents");
  response.status = element.tag == context(0) ? OcspCertStatus::good : OcspCertStatus::unknown;
  return ok();
}

Result<OcspSingleResponse> read_single_response(Reader& list) {
  Reader single = TRY(list.expect_sequence());
  OcspSingleResponse out;
  out.id = TRY(read_cert_id(single).context("reading certID"));
  TRY(read_cert_status(single, out).context("reading certStatus"));
  out.this_update = TRY(single.expect_generalized_time().context("reading thisUpdate"));
  if (auto wrapper = TRY(single.optional_constructed(context_constructed(0)))) {
    out.next_update = TRY(wrapper->expect_generalized_time().context("reading nextUpdate"));
    TRY(wrapper->finish());
  }
  out.extensions = TRY(read_extensions(single, 1).context("reading singleExtensions"));
  TRY(single.finish());
  return out;
}

Status read_response_data(Reader& basic, OcspResponseView& view) {
  Reader at = basic;
  view.tbs = TRY(basic.expect_tlv(Tag::sequence)).whole;
  Reader data = TRY(at.expect_sequence());
  TRY(refuse_version(data).context("reading version"));
  TRY(read_responder_id(data, view).context("reading responderID"));
  view.produced_at = TRY(data.expect_generalized_time().context("reading producedAt"));
  Reader list = TRY(data.expect_sequence().context("reading responses"));
  while (!list.at_end()) {
    if (view.responses.size() == kMaxResponses)
      return make_error(Errc::limit_exceeded, "more than {} single responses", kMaxResponses);
    view.responses.push_back(TRY(read_single_response(list).context("reading responses")));
  }
  view.extensions = TRY(read_extensions(data, 1).context("reading responseExtensions"));
  return data.finish();
}

// The contents of the OCTET STRING `response`. Offsets in messages count from the BasicOCSPResponse.
Status read_basic_response(Bytes der, OcspResponseView& view) {
  Reader basic = TRY(asn1::whole_sequence(der));
  TRY(read_response_data(basic, view).context("reading tbsResponseData"));
  view.signature_algorithm = TRY(parse_algorithm_identifier(basic).context("reading signatureAlgorithm"));
  view.signature = TRY(form::read_signature(basic));
  view.certificates = TRY(read_certificates(basic).context("reading certs"));
  return basic.finish();
}

Status read_response_bytes(Reader& wrapper, OcspResponseView& view) {
  Reader response_bytes = TRY(wrapper.expect_sequence());
  TRY(wrapper.finish());
  const Oid type = TRY(response_bytes.expect_oid().context("reading responseType"));
  if (type != oid::kOcspBasic)
    return make_error(Errc::unsupported, "OCSP responses of type {} are not known", describe(type));
  const Bytes response = TRY(response_bytes.expect_octet_string());
  TRY(response_bytes.finish());
  return read_basic_response(response, view).context("reading the BasicOCSPResponse");
}

Status read_response(Bytes der, OcspResponseView& view) {
  TRY(form::check_size(der, form::kMaxOcsp, "an OCSP response"));
  Reader response = TRY(asn1::whole_sequence(der));
  view.status = TRY(read_response_status(response).context("reading responseStatus"));
  auto wrapper = TRY(response.optional_constructed(context_constructed(0)));
  // RFC 6960 4.2.1: responseBytes is there exactly when the status is successful.
  if (wrapper.has_value() != (view.status == OcspResponseStatus::successful))
    return bad(response.offset(),
               wrapper ? "an error status with responseBytes" : "success without responseBytes");
  if (wrapper) TRY(read_response_bytes(*wrapper, view));
  return response.finish();
}

void encode_cert_id(asn1::Writer& out, DigestAlgorithm digest, const OcspRequestFields::Item& item) {
  out.sequence([&] {
    // With the NULL: every client and responder of the field writes and compares it so.
    out.sequence([&] {
      out.oid(digest_oid(digest));
      out.null();
    });
    out.octet_string(item.issuer_name_hash);
    out.octet_string(item.issuer_key_hash);
    out.unsigned_integer(item.serial);
  });
}

Extension nonce_extension(const Buffer& nonce) {
  asn1::Writer value;
  value.octet_string(nonce);
  return make_extension(oid::kOcspNonce, false, std::move(value).take());
}

void encode_extensions(asn1::Writer& out, std::uint8_t number, const std::vector<Extension>& extensions) {
  if (extensions.empty()) return;
  out.constructed(context_constructed(number), [&] {
    out.sequence([&] {
      for (const Extension& extension : extensions) encode_extension(out, extension);
    });
  });
}

void encode_cert_status(asn1::Writer& out, const OcspResponseFields::Item& item) {
  if (item.status != OcspCertStatus::revoked) {
    out.primitive(context(static_cast<std::uint8_t>(item.status)), {});
    return;
  }
  out.constructed(context_constructed(1), [&] {
    out.generalized_time(item.revoked_at);
    if (item.reason)
      out.constructed(context_constructed(0),
                      [&] { out.enumerated(static_cast<std::uint8_t>(*item.reason)); });
  });
}

void encode_single_response(asn1::Writer& out, const OcspResponseFields::Item& item) {
  out.sequence([&] {
    out.raw(item.cert_id);
    encode_cert_status(out, item);
    out.generalized_time(item.this_update);
    if (item.next_update)
      out.constructed(context_constructed(0), [&] { out.generalized_time(*item.next_update); });
  });
}

}  // namespace

std::optional<Bytes> OcspRequestView::nonce() const { return find_nonce(extensions); }
std::optional<Bytes> OcspResponseView::nonce() const { return find_nonce(extensions); }

Result<OcspRequestView> parse_ocsp_request(Bytes der) {
  OcspRequestView view;
  TRY(read_request(der, view).context("reading an OCSP request"));
  return view;
}

Result<OcspResponseView> parse_ocsp_response_data(Bytes tbs) {
  OcspResponseView view;
  Reader input(tbs);
  TRY(read_response_data(input, view).context("reading a ResponseData"));
  TRY(input.finish());
  return view;
}

Result<OcspResponseView> parse_ocsp_response(Bytes der) {
  OcspResponseView view;
  TRY(read_response(der, view).context("reading an OCSP response"));
  return view;
}

std::string_view to_string(OcspResponseStatus status) {
  switch (status) {
    case OcspResponseStatus::successful:
      return "successful";
    case OcspResponseStatus::malformed_request:
      return "malformedRequest";
    case OcspResponseStatus::internal_error:
      return "internalError";
    case OcspResponseStatus::try_later:
      return "tryLater";
    case OcspResponseStatus::sig_required:
      return "sigRequired";
    case OcspResponseStatus::unauthorized:
      return "unauthorized";
  }
  return "unknown";
}

Buffer encode_ocsp_request(const OcspRequestFields& fields) {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      out.sequence([&] {
        for (const auto& item : fields.items) out.sequence([&] { encode_cert_id(out, fields.digest, item); });
      });
      if (fields.nonce) encode_extensions(out, 2, {nonce_extension(*fields.nonce)});
    });
  });
  return std::move(out).take();
}

Buffer encode_cert_id(DigestAlgorithm digest, const OcspRequestFields::Item& item) {
  asn1::Writer out;
  encode_cert_id(out, digest, item);
  return std::move(out).take();
}

Buffer encode_ocsp_response_data(const OcspResponseFields& fields) {
  std::vector<Extension> extensions;
  if (fields.nonce) extensions.push_back(nonce_extension(*fields.nonce));
  // RFC 6960 4.4.8: the value is NULL, the extension not critical.
  if (fields.extended_revoke)
    extensions.push_back(make_extension(oid::kOcspExtendedRevoke, false, {0x05, 0x00}));

  asn1::Writer out;
  out.reserve(128 + 160 * fields.items.size());
  out.sequence([&] {
    out.constructed(context_constructed(2), [&] { out.octet_string(fields.responder_key_hash); });
    out.generalized_time(fields.produced_at);
    out.sequence([&] {
      for (const auto& item : fields.items) encode_single_response(out, item);
    });
    encode_extensions(out, 1, extensions);
  });
  return std::move(out).take();
}

Buffer encode_ocsp_response(Bytes response_data, Bytes signature_algorithm, Bytes signature,
                            const std::vector<Bytes>& certificates) {
  asn1::Writer basic;
  basic.sequence([&] {
    basic.raw(response_data);
    basic.raw(signature_algorithm);
    basic.bit_string(signature);
    if (certificates.empty()) return;
    basic.constructed(context_constructed(0), [&] {
      basic.sequence([&] {
        for (const Bytes certificate : certificates) basic.raw(certificate);
      });
    });
  });
  asn1::Writer out;
  out.reserve(basic.bytes().size() + 48);
  out.sequence([&] {
    out.enumerated(static_cast<std::uint8_t>(OcspResponseStatus::successful));
    out.constructed(context_constructed(0), [&] {
      out.sequence([&] {
        out.oid(oid::kOcspBasic);
        out.octet_string(basic.bytes());
      });
    });
  });
  return std::move(out).take();
}

Buffer encode_ocsp_error(OcspResponseStatus status) {
  asn1::Writer out;
  out.sequence([&] { out.enumerated(static_cast<std::uint8_t>(status)); });
  return std::move(out).take();
}

}  // namespace vouch::x509
