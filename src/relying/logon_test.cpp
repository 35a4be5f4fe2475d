// The profile `logon`: stapled and cached answers, then OCSP, then CRLs, in one validation. Rows O1 to O13 of
// the test matrix, and the case of the hotfix: the responder is offline, the cached CRL has expired, a fresh
// one is there.
#include "relying/test_party.hpp"
#include "x509/ocsp.hpp"

namespace vouch::relying {
namespace {

using namespace test;
using testing::HasSubstr;
using x509::OcspCertStatus;

class LogonTest : public PartyTest {
 protected:
  LogonTest() : PartyTest(logon()) {
    profile_.ocsp.time = milliseconds(400);
    trust(ca_);
    publish("/ca.crl", of("CA"));
    web_.on("/ocsp", [this](Client& client) { client.answer("200 OK", "", as_text(answer_to(client, {}))); });
  }

  CertificatePtr leaf(const std::vector<std::string>& ocsp, const std::vector<std::string>& crls,
                      std::uint64_t serial = 1000, std::vector<x509::Extension> more = {}) {
    if (!ocsp.empty()) more.push_back(responders(ocsp));
    if (!crls.empty()) more.push_back(crl_points(crls));
    return pki_.make({.subject = fmt::format("leaf {}", serial),
                      .issuer = "CA",
                      .ca = false,
                      .extensions = std::move(more),
                      .serial = serial});
  }

  struct OcspSpec {
    OcspCertStatus status = OcspCertStatus::good;
    std::string signed_by = "CA";  // key
    std::vector<Buffer> certificates{};
    std::optional<Time> this_update{}, next_update{};
    bool without_end = false;
    std::optional<Buffer> nonce{};
  };
  Buffer response(Bytes cert_id, const OcspSpec& spec) {
    const auto& key = pki_.key(spec.signed_by);
    const Buffer hash = crypto::key_identifier(*pki_.provider(), key.public_key_info()).value();
    x509::OcspResponseFields fields;
    fields.responder_key_hash = hash;
    fields.produced_at = clock_.now();
    const Time this_update = spec.this_update.value_or(clock_.now() - minutes(1));
    std::optional<Time> next = spec.next_update.value_or(clock_.now() + hours(1));
    if (spec.without_end) next.reset();
    fields.items.push_back(
        {cert_id, spec.status, clock_.now() - hours(2), CrlReason::key_compromise, this_update, next});
    fields.nonce = spec.nonce;
    const Buffer tbs = x509::encode_ocsp_response_data(fields);
    const auto signer = key.signer(x509::SignatureAlgorithm::ecdsa_sha256).value();
    std::vector<Bytes> certificates(spec.certificates.begin(), spec.certificates.end());
    return x509::encode_ocsp_response(tbs, x509::encode(x509::SignatureAlgorithm::ecdsa_sha256),
                                      signer->sign(tbs).value(), certificates);
  }
  Buffer answer_to(const Client& client, OcspSpec spec) {
    const auto request = x509::parse_ocsp_request(as_bytes(client.body)).value();
    if (!spec.nonce && request.nonce()) spec.nonce = to_buffer(*request.nonce());
    return response(request.requests[0].id.whole, spec);
  }
  void answer(const std::string& path, OcspSpec spec) {
    web_.on(path,
            [this, spec](Client& client) { client.answer("200 OK", "", as_text(answer_to(client, spec))); });
  }
  // What a server would staple for the certificate.
  Buffer staple(const CertificatePtr& one, const OcspSpec& spec) {
    const auto& provider = *pki_.provider();
    const auto key = x509::parse_public_key_info(ca_->view().public_key_info).value();
    const Buffer name = provider.digest(x509::DigestAlgorithm::sha1, ca_->view().subject),
                 hash = provider.digest(x509::DigestAlgorithm::sha1, key.key_bits);
    return response(x509::encode_cert_id(x509::DigestAlgorithm::sha1,
                                         {name, hash, x509::serial_octets(one->view().serial)}),
                    spec);
  }
  CertificatePtr responder(std::vector<x509::Extension> more, const std::string& signed_by = "",
                           std::vector<x509::Oid> purposes = {oid::kOcspSigning}) {
    return pki_.make({.subject = "Responder",
                      .issuer = "CA",
                      .signed_by = signed_by,
                      .ca = false,
                      .purposes = std::move(purposes),
                      .extensions = std::move(more),
                      .serial = 5000});
  }
  static x509::Extension no_check() { return x509::make_extension(oid::kOcspNoCheck, false, {0x05, 0x00}); }

