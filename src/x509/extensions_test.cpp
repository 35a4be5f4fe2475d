#include "x509/extensions.hpp"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "x509/extension_codecs.hpp"
#include "x509/test_messages.hpp"

namespace vouch::x509 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Values that openssl 3.0 made: `openssl req -x509 -config F -extensions ext`, with the line of F beside
// each, cut out of the certificate.
namespace made_by_openssl {
// `openssl req -new -reqexts ext`, the value of its extension request:
// basicConstraints=critical,CA:TRUE,pathlen:3, keyUsage=digitalSignature,keyCertSign,cRLSign,decipherOnly
const char* const kExtensions = "302230120603551d130101ff040830060101ff020103300c0603551d0f04050303078680";
// basicConstraints=critical,CA:TRUE,pathlen:3
const char* const kBasicConstraints = "30060101ff020103";
// keyUsage=critical,digitalSignature,keyCertSign,cRLSign,decipherOnly
const char* const kKeyUsage = "0303078680";
// subjectKeyIdentifier=hash
const char* const kSubjectKeyIdentifier = "041445154b1a23a5801e82c9da6da3be236164774d66";
// authorityKeyIdentifier=keyid:always,issuer:always
const char* const kAuthorityKeyIdentifier =
    "3032801445154b1a23a5801e82c9da6da3be236164774d66a110a40e300c310a300806035504030c017882081234567890abcde"
    "f";
// extendedKeyUsage=serverAuth,clientAuth,1.3.6.1.4.1.311.20.2.2
const char* const kExtendedKeyUsage = "302006082b0601050507030106082b06010505070302060a2b060104018237140202";
// certificatePolicies=2.23.140.1.2.2,@pol with policyIdentifier=1.3.6.1.4.1.99999.1,
// CPS.1=http://example.com/cps, userNotice.1=@n: explicitText=UTF8:Für alle, organization=Contoso,
// noticeNumbers=1,2
const char* const kCertificatePolicies =
    "30693008060667810c010202305d06092b06010401868d1f013050302206082b060105050702011616687474703a2f2f6578616d"
    "706c652e"
    "636f6d2f637073302a06082b06010505070202301e30111a07436f6e746f736f30060201010201020c0946c3bc7220616c6c65";
// policyMappings=1.2.3.4:1.2.3.5,1.2.3.6:1.2.3.7
const char* const kPolicyMappings = "3018300a06032a030406032a0305300a06032a030606032a0307";
// policyConstraints=requireExplicitPolicy:3,inhibitPolicyMapping:0
const char* const kPolicyConstraints = "3006800103810100";
// inhibitAnyPolicy=2
const char* const kInhibitAnyPolicy = "020102";
// nameConstraints=permitted;DNS:.example.com,permitted;IP:192.0.2.0/255.255.255.0,excluded;email:example.org,
// permitted;IP:2001:db8::/ffff:ffff::
const char* const kNameConstraints =
    "3053a040300e820c2e6578616d706c652e636f6d300a8708c0000200ffffff003022872020010db8000000000000000000000000"
    "ffffffff"
    "000000000000000000000000a10f300d810b6578616d706c652e6f7267";
// crlDistributionPoints=crldp1,crldp2 with fullname=URI:http://example.com/1.crl,URI:ldap:///CN=x,
// reasons=keyCompromise,CACompromise, CRLissuer=dirName:dirn (C=DE, O="Contoso, Ltd"); relativename=rel
// (CN=part2)
const char* const kDistributionPoints =
    "3070305aa02aa0288618687474703a2f2f6578616d706c652e636f6d2f312e63726c860c6c6461703a2f2f2f434e3d7881020560"
    "a228a426"
    "3024310b300906035504061302444531153013060355040a0c0c436f6e746f736f2c204c74643012a010a10e300c06035504030c"
    "05706172"
    "7432";
// freshestCRL=URI:http://example.com/delta.crl
const char* const kFreshestCrl =
    "30243022a020a01e861c687474703a2f2f6578616d706c652e636f6d2f64656c74612e63726c";
// issuingDistributionPoint=critical,@idp with fullname=URI:http://example.com/1.crl, onlyuser=TRUE,
// indirectCRL=TRUE, onlysomereasons=keyCompromise,AACompromise
const char* const kIssuingDistributionPoint =
    "3029a01ca01a8618687474703a2f2f6578616d706c652e636f6d2f312e63726c8101ff83030740808401ff";
// authorityInfoAccess=OCSP;URI:http://ocsp.example.com/,caIssuers;URI:http://example.com/ca.crt
const char* const kAuthorityInfoAccess =
    "304d302406082b060105050730018618687474703a2f2f6f6373702e6578616d706c652e636f6d2f302506082b06010505073002"
    "86196874"
    "74703a2f2f6578616d706c652e636f6d2f63612e637274";
// tlsfeature=status_request
const char* const kTlsFeature = "3003020105";
// 2.5.29.16=ASN1:SEQUENCE with a=IMPLICIT:0,GENERALIZEDTIME:20260101000000Z, b=IMPLICIT:1,…:20270101000000Z
const char* const kPrivateKeyUsagePeriod =
    "3022800f32303236303130313030303030305a810f32303237303130313030303030305a";
// 2.5.29.9=ASN1:SEQUENCE: countryOfCitizenship (1.3.6.1.5.5.7.9.4), PRINTABLESTRING:DE
const char* const kSubjectDirectoryAttributes = "3012301006082b06010505070904310413024445";
// 1.3.6.1.4.1.311.21.1=ASN1:INTEGER:131075
const char* const kCaVersion = "0203020003";
// 1.3.6.1.4.1.311.21.2=ASN1:FORMAT:HEX,OCTETSTRING:0001…
const char* const kPreviousCertHash = "0414000102030405060708090a0b0c0d0e0f10111213";
// 1.3.6.1.4.1.311.21.4=ASN1:UTCTIME:270101120000Z
const char* const kNextPublish = "170d3237303130313132303030305a";
// 1.3.6.1.4.1.311.20.2=ASN1:BMP:WebServer
const char* const kTemplateName = "1e12005700650062005300650072007600650072";
// 1.3.6.1.4.1.311.21.7=ASN1:SEQUENCE: OID:1.3.6.1.4.1.311.21.8.1234567.7654321.1.16, INTEGER:100, INTEGER:7
const char* const kTemplateInformation = "301a06122b0601040182371508cbad0783d397310110020164020107";
// 1.3.6.1.4.1.311.25.2=ASN1:SEQUENCE with gn=IMPLICIT:0,SEQUENCE: OID:1.3.6.1.4.1.311.25.2.1,
// EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:S-1-5-21-1004336348-1177238915-682003330-1105
const char* const kSid =
    "303fa03d060a2b060104018237190201a02f042d532d312d352d32312d313030343333363334382d313137373233383931352d36"
    "38323030"
    "333333302d31313035";
}  // namespace made_by_openssl

