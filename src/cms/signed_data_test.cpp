#include "cms/signed_data.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "cms/test_messages.hpp"

namespace vouch::cms {
namespace {

using testing::HasSubstr;

class SignedData : public CmsTest {
 protected:
  SignedDataView parse(Bytes der) const {
    auto view = parse_signed_data(der);
    EXPECT_TRUE(view.has_value()) << (view ? "" : view.error().report());
    return view.value_or(SignedDataView());
  }
  // The single signer's report.
  SignerReport only(const SignedDataView& view, const VerifyOptions& options = {}) const {
    const auto reports = verify_signers(provider(), view, options);
    EXPECT_EQ(reports.size(), 1u);
    return reports.empty() ? SignerReport() : reports.front();
  }
  const Buffer content_ = test_file("content.txt");
};

struct Case {
  const char* file;
  SignatureAlgorithm algorithm;
  const char* certificate;
};

TEST_F(SignedData, VerifiesWhatOtherProgramsSign) {
  for (const Case& test : {Case{"signed-rsa.der", SignatureAlgorithm::rsa_pkcs1_sha256, "rsa.pem"},
                           {"signed-stream.ber", SignatureAlgorithm::rsa_pkcs1_sha256, "rsa.pem"},
                           {"signed-noattr.der", SignatureAlgorithm::rsa_pkcs1_sha256, "rsa.pem"},
                           {"signed-sha512.der", SignatureAlgorithm::rsa_pkcs1_sha512, "rsa.pem"},
                           {"signed-sha1.der", SignatureAlgorithm::rsa_pkcs1_sha1, "rsa.pem"},
                           {"signed-pss.der", SignatureAlgorithm::rsa_pss_sha256, "rsa.pem"},
                           {"signed-ec.der", SignatureAlgorithm::ecdsa_sha256, "ec.pem"},
                           {"signed-keyid.ber", SignatureAlgorithm::ecdsa_sha384, "ec.pem"},
                           {"signed-certtool.der", SignatureAlgorithm::rsa_pkcs1_sha256, "rsa.pem"}}) {
    const Buffer der = test_message(test.file);
    const SignedDataView view = parse(der);
    ASSERT_TRUE(view.content.has_value()) << test.file;
    EXPECT_TRUE(equal(*view.content, content_)) << test.file;
    EXPECT_EQ(view.content_type, oid::kData);
    const SignerReport report = only(view);
    EXPECT_TRUE(report.status.has_value()) << test.file << ": " << report.status.error().report();
    EXPECT_EQ(report.algorithm, test.algorithm) << test.file;
    EXPECT_TRUE(equal(report.certificate, test_certificate(test.certificate))) << test.file;
  }
}

TEST_F(SignedData, ReadsSigningTime) {
  const Buffer der = test_message("signed-rsa.der");
  const auto time = only(parse(der)).signing_time;
  ASSERT_TRUE(time.has_value());
  // Signed after the signer's certificate was made, and within the hour.
  const Buffer certificate = test_certificate("rsa.pem");
  const auto made = x509::parse_certificate(certificate).value().not_before;
  EXPECT_GE(*time, made);
  EXPECT_LT(*time, made + std::chrono::hours(1));
  const Buffer plain = test_message("signed-noattr.der");
  EXPECT_FALSE(only(parse(plain)).signing_time.has_value());
}

TEST_F(SignedData, VerifiesEachOfSeveralSigners) {
  const Buffer der = test_message("signed-two.der");
  const SignedDataView view = parse(der);
  const auto reports = verify_signers(provider(), view);
  ASSERT_EQ(reports.size(), 2u);
  std::vector<Buffer> certificates;
  for (const SignerReport& report : reports) {
    EXPECT_TRUE(report.status.has_value()) << report.status.error().report();
    certificates.push_back(to_buffer(report.certificate));
  }
  EXPECT_THAT(certificates,
              testing::UnorderedElementsAre(test_certificate("rsa.pem"), test_certificate("ec.pem")));
}

TEST_F(SignedData, SaysWhenTheSignersCertificateIsNotThere) {
  const Buffer der = test_message("signed-nocerts.der");
  const SignedDataView view = parse(der);
  const SignerReport report = only(view);
  ASSERT_FALSE(report.status.has_value());
  EXPECT_EQ(report.status.error().code(), Errc::not_found);
  EXPECT_THAT(std::string(report.status.error().message()), HasSubstr("CN=rsa"));
  EXPECT_TRUE(report.certificate.empty());
  const std::vector<Buffer> known{test_certificate("ec.pem"), test_certificate("rsa.pem")};
  const SignerReport found = only(view, {.detached_content = {}, .certificates = known});
  EXPECT_TRUE(found.status.has_value()) << found.status.error().report();
}

TEST_F(SignedData, VerifiesDetachedContent) {
  for (const char* file : {"signed-detached.der", "signed-certtool-detached.der"}) {
    const Buffer der = test_message(file);
    const SignedDataView view = parse(der);
    EXPECT_FALSE(view.content.has_value());
    EXPECT_EQ(only(view).status.error().code(), Errc::not_found) << file;
    EXPECT_TRUE(only(view, {.detached_content = Bytes(content_), .certificates = {}}).status.has_value())
        << file;
    const Buffer other = to_buffer(as_bytes("something else"));
    const Status refused = only(view, {.detached_content = Bytes(other), .certificates = {}}).status;
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::denied);
    EXPECT_THAT(std::string(refused.error().message()), HasSubstr("digest differs"));
  }
}

TEST_F(SignedData, KeepsTheContentType) {
  const Buffer der = test_message("signed-type.der");
  const SignedDataView view = parse(der);
  EXPECT_EQ(view.content_type, oid::kPkiData);
  EXPECT_TRUE(only(view).status.has_value());
}

// No octet of content, attributes, key or signature can change: whatever is still read does not verify.
TEST_F(SignedData, RefusesEveryChangedOctet) {
  for (const char* file : {"signed-ec.der", "signed-noattr.der"}) {
    const Buffer good = test_message(file);
    const SignedDataView view = parse(good);
    // What the signature is over, and what it is verified with.
    const SignerInfoView& signer = view.signers.front();
    const auto certificate = x509::parse_certificate(view.certificates.front()).value();
    std::vector<Bytes> covered{*view.content, signer.signature, certificate.public_key_info};
    if (!signer.signed_attributes_der.empty()) covered.push_back(signer.signed_attributes_der);
    std::size_t tried = 0;
    for (const Bytes part : covered) {
      const auto start = static_cast<std::size_t>(part.data() - good.data());
      for (std::size_t i = start; i < start + part.size(); ++i, ++tried) {
        Buffer bad = good;
        bad[i] ^= 0x01;
        const auto changed = parse_signed_data(bad);
        if (!changed) continue;
        const auto reports = verify_signers(provider(), *changed);
        EXPECT_FALSE(!reports.empty() && reports.front().status.has_value()) << file << ", octet " << i;
      }
    }
    EXPECT_GT(tried, 300u);
  }
}

// RFC 5652 5.3: content of another type than id-data is signed with attributes, or a signature over
// attributes could be passed off as one over content.
TEST_F(SignedData, RefusesAttributesPassedOffAsContent) {
  const Buffer der = test_message("signed-rsa.der");
  SignedDataView view = parse(der);
  Buffer attributes = to_buffer(view.signers[0].signed_attributes_der);
  attributes[0] = 0x31;
  view.content = attributes;
  view.signers[0].signed_attributes_der = {};
  view.signers[0].signed_attributes.clear();
  const SignerReport report = only(view);
  ASSERT_FALSE(report.status.has_value());
  EXPECT_THAT(std::string(report.status.error().message()), HasSubstr("set of attributes"));

  const Buffer plain = test_message("signed-noattr.der");
  SignedDataView typed = parse(plain);
  typed.content_type = oid::kPkiData;
  EXPECT_EQ(only(typed).status.error().code(), Errc::denied);
}

TEST_F(SignedData, RefusesASignatureAlgorithmThatHidesAnotherDigest) {
  const Buffer der = test_message("signed-ec.der");
  SignedDataView view = parse(der);
  const Buffer sha1 = hex("300906052b0e03021a0500");
  asn1::Reader reader(sha1);
  view.signers[0].digest_algorithm = x509::parse_algorithm_identifier(reader).value();
  const SignerReport report = only(view);
  ASSERT_FALSE(report.status.has_value());
  EXPECT_THAT(std::string(report.status.error().message()), HasSubstr("does not go with digest"));
}

TEST_F(SignedData, WantsEachSignedAttributeOnceWithOneValue) {
  const Buffer der = test_message("signed-rsa.der");
  const auto status_with = [&](auto change) {
    SignedDataView view = parse(der);
    change(view.signers[0].signed_attributes);
    return only(view).status;
  };
  using Attributes = std::vector<AttributeView>;
  for (const Oid& type : {oid::kContentType, oid::kMessageDigest}) {
    const auto is = [&](const AttributeView& a) { return a.type == type; };
    EXPECT_EQ(status_with([&](Attributes& all) { std::erase_if(all, is); }).error().code(), Errc::denied);
    EXPECT_EQ(
        status_with([&](Attributes& all) { all.push_back(*std::ranges::find_if(all, is)); }).error().code(),
        Errc::malformed);
    const Buffer two = hex("05000500");
    EXPECT_EQ(
        status_with([&](Attributes& all) { std::ranges::find_if(all, is)->values = two; }).error().code(),
        Errc::malformed);
    EXPECT_EQ(
        status_with([&](Attributes& all) { std::ranges::find_if(all, is)->values = {}; }).error().code(),
        Errc::malformed);
  }
}

TEST_F(SignedData, ReadsCertificatesAlone) {
  const std::vector<Buffer> expected{test_certificate("rsa.pem"), test_certificate("ec.pem")};
  EXPECT_THAT(certificates_of(test_file("certificates.p7b")).value(),
              testing::UnorderedElementsAreArray(expected));
  const Buffer ours = encode_certificates_only({expected[0], expected[1]});
  EXPECT_EQ(certificates_of(ours).value(), expected) << "in the order they were given";
  EXPECT_EQ(ours, test_file("certificates.p7b")) << "as openssl crl2pkcs7 writes it";
  EXPECT_EQ(certificates_of(test_file("enveloped-aes256.der")).error().code(), Errc::not_found);
  EXPECT_EQ(certificates_of(encode_certificates_only({})).error().code(), Errc::malformed);
  EXPECT_EQ(certificates_of(expected[0]).error().code(), Errc::malformed);
}

TEST_F(SignedData, TellsMessagesFromCertificates) {
  EXPECT_TRUE(looks_like_content_info(test_file("signed-stream.ber")));
  EXPECT_TRUE(looks_like_content_info(test_file("certificates.p7b")));
  EXPECT_FALSE(looks_like_content_info(test_certificate("rsa.pem")));
  for (const char* short_one : {"", "30", "3080", "3082", "308201", "30820100"})
    EXPECT_FALSE(looks_like_content_info(hex(short_one))) << short_one;
}

TEST_F(SignedData, VerifiesWhatItSigns) {
  for (const char* spec : {"rsa:2048", "rsa-pss:2048", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519"}) {
    const auto key = generate(spec);
    const bool pss = std::string_view(spec).starts_with("rsa-pss");
    const auto signer = signer_of(*key, pss);
    const Buffer certificate = certificate_of(*key, spec);
    const auto view = x509::parse_certificate(certificate).value();
    const Time now{std::chrono::seconds{1'795'000'000}};
    SignedDataInput input;
    input.content = content_;
    input.certificates = {certificate};
    for (const bool by_key : {false, true}) {
      SignerInput one;
      one.signer = signer.get();
      one.identifier = by_key ? key_identifier_of(view).value() : identifier_of(view);
      one.signing_time = now;
      const Buffer message = encode_signed_data(provider(), input, std::span(&one, 1)).value();
      EXPECT_EQ(to_der(message).value(), message) << "it is DER";
      const SignedDataView read = parse(message);
      EXPECT_EQ(to_hex(read.version), by_key ? "03" : "01");
      const SignerReport report = only(read);
      EXPECT_TRUE(report.status.has_value()) << spec << ": " << report.status.error().report();
      EXPECT_EQ(report.algorithm, signer->algorithm());
      EXPECT_EQ(report.signing_time, now);
    }
  }
}

TEST_F(SignedData, SignsForSeveralAtOnceAndDetached) {
  const auto first = generate("rsa:2048"), second = generate("ec:P-384");
  const auto signer_a = signer_of(*first), signer_b = signer_of(*second);
  const Buffer a = certificate_of(*first, "a"), b = certificate_of(*second, "b");
  SignerInput inputs[2];
  inputs[0].signer = signer_a.get();
  inputs[0].identifier = identifier_of(x509::parse_certificate(a).value());
  inputs[1].signer = signer_b.get();
  inputs[1].identifier = identifier_of(x509::parse_certificate(b).value());
  SignedDataInput input;
  input.content = content_;
  input.detached = true;
  input.certificates = {a, b};
  const Buffer message = encode_signed_data(provider(), input, inputs).value();
  const SignedDataView view = parse(message);
  EXPECT_FALSE(view.content.has_value());
  EXPECT_EQ(view.digest_algorithms.size(), 2u);
  const auto reports =
      verify_signers(provider(), view, {.detached_content = Bytes(content_), .certificates = {}});
  ASSERT_EQ(reports.size(), 2u);
  for (const SignerReport& report : reports) EXPECT_TRUE(report.status.has_value());
}

// A name that a device encoded with another string type is the same name (RFC 5280 7.1); another name with
// the same serial is not.
TEST_F(SignedData, FindsTheSignerWhoseIssuerIsEncodedAnew) {
  const Buffer der = test_certificate("rsa.pem");
  const auto certificate = x509::parse_certificate(der).value();
  x509::Name name = x509::parse_name(certificate.issuer).value();
  for (auto& rdn : name.rdns)
    for (auto& attribute : rdn) attribute.string_type = asn1::Tag::printable_string;
  Buffer encoded = x509::encode_name(name);
  EXPECT_FALSE(equal(encoded, certificate.issuer));
  EXPECT_TRUE(identifies({encoded, certificate.serial, {}}, certificate));
  name.rdns.pop_back();
  encoded = x509::encode_name(name);
  EXPECT_FALSE(identifies({encoded, certificate.serial, {}}, certificate));
}

TEST_F(SignedData, RefusesOtherMessagesAndTooMuchOfEverything) {
  const Buffer enveloped = test_file("enveloped-aes256.der");
  EXPECT_EQ(parse_signed_data(enveloped).error().code(), Errc::not_found);
  const std::vector<Bytes> none;
  const Buffer certificate = test_certificate("ec.pem");
  const std::vector<Bytes> many(kMaxCertificates + 1, Bytes(certificate));
  EXPECT_EQ(parse_signed_data(encode_certificates_only(many)).error().code(), Errc::limit_exceeded);
}

}  // namespace
}  // namespace vouch::cms
