// Extensions of CRLs and of their entries: RFC 5280 5.2 and 5.3.
#include <algorithm>
#include <array>
#include <utility>

#include "x509/extension_codec.hpp"
#include "x509/extensions.hpp"

namespace vouch::x509 {

using asn1::Reader;
using asn1::Writer;

// RFC 5280 5.2.3, 5.2.4
//   CRLNumber, BaseCRLNumber ::= INTEGER (0..MAX)

namespace {
constexpr std::size_t kMaxNumberOctets =
    20;  // 5.2.3: longer ones must not be issued, and need not be understood
}  // namespace

Result<Bytes> parse_crl_number(Bytes value) {
  return read_extension("CRL number", value, [](Reader& reader) -> Result<Bytes> {
    Bytes number = TRY(reader.expect_integer());
    if (number[0] & 0x80) return make_error(Errc::malformed, "the number is negative");
    if (number.size() > 1 && number[0] == 0) number = number.subspan(1);
    if (number.size() > kMaxNumberOctets)
      return make_error(Errc::limit_exceeded, "a number of {} octets, at most {} are allowed", number.size(),
                        kMaxNumberOctets);
    return number;
  });
}

Buffer encode_crl_number(std::uint64_t number) {
  return written([&](Writer& out) { out.integer(number); });
}

Buffer encode_crl_number(Bytes number) {
  return written([&](Writer& out) { out.unsigned_integer(number); });
}

// RFC 5280 5.3.1: 7 is not used
//   CRLReason ::= ENUMERATED { unspecified (0), keyCompromise (1), …, aACompromise (10) }

namespace {

constexpr std::pair<CrlReason, std::string_view> kReasons[] = {
    {CrlReason::unspecified, "unspecified"},
    {CrlReason::key_compromise, "keyCompromise"},
    {CrlReason::ca_compromise, "cACompromise"},
    {CrlReason::affiliation_changed, "affiliationChanged"},
    {CrlReason::superseded, "superseded"},
    {CrlReason::cessation_of_operation, "cessationOfOperation"},
    {CrlReason::certificate_hold, "certificateHold"},
    {CrlReason::remove_from_crl, "removeFromCRL"},
    {CrlReason::privilege_withdrawn, "privilegeWithdrawn"},
    {CrlReason::aa_compromise, "aACompromise"},
};

// "key_compromise", "key-compromise" and "KeyCompromise" are spellings of the same word.
std::string letters_of(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (c == '_' || c == '-') continue;
    letters.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  return letters;
}

}  // namespace

std::string_view to_string(CrlReason reason) {
  const auto found = std::ranges::find(kReasons, reason, &std::pair<CrlReason, std::string_view>::first);
  return found == std::end(kReasons) ? "unknown" : found->second;
}

Result<CrlReason> crl_reason_from_name(std::string_view name_or_number) {
  const std::string wanted = letters_of(name_or_number);
  for (const auto& [reason, name] : kReasons)
    if (wanted == letters_of(name) || wanted == fmt::format("{}", std::to_underlying(reason))) return reason;
  std::string names;
  for (const auto& [reason, name] : kReasons) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  return make_error(Errc::not_found, "no revocation reason is called '{}'", name_or_number)
      .with_hint("use one of " + names);
}

Result<CrlReason> parse_reason_code(Bytes value) {
  return read_extension("reason code", value, [](Reader& reader) -> Result<CrlReason> {
    const Bytes contents = TRY(reader.expect(asn1::Tag::enumerated));
    for (const auto& [reason, name] : kReasons)
      if (contents.size() == 1 && contents[0] == std::to_underlying(reason)) return reason;
    return make_error(Errc::malformed, "0x{} is no revocation reason",
                      to_hex(contents.first(std::min<std::size_t>(contents.size(), 8))));
  });
}

Buffer encode_reason_code(CrlReason reason) {
  return written([&](Writer& out) { out.enumerated(std::to_underlying(reason)); });
}

// InvalidityDate ::= GeneralizedTime (5.3.2); ExpiredCertsOnCRL ::= GeneralizedTime (X.509 9.5.2.8)

Result<Time> parse_invalidity_date(Bytes value) {
  return read_extension("invalidity date", value,
                        [](Reader& reader) { return reader.expect_generalized_time(); });
}

Buffer encode_invalidity_date(Time time) {
  return written([&](Writer& out) { out.generalized_time(time); });
}

}  // namespace vouch::x509