using namespace made_by_openssl;

// python3-cryptography: x509.CRLReason, InvalidityDate and CRLNumber in a CRL that it signed.
const char* const kReasonKeyCompromise = "0a0101";
const char* const kInvalidityDate = "180f32303135303130313030303030305a";

// --- Extensions

TEST(ExtensionsTest, AreReadInOrderAndFoundByIdentifier) {
  asn1::Writer out;
  out.sequence([&] {
    encode_extension(out, make_extension(oid::kBasicConstraints, true, hex(kBasicConstraints)));
    encode_extension(out, make_extension(oid::kKeyUsage, false, hex(kKeyUsage)));
  });
  EXPECT_EQ(to_hex(out.bytes()), kExtensions);
  const auto extensions = parse_extensions(out.bytes());
  ASSERT_TRUE(extensions);
  ASSERT_EQ(extensions->size(), 2u);
  EXPECT_TRUE((*extensions)[0].critical);
  EXPECT_FALSE((*extensions)[1].critical);
  ASSERT_NE(find(*extensions, oid::kKeyUsage), nullptr);
  EXPECT_EQ(to_hex(find(*extensions, oid::kKeyUsage)->value), kKeyUsage);
  EXPECT_EQ(find(*extensions, oid::kSubjectAltName), nullptr);
}

TEST(ExtensionsTest, RefuseTwiceTheSameNoneAndTooMany) {
  const auto list = [](std::size_t count, bool distinct) {
    asn1::Writer out;
    out.sequence([&] {
      for (std::size_t i = 0; i < count; ++i)
        encode_extension(out,
                         make_extension(distinct ? Oid{1, 2, 3, i} : Oid{2, 5, 29, 15}, false, hex("0500")));
    });
    return std::move(out).take();
  };
  const auto twice = parse_extensions(list(2, false));
  EXPECT_EQ(twice.error().code(), Errc::malformed);
  EXPECT_THAT(twice.error().summary(), HasSubstr("keyUsage (2.5.29.15) stands twice"));
  EXPECT_EQ(parse_extensions(list(0, true)).error().code(), Errc::malformed);
  EXPECT_TRUE(parse_extensions(list(256, true)));
  EXPECT_EQ(parse_extensions(list(257, true)).error().code(), Errc::limit_exceeded);
}

