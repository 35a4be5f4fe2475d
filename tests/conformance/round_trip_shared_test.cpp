// The same over the suites of the folder that VOUCH_TEST_DATA names, and OpenSSL's fuzz corpora held against
// what OpenSSL's own parser says of each file.

#include <gtest/gtest.h>
#include <stdlib.h>  // mkdtemp

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "suite.hpp"

namespace vouch::conformance {
namespace {

fs::path data(const std::string& suite) {
  const char* folder = std::getenv("VOUCH_TEST_DATA");
  EXPECT_NE(folder, nullptr) << "VOUCH_TEST_DATA is not set";
  return fs::path(folder ? folder : "/nonexistent") / suite;
}

TEST(SharedRoundTrip, Pkits2011) { check_suite("pkits-2011", data("pkits-2011"), 578); }
TEST(SharedRoundTrip, RealWorld) { check_suite("real-world", data("real-world"), 33); }
TEST(SharedRoundTrip, BoringSslPki) { check_suite("boringssl-pki", data("boringssl-pki"), 200); }

// A folder that goes away again.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "vouch-corpus-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// A row of the table: file, ok|bad, octets consumed, whether OpenSSL re-encodes it the same, entries.
struct OpensslRow {
  std::string file, verdict;
  std::size_t consumed = 0;
  int same = 0, entries = 0;
};

// Nothing crashes, and what OpenSSL does not read, or reads only in part, we do not read either.
void check_corpus(const std::string& name, Kind kind, std::size_t least) {
  const fs::path folder = data("fuzz-openssl");
  const TemporaryFolder temporary;
  ASSERT_FALSE(temporary.path().empty());
  const std::string unpack =
      fmt::format("tar -xJf '{}' -C '{}'", (folder / (name + ".tar.xz")).string(), temporary.path().string());
  ASSERT_EQ(std::system(unpack.c_str()), 0) << unpack;

  const auto listed = expected_of("fuzz-openssl/" + name);
  const auto is_listed = [&](const std::string& file) {
    return std::ranges::any_of(listed, [&](const Row& row) { return row.file == file; });
  };
  std::ifstream table(folder / (name + ".openssl-3.0.22.tsv"));
  ASSERT_TRUE(table) << "the table of OpenSSL's verdicts is missing";
  std::size_t all = 0, read = 0, same = 0, openssl_reads = 0;
  for (std::string line; std::getline(table, line); ++all) {
    OpensslRow row;
    std::istringstream(line) >> row.file >> row.verdict >> row.consumed >> row.same >> row.entries;
    std::ifstream in(temporary.path() / name / row.file, std::ios::binary);
    ASSERT_TRUE(in) << row.file << " is not in the archive";
    const Buffer der(std::istreambuf_iterator<char>(in), {});
    const bool openssl_ok = row.verdict == "ok" && row.consumed == der.size();
    openssl_reads += openssl_ok;
    const bool accepted = read_only(kind, der).has_value();
    const Outcome outcome = round_trip(kind, der);
    if (outcome.verdict == Verdict::same) ++same;
    if (!accepted) continue;
    ++read;
    EXPECT_TRUE(openssl_ok || is_listed(row.file))
        << name << "/" << row.file << " is read, though OpenSSL says " << line;
  }
  EXPECT_GE(all, least) << "the corpus has lost files";
  EXPECT_GT(same, 0u);
  fmt::print(
      "fuzz-openssl/{}: {} files, OpenSSL reads {}, we read {} and write {} again as the same octets\n", name,
      all, openssl_reads, read, same);
}

TEST(SharedCorpus, NothingThatOpensslRefusesAsACertificateIsRead) {
  check_corpus("x509", Kind::certificate, 849);
}
TEST(SharedCorpus, NothingThatOpensslRefusesAsACrlIsRead) { check_corpus("crl", Kind::crl, 2064); }

}  // namespace
}  // namespace vouch::conformance
