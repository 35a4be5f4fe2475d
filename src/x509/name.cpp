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

bool attributes_match(const NameAttribute& a, const NameAttribute& b) {
  if (a.type != b.type) return false;
  if (a == b) return true;
  const auto left = prepared(a);
  return left && left == prepared(b);
}

// RFC 5280 7.1: the same number of attributes, each matching one of the other side.
bool relative_names_match(const RelativeName& a, const RelativeName& b) {
  if (a.size() != b.size()) return false;
  std::vector<bool> used(b.size());
  return std::ranges::all_of(a, [&](const NameAttribute& attribute) {
    for (std::size_t i = 0; i < b.size(); ++i) {
      if (used[i] || !attributes_match(attribute, b[i])) continue;
      used[i] = true;
      return true;
    }
    return false;
  });
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
  const auto add = [&key](std::string_view part) {
    const std::size_t size = part.size();
    for (const int shift : {16, 8, 0}) key.push_back(static_cast<char>(size >> shift & 0xff));
    key += part;
  };
  std::vector<std::string> attributes;
  for (const RelativeName& rdn : name.rdns) {
    attributes.clear();
    for (const NameAttribute& attribute : rdn) {
      std::string one(as_text(attribute.type.contents()));
      if (const auto text = prepared(attribute)) {
        one.append(1, '\0').append(*text);
      } else {
        one.append(1, static_cast<char>(attribute.string_type)).append(as_text(attribute.value));
      }
      attributes.push_back(std::move(one));
    }
    std::ranges::sort(attributes);
    std::string set;
    key.swap(set);
    for (const std::string& attribute : attributes) add(attribute);
    key.swap(set);
    add(set);
  }
  return key;
}

bool names_match(const Name& a, const Name& b) {
  return std::ranges::equal(a.rdns, b.rdns, relative_names_match);
}

}  // namespace vouch::x509
