// Fuzz corpora of others, from the folder that VOUCH_TEST_DATA names: hostile certificates, CRLs and OCSP
// answers through everything that a relying party does with them. Nothing crashes, hangs or contradicts
// itself; ./test runs this under the sanitizers as well.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "base/files.hpp"
#include "base/pem.hpp"
#include "crypto/openssl/openssl.hpp"
#include "relying/test_same_crl.hpp"
#include "validate/crl_check.hpp"
#include "validate/validator.hpp"
#include "x509/ocsp.hpp"

namespace vouch {
namespace {

fs::path data() {
  const char* folder = std::getenv("VOUCH_TEST_DATA");
  EXPECT_NE(folder, nullptr) << "VOUCH_TEST_DATA is not set";
  return folder ? folder : "/nonexistent";
}

// The files of an archive by their path in it.
std::map<std::string, Buffer> files_in(const fs::path& archive) {
  std::string folder = (fs::temp_directory_path() / "vouch-corpora-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    ADD_FAILURE() << "no temporary folder";
    return {};
  }
  std::map<std::string, Buffer> out;
  const std::string command = fmt::format("tar -xJf '{}' -C '{}'", archive.string(), folder);
  if (std::system(command.c_str()) != 0) ADD_FAILURE() << "'" << command << "' failed";
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      out[entry.path().lexically_relative(folder).string()] = read_file(entry.path()).value_or(Buffer());
  fs::remove_all(folder);
  return out;
}

// "ok" or "bad" of each file, as OpenSSL 3.0.22 has it.
std::map<std::string, std::string> verdicts_in(const fs::path& table) {
  std::map<std::string, std::string> out;
  std::ifstream in(table);
  EXPECT_TRUE(in) << table << " is missing";
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    out[line.substr(0, first)] = line.substr(first + 1, second - first - 1);
  }
  return out;
}

class Corpora : public testing::Test {
 protected:
  void read_crl(const std::string& name, Bytes der) {
    ++crls_;
    EXPECT_EQ(relying::test::difference(*provider_, der, 40), "") << name;
    if (auto crl = relying::build_crl_index(*provider_, relying::own(to_buffer(der)), name, 1)) {
      ++crls_read_;
      kept_.push_back(*crl);
    }
  }

  // As the target, as an intermediate and as the anchor, among those before it.
  void read_certificate(const std::string& name, Bytes der) {
    ++certificates_;
    auto certificate = validate::Certificate::parse(*provider_, der);
    if (!certificate) return;
    ++certificates_read_;
    seen_.push_back(*certificate);
    if (seen_.size() > 12) seen_.erase(seen_.begin());
    std::vector<validate::TrustAnchor> anchors(1);
    anchors[0].certificate = seen_.front();
    anchors[0].apply_extensions = true;
    const validate::Validator validator(
        provider_, std::make_shared<validate::TrustStore>(std::move(anchors), seen_), nullptr);
    validate::Profile profile;
    profile.purpose = validate::Purpose(certificates_ % 10);
    profile.algorithms.accept_weak = true;
    validate::CrlRevocation revocation(
        {kept_.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(kept_.size(), 8)), kept_.end()}, {});
    const auto decision =
        validator.validate(*certificate, seen_,
                           {(*certificate)->view().not_before,
                            profile,
                            {"www.example.com", "a@b.example", "S-1-5-21-1", "B.EXAMPLE", "a@b.example"},
                            &revocation});
    EXPECT_NE(decision.accepted, validate::decisive(decision) != nullptr) << name;
    EXPECT_FALSE(to_text(decision).empty());
    EXPECT_LE(decision.steps, profile.limits.steps);
  }

  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  std::vector<validate::CertificatePtr> seen_;
  std::vector<validate::CrlPtr> kept_;
  std::size_t crls_ = 0, crls_read_ = 0, certificates_ = 0, certificates_read_ = 0;
};

