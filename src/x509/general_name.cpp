#include "x509/general_name.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "asn1/whole.hpp"
#include "x509/string_types.hpp"

namespace vouch::x509 {
namespace {

using asn1::Reader;
using asn1::Tag;
using asn1::Writer;

constexpr std::size_t kMaxGeneralNames = 4096;

// In an implicitly tagged CHOICE the tag number says which name it is; bit 0x20 whether it is constructed.
// otherName, x400Address and ediPartyName are structures, directoryName is EXPLICIT because Name is a
// CHOICE (X.680 31.2.7 c); the rest is primitive.
Tag tag_of(GeneralNameType type) {
  const auto number = static_cast<std::uint8_t>(type);
  switch (type) {
    case GeneralNameType::other_name:
    case GeneralNameType::x400_address:
    case GeneralNameType::directory_name:
    case GeneralNameType::edi_party_name:
      return asn1::context_constructed(number);
    default:
      return asn1::context(number);
  }
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

enum class Use { name, constraint };

Status check_address(Bytes octets, Use use) {
  const std::size_t v4 = use == Use::name ? 4 : 8, v6 = use == Use::name ? 16 : 32;
  if (octets.size() == v4 || octets.size() == v6) return ok();
  return make_error(Errc::malformed, "iPAddress of {} octets; {} or {} belong here", octets.size(), v4, v6);
}

// OtherName ::= SEQUENCE { type-id OBJECT IDENTIFIER, value [0] EXPLICIT ANY DEFINED BY type-id }
Result<GeneralName> parse_other_name(Reader contents) {
  GeneralName name;
  name.type = GeneralNameType::other_name;
  name.other_type = TRY(contents.expect_oid());
  Reader value = TRY(contents.expect_constructed(asn1::context_constructed(0)));
  TRY(contents.finish());
  name.value = to_buffer(TRY(value.next()).whole);
  TRY(value.finish());
  return name;
}

Result<GeneralName> parse_choice(Reader& reader, Use use) {
  const auto peeked = reader.peek();
  if (!peeked) return make_error(Errc::malformed, "a GeneralName is missing");
  const auto type = static_cast<GeneralNameType>(static_cast<unsigned>(*peeked) & 0x1f);
  if (type > GeneralNameType::registered_id || tag_of(type) != *peeked)
    return make_error(Errc::malformed, "DER at offset {}: tag 0x{:02x} is no GeneralName", reader.offset(),
                      unsigned(*peeked));
  if (type == GeneralNameType::other_name) return parse_other_name(TRY(reader.expect_constructed(*peeked)));
  const Bytes value = TRY(reader.expect(*peeked));
  switch (type) {
    case GeneralNameType::rfc822_name:
    case GeneralNameType::dns_name:
    case GeneralNameType::uri:
      if (!is_ascii(as_text(value)))
        return make_error(Errc::malformed, "a name that must be ASCII (IA5String) holds other octets");
      break;
    case GeneralNameType::directory_name:
      (void)TRY(parse_name(value));
      break;
    case GeneralNameType::ip_address:
      TRY(check_address(value, use));
      break;
    case GeneralNameType::registered_id:
      (void)TRY(Oid::from_contents(value));
      break;
    default:
      break;
  }
  return GeneralName{type, to_buffer(value), {}};
}

GeneralName of_text(GeneralNameType type, std::string_view text) {
  return {type, to_buffer(as_bytes(text)), {}};
}

// IPv4 or IPv6 octets of an address in text.
Result<Buffer> address_octets(std::string_view text) {
  std::array<std::uint8_t, 16> octets{};
  const std::string terminated(text);
  const bool sound = !text.contains('\0');
  if (sound && inet_pton(AF_INET, terminated.c_str(), octets.data()) == 1)
    return Buffer(octets.begin(), octets.begin() + 4);
  if (sound && inet_pton(AF_INET6, terminated.c_str(), octets.data()) == 1)
    return Buffer(octets.begin(), octets.end());
  return make_error(Errc::malformed, "'{}' is not an IPv4 or IPv6 address", text);
}

std::string address_text(Bytes octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = octets.size() == 4 ? AF_INET : AF_INET6;
  if (inet_ntop(family, octets.data(), text.data(), static_cast<socklen_t>(text.size())) == nullptr)
    return "";
  return text.data();
}

// An address, an address with its mask, or octets that are neither.
std::string ip_text(Bytes octets) {
  const std::size_t half = octets.size() / 2;
  if (octets.size() == 4 || octets.size() == 16) return address_text(octets);
  if (octets.size() == 8 || octets.size() == 32)
    return address_text(octets.first(half)) + "/" + address_text(octets.subspan(half));
  return "#" + to_hex(octets);
}

// Unprintable characters and octets that are no UTF-8 as \hex pairs, so that a name stays within its line.
std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const auto c = take_code_point(text);
    if (!c) text.remove_prefix(1);
    const std::string_view octets = before.substr(0, before.size() - text.size());
    if (c && !is_unprintable(*c)) {
      out += octets;
    } else {
      for (const char octet : octets) out += fmt::format("\\{:02X}", static_cast<unsigned char>(octet));
    }
  }
  return out;
}

// "#0c0161"
Result<Buffer> hex_after_hash(std::string_view text) {
  if (!text.starts_with('#'))
    return make_error(Errc::malformed, "expected '#' and hexadecimal digits, found '{}'", text);
  return from_hex(text.substr(1));
}

// "1.2.3:#0c0161"
Result<GeneralName> other_name_from_text(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  GeneralName name;
  name.type = GeneralNameType::other_name;
  name.other_type = TRY(Oid::parse(text.substr(0, colon)));
  name.value = TRY(hex_after_hash(text.substr(std::min(colon + 1, text.size()))));
  Reader reader(name.value);
  (void)TRY(reader.next());
  TRY(reader.finish());
  return name;
}

// The value behind the prefix of from_text.
Result<GeneralName> from_prefix(std::string_view prefix, std::string_view value) {
  if (prefix == "ip" || prefix == "ip address") return GeneralName::ip(value);
  if (prefix == "upn") return GeneralName::upn(value);
  if (prefix == "othername") return other_name_from_text(value);
  if (prefix == "dirname") return GeneralName::directory(TRY(name_from_rfc4514(value)));
  if (prefix == "rid" || prefix == "registered id") {
    const Oid oid = TRY(Oid::parse(value));
    return GeneralName{GeneralNameType::registered_id, to_buffer(oid.contents()), {}};
  }
  if (prefix == "x400") return GeneralName{GeneralNameType::x400_address, TRY(hex_after_hash(value)), {}};
  if (prefix == "ediparty")
    return GeneralName{GeneralNameType::edi_party_name, TRY(hex_after_hash(value)), {}};
  const auto type = prefix == "dns"     ? GeneralNameType::dns_name
                    : prefix == "email" ? GeneralNameType::rfc822_name
                    : prefix == "uri"   ? GeneralNameType::uri
                                        : GeneralNameType::other_name;
  if (type == GeneralNameType::other_name)
    return make_error(Errc::malformed, "unknown kind of name '{}'", prefix)
        .with_hint("use DNS:, IP:, email:, URI:, UPN:, DirName:, RID: or otherName:");
  if (!is_ascii(value))
    return make_error(Errc::malformed, "the value must be ASCII")
        .with_hint("write international domain names in their xn-- form, URIs with %XX");
  return of_text(type, value);
}

}  // namespace

