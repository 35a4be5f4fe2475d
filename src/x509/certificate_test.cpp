#include "x509/certificate.hpp"

#include <gmock/gmock.h>

#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return parse_time(text).value(); }

std::string issuer_text(const CertificateView& view) { return to_rfc4514(view.issuer).value(); }
std::string subject_text(const CertificateView& view) { return to_rfc4514(view.subject).value(); }

TEST(ParseCertificate, ReadsEveryFieldThatOpensslPrints) {
  const Buffer der = test_der("server.pem");
  const auto view = parse_certificate(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(view->version, 3u);
  EXPECT_EQ(to_hex(view->serial), "00fedcba9876543210fedcba9876543210fedcba98");
  EXPECT_EQ(serial_to_text(view->serial), "fedcba9876543210fedcba9876543210fedcba98");
  EXPECT_EQ(issuer_text(*view), "CN=Test Root,O=Contoso\\, Ltd,C=DE");
  EXPECT_EQ(subject_text(*view), "CN=www.example.com,OU=Größe,O=Contoso\\, Ltd,DC=corp,DC=example");
  EXPECT_EQ(view->not_before, at("2026-11-23T04:34:44Z"));
  EXPECT_EQ(view->not_after, at("2027-12-28T04:34:44Z"));
  EXPECT_EQ(view->tbs_signature.algorithm, oid::kEcdsaWithSha256);
  EXPECT_EQ(view->signature_algorithm.algorithm, oid::kEcdsaWithSha256);
  EXPECT_EQ(parse_public_key_info(view->public_key_info).value().bits, 2048u);
  EXPECT_EQ(view->extensions.size(), 12u);
  EXPECT_FALSE(view->issuer_unique_id);
  EXPECT_EQ(to_hex(view->signature).substr(0, 20), "3045022100fd1066a207");
}

TEST(ParseCertificate, PointsIntoTheDerItWasGiven) {
  const Buffer der = test_der("server.pem");
  const auto view = parse_certificate(der).value();
  const auto inside = [&](Bytes part) {
    return part.data() >= der.data() && part.data() + part.size() <= der.data() + der.size();
  };
  EXPECT_EQ(view.whole.data(), der.data());
  EXPECT_EQ(read_serial(der).value().data(), view.serial.data());
  for (const Bytes part : {view.tbs, view.serial, view.issuer, view.subject, view.public_key_info,
                           view.extensions_der, view.signature, view.signature_algorithm.whole})
    EXPECT_TRUE(inside(part));
  // tbs is the whole TLV right behind the outer header of four octets.
  EXPECT_EQ(view.tbs.data(), der.data() + 4);
}

TEST(ParseCertificate, FindsExtensionsByTheirIdentifier) {
  const Buffer der = test_der("server.pem");
  const auto view = parse_certificate(der).value();
  const ExtensionView* usage = view.find(oid::kKeyUsage);
  ASSERT_NE(usage, nullptr);
  EXPECT_TRUE(usage->critical);
  EXPECT_EQ(parse_key_usage(usage->value).value(), digital_signature | key_encipherment);
  EXPECT_EQ(view.find(oid::kCrlNumber), nullptr);
}

TEST(ParseCertificate, ReadsVersionOneWithoutVersionAndExtensions) {
  const Buffer der = test_der("v1.pem");
  const auto view = parse_certificate(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(view->version, 1u);
  EXPECT_TRUE(view->extensions.empty());
  EXPECT_TRUE(view->extensions_der.empty());
  EXPECT_EQ(view->tbs_signature.algorithm, oid::kSha384WithRsa);
}

TEST(ParseCertificate, ReadsEmptyNamesSerialZeroAndGeneralizedTime) {
  const Buffer der = test_der("ed25519.pem");
  const auto view = parse_certificate(der);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_EQ(to_hex(view->subject), "3000");
  EXPECT_EQ(serial_to_text(view->serial), "00");
  EXPECT_GT(view->not_after, at("2050-01-01"));
  EXPECT_EQ(view->tbs_signature.algorithm, oid::kEd25519);
}

// A minimal certificate by hand, with places to damage.
struct Parts {
  std::string version = "a003020102";
  std::string serial = "020101";
  std::string algorithm = "300506032b6570";
  std::string issuer = "3000";
  std::string validity = "301e170d3236303130313030303030305a170d3237303130313030303030305a";
  std::string subject = "300c310a300806035504030c0141";
  std::string key = "300a300506032b6570030100";
  std::string tail;  // unique identifiers and extensions
  std::string outer_algorithm = "300506032b6570";
  std::string signature = "0303000102";
};

Buffer build(const Parts& parts) {
  asn1::Writer out;
  out.sequence([&] {
    out.sequence([&] {
      for (const auto* part : {&parts.version, &parts.serial, &parts.algorithm, &parts.issuer,
                               &parts.validity, &parts.subject, &parts.key, &parts.tail})
        out.raw(hex(*part));
    });
    out.raw(hex(parts.outer_algorithm));
    out.raw(hex(parts.signature));
  });
  return std::move(out).take();
}

struct Refused {
  std::string name;
  void (*damage)(Parts&);
  std::string says;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

class RefusedCertificateTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedCertificateTest, SaysWhatIsWrongAndWhere) {
  Parts parts;
  ASSERT_TRUE(parse_certificate(build(parts)));
  GetParam().damage(parts);
  const auto view = parse_certificate(build(parts));
  ASSERT_FALSE(view);
  EXPECT_THAT(view.error().summary(), HasSubstr(GetParam().says));
  EXPECT_THAT(view.error().summary(), HasSubstr("reading a certificate"));
}

INSTANTIATE_TEST_SUITE_P(
    Certificate, RefusedCertificateTest,
    testing::Values(
        Refused{"EncodedDefaultVersion", [](Parts& p) { p.version = "a003020100"; },
                "v1 is the default, yet encoded"},
        Refused{"Version4", [](Parts& p) { p.version = "a003020103"; }, "version v4 is not known"},
        Refused{"NegativeVersion", [](Parts& p) { p.version = "a0030201ff"; },
                "reading version: DER at offset"},
        Refused{"MoreThanAVersion", [](Parts& p) { p.version = "a006020102020102"; }, "reading version"},
        Refused{"NoSerial", [](Parts& p) { p.serial = ""; }, "reading serialNumber"},
        Refused{"SerialWithSpareZero", [](Parts& p) { p.serial = "02020001"; }, "INTEGER not minimal"},
        Refused{"EmptySerial", [](Parts& p) { p.serial = "0200"; }, "empty INTEGER"},
        Refused{"NameThatIsASet", [](Parts& p) { p.issuer = "3100"; }, "reading issuer"},
        Refused{"EmptyRdn", [](Parts& p) { p.subject = "30023100"; }, "reading subject"},
        Refused{"AttributeWithoutValue", [](Parts& p) { p.subject = "3009310730050603550403"; },
                "reading subject"},
        Refused{
            "DayThatIsNone",
            [](Parts& p) { p.validity = "301e170d3236303233303030303030305a170d3237303130313030303030305a"; },
            "reading notBefore: DER at offset"},
        Refused{"TimeWithoutSeconds",
                [](Parts& p) { p.validity = "301c170b323630313031303030305a170d3237303130313030303030305a"; },
                "UTCTime is not YYMMDDHHMMSSZ"},
        Refused{"ThreeTimes",
                [](Parts& p) {
                  p.validity =
                      "302d170d3236303130313030303030305a170d3237303130313030303030305a170d323730313031303030"
                      "3030305a";
                },
                "reading validity"},
        Refused{"KeyThatIsNoBitString", [](Parts& p) { p.key = "300a300506032b6570040100"; },
                "reading subjectPublicKeyInfo"},
        Refused{"EmptyExtensions", [](Parts& p) { p.tail = "a3023000"; }, "reading extensions"},
        Refused{"ExtensionTwice",
                [](Parts& p) {
                  p.tail =
                      "a3163014"
                      "3008"
                      "0603551d13"
                      "0401"
                      "00"
                      "3008"
                      "0603551d13"
                      "0401"
                      "00";
                },
                "reading extensions"},
        Refused{"ExtensionsBeforeUniqueId",
                [](Parts& p) {
                  p.tail =
                      "a30c300a3008"
                      "0603551d13"
                      "040100"
                      "81020041";
                },
                "unexpected element after the last field"},
        Refused{"UnknownField", [](Parts& p) { p.tail = "a4023000"; },
                "unexpected element after the last field"},
        Refused{"PaddedUniqueId", [](Parts& p) { p.tail = "81020141"; }, "reading issuerUniqueID"},
        Refused{"SignatureOfSevenBits", [](Parts& p) { p.signature = "0302017e"; },
                "not a whole number of octets"},
        Refused{"NoSignature", [](Parts& p) { p.signature = ""; }, "reading the signature"},
        Refused{"SomethingAfterTheSignature", [](Parts& p) { p.signature += "0500"; }, "unexpected element"}),
    [](const auto& test) { return test.param.name; });

TEST(ParseCertificate, ReadsUniqueIdentifiers) {
  Parts parts;
  parts.tail =
      "81020041"
      "82020180"
      "a30c300a30080603551d13040100";
  const Buffer der = build(parts);
  const auto view = parse_certificate(der);
  ASSERT_TRUE(view) << view.error().report();
  ASSERT_TRUE(view->issuer_unique_id && view->subject_unique_id);
  EXPECT_EQ(to_hex(view->issuer_unique_id->octets), "41");
  EXPECT_EQ(view->subject_unique_id->unused_bits, 1);
  EXPECT_EQ(view->extensions.size(), 1u);
}

TEST(ParseCertificate, LeavesJudgementToOthers) {
  // Algorithms that differ, a negative serial of 21 octets, extensions in version 1: all of it is form.
  Parts parts;
  parts.version = "";
  parts.serial = "0215" + std::string(42, '8');
  parts.outer_algorithm = "300a06082a8648ce3d040302";
  parts.tail = "a30c300a30080603551d13040100";
  const auto view = parse_certificate(build(parts));
  EXPECT_TRUE(view) << view.error().report();
}

TEST(ParseCertificate, RefusesWhatFollowsTheCertificate) {
  Buffer der = test_der("root.pem");
  der.push_back(0);
  EXPECT_FALSE(parse_certificate(der));
}

TEST(ParseCertificate, RefusesMoreThanOneMebibyteBeforeLookingIn) {
  const Buffer der((std::size_t{1} << 20) + 1, 0x30);
  const auto view = parse_certificate(der);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code(), Errc::limit_exceeded);
}

TEST(ParseTbsCertificate, ReadsWhatIsToBeSigned) {
  const Buffer der = test_der("server.pem");
  const auto whole = parse_certificate(der).value();
  const auto view = parse_tbs_certificate(whole.tbs);
  ASSERT_TRUE(view) << view.error().report();
  EXPECT_TRUE(equal(view->subject, whole.subject));
  EXPECT_TRUE(view->signature.empty() && view->whole.empty());
  EXPECT_FALSE(parse_tbs_certificate(der));
}

class RebuildTest : public testing::TestWithParam<std::string> {};

TEST_P(RebuildTest, TheTemplateGivesTheSameOctets) {
  const Buffer der = test_der(GetParam());
  const auto view = parse_certificate(der).value();
  // Half of the extensions fixed, half per certificate.
  std::vector<Extension> fixed;
  Buffer varying;
  for (std::size_t i = 0; const ExtensionView& extension : view.extensions) {
    const Extension copy = make_extension(extension.id, extension.critical, to_buffer(extension.value));
    if (i++ < view.extensions.size() / 2)
      append(varying, encode_extension(copy));
    else
      fixed.push_back(copy);
  }
  const TbsTemplate tbs_template(parse_signature_algorithm(view.tbs_signature).value(), view.issuer, fixed);
  const Buffer tbs = tbs_template.fill({.serial = serial_octets(view.serial),
                                        .not_before = view.not_before,
                                        .not_after = view.not_after,
                                        .subject = view.subject,
                                        .public_key_info = view.public_key_info,
                                        .extensions = varying});
  EXPECT_EQ(to_hex(tbs), to_hex(view.tbs));
  EXPECT_EQ(tbs.size(), tbs.capacity()) << "more than one allocation, or one too large";
  EXPECT_EQ(to_hex(encode_certificate(tbs, view.signature_algorithm.whole, view.signature)), to_hex(der));
}

INSTANTIATE_TEST_SUITE_P(Certificates, RebuildTest,
                         testing::Values("root.pem", "server.pem", "ed25519.pem", "microsoft.pem"),
                         [](const auto& test) { return test.param.substr(0, test.param.find('.')); });

TEST(TbsTemplate, WritesSerialsAsPositiveIntegers) {
  const TbsTemplate tbs_template(SignatureAlgorithm::ed25519, hex("3000"), {});
  const auto serial_of = [&](std::string_view serial) {
    const Buffer octets = hex(serial);
    const Buffer name = hex("3000"), key = hex("300a300506032b6570030100");
    const Buffer tbs = tbs_template.fill({octets, at("2026-01-01"), at("2027-01-01"), name, key, {}});
    return to_hex(parse_tbs_certificate(tbs).value().serial);
  };
  EXPECT_EQ(serial_of("7f"), "7f");
  EXPECT_EQ(serial_of("80"), "0080");
  EXPECT_EQ(serial_of("000001"), "01");
  EXPECT_EQ(serial_of("00"), "00");
}

TEST(TbsTemplate, WritesTimesAfter2049AsGeneralizedTime) {
  const TbsTemplate tbs_template(SignatureAlgorithm::ed25519, hex("3000"), {});
  const Buffer serial = hex("01"), name = hex("3000"), key = hex("300a300506032b6570030100");
  const Buffer tbs = tbs_template.fill({serial, at("2049-12-31T23:59:59Z"), at("2050-01-01"), name, key, {}});
  const std::string text(as_text(tbs));
  EXPECT_THAT(text, HasSubstr("\x17\x0d"
                              "491231235959Z\x18\x0f"
                              "20500101000000Z"));
  // Without any extension the field is left out: Extensions has at least one.
  EXPECT_TRUE(parse_tbs_certificate(tbs).value().extensions_der.empty());
}

TEST(Serial, IsReadAsPeopleAndProgramsWriteIt) {
  for (const char* text : {"0A1b", "0a:1B", "0a 1b", "A1B", "00000a1b"})
    EXPECT_EQ(to_hex(serial_from_text(text).value()), "0a1b") << text;
  EXPECT_EQ(to_hex(serial_from_text("0").value()), "00");
}

TEST(Serial, RefusesWhatIsNoNumber) {
  for (const char* text : {"", ":", "0x10", "12g4", "-1", "1\x1b[2J"}) {
    const auto serial = serial_from_text(text);
    ASSERT_FALSE(serial) << text;
    EXPECT_EQ(serial.error().code(), Errc::malformed);
    EXPECT_EQ(serial.error().summary().find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(serial_from_text(std::string(3000, '1')).error().code(), Errc::limit_exceeded);
}

TEST(Serial, OctetsHaveNoLeadingZeroAndZeroIsOneOctet) {
  EXPECT_EQ(to_hex(serial_octets(hex("0080"))), "80");
  EXPECT_EQ(to_hex(serial_octets(hex("7f"))), "7f");
  EXPECT_EQ(to_hex(serial_octets(hex("00"))), "00");
  EXPECT_TRUE(equal(serial_octets(hex("00")), serial_from_text("0000").value()));
}

}  // namespace
}  // namespace vouch::x509
