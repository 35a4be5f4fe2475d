#include "relying/sync/configuration.hpp"

#include <gmock/gmock.h>

namespace vouch::relying {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kWhole = R"([crlsync.nginx]
authorities = ["issuing.pem", "/etc/pki/root.pem"]
crls = ["http://pki.test/issuing.crl", "root.crl"]
output = "/etc/nginx/crls.pem"
with_certificates = true
mode = "0640"
hook = ["/usr/bin/systemctl", "reload", "nginx"]
hook_time = "10s"
refresh = "1m"
patience = "5s"
max_size = 1000
proxy = "http://proxy.test:3128"
)";

Result<std::vector<SyncTarget>> parse(std::string_view toml) {
  return parse_sync_targets(toml, "vouch.toml", "/var/lib/vouch");
}

TEST(SyncConfiguration, EverySettingIsRead) {
  const auto targets = parse(kWhole);
  ASSERT_TRUE(targets) << targets.error().report();
  ASSERT_EQ(targets->size(), 1u);
  const SyncTarget& target = targets->front();
  EXPECT_EQ(target.name, "nginx");
  EXPECT_THAT(target.authorities,
              ElementsAre(fs::path("/var/lib/vouch/issuing.pem"), fs::path("/etc/pki/root.pem")));
  EXPECT_THAT(target.crls, ElementsAre("http://pki.test/issuing.crl", "/var/lib/vouch/root.crl"));
  EXPECT_EQ(target.output, "/etc/nginx/crls.pem");
  EXPECT_EQ(target.form, OutputForm::pem);
  EXPECT_TRUE(target.with_certificates);
  EXPECT_EQ(target.mode, 0640u);
  EXPECT_THAT(target.hook, ElementsAre("/usr/bin/systemctl", "reload", "nginx"));
  EXPECT_EQ(target.hook_time, std::chrono::seconds(10));
  EXPECT_EQ(target.refresh, std::chrono::seconds(60));
  EXPECT_EQ(target.patience, std::chrono::seconds(5));
  EXPECT_EQ(target.most, 1000u);
  EXPECT_EQ(target.proxy, "http://proxy.test:3128");
}

TEST(SyncConfiguration, OtherSectionsAreLeftAlone) {
  const auto targets = parse("[service]\nthreads = 2\n");
  ASSERT_TRUE(targets);
  EXPECT_TRUE(targets->empty());
}

struct Wrong {
  std::string_view toml, says;
};
void PrintTo(const Wrong& wrong, std::ostream* os) { *os << wrong.toml; }
class WrongConfiguration : public testing::TestWithParam<Wrong> {};

TEST_P(WrongConfiguration, IsNamedWithItsLine) {
  const auto targets = parse(GetParam().toml);
  ASSERT_FALSE(targets);
  EXPECT_THAT(targets.error().report(), HasSubstr(std::string(GetParam().says)));
  EXPECT_THAT(targets.error().report(), HasSubstr("vouch.toml"));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongConfiguration,
    testing::Values(
        Wrong{"[crlsync.a]\n", "it has no authorities"},
        Wrong{"[crlsync.a]\nauthorities = \"ca.pem\"\n", "it has no crls"},
        Wrong{"[crlsync.a]\nauthorities = \"ca.pem\"\ncrls = \"http://a/b\"\n", "it has no output"},
        Wrong{"[crlsync.a]\nauthorities = \"ca.pem\"\ncrls = \"ldap://a/b\"\noutput = \"x\"\n",
              "not fetched by ldap"},
        Wrong{"[crlsync.a]\nauthorities = [\"a\", \"b\"]\ncrls = \"c\"\noutput = \"x\"\nform = \"der\"\n",
              "holds one CRL"},
        Wrong{"[crlsync.a]\nauthorities = \"a\"\ncrls = \"c\"\noutput = \"x\"\nform = \"txt\"\n",
              "'txt' is none of"},
        Wrong{"[crlsync.a]\nauthorities = \"a\"\ncrls = \"c\"\noutput = \"x\"\nhook = [\"systemctl\"]\n",
              "whole path"},
        Wrong{"[crlsync.a]\nhook = \"/usr/bin/systemctl reload nginx\"\n", "expected a list"},
        Wrong{"[crlsync.a]\nmode = \"rw\"\n", "no mode of a file"},
        Wrong{"[crlsync.a]\nrefresh = \"2d\"\n", "out of range"},
        Wrong{"[crlsync.a]\nmax_size = 0\n", "out of range"},
        Wrong{"[crlsync.a]\nauthority = \"a\"\n", "did you mean authorities"},
        Wrong{"[crlsync.\"a/b\"]\n", "no name for a section"},
        Wrong{"[crlsync]\nhook = \"x\"\n", "a place for CRLs is a section"},
        Wrong{"crlsync = 1\n", "stands outside a section"},
        Wrong{"[crlsync.a]\nauthorities = \"a\"\ncrls = \"c\"\noutput = \"x/../y\"\n"
              "[crlsync.b]\nauthorities = \"a\"\ncrls = \"c\"\noutput = \"y\"\n",
              "write to the same place"}));

}  // namespace
}  // namespace vouch::relying