GeneralName GeneralName::dns(std::string_view name) { return of_text(GeneralNameType::dns_name, name); }
GeneralName GeneralName::email(std::string_view address) {
  return of_text(GeneralNameType::rfc822_name, address);
}
GeneralName GeneralName::uri(std::string_view uri) { return of_text(GeneralNameType::uri, uri); }

GeneralName GeneralName::directory(const Name& name) {
  return {GeneralNameType::directory_name, encode_name(name), {}};
}

GeneralName GeneralName::upn(std::string_view principal) {
  Writer out;
  out.string(Tag::utf8_string, principal);
  return {GeneralNameType::other_name, std::move(out).take(), oid::kMsUpn};
}

// KRB5PrincipalName ::= SEQUENCE { realm [0] Realm, principalName [1] PrincipalName }  RFC 4556 3.2.2
// PrincipalName ::= SEQUENCE { name-type [0] Int32, name-string [1] SEQUENCE OF KerberosString }  RFC
// 4120 5.2.2 KerberosString ::= GeneralString (IA5String), Realm ::= KerberosString; all tags are EXPLICIT.
GeneralName GeneralName::pkinit(std::string_view realm, const std::vector<std::string>& components) {
  constexpr std::uint64_t kNtPrincipal = 1;
  using asn1::context_constructed;
  Writer out;
  out.sequence([&] {
    out.constructed(context_constructed(0), [&] { out.string(Tag::general_string, realm); });
    out.constructed(context_constructed(1), [&] {
      out.sequence([&] {
        out.constructed(context_constructed(0), [&] { out.integer(kNtPrincipal); });
        out.constructed(context_constructed(1), [&] {
          out.sequence([&] {
            for (const std::string& component : components) out.string(Tag::general_string, component);
          });
        });
      });
    });
  });
  return {GeneralNameType::other_name, std::move(out).take(), oid::kPkinitSan};
}

Result<GeneralName> GeneralName::ip(std::string_view address) {
  return GeneralName{GeneralNameType::ip_address, TRY(address_octets(address)), {}};
}

