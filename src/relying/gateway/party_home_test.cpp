#include "relying/gateway/party_home.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;
using validate::test::kNow, validate::test::TestPki;

TEST(PartyConfiguration, IsRead) {
  const auto configuration = parse_party_configuration(
      "[relying_party]\nprofile = \"vpn\"\nbundle = \"roots.pem\"\ndecision_log = \"log/d.jsonl\"\n"
      "trace_octets = 100000\n[profile.vpn]\nbase = \"logon\"\n[profile.strict]\nbase = \"cba\"\n[service]\n",
      "vouch.toml", "/h");
  ASSERT_TRUE(configuration) << configuration.error().report();
  EXPECT_EQ(configuration->bundle, "/h/roots.pem");
  EXPECT_EQ(configuration->decision_log, "/h/log/d.jsonl");
  EXPECT_EQ(configuration->trace_octets, 100'000u);
  EXPECT_EQ(configuration->find_profile("")->name, "vpn");
  EXPECT_TRUE(configuration->find_profile("")->ocsp.use);
  EXPECT_FALSE(configuration->find_profile("strict")->ocsp.use);
  EXPECT_EQ(configuration->find_profile("cba")->name, "cba");
  EXPECT_FALSE(configuration->find_profile("nothing"));
}

TEST(PartyConfiguration, MistakesAreNamedWithTheirLine) {
  const auto why = [](std::string_view toml) {
    const auto read = parse_party_configuration(toml, "vouch.toml", "/h");
    return read ? std::string("accepted") : read.error().report();
  };
  EXPECT_THAT(why("[relying_party]\nprofil = \"x\"\n"), HasSubstr("vouch.toml:2"));
  EXPECT_THAT(why("[relying_party]\nprofil = \"x\"\n"), HasSubstr("did you mean profile"));
  EXPECT_THAT(why("[relying_party]\nprofile = \"x\"\n"), HasSubstr("relying_party.profile"));
  EXPECT_THAT(why("[relying_party]\ntrace_octets = 1\n"), HasSubstr("out of range"));
  EXPECT_THAT(why("[relying_party]\nbundle = 1\n"), HasSubstr("expected a text"));
  EXPECT_THAT(why("relying_party = 1\n"), HasSubstr("stands outside a section"));
  EXPECT_THAT(why("[profile]\nx = 1\n"), HasSubstr("a profile is a section"));
}

class PartyHomeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-party.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }
  TestPki pki;
  ManualClock clock{kNow};
  fs::path folder;
};

TEST_F(PartyHomeTest, ARemovalHoldsFromTheNextDecisionOn) {
  const auto root = pki.ca("Root");
  const auto leaf = pki.leaf("leaf", "Root");
  auto home = PartyHome::open({pki.provider(), clock, folder}, {});
  ASSERT_TRUE(home) << home.error().report();
  Profile profile = logon();
  profile.path.revocation = validate::RevocationRule::none;
  const auto accepted = [&] {
    Question question;
    question.chain = {to_buffer(leaf->der())};
    question.purpose = validate::Purpose::any;
    return (*home)->party().decide(question, profile).accepted;
  };
  EXPECT_FALSE(accepted()) << "nobody is trusted yet";
  TrustedIssuer issuer;
  issuer.certificate = root;
  issuer.source = "list";
  ASSERT_TRUE((*home)->trust_folder().put(issuer));
  ASSERT_TRUE((*home)->look_for_trust());
  EXPECT_TRUE(accepted());
  ASSERT_TRUE((*home)->trust_folder().remove(*root));
  ASSERT_TRUE((*home)->look_for_trust());
  EXPECT_FALSE(accepted());
}

}  // namespace
}  // namespace vouch::relying
