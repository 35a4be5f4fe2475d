// The administration API in front of a running service: who gets in, what each operation answers and changes,
// and that all of it has the shape that the OpenAPI description gives.
#include "api/administration.hpp"

#include "api/client/remote_authority.hpp"
#include "api/problem.hpp"
#include "api/submission.hpp"
#include "base/pem.hpp"
#include "ca/challenges.hpp"
#include "daemon/registration.hpp"
#include "daemon/test_service.hpp"
#include "net/fetch.hpp"

namespace vouch::daemon {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not, testing::StartsWith;

constexpr std::string_view kAdmin = "admin";  // of root_options
constexpr std::string_view kListener =
    "[tls]\nissuer = \"Test Root\"\nnames = \"localhost\"\n[listener.admin]\naddress = \"127.0.0.1:0\"\n"
    "tls = true\nclient_certificates = \"required\"\nserves = \"api\"\n";

// What came back, with the operation that it came from.
struct Said {
  unsigned status = 0;
  Value body;
  std::string text(std::string_view member) const { return text_member(body, member); }
};

const api::Operation& operation(std::string_view id) {
  const auto& all = api::operations();
  return *std::ranges::find(all, id, &api::Operation::id);
}

class AdministrationTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_.clock().set(SystemClock().now());  // TLS looks at the system's
    ca::InitOptions options = bench_.root_options();
    ASSERT_TRUE(ca::init(bench_.environment(), options));
    authority_ = bench_.open("Test Root");
    for (const char* name : {"WebServer", "ClientAuth"})
      ASSERT_TRUE(ca::publish_template(bench_.environment(), authority_->record().id, name, kAdmin));
    ASSERT_TRUE(bench_.configure(std::string(kListener)));
  }

  // Everything that one test does as one account: over the socket, or over TLS with its certificate.
  class Client {
   public:
    Client(AdministrationTest& test, net::FetchSettings settings, std::string root, std::string socket)
        : test_(test), fetcher_(std::move(settings)), root_(std::move(root)), socket_(std::move(socket)) {}
    Said ask(std::string_view id, const std::string& path, const Value& body = {}) {
      const api::Operation& op = operation(id);
      net::FetchRequest request{.url = root_ + path, .method = std::string(net::name(op.method))};
      request.unix_socket = socket_;
      if (!body.is_null()) {
        request.body = to_json(body, 0);
        request.content_type = "application/json";
      }
      const auto response = fetcher_.fetch(request);
      if (!response) {
        ADD_FAILURE() << response.error().report();
        return {};
      }
      Said said{response->status, parse_json(as_text(response->body)).value_or(Value())};
      test_.check(op, said);
      return said;
    }

   private:
    AdministrationTest& test_;
    net::Fetcher fetcher_;
    const std::string root_, socket_;
  };

  // That an answer has the shape that the description promises.
  static void check(const api::Operation& op, const Said& said) {
    const bool good =
        said.status == 200 || said.status == 202 || (said.status == 422 && op.answer == "Outcome");
    const std::string_view name = good ? op.answer : std::string_view("Problem");
    const auto* schema = api::find_schema(name);
    if (schema == nullptr) return;
    const Status fits = api::check_shape(said.body, *schema, op.id);
    EXPECT_TRUE(fits) << fits.error().report() << to_json(said.body);
  }

  Client local(RunningService& service) {
    return {*this, {}, "http://localhost/api/v1", service.socket().string()};
  }

  std::string csr(std::string_view name) {
    const auto key = bench_.provider().generate({}).value();
    return to_pem("CERTIFICATE REQUEST", bench_.request_with(*key, fmt::format("CN={}", name)));
  }
  Value submission(std::string_view name, std::string_view template_name = "WebServer") {
    return Value().set("request", csr(name)).set("template", template_name);
  }

  // A client certificate for `name` by ClientAuth, approved by the administrator of the home.
  net::FetchSettings identity(std::string_view name, Buffer* serial = nullptr) {
    const auto key = bench_.provider().generate({}).value();
    ca::Submission submission;
    submission.request = bench_.request_with(*key, fmt::format("CN={}", name));
    submission.template_name = "ClientAuth";
    submission.requester = "somebody";
    auto outcome = authority_->submit(submission);
    if (outcome && outcome->disposition == ca::Disposition::pending)
      outcome = authority_->approve(outcome->request, kAdmin);
    net::FetchSettings settings;
    if (!outcome || outcome->certificate.empty()) {
      ADD_FAILURE() << (outcome ? outcome->message : outcome.error().report());
      return settings;
    }
    if (serial)
      *serial = to_buffer(x509::serial_octets(x509::parse_certificate(outcome->certificate)->serial));
    settings.trusted_roots = trust();
    settings.client_certificate = to_buffer(as_bytes(to_pem("CERTIFICATE", outcome->certificate)));
    settings.client_key = to_buffer(as_bytes(key->to_pem({}).value()));
    return settings;
  }
  Buffer trust() const {
    return to_buffer(as_bytes(to_pem("CERTIFICATE", authority_->current().generation.certificate)));
  }
  static std::string url(RunningService& service) {
    return fmt::format("https://localhost:{}", service->address("admin").port());
  }
  Client remote(RunningService& service, net::FetchSettings settings) {
    return {*this, std::move(settings), url(service) + "/api/v1", {}};
  }
  void grant(std::string_view principal, ca::Role role, std::string_view template_name = {}) {
    ca::Grant grant;
    grant.principal = principal;
    grant.role = role;
    grant.template_name = template_name;
    const Status done = ca::grant_role(bench_.environment(), grant, kAdmin);
    ASSERT_TRUE(done) << done.error().report();
  }

  ca::TestBench bench_{ca::TestRoles::granted};
  std::unique_ptr<ca::LocalAuthority> authority_;
};

