#include "daemon/configuration.hpp"

#include <gmock/gmock.h>

#include "daemon/parts.hpp"

namespace vouch::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string mistake(std::string_view toml) {
  const auto configuration = parse_configuration(toml, "vouch.toml");
  return configuration ? "nothing wrong" : configuration.error().report();
}

TEST(ServiceConfiguration, WithoutAWordThereAreTwoListeners) {
  const auto configuration = parse_configuration("", "vouch.toml");
  ASSERT_TRUE(configuration);
  ASSERT_EQ(configuration->listeners.size(), 2U);
  EXPECT_TRUE(configuration->listeners[0].address->is_loopback());
  EXPECT_EQ(configuration->listeners[1].endpoint("/h").path, "/h/run/vouch.sock");
}

TEST(ServiceConfiguration, AListenerOfItsOwnStandsBesideTheTwo) {
  const auto configuration = parse_configuration(
      "[tls]\nissuer = \"R1\"\n[listener.front]\naddress = \"[::]:443\"\ntls = true\n"
      "client_certificates = \"optional\"\nserves = [\"ocsp\", \"health\"]\n[listener.http]\nenabled = "
      "false\n",
      "vouch.toml");
  ASSERT_TRUE(configuration) << configuration.error().report();
  const auto* front = configuration->find_listener("front");
  ASSERT_NE(front, nullptr);
  EXPECT_EQ(front->address->port(), 443);
  EXPECT_EQ(front->client_certificates, net::AskForCertificate::optional);
  EXPECT_THAT(front->serves, ElementsAre("ocsp", "health"));
  EXPECT_FALSE(configuration->find_listener("http")->enabled);
  EXPECT_EQ(get_setting(*configuration, "listener.front.address").value(), "[::]:443");
  EXPECT_EQ(get_setting(*configuration, "listener.front.serves").value(), "ocsp, health");
}

TEST(ServiceConfiguration, MistakesNameFileLineAndWhatWasMeant) {
  EXPECT_THAT(mistake("[limits]\n\nidel = \"5s\"\n"), HasSubstr("vouch.toml:3"));
  EXPECT_THAT(mistake("[limits]\nidel = \"5s\"\n"), HasSubstr("did you mean limits.idle?"));
  EXPECT_THAT(mistake("[limits]\nidle = 5\n"), HasSubstr("a span of time in quotes"));
  EXPECT_THAT(mistake("[limits]\nidle = \"1mo\"\n"), HasSubstr("1s to 1d"));
  EXPECT_THAT(mistake("[service]\nworkers = 0\n"), HasSubstr("1 to 1024"));
  EXPECT_THAT(mistake("[listener.http]\naddres = \"1.2.3.4:80\"\n"), HasSubstr("did you mean address?"));
  EXPECT_THAT(mistake("[listener.http]\naddress = \"1.2.3:80\"\n"), HasSubstr("0.0.0.0:80"));
  EXPECT_THAT(mistake("[listener.http]\nserves = [\"helth\"]\n"), HasSubstr("did you mean health?"));
  EXPECT_THAT(mistake("[listener.http]\naddress = \"1.2.3.4:80\"\npath = \"x\"\n"), HasSubstr("both"));
  EXPECT_THAT(mistake("listener = 1\n"), HasSubstr("outside a section"));
  EXPECT_THAT(mistake("[access_log]\nform = \"iis\"\n"), HasSubstr("\"w3c\", \"json\""));
  EXPECT_THAT(mistake("[proxies]\ntrusted = \"10.0.0.0/8, nobody\"\n"), HasSubstr("nobody"));
}

TEST(ServiceConfiguration, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_THAT(mistake("[listener.x]\naddress = \"1.2.3.4:80\"\n"), HasSubstr("serves nothing"));
  EXPECT_THAT(mistake("[listener.x]\nserves = \"ocsp\"\n"), HasSubstr("neither an address nor a path"));
  EXPECT_THAT(mistake("[listener.http]\ntls = true\n"), HasSubstr("there is no certificate"));
  EXPECT_THAT(mistake("[listener.http]\nclient_certificates = \"required\"\n"), HasSubstr("without TLS"));
  EXPECT_THAT(mistake("[tls]\ncertificate = \"a.pem\"\n"), HasSubstr("go together"));
  EXPECT_THAT(mistake("[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\nissuer = \"R\"\n"),
              HasSubstr("both"));
}