TEST(ExtensionsTest, AnEncodedFalseIsReadAndLeftOut) {
  const Buffer list = hex("300e300c0603551d1301010004023000");
  const auto extensions = parse_extensions(list);
  ASSERT_TRUE(extensions);
  EXPECT_FALSE((*extensions)[0].critical);
  EXPECT_EQ(to_hex(encode_extension({(*extensions)[0].id, false, to_buffer((*extensions)[0].value)})),
            "30090603551d1304023000");
}

TEST(ExtensionsTest, ErrorsNameTheExtension) {
  EXPECT_THAT(parse_key_usage(hex("0400")).error().summary(), HasSubstr("reading the key usage extension"));
  EXPECT_THAT(parse_sid(hex("0400")).error().summary(), HasSubstr("security identifier"));
  EXPECT_THAT(parse_basic_constraints(hex("30000500")).error().summary(), HasSubstr("basic constraints"));
  const Buffer huge((1 << 20) + 1, 0x30);
  EXPECT_EQ(parse_certificate_policies(huge).error().code(), Errc::limit_exceeded);
}

// --- RFC 5280 4.2.1: each value of openssl is understood, and built from what was understood

TEST(KeyUsageTest, IsASetOfFlags) {
  const std::uint16_t usage = digital_signature | key_cert_sign | crl_sign | decipher_only;
  EXPECT_EQ(parse_key_usage(hex(kKeyUsage)).value(), usage);
  EXPECT_EQ(to_hex(encode_key_usage(usage)), kKeyUsage);
  EXPECT_THAT(key_usage_names(usage),
              ElementsAre("digitalSignature", "keyCertSign", "cRLSign", "decipherOnly"));
  EXPECT_EQ(to_hex(encode_key_usage(0)), "030100");
  EXPECT_EQ(parse_key_usage(hex("030100")).value(), 0);
  for (unsigned bit = 0; bit < 9; ++bit) {
    const auto flag = static_cast<std::uint16_t>(1u << bit);
    EXPECT_EQ(parse_key_usage(encode_key_usage(flag)).value(), flag);
    EXPECT_EQ(key_usage_from_name(key_usage_names(flag).at(0)).value(), flag);
  }
  EXPECT_EQ(key_usage_from_name("nonrepudiation").value(), content_commitment);
  EXPECT_EQ(key_usage_from_name("signing").error().code(), Errc::not_found);
}

TEST(KeyUsageTest, TrailingZeroBitsAreReadAsTrustedRootsHaveThem) {
  // Trustwave Global ECC P256 Certification Authority
  EXPECT_EQ(parse_key_usage(hex("0303070600")).value(), key_cert_sign | crl_sign);
  EXPECT_EQ(parse_key_usage(hex("030500b0000000")).value(),
            digital_signature | key_encipherment | data_encipherment);
  EXPECT_FALSE(parse_key_usage(hex("0303060040"))) << "bit 9 has no meaning";
  EXPECT_FALSE(parse_key_usage(hex("030600b000000000"))) << "no end of zeros";
  EXPECT_FALSE(parse_key_usage(hex("03020681"))) << "padding bits are zero";
}

TEST(BasicConstraintsTest, HasFlagAndPathLength) {
  EXPECT_EQ(parse_basic_constraints(hex(kBasicConstraints)).value(), (BasicConstraints{true, 3}));
  EXPECT_EQ(to_hex(encode_basic_constraints({true, 3})), kBasicConstraints);
  EXPECT_EQ(to_hex(encode_basic_constraints({true, 0})), "30060101ff020100");
  EXPECT_EQ(to_hex(encode_basic_constraints({})), "3000");
  EXPECT_EQ(parse_basic_constraints(hex("3003010100")).value(), BasicConstraints{}) << "an encoded FALSE";
  EXPECT_FALSE(parse_basic_constraints(hex("3003010101"))) << "TRUE is FF";
  EXPECT_FALSE(parse_basic_constraints(hex("30060101ff0201ff"))) << "negative";
  EXPECT_EQ(parse_basic_constraints(hex("300a0101ff02050100000000")).error().code(), Errc::limit_exceeded);
}

