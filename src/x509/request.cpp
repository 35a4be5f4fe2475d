#include "x509/request.hpp"

#include <algorithm>

#include "asn1/der_cursor.hpp"
#include "asn1/whole.hpp"
#include "x509/form.hpp"

// RFC 2986 4:
//
//   CertificationRequest ::= SEQUENCE {
//        certificationRequestInfo CertificationRequestInfo,
//        signatureAlgorithm AlgorithmIdentifier{{ SignatureAlgorithms }},
//        signature          BIT STRING
//   }
//   CertificationRequestInfo ::= SEQUENCE {
//        version       INTEGER { v1(0) } (v1,...),
//        subject       Name,
//        subjectPKInfo SubjectPublicKeyInfo{{ PKInfoAlgorithms }},
//        attributes    [0] Attributes{{ CRIAttributes }}
//   }
//   Attributes { ATTRIBUTE:IOSet } ::= SET OF Attribute{{ IOSet }}
//   Attribute { ATTRIBUTE:IOSet } ::= SEQUENCE {
//        type   ATTRIBUTE.&id({IOSet}),
//        values SET SIZE(1..MAX) OF ATTRIBUTE.&Type({IOSet}{@type})
//   }
//
// RFC 2985 5.4:
//
//   challengePassword ATTRIBUTE ::= {
//           WITH SYNTAX DirectoryString {pkcs-9-ub-challengePassword}
//           EQUALITY MATCHING RULE caseExactMatch
//           SINGLE VALUE TRUE
//           ID pkcs-9-at-challengePassword
//   }
//   extensionRequest ATTRIBUTE ::= {
//           WITH SYNTAX ExtensionRequest
//           SINGLE VALUE TRUE
//           ID pkcs-9-at-extensionRequest
//   }
//   ExtensionRequest ::= Extensions