TEST(ServiceConfiguration, AnOcspSourceIsWholeOrRefused) {
  constexpr std::string_view kWhole =
      "[ocsp_source.root-1]\nca_certificate = \"ca.pem\"\ncertificate = \"o.pem\"\nkey = \"o.key\"\n"
      "crls = [\"http://pki.example/a,b.crl\", \"a+.crl\"]\nrefresh = \"30s\"\n";
  const auto configuration = parse_configuration(kWhole, "vouch.toml");
  ASSERT_TRUE(configuration) << configuration.error().report();
  const auto* source = configuration->find_ocsp_source("root-1");
  ASSERT_NE(source, nullptr);
  EXPECT_THAT(source->crls, ElementsAre("http://pki.example/a,b.crl", "a+.crl"));
  EXPECT_EQ(source->refresh, std::chrono::seconds(30));
  EXPECT_EQ(get_setting(*configuration, "ocsp_source.root-1.key").value(), "o.key");
  EXPECT_EQ(get_setting(*configuration, "ocsp_source.other.key").error().code(), Errc::not_found);
  const auto changed = with_setting(kWhole, "vouch.toml", "ocsp_source.root-1.whole", "true");
  ASSERT_TRUE(changed) << changed.error().report();
  EXPECT_TRUE(parse_configuration(*changed, "vouch.toml")->find_ocsp_source("root-1")->whole);
  for (const ShownSetting& shown : show_settings(*configuration))
    EXPECT_EQ(get_setting(*configuration, shown.name).value(), shown.value) << shown.name;

  EXPECT_THAT(mistake("\n[ocsp_source.a]\nca_certificate = \"a\"\n"),
              HasSubstr("vouch.toml:2: OCSP source a has no crls"));
  EXPECT_THAT(mistake("[ocsp_source.a]\nca_certificate = \"a\"\ncrls = \"a\"\n"),
              HasSubstr("OcspResponseSigning"));
  EXPECT_THAT(mistake("[ocsp_source.a]\ncrl = \"a\"\n"), HasSubstr("did you mean crls?"));
  EXPECT_THAT(mistake("[ocsp_source.a]\ncrls = [\"ldap:///CN=x\"]\n"), HasSubstr("not fetched by ldap"));
  EXPECT_THAT(mistake("[ocsp_source.\"../a\"]\ncrls = \"a\"\n"), HasSubstr("is no name"));
  EXPECT_THAT(mistake("[ocsp_source]\ncrls = \"a\"\n"), HasSubstr("a section"));
}

TEST(ServiceConfiguration, EverySettingCanBeShownAndSet) {
  const Configuration defaults = default_configuration();
  EXPECT_GT(show_settings(defaults).size(), service_settings().size() + listener_settings().size());
  for (const auto& [name, value, summary] : show_settings(defaults)) {
    EXPECT_EQ(get_setting(defaults, name).value(), value) << name;
    // Not those that are only good together with others.
    if (name.starts_with("tls.") || name.starts_with("listener.")) continue;
    const auto file = with_setting("", "vouch.toml", name, value);
    ASSERT_TRUE(file) << name << ": " << file.error().report();
    EXPECT_EQ(get_setting(parse_configuration(*file, "vouch.toml").value(), name).value(), value);
  }
}

TEST(ServiceConfiguration, WhateverThereIsMayBeServed) {
  for (const PartMaker& part : all_parts())
    EXPECT_TRUE(parse_configuration(
        fmt::format("[listener.local]\nserves = \"{}, health, metrics, gateway\"\n", part.name),
        "vouch.toml"))
        << part.name;
}

TEST(ServiceConfiguration, SettingsOfListenersAreSetByTheirWholeName) {
  const auto file =
      with_setting("[issuance]\nnode = 2\n", "vouch.toml", "listener.http.address", "127.0.0.1:99");
  ASSERT_TRUE(file) << file.error().report();
  EXPECT_EQ(parse_configuration(*file, "vouch.toml")->find_listener("http")->address->port(), 99);
  EXPECT_EQ(with_setting("", "f", "listener.http.adress", "x").error().hint(), "did you mean address?");
  EXPECT_EQ(get_setting(default_configuration(), "listener.nobody.tls").error().code(), Errc::not_found);
}

}  // namespace
}  // namespace vouch::daemon
