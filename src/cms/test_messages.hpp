#pragma once
// What the tests of this room share: the files of testdata/cms (its README says who made them), and a key.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/pem.hpp"
#include "cms/enveloped_data.hpp"
#include "cms/signed_data.hpp"
#include "crypto/openssl/openssl.hpp"

namespace vouch::cms {

inline Buffer test_file(const std::string& name) {
  std::ifstream in("testdata/cms/" + name, std::ios::binary);
  Buffer octets(std::istreambuf_iterator<char>(in), {});
  EXPECT_FALSE(octets.empty()) << "testdata/cms/" << name << " cannot be read";
  return octets;
}
// A message as DER.
inline Buffer test_message(const std::string& name) {
  auto der = to_der(test_file(name));
  EXPECT_TRUE(der.has_value()) << name << ": " << (der ? "" : der.error().report());
  return der.value_or(Buffer());
}
inline Buffer test_certificate(const std::string& name) {
  return parse_pem(as_text(test_file(name))).value().front().der;
}
inline Buffer hex(std::string_view text) { return from_hex(text).value(); }

class CmsTest : public testing::Test {
 protected:
  const crypto::Provider& provider() const { return *provider_; }
  std::unique_ptr<crypto::PrivateKey> generate(std::string_view spec) const {
    return provider_->generate(crypto::parse_key_spec(spec).value()).value();
  }
  std::unique_ptr<crypto::Signer> signer_of(const crypto::PrivateKey& key, bool pss = false) const {
    const auto info = x509::parse_public_key_info(key.public_key_info()).value();
    return key.signer(crypto::signature_algorithm_for({info.type, info.bits, pss}, {}).value()).value();
  }
  // A self-signed certificate with a subjectKeyIdentifier.
  Buffer certificate_of(const crypto::PrivateKey& key, std::string_view name) const {
    const auto signer = signer_of(key);
    const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, name}}));
    const Buffer identifier = crypto::key_identifier(*provider_, key.public_key_info()).value();
    const x509::TbsTemplate encoder(signer->algorithm(), subject,
                                    {x509::make_extension(x509::oid::kSubjectKeyIdentifier, false,
                                                          x509::encode_subject_key_identifier(identifier))});
    const Time now{std::chrono::seconds{1'795'000'000}};
    const Buffer serial{1, 2, 3};
    const Buffer tbs =
        encoder.fill({serial, now, now + std::chrono::days(30), subject, key.public_key_info(), {}});
    return x509::encode_certificate(tbs, x509::encode(signer->algorithm()), signer->sign(tbs).value());
  }

 private:
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
};

}  // namespace vouch::cms