  std::string url(const std::string& path) const { return web_.url(path); }
  static std::vector<std::string> story(const Decision& decision) {
    std::vector<std::string> out;
    for (const Check& check : decision.checks)
      for (const Step& step : check.steps)
        out.push_back(
            fmt::format("{}{}{}", step.what, step.cached ? " cached" : "", step.good ? "" : " failed"));
    return out;
  }

  CertificatePtr ca_ = pki_.ca("CA");
};

using Story = std::vector<std::string>;

// ---- The order

TEST_P(LogonTest, O5NothingIsAskedWhileAnAnswerIsCached) {
  const auto both = leaf({url("/ocsp")}, {url("/ca.crl")});
  const Decision first = decide(both);
  EXPECT_TRUE(first.accepted) << to_text(first);
  EXPECT_EQ(story(first), (Story{"ocsp"}));
  const int asked = web_.total();
  const Decision second = decide(both);
  EXPECT_EQ(story(second), (Story{"ocsp cached"}));
  // A CRL that one certificate brought is enough for others, whatever becomes of the responder.
  EXPECT_ACCEPTED(decide(leaf({}, {url("/ca.crl")}, 1001)));
  web_.silence("/ocsp");
  const Decision by_crl = decide(leaf({url("/ocsp")}, {url("/ca.crl")}, 1002));
  EXPECT_TRUE(by_crl.accepted);
  EXPECT_EQ(story(by_crl), (Story{"crl cached"}));
  EXPECT_EQ(web_.total(), asked + 1);
  EXPECT_TRUE(*to_log(by_crl).find("cache_hit")->boolean());
}

TEST_P(LogonTest, StapledAnswersComeFirst) {
  const auto one = leaf({url("/ocsp")}, {url("/ca.crl")});
  const Decision good = decide({one}, staple(one, {}));
  EXPECT_TRUE(good.accepted) << to_text(good);
  EXPECT_EQ(story(good), (Story{"staple cached"}));
  EXPECT_CODE(decide({one}, staple(one, {.status = OcspCertStatus::revoked})), 500171u);
  EXPECT_EQ(web_.total(), 0);
  // One that is no good is passed over: somebody else's, an old one, a forged one.
  const auto other = leaf({}, {}, 1001);
  for (const Buffer& bad : {staple(other, {}), staple(one, {.signed_by = "thief"}), Buffer{1, 2, 3},
                            staple(one, {.next_update = kNow - hours(1)})}) {
    forget_everything();
    EXPECT_EQ(story(decide({one}, bad)), (Story{"staple cached failed", "ocsp"}));
  }
}

TEST_P(LogonTest, O7ACachedCrlThatSaysRevokedWins) {
  const auto one = leaf({url("/ocsp")}, {url("/ca.crl")});
  publish("/ca.crl", of("CA", 1, {{1000, CrlReason::key_compromise}}));
  EXPECT_ACCEPTED(decide(leaf({}, {url("/ca.crl")}, 1001)));
  EXPECT_CODE(decide({one}, staple(one, {})), 500171u);
}

// ---- A responder that is of no use

TEST_P(LogonTest, O1TheCrlIsFetchedInTheSameValidation) {
  const auto one = leaf({url("/ocsp")}, {url("/ca.crl")});
  const auto wrong = [&](const std::string& what) -> Web::Answer {
    return [this, what](Client& client) {
      const auto id = x509::parse_ocsp_request(as_bytes(client.body))->requests[0].id;
      OcspSpec spec;
      Buffer out;
      if (what == "try later") out = x509::encode_ocsp_error(x509::OcspResponseStatus::try_later);
      if (what == "unauthorized") out = x509::encode_ocsp_error(x509::OcspResponseStatus::unauthorized);
      if (what == "malformed") out = {0x30, 0x80, 0x00};
      if (what == "html") out = to_buffer(as_bytes("<html>down for maintenance</html>"));
      if (what == "unknown") out = answer_to(client, {.status = OcspCertStatus::unknown});
      if (what == "old")
        out = answer_to(client, {.this_update = kNow - hours(3), .next_update = kNow - hours(2)});
      if (what == "future")
        out = answer_to(client, {.this_update = kNow + hours(1), .next_update = kNow + hours(2)});
      if (what == "forged") out = answer_to(client, {.signed_by = "thief"});
      if (what == "nonce") out = answer_to(client, {.nonce = Buffer(32, 7)});
      if (what == "other") {
        const Buffer other = x509::encode_cert_id(x509::DigestAlgorithm::sha1,
                                                  {id.issuer_name_hash, id.issuer_key_hash, Buffer{9}});
        out = response(other, spec);
      }
      if (what == "large") out.assign(100'000, 'x');
      client.answer(what == "500" ? "500 Oh" : "200 OK", "", as_text(out));
    };
  };
  profile_.ocsp.nonce = true;
  for (const char* what : {"try later", "unauthorized", "malformed", "html", "unknown", "old", "future",
                           "forged", "nonce", "other", "large", "500", "silent"}) {
    web_.on("/ocsp", wrong(what));
    if (what == std::string("silent")) web_.silence("/ocsp");
    forget_everything();
    publish("/ca.crl", of("CA"));
    const Decision good = decide(one);
    EXPECT_TRUE(good.accepted) << what << '\n' << to_text(good);
    EXPECT_EQ(story(good), (Story{"ocsp failed", "crl"})) << what;
    EXPECT_EQ(good.checks[0].findings.size(), 1u) << "O13: the record names why OCSP failed";
    publish("/ca.crl", of("CA", 1, {{1000, CrlReason::key_compromise}}));
    forget_everything();
    EXPECT_CODE(decide(one), 500171u);
    // O12: nothing of it is cached.
    EXPECT_EQ(*party().status().find("ocsp_answers")->integer(), 0) << what;
  }
}

// The founding case: KB 2666300's client refused here, since the failed OCSP attempt counted as one at the
// CRL.
TEST_P(LogonTest, O2ResponderOfflineCachedCrlExpiredFreshOnePublished) {
  const auto one = leaf({net::test::refused_url("/ocsp"), url("/silent")}, {url("/ca.crl")});
  web_.silence("/silent");
  profile_.ocsp.time = milliseconds(20);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    publish("/ca.crl", of("CA", i));
    const Decision decision = decide(one);
    ASSERT_TRUE(decision.accepted) << "at attempt " << i << '\n' << to_text(decision);
    ASSERT_EQ(story(decision), (Story{"ocsp failed", "ocsp failed", "crl"}));
    clock_.advance(hours(24));  // the CRL that is cached now has expired
  }
  EXPECT_EQ(web_.count("/ca.crl"), 100);
}

TEST_P(LogonTest, O3AndO4OnlyARealFailureOfTheCrlsUrlPausesIt) {
  const auto one = leaf({net::test::refused_url("/ocsp")}, {url("/ca.crl")});
  web_.fail("/ca.crl", "503 Busy");
  EXPECT_CODE(decide(one), 500173u);
  publish("/ca.crl", of("CA"));
  const Decision paused = decide(one);
  EXPECT_EQ(paused.code, 500173u) << to_text(paused);
  EXPECT_THAT(paused.checks[0].steps.back().outcome,
              HasSubstr("not asked again before 2026-06-01T12:00:30Z"));
  EXPECT_EQ(web_.count("/ca.crl"), 1);
  // Another URL is not meant.
  const Buffer same = crl(of("CA"));
  web_.serve("/ca.crl", same);
  web_.serve("/other.crl", same);
  EXPECT_ACCEPTED(decide(leaf({}, {url("/ca.crl"), url("/other.crl")}, 1001)));
  ASSERT_TRUE(cache_->clear());
  clock_.advance(seconds(30));
  EXPECT_ACCEPTED(decide(one));
}

TEST_P(LogonTest, O8UnknownIsNoAnswer) {
  answer("/ocsp", {.status = OcspCertStatus::unknown});
  const Decision alone = decide(leaf({url("/ocsp")}, {}));
  EXPECT_EQ(alone.code, 500175u) << to_text(alone);
  EXPECT_EQ(alone.checks[0].findings[0].id, validate::FindingId::ocsp_unknown);
}

TEST_P(LogonTest, O9TheCrlStillGetsItsTime) {
  std::vector<std::string> silent;
  for (int i = 0; i < 6; ++i) {
    silent.push_back(url(fmt::format("/silent{}", i)));
    web_.silence(fmt::format("/silent{}", i));
  }
  profile_.total_time = milliseconds(1'000);
  profile_.ocsp.time = milliseconds(300);
  const auto begun = std::chrono::steady_clock::now();
  const Decision decision = decide(leaf(silent, {url("/ca.crl")}));
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(900));
}

TEST_P(LogonTest, O10ManyCachedAnswersLetTheCrlGoFirst) {
  profile_.ocsp.prefer_crl_above = 3;
  for (std::uint64_t serial = 1; serial <= 4; ++serial)
    EXPECT_EQ(story(decide(leaf({url("/ocsp")}, {url("/ca.crl")}, serial))), (Story{"ocsp"}));
  EXPECT_EQ(story(decide(leaf({url("/ocsp")}, {url("/ca.crl")}, 5))), (Story{"crl"}));
}

TEST_P(LogonTest, UrlsInOrderUntilAValidCrlIsGot) {
  web_.fail("/gone.crl", "404 Not Found");
  auto old = of("CA");
  old.next_update = kNow - seconds(1);
  publish("/old.crl", old);
  web_.serve("/page.crl", as_bytes("<html>"));
  auto newer = of("CA", 2);
  publish("/new.crl", newer);
  const Decision decision = decide(leaf({}, {"ftp://dc/ca.crl", url("/gone.crl"), url("/page.crl"),
                                             url("/old.crl"), url("/new.crl"), url("/never.crl")}));
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_EQ(story(decision), (Story{"crl failed", "crl failed", "crl failed", "crl failed", "crl"}));
  EXPECT_EQ(web_.count("/never.crl"), 0);
}

TEST_P(LogonTest, DirectoriesAreAskedByLdap) {
  const net::test::Directory directory("certificateRevocationList", crl(of("CA")));
  const Decision decision = decide(
      leaf({}, {directory.url("cn=CA?certificateRevocationList?base?objectClass=cRLDistributionPoint")}));
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_EQ(story(decision), (Story{"crl"}));
  forget_everything();
  EXPECT_CODE(decide(leaf({}, {directory.url("cn=CA?deltaRevocationList")})), 500174u);
}

// As Active Directory writes them: the server is whoever reads it is to know.
TEST_P(LogonTest, ADirectoryWithoutAHostIsThatOfTheProfile) {
  const net::test::Directory directory("certificateRevocationList", crl(of("CA")));
  const auto certificate = leaf({}, {"ldap:///CN=CA,CN=CDP?certificateRevocationList?base"});
  profile_.private_networks.clear();
  const Decision without = decide(certificate);
  EXPECT_EQ(story(without), (Story{"crl failed"}));
  EXPECT_THAT(to_text(without), HasSubstr("crl.directory"));
  const std::string at = directory.url("");
  profile_.crl.directory = at.substr(7, at.size() - 8);
  const Decision with = decide(certificate);
  EXPECT_TRUE(with.accepted) << to_text(with);
  EXPECT_EQ(with.checks.at(0).steps.at(0).url, at + "CN=CA,CN=CDP?certificateRevocationList?base");
  // It is agreed to; a web server beside it is not.
  forget_everything();
  EXPECT_FALSE(decide(leaf({}, {url("/ca.crl")})).accepted);
}

TEST_P(LogonTest, D12RedirectsAreCountedAndStayInTheScheme) {
  const auto to = [](const std::string& where) -> Web::Answer {
    return [where](Client& client) { client.answer("302 Found", "Location: " + where + "\r\n", ""); };
  };
  web_.on("/1", to("/2"));
  web_.on("/2", to("/3"));
  web_.on("/3", to("/ca.crl"));
  web_.on("/0", to("/1"));
  web_.on("/secure", to("https://127.0.0.1/ca.crl"));
  web_.on("/file", to("file:///etc/passwd"));
  EXPECT_ACCEPTED(decide(leaf({}, {url("/1")})));
  for (const char* bad : {"/0", "/secure", "/file"}) {
    forget_everything();
    EXPECT_FALSE(decide(leaf({}, {url(bad)})).accepted) << bad;
  }
}

TEST_P(LogonTest, PrivateAddressesNeedConsent) {
  profile_.private_networks = {};
  const Decision refused = decide(leaf({url("/ocsp")}, {url("/ca.crl")}));
  EXPECT_EQ(refused.name, "crl.private_address") << to_text(refused);
  EXPECT_EQ(web_.total(), 0) << "nobody was connected to";
  profile_.private_networks = {"10.0.0.0/8"};
  forget_everything();
  EXPECT_FALSE(decide(leaf({}, {url("/ca.crl")})).accepted);
  profile_.private_networks = {"127.0.0.1/32"};
  forget_everything();
  EXPECT_ACCEPTED(decide(leaf({}, {url("/ca.crl")})));
}

TEST_P(LogonTest, AProxyIsAskedInPlaceOfTheHost) {
  profile_.private_networks = {};
  profile_.proxy = url("");
  publish("http://pki.example.test/ca.crl", of("CA"));
  EXPECT_ACCEPTED(decide(leaf({}, {"http://pki.example.test/ca.crl"})));
}

TEST_P(LogonTest, DeltasThatAreAnnounced) {
  auto base = of("CA", 5), delta = of("CA", 6, {{1000, CrlReason::superseded}});
  base.extensions = {freshest(url("/delta.crl"))};
  delta.extensions = {delta_of(5)};
  publish("/ca.crl", base);
  publish("/delta.crl", delta);
  EXPECT_CODE(decide(leaf({}, {url("/ca.crl")})), 500171u);
  const Decision other = decide(leaf({}, {url("/ca.crl")}, 1001));
  EXPECT_TRUE(other.accepted) << to_text(other);
  EXPECT_EQ(story(other), (Story{"crl cached", "delta cached"}));
  web_.fail("/delta.crl", "404 Not Found");
  forget_everything();
  EXPECT_CODE(decide(leaf({}, {url("/ca.crl")})), 500173u);
  profile_.crl.deltas = validate::DeltaRule::use;
  forget_everything();
  EXPECT_ACCEPTED(decide(leaf({}, {url("/ca.crl")})));
}

TEST_P(LogonTest, PartitionsAreToldApartByTheirScope) {
  auto first = of("CA", 1), second = of("CA", 1, {{1001, CrlReason::superseded}});
  first.extensions = {scope(url("/1.crl"))};
  second.extensions = {scope(url("/2.crl"))};
  const Buffer octets = crl(first);
  web_.serve("/1.crl", octets);
  publish("/2.crl", second);
  EXPECT_ACCEPTED(decide(leaf({}, {url("/1.crl")})));
  EXPECT_CODE(decide(leaf({}, {url("/2.crl")}, 1001)), 500171u);
  EXPECT_EQ(cache_->list().size(), 2u) << "each has a line of its own";
  // The partition of others does not do.
  web_.serve("/3.crl", octets);
  EXPECT_CODE(decide(leaf({}, {url("/3.crl")}, 1002)), 500178u);
}

// ---- Who may answer

TEST_P(LogonTest, DelegatedRespondersAreChecked) {
  const auto one = leaf({url("/ocsp")}, {});
  const auto asked = [&](const CertificatePtr& certificate, const std::string& key = "Responder") {
    answer("/ocsp", {.signed_by = key, .certificates = {to_buffer(certificate->der())}});
    forget_everything();
    return decide(one);
  };
  EXPECT_ACCEPTED(asked(responder({no_check()})));
  EXPECT_ACCEPTED(asked(responder({})));  // RFC 6960 4.2.2.2.1: the CA names no way to check it
  const Decision no_purpose = asked(responder({no_check()}, "", {oid::kClientAuth}));
  EXPECT_FALSE(no_purpose.accepted);
  EXPECT_THAT(validate::message_of(no_purpose.checks[0].findings[0]), HasSubstr("not for OCSP signing"));
  EXPECT_FALSE(asked(responder({no_check()}, "thief")).accepted) << "another key signed its certificate";
  // With a CRL it must be good there.
  publish("/responders.crl", of("CA", 2));
  EXPECT_ACCEPTED(asked(responder({crl_points({url("/responders.crl")})})));
  publish("/responders.crl", of("CA", 3, {{5000, CrlReason::key_compromise}}));
  EXPECT_FALSE(asked(responder({crl_points({url("/responders.crl")})})).accepted);
  EXPECT_ACCEPTED(asked(responder({crl_points({url("/responders.crl")}), no_check()})));
  web_.fail("/responders.crl", "404 Not Found");
  EXPECT_FALSE(asked(responder({crl_points({url("/responders.crl")})})).accepted);
  profile_.ocsp.check_responder = false;
  EXPECT_ACCEPTED(asked(responder({crl_points({url("/responders.crl")})})));
}

TEST_P(LogonTest, NoncesAndAnswersWithoutEnd) {
  const auto one = leaf({url("/ocsp")}, {});
  web_.on("/ocsp", [this](Client& client) {  // as a responder that signs ahead
    const auto request = x509::parse_ocsp_request(as_bytes(client.body)).value();
    client.answer("200 OK", "", as_text(response(request.requests[0].id.whole, {})));
  });
  profile_.ocsp.nonce = true;
  EXPECT_ACCEPTED(decide(one));
  profile_.ocsp.need_nonce = true;
  forget_everything();
  EXPECT_FALSE(decide(one).accepted);
  answer("/ocsp", {.without_end = true});
  EXPECT_ACCEPTED(decide(one));
  clock_.advance(hours(23));
  const int asked = web_.count("/ocsp");
  EXPECT_ACCEPTED(decide(one));
  EXPECT_EQ(web_.count("/ocsp"), asked) << "good for a day";
  clock_.advance(hours(1));
  EXPECT_ACCEPTED(decide(one));
  EXPECT_EQ(web_.count("/ocsp"), asked + 1);
}

TEST_P(LogonTest, AnswersAreKeptForTheNextProcess) {
  folder_ = fs::temp_directory_path() / fmt::format("vouch-relying-{}", ::getpid());
  const auto one = leaf({url("/ocsp")}, {});
  EXPECT_ACCEPTED(decide(one));
  forget_everything();
  const Decision kept = decide(one);
  EXPECT_EQ(story(kept), (Story{"ocsp cached"})) << to_text(kept);
  EXPECT_EQ(web_.count("/ocsp"), 1);
  // What lies there is verified again: damaged, it is fetched anew.
  for (const auto& file : fs::directory_iterator(folder_ / "ocsp")) {
    Buffer octets = read_file(file.path()).value();
    octets[octets.size() / 2] ^= 1;
    ASSERT_TRUE(write_file_atomic(file.path(), octets));
  }
  forget_everything();
  EXPECT_ACCEPTED(decide(one));
  EXPECT_EQ(web_.count("/ocsp"), 2);
  fs::remove_all(folder_);
}

TEST_P(LogonTest, TheWholeChainIsChecked) {
  const auto sub = pki_.make(
      {.subject = "Sub", .issuer = "CA", .extensions = {crl_points({url("/ca.crl")})}, .serial = 700});
  const auto below = pki_.make(
      {.subject = "below", .issuer = "Sub", .ca = false, .extensions = {crl_points({url("/sub.crl")})}});
  publish("/sub.crl", of("Sub"));
  EXPECT_ACCEPTED(decide({below, sub}));
  EXPECT_CODE(decide(below), 500176u);
  publish("/ca.crl", of("CA", 2, {{700, CrlReason::ca_compromise}}));
  forget_everything();
  EXPECT_CODE(decide({below, sub}), 500183u);
}

TEST_P(LogonTest, P10ResyncDoesNotCountWhatIsOlder) {
  const auto one = leaf({url("/ocsp")}, {});
  EXPECT_ACCEPTED(decide(one));
  answer("/ocsp", {.status = OcspCertStatus::revoked});
  EXPECT_ACCEPTED(decide(one));
  clock_.advance(seconds(1));
  party().resync(clock_.now());
  EXPECT_CODE(decide(one), 500171u);
}

INSTANTIATE_TEST_SUITE_P(Kept, LogonTest, kBoth, testing::PrintToStringParamName());

}  // namespace
}  // namespace vouch::relying
