// Distinguished names as text: RFC 4514, and what RFC 2253 section 4 asks readers to accept.
#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "x509/name.hpp"
#include "x509/string_types.hpp"

namespace vouch::x509 {
namespace {

using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

struct Keyword {
  std::string_view name;
  Oid type;
};

// The first keyword of a type is printed, every one is read. RFC 4514 section 3 demands the first nine;
// the others are LDAP's descriptors (RFC 4519, RFC 2985); at the end what Windows and openssl print.
constexpr Keyword kKeywords[] = {
    {"CN", oid::kCommonName},
    {"L", oid::kLocality},
    {"ST", oid::kState},
    {"O", oid::kOrganization},
    {"OU", oid::kOrganizationalUnit},
    {"C", oid::kCountry},
    {"STREET", oid::kStreet},
    {"DC", oid::kDomainComponent},
    {"UID", oid::kUid},
    {"SN", oid::kSurname},
    {"serialNumber", oid::kSerialNumber},
    {"title", oid::kTitle},
    {"givenName", oid::kGivenName},
    {"initials", oid::kInitials},
    {"generationQualifier", oid::kGenerationQualifier},
    {"dnQualifier", oid::kDnQualifier},
    {"pseudonym", oid::kPseudonym},
    {"organizationIdentifier", oid::kOrganizationIdentifier},
    {"emailAddress", oid::kEmailAddress},
    {"unstructuredName", oid::kUnstructuredName},
    {"unstructuredAddress", oid::kUnstructuredAddress},
    {"commonName", oid::kCommonName},
    {"localityName", oid::kLocality},
    {"stateOrProvinceName", oid::kState},
    {"organizationName", oid::kOrganization},
    {"organizationalUnitName", oid::kOrganizationalUnit},
    {"countryName", oid::kCountry},
    {"streetAddress", oid::kStreet},
    {"domainComponent", oid::kDomainComponent},
    {"userId", oid::kUid},
    {"surname", oid::kSurname},
    {"E", oid::kEmailAddress},
    {"email", oid::kEmailAddress},
    {"S", oid::kState},
    {"T", oid::kTitle},
    {"G", oid::kGivenName},
    {"GN", oid::kGivenName},
    {"I", oid::kInitials},
};

bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// RFC 4514 2.4.
std::string escaped(std::string_view text) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const auto c = take_code_point(rest);
    if (!c) break;  // not reached: the text was checked when it was made
    const std::string_view octets = before.substr(0, before.size() - rest.size());
    const bool first = before.size() == text.size(), last = rest.empty();
    if (is_unprintable(*c)) {
      for (const char octet : octets) out += fmt::format("\\{:02X}", static_cast<unsigned char>(octet));
      continue;
    }
    if ((*c < 0x80 && std::string_view("\"+,;<>\\").contains(static_cast<char>(*c))) ||
        (*c == '#' && first) || (*c == ' ' && (first || last)))
      out += '\\';
    out += octets;
  }
  return out;
}

std::string hex_value(const NameAttribute& attribute) {
  Writer der;
  der.primitive(attribute.string_type, attribute.value);
  return "#" + to_hex(der.bytes());
}

std::string attribute_to_text(const NameAttribute& attribute) {
  const auto keyword = std::ranges::find(kKeywords, attribute.type, &Keyword::type);
  // 2.4: a type in numbers goes with a value in hex, since nobody can know its syntax.
  if (keyword == std::end(kKeywords)) return attribute.type.dotted() + "=" + hex_value(attribute);
  const auto text = attribute.text();
  return fmt::format("{}={}", keyword->name, text ? escaped(*text) : hex_value(attribute));
}

