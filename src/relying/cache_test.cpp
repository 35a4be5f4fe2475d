// What happens around a sign-in: caching, fetching ahead, one download at a time, pauses, processes. Rows P1
// to P10, F1 to F6 and V2 of the test matrix.
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "relying/prefetch.hpp"
#include "relying/test_party.hpp"

namespace vouch::relying {
namespace {

using namespace test;
using testing::HasSubstr;

class CacheTest : public PartyTest {
 protected:
  CacheTest() : PartyTest(cba()) {
    trust(ca_, web_.url("/ca.crl"));
    publish("/ca.crl", of("CA"));
  }
  TestPki::CrlSpec with_publish(std::uint64_t number, Time begin, Time publish, Time end) {
    TestPki::CrlSpec spec{.issuer = "CA", .number = number, .this_update = begin, .next_update = end};
    spec.extensions = {next_publish(publish)};
    return spec;
  }
  static Time at(const std::string& text) { return parse_time(text).value(); }

  CertificatePtr ca_ = pki_.ca("CA"),
                 leaf_ = pki_.make({.subject = "leaf", .issuer = "CA", .ca = false, .serial = 1000});
};

TEST_P(CacheTest, P1TheSecondSignInAsksNobody) {
  EXPECT_ACCEPTED(decide(leaf_));
  const Decision second = decide(leaf_);
  EXPECT_EQ(web_.total(), 1);
  ASSERT_EQ(second.checks[0].steps.size(), 1u);
  EXPECT_TRUE(second.checks[0].steps[0].cached);
  EXPECT_TRUE(*to_log(second).find("cache_hit")->boolean());
}

// The two examples of Windows' documentation, to the minute.
TEST_P(CacheTest, P2TheWindowIsThatOfWindows) {
  const auto window = [&](const char* begin, const char* publish, const char* end) {
    const Buffer der = crl(with_publish(1, at(begin), at(publish), at(end)));
    return prefetch_window(x509::parse_crl(der).value(), hours(1));
  };
  EXPECT_EQ(window("2026-05-05 08:00", "2026-05-06 08:00", "2026-05-07 08:00"),
            (PrefetchWindow{at("2026-05-06 10:24"), at("2026-05-07 06:48")}));
  EXPECT_EQ(window("2026-05-03 08:00", "2026-05-07 08:00", "2026-05-11 08:00"),
            (PrefetchWindow{at("2026-05-07 17:36"), at("2026-05-11 03:12")}));
  // P3: an hour is too short: 70 minutes less 15 %.
  EXPECT_EQ(window("2026-05-05 08:00", "2026-05-05 09:00", "2026-05-05 10:10"), std::nullopt);
  EXPECT_NE(window("2026-05-05 08:00", "2026-05-05 09:00", "2026-05-05 10:20"), std::nullopt);
  EXPECT_EQ(prefetch_window(x509::parse_crl(crl(of("CA"))).value(), hours(1)), std::nullopt) << "P4";
}

// Kolmogorov and Smirnov: a thousand clients are spread evenly (critical value at 1 %: 1.63 / sqrt(n)).
TEST_P(CacheTest, P2MomentsAreUniform) {
  const PrefetchWindow window{kNow, kNow + hours(20)};
  std::vector<double> moments;
  for (int i = 0; i < 1'000; ++i) {
    std::uint64_t random = 0;
    pki_.provider()->random({reinterpret_cast<std::uint8_t*>(&random), sizeof random});
    const Time moment = prefetch_moment(window, kNow - hours(3), random);
    ASSERT_TRUE(moment >= window.begin && moment < window.end);
    moments.push_back(double((moment - window.begin).count()) / double((window.end - window.begin).count()));
  }
  std::ranges::sort(moments);
  double distance = 0;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    distance = std::max(distance, std::abs(moments[i] - double(i) / 1'000));
    distance = std::max(distance, std::abs(moments[i] - double(i + 1) / 1'000));
  }
  // Kolmogorov and Smirnov: uniform moments are further off once in 10^9 times.
  EXPECT_LT(distance, 3.3 / std::sqrt(1'000.0));
  EXPECT_GE(prefetch_moment(window, kNow + hours(19), 12345), kNow + hours(19)) << "not in the past";
}

TEST_P(CacheTest, P2AndP6AUsedCrlIsFetchedAheadOnce) {
  publish("/ca.crl", with_publish(1, kNow - hours(1), kNow + hours(10), kNow + hours(20)));
  EXPECT_ACCEPTED(decide(leaf_));
  const auto next = party().maintain();
  ASSERT_TRUE(next);
  EXPECT_GE(*next, kNow + hours(11));
  EXPECT_LT(*next, kNow + hours(19) + minutes(30));
  clock_.set(*next - seconds(1));
  publish("/ca.crl", with_publish(2, kNow + hours(10), kNow + hours(20), kNow + hours(30)));
  (void)party().maintain();
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(web_.count("/ca.crl"), 1) << "not before its moment";
  clock_.set(*next);
  (void)party().maintain();
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(web_.count("/ca.crl"), 2);
  EXPECT_EQ(cache_->from_url(web_.url("/ca.crl"))->crl->head().number, Buffer{2});
  // P6: nobody has used the second one, so it is not followed.
  EXPECT_EQ(party().maintain(), std::nullopt);
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_TRUE(party().maintain()) << "now somebody has";
  EXPECT_EQ(web_.count("/ca.crl"), 2);
}

TEST_P(CacheTest, P5TheOldOneServesWhileFetchingAheadFails) {
  publish("/ca.crl", with_publish(1, kNow - hours(1), kNow + hours(10), kNow + hours(20)));
  EXPECT_ACCEPTED(decide(leaf_));
  web_.fail("/ca.crl", "503 Busy");
  clock_.set(party().maintain().value());
  const auto again = party().maintain();
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(web_.count("/ca.crl"), 2);
  EXPECT_ACCEPTED(decide(leaf_));
  ASSERT_TRUE(again) << "it will be tried again";
  EXPECT_GE(*again, clock_.now() + minutes(1));
  publish("/ca.crl", with_publish(2, kNow + hours(10), kNow + hours(20), kNow + hours(30)));
  clock_.set(*again);
  (void)party().maintain();
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(web_.count("/ca.crl"), 3);
}

TEST_P(CacheTest, P7AndF5FetchingAheadHasTheLargerLimitAndIsInNobodysWay) {
  const Buffer first = crl(with_publish(1, kNow - hours(1), kNow + hours(10), kNow + hours(20)));
  web_.serve("/ca.crl", first);
  profile_.crl.interactive_size = first.size();
  EXPECT_ACCEPTED(decide(leaf_));
  clock_.set(party().maintain().value());
  auto larger = with_publish(2, kNow + hours(10), kNow + hours(20), kNow + hours(30));
  larger.revoked = {{5, CrlReason::superseded}};
  std::atomic<bool> go = false;
  web_.on("/ca.crl", [octets = crl(larger), &go](Client& client) {
    while (!go) client.sleep(milliseconds(5));
    client.answer("200 OK", "", as_text(octets));
  });
  (void)party().maintain();
  for (int i = 0; i < 20; ++i) EXPECT_ACCEPTED(decide(leaf_));  // never 2205013 while a valid one is cached
  go = true;
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(cache_->from_url(web_.url("/ca.crl"))->crl->head().number, Buffer{2});
}

TEST_P(CacheTest, D13AndV2NothingNewIsNoChange) {
  web_.on("/ca.crl", [octets = crl(with_publish(1, kNow - hours(1), kNow + hours(10), kNow + hours(20)))](
                         Client& client) {
    if (client.head.find("If-None-Match: \"one\"") != std::string::npos)
      client.send("HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n");
    else
      client.answer("200 OK", "ETag: \"one\"\r\n", as_text(octets));
  });
  EXPECT_ACCEPTED(decide(leaf_));
  clock_.set(party().maintain().value());
  (void)party().maintain();
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(web_.count("/ca.crl"), 2);
  EXPECT_EQ(cache_->from_url(web_.url("/ca.crl"))->fetched_at, clock_.now());
  // When it has expired, the whole is asked for: a 304 would be of no use.
  clock_.set(kNow + hours(20));
  EXPECT_CODE(decide(leaf_), 500172u);
  EXPECT_THAT(web_.last_head("/ca.crl"), testing::Not(HasSubstr("If-None-Match")));
}

TEST_P(CacheTest, P8AndP9ARestartFindsItsCrls) {
  if (GetParam() == Kept::memory) return;  // is for one process
  EXPECT_ACCEPTED(decide(leaf_));
  restart();
  const Decision again = decide(leaf_);
  EXPECT_TRUE(again.accepted) << to_text(again);
  EXPECT_TRUE(again.checks[0].steps[0].cached);
  EXPECT_EQ(web_.total(), 1);
  // What was damaged is fetched again, never believed.
  const auto damage = [&](bool lines) {
    restart();
    for (const auto& file : fs::recursive_directory_iterator(store_)) {
      if (!file.is_regular_file() || file.file_size() < 100 || (file.path().extension() == ".json") != lines)
        continue;
      Buffer octets = read_file(file.path()).value();
      for (std::size_t i = 40; i < octets.size(); i += 16) octets[i] ^= 0x55;
      ASSERT_TRUE(write_file_atomic(file.path(), octets));
    }
  };
  damage(false);
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.total(), 2);
  // Where nobody can say which number was the highest, an old CRL could be played back.
  damage(true);
  const Decision unknown = decide(leaf_);
  EXPECT_EQ(unknown.name, "crl.not_kept") << to_text(unknown);
}

// Two processes on one folder see each other's CRLs.
TEST_P(CacheTest, AnotherProcessFindsThem) {
  if (GetParam() == Kept::memory) return;
  const auto other_cache = make_stored_cache(CrlStore::open(pki_.provider(), {.folder = store_}).value());
  RelyingParty other(pki_.provider(), clock_, std::make_shared<TrustList>(issuers_), {.cache = other_cache});
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_ACCEPTED(other.decide({.chain = {to_buffer(leaf_->der())}}, profile_));
  EXPECT_EQ(web_.total(), 1);
}

// ---- One at a time

TEST_P(CacheTest, F1TwoHundredSignInsAreOneDownload) {
  std::atomic<bool> go = false;
  web_.on("/ca.crl", [octets = crl(of("CA")), &go](Client& client) {
    while (!go) client.sleep(milliseconds(5));
    client.answer("200 OK", "", as_text(octets));
  });
  (void)party();
  std::atomic<int> accepted = 0, in_progress = 0, done = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 200; ++i)
    threads.emplace_back([&] {
      const Decision decision = decide(leaf_);
      if (decision.accepted) ++accepted;
      if (decision.code == 2205013) ++in_progress;
      ++done;
    });
  while (done < 199) std::this_thread::sleep_for(milliseconds(5));  // at once, while the one still waits
  go = true;
  threads.clear();
  EXPECT_EQ(accepted, 1);
  EXPECT_EQ(in_progress, 199);
  EXPECT_EQ(web_.count("/ca.crl"), 1);
}

TEST_P(CacheTest, F1WaitingInsteadIsAMatterOfPolicy) {
  web_.on("/ca.crl", [octets = crl(of("CA"))](Client& client) {
    client.sleep(milliseconds(200));
    client.answer("200 OK", "", as_text(octets));
  });
  profile_.crl.wait_for_others = true;
  (void)party();
  std::atomic<int> accepted = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 50; ++i)
    threads.emplace_back([&] {
      if (decide(leaf_).accepted) ++accepted;
    });
  threads.clear();
  EXPECT_EQ(accepted, 50);
  EXPECT_EQ(web_.count("/ca.crl"), 1);
}

TEST_P(CacheTest, F2OtherUrlsAreNotInTheWay) {
  const auto other = pki_.ca("Other");
  trust(other, web_.url("/other.crl"));
  publish("/other.crl", of("Other"));
  web_.silence("/ca.crl");
  profile_.crl.interactive_time = milliseconds(200);
  EXPECT_CODE(decide(leaf_), 2205012u);
  EXPECT_ACCEPTED(decide(pki_.leaf("x", "Other")));
}

TEST_P(CacheTest, ThrottlingIsForEachDistributionPoint) {
  profile_.crl.attempts = 3;
  profile_.crl.retry_pause = seconds(0);
  web_.fail("/ca.crl", "404 Not Found");
  for (int i = 0; i < 3; ++i) EXPECT_CODE(decide(leaf_), 500173u);
  const Decision turned_away = decide(leaf_);
  EXPECT_EQ(turned_away.code, 2205013u) << to_text(turned_away);
  EXPECT_EQ(web_.count("/ca.crl"), 3);
  clock_.advance(seconds(60));
  EXPECT_CODE(decide(leaf_), 500173u);
}

TEST_P(CacheTest, F6RetryAfterIsHonoured) {
  web_.fail("/ca.crl", "503 Busy", "Retry-After: 120\r\n");
  EXPECT_CODE(decide(leaf_), 500173u);
  clock_.advance(seconds(119));
  EXPECT_CODE(decide(leaf_), 500173u);
  EXPECT_EQ(web_.count("/ca.crl"), 1);
  clock_.advance(seconds(1));
  publish("/ca.crl", of("CA"));
  EXPECT_ACCEPTED(decide(leaf_));
  // Nobody pauses us for a year.
  web_.fail("/ca.crl", "429 Slowly", "Retry-After: 31536000\r\n");
  clock_.advance(hours(24));
  EXPECT_CODE(decide(leaf_), 500173u);
  clock_.advance(hours(1));
  publish("/ca.crl", of("CA", 2));
  EXPECT_ACCEPTED(decide(leaf_));
}

// F3 and F4: the lock holds across processes, and goes with the one that holds it.
TEST_P(CacheTest, F4TwoProcessesAtOnce) {
  folder_ = fs::temp_directory_path() / fmt::format("vouch-relying-processes-{}", ::getpid());
  std::atomic<bool> asked = false;
  web_.on("/ca.crl", [&](Client& client) {
    asked = true;
    client.sleep(minutes(1));
  });
  ASSERT_TRUE(make_folder(folder_ / "downloads", 0700));
  // The child holds what a download of this URL holds.
  const std::string name =
      to_hex(pki_.provider()->digest(x509::DigestAlgorithm::sha256, as_bytes(web_.url("/ca.crl"))))
          .substr(0, 32);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock = FileLock::acquire(folder_ / "downloads" / (name + ".lock"), milliseconds(1'000));
    const char said = lock ? '1' : '0';
    if (::write(ready[1], &said, 1) == 1) ::pause();
    ::_exit(0);
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  ASSERT_EQ(said, '1');
  const Decision waiting = decide(leaf_);
  EXPECT_EQ(waiting.code, 2205013u) << to_text(waiting);
  EXPECT_THAT(waiting.checks[0].steps[0].outcome, HasSubstr("another process"));
  EXPECT_FALSE(asked);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  publish("/ca.crl", of("CA"));
  EXPECT_ACCEPTED(decide(leaf_));
  party_.reset();
  fs::remove_all(folder_);
}

TEST_P(CacheTest, TheLockIsSharedByTwoPartiesOnOneFolder) {
  folder_ = fs::temp_directory_path() / fmt::format("vouch-relying-parties-{}", ::getpid());
  std::atomic<bool> go = false;
  web_.on("/ca.crl", [octets = crl(of("CA")), &go](Client& client) {
    while (!go) client.sleep(milliseconds(5));
    client.answer("200 OK", "", as_text(octets));
  });
  const auto first = make_party();
  const auto second = make_party();
  const Question question{.chain = {to_buffer(leaf_->der())}};
  Decision one;
  std::jthread waiting([&] { one = first->decide(question, profile_); });
  while (web_.count("/ca.crl") == 0) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_CODE(second->decide(question, profile_), 2205013u);
  go = true;
  waiting.join();
  EXPECT_TRUE(one.accepted);
  EXPECT_EQ(web_.count("/ca.crl"), 1);
  fs::remove_all(folder_);
}

// 10 GB are announced and sent: cut at the limit, and not kept in memory.
TEST_P(CacheTest, AnEndlessAnswerIsCutAtTheLimit) {
  profile_.crl.interactive_size = 1 << 20;
  profile_.crl.background_size = 8 << 20;
  std::atomic<std::uint64_t> sent = 0;
  for (const bool announced : {true, false}) {
    web_.on("/ca.crl", [&, announced](Client& client) {
      client.send(announced ? "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\n\r\n");
      const std::string piece(65'536, '\0');
      for (std::uint64_t all = 0; all < 10'737'418'240; all += piece.size()) {
        if (!client.send(piece)) return;
        sent += piece.size();
      }
    });
    sent = 0;
    forget_everything();
    EXPECT_CODE(decide(leaf_), 2205014u);
    ASSERT_TRUE(party().drain(seconds(20)));
    EXPECT_EQ(decide(leaf_).name, "crl.too_large");
    EXPECT_LT(sent, 32u << 20) << "what the sockets' buffers hold comes on top";
  }
}

TEST_P(CacheTest, DestroyingEndsWhatRuns) {
  web_.silence("/ca.crl");
  profile_.crl.interactive_time = milliseconds(50);
  EXPECT_CODE(decide(leaf_), 2205012u);
  const auto begun = std::chrono::steady_clock::now();
  party_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(3));
}

TEST_P(CacheTest, StatusAndRefreshByHand) {
  const auto fetched = party().refresh(profile_);
  ASSERT_EQ(fetched.size(), 1u);
  EXPECT_TRUE(fetched[0].good && fetched[0].changed);
  EXPECT_EQ(fetched[0].step.number, "01");
  EXPECT_FALSE(party().refresh(profile_)[0].changed);
  publish("/ca.crl", of("CA", 2));
  EXPECT_TRUE(party().refresh(profile_)[0].changed);
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/ca.crl"), 3);
  const Value status = party().status();
  ASSERT_EQ(status.find("crls")->list_items()->size(), 1u);
  EXPECT_EQ(*(*status.find("crls")->list_items())[0].find("number")->text(), "02");
}

TEST_P(CacheTest, RemovingAnIssuerHoldsFromTheNextDecision) {
  EXPECT_ACCEPTED(decide(leaf_));
  party().replace_trust(std::make_shared<TrustList>(std::vector<TrustedIssuer>{}));
  EXPECT_CODE(decide(leaf_), 500176u);
  issuers_[0].distrusted_after = parse_time("2025-12-31").value();
  party().replace_trust(std::make_shared<TrustList>(issuers_));
  EXPECT_CODE(decide(leaf_), 500176u);
}

INSTANTIATE_TEST_SUITE_P(Kept, CacheTest, kBoth, testing::PrintToStringParamName());

}  // namespace
}  // namespace vouch::relying