TEST_F(AdministrationTest, EveryOperationIsDescribedAndEverySchemaIsUsed) {
  const Value api = api::describe_api();
  const std::string text = to_json(api, 0);
  for (const api::Operation& op : api::operations()) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\"operationId\": \"{}\"", op.id)));
    for (const std::string_view schema : {op.body, op.answer})
      EXPECT_TRUE(schema.empty() || schema == "any" || api::find_schema(schema) != nullptr) << schema;
  }
  for (const api::Schema& schema : api::schemas())
    EXPECT_THAT(text, HasSubstr(fmt::format("\"#/components/schemas/{}\"", schema.name)));
}

TEST_F(AdministrationTest, ARequestIsHandedInApprovedRevokedAndReleased) {
  RunningService service(bench_);
  auto root = local(service);
  const std::string me = root.ask("showCaller", "/caller").text("account");
  grant(me, ca::Role::manager);

  const Said pending = root.ask("submitRequest", "/requests", submission("www.example.test"));
  EXPECT_EQ(pending.status, 202U);
  EXPECT_EQ(pending.text("state"), "pending");
  const auto id = *pending.body.find("request")->integer();
  const std::string request = fmt::format("/requests/{}", id);
  EXPECT_EQ(root.ask("showRequest", request).text("requester"), me);
  EXPECT_EQ(root.ask("retrieveRequest", request + "/outcome").status, 202U);
  EXPECT_EQ(root.ask("listRequests", "/requests?state=pending").body.find("requests")->list_items()->size(),
            1U);
  const Said issued = root.ask("approveRequest", request + "/approve");
  EXPECT_EQ(issued.status, 200U) << to_json(issued.body);
  EXPECT_THAT(issued.text("certificate"), StartsWith("-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(root.ask("approveRequest", request + "/approve").status, 409U);
  EXPECT_THAT(to_json(root.ask("traceRequest", request + "/trace").body), HasSubstr("verdict"));

  const std::string certificate = "/certificates/" + issued.text("serial");
  const auto state = [&](const Said& said) { return text_member(*said.body.find("record"), "state"); };
  EXPECT_EQ(state(root.ask("showCertificate", certificate)), "issued");
  const Value hold = Value().set("reason", "certificateHold");
  EXPECT_EQ(state(root.ask("revokeCertificate", certificate + "/revoke", hold)), "on hold");
  EXPECT_EQ(state(root.ask("releaseCertificate", certificate + "/release")), "issued");
  const Value lost = Value().set("reason", "keyCompromise").set("invalid_since", "2026-11-01");
  EXPECT_EQ(state(root.ask("revokeCertificate", certificate + "/revoke", lost)), "revoked");
  const Said crls = root.ask("publishCrls", "/crls", Value::table());
  EXPECT_EQ(*crls.body.find("crls")->list_items()->front().find("entries")->integer(), 1);
  EXPECT_FALSE(root.ask("listCrls", "/crls").body.find("crls")->list_items()->empty());
  EXPECT_EQ(root.ask("listCertificates", "/certificates?revoked=true")
                .body.find("certificates")
                ->list_items()
                ->size(),
            1U);
}

// What is handed in at the same time is worked on together: each has its own answer, under its own account.
TEST_F(AdministrationTest, RequestsThatComeTogetherHaveEachTheirOwnAnswer) {
  RunningService service(bench_);
  const auto bob = identity("bob"), eve = identity("eve");
  constexpr int kThreads = 8, kEach = 12;
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        auto client = remote(service, t % 2 == 0 ? bob : eve);
        const std::string account = t % 2 == 0 ? "CN=bob" : "CN=eve";
        for (int i = 0; i < kEach; ++i) {
          const std::string name = fmt::format("www-{}-{}.example.test", t, i);
          Value body = submission(name, i % 4 == 1 ? "NoSuchTemplate" : "WebServer");
          if (i % 4 == 2) body.set("request", "no request");
          const Said said =
              client.ask("submitRequest", i % 4 == 3 ? "/requests?color=red" : "/requests", body);
          const unsigned expected[] = {202, 422, 400, 400};
          EXPECT_EQ(said.status, expected[i % 4]) << to_json(said.body);
          if (i % 4 >= 2) {
            right += said.status == 400;
            continue;
          }
          const auto number = *said.body.find("request")->integer();
          const auto kept = bench_.database().snapshot().value()->request(number).value();
          const auto view = x509::parse_request(kept.request).value();
          const bool is_own =
              kept.requester.ends_with(account) && x509::to_rfc4514(view.subject).value() == "CN=" + name;
          EXPECT_TRUE(is_own) << kept.requester << " " << name;
          right += is_own;
        }
      });
  }
  EXPECT_EQ(right, kThreads * kEach);
}