TEST(KeyIdentifierTest, SubjectAndAuthority) {
  const Buffer value = hex(kSubjectKeyIdentifier);
  const Bytes identifier = parse_subject_key_identifier(value).value();
  EXPECT_EQ(to_hex(identifier), "45154b1a23a5801e82c9da6da3be236164774d66");
  EXPECT_EQ(encode_subject_key_identifier(identifier), value);

  const auto authority = parse_authority_key_identifier(hex(kAuthorityKeyIdentifier)).value();
  EXPECT_EQ(authority.key_identifier, to_buffer(identifier));
  EXPECT_THAT(authority.issuer, ElementsAre(GeneralName::directory(make_name({{oid::kCommonName, "x"}}))));
  EXPECT_EQ(to_hex(authority.serial), "1234567890abcdef");
  EXPECT_EQ(to_hex(encode_authority_key_identifier(authority)), kAuthorityKeyIdentifier);
  EXPECT_EQ(to_hex(encode_authority_key_identifier({})), "3000");
  EXPECT_FALSE(parse_authority_key_identifier(hex("3002a100"))) << "GeneralNames are not empty";
  EXPECT_FALSE(parse_authority_key_identifier(hex("300482020001"))) << "INTEGER not minimal";
}

TEST(ExtendedKeyUsageTest, IsAListOfPurposes) {
  const std::vector<Oid> purposes = {oid::kServerAuth, oid::kClientAuth, oid::kMsSmartCardLogon};
  EXPECT_EQ(parse_extended_key_usage(hex(kExtendedKeyUsage)).value(), purposes);
  EXPECT_EQ(to_hex(encode_extended_key_usage(purposes)), kExtendedKeyUsage);
  EXPECT_FALSE(parse_extended_key_usage(hex("3000")));
  EXPECT_TRUE(parse_extended_key_usage(encode_extended_key_usage(std::vector<Oid>(256, oid::kServerAuth))));
  EXPECT_EQ(parse_extended_key_usage(encode_extended_key_usage(std::vector<Oid>(257, oid::kServerAuth)))
                .error()
                .code(),
            Errc::limit_exceeded);
}

TEST(CertificatePoliciesTest, CarryTheirQualifiers) {
  const auto policies = parse_certificate_policies(hex(kCertificatePolicies)).value();
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].policy.dotted(), "2.23.140.1.2.2");
  EXPECT_THAT(policies[0].qualifiers, IsEmpty());
  ASSERT_EQ(policies[1].qualifiers.size(), 2u);
  EXPECT_EQ(policies[1].qualifiers[0], cps_uri("http://example.com/cps"));
  EXPECT_EQ(cps_uri_of(policies[1].qualifiers[0]), "http://example.com/cps");
  EXPECT_EQ(notice_text_of(policies[1].qualifiers[0]), std::nullopt);
  EXPECT_EQ(notice_text_of(policies[1].qualifiers[1]), "Für alle") << "behind the notice reference";
  EXPECT_EQ(to_hex(encode_certificate_policies(policies)), kCertificatePolicies);
  EXPECT_FALSE(parse_certificate_policies(hex("300b300906052a030405063000")))
      << "an empty list of qualifiers";
}

TEST(CertificatePoliciesTest, ANoticeHasAtMost200Characters) {
  EXPECT_EQ(notice_text_of(user_notice("Für alle").value()), "Für alle");
  std::string text;
  for (int i = 0; i < 200; ++i) text += "ü";
  EXPECT_TRUE(user_notice(text));
  EXPECT_EQ(user_notice(text + "x").error().code(), Errc::malformed);
  EXPECT_FALSE(user_notice(""));
  EXPECT_FALSE(user_notice("\xff"));
}

TEST(PolicyTest, MappingsConstraintsAndInhibitAnyPolicy) {
  const std::vector<PolicyMapping> mappings = {{{1, 2, 3, 4}, {1, 2, 3, 5}}, {{1, 2, 3, 6}, {1, 2, 3, 7}}};
  EXPECT_EQ(parse_policy_mappings(hex(kPolicyMappings)).value(), mappings);
  EXPECT_EQ(to_hex(encode_policy_mappings(mappings)), kPolicyMappings);
  EXPECT_EQ(parse_policy_constraints(hex(kPolicyConstraints)).value(), (PolicyConstraints{3, 0}));
  EXPECT_EQ(to_hex(encode_policy_constraints({3, 0})), kPolicyConstraints);
  EXPECT_EQ(to_hex(encode_policy_constraints({std::nullopt, 128})), "300481020080");
  EXPECT_EQ(parse_inhibit_any_policy(hex(kInhibitAnyPolicy)).value(), 2u);
  EXPECT_EQ(to_hex(encode_inhibit_any_policy(2)), kInhibitAnyPolicy);
  EXPECT_FALSE(parse_policy_constraints(hex("30038001ff"))) << "negative";
}

