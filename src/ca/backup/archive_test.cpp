#include "ca/backup/archive.hpp"

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    write("db", std::string(200'000, 'd') + "end");
    write("key", "a private key");
    write("empty", "");
    manifest.program = "vouch test";
    manifest.created_at = kTestNow;
    manifest.host = "ca.example.com";
    manifest.home = "/var/lib/vouch";
    manifest.authorities = {{"Root Zürich", "root", 12, 3, 4}};
    manifest.requests = 20;
    manifest.audit_size = 30;
    manifest.audit_root = "00ff";
  }
  void write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(folder.path() / name, as_bytes(text), 0600));
  }
  Buffer archive(std::string_view passphrase = "") {
    const auto written = write_archive(*provider, file, passphrase, manifest,
                                       {{"vouch.db", folder.path() / "db"},
                                        {"vouch.toml", folder.path() / "empty"},
                                        {"keys/a.key", folder.path() / "key"}});
    EXPECT_TRUE(written) << written.error().report();
    if (written) manifest = *written;
    return read_file(file).value();
  }
  Result<Manifest> read(Bytes octets, std::string_view passphrase = "") {
    content.clear();
    const auto opened = TRY(open_archive(*provider, memory_source(octets),
                                         [&]() -> Result<std::string> { return std::string(passphrase); }));
    return read_archive(*provider, *opened.source, [&](const ArchiveMember& member, Bytes piece) {
      content[member.name] += as_text(piece);
      return ok();
    });
  }

  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  TemporaryFolder folder;
  fs::path file = folder.path() / "backup.tar";
  Manifest manifest;
  std::map<std::string, std::string> content;
};

TEST_F(ArchiveTest, WhatGoesInComesOut) {
  for (const char* passphrase : {"", "secret"}) {
    const Buffer octets = archive(passphrase);
    const auto found = read(octets, passphrase);
    ASSERT_TRUE(found) << found.error().report();
    EXPECT_EQ(*found, manifest);
    EXPECT_EQ(content["vouch.db"], std::string(200'000, 'd') + "end");
    EXPECT_EQ(content["keys/a.key"], "a private key");
    EXPECT_EQ(content["vouch.toml"], "");
    EXPECT_EQ(fs::status(file).permissions(), fs::perms(0600));
  }
}

// tar(1) reads it too.
TEST_F(ArchiveTest, AnUnsealedOneIsATarArchive) {
  (void)archive();
  const std::string out = (folder.path() / "listing").string();
  ASSERT_EQ(std::system(("tar -tf '" + file.string() + "' >'" + out + "' 2>&1").c_str()), 0);
  EXPECT_EQ(as_text(read_file(out).value()),
            "manifest.json\nmanifest.sha256\nvouch.db\nvouch.toml\nkeys/a.key\n");
  ASSERT_EQ(std::system(("cd '" + folder.path().string() +
                         "' && mkdir x && tar -xf backup.tar -C x && cmp x/vouch.db db && "
                         "cmp x/keys/a.key key && cd x && sha256sum --quiet -c manifest.sha256")
                            .c_str()),
            0);
}

TEST_F(ArchiveTest, TheKeyIsNotReadableInASealedOne) {
  const Buffer octets = archive("secret");
  EXPECT_EQ(as_text(octets).find("a private key"), std::string_view::npos);
  EXPECT_NE(as_text(archive()).find("a private key"), std::string_view::npos);
}

TEST_F(ArchiveTest, EachChangedOctetIsFoundAndTheMemberNamed) {
  write("db", std::string(3000, 'd'));
  const Buffer whole = archive();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Buffer changed = whole;
    changed[at] ^= 0x01;
    const auto found = read(changed);
    ASSERT_FALSE(found) << at;
    EXPECT_THAT(found.error().code(), AnyOf(Errc::malformed, Errc::unsupported)) << at;
    EXPECT_THAT(
        std::string(found.error().message()),
        AnyOf(HasSubstr("manifest"), HasSubstr("vouch.db"), HasSubstr("vouch.toml"), HasSubstr("keys/a.key"),
              HasSubstr("the end"), HasSubstr("no backup"), HasSubstr("format")))
        << at;
  }
}

TEST_F(ArchiveTest, EachCutIsFound) {
  write("db", std::string(3000, 'd'));
  const Buffer whole = archive();
  for (std::size_t size = 0; size < whole.size(); size += 7)
    EXPECT_FALSE(read(Bytes(whole).first(size))) << size;
  Buffer longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(read(longer));
}

TEST_F(ArchiveTest, ChangedCutAndReorderedPiecesOfASealedOneAreFound) {
  const Buffer whole = archive("secret");
  constexpr std::size_t kHeader = 36, kPiece = 65536 + 16;
  for (std::size_t at = kHeader; at < whole.size(); at += 9973) {
    Buffer changed = whole;
    changed[at] ^= 0x80;
    const auto found = read(changed, "secret");
    ASSERT_FALSE(found) << at;
    EXPECT_THAT(std::string(found.error().message()), HasSubstr("octets")) << at;
  }
  // Whole pieces cut off: the last one that is left does not say that it is the last.
  for (std::size_t pieces = 0; pieces < 3; ++pieces)
    EXPECT_FALSE(read(Bytes(whole).first(kHeader + pieces * kPiece), "secret")) << pieces;
  Buffer swapped = whole;
  std::swap_ranges(swapped.begin() + kHeader, swapped.begin() + kHeader + kPiece,
                   swapped.begin() + kHeader + kPiece);
  EXPECT_FALSE(read(swapped, "secret"));
}

TEST_F(ArchiveTest, AWrongPassphraseIsDenied) {
  const auto found = read(archive("secret"), "wrong");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::denied);
}