TEST_F(AdministrationTest, RefusalsAreOutcomesAndDenialsAreKept) {
  RunningService service(bench_);
  auto root = local(service);
  grant(root.ask("showCaller", "/caller").text("account"), ca::Role::manager);
  const Said refused = root.ask("submitRequest", "/requests", submission("x.example.test", "Nonesuch"));
  EXPECT_EQ(refused.status, 422U);
  EXPECT_EQ(refused.text("state"), "denied");
  EXPECT_FALSE(refused.text("rule").empty());
  EXPECT_FALSE(refused.text("mend").empty());
  const Said pending = root.ask("submitRequest", "/requests", submission("y.example.test"));
  const std::string path = fmt::format("/requests/{}/", *pending.body.find("request")->integer());
  const Said denied = root.ask("denyRequest", path + "deny", Value().set("reason", "not our domain"));
  EXPECT_EQ(denied.text("state"), "denied");
  EXPECT_EQ(root.ask("retrieveRequest", path + "outcome").status, 422U);
}

TEST_F(AdministrationTest, TheSameTransactionIsOneRequestAndBelongsToItsAccount) {
  RunningService service(bench_);
  auto root = local(service);
  Value body = submission("www.example.test");
  body.set("transaction", "T1");
  const auto first = *root.ask("submitRequest", "/requests", body).body.find("request")->integer();
  EXPECT_EQ(*root.ask("submitRequest", "/requests", body).body.find("request")->integer(), first);
  auto other = remote(service, identity("ra1"));
  EXPECT_NE(*other.ask("submitRequest", "/requests", body).body.find("request")->integer(), first);
}

