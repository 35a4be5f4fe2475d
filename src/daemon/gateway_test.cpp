#include "daemon/gateway.hpp"

#include "base/pem.hpp"
#include "net/test_net.hpp"
#include "relying/gateway/ask.hpp"
#include "validate/test_pki.hpp"

namespace vouch::daemon {
namespace {

using testing::HasSubstr;
using validate::test::kNow, validate::test::TestPki;

class GatewayServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-gateway.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    write("[listener.http]\nenabled = false\n[relying_party]\ndecision_log = \"decisions.jsonl\"\n");
  }
  void TearDown() override { fs::remove_all(folder); }
  void write(std::string_view toml) { ASSERT_TRUE(write_file_atomic(folder / "vouch.toml", as_bytes(toml))); }
  std::string toml() const { return std::string(as_text(read_file(folder / "vouch.toml").value())); }
  Result<std::unique_ptr<GatewayService>> start() {
    return GatewayService::start(
        {.home = folder,
         .clock = clock,
         .configuration = [this]() -> Result<Configuration> {
           Configuration read = TRY(parse_configuration(toml(), "vouch.toml"));
           read.threads = 1;
           read.workers = 2;
           return read;
         }},
        pki.provider(), [this] { return relying::parse_party_configuration(toml(), "vouch.toml", folder); });
  }
  relying::GatewayClient client() const { return relying::GatewayClient(folder / "run" / "vouch.sock"); }
  relying::Asked question(const validate::CertificatePtr& certificate) const {
    relying::Asked asked;
    asked.client = "test";
    asked.question.chain = {to_buffer(certificate->der())};
    return asked;
  }

  TestPki pki;
  ManualClock clock{kNow};
  fs::path folder;
};

TEST_F(GatewayServiceTest, DecidesLogsAndTakesOverProfiles) {
  auto service = start();
  ASSERT_TRUE(service) << service.error().report();
  auto asking = client();
  const auto leaf = pki.leaf("leaf", "Root");
  const auto refused = asking.ask(question(leaf));
  ASSERT_TRUE(refused) << refused.error().report();
  EXPECT_EQ(refused->code, 500176u) << "nobody is trusted";
  EXPECT_THAT(std::string(as_text(read_file(folder / "decisions.jsonl").value())), HasSubstr("500176"));

  relying::Asked own = question(leaf);
  own.profile = "own";
  EXPECT_FALSE(asking.ask(own)) << "there is no such profile yet";
  write(toml() + "[profile.own]\nbase = \"cba\"\n");
  ASSERT_TRUE((*service)->reload());
  EXPECT_TRUE(asking.ask(own));
  // A configuration with a mistake changes nothing.
  write(toml() + "[profile.other]\nbase = \"nothing\"\n");
  EXPECT_FALSE((*service)->reload());
  EXPECT_TRUE(asking.ask(own));
}

TEST_F(GatewayServiceTest, OnlyThisHostMayAsk) {
  write("[listener.http]\naddress = \"0.0.0.0:0\"\nserves = [\"gateway\"]\n");
  const auto service = start();
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().code(), Errc::usage);
  EXPECT_THAT(service.error().report(), HasSubstr("to other hosts"));
  // Health and metrics may be seen from elsewhere.
  write("[listener.http]\naddress = \"0.0.0.0:0\"\nserves = [\"health\", \"metrics\"]\n");
  EXPECT_TRUE(start());
}

TEST_F(GatewayServiceTest, OneForEachHome) {
  const auto first = start();
  ASSERT_TRUE(first);
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
}

}  // namespace
}  // namespace vouch::daemon