// Reads the text from front to back; every error names the position.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  // distinguishedName = [ relativeDistinguishedName *( COMMA relativeDistinguishedName ) ]
  Result<Name> name() {
    Name name;
    skip_spaces();
    if (at_end()) return name;
    if (text_.size() > kMaxText)
      return make_error(Errc::limit_exceeded, "a distinguished name of {} octets, at most {} are read",
                        text_.size(), kMaxText);
    name.rdns.push_back(TRY(relative_name()));
    while (!at_end()) {
      ++position_;  // ',' or ';', which relative_name stopped at
      name.rdns.push_back(TRY(relative_name()));
    }
    // 2.1: the text starts with the last element of the sequence.
    std::ranges::reverse(name.rdns);
    // The bounds of parse_name hold for what is read from text as well.
    return parse_name(encode_name(name));
  }

 private:
  // No text of a name within parse_name's 64 KiB is longer: six characters for an octet at worst.
  static constexpr std::size_t kMaxText = std::size_t{512} * 1024;

  bool at_end() const { return position_ == text_.size(); }
  char here() const { return text_[position_]; }
  bool at_separator() const { return at_end() || here() == ',' || here() == ';' || here() == '+'; }
  void skip_spaces() {
    while (!at_end() && here() == ' ') ++position_;
  }
  Error bad(std::string_view what) const {
    return make_error(Errc::malformed, "distinguished name, at character {}: {}", position_ + 1, what);
  }

  // relativeDistinguishedName = attributeTypeAndValue *( PLUS attributeTypeAndValue )
  Result<RelativeName> relative_name() {
    RelativeName name{TRY(attribute())};
    while (!at_end() && here() == '+') {
      ++position_;
      name.push_back(TRY(attribute()));
    }
    // X.690 11.6: a SET OF is sorted by its encodings.
    if (name.size() > 1) std::ranges::sort(name, {}, encoded);
    return name;
  }
  static Buffer encoded(const NameAttribute& attribute) {
    Writer out;
    encode_relative_name_contents(out, {attribute});
    return std::move(out).take();
  }

  // attributeTypeAndValue = attributeType EQUALS attributeValue. Stops at ',' ';' '+' or the end.
  Result<NameAttribute> attribute() {
    skip_spaces();
    const Oid type = TRY(attribute_type());
    skip_spaces();
    if (at_end() || here() != '=') return bad("expected '=' after the attribute type");
    ++position_;
    skip_spaces();
    if (!at_end() && here() == '#') return hex_value_of(type);
    const std::size_t start = position_;
    const std::string value = TRY(!at_end() && here() == '"' ? quoted_value() : plain_value());
    if (!is_valid_utf8(value)) {
      position_ = start;
      return bad("the value is not UTF-8");
    }
    return make_attribute(type, value);
  }

  // attributeType = descr / numericoid
  Result<Oid> attribute_type() {
    const std::size_t start = position_;
    while (!at_end() && (is_letter(here()) || is_digit(here()) || here() == '-' || here() == '.'))
      ++position_;
    std::string_view word = text_.substr(start, position_ - start);
    const std::size_t end = std::exchange(position_, start);  // errors point at the word
    if (word.empty()) return bad("expected an attribute type, such as CN");
    // RFC 2253 section 4: implementations must allow "OID." before the numbers.
    if (word.size() > 4 && equal_ignoring_case(word.substr(0, 4), "OID.")) word.remove_prefix(4);
    if (is_digit(word[0])) {
      auto numbers = Oid::parse(word);
      if (!numbers) return bad(fmt::format("'{}' is not an object identifier", word));
      position_ = end;
      return *numbers;
    }
    for (const Keyword& keyword : kKeywords)
      if (equal_ignoring_case(word, keyword.name)) {
        position_ = end;
        return keyword.type;
      }
    return bad(fmt::format("unknown attribute type '{}'", word));
  }

  // hexstring = SHARP 1*hexpair: the DER of the value.
  Result<NameAttribute> hex_value_of(const Oid& type) {
    const std::size_t start = position_++;
    Buffer der;
    while (!at_separator() && here() != ' ') der.push_back(TRY(hex_pair()));
    skip_spaces();
    if (!at_separator()) return bad("unexpected character after a hex value");
    Reader reader(der);
    const auto value = reader.next();
    if (!value || !reader.at_end()) {
      position_ = start;
      return bad("the hex value is not the DER of one value");
    }
    return NameAttribute{type, value->tag, to_buffer(value->value)};
  }

  Result<std::uint8_t> hex_pair() {
    if (text_.size() - position_ < 2 || hex_digit(here()) < 0 || hex_digit(text_[position_ + 1]) < 0)
      return bad("expected two hexadecimal digits");
    const int octet = hex_digit(here()) * 16 + hex_digit(text_[position_ + 1]);
    position_ += 2;
    return static_cast<std::uint8_t>(octet);
  }

  // pair = ESC ( ESC / special / hexpair ), with special = escaped / SPACE / SHARP / EQUALS
  Result<char> pair() {
    ++position_;
    if (at_end()) return bad("the name ends after '\\'");
    if (std::string_view("\\\"+,;<>= #").contains(here())) return text_[position_++];
    return static_cast<char>(TRY(hex_pair()));
  }

  // string = [ ( leadchar / pair ) [ *( stringchar / pair ) ( trailchar / pair ) ] ]
  Result<std::string> plain_value() {
    std::string value;
    std::size_t keep = 0;  // spaces after this many octets were not escaped: they belong to the separator
    while (!at_separator()) {
      const char c = here();
      if (c == '\\') {
        value.push_back(TRY(pair()));
        keep = value.size();
        continue;
      }
      if (c == '"' || c == '<' || c == '>') return bad(fmt::format("'{}' must be written '\\{}'", c, c));
      if (c == '\0') return bad("a zero octet must be written '\\00'");
      value.push_back(c);
      if (c != ' ') keep = value.size();
      ++position_;
    }
    value.resize(keep);
    return value;
  }

  // RFC 2253 section 4: value = QUOTATION *( quotechar / pair ) QUOTATION
  Result<std::string> quoted_value() {
    const std::size_t start = position_++;
    std::string value;
    while (!at_end() && here() != '"') {
      if (here() == '\0') return bad("a zero octet must be written '\\00'");
      if (here() == '\\') {
        value.push_back(TRY(pair()));
      } else {
        value.push_back(text_[position_++]);
      }
    }
    if (at_end()) {
      position_ = start;
      return bad("the quoted value has no end");
    }
    ++position_;
    skip_spaces();
    if (!at_separator()) return bad("unexpected character after a quoted value");
    return value;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::string to_rfc4514(const Name& name) {
  std::string out;
  for (auto rdn = name.rdns.rbegin(); rdn != name.rdns.rend(); ++rdn) {
    if (rdn != name.rdns.rbegin()) out += ',';
    for (std::size_t i = 0; i < rdn->size(); ++i) {
      if (i != 0) out += '+';
      out += attribute_to_text((*rdn)[i]);
    }
  }
  return out;
}

Result<std::string> to_rfc4514(Bytes name_der) { return to_rfc4514(TRY(parse_name(name_der))); }

Result<Name> name_from_rfc4514(std::string_view text) { return Parser(text).name(); }

}  // namespace vouch::x509