TEST_F(AdministrationTest, TemplatesAreReadChangedPublishedAndRemoved) {
  RunningService service(bench_);
  auto root = local(service);
  grant(root.ask("showCaller", "/caller").text("account"), ca::Role::administrator);
  std::string toml = root.ask("showTemplate", "/templates/WebServer").text("toml");
  toml.replace(toml.find("\"WebServer\""), 11, "\"Intranet\"");
  toml.replace(toml.find("oid = "), toml.find('\n', toml.find("oid = ")) - toml.find("oid = "), "");
  const Value body = Value().set("toml", toml);
  EXPECT_EQ(root.ask("putTemplate", "/templates/Other", body).status, 400U);
  const Said added = root.ask("putTemplate", "/templates/Intranet", body);
  EXPECT_EQ(added.status, 200U) << to_json(added.body);
  const Said published = root.ask("publishTemplate", "/templates/Intranet/publish", Value::table());
  EXPECT_THAT(to_json(published.body, 0), HasSubstr("Intranet"));
  EXPECT_EQ(root.ask("removeTemplate", "/templates/Intranet").status, 409U) << "it is published";
  EXPECT_EQ(root.ask("withdrawTemplate", "/templates/Intranet/withdraw", Value::table()).status, 200U);
  EXPECT_EQ(root.ask("removeTemplate", "/templates/Intranet").status, 200U);
  EXPECT_EQ(root.ask("showTemplate", "/templates/Intranet").status, 404U);
  EXPECT_THAT(to_json(root.ask("listTemplates", "/templates").body, 0), Not(HasSubstr("Intranet")));
}

TEST_F(AdministrationTest, RolesAndTheAuditLog) {
  RunningService service(bench_);
  auto root = local(service);
  const std::string me = root.ask("showCaller", "/caller").text("account");
  const Value bob = Value().set("principal", "bob").set("role", "manager").set("template", "WebServer");
  EXPECT_EQ(root.ask("grantRole", "/roles/grant", bob).status, 403U) << "not an administrator";
  EXPECT_EQ(root.ask("listAudit", "/audit").status, 403U) << "not an auditor";
  grant(me, ca::Role::administrator);
  grant(me, ca::Role::auditor);
  EXPECT_THAT(to_json(root.ask("grantRole", "/roles/grant", bob).body, 0), HasSubstr("bob"));
  EXPECT_THAT(to_json(root.ask("revokeRole", "/roles/revoke", bob).body, 0), Not(HasSubstr("bob")));
  const Value rule = Value().set("rule", "four-eyes").set("on", true);
  EXPECT_THAT(to_json(root.ask("setRoleRule", "/roles/rules", rule).body, 0), HasSubstr("four-eyes"));
  EXPECT_THAT(to_json(root.ask("listRoles", "/roles").body, 0), HasSubstr("four-eyes"));
  const Said audit = root.ask("listAudit", "/audit?limit=2&action=role.*");
  EXPECT_EQ(audit.body.find("entries")->list_items()->size(), 2U);
  const Said before =
      root.ask("listAudit", fmt::format("/audit?limit=1&before={}", *audit.body.find("next")->integer()));
  EXPECT_LT(*before.body.find("entries")->list_items()->front().find("sequence")->integer(),
            *audit.body.find("next")->integer());
  EXPECT_THAT(root.ask("signAuditHead", "/audit/head").text("checkpoint"), Not(IsEmpty()));
}

TEST_F(AdministrationTest, CasAndTheirChains) {
  RunningService service(bench_);
  auto root = local(service);
  EXPECT_EQ(root.ask("listCas", "/cas").body.find("cas")->list_items()->size(), 1U);
  EXPECT_EQ(root.ask("showCa", "/cas/Test%20Root").text("name"), "Test Root");
  EXPECT_EQ(root.ask("showCa", "/cas/Nobody").status, 404U);
  EXPECT_THAT(root.ask("getChain", "/cas/Test%20Root/chain").text("certificates"),
              StartsWith("-----BEGIN CERTIFICATE-----"));
}

TEST_F(AdministrationTest, WhatIsWrongIsNamedWithItsPlace) {
  RunningService service(bench_);
  auto root = local(service);
  const auto detail = [](const Said& said) { return said.text("detail"); };
  EXPECT_THAT(detail(root.ask("listRequests", "/requests?stat=pending")), HasSubstr("no parameter 'stat'"));
  EXPECT_THAT(detail(root.ask("listRequests", "/requests?limit=0")), HasSubstr("out of range"));
  EXPECT_THAT(detail(root.ask("showRequest", "/requests/abc")), HasSubstr("'abc'"));
  EXPECT_EQ(root.ask("showRequest", "/requests/999").status, 404U);
  EXPECT_EQ(root.ask("showRequest", "/nothing").status, 404U);
  EXPECT_EQ(root.ask("approveRequest", "/requests").status, 400U) << "POST /requests without a body";
  const Said unknown = root.ask("submitRequest", "/requests", submission("a").set("templat", "WebServer"));
  EXPECT_THAT(detail(unknown), HasSubstr("'templat'"));
  const Said kind = root.ask("submitRequest", "/requests", submission("a").set("request", 5));
  EXPECT_THAT(detail(kind), HasSubstr("the body.request has to be a text and is a whole number"));
  const Said empty = root.ask("submitRequest", "/requests", submission("a").set("request", "nonsense"));
  EXPECT_EQ(empty.status, 400U);
}

