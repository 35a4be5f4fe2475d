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
  // The value as UTF-8; see string_to_utf8 for what is checked. Fails with `malformed` when the octets are
  // not of their type, or the type is none of text (x500UniqueIdentifier is a BIT STRING).
  Result<std::string> text() const;
  bool operator==(const NameAttribute&) const = default;
};

using RelativeName = std::vector<NameAttribute>;  // RelativeDistinguishedName: a SET OF, in encoded order

struct Name {
  std::vector<RelativeName> rdns;  // as encoded: the most general first
  bool empty() const { return rdns.empty(); }
  bool operator==(const Name&) const = default;
};

// Bounds: 64 RDNs, 16 attributes in one, 64 KiB in all (`limit_exceeded`). Values are taken as they are:
// a string with octets that its type does not allow is found by text(), not here. A SET that is not
// sorted is read too, and keeps its order: real names have them.
Result<Name> parse_name(Bytes der);
Buffer encode_name(const Name& name);
void encode_name(asn1::Writer& out, const Name& name);
// The contents of one RelativeDistinguishedName: nameRelativeToCRLIssuer has it under a tag of its own.
Result<RelativeName> parse_relative_name(asn1::Reader contents);
void encode_relative_name_contents(asn1::Writer& out, const RelativeName& name);

// RFC 4514: the most specific first, "CN=Web,O=Contoso\, Ltd,C=DE". Values that are no text, and those of
// types without a keyword, print as #hex. Control characters, and those that turn the direction of
// writing, print as \hex pairs, so that a name cannot rewrite the line it is printed in.
std::string to_rfc4514(const Name& name);
Result<std::string> to_rfc4514(Bytes name_der);
// Reads RFC 4514, any order of keywords in any case, OIDs as types, #hex values. Strings become
// PrintableString for country, serialNumber and dnQualifier, IA5String for DC and e-mail, UTF8String
// otherwise (RFC 5280 4.1.2.4). Also reads what older texts allow (RFC 2253 section 4): quoted values,
// ';' for ',', spaces around separators, "OID.1.2.3". Fails with `malformed`, naming position and reason,
// or `limit_exceeded` (the bounds of parse_name).
Result<Name> name_from_rfc4514(std::string_view text);

// Name with one attribute per RDN: make_name({{oid::kCommonName, "Root"}}), most general first.
Name make_name(std::initializer_list<std::pair<Oid, std::string_view>> attributes);
// Encodes text as an attribute of the string type that RFC 5280 wants for this attribute type; text that
// this type cannot hold ("C=Côte") becomes UTF8String, for the linter to complain about.
NameAttribute make_attribute(const Oid& type, std::string_view text);

// The values of all attributes of a type, most specific first; those that are no text are left out.
std::vector<std::string> values_of(const Name& name, const Oid& type);

// RFC 5280 7.1: equal after ignoring case and insignificant space, whatever the string types. Attributes
// of one RDN match in any order. Values that are no text match by their octets.
// Prepared as RFC 4518 says: case folded, normalized (NFKC), white space squeezed; see
// string_preparation.hpp.
bool names_match(const Name& a, const Name& b);
// Octets that are the same for two names exactly when they match, for indexes. The key of a name begins with
// the key of another exactly when its first RDNs match the other's (the subtree of RFC 5280 4.2.1.10).
std::string comparison_key(const Name& name);

// Conversions between string types and UTF-8. Fail with `malformed`.
//   UTF8String: strict UTF-8. IA5String: ASCII. VisibleString: printable ASCII. NumericString: digits, space.
//   PrintableString: any ASCII, because real certificates have '*', '@' and '_' in it; the linter asks
//   is_printable_string. TeletexString: Latin-1, which is what certificates mean by it; nobody wrote T.61.
//   BMPString, UniversalString: no surrogates, nothing above U+10FFFF.
Result<std::string> string_to_utf8(asn1::Tag type, Bytes contents);
// UCS-2 has no place for characters above U+FFFF; they, and octets that are not UTF-8, become U+FFFD.
Buffer utf8_to_bmp(std::string_view text);
bool is_printable_string(std::string_view text);
bool is_valid_utf8(std::string_view text);

}  // namespace vouch::x509