TEST_F(ArchiveTest, ANewerFormatIsUnsupported) {
  manifest.format = 2;
  const auto found = read(archive());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::unsupported);
  EXPECT_THAT(std::string(found.error().message()), HasSubstr("format 2"));
}

TEST_F(ArchiveTest, NamesThatLeadElsewhereAreNoMembers) {
  for (const char* good : {"vouch.db", "keys/a.key", "keys/Müller CA-00ff.key", "CAPolicy.inf"})
    EXPECT_TRUE(is_member_name(good)) << good;
  for (const char* bad :
       {"", "keys/", "keys/..", "keys/../vouch.db", "keys/.hidden", "../vouch.db", "/etc/passwd", "keys/a/b",
        "fence/CA.log", "vouch.db\n", "keys/a\nb", "published/a.crl"})
    EXPECT_FALSE(is_member_name(bad)) << bad;
  manifest.members = {{"../evil", 3, Buffer(32, 0)}};
  EXPECT_FALSE(parse_manifest(format_manifest(manifest)));
}

TEST_F(ArchiveTest, WhatKilledRunsLeftIsRemoved) {
  for (int i = 0; i < 40; ++i) write(fmt::format("backup.tar.unfinished.Ab12C{}", i), "half");
  write("backup.tar.sha256", "the administrator's own");
  (void)archive();
  for (int i = 0; i < 40; ++i)
    EXPECT_FALSE(fs::exists(folder.path() / fmt::format("backup.tar.unfinished.Ab12C{}", i)));
  EXPECT_TRUE(fs::exists(folder.path() / "backup.tar.sha256"));
}

// Of another home, into the same file.
TEST_F(ArchiveTest, WhatSomebodyIsStillWritingIsLeftAlone) {
  write("backup.tar.unfinished.Ab12Cd", "half");
  const auto others =
      FileLock::acquire(folder.path() / "backup.tar.unfinished.Ab12Cd", std::chrono::milliseconds(0));
  ASSERT_TRUE(others);
  (void)archive();
  EXPECT_TRUE(fs::exists(folder.path() / "backup.tar.unfinished.Ab12Cd"));
}

}  // namespace
}  // namespace vouch::ca
