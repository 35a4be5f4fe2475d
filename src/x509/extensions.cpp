// Extensions as a whole, and those of RFC 5280 about keys and identity. Policies and name constraints are in
// extensions_policy.cpp, places where to find things in distribution_points.cpp, those of CRLs in
// extensions_crl.cpp, Microsoft's in extensions_microsoft.cpp.
#include "x509/extensions.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "x509/extension_codec.hpp"

namespace vouch::x509 {

using asn1::context;
using asn1::context_constructed;
using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

// Extensions: RFC 5280 4.1.2.9

Extension make_extension(const Oid& id, bool critical, Buffer value) {
  return {id, critical, std::move(value)};
}

void encode_extension(Writer& out, const Extension& extension) {
  out.sequence([&] {
    out.oid(extension.id);
    if (extension.critical) out.boolean(true);
    out.octet_string(extension.value);
  });
}

Buffer encode_extension(const Extension& extension) {
  return written([&](Writer& out) { encode_extension(out, extension); });
}

Result<std::vector<ExtensionView>> parse_extensions(Bytes sequence) {
  Reader outer(sequence);
  Reader list = TRY(outer.expect_sequence().context("reading the extensions"));
  TRY(outer.finish().context("reading the extensions"));
  const auto parse_one = [](Reader& reader) -> Result<ExtensionView> {
    Reader extension = TRY(reader.expect_sequence());
    ExtensionView view;
    view.id = TRY(extension.expect_oid());
    view.critical = TRY(extension.optional_boolean_default_false());
    view.value = TRY(extension.expect_octet_string());
    TRY(extension.finish());
    return view;
  };
  auto extensions = TRY(read_elements(list, kMaxElements, parse_one).context("reading the extensions"));
  for (std::size_t i = 0; i < extensions.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (extensions[i].id == extensions[j].id)
        return make_error(Errc::malformed, "the extension {} stands twice (RFC 5280 4.2)",
                          describe(extensions[i].id));
  return extensions;
}

const ExtensionView* find(const std::vector<ExtensionView>& extensions, const Oid& id) {
  const auto found = std::ranges::find(extensions, id, &ExtensionView::id);
  return found == extensions.end() ? nullptr : &*found;
}

// RFC 5280 4.2.1.3
//   KeyUsage ::= BIT STRING { digitalSignature (0), … decipherOnly (8) }

namespace {

constexpr std::array<std::string_view, 9> kKeyUsageNames = {
    "digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",           "encipherOnly",    "decipherOnly"};

}  // namespace

Result<std::uint16_t> parse_key_usage(Bytes value) {
  return read_extension("key usage", value, [](Reader& reader) -> Result<std::uint16_t> {
    return parse_flags(TRY(reader.expect_bit_string()));
  });
}

Buffer encode_key_usage(std::uint16_t usage) {
  return written([&](Writer& out) { out.named_bits(usage); });
}

std::vector<std::string_view> key_usage_names(std::uint16_t usage) {
  std::vector<std::string_view> names;
  for (std::size_t bit = 0; bit < kKeyUsageNames.size(); ++bit)
    if (usage >> bit & 1) names.push_back(kKeyUsageNames[bit]);
  return names;
}

Result<std::uint16_t> key_usage_from_name(std::string_view name) {
  for (std::size_t bit = 0; bit < kKeyUsageNames.size(); ++bit)
    if (equal_ignoring_case(name, kKeyUsageNames[bit])) return static_cast<std::uint16_t>(1u << bit);
  // What X.509 called bit 1 before 2001, and most programs still do.
  if (equal_ignoring_case(name, "nonRepudiation")) return std::uint16_t{content_commitment};
  return make_error(Errc::not_found, "no key usage is called '{}'", name)
      .with_hint(fmt::format("use one of {}", fmt::join(kKeyUsageNames, ", ")));
}

// RFC 5280 4.2.1.9
//   BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE,
//     pathLenConstraint INTEGER (0..MAX) OPTIONAL }

Result<BasicConstraints> parse_basic_constraints(Bytes value) {
  return read_extension("basic constraints", value, [](Reader& reader) -> Result<BasicConstraints> {
    Reader fields = TRY(reader.expect_sequence());
    BasicConstraints constraints;
    constraints.ca = TRY(fields.optional_boolean_default_false());
    if (!fields.at_end()) constraints.path_length = TRY(to_uint32(TRY(fields.expect_uint64())));
    TRY(fields.finish());
    return constraints;
  });
}

Buffer encode_basic_constraints(const BasicConstraints& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      if (value.ca) out.boolean(true);
      if (value.path_length) out.integer(*value.path_length);
    });
  });
}

// RFC 5280 4.2.1.2
//   SubjectKeyIdentifier ::= KeyIdentifier ::= OCTET STRING

Result<Bytes> parse_subject_key_identifier(Bytes value) {
  return read_extension("subject key identifier", value,
                        [](Reader& reader) -> Result<Bytes> { return reader.expect_octet_string(); });
}

Buffer encode_subject_key_identifier(Bytes identifier) {
  return written([&](Writer& out) { out.octet_string(identifier); });
}

// RFC 5280 4.2.1.1
//   AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] KeyIdentifier OPTIONAL,
//     authorityCertIssuer [1] GeneralNames OPTIONAL,
//     authorityCertSerialNumber [2] CertificateSerialNumber OPTIONAL }

