#include "x509/form.hpp"

#include "asn1/der_cursor.hpp"

namespace vouch::x509::form {
namespace {

using asn1::Tag;

Status check_rdns(asn1::Reader& rdns) {
  while (!rdns.at_end()) {
    asn1::Reader attributes = TRY(rdns.expect_constructed(Tag::set));
    do {
      asn1::Reader attribute = TRY(attributes.expect_sequence());
      (void)TRY(attribute.expect_oid());
      (void)TRY(attribute.next());
      TRY(attribute.finish());
    } while (!attributes.at_end());
  }
  return ok();
}

}  // namespace

Status check_size(Bytes der, std::size_t max, std::string_view what) {
  if (der.size() > max)
    return make_error(Errc::limit_exceeded, "{} of {} octets, at most {} are read", what, der.size(), max);
  return ok();
}

Result<Bytes> read_name(asn1::Reader& reader, std::string_view field) {
  asn1::Reader at = reader;
  const Bytes whole = TRY(reader.expect_tlv(Tag::sequence).context("reading {}", field)).whole;
  asn1::Reader rdns = TRY(at.expect_sequence());
  TRY(check_rdns(rdns).context("reading {}", field));
  return whole;
}

Result<Bytes> read_public_key_info(asn1::Reader& reader) {
  const auto read = [&]() -> Result<Bytes> {
    asn1::Reader at = reader;
    const Bytes whole = TRY(reader.expect_tlv(Tag::sequence)).whole;
    asn1::Reader info = TRY(at.expect_sequence());
    (void)TRY(parse_algorithm_identifier(info));
    (void)TRY(info.expect_bit_string());
    TRY(info.finish());
    return whole;
  };
  return read().context("reading subjectPublicKeyInfo");
}

Result<Bytes> read_signature(asn1::Reader& reader) {
  const std::size_t at = reader.offset();
  const asn1::BitString bits = TRY(reader.expect_bit_string().context("reading the signature"));
  // Every signature that PKIX knows is a run of octets put into a BIT STRING.
  if (bits.unused_bits != 0)
    return make_error(Errc::malformed, "DER at offset {}: the signature is not a whole number of octets", at);
  return bits.octets;
}

Status read_extensions(asn1::Reader& tbs, std::uint8_t n, Bytes& der,
                       std::vector<ExtensionView>& extensions) {
  auto wrapper = TRY(tbs.optional_constructed(asn1::context_constructed(n)));
  if (!wrapper) return ok();
  const std::size_t at = wrapper->offset();
  der = TRY(wrapper->expect_tlv(Tag::sequence)).whole;
  TRY(wrapper->finish());
  extensions = TRY(parse_extensions(der).context("reading the extensions at offset {}", at));
  return ok();
}

Bytes without_leading_zeros(Bytes octets) {
  while (!octets.empty() && octets[0] == 0) octets = octets.subspan(1);
  return octets;
}

Buffer encode_signed(Bytes tbs, Bytes signature_algorithm, Bytes signature) {
  const std::size_t bits = signature.size() + 1;
  const std::size_t length = tbs.size() + signature_algorithm.size() + asn1::header_size(bits) + bits;
  Buffer out(asn1::header_size(length) + length);
  asn1::Cursor cursor(out.data());
  cursor.header(Tag::sequence, length);
  cursor.octets(tbs);
  cursor.octets(signature_algorithm);
  cursor.header(Tag::bit_string, bits);
  cursor.octet(0);
  cursor.octets(signature);
  return out;
}

}  // namespace vouch::x509::form