// What OpenSSL calls bad is refused here, too.
TEST_F(Corpora, OpenSslCrls) {
  const auto files = files_in(data() / "fuzz-openssl/crl.tar.xz");
  const auto verdicts = verdicts_in(data() / "fuzz-openssl/crl.openssl-3.0.22.tsv");
  for (const auto& [path, der] : files) {
    const std::size_t before = crls_read_;
    read_crl(path, der);
    const auto verdict = verdicts.find(fs::path(path).filename().string());
    ASSERT_NE(verdict, verdicts.end()) << path;
    EXPECT_TRUE(crls_read_ == before || verdict->second == "ok")
        << path << " is read here, but bad for OpenSSL";
  }
  EXPECT_GE(files.size(), 2064U) << "the corpus has lost files";
  fmt::print("fuzz-openssl: {} of {} CRLs are read\n", crls_read_, crls_);
}

TEST_F(Corpora, OpenSslCertificates) {
  const auto files = files_in(data() / "fuzz-openssl/x509.tar.xz");
  const auto verdicts = verdicts_in(data() / "fuzz-openssl/x509.openssl-3.0.22.tsv");
  for (const auto& [path, der] : files) {
    const std::size_t before = certificates_read_;
    read_certificate(path, der);
    const auto verdict = verdicts.find(fs::path(path).filename().string());
    ASSERT_NE(verdict, verdicts.end()) << path;
    EXPECT_TRUE(certificates_read_ == before || verdict->second == "ok")
        << path << " is read here, but bad for OpenSSL";
  }
  EXPECT_GE(files.size(), 849U) << "the corpus has lost files";
  fmt::print("fuzz-openssl: {} of {} certificates are read\n", certificates_read_, certificates_);
}

// Whatever a file was made for, it goes through every reader.
TEST_F(Corpora, BoringSsl) {
  const auto files = files_in(data() / "fuzz-boringssl/corpora.tar.xz");
  std::size_t answers = 0;
  for (const auto& [path, octets] : files) {
    read_crl(path, octets);
    read_certificate(path, octets);
    answers +=
        x509::parse_ocsp_response(octets).has_value() || x509::parse_ocsp_response_data(octets).has_value();
    (void)x509::parse_ocsp_request(octets);
    (void)x509::parse_name(octets);
    (void)x509::parse_issuing_distribution_point(octets);
    (void)x509::parse_distribution_points(octets);
    (void)x509::parse_authority_key_identifier(octets);
    (void)x509::parse_public_key_info(octets);
    (void)parse_pem(as_text(octets));
    (void)provider_->load_private_key(octets, "");
  }
  EXPECT_GE(files.size(), 1075U - 80U) << "the corpus has lost files";
  EXPECT_GE(answers, 1U) << "few of them are whole";
  EXPECT_GT(certificates_read_, 300U);
  fmt::print("fuzz-boringssl: {} files, {} certificates, {} CRLs and {} OCSP answers are read\n",
             files.size(), certificates_read_, crls_read_, answers);
}

// CRLs of other suites, whole and well-meant.
TEST_F(Corpora, CrlsOfTheOtherSuites) {
  for (const char* suite : {"pkits-2011", "boringssl-pki", "real-world"})
    for (const auto& entry : fs::recursive_directory_iterator(data() / suite)) {
      if (!entry.is_regular_file()) continue;
      const Buffer octets = read_file(entry.path()).value();
      if (entry.path().extension() == ".crl") {
        read_crl(entry.path().filename(), octets);
      } else if (entry.path().extension() == ".pem") {
        if (const auto blocks = parse_pem(as_text(octets)))
          for (const PemBlock& block : *blocks)
            if (block.label == "CRL" || block.label == "X509 CRL")
              read_crl(entry.path().filename(), block.der);
      }
    }
  EXPECT_GE(crls_, 173U + 60U + 4U) << "the suites have lost CRLs";
  fmt::print("{} of {} CRLs are read\n", crls_read_, crls_);
}

}  // namespace
}  // namespace vouch