TEST(NameConstraintsTest, PermitAndExclude) {
  const auto constraints = parse_name_constraints(hex(kNameConstraints)).value();
  EXPECT_THAT(constraints.permitted,
              ElementsAre(GeneralSubtree{GeneralName::dns(".example.com"), 0, {}},
                          GeneralSubtree{GeneralName::ip_range("192.0.2.0/24").value(), 0, {}},
                          GeneralSubtree{GeneralName::ip_range("2001:db8::/32").value(), 0, {}}));
  EXPECT_THAT(constraints.excluded, ElementsAre(GeneralSubtree{GeneralName::email("example.org"), 0, {}}));
  EXPECT_EQ(to_hex(encode_name_constraints(constraints)), kNameConstraints);

  const NameConstraints distances{{{GeneralName::dns("a"), 1, 300}}, {}};
  EXPECT_EQ(to_hex(encode_name_constraints(distances)), "300ea00c300a8201618001018102012c");
  EXPECT_EQ(parse_name_constraints(encode_name_constraints(distances)).value(), distances);
  EXPECT_EQ(parse_name_constraints(hex("300aa0083006820161800100")).value().permitted[0].minimum, 0u);
  EXPECT_FALSE(parse_name_constraints(hex("3002a000"))) << "an empty list";
  EXPECT_FALSE(parse_name_constraints(hex("300aa00830068704c0000201"))) << "an address without its mask";
}

TEST(DistributionPointsTest, HaveNamesReasonsAndIssuers) {
  const auto points = parse_distribution_points(hex(kDistributionPoints)).value();
  ASSERT_EQ(points.size(), 2u);
  EXPECT_THAT(points[0].name->full_name,
              ElementsAre(GeneralName::uri("http://example.com/1.crl"), GeneralName::uri("ldap:///CN=x")));
  EXPECT_EQ(points[0].reasons, 1u << 1 | 1u << 2);
  EXPECT_THAT(points[0].crl_issuer, ElementsAre(GeneralName::directory(make_name(
                                        {{oid::kCountry, "DE"}, {oid::kOrganization, "Contoso, Ltd"}}))));
  ASSERT_TRUE(points[1].name->relative_to_issuer);
  EXPECT_EQ(points[1].name->relative_to_issuer->at(0), make_attribute(oid::kCommonName, "part2"));
  EXPECT_EQ(points[1].reasons, std::nullopt);
  EXPECT_EQ(to_hex(encode_distribution_points(points)), kDistributionPoints);
  EXPECT_THAT(uris_of(points), ElementsAre("http://example.com/1.crl", "ldap:///CN=x"));
  EXPECT_EQ(to_hex(encode_distribution_point_uris({"http://example.com/delta.crl"})), kFreshestCrl);
  EXPECT_FALSE(parse_distribution_points(hex("30043002a000"))) << "a name that is neither full nor relative";
  EXPECT_FALSE(parse_distribution_points(hex("30063004a002a000"))) << "a full name without names";
}

TEST(IssuingDistributionPointTest, SaysWhatTheCrlCovers) {
  IssuingDistributionPoint point;
  point.name.emplace().full_name = {GeneralName::uri("http://example.com/1.crl")};
  point.only_user_certs = point.indirect_crl = true;
  point.only_some_reasons = 1 << 1 | 1 << 8;
  EXPECT_EQ(parse_issuing_distribution_point(hex(kIssuingDistributionPoint)).value(), point);
  EXPECT_EQ(to_hex(encode_issuing_distribution_point(point)), kIssuingDistributionPoint);
  EXPECT_EQ(parse_issuing_distribution_point(hex("3000")).value(), IssuingDistributionPoint{});
  EXPECT_EQ(parse_issuing_distribution_point(hex("3003810100")).value(), IssuingDistributionPoint{})
      << "encoded FALSE";
  EXPECT_FALSE(parse_issuing_distribution_point(hex("3003810101")));
  EXPECT_FALSE(parse_issuing_distribution_point(hex("30068201ff8101ff"))) << "out of order";
}

