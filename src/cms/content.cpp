#include "cms/content.hpp"

#include <algorithm>
#include <array>

#include "asn1/whole.hpp"
#include "crypto/signature_digest.hpp"

namespace vouch::cms {
namespace {

using asn1::Reader, asn1::Tag, asn1::Writer;

struct DigestRow {
  DigestAlgorithm digest;
  const Oid& oid;
};
constexpr std::array kDigests = {DigestRow{DigestAlgorithm::md5, x509::oid::kMd5},
                                 DigestRow{DigestAlgorithm::sha1, x509::oid::kSha1},
                                 DigestRow{DigestAlgorithm::sha256, x509::oid::kSha256},
                                 DigestRow{DigestAlgorithm::sha384, x509::oid::kSha384},
                                 DigestRow{DigestAlgorithm::sha512, x509::oid::kSha512}};

}  // namespace

Result<Bytes> read_version(Reader& reader) { return reader.expect_integer().context("reading version"); }

Result<ContentInfoView> parse_content_info(Bytes der) {
  Reader fields = TRY(asn1::whole_sequence(der));
  ContentInfoView view;
  view.type = TRY(fields.expect_oid().context("reading contentType"));
  Reader content = TRY(fields.expect_constructed(asn1::context_constructed(0)).context("reading content"));
  view.content = TRY(content.next()).whole;
  TRY(content.finish());
  TRY(fields.finish());
  return view;
}

Buffer encode_content_info(const Oid& type, Bytes content) {
  Writer out;
  out.sequence([&] {
    out.oid(type);
    out.constructed(asn1::context_constructed(0), [&] { out.raw(content); });
  });
  return std::move(out).take();
}

std::string Identifier::text() const {
  if (!key_identifier.empty()) return "key identifier " + to_hex(key_identifier);
  const auto name = x509::to_rfc4514(issuer);
  return fmt::format("issuer {}, serial {}", name ? *name : std::string("(unreadable)"),
                     x509::serial_to_text(serial));
}

Result<Identifier> read_identifier(Reader& reader) {
  Identifier out;
  if (reader.peek() == asn1::context(0)) {
    out.key_identifier = TRY(reader.expect(asn1::context(0)));
    if (out.key_identifier.empty()) return make_error(Errc::malformed, "the key identifier is empty");
    return out;
  }
  Reader fields = TRY(reader.expect_sequence());
  out.issuer = TRY(fields.expect_tlv(Tag::sequence)).whole;
  (void)TRY(x509::parse_name(out.issuer).context("reading the issuer"));
  out.serial = TRY(fields.expect_integer());
  TRY(fields.finish());
  return out;
}

void write_identifier(Writer& out, const Identifier& identifier) {
  if (!identifier.key_identifier.empty()) {
    out.primitive(asn1::context(0), identifier.key_identifier);
    return;
  }
  out.sequence([&] {
    out.raw(identifier.issuer);
    out.primitive(Tag::integer, identifier.serial);
  });
}

Identifier identifier_of(const x509::CertificateView& certificate) {
  return {certificate.issuer, certificate.serial, {}};
}

Result<Identifier> key_identifier_of(const x509::CertificateView& certificate) {
  const auto* extension = certificate.find(x509::oid::kSubjectKeyIdentifier);
  if (extension == nullptr) return make_error(Errc::not_found, "the certificate has no subjectKeyIdentifier");
  return Identifier{{}, {}, TRY(x509::parse_subject_key_identifier(extension->value))};
}

bool identifies(const Identifier& identifier, const x509::CertificateView& certificate) {
  if (!identifier.key_identifier.empty()) {
    const auto own = key_identifier_of(certificate);
    return own && equal(own->key_identifier, identifier.key_identifier);
  }
  if (!equal(identifier.serial, certificate.serial)) return false;
  if (equal(identifier.issuer, certificate.issuer)) return true;
  const auto wanted = x509::parse_name(identifier.issuer), issuer = x509::parse_name(certificate.issuer);
  return wanted && issuer && x509::names_match(*wanted, *issuer);
}

Result<std::vector<AttributeView>> read_attributes(Reader attributes) {
  std::vector<AttributeView> out;
  while (!attributes.at_end()) {
    if (out.size() == kMaxAttributes)
      return make_error(Errc::limit_exceeded, "more than {} attributes", kMaxAttributes);
    Reader fields = TRY(attributes.expect_sequence());
    AttributeView attribute;
    attribute.type = TRY(fields.expect_oid());
    attribute.values = TRY(fields.expect(Tag::set));
    TRY(fields.finish());
    out.push_back(attribute);
  }
  return out;
}

const AttributeView* find(const std::vector<AttributeView>& attributes, const Oid& type) {
  const auto it = std::ranges::find(attributes, type, &AttributeView::type);
  return it == attributes.end() ? nullptr : &*it;
}

Result<std::optional<Bytes>> single_value(const std::vector<AttributeView>& attributes, const Oid& type) {
  const AttributeView* attribute = find(attributes, type);
  if (attribute == nullptr) return std::optional<Bytes>();
  if (std::ranges::count(attributes, type, &AttributeView::type) > 1)
    return make_error(Errc::malformed, "attribute {} stands twice", x509::describe(type));
  Reader values(attribute->values);
  if (values.at_end()) return make_error(Errc::malformed, "attribute {} has no value", x509::describe(type));
  const Bytes value = TRY(values.next()).whole;
  if (!values.at_end())
    return make_error(Errc::malformed, "attribute {} has several values", x509::describe(type));
  return std::optional<Bytes>(value);
}

Buffer encode_attribute(const Attribute& attribute) {
  Writer out;
  out.sequence([&] {
    out.oid(attribute.type);
    out.set([&] { out.raw(attribute.values); });
  });
  return std::move(out).take();
}

Result<DigestAlgorithm> parse_digest_algorithm(const AlgorithmIdentifier& identifier, Md5 md5) {
  for (const DigestRow& row : kDigests) {
    if (row.oid != identifier.algorithm) continue;
    if (row.digest == DigestAlgorithm::md5 && md5 == Md5::refuse) break;
    // RFC 5754 2: parameters are absent, and NULL is accepted.
    if (!x509::null_or_absent(identifier.parameters))
      return make_error(Errc::malformed, "digest algorithm {} has parameters", x509::to_string(row.digest));
    return row.digest;
  }
  return make_error(Errc::unsupported, "digest algorithm {} is not supported",
                    x509::describe(identifier.algorithm));
}

void write_digest_algorithm(Writer& out, DigestAlgorithm digest) {
  out.sequence([&] {
    for (const DigestRow& row : kDigests)
      if (row.digest == digest) out.oid(row.oid);
  });
}

Result<DigestAlgorithm> digest_of(SignatureAlgorithm algorithm) {
  if (const auto digest = crypto::digest_of(algorithm)) return *digest;
  return make_error(Errc::unsupported, "signatures with {} are not verified", x509::to_string(algorithm));
}

}  // namespace vouch::cms