Result<AuthorityKeyIdentifier> parse_authority_key_identifier(Bytes value) {
  return read_extension("authority key identifier", value,
                        [](Reader& reader) -> Result<AuthorityKeyIdentifier> {
                          Reader fields = TRY(reader.expect_sequence());
                          AuthorityKeyIdentifier identifier;
                          if (const auto key = TRY(fields.optional(context(0))))
                            identifier.key_identifier = to_buffer(*key);
                          if (const auto issuer = TRY(fields.optional_constructed(context_constructed(1))))
                            identifier.issuer = TRY(parse_general_names(*issuer));
                          const std::size_t at = fields.offset();
                          if (const auto serial = TRY(fields.optional(context(2))))
                            identifier.serial = to_buffer(TRY(asn1::parse_integer(*serial, at)));
                          TRY(fields.finish());
                          return identifier;
                        });
}

Buffer encode_authority_key_identifier(const AuthorityKeyIdentifier& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      if (value.key_identifier) out.primitive(context(0), *value.key_identifier);
      if (!value.issuer.empty())
        out.constructed(context_constructed(1), [&] { encode_general_names_contents(out, value.issuer); });
      if (!value.serial.empty()) out.primitive(context(2), value.serial);
    });
  });
}

// RFC 5280 4.2.1.12
//   ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId

Result<std::vector<Oid>> parse_extended_key_usage(Bytes value) {
  return read_list_extension("extended key usage", value, kMaxElements,
                             [](Reader& reader) { return reader.expect_oid(); });
}

Buffer encode_extended_key_usage(const std::vector<Oid>& purposes) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const Oid& purpose : purposes) out.oid(purpose);
    });
  });
}

// RFC 3280 4.2.1.4
//   PrivateKeyUsagePeriod ::= SEQUENCE { notBefore [0] GeneralizedTime OPTIONAL,
//     notAfter [1] GeneralizedTime OPTIONAL }

namespace {

Result<std::optional<Time>> optional_generalized_time(Reader& reader, std::uint8_t n) {
  const std::size_t at = reader.offset();
  const auto contents = TRY(reader.optional(context(n)));
  if (!contents) return std::optional<Time>();
  return std::optional(TRY(asn1::parse_generalized_time(*contents, at)));
}

void write_generalized_time(Writer& out, std::uint8_t n, Time time) {
  const Buffer der = written([&](Writer& inner) { inner.generalized_time(time); });
  if (const auto tlv = Reader(der).next()) out.primitive(context(n), tlv->value);
}

}  // namespace

Result<PrivateKeyUsagePeriod> parse_private_key_usage_period(Bytes value) {
  return read_extension("private key usage period", value,
                        [](Reader& reader) -> Result<PrivateKeyUsagePeriod> {
                          Reader fields = TRY(reader.expect_sequence());
                          PrivateKeyUsagePeriod period;
                          period.not_before = TRY(optional_generalized_time(fields, 0));
                          period.not_after = TRY(optional_generalized_time(fields, 1));
                          TRY(fields.finish());
                          return period;
                        });
}

Buffer encode_private_key_usage_period(const PrivateKeyUsagePeriod& value) {
  return written([&](Writer& out) {
    out.sequence([&] {
      if (value.not_before) write_generalized_time(out, 0, *value.not_before);
      if (value.not_after) write_generalized_time(out, 1, *value.not_after);
    });
  });
}

// RFC 5280 4.2.1.8
//   SubjectDirectoryAttributes ::= SEQUENCE SIZE (1..MAX) OF Attribute
//   Attribute ::= SEQUENCE { type AttributeType, values SET OF AttributeValue }

Result<std::vector<DirectoryAttribute>> parse_subject_directory_attributes(Bytes value) {
  const auto parse_one = [](Reader& reader) -> Result<DirectoryAttribute> {
    Reader fields = TRY(reader.expect_sequence());
    const Oid type = TRY(fields.expect_oid());
    Reader values = TRY(fields.expect_constructed(Tag::set));
    TRY(fields.finish());
    const Buffer contents = to_buffer(values.rest());
    if (values.at_end()) return make_error(Errc::malformed, "an attribute without values");
    while (!values.at_end()) (void)TRY(values.next());
    return DirectoryAttribute{type, contents};
  };
  return read_list_extension("subject directory attributes", value, kMaxElements, parse_one);
}

Buffer encode_subject_directory_attributes(const std::vector<DirectoryAttribute>& attributes) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const DirectoryAttribute& attribute : attributes)
        out.sequence([&] {
          out.oid(attribute.type);
          out.primitive(Tag::set, attribute.values);
        });
    });
  });
}

// RFC 7633 4.1: each is the number of a TLS extension
//   Features ::= SEQUENCE OF INTEGER

Result<std::vector<std::uint16_t>> parse_tls_feature(Bytes value) {
  return read_list_extension("TLS feature", value, kMaxElements, [](Reader& reader) -> Result<std::uint16_t> {
    const std::uint64_t feature = TRY(reader.expect_uint64());
    if (feature > 0xffff) return make_error(Errc::malformed, "{} is no TLS extension number", feature);
    return static_cast<std::uint16_t>(feature);
  });
}

Buffer encode_tls_feature(const std::vector<std::uint16_t>& features) {
  return written([&](Writer& out) {
    out.sequence([&] {
      for (const std::uint16_t feature : features) out.integer(feature);
    });
  });
}

}  // namespace vouch::x509
