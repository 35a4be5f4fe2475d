#include "relying/sync/crl_sync.hpp"

#include <map>

#include "base/pem.hpp"
#include "net/test_net.hpp"
#include "validate/test_pki.hpp"

namespace vouch::relying {
namespace {

using testing::HasSubstr;
using validate::test::kNow, validate::test::TestPki;

// A web server that hands out what a test puts there, with an ETag for each content.
class Web {
 public:
  Web() {
    net::ServerSettings settings;
    settings.listeners.push_back(
        {.name = "http", .endpoint = net::loopback(), .routes = net::table({route()}), .tls = nullptr});
    settings.threads = 1;
    settings.workers = 2;
    server_ = net::Server::start(std::move(settings)).value();
  }
  std::string url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", server_->address("http").port(), path);
  }
  void put(const std::string& path, Buffer content, unsigned status = 200) {
    const std::scoped_lock lock(guard_);
    files_[path] = {status, std::move(content)};
  }
  int full_answers() const {
    const std::scoped_lock lock(guard_);
    return full_;
  }

 private:
  struct File {
    unsigned status;
    Buffer content;
  };
  net::Route route() {
    net::Route all = net::answering("/", {net::Method::get},
                                    [this](const net::Request& request) { return answer(request); });
    all.match = net::Route::Match::prefix;
    return all;
  }
  net::Response answer(const net::Request& request) {
    const std::scoped_lock lock(guard_);
    const auto file = files_.find(std::string(request.path));
    if (file == files_.end()) return net::error_response(404, "nothing here");
    const std::string etag =
        fmt::format("\"{}\"", std::hash<std::string_view>()(as_text(file->second.content)));
    net::Response response;
    response.fields.emplace_back("ETag", etag);
    response.status = file->second.status;
    if (response.status == 200 && request.field("If-None-Match") == etag) {
      response.status = 304;
      return response;
    }
    ++full_;
    response.content_type = "application/pkix-crl";
    response.body = file->second.content;
    return response;
  }

  mutable std::mutex guard_;
  std::map<std::string, File> files_;
  int full_ = 0;
  std::unique_ptr<net::Server> server_;
};

class CrlSyncTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "vouch-crlsync.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    ASSERT_TRUE(write_file_atomic(folder / "root.pem", as_bytes(to_pem("CERTIFICATE", root->der()))));
    ASSERT_TRUE(write_file_atomic(folder / "issuing.pem", as_bytes(to_pem("CERTIFICATE", issuing->der()))));
    serve("Root", {.issuer = "Root"});
    serve("Issuing", {.issuer = "Issuing"});
  }
  void TearDown() override { fs::remove_all(folder); }

  void serve(const std::string& name, const TestPki::CrlSpec& spec) {
    web.put("/" + name + ".crl", to_buffer(pki.crl(spec)->head().view.whole));
  }
  SyncTarget target() const {
    return {.name = "nginx",
            .authorities = {folder / "issuing.pem", folder / "root.pem"},
            .crls = {web.url("/Issuing.crl"), web.url("/Root.crl")},
            .output = folder / "crls.pem",
            .hook = {"/bin/sh", "-c", "echo run >>\"$1\"; test ! -e \"$1.broken\"", "hook",
                     (folder / "hook").string()}};
  }
  SyncReport run(const SyncTarget& wanted) {
    CrlSync sync(*pki.provider(), clock, folder / "state", wanted);
    auto report = sync.run();
    if (!report) ADD_FAILURE() << report.error().report();
    return report ? std::move(*report) : SyncReport();
  }
  SyncReport run() { return run(target()); }
  std::vector<PemBlock> output() const {
    const auto text = read_file(folder / "crls.pem");
    return text ? parse_pem(as_text(*text)).value() : std::vector<PemBlock>();
  }
  std::string number_in_output(std::size_t i) const {
    const auto crl = x509::parse_crl(output().at(i).der).value();
    return to_hex(x509::parse_crl_number(crl.find(x509::oid::kCrlNumber)->value).value());
  }
  std::size_t hooks() const {
    const auto text = read_file(folder / "hook");
    return text ? static_cast<std::size_t>(std::ranges::count(*text, '\n')) : 0;
  }
  // The first CRL lies there, the next one comes and is not good: the old one stays.
  void expect_refused(const std::string& why) {
    const SyncReport report = run();
    EXPECT_EQ(report.places[0].outcome, PlaceOutcome::refused);
    EXPECT_THAT(report.places[0].error, HasSubstr(why));
    EXPECT_TRUE(report.refused());
    EXPECT_FALSE(report.changed);
    EXPECT_EQ(number_in_output(0), "05");
    EXPECT_EQ(report.places[1].error, "") << "the other CA has nothing to do with it";
  }
  void begin_with_five() {
    serve("Issuing", {.issuer = "Issuing", .number = 5});
    ASSERT_TRUE(run().good());
  }

  TestPki pki;
  const validate::CertificatePtr root = pki.ca("Root"), issuing = pki.ca("Issuing", "Root");
  ManualClock clock{kNow};
  Web web;
  fs::path folder;
};