TEST_F(AdministrationTest, ACertificateIsAnAccountByCaTemplateAndSubjectUntilItIsRevoked) {
  RunningService service(bench_);
  Buffer serial;
  auto bob = remote(service, identity("bob", &serial));
  const Said who = bob.ask("showCaller", "/caller");
  EXPECT_EQ(who.text("account"), "certificate:Test Root/ClientAuth/CN=bob");
  EXPECT_EQ(who.text("way"), "certificate");

  const Said pending = bob.ask("submitRequest", "/requests", submission("www.example.test"));
  const std::string approve = fmt::format("/requests/{}/approve", *pending.body.find("request")->integer());
  EXPECT_EQ(bob.ask("approveRequest", approve).status, 403U);
  grant("certificate:Test Root/ClientAuth/CN=bob", ca::Role::manager, "ClientAuth");
  EXPECT_EQ(bob.ask("approveRequest", approve).status, 403U) << "an officer of another template";
  grant("certificate:Test Root/ClientAuth/CN=bob", ca::Role::manager, "WebServer");
  EXPECT_EQ(bob.ask("approveRequest", approve).status, 200U);

  ASSERT_TRUE(authority_->revoke({serial, x509::CrlReason::unspecified, {}}, kAdmin));
  EXPECT_EQ(bob.ask("showCaller", "/caller").status, 401U) << "on the connection that is open already";
}

TEST_F(AdministrationTest, WhoAskedDoesNotApproveWhereFourEyesAreWanted) {
  ASSERT_TRUE(ca::set_role_rule(bench_.environment(), {ca::RoleRule::Kind::four_eyes, 0, {}}, true, kAdmin));
  RunningService service(bench_);
  auto bob = remote(service, identity("bob"));
  grant("certificate:Test Root/ClientAuth/CN=bob", ca::Role::manager);
  const Said pending = bob.ask("submitRequest", "/requests", submission("www.example.test"));
  const std::string path = fmt::format("/requests/{}/", *pending.body.find("request")->integer());
  EXPECT_THAT(bob.ask("approveRequest", path + "approve").text("detail"), HasSubstr("four eyes"));
  auto root = local(service);
  grant(root.ask("showCaller", "/caller").text("account"), ca::Role::manager);
  EXPECT_EQ(root.ask("approveRequest", path + "approve").status, 200U);
}

// An account ends at " (", and the parts of a certificate's are separated by '/': a subject that holds either
// must not become somebody else's account.
TEST_F(AdministrationTest, ASubjectCannotPoseAsAnotherAccount) {
  RunningService service(bench_);
  const std::string account =
      remote(service, identity("admin (x)")).ask("showCaller", "/caller").text("account");
  EXPECT_NE(ca::principal_of(account), "certificate:Test Root/ClientAuth/CN=admin");
  EXPECT_EQ(ca::principal_of(account), account);
}

