#pragma once
// GeneralName (RFC 5280 4.2.1.6) and the otherNames that Windows and Kerberos log on with.

#include <optional>
#include <string>
#include <vector>

#include "x509/name.hpp"

namespace vouch::x509 {

// The context tag numbers of the CHOICE.
enum class GeneralNameType : std::uint8_t {
  other_name = 0,
  rfc822_name = 1,
  dns_name = 2,
  x400_address = 3,
  directory_name = 4,
  edi_party_name = 5,
  uri = 6,
  ip_address = 7,
  registered_id = 8,
};

struct GeneralName {
  GeneralNameType type{};
  // rfc822Name, dNSName, URI: the IA5 text. iPAddress: the octets (with mask in name constraints).
  // directoryName: the DER of the Name. otherName: the DER of the value inside its [0].
  // registeredID: the contents octets. x400Address, ediPartyName: contents octets as they came.
  Buffer value;
  Oid other_type;  // otherName only

  static GeneralName dns(std::string_view name);
  static GeneralName email(std::string_view address);
  static GeneralName uri(std::string_view uri);
  static GeneralName directory(const Name& name);
  static GeneralName upn(std::string_view principal);  // otherName 1.3.6.1.4.1.311.20.2.3, UTF8String
  // id-pkinit-san (RFC 4556 3.2.2): KRB5PrincipalName of a user or host, name type NT-PRINCIPAL.
  static GeneralName pkinit(std::string_view realm, const std::vector<std::string>& components);
  // "192.0.2.1", "2001:db8::1". Fails with `malformed`.
  static Result<GeneralName> ip(std::string_view address);
  // For name constraints only: "192.0.2.0/24", "192.0.2.0/255.255.255.0", "2001:db8::/32". Fails with
  // `malformed`.
  static Result<GeneralName> ip_range(std::string_view range);
  // "DNS:www.example.com", "IP:…", "email:…", "URI:…", "UPN:…", "RID:…", "DirName:CN=…" (openssl's prefixes,
  // any case), "otherName:OID:#hex", "X400:#hex", "EdiParty:#hex". Fails with `malformed`: unknown prefix, no
  // text, control characters, and anything but ASCII where the standard wants IA5.
  static Result<GeneralName> from_text(std::string_view text);

  // The same form, for people: "DNS:www.example.com", "UPN:alice@corp.example", "otherName:1.2.3:#0c02…".
  // from_text gives the same name back, unless it holds control characters, which print as \hex pairs.
  std::string to_text() const;
  // The principal, when this is an otherName UPN whose value is a UTF8String, the type Windows writes; not
  // empty and without control characters, since this is what people log on with.
  std::optional<std::string> as_upn() const;
  bool operator==(const GeneralName&) const = default;
};

// One GeneralName at the reader. Checks IA5 characters, the Name of a directoryName, and the 4 or 16 octets
// of an address.
Result<GeneralName> parse_general_name(asn1::Reader& reader);
// Like it, for the base of a name constraint, where an address is 8 or 32 octets: with its mask (4.2.1.10).
Result<GeneralName> parse_general_name_of_constraint(asn1::Reader& reader);
void encode_general_name(asn1::Writer& out, const GeneralName& name);
// GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName. At most 4,096 names.
Result<std::vector<GeneralName>> parse_general_names(Bytes der);
// The contents of that SEQUENCE, for fields that have it under a tag of their own.
Result<std::vector<GeneralName>> parse_general_names(asn1::Reader contents);
void encode_general_names_contents(asn1::Writer& out, const std::vector<GeneralName>& names);
Buffer encode_general_names(const std::vector<GeneralName>& names);

}  // namespace vouch::x509
