#include "relying/sync/output.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "crypto/openssl/openssl.hpp"
#include "x509/name.hpp"

namespace vouch::relying {
namespace {

using testing::UnorderedElementsAre;
namespace oid = x509::oid;

class OutputTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-output.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }
  std::vector<std::string> files(const fs::path& in) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(in)) names.push_back(entry.path().filename().string());
    return names;
  }
  std::string hash(const x509::Name& name) const {
    return openssl_name_hash(*provider, x509::encode_name(name)).value();
  }
  fs::path folder;
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
};

x509::Name dn(std::string_view text) { return x509::name_from_rfc4514(text).value(); }

// What `openssl x509 -noout -subject_hash` (3.0) prints for these subjects.
TEST_F(OutputTest, HashesAreThoseOfOpenssl) {
  EXPECT_EQ(hash(dn("CN=Vouch Test Root,O=Vouch Test")), "351d565a");
  // Case and white space make no difference, nor does the string type.
  EXPECT_EQ(hash(dn("CN=vouch  TEST   root,O=Vouch Test")), "351d565a");
  EXPECT_EQ(hash(dn("CN=Prüfstelle,O=Größe,C=DE")), "03de20f6");
  // Several attributes in one RDN.
  EXPECT_EQ(hash(dn("CN=web+OU=Servers,C=DE")), "d7c3c8dc");
}

TEST_F(OutputTest, AFolderHasOneFileForEachAndKeepsTheFilesOfOthers) {
  const SyncTarget target{.name = "t", .output = folder / "crls", .form = OutputForm::directory};
  const Buffer root = x509::encode_name(dn("CN=Root")), other = x509::encode_name(dn("CN=Other"));
  OutputContent content;
  content.crls = {{{1}, root}, {{2}, root}, {{3}, other}};
  EXPECT_TRUE(write_output(*provider, target, content).value());
  const std::string r = hash(dn("CN=Root")), o = hash(dn("CN=Other"));
  EXPECT_THAT(files(target.output), UnorderedElementsAre(r + ".r0", r + ".r1", o + ".r0"));
  EXPECT_FALSE(write_output(*provider, target, content).value()) << "nothing has changed";

  ASSERT_TRUE(write_file_atomic(target.output / "README", as_bytes("mine")));
  content.crls = {{{4}, root}};
  content.certificates = {{{5}, root}};
  EXPECT_TRUE(write_output(*provider, target, content).value());
  EXPECT_THAT(files(target.output), UnorderedElementsAre(r + ".r0", r + ".0", "README"));
}

TEST_F(OutputTest, OneFile) {
  SyncTarget target{.name = "t", .output = folder / "crls.pem", .mode = 0600};
  OutputContent content;
  content.crls = {{{1}, {}}, {{2}, {}}};
  EXPECT_TRUE(write_output(*provider, target, content).value());
  EXPECT_EQ(as_text(read_file(target.output).value()),
            "-----BEGIN X509 CRL-----\nAQ==\n-----END X509 CRL-----\n"
            "-----BEGIN X509 CRL-----\nAg==\n-----END X509 CRL-----\n");
  EXPECT_EQ(fs::status(target.output).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  target.form = OutputForm::der;
  content.crls.pop_back();
  EXPECT_TRUE(write_output(*provider, target, content).value());
  EXPECT_EQ(read_file(target.output).value(), Buffer{1});
  EXPECT_FALSE(write_output(*provider, target, content).value());
}

TEST_F(OutputTest, AFolderThatCannotBeMade) {
  ASSERT_TRUE(write_file_atomic(folder / "file", as_bytes("x")));
  const SyncTarget target{.name = "t", .output = folder / "file" / "crls.pem"};
  OutputContent content;
  content.crls = {{{1}, {}}};
  const auto written = write_output(*provider, target, content);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().report(), testing::HasSubstr((folder / "file").string()));
}

}  // namespace
}  // namespace vouch::relying
