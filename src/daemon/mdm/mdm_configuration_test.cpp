#include "daemon/mdm/configuration.hpp"

#include <gmock/gmock.h>

#include "base/value.hpp"

namespace vouch::daemon::mdm {
namespace {

using testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

Result<std::vector<WebhookConfiguration>> webhooks(std::string_view toml) {
  const Value document = parse_toml(toml, "vouch.toml").value();
  return read_webhooks(document.find("webhook"), "vouch.toml");
}
Result<std::vector<IntuneConfiguration>> intunes(std::string_view toml) {
  const Value document = parse_toml(toml, "vouch.toml").value();
  return read_intunes(document.find("intune"), "vouch.toml");
}

TEST(MdmConfigurationTest, SectionsAreRead) {
  EXPECT_THAT(webhooks("").value(), IsEmpty());
  const auto hooks = webhooks(
      "[webhook.mdm]\nurl = \"https://mdm.example.test/hook\"\nsecret_file = \"hook.secret\"\npatience = "
      "\"3s\"\n");
  ASSERT_TRUE(hooks) << hooks.error().report();
  ASSERT_THAT(*hooks, SizeIs(1));
  EXPECT_EQ(hooks->front().name, "mdm");
  EXPECT_EQ(hooks->front().patience, std::chrono::seconds(3));
  const auto services = intunes(
      "[intune.contoso]\ntenant = \"contoso.test\"\napplication = \"app\"\ncertificate = \"a.pem\"\nkey = "
      "\"a.key\"\n"
      "interval = \"1m\"\nwait = false\nbatch = 500\n");
  ASSERT_TRUE(services) << services.error().report();
  EXPECT_EQ(services->front().account_name(), "intune:contoso");
  EXPECT_EQ(services->front().login_url, "https://login.microsoftonline.com");
  EXPECT_FALSE(services->front().wait);
}

struct Wrong {
  std::string_view toml, said;
};

TEST(MdmConfigurationTest, WhatIsWrongIsSaidByLine) {
  const Wrong wrong[] = {
      {"[webhook.mdm]\nurl = \"http://mdm.example.test/\"\nsecret_file = \"s\"\n",
       "vouch.toml:1, section webhook.mdm"},
      {"[webhook.mdm]\nurl = \"https://mdm.example.test/\"\n", "there is no secret_file"},
      {"[webhook.mdm]\nurl = \"https://mdm.example.test/\"\nsecret_file = \"s\"\nkey = \"k\"\n",
       "go together"},
      {"[webhook.mdm]\nurl = \"https://mdm.example.test/\"\nsecrets = \"s\"\n",
       "vouch.toml:3: there is no setting 'webhook.mdm.secrets'"},
      {"[webhook]\nmdm = 7\n", "this is a section, [webhook.mdm]"},
      {"[webhook.\"a b\"]\nurl = \"https://mdm.example.test/\"\nsecret_file = \"s\"\n", "make a name"},
      {"[webhook.mdm]\nurl = 7\n", "vouch.toml:2, setting webhook.mdm.url"},
  };
  for (const Wrong& one : wrong) {
    const auto read = webhooks(one.toml);
    ASSERT_FALSE(read) << one.toml;
    EXPECT_THAT(read.error().summary(), HasSubstr(one.said)) << one.toml;
  }
  const std::string_view start = "[intune.contoso]\ntenant = \"t\"\napplication = \"a\"\n";
  for (const Wrong& one :
       {Wrong{"", "either secret_file, or certificate and key"},
        Wrong{"secret_file = \"s\"\ncertificate = \"c\"\nkey = \"k\"\n", "either secret_file"},
        Wrong{"secret_file = \"s\"\nlogin_url = \"http://login.example.test\"\n", "https://"},
        Wrong{"secret_file = \"s\"\nbatch = 501\n", "out of range"}}) {
    const auto read = intunes(std::string(start) + std::string(one.toml));
    ASSERT_FALSE(read) << one.toml;
    EXPECT_THAT(read.error().report(), HasSubstr(one.said)) << one.toml;
  }
  EXPECT_FALSE(intunes("[intune.contoso]\nsecret_file = \"s\"\n"));
}

}  // namespace
}  // namespace vouch::daemon::mdm
