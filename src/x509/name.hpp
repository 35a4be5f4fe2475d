#pragma once
// Distinguished names (RFC 5280 4.1.2.4, X.501) and their text (RFC 4514).

#include <string>
#include <vector>

#include "asn1/der_writer.hpp"
#include "x509/oids.hpp"

namespace vouch::x509 {

// AttributeTypeAndValue. The value keeps its string type, so that a parsed name encodes to the same octets.
struct NameAttribute {
  Oid type;
  asn1::Tag string_type{};
  Buffer value;  // contents octets, in the encoding of string_type
  // The value as UTF-8. Fails with `malformed` when the octets are not of their type.
  Result<std::string> text() const;
  bool operator==(const NameAttribute&) const = default;
};

using RelativeName = std::vector<NameAttribute>;  // RelativeDistinguishedName: a SET OF, in encoded order

struct Name {
  std::vector<RelativeName> rdns;  // as encoded: the most general first
  bool empty() const { return rdns.empty(); }
  bool operator==(const Name&) const = default;
};

// Bounds: 64 RDNs, 16 attributes in one, 64 KiB in all (`limit_exceeded`).
Result<Name> parse_name(Bytes der);
Buffer encode_name(const Name& name);

// RFC 4514: the most specific first, "CN=Web,O=Contoso\, Ltd,C=DE". Values that are no text print as #hex.
std::string to_rfc4514(const Name& name);
Result<std::string> to_rfc4514(Bytes name_der);
// Reads RFC 4514, any order of keywords in any case, OIDs as types, #hex values. Strings become
// PrintableString for country, serialNumber and dnQualifier, IA5String for DC and e-mail, UTF8String
// otherwise (RFC 5280 4.1.2.4). Fails with `malformed`, naming position and reason.
Result<Name> name_from_rfc4514(std::string_view text);

// Name with one attribute per RDN: make_name({{oid::kCommonName, "Root"}}), most general first.
Name make_name(std::initializer_list<std::pair<Oid, std::string_view>> attributes);
// Encodes text as an attribute of the string type that RFC 5280 wants for this attribute type.
NameAttribute make_attribute(const Oid& type, std::string_view text);

// The values of all attributes of a type, most specific first.
std::vector<std::string> values_of(const Name& name, const Oid& type);

// RFC 5280 7.1: equal after ignoring case and insignificant space, whatever the string types.
bool names_match(const Name& a, const Name& b);

// Conversions between string types and UTF-8. Fail with `malformed`.
Result<std::string> string_to_utf8(asn1::Tag type, Bytes contents);
Buffer utf8_to_bmp(std::string_view text);
bool is_printable_string(std::string_view text);
bool is_valid_utf8(std::string_view text);

}  // namespace vouch::x509
