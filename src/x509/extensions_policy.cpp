// Extensions that limit what a certificate may be used for: policies and name constraints (RFC 5280 4.2.1.4,
// 4.2.1.5, 4.2.1.10, 4.2.1.11, 4.2.1.14).
#include "x509/extension_codec.hpp"
#include "x509/extensions.hpp"
#include "x509/string_types.hpp"

namespace vouch::x509 {

using asn1::context;
using asn1::context_constructed;
using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

// RFC 5280 4.2.1.4
//   CertificatePolicies ::= SEQUENCE SIZE (1..MAX) OF PolicyInformation
//   PolicyInformation ::= SEQUENCE { policyIdentifier CertPolicyId,
//     policyQualifiers SEQUENCE SIZE (1..MAX) OF PolicyQualifierInfo OPTIONAL }
//   PolicyQualifierInfo ::= SEQUENCE { policyQualifierId OBJECT IDENTIFIER, qualifier ANY }

namespace {

constexpr std::size_t kMaxNoticeCharacters = 200;

Result<PolicyQualifier> parse_qualifier(Reader& reader) {
  Reader fields = TRY(reader.expect_sequence());
  PolicyQualifier qualifier;
  qualifier.id = TRY(fields.expect_oid());
  qualifier.value = to_buffer(TRY(fields.next()).whole);
  TRY(fields.finish());
  return qualifier;
}

Result<PolicyInformation> parse_policy(Reader& reader) {
  Reader fields = TRY(reader.expect_sequence());
  PolicyInformation policy;
  policy.policy = TRY(fields.expect_oid());
  if (!fields.at_end())
    policy.qualifiers = TRY(read_elements(TRY(fields.expect_sequence()), kMaxElements, parse_qualifier));
  TRY(fields.finish());
  return policy;
}

}  // namespace

Result<std::vector<PolicyInformation>> parse_certificate_policies(Bytes value) {
  return read_list_extension("certificate policies", value, kMaxElements, parse_policy);
}

Buffer encode_certificate_policies(const std::vector<PolicyInformation>& policies) {
  Writer out;
  const auto write_qualifier = [&](const PolicyQualifier& qualifier) {
    out.sequence([&] {
      out.oid(qualifier.id);
      out.raw(qualifier.value);
    });
  };
  out.sequence([&] {
    for (const PolicyInformation& policy : policies)
      out.sequence([&] {
        out.oid(policy.policy);
        if (policy.qualifiers.empty()) return;
        out.sequence([&] {
          for (const PolicyQualifier& qualifier : policy.qualifiers) write_qualifier(qualifier);
        });
      });
  });
  return std::move(out).take();
}

// CPSuri ::= IA5String
PolicyQualifier cps_uri(std::string_view uri) {
  return {oid::kQtCps, written([&](Writer& out) { out.string(Tag::ia5_string, uri); })};
}

std::optional<std::string> cps_uri_of(const PolicyQualifier& qualifier) {
  if (qualifier.id != oid::kQtCps) return std::nullopt;
  Reader reader(qualifier.value);
  const auto contents = reader.expect(Tag::ia5_string);
  if (!contents || !reader.at_end()) return std::nullopt;
  const auto text = string_to_utf8(Tag::ia5_string, *contents);
  return text ? std::optional(*text) : std::nullopt;
}

// UserNotice ::= SEQUENCE { noticeRef NoticeReference OPTIONAL, explicitText DisplayText OPTIONAL }
// DisplayText ::= CHOICE { ia5String, visibleString, bmpString, utf8String: each SIZE (1..200) }
Result<PolicyQualifier> user_notice(std::string_view explicit_text) {
  std::size_t characters = 0;
  for (std::string_view rest = explicit_text; !rest.empty(); ++characters)
    if (!take_code_point(rest))
      return make_error(Errc::malformed, "the text of a policy's user notice is not UTF-8");
  if (characters == 0 || characters > kMaxNoticeCharacters)
    return make_error(Errc::malformed,
                      "the text of a policy's user notice has {} characters, 1 to {} are allowed", characters,
                      kMaxNoticeCharacters);
  return PolicyQualifier{oid::kQtUnotice, written([&](Writer& out) {
                           out.sequence([&] { out.string(Tag::utf8_string, explicit_text); });
                         })};
}

std::optional<std::string> notice_text_of(const PolicyQualifier& qualifier) {
  if (qualifier.id != oid::kQtUnotice) return std::nullopt;
  Reader reader(qualifier.value);
  auto fields = reader.expect_sequence();
  if (!fields || !reader.at_end()) return std::nullopt;
  if (!fields->optional_constructed(Tag::sequence)) return std::nullopt;
  const auto text = fields->next();
  if (!text || !fields->at_end()) return std::nullopt;
  const auto utf8 = string_to_utf8(text->tag, text->value);
  return utf8 ? std::optional(*utf8) : std::nullopt;
}

// RFC 5280 4.2.1.5
//   PolicyMappings ::= SEQUENCE SIZE (1..MAX) OF SEQUENCE {
//     issuerDomainPolicy CertPolicyId, subjectDomainPolicy CertPolicyId }

Result<std::vector<PolicyMapping>> parse_policy_mappings(Bytes value) {
  return read_list_extension("policy mappings", value, kMaxElements,
                             [](Reader& reader) -> Result<PolicyMapping> {
                               Reader fields = TRY(reader.expect_sequence());
                               PolicyMapping mapping;
                               mapping.issuer_domain = TRY(fields.expect_oid());
                               mapping.subject_domain = TRY(fields.expect_oid());
                               TRY(fields.finish());
                               return mapping;
                             });
}

Buffer encode_policy_mappings(const std::vector<PolicyMapping>& mappings) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const PolicyMapping& mapping : mappings)
        out.sequence([&] {
          out.oid(mapping.issuer_domain);
          out.oid(mapping.subject_domain);
        });
    });
  });
}

