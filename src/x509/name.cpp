#include "x509/name.hpp"

#include <algorithm>
#include <optional>

#include "x509/string_preparation.hpp"
#include "x509/string_types.hpp"

namespace vouch::x509 {
namespace {

using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

// Far above what exists (a dozen RDNs, a few hundred octets), low enough to print and compare quickly.
constexpr std::size_t kMaxNameOctets = std::size_t{64} * 1024;
constexpr std::size_t kMaxRelativeNames = 64;
constexpr std::size_t kMaxAttributes = 16;

// The text as it is compared; nothing for what is no text, or no text that can be prepared.
std::optional<std::string> prepared(const NameAttribute& attribute) {
  const auto text = attribute.text();
  return text ? prepare_string(*text) : std::nullopt;
}

// The size first, so that no part can pass for the end of one and the start of the next. Names are smaller
// than 2^24 octets.
void append_sized(std::string& out, std::string_view part) {
  for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(part.size() >> shift & 0xff));
  out += part;
}

// An octet after the type says what follows: 0 a prepared text, else the tag of a value that is compared as
// it is.
std::string comparison_key(const NameAttribute& attribute) {
  std::string key;
  append_sized(key, as_text(attribute.type.contents()));
  if (const auto text = prepared(attribute)) return key.append(1, '\0').append(*text);
  return key.append(1, static_cast<char>(attribute.string_type)).append(as_text(attribute.value));
}

// Attributes of one RDN match in any order.
std::string comparison_key(const RelativeName& rdn) {
  std::vector<std::string> attributes;
  attributes.reserve(rdn.size());
  for (const NameAttribute& attribute : rdn) attributes.push_back(comparison_key(attribute));
  std::ranges::sort(attributes);
  std::string key;
  for (const std::string& attribute : attributes) append_sized(key, attribute);
  return key;
}

// RFC 5280 appendix A.1: country, serialNumber and dnQualifier are PrintableString, domainComponent and
// emailAddress IA5String; everything else is a DirectoryString, for which 4.1.2.4 wants UTF8String.
Tag preferred_string_type(const Oid& type, std::string_view text) {
  const bool printable = type == oid::kCountry || type == oid::kSerialNumber || type == oid::kDnQualifier;
  if (printable && is_printable_string(text)) return Tag::printable_string;
  const bool ia5 = type == oid::kDomainComponent || type == oid::kEmailAddress;
  if (ia5 && std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return Tag::ia5_string;
  return Tag::utf8_string;
}

}  // namespace

Result<std::string> NameAttribute::text() const { return string_to_utf8(string_type, value); }

// RelativeDistinguishedName ::= SET SIZE (1..MAX) OF AttributeTypeAndValue
// AttributeTypeAndValue ::= SEQUENCE { type AttributeType, value AttributeValue }
Result<RelativeName> parse_relative_name(Reader contents) {
  RelativeName name;
  if (contents.at_end()) return make_error(Errc::malformed, "a relative distinguished name is empty");
  while (!contents.at_end()) {
    if (name.size() == kMaxAttributes)
      return make_error(Errc::limit_exceeded, "a relative distinguished name has more than {} attributes",
                        kMaxAttributes);
    Reader attribute = TRY(contents.expect_sequence());
    const Oid type = TRY(attribute.expect_oid());
    const asn1::Tlv value = TRY(attribute.next());
    TRY(attribute.finish());
    name.push_back({type, value.tag, to_buffer(value.value)});
  }
  return name;
}

void encode_relative_name_contents(Writer& out, const RelativeName& name) {
  for (const NameAttribute& attribute : name)
    out.sequence([&] {
      out.oid(attribute.type);
      out.primitive(attribute.string_type, attribute.value);
    });
}

// Name ::= CHOICE { rdnSequence RDNSequence }, RDNSequence ::= SEQUENCE OF RelativeDistinguishedName
Result<Name> parse_name(Bytes der) {
  if (der.size() > kMaxNameOctets)
    return make_error(Errc::limit_exceeded, "a name of {} octets, at most {} are read", der.size(),
                      kMaxNameOctets);
  Reader outer(der);
  Reader rdns = TRY(outer.expect_sequence().context("reading a name"));
  TRY(outer.finish().context("reading a name"));
  Name name;
  while (!rdns.at_end()) {
    if (name.rdns.size() == kMaxRelativeNames)
      return make_error(Errc::limit_exceeded, "a name has more than {} relative names", kMaxRelativeNames);
    const Reader set = TRY(rdns.expect_constructed(Tag::set).context("reading a name"));
    name.rdns.push_back(TRY(parse_relative_name(set).context("reading a name")));
  }
  return name;
}

void encode_name(Writer& out, const Name& name) {
  out.sequence([&] {
    for (const RelativeName& rdn : name.rdns) out.set([&] { encode_relative_name_contents(out, rdn); });
  });
}

Buffer encode_name(const Name& name) {
  Writer out;
  encode_name(out, name);
  return std::move(out).take();
}

NameAttribute make_attribute(const Oid& type, std::string_view text) {
  return {type, preferred_string_type(type, text), to_buffer(as_bytes(text))};
}

Name make_name(std::initializer_list<std::pair<Oid, std::string_view>> attributes) {
  Name name;
  for (const auto& [type, text] : attributes) name.rdns.push_back({make_attribute(type, text)});
  return name;
}

std::vector<std::string> values_of(const Name& name, const Oid& type) {
  std::vector<std::string> values;
  for (auto rdn = name.rdns.rbegin(); rdn != name.rdns.rend(); ++rdn)
    for (const NameAttribute& attribute : *rdn) {
      if (attribute.type != type) continue;
      if (auto text = attribute.text()) values.push_back(*std::move(text));
    }
  return values;
}

std::string comparison_key(const Name& name) {
  std::string key;
  for (const RelativeName& rdn : name.rdns) append_sized(key, comparison_key(rdn));
  return key;
}

bool names_match(const Name& a, const Name& b) {
  return a == b || (a.rdns.size() == b.rdns.size() && comparison_key(a) == comparison_key(b));
}

}  // namespace vouch::x509
