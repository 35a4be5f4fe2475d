#include "x509/algorithm.hpp"

#include <gmock/gmock.h>

namespace vouch::x509 {
namespace {

using testing::HasSubstr;

Buffer hex(std::string_view text) { return from_hex(text).value(); }

Result<SignatureAlgorithm> parse_signature(Bytes der) {
  asn1::Reader reader(der);
  const AlgorithmIdentifier identifier = TRY(parse_algorithm_identifier(reader));
  TRY(reader.finish());
  return parse_signature_algorithm(identifier);
}

TEST(Oids, HaveTheNamesPeopleUse) {
  EXPECT_EQ(name_of(oid::kCommonName), "CN");
  EXPECT_EQ(name_of(oid::kOrganization), "O");
  EXPECT_EQ(name_of(oid::kServerAuth), "serverAuth");
  EXPECT_EQ(name_of(oid::kKeyUsage), "keyUsage");
  EXPECT_EQ(name_of(oid::kSha256WithRsa), "sha256WithRSAEncryption");
  EXPECT_EQ(name_of(oid::kRsassaPss), "RSASSA-PSS");
  EXPECT_EQ(name_of(oid::kMsSmartCardLogon), "smartcardLogon");
  EXPECT_EQ(name_of(Oid{1, 2, 3}), "");
  EXPECT_EQ(describe(oid::kServerAuth), "serverAuth (1.3.6.1.5.5.7.3.1)");
  EXPECT_EQ(describe(Oid{1, 2, 3}), "1.2.3");
}

TEST(Oids, AreFoundByNameInAnyCaseAndByNumbers) {
  EXPECT_EQ(oid_from_name("SERVERauth").value(), oid::kServerAuth);
  EXPECT_EQ(oid_from_name("1.3.6.1.5.5.7.3.1").value(), oid::kServerAuth);
  EXPECT_EQ(oid_from_name("1.2.3.4").value(), (Oid{1, 2, 3, 4}));
  for (const std::string_view wrong : {"", "server", "1.2.", "serverAuth "})
    EXPECT_EQ(oid_from_name(wrong).error().code(), Errc::not_found) << wrong;
}

// A name that two OIDs share would make one of them unreachable.
TEST(Oids, LeadFromNameBackToTheSameOid) {
  for (const Oid& oid : {oid::kSurname,
                         oid::kSerialNumber,
                         oid::kState,
                         oid::kStreet,
                         oid::kUid,
                         oid::kDomainComponent,
                         oid::kCrlNumber,
                         oid::kExtendedKeyUsage,
                         oid::kAdOcsp,
                         oid::kOcspSigning,
                         oid::kOcspBasic,
                         oid::kDsa,
                         oid::kMsCertificateTemplate,
                         oid::kMsTemplateName,
                         oid::kCertificateIssuer,
                         oid::kAnyPolicy,
                         oid::kAnyExtendedKeyUsage,
                         oid::kSha1,
                         oid::kSha512,
                         oid::kP256,
                         oid::kEd25519,
                         oid::kMsUpn,
                         oid::kMsKeyRecoveryAgent,
                         oid::kExpiredCertsOnCrl,
                         oid::kMd5WithRsa,
                         oid::kEcPublicKey}) {
    ASSERT_FALSE(name_of(oid).empty()) << oid.dotted();
    EXPECT_EQ(oid_from_name(name_of(oid)).value(), oid) << name_of(oid);
  }
}

// The encodings that openssl 3.0 wrote into requests.
struct Known {
  SignatureAlgorithm algorithm;
  std::string_view der, name;
};
void PrintTo(const Known& known, std::ostream* out) { *out << known.name; }

class KnownSignatureTest : public testing::TestWithParam<Known> {};

TEST_P(KnownSignatureTest, IsEncodedAndReadAsOpensslDoes) {
  const Buffer der = hex(GetParam().der);
  EXPECT_EQ(to_hex(encode(GetParam().algorithm)), GetParam().der);
  EXPECT_EQ(parse_signature(der).value(), GetParam().algorithm);
  EXPECT_EQ(to_string(GetParam().algorithm), GetParam().name);
  EXPECT_FALSE(is_weak(GetParam().algorithm));
}

INSTANTIATE_TEST_SUITE_P(
    Algorithms, KnownSignatureTest,
    testing::Values(Known{SignatureAlgorithm::rsa_pkcs1_sha256, "300d06092a864886f70d01010b0500",
                          "sha256WithRSAEncryption"},
                    Known{SignatureAlgorithm::rsa_pkcs1_sha384, "300d06092a864886f70d01010c0500",
                          "sha384WithRSAEncryption"},
                    Known{SignatureAlgorithm::rsa_pkcs1_sha512, "300d06092a864886f70d01010d0500",
                          "sha512WithRSAEncryption"},
                    Known{SignatureAlgorithm::rsa_pss_sha256,
                          "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a8648"
                          "86f70d010108300d060"
                          "96086480165030402010500a203020120",
                          "RSASSA-PSS with SHA-256"},
                    Known{SignatureAlgorithm::rsa_pss_sha384,
                          "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a8648"
                          "86f70d010108300d060"
                          "96086480165030402020500a203020130",
                          "RSASSA-PSS with SHA-384"},
                    Known{SignatureAlgorithm::rsa_pss_sha512,
                          "304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a8648"
                          "86f70d010108300d060"
                          "96086480165030402030500a203020140",
                          "RSASSA-PSS with SHA-512"},
                    Known{SignatureAlgorithm::ecdsa_sha256, "300a06082a8648ce3d040302", "ecdsa-with-SHA256"},
                    Known{SignatureAlgorithm::ecdsa_sha384, "300a06082a8648ce3d040303", "ecdsa-with-SHA384"},
                    Known{SignatureAlgorithm::ecdsa_sha512, "300a06082a8648ce3d040304", "ecdsa-with-SHA512"},
                    Known{SignatureAlgorithm::ed25519, "300506032b6570", "Ed25519"}));

TEST(SignatureAlgorithms, ReadsWeakOnesAndSaysSo) {
  EXPECT_EQ(parse_signature(hex("300d06092a864886f70d0101040500")).value(),
            SignatureAlgorithm::rsa_pkcs1_md5);
  EXPECT_EQ(parse_signature(hex("300d06092a864886f70d0101050500")).value(),
            SignatureAlgorithm::rsa_pkcs1_sha1);
  EXPECT_EQ(parse_signature(hex("300906072a8648ce3d0401")).value(), SignatureAlgorithm::ecdsa_sha1);
  EXPECT_EQ(parse_signature(hex("300906072a8648ce380403")).value(), SignatureAlgorithm::dsa_sha1);
  for (const auto weak : {SignatureAlgorithm::rsa_pkcs1_md5, SignatureAlgorithm::rsa_pkcs1_sha1,
                          SignatureAlgorithm::ecdsa_sha1, SignatureAlgorithm::dsa_sha1})
    EXPECT_TRUE(is_weak(weak)) << to_string(weak);
}

TEST(SignatureAlgorithms, ReadsRsaWithoutNull) {
  EXPECT_EQ(parse_signature(hex("300b06092a864886f70d01010b")).value(), SignatureAlgorithm::rsa_pkcs1_sha256);
}

// Parameters of PSS with digests without NULL (RFC 4055 2.1 wants both read) and the trailer spelled out.
TEST(SignatureAlgorithms, ReadsPssInItsOtherSpellings) {
  EXPECT_EQ(parse_signature(
                hex("304206092a864886f70d01010a3035a00d300b0609608648016503040201a11a301806092a864886f70d"
                    "010108300b0609608648016503040201a203020120a303020101"))
                .value(),
            SignatureAlgorithm::rsa_pss_sha256);
}

struct Refused {
  std::string_view name, der;
  Errc code;
  std::string_view message;
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

class RefusedSignatureTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedSignatureTest, NamesTheReason) {
  const Buffer der = hex(GetParam().der);
  const auto result = parse_signature(der);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), GetParam().code);
  EXPECT_THAT(std::string(result.error().message()), HasSubstr(std::string(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Algorithms, RefusedSignatureTest,
    testing::Values(
        Refused{"RsaWithOtherParameters", "300e06092a864886f70d01010b040100", Errc::malformed, "parameters"},
        Refused{"EcdsaWithNull", "300c06082a8648ce3d0403020500", Errc::malformed, "parameters"},
        Refused{"Ed25519WithNull", "300706032b65700500", Errc::malformed, "parameters"},
        Refused{"PssWithoutParameters", "300b06092a864886f70d01010a", Errc::malformed, "without parameters"},
        Refused{"PssDefaultsAreSha1", "300d06092a864886f70d01010a3000", Errc::unsupported, "SHA-1"},
        Refused{"PssWithAnotherSalt",
                "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d0101"
                "08300d06"
                "096086480165030402010500a203020114",
                Errc::unsupported, "salt of 20"},
        Refused{"PssWithAnotherMaskDigest",
                "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d0101"
                "08300d06"
                "096086480165030402020500a203020120",
                Errc::unsupported, "SHA-384"},
        Refused{"ThreeElements", "300f06092a864886f70d01010b05000500", Errc::malformed, ""},
        Refused{"UnknownNamesTheOid", "30060604 2a030405", Errc::unsupported, "1.2.3.4.5"}),
    [](const auto& test) { return std::string(test.param.name); });

// Keys written by openssl 3.0.
constexpr std::string_view kRsa1024 =
    "30819f300d06092a864886f70d010101050003818d0030818902818100e119c1c7b3f0587970442f924c6ef31d00392b1db542aa"
    "6187792b"
    "75ccfd71e0b4dc88e204cef6408009b16ac085b4f89901257f91dc715cff10a36ce3bd929ecf94b09ad8ef4c594c53334d1e74c1"
    "5ed42ba9"
    "e87f00bd6aab54b4dad1e2d80e5f61adc3d35670a1d8905d6b2eb7cf1fc9898f183d9e9def83d489aed57232f90203010001";
constexpr std::string_view kP256Key =
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004ae76e3d2abaab548ef259bfc9dc84ab5567cbb9adfe0a646dc"
    "20da5239"
    "0ec8c42401847d33233eb3e2a051651c45d3cd9a7c08b3cd73d37b33a419cab640699f";
constexpr std::string_view kP256Compressed =
    "3039301306072a8648ce3d020106082a8648ce3d0301070322"
    "0003bc40c572955559c458511acf93f1da3b58081f7d60942941843ccc39"
    "dea32037";
constexpr std::string_view kExplicitCurve =
    "3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff0000000100000000000000"
    "00000000"
    "00ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000000000fffffffffffffffffffffffc04205a"
    "c635d8aa"
    "3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441"
    "046b17d1"
    "f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315e"
    "cecbb640"
    "6837bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63255102010103420004fb1aa11ca8"
    "26ba7aa7"
    "cc7c919c6708f208649d098204d114b98a906a1ea834ac0213617c05dac76c3055098e6bced550b4c18160b346055d540559384f"
    "c6d63d";
constexpr std::string_view kEd25519Key =
    "302a300506032b65700321003c4e8b4de8a09c6e33b867d153335175995514f4d80b9ade67a391e05cb50555";
constexpr std::string_view kPssKey =
    "3081d3304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d"
    "06096086"
    "480165030402010500a20302012003818d0030818902818100dd23749d931c5b2f2b15f241afa57c1152ae3af2d40d16a808e2e8"
    "8819fb6f"
    "5d53a986c2ce45a3a06475ec25d80bf1404f3b6d3d3c5b57fb22556211d98766adfa60ad30c59d3bb53e3bd3a6788a4a977ecc84"
    "179853ae"
    "bbae9a3821cbfb64d46bd155684a1cccd2a929ec58630e624da28e3f201db010ea72542afd975072670203010001";
constexpr std::string_view kSecp256k1Key =
    "3056301006072a8648ce3d020106052b8104000a03420004b0b8cbfa5f0f6ef0aada683c49b72afc683e9d541eca5f6369ec4142"
    "b6d5c40a"
    "84a5bf10d53b3ca72bacb6ff470331071f2b106582e09de4436ef6c301d91dd5";

TEST(PublicKeyInfoTest, ReadsRsaAndWritesTheSameOctets) {
  const Buffer der = hex(kRsa1024);
  const auto key = parse_public_key_info(der);
  ASSERT_TRUE(key.has_value()) << key.error().report();
  EXPECT_EQ(key->type, KeyType::rsa);
  EXPECT_EQ(key->bits, 1024u);
  EXPECT_FALSE(key->rsassa_pss);
  EXPECT_EQ(to_hex(key->exponent), "010001");
  EXPECT_EQ(key->modulus.size(), 128u);
  EXPECT_EQ(key->modulus[0], 0xe1);
  EXPECT_EQ(encode_rsa_public_key_info(key->modulus, key->exponent), der);
}

TEST(PublicKeyInfoTest, ReadsPssKeysWithTheDigestTheyDemand) {
  const Buffer der = hex(kPssKey);
  const auto key = parse_public_key_info(der);
  ASSERT_TRUE(key.has_value()) << key.error().report();
  EXPECT_TRUE(key->rsassa_pss);
  EXPECT_EQ(key->pss_digest, DigestAlgorithm::sha256);
}

TEST(PublicKeyInfoTest, ReadsPointsInBothForms) {
  const Buffer der = hex(kP256Key);
  const auto key = parse_public_key_info(der);
  ASSERT_TRUE(key.has_value()) << key.error().report();
  EXPECT_EQ(key->type, KeyType::p256);
  EXPECT_EQ(key->bits, 256u);
  EXPECT_EQ(key->point.size(), 65u);
  EXPECT_TRUE(equal(key->point, key->key_bits));
  EXPECT_EQ(encode_ec_public_key_info(KeyType::p256, key->point), der);
  const Buffer compressed = hex(kP256Compressed);
  EXPECT_EQ(parse_public_key_info(compressed).value().point.size(), 33u);
}

TEST(PublicKeyInfoTest, ReadsEd25519) {
  const Buffer der = hex(kEd25519Key);
  const auto key = parse_public_key_info(der);
  ASSERT_TRUE(key.has_value()) << key.error().report();
  EXPECT_EQ(key->type, KeyType::ed25519);
  EXPECT_EQ(encode_ed25519_public_key_info(key->point), der);
}

TEST(PublicKeyInfoTest, RefusesExplicitCurvesAndForeignOnes) {
  const Buffer explicit_curve = hex(kExplicitCurve), foreign = hex(kSecp256k1Key);
  const auto first = parse_public_key_info(explicit_curve);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().code(), Errc::unsupported);
  EXPECT_THAT(std::string(first.error().message()), HasSubstr("explicit"));
  const auto second = parse_public_key_info(foreign);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code(), Errc::unsupported);
  EXPECT_THAT(std::string(second.error().message()), HasSubstr("1.3.132.0.10"));
}

TEST(PublicKeyInfoTest, RefusesNumbersAndPointsThatCannotBe) {
  const auto rsa = [](std::string_view modulus, std::string_view exponent) {
    asn1::Writer key, out;
    key.sequence([&] {
      key.primitive(asn1::Tag::integer, hex(modulus));
      key.primitive(asn1::Tag::integer, hex(exponent));
    });
    out.sequence([&] {
      out.sequence([&] {
        out.oid(oid::kRsaEncryption);
        out.null();
      });
      out.bit_string(key.bytes());
    });
    return std::move(out).take();
  };
  EXPECT_TRUE(parse_public_key_info(rsa("00c1", "03")).has_value());
  EXPECT_EQ(parse_public_key_info(rsa("00c1", "03")).value().bits, 8u);
  for (const auto& der :
       {rsa("c1", "03"), rsa("00", "03"), rsa("00c1", "00"), rsa("00c1", "83"), rsa("0001", "03")})
    EXPECT_EQ(parse_public_key_info(der).error().code(), Errc::malformed) << to_hex(der);

  const Buffer point(65, 0x04);
  EXPECT_TRUE(parse_public_key_info(encode_ec_public_key_info(KeyType::p256, point)).has_value());
  EXPECT_EQ(parse_public_key_info(encode_ec_public_key_info(KeyType::p384, point)).error().code(),
            Errc::malformed);
  const Buffer infinity(1, 0x00), hybrid(65, 0x06), none;
  for (const Buffer& wrong : {infinity, hybrid, none})
    EXPECT_EQ(parse_public_key_info(encode_ec_public_key_info(KeyType::p256, wrong)).error().code(),
              Errc::malformed);
  EXPECT_EQ(parse_public_key_info(encode_ed25519_public_key_info(Buffer(31))).error().code(),
            Errc::malformed);
}

TEST(PublicKeyInfoTest, RefusesEveryTruncation) {
  for (const auto text : {kRsa1024, kP256Key, kEd25519Key, kPssKey}) {
    Buffer der = hex(text);
    while (!der.empty()) {
      der.pop_back();
      EXPECT_EQ(parse_public_key_info(der).error().code(), Errc::malformed);
    }
  }
}

TEST(PublicKeyInfoTest, SurvivesEveryFlippedBit) {
  for (const auto text : {kRsa1024, kP256Key, kEd25519Key, kPssKey, kExplicitCurve}) {
    const Buffer der = hex(text);
    for (std::size_t bit = 0; bit < der.size() * 8; ++bit) {
      Buffer flipped = der;
      flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << bit % 8));
      const auto key = parse_public_key_info(flipped);
      if (key) continue;
      EXPECT_THAT(key.error().code(),
                  testing::AnyOf(Errc::malformed, Errc::unsupported, Errc::limit_exceeded));
    }
  }
}