// RFC 5280 4.2.1.11
//   PolicyConstraints ::= SEQUENCE { requireExplicitPolicy [0] SkipCerts OPTIONAL,
//     inhibitPolicyMapping [1] SkipCerts OPTIONAL }

Result<PolicyConstraints> parse_policy_constraints(Bytes value) {
  return read_extension("policy constraints", value, [](Reader& reader) -> Result<PolicyConstraints> {
    Reader fields = TRY(reader.expect_sequence());
    PolicyConstraints constraints;
    constraints.require_explicit_policy = TRY(optional_uint32(fields, 0));
    constraints.inhibit_policy_mapping = TRY(optional_uint32(fields, 1));
    TRY(fields.finish());
    return constraints;
  });
}

Buffer encode_policy_constraints(const PolicyConstraints& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      if (value.require_explicit_policy) write_integer(out, context(0), *value.require_explicit_policy);
      if (value.inhibit_policy_mapping) write_integer(out, context(1), *value.inhibit_policy_mapping);
    });
  });
}

// RFC 5280 4.2.1.14
//   InhibitAnyPolicy ::= SkipCerts ::= INTEGER (0..MAX)

Result<std::uint32_t> parse_inhibit_any_policy(Bytes value) {
  return read_extension("inhibit any policy", value, [](Reader& reader) -> Result<std::uint32_t> {
    return to_uint32(TRY(reader.expect_uint64()));
  });
}

Buffer encode_inhibit_any_policy(std::uint32_t skip_certs) {
  return written([&](Writer& out) { out.integer(skip_certs); });
}

// RFC 5280 4.2.1.10
//   NameConstraints ::= SEQUENCE { permittedSubtrees [0] GeneralSubtrees OPTIONAL,
//     excludedSubtrees [1] GeneralSubtrees OPTIONAL }
//   GeneralSubtrees ::= SEQUENCE SIZE (1..MAX) OF GeneralSubtree
//   GeneralSubtree ::= SEQUENCE { base GeneralName, minimum [0] BaseDistance DEFAULT 0,
//     maximum [1] BaseDistance OPTIONAL }

namespace {

Result<GeneralSubtree> parse_subtree(Reader& reader) {
  Reader fields = TRY(reader.expect_sequence());
  GeneralSubtree subtree;
  subtree.base = TRY(parse_general_name_of_constraint(fields));
  subtree.minimum = TRY(optional_uint32(fields, 0)).value_or(0);
  subtree.maximum = TRY(optional_uint32(fields, 1));
  TRY(fields.finish());
  return subtree;
}

Result<std::vector<GeneralSubtree>> optional_subtrees(Reader& reader, std::uint8_t n) {
  const auto subtrees = TRY(reader.optional_constructed(context_constructed(n)));
  if (!subtrees) return std::vector<GeneralSubtree>();
  return read_elements(*subtrees, kMaxNameElements, parse_subtree);
}

void write_subtrees(Writer& out, std::uint8_t n, const std::vector<GeneralSubtree>& subtrees) {
  if (subtrees.empty()) return;
  out.constructed(context_constructed(n), [&] {
    for (const GeneralSubtree& subtree : subtrees)
      out.sequence([&] {
        encode_general_name(out, subtree.base);
        if (subtree.minimum != 0) write_integer(out, context(0), subtree.minimum);
        if (subtree.maximum) write_integer(out, context(1), *subtree.maximum);
      });
  });
}

}  // namespace

Result<NameConstraints> parse_name_constraints(Bytes value) {
  return read_extension("name constraints", value, [](Reader& reader) -> Result<NameConstraints> {
    Reader fields = TRY(reader.expect_sequence());
    NameConstraints constraints;
    constraints.permitted = TRY(optional_subtrees(fields, 0));
    constraints.excluded = TRY(optional_subtrees(fields, 1));
    TRY(fields.finish());
    return constraints;
  });
}

Buffer encode_name_constraints(const NameConstraints& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      write_subtrees(out, 0, value.permitted);
      write_subtrees(out, 1, value.excluded);
    });
  });
}

}  // namespace vouch::x509
