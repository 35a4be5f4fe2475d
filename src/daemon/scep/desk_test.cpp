#include "daemon/scep/desk.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "ca/test_fixture.hpp"
#include "daemon/scep/here.hpp"
#include "enroll/scep/client.hpp"

namespace vouch::daemon::scep {
namespace {

using testing::Contains, testing::HasSubstr, testing::IsEmpty, testing::Not;

// Profiles over a real CA in a temporary home, without sockets.
class ScepDesk : public testing::Test {
 protected:
  ScepDesk() : environment_(bench_.environment()) {
    ca::InitOptions options = bench_.root_options("Devices", crypto::parse_key_spec("rsa:2048").value());
    options.no_locations = true;
    options.automatic_issuance = true;
    EXPECT_TRUE(ca::init(environment_, options));
    authority_ = bench_.open("Devices");
    EXPECT_TRUE(ca::publish_template(environment_, authority_->record().id, "ScepDevice"));
    EXPECT_TRUE(write_file_atomic(home() / "password", as_bytes("secret\n"), 0600));
    site_ = std::make_shared<HereSite>(environment_, [this] { return api::Authorities{authority_}; });
    desk_ = std::make_unique<Desk>(
        site_, Desk::Options{.home = home(),
                             .provider = bench_.provider(),
                             .clock = bench_.clock(),
                             .metrics = metrics_,
                             .log = [this](const std::string& line) { log_.push_back(line); }});
  }

  fs::path home() const { return bench_.home().folder(); }
  static ProfileConfiguration profile(const std::string& name = "devices") {
    ProfileConfiguration profile{.name = name};
    profile.general_template = "ScepDevice";
    profile.challenge = ChallengeKind::password;
    profile.password_file = "password";
    return profile;
  }
  void serve(std::vector<ProfileConfiguration> profiles, const RaConfiguration& ra = {}) {
    auto routes = desk_->take(std::move(profiles), ra);
    ASSERT_TRUE(routes) << routes.error().report();
    routes_ = std::move(*routes);
  }
  net::Response ask(const std::string& path, std::string_view query, std::string_view body = {}) {
    const auto route = std::ranges::find(routes_, path, &net::Route::path);
    if (route == routes_.end()) return net::error_response(404, "no route " + path);
    net::Request request;
    request.method = body.empty() ? net::Method::get : net::Method::post;
    request.path = path;
    request.query = query;
    request.body = body;
    return std::get<net::Blocking>(route->handler)(request);
  }

  // A device with its message, made for the certificates that the service showed then.
  struct Prepared {
    std::unique_ptr<crypto::PrivateKey> key;
    enroll::scep::ClientIdentity identity;
    enroll::scep::TransactionId transaction;
    enroll::scep::ServiceCertificates service;
    enroll::scep::MadeRequest message;
  };
  Prepared prepare(const std::string& cn, std::string_view password, const std::string& at = "devices") {
    using namespace enroll::scep;
    Prepared out;
    out.key = bench_.provider().generate(crypto::parse_key_spec("rsa:2048").value()).value();
    out.identity.signer = out.key->signer(crypto::SignatureAlgorithm::rsa_pkcs1_sha256).value();
    out.identity.decrypter = out.key->decrypter().value();
    const Buffer subject = x509::encode_name(x509::make_name({{x509::oid::kCommonName, cn}}));
    out.identity.certificate =
        make_self_signed(bench_.provider(), *out.identity.signer, subject, bench_.clock().now()).value();
    const Buffer request = make_certification_request(*out.identity.signer, {subject, {}, password}).value();
    out.transaction.text = cn;
    out.service =
        read_service_certificates(as_bytes(ask("/scep/" + at, "operation=GetCACert").body.view())).value();
    out.message = make_request(bench_.provider(), out.identity,
                               {MessageType::pkcs_req, out.transaction, request, out.service.encryption})
                      .value();
    return out;
  }
  enroll::scep::CertRep send(const Prepared& device, const std::string& at = "devices") {
    const net::Response response =
        ask("/scep/" + at, "operation=PKIOperation", as_text(device.message.message));
    EXPECT_EQ(response.status, 200u) << response.body.view();
    // Whoever signs now: certificates may have been renewed since.
    auto signers = enroll::scep::read_service_certificates(
        as_bytes(ask("/scep/" + at, "operation=GetCACert").body.view()));
    auto reply =
        enroll::scep::read_cert_rep(bench_.provider(), device.identity, as_bytes(response.body.view()),
                                    {device.transaction, device.message.nonce, signers->all});
    if (!reply) ADD_FAILURE() << reply.error().report();
    return reply ? std::move(*reply) : enroll::scep::CertRep();
  }
  std::string audited() {
    std::string text;
    const auto done =
        bench_.database().snapshot().value()->for_each_audit({}, [&](const store::AuditRecord& entry) {
          text += fmt::format("{} {} {} {}\n", entry.action, entry.object, entry.outcome, entry.details);
          return ok();
        });
    EXPECT_TRUE(done);
    return text;
  }
  static constexpr auto kSuccess = enroll::scep::PkiStatus::success;
  static constexpr auto kPending = enroll::scep::PkiStatus::pending;
  static constexpr auto kFailure = enroll::scep::PkiStatus::failure;