TEST_F(CrlSyncTest, TheFirstRunWritesAndCallsTheHookTheNextDoesNothing) {
  const SyncReport first = run();
  EXPECT_TRUE(first.good());
  EXPECT_TRUE(first.changed);
  EXPECT_TRUE(first.hook_ran);
  EXPECT_EQ(first.places[0].outcome, PlaceOutcome::replaced);
  EXPECT_EQ(first.places[0].issuer, "CN=Issuing");
  ASSERT_EQ(output().size(), 2u);
  EXPECT_EQ(hooks(), 1u);

  const int asked = web.full_answers();
  const SyncReport second = run();
  EXPECT_TRUE(second.good());
  EXPECT_FALSE(second.changed);
  EXPECT_EQ(second.places[0].outcome, PlaceOutcome::unchanged);
  EXPECT_EQ(second.places[0].number, "1") << "it still knows what lies there";
  EXPECT_EQ(web.full_answers(), asked) << "the server is asked whether it has another one";
  EXPECT_EQ(hooks(), 1u);
}

TEST_F(CrlSyncTest, AHigherNumberReplaces) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing", .number = 6});
  const SyncReport report = run();
  EXPECT_TRUE(report.changed);
  EXPECT_EQ(number_in_output(0), "06");
  EXPECT_EQ(hooks(), 2u);
}

TEST_F(CrlSyncTest, ALowerNumberIsRefused) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing", .number = 4});
  expect_refused("number 0x4 is older than the CRL 0x5");
}

TEST_F(CrlSyncTest, NumbersAreComparedAsNumbers) {
  serve("Issuing", {.issuer = "Issuing", .number = 0x9});
  ASSERT_TRUE(run().good());
  serve("Issuing", {.issuer = "Issuing", .number = 0x10});
  EXPECT_TRUE(run().changed);
}

TEST_F(CrlSyncTest, TheSameNumberWithOtherOctetsIsRefused) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing", .number = 5, .revoked = {{7, x509::CrlReason::key_compromise}}});
  expect_refused("another CRL of the same number");
}

TEST_F(CrlSyncTest, AnotherKeyIsRefused) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing", .signed_by = "Thief", .number = 6});
  expect_refused("authorityKeyIdentifier");
}

TEST_F(CrlSyncTest, ADamagedOneIsRefused) {
  begin_with_five();
  Buffer crl = to_buffer(pki.crl({.issuer = "Issuing", .number = 6})->head().view.whole);
  crl.back() ^= 1;
  web.put("/Issuing.crl", crl);
  expect_refused("signature");
}

TEST_F(CrlSyncTest, AnErrorPageIsRefused) {
  begin_with_five();
  web.put("/Issuing.crl", to_buffer(as_bytes("<html>sorry</html>")));
  expect_refused("");
}

TEST_F(CrlSyncTest, AnExpiredOneIsRefused) {
  begin_with_five();
  serve(
      "Issuing",
      {.issuer = "Issuing", .number = 6, .this_update = kNow - std::chrono::hours(48), .next_update = kNow});
  expect_refused("it has expired at 2026-06-01T12:00:00Z");
}

TEST_F(CrlSyncTest, OneOfTomorrowIsRefused) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing",
                    .number = 6,
                    .this_update = kNow + std::chrono::hours(24),
                    .next_update = kNow + std::chrono::hours(48)});
  expect_refused("the clock shows 2026-06-01T12:00:00Z");
}

TEST_F(CrlSyncTest, ADeltaIsRefused) {
  begin_with_five();
  serve("Issuing", {.issuer = "Issuing",
                    .number = 6,
                    .extensions = {x509::make_extension(x509::oid::kDeltaCrlIndicator, true,
                                                        x509::encode_crl_number(5))}});
  expect_refused("delta CRL");
}

TEST_F(CrlSyncTest, ACrlOfSomebodyElseIsRefused) {
  begin_with_five();
  (void)pki.ca("Stranger");
  serve("Issuing", {.issuer = "Stranger"});
  expect_refused("issued by CN=Stranger");
}

TEST_F(CrlSyncTest, AServerThatIsDownLeavesWhatIsThere) {
  begin_with_five();
  web.put("/Issuing.crl", {}, 503);
  const SyncReport report = run();
  EXPECT_EQ(report.places[0].outcome, PlaceOutcome::failed);
  EXPECT_THAT(report.places[0].error, HasSubstr("503"));
  EXPECT_FALSE(report.refused());
  EXPECT_FALSE(report.good());
  EXPECT_EQ(number_in_output(0), "05");
  EXPECT_EQ(report.authorities[0].problem, "") << "the old one is valid still";

  clock.advance(std::chrono::days(30));
  EXPECT_THAT(run().authorities[0].problem, HasSubstr("has expired"));
  EXPECT_EQ(number_in_output(0), "05") << "the server then refuses, which is right";
}

TEST_F(CrlSyncTest, TooLargeIsNotTaken) {
  SyncTarget small = target();
  small.most = 100;
  const SyncReport report = run(small);
  EXPECT_EQ(report.places[0].outcome, PlaceOutcome::failed);
  EXPECT_TRUE(output().empty());
}

