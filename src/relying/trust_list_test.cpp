#include "relying/trust_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/pem.hpp"
#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr, testing::IsEmpty;
using validate::CertificatePtr;
using validate::test::kNow;

class TrustListTest : public testing::Test {
 protected:
  TrustListTest() { fs::remove_all(folder_); }
  ~TrustListTest() override { fs::remove_all(folder_); }
  TrustedIssuer issuer(const CertificatePtr& certificate, const std::string& label = "") {
    TrustedIssuer out;
    out.certificate = certificate;
    out.anchor = certificate->self_issued();
    out.source = "list";
    out.label = label;
    return out;
  }

  validate::test::TestPki pki_;
  const fs::path folder_ = fs::temp_directory_path() / fmt::format("vouch-trust-{}", ::getpid());
  const CertificatePtr root_ = pki_.ca("Root"), sub_ = pki_.ca("Sub", "Root"),
                       below_ = pki_.ca("Below", "Sub");
};

TEST_F(TrustListTest, AFolderKeepsThem) {
  const TrustFolder folder(pki_.provider(), folder_);
  EXPECT_THAT(folder.load().value(), IsEmpty());
  TrustedIssuer entry = issuer(sub_, "branch");
  entry.base_url = "http://pki.test/a.crl";
  entry.delta_url = "http://pki.test/a+.crl";
  entry.purposes = {x509::oid::kClientAuth};
  entry.distrusted_after = kNow;
  ASSERT_TRUE(folder.put(entry));
  ASSERT_TRUE(folder.put(issuer(root_)));
  const auto loaded = folder.load().value();
  ASSERT_EQ(loaded.size(), 2u);
  const auto& read = loaded[loaded[0].label == "branch" ? 0 : 1];
  EXPECT_TRUE(equal(read.certificate->der(), sub_->der()));
  EXPECT_EQ(to_value(read, kNow), to_value(entry, kNow));
  ASSERT_TRUE(folder.remove(*sub_));
  EXPECT_EQ(folder.load()->size(), 1u);
  EXPECT_EQ(folder.remove(*sub_).error().code(), Errc::not_found);
  entry.base_url.clear();
  EXPECT_THAT(folder.put(entry).error().report(), HasSubstr("500177"));
  EXPECT_THAT(folder.put(issuer(pki_.leaf("leaf", "Sub"))).error().report(),
              HasSubstr("is no CA certificate"));
}

TEST_F(TrustListTest, DamagedEntriesAreNamed) {
  const TrustFolder folder(pki_.provider(), folder_);
  ASSERT_TRUE(folder.put(issuer(root_)));
  const std::string stem = (folder_ / to_hex(root_->fingerprint())).string();
  ASSERT_TRUE(write_file_atomic(stem + ".toml", as_bytes("anchr = true\n")));
  EXPECT_THAT(folder.load().error().summary(), HasSubstr("line 1: 'anchr'"));
  ASSERT_TRUE(write_file_atomic(stem + ".toml", as_bytes("")));
  ASSERT_TRUE(write_file_atomic(stem + ".pem", as_bytes("nothing")));
  EXPECT_THAT(folder.load().error().summary(), HasSubstr(stem + ".pem"));
}

TEST_F(TrustListTest, TheFirstSourceCounts) {
  const TrustFolder folder(pki_.provider(), folder_ / "list");
  ASSERT_TRUE(folder.put(issuer(root_, "ours")));
  const fs::path file = folder_ / "bundle.pem";
  ASSERT_TRUE(write_file_atomic(
      file, as_bytes(to_pem("CERTIFICATE", root_->der()) + to_pem("CERTIFICATE", Buffer{0x30, 0x00}) +
                     to_pem("CERTIFICATE", pki_.ca("Public")->der()))));
  const TrustBundle bundle(pki_.provider(), file);
  const TrustSource* sources[] = {&folder, &bundle};
  const TrustListPtr list = load_trust(sources).value();
  ASSERT_EQ(list->issuers().size(), 2u);
  EXPECT_EQ(list->find(*root_)->source, "list");
  EXPECT_EQ(list->issuers()[1].source, "bundle");
  EXPECT_EQ(list->store()->anchor(*root_)->source, "list");
}

TEST_F(TrustListTest, AreFoundByWhatPeopleHave) {
  const TrustList list({issuer(root_, "head"), issuer(sub_),
                        issuer(pki_.make({.subject = "Sub", .key = "2", .issuer = "Root"}))});
  const std::string sha256 = to_hex(root_->fingerprint());
  for (const std::string& words : {sha256, sha256.substr(0, 8), to_hex(*root_->subject_key_identifier),
                                   std::string("head"), std::string("CN=Root")})
    EXPECT_EQ(list.find(words).value()->certificate, root_) << words;
  EXPECT_EQ(list.find("CN=Sub").error().code(), Errc::conflict);
  EXPECT_EQ(list.find("CN=None").error().code(), Errc::not_found);
  EXPECT_EQ(list.find(sha256.substr(0, 4)).error().code(), Errc::not_found);
  // A renewed certificate of the same name and key is the same CA.
  EXPECT_EQ(list.find(*pki_.make({.subject = "Root"}))->certificate, root_);
}

TEST_F(TrustListTest, RemovalListsWhatItAffects) {
  const auto other = pki_.ca("Other");
  const TrustList list({issuer(root_), issuer(sub_), issuer(below_), issuer(other)});
  const auto affected = list.affected_by_removal(list.issuers()[0]);
  ASSERT_EQ(affected.size(), 2u);
  EXPECT_EQ(affected[0]->certificate, sub_);
  EXPECT_EQ(affected[1]->certificate, below_);
  EXPECT_EQ(list.affected_by_removal(list.issuers()[1]).size(), 1u);
  EXPECT_THAT(list.affected_by_removal(list.issuers()[3]), IsEmpty());
  // Another root that cross-signed it keeps it.
  const auto cross = pki_.make({.subject = "Sub", .issuer = "Other"});
  const TrustList crossed({issuer(root_), issuer(sub_), issuer(below_), issuer(other), issuer(cross)});
  EXPECT_EQ(crossed.affected_by_removal(crossed.issuers()[0]).size(), 1u) << "Sub's first certificate only";
}

TEST_F(TrustListTest, WhatIsStrangeIsSaid) {
  TrustedIssuer among_roots = issuer(sub_);
  among_roots.anchor = true;
  EXPECT_THAT(warnings_of(among_roots, kNow),
              testing::ElementsAre(HasSubstr("an intermediate CA stands among the roots")));
  EXPECT_THAT(warnings_of(issuer(root_), kNow), IsEmpty());
  const auto bare =
      pki_.make({.subject = "Bare", .key_identifiers = false, .until = parse_time("2026-02-01").value()});
  EXPECT_THAT(warnings_of(issuer(bare), kNow),
              testing::ElementsAre(HasSubstr("no subjectKeyIdentifier"), HasSubstr("expired at 2026-02-01")));
}

}  // namespace
}  // namespace vouch::relying