  ca::TestBench bench_;
  const ca::Environment environment_;
  std::shared_ptr<ca::LocalAuthority> authority_;
  std::shared_ptr<HereSite> site_;
  net::Metrics metrics_;
  std::vector<std::string> log_;
  std::unique_ptr<Desk> desk_;
  std::vector<net::Route> routes_;
};

TEST_F(ScepDesk, MakesItsCertificatesAndServes) {
  serve({profile()});
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACaps").status, 200u);
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACert").status, 503u);
  ASSERT_TRUE(desk_->maintain());
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACert").status, 200u);
  const Status good = desk_->check();
  EXPECT_TRUE(good) << good.error().report();
  const auto reply = send(prepare("device", "secret"));
  EXPECT_EQ(reply.attributes.status, kSuccess);
  ASSERT_EQ(reply.certificates.size(), 1u);
  EXPECT_EQ(x509::to_rfc4514(x509::parse_certificate(reply.certificates.front()).value().subject).value(),
            "CN=device");
}

TEST_F(ScepDesk, WarnsOfACaThatClientsDoNotEncryptFor) {
  ProfileConfiguration whole = profile();
  whole.mode = Profile::Mode::ca;
  const auto findings = site_->examine(whole);
  ASSERT_TRUE(findings) << findings.error().report();
  EXPECT_THAT(findings->faults, IsEmpty());
  EXPECT_THAT(findings->warnings, Contains(HasSubstr("without keyEncipherment")));
  serve({whole});
  EXPECT_TRUE(desk_->check());
  EXPECT_TRUE(desk_->check());
  EXPECT_EQ(
      std::ranges::count_if(
          log_, [](const std::string& line) { return line.find("keyEncipherment") != std::string::npos; }),
      1);
  EXPECT_THAT(site_->examine(profile())->warnings, Not(Contains(HasSubstr("keyEncipherment"))));
}

TEST_F(ScepDesk, GuessesOfItsPasswordAreLimited) {
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  const Prepared good = prepare("device", "secret");
  for (int i = 0; i < 11; ++i) (void)send(prepare("thief", fmt::format("guess {}", i)));
  EXPECT_EQ(send(good).attributes.status, kFailure);
  EXPECT_THAT(log_.back(), HasSubstr("ChallengeGuessLimit"));
  EXPECT_THAT(audited(), HasSubstr("code=ChallengeGuessLimit"));
  bench_.clock().advance(std::chrono::seconds(60));
  EXPECT_EQ(send(good).attributes.status, kSuccess);
}

TEST_F(ScepDesk, WarnsWhenDevicesTrustAnotherRoot) {
  ProfileConfiguration pinned = profile();
  const Buffer root = authority_->chain()->back();
  pinned.root = to_hex(bench_.provider().digest(crypto::DigestAlgorithm::sha1, root));
  EXPECT_THAT(site_->examine(pinned)->warnings, Not(Contains(HasSubstr("its root is"))));
  pinned.root = std::string(64, 'a');
  EXPECT_THAT(site_->examine(pinned)->warnings, Contains(HasSubstr("its root is aaaa")));
}

TEST_F(ScepDesk, ExpiredCertificatesOfTheServiceAreNoBareError) {
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  const Prepared device = prepare("late", "secret");
  RaConfiguration by_hand;
  by_hand.renew = false;
  serve({profile()}, by_hand);
  bench_.clock().advance(std::chrono::hours(24 * 365 * 3));
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACaps").status, 200u);
  const net::Response answer =
      ask("/scep/devices", "operation=PKIOperation", as_text(device.message.message));
  EXPECT_EQ(answer.status, 503u);
  EXPECT_THAT(answer.fields, Contains(std::pair<std::string, std::string>("Retry-After", "60")));
  EXPECT_THAT(log_.back(),
              HasSubstr("could not be answered: the certificates of the registration authority have "
                        "expired on 2028-"));
  EXPECT_THAT(log_.back(), HasSubstr("vouch scep ra renew"));
  const Status state = desk_->maintain();
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().summary(), HasSubstr("has expired on 2028-"));
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACert").status, 200u);
}

TEST_F(ScepDesk, AnOldKeyOpensMessagesUntilItsGraceIsOver) {
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  const Prepared before = prepare("before", "secret"), long_before = prepare("long-before", "secret");
  const auto subject = [](const Buffer& certificate) {
    return to_buffer(x509::parse_certificate(certificate).value().subject);
  };
  bench_.clock().advance(std::chrono::hours(24 * 365 * 3 / 2));  // of two years
  ASSERT_TRUE(desk_->maintain());
  const Prepared after = prepare("after", "secret");
  EXPECT_NE(after.service.encryption, before.service.encryption);
  EXPECT_EQ(subject(after.service.encryption), subject(before.service.encryption));
  EXPECT_EQ(send(before).attributes.status, kSuccess);
  EXPECT_EQ(send(after).attributes.status, kSuccess);
  bench_.clock().advance(std::chrono::hours(24 * 31));
  ASSERT_TRUE(desk_->maintain());
  EXPECT_EQ(send(long_before).attributes.status, kFailure);
  EXPECT_THAT(log_.back(), HasSubstr("RecipientUnknown"));
  EXPECT_EQ(site_->ra_keys("Devices").value()->states().value().size(), 2u);
}

TEST_F(ScepDesk, AVisitorSeesWhetherAPolicyModuleDecides) {
  ProfileConfiguration bound = profile("bound");
  bound.challenge = ChallengeKind::bound;
  serve({profile(), bound});
  EXPECT_EQ(ask("/scep/devices", "").status, 200u);
  const net::Response forbidden = ask("/scep/bound", "");
  EXPECT_EQ(forbidden.status, 403u);
  EXPECT_THAT(std::string(forbidden.body.view()), HasSubstr("Forbidden: Access is denied"));
  EXPECT_EQ(ask("/scep/bound/pkiclient.exe", "operation=GetCACaps").status, 200u);
}

TEST_F(ScepDesk, AProfileThatCannotBeMadeLeavesTheOthersAlone) {
  ProfileConfiguration broken = profile("broken");
  broken.password_file = "nowhere";
  serve({profile(), broken});
  ASSERT_TRUE(desk_->maintain());
  EXPECT_EQ(ask("/scep/devices", "operation=GetCACert").status, 200u);
  EXPECT_EQ(ask("/scep/broken", "operation=GetCACert").status, 503u);
  EXPECT_THAT(log_.back(), HasSubstr("scep broken: "));
  EXPECT_THAT(log_.back(), HasSubstr("nowhere"));
  const Status state = desk_->check();
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().summary(), HasSubstr("profile 'broken'"));
  EXPECT_THAT(state.error().summary(), Not(HasSubstr("profile 'devices'")));
}

