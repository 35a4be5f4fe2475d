#include "x509/crl.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return parse_time(text).value(); }

std::vector<CrlEntryView> entries_of(const CrlView& crl) {
  std::vector<CrlEntryView> out;
  for (CrlEntryReader reader(crl.entries); !reader.at_end();) out.push_back(reader.next().value());
  return out;
}

TEST(ParseCrl, ReadsEveryFieldThatOpensslPrints) {
  const Buffer der = test_der("crl.pem");
  const auto crl = parse_crl(der);
  ASSERT_TRUE(crl) << crl.error().report();
  EXPECT_EQ(crl->version, 2u);
  EXPECT_EQ(to_rfc4514(crl->issuer).value(), "CN=Test Root,O=Contoso\\, Ltd,C=DE");
  EXPECT_EQ(crl->this_update, at("2026-01-02T04:00:00Z"));
  EXPECT_EQ(crl->next_update, at("2026-01-09T04:00:00Z"));
  EXPECT_EQ(crl->signature_algorithm.algorithm, oid::kEcdsaWithSha256);
  EXPECT_EQ(to_hex(parse_crl_number(crl->find(oid::kCrlNumber)->value).value()), "1f42");
  EXPECT_EQ(crl->extensions.size(), 2u);
  EXPECT_TRUE(crl->entries_present);
}

TEST(ParseCrl, WalksTheEntries) {
  const Buffer der = test_der("crl.pem");
  const auto crl = parse_crl(der).value();
  const auto entries = entries_of(crl);
  ASSERT_EQ(entries.size(), 5u);

  EXPECT_EQ(serial_to_text(entries[0].serial), "01");
  EXPECT_EQ(entries[0].revoked_at, at("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(entries[0].extensions_der.empty());
  EXPECT_FALSE(parse_crl_entry_extensions(entries[0].extensions_der).value().reason);

  EXPECT_EQ(serial_to_text(entries[1].serial), "7f");
  EXPECT_EQ(parse_crl_entry_extensions(entries[1].extensions_der).value().reason,
            CrlReason::certificate_hold);

  EXPECT_EQ(to_hex(entries[3].serial), "00fedcba9876543210");
  const auto extensions = parse_crl_entry_extensions(entries[3].extensions_der).value();
  EXPECT_EQ(extensions.reason, CrlReason::key_compromise);
  EXPECT_EQ(extensions.invalidity_date, at("2025-12-31T23:59:59Z"));
  EXPECT_FALSE(extensions.unknown_critical);

  EXPECT_EQ(serial_to_text(entries[4].serial), "100000000000000000000000000000000000001f");
}

TEST(ParseCrl, KnowsAnAbsentListFromAnEmptyOne) {
  const Buffer der = test_der("crl-empty.pem");
  const auto crl = parse_crl(der);
  ASSERT_TRUE(crl) << crl.error().report();
  EXPECT_FALSE(crl->entries_present);
  EXPECT_TRUE(entries_of(*crl).empty());
  EXPECT_EQ(crl->next_update, at("2051-01-09T04:00:00Z"));
}

// A CRL by hand.
Buffer crl_of(std::string_view version, std::string_view times, std::string_view rest) {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      for (const std::string_view part : {version, std::string_view("300506032b65703000"), times, rest})
        out.raw(hex(part));
    });
    out.raw(hex("300506032b657003020001"));
  });
  return std::move(out).take();
}
constexpr std::string_view kThisUpdate = "170d3236303130313030303030305a";
constexpr std::string_view kExtensions = "a00e300c300a0603551d140403020101";

// RFC 5280 5.1.2.6 forbids to make an empty list; it is read all the same.
TEST(ParseCrl, ReadsVersionOneAndAnEmptyList) {
  const Buffer der = crl_of("", kThisUpdate, "3000");
  const auto crl = parse_crl(der);
  ASSERT_TRUE(crl) << crl.error().report();
  EXPECT_EQ(crl->version, 1u);
  EXPECT_FALSE(crl->next_update);
  EXPECT_TRUE(crl->entries_present);
  EXPECT_TRUE(crl->entries.empty());
}

struct Refused {
  std::string name, version, times, rest, says;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }
class RefusedCrlTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedCrlTest, SaysWhatIsWrong) {
  ASSERT_TRUE(parse_crl(crl_of("020101", kThisUpdate, kExtensions)));
  const auto crl = parse_crl(crl_of(GetParam().version, GetParam().times, GetParam().rest));
  ASSERT_FALSE(crl);
  EXPECT_THAT(crl.error().summary(), HasSubstr("reading a CRL: reading tbsCertList"));
  EXPECT_THAT(crl.error().summary(), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Crl, RefusedCrlTest,
    testing::Values(
        Refused{"EncodedVersionOne", "020100", std::string(kThisUpdate), "", "only 1 (v2) may stand"},
        Refused{"VersionThree", "020102", std::string(kThisUpdate), "", "only 1 (v2) may stand"},
        Refused{"NoThisUpdate", "020101", "", "", "reading thisUpdate"},
        Refused{"ThirdTime", "020101",
                std::string(kThisUpdate) + std::string(kThisUpdate) + std::string(kThisUpdate), "",
                "unexpected element"},
        Refused{"EmptyExtensions", "020101", std::string(kThisUpdate), "a0023000", "reading crlExtensions"},
        Refused{"ExtensionsBeforeEntries", "020101", std::string(kThisUpdate),
                std::string(kExtensions) + "3000", "unexpected element"},
        Refused{"ExtensionsWithMore", "020101", std::string(kThisUpdate),
                "a010300c300a0603551d1404030201010500", "reading crlExtensions"}),
    [](const auto& test) { return test.param.name; });

TEST(CrlEntryReader, SaysWhichEntryIsWrong) {
  const Buffer entries =
      hex("3012020101170d3236303130313030303030305a"
          "3012020101180d3236303130313030303030305a");
  CrlEntryReader reader(entries);
  ASSERT_TRUE(reader.next());
  const auto entry = reader.next();
  ASSERT_FALSE(entry);
  EXPECT_THAT(entry.error().summary(), HasSubstr("ends at offset 40"));
}

TEST(CrlEntryExtensions, SayWhenSomethingUnknownIsCritical) {
  // 1.2.3 critical; certificateIssuer with a directoryName.
  const auto unknown = parse_crl_entry_extensions(hex("300d300b06022a030101ff04020500"));
  ASSERT_TRUE(unknown) << unknown.error().report();
  EXPECT_TRUE(unknown->unknown_critical);
  const auto issuer =
      parse_crl_entry_extensions(hex("3014"
                                     "3012"
                                     "0603551d1d"
                                     "0101ff"
                                     "0408"
                                     "3006"
                                     "a4043002"
                                     "3100"));
  EXPECT_FALSE(issuer && issuer->certificate_issuer.empty());
  EXPECT_FALSE(parse_crl_entry_extensions(hex("300c300a0603551d1504030a0107")));  // reason 7 is not used
}

TEST(AppendCrlEntry, GivesTheOctetsOfOpensslsEntries) {
  const Buffer der = test_der("crl.pem");
  const auto crl = parse_crl(der).value();
  Buffer out;
  for (const CrlEntryView& entry : entries_of(crl)) {
    const auto extensions = parse_crl_entry_extensions(entry.extensions_der).value();
    append_crl_entry(out, {serial_octets(entry.serial), entry.revoked_at,
                           extensions.reason.value_or(CrlReason::unspecified), extensions.invalidity_date});
  }
  EXPECT_EQ(to_hex(out), to_hex(crl.entries));
}

TEST(AppendCrlEntry, LeavesUnspecifiedOutAndWritesLateTimesAsGeneralizedTime) {
  Buffer out;
  const Buffer serial = hex("ff");
  append_crl_entry(out, {serial, at("2050-01-01"), CrlReason::unspecified, {}});
  EXPECT_EQ(to_hex(out),
            "3015"
            "020200ff"
            "180f32303530303130313030303030305a");
}

TEST(AppendCrlEntry, GrowsOnlyTheBuffer) {
  Buffer out;
  out.reserve(1000);
  const std::uint8_t* before = out.data();
  const Buffer serial = hex("0102030405060708090a0b0c0d0e0f101112");
  for (int i = 0; i < 10; ++i) append_crl_entry(out, {serial, at("2026-01-01"), CrlReason::superseded, {}});
  EXPECT_EQ(out.data(), before);
}

// head + entries + extensions of a parsed CRL.
Buffer rebuild(const CrlView& crl) {
  CrlFields fields{parse_signature_algorithm(crl.tbs_signature).value(),
                   crl.issuer,
                   crl.this_update,
                   *crl.next_update,
                   {}};
  for (const ExtensionView& extension : crl.extensions)
    fields.extensions.push_back(make_extension(extension.id, extension.critical, to_buffer(extension.value)));
  const Buffer extensions = encode_crl_extensions(fields);
  Buffer tbs = encode_crl_head(fields, crl.entries.size(), extensions.size());
  EXPECT_LE(tbs.size(), crl_head_bound(fields));
  append(tbs, crl.entries);
  append(tbs, extensions);
  return tbs;
}

TEST(EncodeCrl, PiecesGiveTheOctetsOfOpensslsAndCerttoolsCrls) {
  for (const char* file : {"crl.pem", "crl-empty.pem", "crl-certtool.pem"}) {
    const Buffer der = test_der(file);
    const auto crl = parse_crl(der);
    ASSERT_TRUE(crl) << file << crl.error().report();
    const Buffer tbs = rebuild(*crl);
    EXPECT_EQ(to_hex(tbs), to_hex(crl->tbs)) << file;
    EXPECT_EQ(to_hex(encode_certificate(tbs, crl->signature_algorithm.whole, crl->signature)), to_hex(der))
        << file;
  }
}

TEST(EncodeCrl, HeadStaysWithinItsBoundForEverySize) {
  const Buffer issuer = hex("3000");
  CrlFields fields{SignatureAlgorithm::rsa_pss_sha512, issuer, at("2055-01-01"), at("2056-01-01"), {}};
  EXPECT_TRUE(encode_crl_extensions(fields).empty());
  for (std::size_t entries : {std::size_t{0}, std::size_t{1}, std::size_t{127}, std::size_t{128},
                              std::size_t{1} << 16, std::size_t{1} << 24, std::size_t{1} << 31})
    EXPECT_LE(encode_crl_head(fields, entries, 100).size(), crl_head_bound(fields));
}

}  // namespace
}  // namespace vouch::x509