TEST_F(AdministrationTest, TheRemoteAuthorityDoesWhatTheLocalOneDoes) {
  RunningService service(bench_);
  net::Fetcher fetcher(identity("ra1"));
  api::RemoteAuthority remote({url(service), "Test Root"}, fetcher);
  const std::string account = "certificate:Test Root/ClientAuth/CN=ra1";
  EXPECT_EQ(remote.chain().value(), authority_->chain().value());

  ca::Submission submission;
  const auto key = bench_.provider().generate({}).value();
  submission.request = bench_.request_with(*key, "CN=device-7");
  submission.template_name = "WebServer";
  submission.requester = "device-7\n";
  submission.transaction = "42";
  const auto pending = remote.submit(submission);
  ASSERT_TRUE(pending) << pending.error().report();
  EXPECT_EQ(pending->disposition, ca::Disposition::pending);
  EXPECT_EQ(remote.submit(submission)->request, pending->request);
  const auto record = bench_.database().snapshot().value()->request(pending->request).value();
  EXPECT_EQ(record.requester, account + " (for device-7?)");

  EXPECT_EQ(remote.approve(pending->request, "alice").error().code(), Errc::denied)
      << "the role is the certificate's, whatever name is given";
  grant(account, ca::Role::manager);
  const auto issued = remote.approve(pending->request, "alice");
  ASSERT_TRUE(issued) << issued.error().report();
  EXPECT_EQ(remote.retrieve(pending->request)->certificate, issued->certificate);
  const Buffer serial = to_buffer(x509::serial_octets(x509::parse_certificate(issued->certificate)->serial));
  ASSERT_TRUE(remote.revoke({serial, x509::CrlReason::certificate_hold, {}}, "alice"));
  ASSERT_TRUE(remote.release(serial, "alice"));
  EXPECT_EQ(remote.release(serial, "alice").error().code(),
            authority_->release(serial, account).error().code());
  EXPECT_EQ(remote.retrieve(999).error().code(), Errc::not_found);

  ca::Submission refused = submission;
  refused.template_name = "Nonesuch";
  refused.transaction.clear();
  const auto here = authority_->submit(refused), there = remote.submit(refused);
  ASSERT_TRUE(here && there);
  EXPECT_EQ(there->reason, here->reason);
  EXPECT_EQ(there->message, here->message);
  EXPECT_EQ(there->mend, here->mend);
}

// A registration authority's host mints within its rights and passes a device's challenge on; it is judged
// here.
TEST_F(AdministrationTest, ChallengesAreMintedAndJudgedWhereTheCaIs) {
  RunningService service(bench_);
  net::Fetcher fetcher(identity("ra1"));
  api::RemoteAuthority remote({url(service), "Test Root"}, fetcher);
  const std::string account = "certificate:Test Root/ClientAuth/CN=ra1";
  const Value order = Value()
                          .set("profile", "phones")
                          .set("template", "WebServer")
                          .set("device", "device-7")
                          .set("subjects", Value::list().push("CN=device-7.example"));
  EXPECT_EQ(remote.mint_challenge(order, "mdm").error().code(), Errc::denied);
  ca::MinterRights rights;
  rights.accounts = {account};
  rights.profiles = rights.names = {"*"};
  rights.templates = {"WebServer"};
  ASSERT_TRUE(ca::add_minter(bench_.environment(), "Test Root", "ra", rights,
                             {.type = crypto::KeyType::ed25519}, kAdmin));
  EXPECT_EQ(remote.mint_password("phones", "mdm").error().code(), Errc::denied);
  const auto minted = remote.mint_challenge(order, "mdm");
  ASSERT_TRUE(minted) << minted.error().report();
  EXPECT_EQ(bench_.database().snapshot().value()->challenge(minted->number)->minted_by,
            account + " (for mdm)");

  ca::Submission submission;
  submission.request = bench_.request("CN=other.example");
  submission.template_name = "WebServer";
  submission.challenge = ca::ChallengeProof{minted->text, "phones", "192.0.2.7", "tid"};
  const auto refused = remote.submit(submission);
  ASSERT_TRUE(refused) << refused.error().report();
  EXPECT_EQ(refused->reason, "SubjectNameMismatch");
  EXPECT_EQ(refused->expected, "CN=device-7.example");
  EXPECT_EQ(refused->received, "CN=other.example");
  submission.request = bench_.request("CN=device-7.example");
  const auto pending = remote.submit(submission);
  ASSERT_TRUE(pending) << pending.error().report();
  EXPECT_EQ(pending->disposition, ca::Disposition::pending) << pending->message;
  const auto record = bench_.database().snapshot().value()->challenge(minted->number).value();
  EXPECT_EQ(record.state, store::ChallengeState::claimed);
  EXPECT_EQ(record.client, "192.0.2.7");
}

