#include "relying/profile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relying/private_networks.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;

Result<Profile> read(const std::string& name, const std::string& toml) {
  return read_profile(name, parse_toml(toml, "vouch.toml").value(), "vouch.toml");
}

// The figures of the requirements.
TEST(ProfileTest, TheShippedOnes) {
  const Profile directory = cba();
  EXPECT_EQ(directory.crl.interactive_size, 20u << 20);
  EXPECT_EQ(directory.crl.background_size, 65u << 20);
  EXPECT_EQ(directory.crl.interactive_time, std::chrono::seconds(10));
  EXPECT_EQ(directory.path.checked_issuers, 10u);
  EXPECT_TRUE(directory.path.link_by_key_identifier);
  EXPECT_FALSE(directory.ocsp.use);
  EXPECT_EQ(directory.crl.urls, UrlSource::trust_list);
  EXPECT_EQ(directory.crl.redirects, 0);
  const Profile government = shipped_profile("cba-government").value();
  EXPECT_EQ(government.crl.interactive_size, 45u << 20);
  EXPECT_EQ(government.crl.background_size, 150u << 20);
  const Profile machine = logon();
  EXPECT_TRUE(machine.ocsp.use);
  EXPECT_EQ(machine.crl.urls, UrlSource::certificate);
  EXPECT_EQ(machine.crl.redirects, 3);
  EXPECT_EQ(machine.crl.retry_pause, std::chrono::seconds(30));
  for (const Profile& one : {directory, government, machine})
    EXPECT_FALSE(one.path.accept_unknown_revocation);
  EXPECT_THAT(shipped_profile("x").error().report(), HasSubstr("cba, cba-government and logon"));
}

TEST(ProfileTest, AreCopiedAndChanged) {
  const Profile vpn =
      read("vpn",
           "base = \"logon\"\n"
           "checked_issuers = 3\n"
           "private_networks = [\"10.0.0.0/8\"]\n"
           "exemptions = [{authority = \"AB:CD\", until = \"2026-07-01\", reason = \"moves\"}]\n"
           "[crl]\ninteractive_size = \"5 MB\"\nretry_pause = \"1m\"\n")
          .value();
  EXPECT_EQ(vpn.name, "vpn");
  EXPECT_TRUE(vpn.ocsp.use);
  EXPECT_EQ(vpn.path.checked_issuers, 3u);
  EXPECT_EQ(vpn.crl.interactive_size, 5u << 20);
  EXPECT_EQ(vpn.crl.retry_pause, std::chrono::minutes(1));
  ASSERT_EQ(vpn.exemptions.size(), 1u);
  EXPECT_EQ(vpn.exemptions[0].authority, "abcd");
  EXPECT_EQ(format_time(*vpn.exemptions[0].until), "2026-07-01T00:00:00Z");
  EXPECT_EQ(read("cba", "crl.require = true").value().crl.require, true);
}

TEST(ProfileTest, MistakesNameFileAndLine) {
  const auto error = [](const std::string& toml) { return read("cba", toml).error().report(); };
  EXPECT_THAT(error("\n[crl]\ninteractive_sizes = 5"), HasSubstr("did you mean crl.interactive_size?"));
  EXPECT_THAT(error("\n[crl]\ninteractive_size = \"many\""), HasSubstr("vouch.toml:3: crl.interactive_size"));
  EXPECT_THAT(error("purpose = \"fun\""), HasSubstr("none of: any, tls_client"));
  EXPECT_THAT(error("private_networks = [\"10.0.0.0/99\"]"), HasSubstr("vouch.toml:1"));
  EXPECT_THAT(error("crl.background_size = \"1 MB\""), HasSubstr("below crl.interactive_size"));
  EXPECT_THAT(error("crl.directory = \"ldap://dc1.corp.example\""), HasSubstr("HOST or HOST:PORT"));
  EXPECT_THAT(error("base = \"nothing\""), HasSubstr("there is no profile 'nothing'"));
  EXPECT_THAT(error("exemptions = [{until = \"2026-07-01\"}]"), HasSubstr("needs `authority`"));
}

TEST(ProfileTest, WhatIsWrittenReadsTheSame) {
  Profile profile = logon();
  profile.exemptions = {{"abcd", std::nullopt, "x"}};
  profile.private_networks = {"*"};
  profile.crl.directory = "dc1.corp.example:3268";
  Value written = to_value(profile);
  Value section = Value::table();
  section.set("base", "cba");
  for (const auto& [key, value] : *written.members())
    if (key != "name") section.set(key, value);
  const auto again = read_profile("logon", section, "x");
  ASSERT_TRUE(again) << again.error().report();
  EXPECT_EQ(to_value(*again), written);
}

TEST(PrivateNetworksTest, AddressesThatNeedConsent) {
  const auto address = [](const char* text) { return net::Address::parse(text).value(); };
  for (const char* text :
       {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "64:ff9b::a00:1"})
    EXPECT_TRUE(is_private(address(text))) << text;
  for (const char* text : {"8.8.8.8", "172.32.0.1", "193.0.0.1", "2001:4860:4860::8888", "64:ff9b::808:808"})
    EXPECT_FALSE(is_private(address(text))) << text;
  const AgreedNetworks ours({"10.0.0.0/8", "fd00::/8", "nonsense"});
  EXPECT_TRUE(ours.allow(address("10.1.2.3")));
  EXPECT_TRUE(ours.allow(address("fd00::1")));
  EXPECT_TRUE(ours.allow(address("8.8.8.8")));
  EXPECT_FALSE(ours.allow(address("192.168.1.1")));
  EXPECT_TRUE(AgreedNetworks({"*"}).allow(address("127.0.0.1")));
}

}  // namespace
}  // namespace vouch::relying
