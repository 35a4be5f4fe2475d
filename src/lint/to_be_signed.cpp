#include "lint/to_be_signed.hpp"

#include <algorithm>

#include "x509/ocsp.hpp"
#include "x509/request.hpp"

namespace vouch::lint {
namespace {

using asn1::Reader, asn1::Tag;

Error not_recognized() {
  return make_error(Errc::malformed,
                    "what is to be signed is no certificate, CRL, OCSP answer, request, message or text of "
                    "the audit log");
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

// ---- texts of the audit log (ca/audit/audit_head.hpp). Their first octet is no DER tag of the kinds above,
// so neither can pass for the other.

constexpr std::string_view kHeadStart = "vouch-audit/";
constexpr std::string_view kStatementStart = "vouch audit key statement 1\n";

Error not_audit(std::string_view what) { return make_error(Errc::denied, "{}", what); }

// One line, with its end taken away.
Result<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return not_audit("a text of the audit log ends within a line");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// "NAME: VALUE", or "time VALUE" with a blank alone.
Result<std::string_view> take_value(std::string_view& text, std::string_view start) {
  const std::string_view line = TRY(take_line(text));
  if (line.starts_with(start)) return line.substr(start.size());
  return make_error(Errc::denied, "a text of the audit log has '{}' where '{}' belongs", line.substr(0, 32),
                    start);
}

bool is_lower_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// What format_time prints, and nothing else.
Status check_time(std::string_view text) {
  if (format_time(TRY(parse_time(text))) == text) return ok();
  return not_audit("a text of the audit log has its time in another form");
}

Status check_origin(std::string_view line) {
  if (line.starts_with(kHeadStart) && is_lower_hex(line.substr(kHeadStart.size()), 16)) return ok();
  return not_audit("a text of the audit log names no log");
}

Status check_base64(std::string_view text, std::size_t octets) {
  const Buffer decoded = TRY(from_base64(text));
  if (to_base64(decoded) == text && (octets == 0 || decoded.size() == octets)) return ok();
  return not_audit("a text of the audit log has base64 of another form or length");
}

// Origin, entries, root, time: four lines.
Status check_audit_head(std::string_view text) {
  constexpr std::size_t kHash = 32;
  TRY(check_origin(TRY(take_line(text))));
  const std::string_view entries = TRY(take_line(text));
  if (entries.empty() || entries.size() > 18 || entries.front() == '0' ||
      entries.find_first_not_of("0123456789") != std::string_view::npos)
    return not_audit("the head of an audit log has no number of entries");
  TRY(check_base64(TRY(take_line(text)), kHash));
  TRY(check_time(TRY(take_value(text, "time "))));
  return text.empty() ? ok() : not_audit("the head of an audit log has further lines");
}

// The CA key that it names has to be the one that signs, so that one CA cannot speak for another.
Status check_audit_statement(const SigningGrant& grant, std::string_view text) {
  text.remove_prefix(kStatementStart.size());
  TRY(check_origin(TRY(take_value(text, "log: "))));
  TRY(check_base64(TRY(take_value(text, "audit key: ")), 0));
  if (TRY(take_value(text, "CA: ")).empty()) return not_audit("a statement about an audit key names no CA");
  const std::string_view key = TRY(take_value(text, "CA key: SHA-256 "));
  if (grant.key_sha256.empty() || key != to_hex(grant.key_sha256))
    return not_audit("a statement about an audit key names another CA key");
  TRY(check_time(TRY(take_value(text, "time: "))));
  return text.empty() ? ok() : not_audit("a statement about an audit key has further lines");
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
    case ToBeSigned::audit_head:
      return "the head of an audit log";
    case ToBeSigned::audit_statement:
      return "a statement about an audit key";
  }
  return "?";
}

Result<ToBeSigned> recognize(Bytes tbs) {
  if (as_text(tbs).starts_with(kHeadStart)) return ToBeSigned::audit_head;
  if (as_text(tbs).starts_with(kStatementStart)) return ToBeSigned::audit_statement;
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
      case ToBeSigned::audit_head:
        return check_audit_head(as_text(tbs));
      case ToBeSigned::audit_statement:
        return check_audit_statement(grant, as_text(tbs));
    }
    return not_recognized();
  };
  TRY(check().context("looking at {} that is to be signed", to_string(kind)));
  return kind;
}

}  // namespace vouch::lint