TEST_F(ScepDesk, SaysWhatKeepsAProfileFromIssuing) {
  ProfileConfiguration odd = profile();
  odd.named_templates = {"WebServer", "NoSuchTemplate"};
  serve({odd});
  const Status state = desk_->check();
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().summary(), HasSubstr("template WebServer is not published"));
  EXPECT_THAT(state.error().summary(), HasSubstr("there is no template NoSuchTemplate"));
}

TEST_F(ScepDesk, WithoutAChallengeEverybodyWaitsForAPerson) {
  ProfileConfiguration open = profile();
  open.challenge = ChallengeKind::none;
  open.password_file.clear();
  ASSERT_TRUE(ca::set_in_template(environment_, "ScepDevice", "approval", "false", "admin"));
  serve({open});
  ASSERT_TRUE(desk_->maintain());
  const Prepared device = prepare("guest", "whatever");
  EXPECT_EQ(send(device).attributes.status, kPending);
  EXPECT_THAT(log_.back(), HasSubstr("waits for approval, request "));
  // Another process, which has only the database.
  const auto submitted = bench_.database().snapshot().value()->requests({});
  ASSERT_TRUE(authority_->approve(submitted->back().id, "manager"));
  EXPECT_EQ(send(device).attributes.status, kSuccess);
}

TEST_F(ScepDesk, RefusalsAreInTheAuditLogAndTheChallengeIsNot) {
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  EXPECT_EQ(send(prepare("guesser", "guessed-wrong")).attributes.status, kFailure);
  EXPECT_THAT(audited(), HasSubstr("scep.refuse profile devices denied code=ChallengePasswordMismatch"));
  EXPECT_THAT(audited(), Not(HasSubstr("guessed-wrong")));
  for (const std::string& line : log_) EXPECT_THAT(line, Not(HasSubstr("guessed-wrong")));
  EXPECT_THAT(log_.back(), HasSubstr("mend: "));
}

TEST_F(ScepDesk, RaKeysAreReadableByTheServiceAlone) {
  serve({profile()});
  ASSERT_TRUE(desk_->maintain());
  std::size_t keys = 0;
  for (const auto& entry : fs::directory_iterator(home() / "keys")) {
    EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
    ++keys;
  }
  EXPECT_GE(keys, 3u);
}

}  // namespace
}  // namespace vouch::daemon::scep
