#include "daemon/scep/configuration.hpp"

#include <gmock/gmock.h>

#include "base/value.hpp"

namespace vouch::daemon::scep {
namespace {

using testing::HasSubstr, testing::ElementsAre;

Result<std::vector<ProfileConfiguration>> read(std::string_view toml) {
  const Value document = TRY(parse_toml(toml, "vouch.toml"));
  return read_profiles(document.find("scep"), "vouch.toml");
}

TEST(ScepConfiguration, ReadsAProfile) {
  const auto profiles = read(
      "[scep.devices]\n"
      "ca = \"Issuing\"\n"
      "paths = [\"/certsrv/mscep/mscep.dll\"]\n"
      "mode = \"ca\"\n"
      "challenge = \"password\"\n"
      "password_file = \"scep/devices.password\"\n"
      "general_template = \"ScepDevice\"\n"
      "signature_template = \"Sign\"\n"
      "renewal_window = \"2mo\"\n"
      "renewal_grace = \"3d\"\n");
  ASSERT_TRUE(profiles) << profiles.error().report();
  ASSERT_EQ(profiles->size(), 1u);
  const ProfileConfiguration& profile = profiles->front();
  EXPECT_EQ(profile.name, "devices");
  EXPECT_EQ(profile.account_name(), "scep:devices");
  EXPECT_EQ(profile.mode, Profile::Mode::ca);
  EXPECT_EQ(profile.challenge, ChallengeKind::password);
  EXPECT_THAT(profile.paths, ElementsAre("/certsrv/mscep/mscep.dll"));
  EXPECT_THAT(profile.templates(), ElementsAre("Sign", "ScepDevice"));
}

struct Wrong {
  std::string_view toml, says, mend;
};
class WrongProfile : public testing::TestWithParam<Wrong> {};

TEST_P(WrongProfile, IsAnErrorWithLineAndMend) {
  const auto profiles = read(GetParam().toml);
  ASSERT_FALSE(profiles);
  EXPECT_THAT(profiles.error().report(), HasSubstr(GetParam().says));
  EXPECT_THAT(std::string(profiles.error().hint()), HasSubstr(GetParam().mend));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongProfile,
    testing::Values(
        Wrong{"[scep.d]\nchallange = \"none\"\n", "vouch.toml:2", "challenge"},
        Wrong{"[scep.d]\nchallenge = \"single\"\nadmin_paths = [\"/page\"]\ngeneral_template = \"T\"\n",
              "which nobody can show", "challenge = \"password\""},
        Wrong{"[scep.d]\nchallenge = \"bound\"\nroot = \"abcd\"\ngeneral_template = \"T\"\n",
              "names a root that is none", "vouch scep trust d"},
        Wrong{"[scep.d]\nchallenge = \"static\"\n", "'static' is none of", ""},
        Wrong{"[scep.d]\nchallenge = \"password\"\ngeneral_template = \"T\"\n", "no password_file",
              "password_file ="},
        Wrong{"[scep.d]\npassword_file = \"f\"\ngeneral_template = \"T\"\n", "its challenge is none",
              "challenge ="},
        Wrong{"\n\n[scep.d]\nchallenge = \"none\"\n", "vouch.toml:3: SCEP profile 'd' issues nothing",
              "general_template"},
        Wrong{"[scep.\"a b\"]\ngeneral_template = \"T\"\n", "no name that a URL can have", "letters"},
        Wrong{"[scep.d]\ngeneral_template = \"T\"\npaths = [\"mscep\"]\n", "'mscep' among its paths",
              "/certsrv"},
        Wrong{"[scep.d]\ngeneral_template = \"T\"\nrenewal_window = \"soon\"\n", "soon", ""},
        Wrong{"[scep.d]\ngeneral_template = \"T\"\nrenewal_grace = \"1mo\"\n", "renewal_grace in months",
              "30d"},
        Wrong{"[scep.d]\ngeneral_template = \"T\"\nexternal_url = \"scep.example\"\n", "for a URL",
              "https://"},
        Wrong{"[scep.a]\ngeneral_template = \"T\"\npaths = [\"/X\"]\n[scep.b]\ngeneral_template = "
              "\"T\"\npaths = "
              "[\"/x/\"]\n",
              "vouch.toml:4: the SCEP profiles 'a' and 'b' both have the path /x/", "take it out"},
        Wrong{"[scep]\nchallenge = \"none\"\n", "a SCEP profile is a section", ""}));

TEST(ScepConfiguration, ReadsTheRegistrationAuthority) {
  const Value document =
      parse_toml("[scep_ra]\nsigning_template = \"X\"\nencryption_template = \"X\"\n", "f").value();
  const auto ra = read_ra(document.find("scep_ra"), "f");
  ASSERT_TRUE(ra);
  EXPECT_TRUE(ra->is_one());
  EXPECT_FALSE(RaConfiguration().is_one());
  const Value months = parse_toml("[scep_ra]\ngrace = \"1mo\"\n", "f").value();
  EXPECT_FALSE(read_ra(months.find("scep_ra"), "f"));
}

}  // namespace
}  // namespace vouch::daemon::scep