namespace vouch::x509 {
namespace {

using asn1::Reader, asn1::Tag;

constexpr std::size_t kMaxRequestAttributes = 256;

Result<RequestAttribute> read_attribute(Reader& attributes) {
  Reader attribute = TRY(attributes.expect_sequence());
  RequestAttribute out;
  out.type = TRY(attribute.expect_oid());
  Reader values = TRY(attribute.expect_constructed(Tag::set));
  out.values = values.rest();
  if (values.at_end())
    return make_error(Errc::malformed, "DER at offset {}: attribute {} has no value", values.offset(),
                      describe(out.type));
  while (!values.at_end()) (void)TRY(values.next());
  TRY(attribute.finish());
  return out;
}

// The SET OF is read in the order it came: many clients do not sort it as DER wants (X.690 11.6), and
// nothing is gained by refusing them, since the signature covers the octets as sent.
Status read_attributes(Reader& info, RequestView& view) {
  auto attributes = TRY(info.optional_constructed(asn1::context_constructed(0)));
  // The field has no OPTIONAL, yet requests without it exist (written to PKCS #10 before version 1.7).
  if (!attributes) return ok();
  while (!attributes->at_end()) {
    if (view.attributes.size() == kMaxRequestAttributes)
      return make_error(Errc::limit_exceeded, "more than {} attributes", kMaxRequestAttributes);
    view.attributes.push_back(TRY(read_attribute(*attributes)));
  }
  return ok();
}

// Takes over the extensions of one attribute. Those that are there already must say the same.
Status merge_extensions(const RequestAttribute& attribute, RequestView& view) {
  Reader values(attribute.values);
  const Bytes sequence = TRY(values.expect_tlv(Tag::sequence)).whole;
  TRY(values.finish());  // SINGLE VALUE
  for (ExtensionView& extension : TRY(parse_extensions(sequence))) {
    const ExtensionView* known = view.find(extension.id);
    if (known == nullptr)
      view.extensions.push_back(extension);
    else if (known->critical != extension.critical || !equal(known->value, extension.value))
      return make_error(Errc::malformed, "extension {} is asked for twice, with different values",
                        describe(extension.id));
  }
  return ok();
}

Status read_requested_extensions(RequestView& view) {
  for (const Oid& type : {oid::kExtensionRequest, oid::kMsCertExtensions}) {
    bool seen = false;
    for (const RequestAttribute& attribute : view.attributes) {
      if (attribute.type != type) continue;
      if (seen) return make_error(Errc::malformed, "attribute {} stands twice", describe(type));
      seen = true;
      TRY(merge_extensions(attribute, view).context("reading attribute {}", describe(type)));
    }
  }
  return ok();
}

Status read_info(Reader& request, RequestView& view) {
  Reader at = request;
  view.info = TRY(request.expect_tlv(Tag::sequence)).whole;
  Reader info = TRY(at.expect_sequence());
  view.version = TRY(info.expect_uint64().context("reading version"));
  view.subject = TRY(form::read_name(info, "subject"));
  view.public_key_info = TRY(form::read_public_key_info(info));
  TRY(read_attributes(info, view).context("reading attributes"));
  TRY(info.finish());
  return read_requested_extensions(view);
}

Status read_request(Bytes der, RequestView& view) {
  TRY(form::check_size(der, form::kMaxRequest, "a certification request"));
  Reader request = TRY(asn1::whole_sequence(der));
  view.whole = der;
  TRY(read_info(request, view).context("reading certificationRequestInfo"));
  view.signature_algorithm = TRY(parse_algorithm_identifier(request).context("reading signatureAlgorithm"));
  view.signature = TRY(form::read_signature(request));
  return request.finish();
}

Buffer encode_attribute(const Oid& type, Bytes values) {
  asn1::Writer out;
  out.sequence([&] {
    out.oid(type);
    out.set([&] { out.raw(values); });
  });
  return std::move(out).take();
}

Buffer encode_extension_list(const std::vector<Extension>& extensions) {
  asn1::Writer out;
  out.sequence([&] {
    for (const Extension& extension : extensions) encode_extension(out, extension);
  });
  return std::move(out).take();
}

}  // namespace

const RequestAttribute* RequestView::attribute(const Oid& type) const {
  for (const RequestAttribute& candidate : attributes)
    if (candidate.type == type) return &candidate;
  return nullptr;
}

Result<RequestView> parse_request(Bytes der) {
  RequestView view;
  TRY(read_request(der, view).context("reading a certification request"));
  return view;
}

Result<RequestView> parse_request_info(Bytes info) {
  RequestView view;
  TRY(form::check_size(info, form::kMaxRequest, "a certification request"));
  Reader input(info);
  TRY(read_info(input, view).context("reading a CertificationRequestInfo"));
  TRY(input.finish());
  return view;
}

std::optional<std::string> challenge_password(const RequestView& request) {
  // Two passwords, in one attribute or in two, are as good as none: which one would count?
  const RequestAttribute* attribute = nullptr;
  for (const RequestAttribute& candidate : request.attributes) {
    if (candidate.type != oid::kChallengePassword) continue;
    if (attribute != nullptr) return std::nullopt;
    attribute = &candidate;
  }
  if (attribute == nullptr) return std::nullopt;
  Reader values(attribute->values);
  const auto value = values.next();
  if (!value || !values.at_end()) return std::nullopt;
  auto text = string_to_utf8(value->tag, value->value);
  if (!text) return std::nullopt;
  return *std::move(text);
}

Buffer without_challenge_password(Bytes der) {
  Buffer out = to_buffer(der);
  const auto request = parse_request(der);
  if (!request) return out;
  for (const RequestAttribute& attribute : request->attributes) {
    if (attribute.type != oid::kChallengePassword) continue;
    for (Reader values(attribute.values); !values.at_end();) {
      const auto value = values.next();
      if (!value) break;
      const auto start = static_cast<std::size_t>(value->value.data() - der.data());
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(start), value->value.size(), std::uint8_t{'*'});
    }
  }
  return out;
}

Buffer encode_request_info(const RequestFields& fields) {
  std::vector<Buffer> attributes;
  if (!fields.extensions.empty())
    attributes.push_back(encode_attribute(oid::kExtensionRequest, encode_extension_list(fields.extensions)));
  for (const auto& [type, values] : fields.attributes) attributes.push_back(encode_attribute(type, values));

  asn1::Writer out;
  out.sequence([&] {
    out.integer(0);
    out.raw(fields.subject);
    out.raw(fields.public_key_info);
    out.constructed(asn1::context_constructed(0),
                    [&] { out.raw(asn1::sorted_set_of(std::move(attributes))); });
  });
  return std::move(out).take();
}

Buffer encode_request(Bytes info, Bytes signature_algorithm, Bytes signature) {
  return form::encode_signed(info, signature_algorithm, signature);
}

}  // namespace vouch::x509