TEST(InfoAccessTest, NamesRespondersAndIssuers) {
  const std::vector<AccessDescription> access = {
      {oid::kAdOcsp, GeneralName::uri("http://ocsp.example.com/")},
      {oid::kAdCaIssuers, GeneralName::uri("http://example.com/ca.crt")}};
  EXPECT_EQ(parse_info_access(hex(kAuthorityInfoAccess)).value(), access);
  EXPECT_EQ(to_hex(encode_info_access(access)), kAuthorityInfoAccess);
}

TEST(OtherExtensionsTest, AreReadAndBuiltAsOpensslBuildsThem) {
  const PrivateKeyUsagePeriod period{parse_time("2026-01-01").value(), parse_time("2027-01-01").value()};
  EXPECT_EQ(parse_private_key_usage_period(hex(kPrivateKeyUsagePeriod)).value(), period);
  EXPECT_EQ(to_hex(encode_private_key_usage_period(period)), kPrivateKeyUsagePeriod);
  const std::vector<DirectoryAttribute> attributes = {{Oid{1, 3, 6, 1, 5, 5, 7, 9, 4}, hex("13024445")}};
  EXPECT_EQ(parse_subject_directory_attributes(hex(kSubjectDirectoryAttributes)).value(), attributes);
  EXPECT_EQ(to_hex(encode_subject_directory_attributes(attributes)), kSubjectDirectoryAttributes);
  EXPECT_THAT(parse_tls_feature(hex(kTlsFeature)).value(), ElementsAre(5));
  EXPECT_EQ(to_hex(encode_tls_feature({5})), kTlsFeature);
  EXPECT_FALSE(parse_tls_feature(hex("30050203010000"))) << "a TLS extension number has 16 bits";
}

// --- CRLs

TEST(CrlNumberTest, IsUnsignedAndHasAtMost20Octets) {
  EXPECT_EQ(to_hex(encode_crl_number(0)), "020100");
  EXPECT_EQ(to_hex(encode_crl_number(128)), "02020080");
  EXPECT_EQ(to_hex(parse_crl_number(hex("02020080")).value()), "80") << "without the sign octet";
  EXPECT_EQ(to_hex(parse_crl_number(hex("020100")).value()), "00");
  EXPECT_FALSE(parse_crl_number(hex("0201ff"))) << "negative";
  EXPECT_TRUE(parse_crl_number(encode_crl_number(Buffer(20, 0xff))));
  EXPECT_EQ(parse_crl_number(encode_crl_number(Buffer(21, 0x01))).error().code(), Errc::limit_exceeded);
}

TEST(ReasonCodeTest, HasNumbersAndNames) {
  EXPECT_EQ(parse_reason_code(hex(kReasonKeyCompromise)).value(), CrlReason::key_compromise);
  EXPECT_EQ(to_hex(encode_reason_code(CrlReason::key_compromise)), kReasonKeyCompromise);
  for (const char* value : {"0a0107", "0a010b", "0a01ff", "0a020001", "0a00", "020101"})
    EXPECT_FALSE(parse_reason_code(hex(value))) << value;
  for (int number : {0, 1, 2, 3, 4, 5, 6, 8, 9, 10}) {
    const auto reason = crl_reason_from_name(std::to_string(number));
    ASSERT_TRUE(reason);
    EXPECT_EQ(int(*reason), number);
    EXPECT_EQ(crl_reason_from_name(to_string(*reason)).value(), *reason);
    EXPECT_EQ(parse_reason_code(encode_reason_code(*reason)).value(), *reason);
  }
  EXPECT_EQ(crl_reason_from_name("Key_Compromise").value(), CrlReason::key_compromise);
  EXPECT_EQ(crl_reason_from_name("CACompromise").value(), CrlReason::ca_compromise);
  for (const char* name : {"", "7", "11", "01", "lost"})
    EXPECT_EQ(crl_reason_from_name(name).error().code(), Errc::not_found) << name;
}

TEST(InvalidityDateTest, IsAGeneralizedTime) {
  EXPECT_EQ(parse_invalidity_date(hex(kInvalidityDate)).value(), parse_time("2015-01-01").value());
  EXPECT_EQ(to_hex(encode_invalidity_date(parse_time("2015-01-01").value())), kInvalidityDate);
  EXPECT_FALSE(parse_invalidity_date(hex("170d3135303130313030303030305a"))) << "UTCTime";
}

// --- Microsoft

