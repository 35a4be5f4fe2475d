#include "lint/to_be_signed.hpp"

#include <algorithm>

#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::lint {
namespace {

using asn1::Reader, asn1::Tag;

Error not_recognized() {
  return make_error(Errc::malformed,
                    "what is to be signed is no certificate, CRL, OCSP answer, request or message");
}

Status refuse_errors(const std::vector<Finding>& findings) {
  const auto error = std::ranges::find(findings, Severity::error, &Finding::severity);
  if (error == findings.end()) return ok();
  return make_error(Errc::denied, "{}: {} ({})", error->id, error->message, error->source);
}

Status check_name(Bytes wanted, Bytes found, std::string_view what) {
  if (equal(wanted, found)) return ok();
  return make_error(Errc::denied, "the {} is not the name of the key's certificate", what);
}

Status check_certificate(const SigningGrant& grant, Bytes tbs) {
  const x509::CertificateView view = TRY(x509::parse_tbs_certificate(tbs));
  TRY(check_name(grant.subject, view.issuer, "issuer"));
  return refuse_errors(lint_certificate(view));
}

Status check_crl(const SigningGrant& grant, Bytes tbs) {
  const x509::CrlView view = TRY(x509::parse_tbs_crl(tbs));
  TRY(check_name(grant.subject, view.issuer, "issuer"));
  return refuse_errors(lint_crl(view));
}

Status check_ocsp_response(const SigningGrant& grant, Bytes tbs) {
  const x509::OcspResponseView view = TRY(x509::parse_ocsp_response_data(tbs));
  if (!view.responder_name.empty()) return check_name(grant.subject, view.responder_name, "responder");
  if (equal(grant.key_identifier, view.responder_key_hash)) return ok();
  return make_error(Errc::denied, "the responder's key hash is that of another key");
}

Status check_request(const SigningGrant& grant, Bytes tbs) {
  return check_name(grant.subject, TRY(x509::parse_request_info(tbs)).subject, "subject");
}

// SET OF SEQUENCE { OID, SET }: contentType and messageDigest have to be among them (RFC 5652 11.1, 11.2), so
// that no other structure can be passed off as a message.
Status check_message_attributes(Bytes tbs) {
  Reader input(tbs);
  Reader attributes = TRY(input.expect_constructed(Tag::set));
  TRY(input.finish());
  bool content_type = false, message_digest = false;
  while (!attributes.at_end()) {
    Reader attribute = TRY(attributes.expect_sequence());
    const x509::Oid type = TRY(attribute.expect_oid());
    (void)TRY(attribute.expect(Tag::set));
    TRY(attribute.finish());
    content_type = content_type || type == x509::Oid{1, 2, 840, 113549, 1, 9, 3};
    message_digest = message_digest || type == x509::Oid{1, 2, 840, 113549, 1, 9, 4};
  }
  if (content_type && message_digest) return ok();
  return make_error(Errc::denied, "a message's attributes without contentType or messageDigest");
}

}  // namespace

std::string_view to_string(ToBeSigned kind) {
  switch (kind) {
    case ToBeSigned::certificate:
      return "a certificate";
    case ToBeSigned::crl:
      return "a CRL";
    case ToBeSigned::ocsp_response:
      return "an OCSP answer";
    case ToBeSigned::request:
      return "a certificate request";
    case ToBeSigned::message_attributes:
      return "a message";
  }
  return "?";
}

Result<ToBeSigned> recognize(Bytes tbs) {
  Reader input(tbs);
  if (input.peek() == Tag::set) return ToBeSigned::message_attributes;
  if (input.peek() != Tag::sequence) return not_recognized();
  Reader fields = TRY(input.expect_sequence());
  if (fields.peek() == asn1::context_constructed(0)) return ToBeSigned::certificate;
  if (fields.peek() == asn1::context_constructed(1) || fields.peek() == asn1::context_constructed(2))
    return ToBeSigned::ocsp_response;
  if (fields.peek() != Tag::integer) return not_recognized();
  // Version 0 is a request's v1, version 1 a CRL's v2.
  switch (TRY(fields.expect_uint64())) {
    case 0:
      return ToBeSigned::request;
    case 1:
      return ToBeSigned::crl;
    default:
      return not_recognized();
  }
}

Result<ToBeSigned> check_to_be_signed(const SigningGrant& grant, Bytes tbs) {
  const ToBeSigned kind = TRY(recognize(tbs));
  if ((grant.kinds & static_cast<unsigned>(kind)) == 0)
    return make_error(Errc::denied, "this key does not sign {}", to_string(kind));
  const auto check = [&]() -> Status {
    switch (kind) {
      case ToBeSigned::certificate:
        return check_certificate(grant, tbs);
      case ToBeSigned::crl:
        return check_crl(grant, tbs);
      case ToBeSigned::ocsp_response:
        return check_ocsp_response(grant, tbs);
      case ToBeSigned::request:
        return check_request(grant, tbs);
      case ToBeSigned::message_attributes:
        return check_message_attributes(tbs);
    }
    return not_recognized();
  };
  TRY(check().context("looking at {} that is to be signed", to_string(kind)));
  return kind;
}

}  // namespace vouch::lint
