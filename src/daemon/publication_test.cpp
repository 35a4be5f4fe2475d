#include "daemon/jobs.hpp"
#include "net/fetch.hpp"
#include "net/test_net.hpp"
#include "revocation/crl_targets.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::daemon {
namespace {

using revocation::TargetState;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A CA with its own folder, and a web server that takes PUT unless told otherwise.
class PublicationTest : public revocation::RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    net::Route take =
        net::answering("/", {net::Method::put}, [this](const net::Request& r) { return receive(r); });
    take.match = net::Route::Match::prefix;
    net::ServerSettings settings;
    settings.threads = settings.workers = 1;
    settings.listeners = {{.name = "web",
                           .endpoint = net::loopback(),
                           .routes = net::table({std::move(take)}),
                           .tls = nullptr}};
    server = std::move(net::Server::start(std::move(settings)).value());
    url = fmt::format("http://127.0.0.1:{}/pki/", server->address("web").port());
    set([&](ca::AuthoritySettings& s) {
      s.cdp = {{65, bench.home().published().string() + "/%3%8%9.crl"}, {65, url + "%3%8%9.crl"}};
    });
    open();
  }
  ca::Environment networked() {
    ca::Environment environment = bench.environment();
    environment.upload = [this](const std::string& to, std::string_view type, Bytes content) {
      return net::put(fetcher, to, type, content);
    };
    return environment;
  }
  void open() { authority = ca::LocalAuthority::open(networked(), revocation::kTestCa).value(); }
  net::Response receive(const net::Request& request) {
    const std::lock_guard lock(guards);
    ++tries;
    if (answer != 201) return net::error_response(answer, "not now");
    received[std::string(request.path)] = to_buffer(as_bytes(request.body));
    return net::text_response(201, "");
  }
  void answer_with(unsigned status) {
    const std::lock_guard lock(guards);
    answer = status;
  }
  Buffer uploaded(const std::string& name = "/pki/CRL%20Root.crl") {
    const std::lock_guard lock(guards);
    return received[name];
  }

  net::Fetcher fetcher{net::FetchSettings{}};
  std::mutex guards;  // what follows
  unsigned answer = 201;
  int tries = 0;
  std::map<std::string, Buffer> received;
  std::string url;
  std::unique_ptr<net::Server> server;
};

TEST_F(PublicationTest, AWebServerGetsTheSameOctetsAsTheFiles) {
  switch_deltas_on();
  const auto published = publish();
  ASSERT_THAT(published, SizeIs(2));
  EXPECT_THAT(published[0].uploads, testing::ElementsAre(url + "CRL%20Root.crl"));
  EXPECT_THAT(published[0].failures, IsEmpty());
  EXPECT_EQ(uploaded(), read_file(base_file()).value());
  EXPECT_EQ(uploaded("/pki/CRL%20Root+.crl"), read_file(delta_file()).value());
  EXPECT_EQ(published[1].record.base_number, published[0].record.number) << "the base is everywhere by then";
  const TargetState state = state_of("/pki/CRL%20Root.crl");
  EXPECT_TRUE(state.is_good());
  EXPECT_EQ(state.record.number, published[0].record.number);
  EXPECT_EQ(state.last_success, bench.clock().now());
}

TEST_F(PublicationTest, AServerThatIsDownHoldsUpNobodyAndCatchesUpByItself) {
  answer_with(503);
  const auto published = publish();
  ASSERT_THAT(published, SizeIs(1));
  EXPECT_THAT(published[0].files, SizeIs(1));
  ASSERT_THAT(published[0].failures, SizeIs(1));
  EXPECT_THAT(published[0].failures[0].error, HasSubstr("answers 503 to PUT"));
  const Time begin = bench.clock().now();
  const TargetState state = state_of("/pki/CRL%20Root.crl");
  EXPECT_EQ(state.failures, 1U);
  EXPECT_EQ(state.next_try, begin + seconds(15));
  EXPECT_EQ(state.last_success, std::nullopt);
  // Not before its pause is over.
  bench.clock().advance(seconds(14));
  EXPECT_THAT(in_turn().missed, IsEmpty());
  EXPECT_EQ(tries, 1);
  bench.clock().advance(seconds(1));
  EXPECT_THAT(in_turn().missed, SizeIs(1));
  EXPECT_EQ(state_of("/pki/CRL%20Root.crl").next_try, bench.clock().now() + seconds(30));
  // Somebody who asks does not have to wait.
  answer_with(201);
  const std::uint64_t number = last_number();
  EXPECT_THAT(publish_what_is_due().copied, SizeIs(1));
  EXPECT_EQ(uploaded(), read_file(base_file()).value());
  EXPECT_EQ(last_number(), number) << "nothing was signed anew";
  EXPECT_TRUE(state_of("/pki/CRL%20Root.crl").is_good());
}

TEST_F(PublicationTest, AProgramWithoutNetworkSaysSo) {
  authority = bench.open(revocation::kTestCa);
  const auto published = publish();
  ASSERT_THAT(published[0].failures, SizeIs(1));
  EXPECT_THAT(published[0].failures[0].error, HasSubstr("reaches no web server"));
}

TEST_F(PublicationTest, EachPlaceIsAHealthStateOfItsOwn) {
  Health health({});
  const ca::Environment environment = networked();
  OpenAuthorities authorities(environment, health);
  ASSERT_TRUE(authorities.open());
  const Job job = publication_job(authorities, health);
  const auto state = [&](const std::string& end) {
    for (const net::HealthCheck& check : health.checks())
      if (check.name.starts_with("publication to ") && check.name.ends_with(end)) return check;
    return net::HealthCheck{};
  };
  answer_with(503);
  const Status done = job.run();
  EXPECT_TRUE(done) << "a place that is down is no fault of the others: " << done.error().report();
  EXPECT_TRUE(state("published/CRL Root.crl").good);
  const net::HealthCheck down = state("/pki/CRL%20Root.crl");
  EXPECT_FALSE(down.good);
  EXPECT_THAT(down.detail, HasSubstr("answers 503 to PUT; 1 failures in a row, tried again at 2026-"));
  EXPECT_THAT(down.detail, HasSubstr("the server has to take PUT on that path"));
  answer_with(201);
  bench.clock().advance(seconds(15));
  EXPECT_TRUE(job.run());
  EXPECT_TRUE(state("/pki/CRL%20Root.crl").good);
  EXPECT_EQ(uploaded(), read_file(base_file()).value());
  // What is no place any more has no state.
  set([](ca::AuthoritySettings& s) { s.cdp.pop_back(); });
  EXPECT_TRUE(job.run());
  EXPECT_TRUE(job.run());
  EXPECT_EQ(state("/pki/CRL%20Root.crl").name, "");
}

}  // namespace
}  // namespace vouch::daemon
