#include "x509/name.hpp"

#include <algorithm>

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

// RFC 4518 2.2: what counts as space.
bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

// Simple case folding (Unicode CaseFolding.txt, status C) for the scripts that the header lists.
char32_t fold_case(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c == 0xb5) return 0x3bc;                             // micro sign: Greek mu
  if (c >= 0xc0 && c <= 0xde && c != 0xd7) return c + 32;  // Latin-1, without the multiplication sign
  if (c == 0x178) return 0xff;                             // Y with diaeresis
  if (c == 0x17f) return 's';                              // long s
  if (c == 0x130 || c == 0x131) return c;                  // Turkish i with and without dot: never folded
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
    return c % 2 == 1 ? c + 1 : c;                                         // capitals are odd
  if (c >= 0x100 && c <= 0x177 && c != 0x138 && c != 0x149) return c | 1;  // capitals are even
  if (c == 0x386) return 0x3ac;
  if (c >= 0x388 && c <= 0x38a) return c + 37;
  if (c == 0x38c) return 0x3cc;
  if (c == 0x38e || c == 0x38f) return c + 63;
  if (c >= 0x391 && c <= 0x3ab && c != 0x3a2) return c + 32;
  if (c == 0x3c2) return 0x3c3;  // final sigma
  if (c >= 0x400 && c <= 0x40f) return c + 80;
  if (c >= 0x410 && c <= 0x42f) return c + 32;
  if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f)) return c | 1;
  if (c >= 0x531 && c <= 0x556) return c + 48;
  return c;
}

// The text as names_match compares it: case folded, runs of space one space, none at the ends.
std::string prepared(std::string_view text) {
  std::string out;
  bool space_due = false;
  while (const auto c = take_code_point(text)) {
    if (is_space(*c)) {
      space_due = !out.empty();
      continue;
    }
    if (space_due) out.push_back(' ');
    space_due = false;
    append_utf8(out, fold_case(*c));
  }
  return out;
}

bool attributes_match(const NameAttribute& a, const NameAttribute& b) {
  if (a.type != b.type) return false;
  if (a == b) return true;
  const auto left = a.text(), right = b.text();
  return left && right && prepared(*left) == prepared(*right);
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

bool names_match(const Name& a, const Name& b) {
  return std::ranges::equal(a.rdns, b.rdns, relative_names_match);
}

}  // namespace vouch::x509