TEST(CaVersionTest, CertificateIndexIsLowKeyIndexIsHigh) {
  EXPECT_EQ(parse_ca_version(hex(kCaVersion)).value(), (CaVersion{3, 2}));  // Windows prints V3.2
  EXPECT_EQ(to_hex(encode_ca_version({3, 2})), kCaVersion);
  EXPECT_EQ(to_hex(encode_ca_version({0, 0})), "020100");  // V0.0, a CA that was never renewed
  EXPECT_EQ(to_hex(encode_ca_version({1, 1})), "0203010001");
  EXPECT_EQ(parse_ca_version(encode_ca_version({65535, 65535})).value(), (CaVersion{65535, 65535}));
  EXPECT_FALSE(parse_ca_version(hex("02050100000000")));
}

TEST(MicrosoftExtensionsTest, PreviousHashAndNextPublish) {
  const Buffer value = hex(kPreviousCertHash);
  EXPECT_EQ(to_hex(parse_previous_cert_hash(value).value()), "000102030405060708090a0b0c0d0e0f10111213");
  EXPECT_EQ(encode_previous_cert_hash(parse_previous_cert_hash(value).value()), value);
  const Time noon = parse_time("2027-01-01T12:00:00Z").value();
  EXPECT_EQ(parse_next_publish(hex(kNextPublish)).value(), noon);
  EXPECT_EQ(to_hex(encode_next_publish(noon)), kNextPublish);
  EXPECT_FALSE(parse_next_publish(hex("180f32303237303130313132303030305a"))) << "GeneralizedTime for 2027";
  EXPECT_EQ(parse_next_publish(hex("180f32303530303130313132303030305a")).value(),
            parse_time("2050-01-01T12:00:00Z").value());
}

TEST(TemplateNameTest, IsWrittenAsBmpAndReadInThreeTypes) {
  EXPECT_EQ(parse_template_name(hex(kTemplateName)).value(), "WebServer");
  EXPECT_EQ(to_hex(encode_template_name("WebServer")), kTemplateName);
  EXPECT_EQ(parse_template_name(hex("1309576562536572766572")).value(), "WebServer");
  EXPECT_EQ(parse_template_name(hex("0c09576562536572766572")).value(), "WebServer");
  EXPECT_FALSE(parse_template_name(hex("1609576562536572766572")));
  EXPECT_FALSE(parse_template_name(hex("1e03005700")));
  EXPECT_FALSE(parse_template_name(hex("0c04f09f9880"))) << "no BMPString can hold it";
}

TEST(TemplateInformationTest, HasIdentifierAndVersions) {
  const TemplateInformation information{Oid{1, 3, 6, 1, 4, 1, 311, 21, 8, 1234567, 7654321, 1, 16}, 100, 7};
  EXPECT_EQ(parse_template_information(hex(kTemplateInformation)).value(), information);
  EXPECT_EQ(to_hex(encode_template_information(information)), kTemplateInformation);
  for (const TemplateInformation& other :
       {TemplateInformation{{1, 2, 3}, {}, {}}, TemplateInformation{{1, 2, 3}, 4294967295, {}}})
    EXPECT_EQ(parse_template_information(encode_template_information(other)).value(), other);
  EXPECT_FALSE(parse_template_information(hex("300b06022a0302050100000000")));
}

TEST(SidTest, IsTextInAnOctetStringInAnOtherName) {
  const char* const sid = "S-1-5-21-1004336348-1177238915-682003330-1105";
  EXPECT_EQ(parse_sid(hex(kSid)).value(), sid);
  EXPECT_EQ(to_hex(encode_sid(sid)), kSid);
  for (const char* text :
       {"", "S-1", "S-1-", "S-1-5", "S-1-5-", "S-2-5-21", "s-1-5-21", "S-1-5-21-x", "S-1-5--21", "S-1-5-021",
        "S-1-5-21 ", "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16"})
    EXPECT_FALSE(parse_sid(encode_sid(text))) << text;
  EXPECT_TRUE(parse_sid(encode_sid("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15")));
}

// Two accounts in one certificate would leave it open who logs on.
TEST(SidTest, StandsAlone) {
  const auto one = parse_general_names(hex(kSid)).value();
  EXPECT_FALSE(parse_sid(encode_general_names({one[0], one[0]})));
  EXPECT_FALSE(parse_sid(encode_general_names({one[0], GeneralName::dns("a")})));
  GeneralName upn = one[0];
  upn.other_type = oid::kMsUpn;
  EXPECT_FALSE(parse_sid(encode_general_names({upn})));
}

