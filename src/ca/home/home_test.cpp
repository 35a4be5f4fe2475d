#include "ca/home/home.hpp"

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

TEST(ConfigurationTest, TheVersionBeforeIsKept) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "vouch.toml", previous = folder.path() / "vouch.toml.previous";
  const auto text = [](const fs::path& path) { return std::string(as_text(read_file(path, 1000).value())); };
  ASSERT_TRUE(write_configuration(file, "a = 1\n"));
  EXPECT_FALSE(fs::exists(previous));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write_configuration(file, "a = 2\n"));
  ASSERT_TRUE(write_configuration(file, "a = 2\n"));  // no change keeps what there was
  EXPECT_EQ(text(file), "a = 2\n");
  EXPECT_EQ(text(previous), "a = 1\n");
  EXPECT_EQ(fs::status(previous).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ConfigurationTest, EverySettingIsReadAndWritten) {
  const auto configuration = parse_configuration(
      "[database]\npath = \"x.db\"\n[publication]\nfolder = \"out\"\n[host]\ndns_name = \"a.b\"\nshort_name "
      "= \"A\"\n"
      "[issuance]\nnode = 7\nprotected_names = \"dc.a.b\"\n[keys]\nblocklists = "
      "\"weak\"\npassphrase_variable = \"P\"\npin_variable = \"Q\"\n"
      "pkcs11_module = \"/m.so\"\nunlock_patience = \"1h\"\n[audit]\nmirror = "
      "\"copy.log\"\n[directory]\nconfiguration_container = \"CN=C\"\n",
      "vouch.toml");
  ASSERT_TRUE(configuration) << configuration.error().report();
  EXPECT_EQ(configuration->node, 7);
  const std::map<std::string, std::string> settings{{"database.path", "x.db"},
                                                    {"publication.folder", "out"},
                                                    {"host.dns_name", "a.b"},
                                                    {"host.short_name", "A"},
                                                    {"issuance.node", "7"},
                                                    {"issuance.protected_names", "dc.a.b"},
                                                    {"keys.blocklists", "weak"},
                                                    {"keys.passphrase_variable", "P"},
                                                    {"keys.pin_variable", "Q"},
                                                    {"keys.pkcs11_module", "/m.so"},
                                                    {"keys.unlock_patience", "1h"},
                                                    {"audit.mirror", "copy.log"},
                                                    {"directory.configuration_container", "CN=C"}};
  for (const auto& [key, expected] : settings)
    EXPECT_EQ(get_setting(*configuration, key).value(), expected) << key;
  EXPECT_EQ(configuration_keys().size(), settings.size());
}

TEST(ConfigurationTest, MistakesNameFileAndLine) {
  const auto line_of = [](std::string_view toml) {
    return parse_configuration(toml, "vouch.toml").error().report();
  };
  EXPECT_THAT(line_of("[issuance]\n\nnode = 0\n"), HasSubstr("vouch.toml:3"));
  EXPECT_THAT(line_of("[issuance]\nnode = \"1\"\n"), HasSubstr("expected a number"));
  EXPECT_THAT(line_of("[issuance]\nnod = 1\n"), HasSubstr("issuance.node"));
  EXPECT_THAT(line_of("node = 1\n"), HasSubstr("outside a section"));
  EXPECT_THAT(line_of("[issuance\n"), HasSubstr("vouch.toml:1"));
}

TEST(ConfigurationTest, SettingOneValueKeepsTheRestOfTheFile) {
  const std::string before = "# mine\n[issuance]\nnode = 1  # first\n\n[host]\ndns_name = \"a\"\n";
  EXPECT_EQ(with_setting(before, "f", "issuance.node", "9").value(),
            "# mine\n[issuance]\nnode = 9\n\n[host]\ndns_name = \"a\"\n");
  EXPECT_EQ(with_setting("", "f", "host.dns_name", "x\"y").value(), "[host]\ndns_name = \"x\\\"y\"\n");
  EXPECT_THAT(with_setting(before, "f", "host.short_name", "A").value(), HasSubstr("short_name = \"A\""));
  EXPECT_FALSE(with_setting(before, "f", "issuance.node", "900"));
  EXPECT_EQ(with_setting(before, "f", "no.such", "1").error().code(), Errc::usage);
}

TEST(HomeTest, AMissingHomeSaysHowToMakeOne) {
  const auto home = Home::open("/nonexistent/home", false);
  ASSERT_FALSE(home);
  EXPECT_EQ(home.error().code(), Errc::not_found);
  EXPECT_THAT(std::string(home.error().hint()), HasSubstr("ca init"));
}

}  // namespace
}  // namespace vouch::ca
