// OpenSSL's fuzz corpus of CMS messages, held against what OpenSSL's own parser says of each file: nothing
// crashes, and what OpenSSL does not read we do not read either, but for the files that refused.tsv lists.

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cms/enveloped_data.hpp"
#include "cms/signed_data.hpp"
#include "crypto/openssl/openssl.hpp"
#include "suite.hpp"
#include "x509/crl.hpp"

namespace vouch::conformance {
namespace {

// A message with everything in it that OpenSSL parses as well: certificates and CRLs.
Status read_message(const crypto::Provider& provider, Bytes input, std::string& type) {
  const Buffer der = TRY(cms::to_der(input));
  const cms::ContentInfoView info = TRY(cms::parse_content_info(der));
  type = info.type == cms::oid::kSignedData      ? "SignedData"
         : info.type == cms::oid::kEnvelopedData ? "EnvelopedData"
                                                 : "other";
  if (info.type == cms::oid::kEnvelopedData) {
    (void)TRY(cms::parse_enveloped_data(der));
    return ok();
  }
  const cms::SignedDataView view = TRY(cms::parse_signed_data(der));
  for (const Bytes certificate : view.certificates) (void)TRY(x509::parse_certificate(certificate));
  for (const Bytes crl : view.crls) (void)TRY(x509::parse_crl(crl));
  EXPECT_EQ(cms::verify_signers(provider, view).size(), view.signers.size());
  return ok();
}

TEST(SharedCorpus, NothingThatOpensslRefusesAsAMessageIsRead) {
  const char* data = std::getenv("VOUCH_TEST_DATA");
  ASSERT_NE(data, nullptr) << "VOUCH_TEST_DATA is not set";
  const fs::path folder = fs::path(data) / "fuzz-openssl";
  std::string unpacked = (fs::temp_directory_path() / "vouch-cms-XXXXXX").string();
  ASSERT_NE(mkdtemp(unpacked.data()), nullptr);
  const std::string unpack = fmt::format("tar -xJf '{}' -C '{}'", (folder / "cms.tar.xz").string(), unpacked);
  ASSERT_EQ(std::system(unpack.c_str()), 0) << unpack;

  auto listed = expected_of("fuzz-openssl/cms");
  const auto provider = crypto::openssl::make_provider();
  std::ifstream table(folder / "cms.openssl-3.0.22.tsv");
  ASSERT_TRUE(table) << "the table of OpenSSL's verdicts is missing";
  std::map<std::string, std::size_t> openssl_reads, read;
  std::size_t all = 0;
  for (std::string line; std::getline(table, line); ++all) {
    std::string file, verdict, type = "other";
    std::size_t consumed = 0;
    std::istringstream(line) >> file >> verdict >> consumed;
    std::ifstream in(fs::path(unpacked) / "cms" / file, std::ios::binary);
    ASSERT_TRUE(in) << file << " is not in the archive";
    const Buffer input(std::istreambuf_iterator<char>(in), {});
    const bool openssl_ok = verdict == "ok" && consumed == input.size();
    const Status status = read_message(*provider, input, type);
    openssl_reads[type] += openssl_ok;
    read[type] += status.has_value();
    const auto row = std::ranges::find(listed, file, &Row::file);
    if (row != listed.end()) row->used = true;
    EXPECT_EQ(status.has_value() && !openssl_ok, row != listed.end())
        << file << ": we say " << (status ? "ok" : status.error().summary()) << ", OpenSSL says " << line;
  }
  fs::remove_all(unpacked);
  EXPECT_EQ(all, 1389u) << "the corpus has lost files";
  for (const Row& row : listed)
    EXPECT_TRUE(row.used) << "refused.tsv lists " << row.file << ", which is not there";
  for (const auto& [type, count] : openssl_reads)
    fmt::print("fuzz-openssl/cms: {}: OpenSSL reads {}, we read {}\n", type, count, read[type]);
  // What OpenSSL reads beyond that has SETs and CHOICEs under primitive or foreign tags.
  EXPECT_GE(read["SignedData"], 15u);
  EXPECT_GE(read["EnvelopedData"], 87u);
}

}  // namespace
}  // namespace vouch::conformance