// RFC 3279 2.3.2: a DSA key may leave its parameters out and take those of its issuer.
TEST(DsaPublicKeyTest, ReadsKeysWithAndWithoutParameters) {
  const auto inherits = from_hex(
      "300e"
      "3009"
      "06072a8648ce380401"
      "0301"
      "00");
  EXPECT_FALSE(parse_dsa_public_key(*inherits)) << "a BIT STRING without a number in it";
  const Buffer bare = from_hex(
                          "3011"
                          "3009"
                          "06072a8648ce380401"
                          "0304"
                          "00"
                          "020105")
                          .value();
  const auto key = parse_dsa_public_key(bare);
  ASSERT_TRUE(key) << key.error().summary();
  EXPECT_TRUE(key->inherits());
  EXPECT_EQ(to_hex(key->y), "05");
  const Buffer whole = from_hex(
                           "301c"
                           "3014"
                           "06072a8648ce380401"
                           "3009"
                           "020117"
                           "02010b"
                           "020104"
                           "0304"
                           "00"
                           "020108")
                           .value();
  const auto full = parse_dsa_public_key(whole);
  ASSERT_TRUE(full) << full.error().summary();
  EXPECT_FALSE(full->inherits());
  EXPECT_EQ(to_hex(full->p) + to_hex(full->q) + to_hex(full->g) + to_hex(full->y), "170b0408");
  const Buffer ed25519 = encode_ed25519_public_key_info(Buffer(32, 1));
  EXPECT_EQ(parse_dsa_public_key(ed25519).error().code(), Errc::unsupported);
}

}  // namespace
}  // namespace vouch::x509