Result<GeneralName> GeneralName::ip_range(std::string_view range) {
  const std::size_t slash = range.find('/');
  if (slash == std::string_view::npos)
    return make_error(Errc::malformed, "'{}' has no mask; write 192.0.2.0/24", range);
  Buffer octets = TRY(address_octets(range.substr(0, slash)));
  const std::string_view mask = range.substr(slash + 1);
  std::size_t bits = 0;
  const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits);
  if (error == std::errc() && end == mask.data() + mask.size()) {
    const std::size_t width = octets.size();
    if (bits > width * 8)
      return make_error(Errc::malformed, "'{}': the prefix is longer than the address", range);
    for (std::size_t i = 0; i < width; ++i, bits -= std::min<std::size_t>(bits, 8))
      octets.push_back(static_cast<std::uint8_t>(0xff00u >> std::min<std::size_t>(bits, 8)));
  } else {
    const Buffer mask_octets = TRY(address_octets(mask));
    if (mask_octets.size() != octets.size())
      return make_error(Errc::malformed, "'{}': address and mask are of different families", range);
    append(octets, mask_octets);
  }
  return GeneralName{GeneralNameType::ip_address, std::move(octets), {}};
}

Result<GeneralName> GeneralName::from_text(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon + 1 == text.size() || std::ranges::any_of(text, is_control) ||
      !is_valid_utf8(text))
    return make_error(Errc::malformed, "'{}' is not a name of the form DNS:www.example.com", printable(text));
  std::string prefix(text.substr(0, colon));
  std::ranges::transform(prefix, prefix.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return from_prefix(prefix, text.substr(colon + 1)).context("reading the name '{}'", text);
}

std::string GeneralName::to_text() const {
  switch (type) {
    case GeneralNameType::other_name:
      if (const auto principal = as_upn()) return "UPN:" + printable(*principal);
      return fmt::format("otherName:{}:#{}", other_type.dotted(), to_hex(value));
    case GeneralNameType::rfc822_name:
      return "email:" + printable(as_text(value));
    case GeneralNameType::dns_name:
      return "DNS:" + printable(as_text(value));
    case GeneralNameType::x400_address:
      return "X400:#" + to_hex(value);
    case GeneralNameType::directory_name: {
      const auto name = to_rfc4514(value);
      return "DirName:" + (name ? *name : "#" + to_hex(value));
    }
    case GeneralNameType::edi_party_name:
      return "EdiParty:#" + to_hex(value);
    case GeneralNameType::uri:
      return "URI:" + printable(as_text(value));
    case GeneralNameType::ip_address:
      return "IP:" + ip_text(value);
    case GeneralNameType::registered_id: {
      const auto oid = Oid::from_contents(value);
      return "RID:" + (oid ? oid->dotted() : "#" + to_hex(value));
    }
  }
  return "";
}

std::optional<std::string> GeneralName::as_upn() const {
  if (type != GeneralNameType::other_name || other_type != oid::kMsUpn) return std::nullopt;
  Reader reader(value);
  const auto contents = reader.expect(Tag::utf8_string);
  if (!contents || contents->empty() || !reader.at_end()) return std::nullopt;
  const std::string_view principal = as_text(*contents);
  if (!is_valid_utf8(principal) || std::ranges::any_of(principal, is_control)) return std::nullopt;
  return std::string(principal);
}

Result<GeneralName> parse_general_name(Reader& reader) { return parse_choice(reader, Use::name); }
Result<GeneralName> parse_general_name_of_constraint(Reader& reader) {
  return parse_choice(reader, Use::constraint);
}

void encode_general_name(Writer& out, const GeneralName& name) {
  const Tag tag = tag_of(name.type);
  if (name.type != GeneralNameType::other_name) return out.primitive(tag, name.value);
  out.constructed(tag, [&] {
    out.oid(name.other_type);
    out.constructed(asn1::context_constructed(0), [&] { out.raw(name.value); });
  });
}

Result<std::vector<GeneralName>> parse_general_names(Reader contents) {
  if (contents.at_end()) return make_error(Errc::malformed, "GeneralNames without a name");
  std::vector<GeneralName> names;
  while (!contents.at_end()) {
    if (names.size() == kMaxGeneralNames)
      return make_error(Errc::limit_exceeded, "more than {} general names", kMaxGeneralNames);
    names.push_back(TRY(parse_general_name(contents).context("reading general name {}", names.size() + 1)));
  }
  return names;
}

Result<std::vector<GeneralName>> parse_general_names(Bytes der) {
  const Reader contents = TRY(asn1::whole_sequence(der));
  return parse_general_names(contents);
}

void encode_general_names_contents(Writer& out, const std::vector<GeneralName>& names) {
  for (const GeneralName& name : names) encode_general_name(out, name);
}

Buffer encode_general_names(const std::vector<GeneralName>& names) {
  Writer out;
  out.sequence([&] { encode_general_names_contents(out, names); });
  return std::move(out).take();
}

}  // namespace vouch::x509