TEST_F(AdministrationTest, WhatAFrontEndElsewhereRefusedIsInTheAuditLog) {
  RunningService service(bench_);
  net::Fetcher fetcher(identity("ra1"));
  const std::string account = "certificate:Test Root/ClientAuth/CN=ra1";
  api::RemoteAuthority remote({url(service), "Test Root"}, fetcher);
  ca::FrontEndRefusal refusal{.profile = "phones", .client = "192.0.2.7", .transaction = "tid-1"};
  refusal.code = "KeyMismatch";
  refusal.received = std::string(100'000, 'x');
  refusal.seen_at = bench_.clock().now();
  refusal.left_out = 3;
  const std::vector<ca::FrontEndRefusal> two(2, refusal);
  refusal.received = "short";
  const std::vector<ca::FrontEndRefusal> many(ca::kMostRefusals + 1, refusal);
  ASSERT_TRUE(remote.report_refusals(two)) << "everybody may hand in requests";
  EXPECT_EQ(remote.report_refusals(many).error().code(), Errc::limit_exceeded);
  const auto entries = [&] {
    std::vector<store::AuditRecord> found;
    EXPECT_TRUE(
        bench_.database().snapshot().value()->for_each_audit({}, [&](const store::AuditRecord& entry) {
          if (entry.action == "scep.refuse") found.push_back(entry);
          return ok();
        }));
    return found;
  };
  const auto kept = entries();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept.front().actor, account);
  EXPECT_EQ(kept.front().authority, "Test Root");
  EXPECT_EQ(kept.front().object, "profile phones");
  EXPECT_EQ(kept.front().outcome, "denied");
  EXPECT_THAT(kept.front().details, HasSubstr("code=KeyMismatch"));
  EXPECT_THAT(kept.front().details, HasSubstr("client=192.0.2.7"));
  EXPECT_THAT(kept.front().details, HasSubstr("left_out_before=3"));
  EXPECT_LT(kept.front().details.size(), 10'000u);

  ca::Grant everybody;
  everybody.principal = "*";
  everybody.role = ca::Role::enroller;
  ASSERT_TRUE(ca::revoke_role(bench_.environment(), everybody, kAdmin));
  EXPECT_EQ(remote.report_refusals(two).error().code(), Errc::denied);
  grant(account, ca::Role::enroller, "WebServer");
  EXPECT_TRUE(remote.report_refusals(two));
  EXPECT_EQ(entries().size(), 5u) << "two, one of a front end without the right, two";
}

TEST_F(AdministrationTest, ARegistrationAuthorityPassesRequestsOnAndSaysWhenTheCaIsGone) {
  auto service = std::make_unique<RunningService>(bench_);
  const ca::TemporaryFolder home;
  const net::FetchSettings ra = identity("ra1");
  ASSERT_TRUE(write_file_atomic(home.path() / "ra.pem", ra.client_certificate));
  ASSERT_TRUE(write_file_atomic(home.path() / "ra.key", ra.client_key));
  ASSERT_TRUE(write_file_atomic(home.path() / "root.pem", ra.trusted_roots));
  Configuration configuration;
  configuration.listeners = {{.name = "local", .path = "ra.sock", .serves = {"api", "health"}}};
  configuration.authority = {url(*service), "Test Root", "ra.pem", "ra.key", "root.pem"};
  auto started =
      Registration::start({.home = home.path(),
                           .clock = bench_.clock(),
                           .configuration = [&] { return Result<Configuration>(configuration); }},
                          bench_.provider(), [](std::uint32_t) { return std::optional<std::string>("dev"); });
  ASSERT_TRUE(started) << started.error().report();
  Client device{*this, {}, "http://localhost/api/v1", (home.path() / "ra.sock").string()};
  const Said pending = device.ask("submitRequest", "/requests", submission("www.example.test"));
  EXPECT_EQ(pending.status, 202U) << to_json(pending.body);
  const auto id = *pending.body.find("request")->integer();
  EXPECT_EQ(bench_.database().snapshot().value()->request(id)->requester,
            "certificate:Test Root/ClientAuth/CN=ra1 (for dev)");
  ASSERT_TRUE(authority_->approve(id, kAdmin));
  EXPECT_EQ(device.ask("retrieveRequest", fmt::format("/requests/{}/outcome", id)).status, 200U);
  EXPECT_EQ(device.ask("listRequests", "/requests").status, 404U);
  EXPECT_THAT(device.ask("getChain", "/cas/Test%20Root/chain").text("certificates"), Not(IsEmpty()));

  service.reset();
  const Said gone = device.ask("submitRequest", "/requests", submission("www.example.test"));
  EXPECT_EQ(gone.status, 503U);
  EXPECT_THAT(gone.text("detail") + to_json(gone.body), HasSubstr("asking the authority at"));
}

}  // namespace
}  // namespace vouch::daemon