// --- All together

const std::map<std::string_view, std::vector<const char*>>& valid_values() {
  static const std::map<std::string_view, std::vector<const char*>> values = {
      {"extensions", {kExtensions}},
      {"key usage", {kKeyUsage, "030205a0"}},
      {"basic constraints", {kBasicConstraints, "3000"}},
      {"subject key identifier", {kSubjectKeyIdentifier}},
      {"authority key identifier", {kAuthorityKeyIdentifier}},
      {"extended key usage", {kExtendedKeyUsage}},
      {"general names", {kOpensslNames}},
      {"certificate policies", {kCertificatePolicies}},
      {"policy mappings", {kPolicyMappings}},
      {"policy constraints", {kPolicyConstraints}},
      {"inhibit any policy", {kInhibitAnyPolicy}},
      {"name constraints", {kNameConstraints}},
      {"distribution points", {kDistributionPoints, kFreshestCrl}},
      {"issuing distribution point", {kIssuingDistributionPoint}},
      {"information access", {kAuthorityInfoAccess}},
      {"private key usage period", {kPrivateKeyUsagePeriod}},
      {"subject directory attributes", {kSubjectDirectoryAttributes}},
      {"TLS feature", {kTlsFeature}},
      {"CRL number", {"02020080", "02021000"}},
      {"reason code", {kReasonKeyCompromise}},
      {"invalidity date", {kInvalidityDate}},
      {"next publish", {kNextPublish}},
      {"CA version", {kCaVersion}},
      {"previous certificate hash", {kPreviousCertHash}},
      {"template name", {kTemplateName}},
      {"template information", {kTemplateInformation}},
      {"security identifier", {kSid}},
  };
  return values;
}

TEST(AllExtensionsTest, EveryValidValueEncodesToTheSameOctets) {
  for (const ExtensionCodec& codec : extension_codecs()) {
    ASSERT_TRUE(valid_values().contains(codec.name)) << codec.name;
    for (const char* value : valid_values().at(codec.name))
      EXPECT_EQ(codec.round_trip(hex(value)), RoundTrip::same) << codec.name << ": " << value;
  }
}

TEST(AllExtensionsTest, EveryTruncationIsRefused) {
  for (const ExtensionCodec& codec : extension_codecs())
    for (const char* text : valid_values().at(codec.name)) {
      const Buffer value = hex(text);
      for (std::size_t length = 0; length < value.size(); ++length)
        EXPECT_EQ(codec.round_trip(Bytes(value).first(length)), RoundTrip::refused)
            << codec.name << " " << length;
    }
}

// Every bit flip, and changed, dropped, doubled octets at random (a fixed seed): refused, or understood and
// encoded to what was read.
TEST(AllExtensionsTest, EveryDamagedValueIsRefusedOrUnderstood) {
  std::mt19937 random(5280);
  std::map<RoundTrip, std::size_t> outcomes;
  const auto damage = [&](Buffer& value) {
    const std::size_t at = random() % value.size();
    switch (random() % 4) {
      case 0:
        value.erase(value.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1:
        value.insert(value.begin() + static_cast<std::ptrdiff_t>(at), value[at]);
        break;
      default:
        value[at] = static_cast<std::uint8_t>(random());
    }
  };
  for (const ExtensionCodec& codec : extension_codecs()) {
    const auto check = [&](const Buffer& value) {
      const RoundTrip outcome = codec.round_trip(value);
      ++outcomes[outcome];
      EXPECT_NE(outcome, RoundTrip::broken) << codec.name << ": " << to_hex(value);
    };
    for (const char* text : valid_values().at(codec.name)) {
      const Buffer value = hex(text);
      for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
        Buffer flipped = value;
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
        check(flipped);
      }
      for (int i = 0; i < 500; ++i) {
        Buffer damaged = value;
        for (auto times = 1 + random() % 3; times > 0 && !damaged.empty(); --times) damage(damaged);
        check(damaged);
      }
    }
    // What belongs to another extension.
    for (const auto& [name, values] : valid_values())
      for (const char* text : values) check(hex(text));
  }
  EXPECT_GE(outcomes[RoundTrip::refused] + outcomes[RoundTrip::same], 20'000u);
  EXPECT_GE(outcomes[RoundTrip::same], 1'000u) << "damage inside of strings is understood";
  EXPECT_GE(outcomes[RoundTrip::tolerated], 1u) << "the tolerated forms are reached";
}

}  // namespace
}  // namespace vouch::x509