TEST_F(CrlSyncTest, NothingIsWrittenUntilEveryCaHasOne) {
  web.put("/Root.crl", {}, 404);
  const SyncReport report = run();
  EXPECT_TRUE(output().empty()) << "a server that checks whole chains would refuse everybody";
  EXPECT_EQ(report.authorities[1].subject, "CN=Root");
  EXPECT_THAT(report.authorities[1].problem, HasSubstr("no place has a CRL of this CA"));
  EXPECT_EQ(hooks(), 0u);
  serve("Root", {.issuer = "Root"});
  EXPECT_TRUE(run().good());
  EXPECT_EQ(output().size(), 2u);
}

TEST_F(CrlSyncTest, AHookThatFailedIsRunAgain) {
  ASSERT_TRUE(write_file_atomic(folder / "hook.broken", as_bytes("x")));
  const SyncReport first = run();
  EXPECT_TRUE(first.changed);
  EXPECT_THAT(first.hook_error, HasSubstr("ended with status 1"));
  EXPECT_FALSE(first.good());
  fs::remove(folder / "hook.broken");
  const SyncReport second = run();
  EXPECT_FALSE(second.changed);
  EXPECT_TRUE(second.hook_ran);
  EXPECT_TRUE(second.good());
  EXPECT_FALSE(run().hook_ran);
  EXPECT_EQ(hooks(), 2u);
}

TEST_F(CrlSyncTest, AnOutputThatSomebodyChangedIsMended) {
  ASSERT_TRUE(run().good());
  ASSERT_TRUE(write_file_atomic(folder / "crls.pem", as_bytes("gone")));
  EXPECT_TRUE(run().changed);
  EXPECT_EQ(output().size(), 2u);
}

TEST_F(CrlSyncTest, NumbersSurviveALostFileAndAreForgottenOnRequestOnly) {
  begin_with_five();
  for (const auto& entry : fs::directory_iterator(folder / "state" / "nginx"))
    if (entry.path().extension() == ".crl") fs::remove(entry.path());
  serve("Issuing", {.issuer = "Issuing", .number = 4});
  SyncReport report = run();
  EXPECT_EQ(report.places[0].outcome, PlaceOutcome::refused);
  EXPECT_EQ(number_in_output(0), "05") << "the output is not taken away";
  CrlSync sync(*pki.provider(), clock, folder / "state", target());
  ASSERT_TRUE(sync.forget_numbers());
  report = run();
  EXPECT_TRUE(report.good());
  EXPECT_EQ(number_in_output(0), "04");
}

TEST_F(CrlSyncTest, AChangedFileOfTheStateIsNotTrusted) {
  begin_with_five();
  for (const auto& entry : fs::directory_iterator(folder / "state" / "nginx"))
    if (entry.path().extension() == ".crl") {
      Buffer content = read_file(entry.path()).value();
      content[content.size() / 2] ^= 1;
      ASSERT_TRUE(write_file_atomic(entry.path(), content));
    }
  const SyncReport report = run();
  EXPECT_TRUE(report.good()) << "it is fetched again";
  EXPECT_FALSE(report.changed);
}

TEST_F(CrlSyncTest, ABrokenStateIsAnErrorAndNoFreshStart) {
  begin_with_five();
  ASSERT_TRUE(write_file_atomic(folder / "state" / "nginx" / "state.json", as_bytes("{")));
  CrlSync sync(*pki.provider(), clock, folder / "state", target());
  const auto report = sync.run();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().report(), HasSubstr("highest CRL numbers"));
}

TEST_F(CrlSyncTest, WithCertificatesAndFromFiles) {
  ASSERT_TRUE(write_file_atomic(
      folder / "root.crl",
      as_bytes(to_pem("X509 CRL", pki.crl({.issuer = "Root", .number = 2})->head().view.whole))));
  SyncTarget wanted = target();
  wanted.crls[1] = (folder / "root.crl").string();
  wanted.with_certificates = true;
  EXPECT_TRUE(run(wanted).good());
  ASSERT_EQ(output().size(), 4u);
  EXPECT_EQ(output()[0].label, "CERTIFICATE");
  EXPECT_EQ(output()[3].label, "X509 CRL");
  const SyncReport second = run(wanted);
  EXPECT_EQ(second.places[1].outcome, PlaceOutcome::unchanged);
}

TEST_F(CrlSyncTest, WhatTheLastRunSaidCanBeLookedAt) {
  CrlSync sync(*pki.provider(), clock, folder / "state", target());
  EXPECT_EQ(sync.look().value().places[0].error, "it was not asked yet");
  (void)run();
  web.put("/Issuing.crl", {}, 503);
  (void)run();
  const SyncReport report = sync.look().value();
  EXPECT_THAT(report.places[0].error, HasSubstr("503"));
  EXPECT_EQ(report.places[0].number, "1");
  EXPECT_FALSE(report.changed);
}

}  // namespace
}  // namespace vouch::relying
