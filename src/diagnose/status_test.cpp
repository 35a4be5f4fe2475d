#include "diagnose/status.hpp"

#include <atomic>

#include "ca/keys/service_keys.hpp"
#include "ca/setup/renewal.hpp"
#include "diagnose/status_desk.hpp"
#include "diagnose/test_web.hpp"

namespace vouch::diagnose {
namespace {

using std::chrono::days, std::chrono::milliseconds;
using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StatusTest : public WebTest {};

std::vector<Verdict> verdicts(const AuthorityStatus& authority) {
  std::vector<Verdict> list;
  for (const auto& each : authority.certificates) list.push_back(each.judgement.verdict);
  for (const auto& each : authority.crls) list.push_back(each.judgement.verdict);
  for (const auto& each : authority.targets) list.push_back(each.judgement.verdict);
  for (const auto& each : authority.locations) list.push_back(each.judgement.verdict);
  return list;
}

TEST_F(StatusTest, EverythingIsWell) {
  const Buffer serial = issue();
  const Report report = look();
  ASSERT_THAT(report.authorities, SizeIs(1));
  const AuthorityStatus& ca = report.authorities[0];
  EXPECT_THAT(verdicts(ca), Each(Verdict::ok)) << text(report);
  EXPECT_TRUE(report.all_well());
  EXPECT_EQ(report.checked, 11U) << "the CA, 2 certificates, 2 CRLs, 2 files, AIA, CDP, delta, OCSP";
  EXPECT_EQ(ca.kind, "root");
  ASSERT_THAT(ca.certificates, SizeIs(2));
  EXPECT_EQ(ca.certificates[0].subject, "CN=CRL Root");
  EXPECT_EQ(ca.certificates[0].renewal_due, authority->settings().renewal_due);
  EXPECT_EQ(ca.certificates[1].use, CertificateUse::ocsp_responder);
  const LocationStatus cdp = location(report, LocationKind::cdp);
  EXPECT_EQ(cdp.url, site() + "/CRL%20Root.crl");
  EXPECT_EQ(cdp.crl_number, ca.crls[0].number);
  EXPECT_EQ(cdp.expires, ca.crls[0].next_update);
  EXPECT_EQ(cdp.live, 2U) << "the responder's certificate, too";
  EXPECT_EQ(cdp.size, ca.crls[0].size);
  EXPECT_EQ(location(report, LocationKind::ocsp).key_index, 0U);
  EXPECT_EQ(location(report, LocationKind::delta).url, site() + "/CRL%20Root+.crl");
}

TEST_F(StatusTest, TheRegistrationAuthoritysCertificatesAreWatched) {
  const auto key = bench.provider().generate(crypto::parse_key_spec("rsa:2048").value()).value();
  const auto keep = [&](std::string_view subject) {
    const auto outcome =
        authority->issue_to_service(bench.request_with(*key, subject), "CepEncryption").value();
    const auto view = x509::parse_certificate(outcome.certificate).value();
    const Status kept = bench.database().commit([&](store::Transaction& t) -> Status {
      auto keys = TRY(ca::registration_keys(t, authority->record().id));
      keys.push_back({"file:ra.key", to_buffer(x509::serial_octets(view.serial))});
      return ca::remember_registration_keys(t, authority->record().id, keys);
    });
    ASSERT_TRUE(kept);
  };
  const auto judged = [&] {
    std::vector<CertificateStatus> list;
    const auto report = look();
    for (const CertificateStatus& each : report.authorities[0].certificates)
      if (each.use == CertificateUse::ra_encryption) list.push_back(each);
    return list;
  };
  keep("CN=MSCEP-RA");
  ASSERT_THAT(judged(), SizeIs(1));
  EXPECT_EQ(judged()[0].judgement, Judgement{});
  bench.clock().advance(days(600));
  const Judgement late = judged()[0].judgement;
  EXPECT_EQ(late.verdict, Verdict::expiring);
  EXPECT_THAT(late.mend, HasSubstr("vouch scep ra renew"));
  bench.clock().advance(days(200));
  EXPECT_EQ(judged()[0].judgement.verdict, Verdict::expired);
  keep("CN=MSCEP-RA");
  ASSERT_THAT(judged(), SizeIs(1)) << "the one before has a successor";
  EXPECT_EQ(judged()[0].judgement, Judgement{});
}

TEST_F(StatusTest, ARevokedCertificateIsAnsweredAsRevoked) {
  revoke(issue());
  EXPECT_EQ(location(look(), LocationKind::ocsp).judgement, Judgement{});
}

// One row: what the path answers in place of the CRL, and what is to be said of it.
TEST_F(StatusTest, WhatIsWrongWithACrlIsNamedWithItsMend) {
  const Buffer old = read_file(base_file()).value();
  publish();
  show();
  const Buffer crl = read_file(base_file()).value(), delta = read_file(delta_file()).value();
  const auto other = bench.make_root("Other Root");
  ASSERT_TRUE(revocation::publish_crls(*other, "bob"));
  Buffer damaged = crl;
  damaged.back() ^= 1;
  const auto octets = [](std::string_view text) { return to_buffer(as_bytes(text)); };
  struct Row {
    Page page;
    Verdict verdict;
    const char *cause, *mend;
  };
  const Row rows[] = {
      {{{}, 404}, Verdict::unable_to_download, "the server answers 404", "vouch crl publish"},
      {{{}, 403}, Verdict::unable_to_download, "the server answers 403", "give this path to everybody"},
      {{{}, 503}, Verdict::unable_to_download, "the server answers 503", "log"},
      {{crl, 200, milliseconds(1'500)}, Verdict::unable_to_download, "timed out", "waits 400 ms"},
      {{Buffer(3 << 20)}, Verdict::unable_to_download, "more than", "something else"},
      {{octets("<html>no</html>")}, Verdict::not_matching, "no CRL, or not a whole one", "publish it there"},
      {{Buffer(crl.begin(), crl.end() - 10)}, Verdict::not_matching, "not a whole one", "publish it there"},
      {{{}}, Verdict::not_matching, "(0 octets)", "publish it there"},
      {{octets("-----BEGIN X509 CRL-----\n")}, Verdict::not_matching, "it is PEM", "as vouch writes it"},
      {{read_file(bench.home().published() / "Other Root.crl").value()},
       Verdict::not_matching,
       "it is the CRL of another CA: CN=Other Root",
       "let the server show this CA's own file"},
      {{delta}, Verdict::not_matching, "it is a delta CRL", "%9"},
      {{damaged}, Verdict::not_matching, "its signature does not verify", "publish it there"},
      {{old}, Verdict::not_matching, "it is CRL 1; CRL 3 was published on 2026-", "--if-due"},
  };
  for (const Row& row : rows) {
    put(kCrl, row.page);
    const Report report = look(row.page.delay.count() == 0 ? milliseconds(5'000) : milliseconds(400));
    const Judgement judgement = location(report, LocationKind::cdp, "CRL%20Root.crl").judgement;
    EXPECT_EQ(judgement.verdict, row.verdict) << row.cause;
    EXPECT_THAT(judgement.cause, HasSubstr(row.cause));
    EXPECT_THAT(judgement.mend, HasSubstr(row.mend));
    EXPECT_FALSE(report.all_well());
    EXPECT_THAT(text(report), HasSubstr(fmt::format("{:<18}  CDP", to_string(row.verdict))));
  }
  show();
  put(kDelta, {crl});
  EXPECT_THAT(location(look(), LocationKind::delta, "CRL%20Root+.crl").judgement.cause,
              HasSubstr("it is a base CRL"));
}

TEST_F(StatusTest, NobodyListens) {
  set([](ca::AuthoritySettings& s) { s.cdp[1].url = "http://127.0.0.1:1/%3%8%9.crl"; });
  const Judgement judgement = location(look(), LocationKind::cdp).judgement;
  EXPECT_EQ(judgement.verdict, Verdict::unable_to_download);
  EXPECT_THAT(judgement.mend, HasSubstr("is the server running"));
}

TEST_F(StatusTest, ACrlExpiresInSteps) {
  const auto crls = bench.database().snapshot().value()->newest_crls(1, 0, false, 1).value();
  bench.clock().set(crls[0].next_publish + std::chrono::seconds(1));
  Report report = look();
  EXPECT_EQ(report.authorities[0].crls[0].judgement.verdict, Verdict::expiring);
  EXPECT_EQ(location(report, LocationKind::cdp).judgement.verdict, Verdict::expiring);
  EXPECT_THAT(location(report, LocationKind::cdp).judgement.cause, HasSubstr("its successor has been due"));
  bench.clock().set(crls[0].next_update + std::chrono::seconds(1));
  report = look();
  EXPECT_EQ(report.authorities[0].crls[0].judgement.verdict, Verdict::expired);
  EXPECT_EQ(location(report, LocationKind::cdp).judgement.verdict, Verdict::expired);
  EXPECT_THAT(location(report, LocationKind::cdp).judgement.mend, HasSubstr("vouch crl publish"));
  EXPECT_EQ(report.authorities[0].crls[1].judgement.verdict, Verdict::expired) << "the delta";
}

TEST_F(StatusTest, ACaWithoutACrlOwesOne) {
  ASSERT_NE(bench.make_root("Silent Root"), nullptr);
  const Report report = status(environment, nullptr, {.ca = "Silent Root"}).value();
  ASSERT_THAT(report.authorities, SizeIs(1));
  EXPECT_EQ(report.authorities[0].crls[0].judgement.verdict, Verdict::not_published);
}

TEST_F(StatusTest, TheCaCertificateHasToBeTheVeryOne) {
  const auto other = bench.make_root("Other Root");
  const auto aia = [&] { return location(look(), LocationKind::aia, "CRL%20Root.crt").judgement; };
  put(kCertificate, {other->current().generation.certificate});
  EXPECT_EQ(aia().verdict, Verdict::not_matching);
  EXPECT_THAT(aia().cause, HasSubstr("the certificate of another CA: CN=Other Root"));
  EXPECT_THAT(aia().mend, HasSubstr("vouch ca export"));
  put(kCertificate, {to_buffer(as_bytes("-----BEGIN CERTIFICATE-----\n"))});
  EXPECT_THAT(aia().cause, HasSubstr("it is PEM"));
  put(kCertificate, {Buffer(100)});
  EXPECT_THAT(aia().cause, HasSubstr("no certificate"));
  take_away(kCertificate);
  EXPECT_EQ(aia().verdict, Verdict::unable_to_download);
}

TEST_F(StatusTest, ResponderThatIsNoneIsNamed) {
  issue();
  const auto said = [&] { return location(look(), LocationKind::ocsp).judgement; };
  put("/ocsp", {to_buffer(as_bytes("<html>"))});
  EXPECT_EQ(said().verdict, Verdict::not_matching);
  EXPECT_THAT(said().cause, HasSubstr("no OCSP response"));
  put("/ocsp", {x509::encode_ocsp_error(x509::OcspResponseStatus::unauthorized)});
  EXPECT_THAT(said().cause, HasSubstr("it answers unauthorized"));
  put("/ocsp", {{}, 500});
  EXPECT_EQ(said().verdict, Verdict::unable_to_download);
}

TEST_F(StatusTest, AKeyThatHasSignedNothingHasNothingToAskAbout) {
  bench.clock().advance(days(40));  // the responder's own certificate is over
  const LocationStatus ocsp = location(look(), LocationKind::ocsp);
  EXPECT_EQ(ocsp.judgement.verdict, Verdict::not_checked);
}

TEST_F(StatusTest, EachKeyIsLookedAfter) {
  issue();
  ca::RenewOptions options;
  options.new_key = true;
  options.administrator = "admin";
  ASSERT_TRUE(ca::renew(environment, revocation::kTestCa, options));
  reopen();
  publish();
  show();
  issue();
  const Report report = look();
  EXPECT_TRUE(report.all_well()) << text(report);
  const AuthorityStatus& ca = report.authorities[0];
  EXPECT_THAT(ca.certificates, SizeIs(4)) << "two CA certificates, two responders";
  EXPECT_THAT(ca.crls, SizeIs(4)) << "base and delta of two keys";
  EXPECT_EQ(location(report, LocationKind::cdp, "CRL%20Root.crl").judgement, Judgement{});
  EXPECT_FALSE(location(report, LocationKind::cdp, "CRL%20Root.crl").current);
  EXPECT_TRUE(location(report, LocationKind::cdp, "CRL%20Root(1).crl").current);
  EXPECT_EQ(location(report, LocationKind::aia, "CRL%20Root(1).crt").judgement, Judgement{});
  // The CRL of one key where that of the other should be.
  put(kCrl, {read_file(bench.home().published() / "CRL Root(1).crl").value()});
  EXPECT_THAT(location(look(), LocationKind::cdp, "CRL%20Root.crl").judgement.cause,
              HasSubstr("signed with another key of this CA"));
}

TEST_F(StatusTest, OldUrlsCountAsLongAsACertificateNamesThem) {
  issue();
  issue();
  set([&](ca::AuthoritySettings& s) { s.cdp[1].url = site() + "/new/%3%8%9.crl"; });
  publish();
  show();
  put("/new/CRL Root.crl", {read_file(base_file()).value()});
  put("/new/CRL Root+.crl", {read_file(delta_file()).value()});
  const LocationStatus old = location(look(), LocationKind::cdp, site() + "/CRL%20Root.crl");
  EXPECT_FALSE(old.current);
  EXPECT_EQ(old.live, 3U) << "the responder's certificate, too";
  EXPECT_EQ(old.judgement, Judgement{});
  EXPECT_EQ(location(look(), LocationKind::cdp, "/new/CRL%20Root.crl").live, 0U);
  take_away(kCrl);
  EXPECT_EQ(location(look(), LocationKind::cdp, site() + "/CRL%20Root.crl").judgement.verdict,
            Verdict::unable_to_download);
  bench.clock().advance(days(800));
  const Report later = look();
  for (const LocationStatus& each : later.authorities[0].locations)
    EXPECT_THAT(each.url, testing::Not(testing::EndsWith(site() + "/CRL%20Root.crl"))) << "nobody needs it";
}

TEST_F(StatusTest, LdapIsNotCheckedAndNeverWell) {
  set([](ca::AuthoritySettings& s) { s.cdp.push_back({2, "ldap:///CN=%7,DC=corp"}); });
  const LocationStatus ldap = location(look(), LocationKind::cdp, "DC=corp");
  EXPECT_EQ(ldap.judgement.verdict, Verdict::not_checked);
  EXPECT_THAT(ldap.judgement.cause, HasSubstr("no LDAP client"));
}

TEST_F(StatusTest, OfflineAsksNobody) {
  const Report report = status(environment, nullptr, {}).value();
  EXPECT_TRUE(report.offline);
  for (const LocationStatus& each : report.authorities[0].locations)
    EXPECT_EQ(each.judgement.verdict, Verdict::not_checked);
  EXPECT_EQ(report.checked, 7U);
}

TEST_F(StatusTest, HalfOfALifeIsTimeToRenewAndATenthIsLate) {
  const auto ca = [&] { return status(environment, nullptr, {}).value().authorities[0].certificates[0]; };
  EXPECT_FALSE(ca().renewal_is_due);
  const Time end = authority->current().not_after;
  bench.clock().set(*authority->settings().renewal_due + std::chrono::seconds(1));
  EXPECT_TRUE(ca().renewal_is_due);
  EXPECT_EQ(ca().judgement, Judgement{});
  bench.clock().set(end - days(30));
  EXPECT_EQ(ca().judgement.verdict, Verdict::expiring);
  EXPECT_THAT(ca().judgement.mend, HasSubstr("vouch ca renew"));
  bench.clock().set(end + days(1));
  EXPECT_EQ(ca().judgement.verdict, Verdict::expired);
}

TEST_F(StatusTest, AResponderThatIsNotRenewedIsSeenInTime) {
  const auto responder = [&] {
    return status(environment, nullptr, {}).value().authorities[0].certificates[1];
  };
  const Time begin = responder().not_before, end = responder().not_after;
  EXPECT_EQ(responder().judgement, Judgement{});
  bench.clock().set(end - (end - begin) / 5);
  EXPECT_EQ(responder().judgement.verdict, Verdict::expiring);
  bench.clock().set(end + std::chrono::seconds(1));
  EXPECT_EQ(responder().judgement.verdict, Verdict::expired);
}

TEST_F(StatusTest, ManySilentServersAreWaitedForTogether) {
  set([&](ca::AuthoritySettings& s) {
    for (int i = 0; i < 7; ++i) s.cdp.push_back({2, fmt::format("{}/silent{}.crl", site(), i)});
  });
  for (int i = 0; i < 7; ++i) put(fmt::format("/silent{}.crl", i), {{}, 200, milliseconds(2'000)});
  const auto begin = std::chrono::steady_clock::now();
  const Report report = look(milliseconds(700));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(7 * 700));
  EXPECT_EQ(report.bad, 7U) << text(report);
}

TEST_F(StatusTest, EveryPlaceOfPublicationIsLookedAt) {
  const auto second = [&] { return status(environment, nullptr, {}).value().authorities[0].targets[1]; };
  const fs::path folder = bench.home().folder() / "second";
  set([&](ca::AuthoritySettings& s) { s.cdp.push_back({1, folder.string() + "/%3.crl"}); });
  EXPECT_EQ(second().judgement.verdict, Verdict::not_published);
  EXPECT_THAT(second().judgement.cause, HasSubstr("CRL 1 is not there yet"));
  publish();
  EXPECT_EQ(second().judgement.verdict, Verdict::not_published);
  EXPECT_THAT(second().judgement.cause, AllOf(HasSubstr("CRL 3 is not there"), HasSubstr("No such file")));
  EXPECT_THAT(second().judgement.mend, HasSubstr("is the folder there"));
  EXPECT_EQ(second().failures, 1U);
  EXPECT_EQ(second().next_try, bench.clock().now() + std::chrono::seconds(15));
  fs::create_directories(folder);
  publish_what_is_due();
  EXPECT_EQ(second().judgement, Judgement{});
  EXPECT_EQ(second().last_success, bench.clock().now());
  // What others do to the file.
  ASSERT_TRUE(write_file_atomic(folder / "CRL Root.crl", as_bytes("somebody else's")));
  EXPECT_EQ(second().judgement.verdict, Verdict::not_matching);
  fs::remove(folder / "CRL Root.crl");
  EXPECT_EQ(second().judgement.verdict, Verdict::not_published);
}

TEST_F(StatusTest, UnknownCa) {
  const auto report = status(environment, nullptr, {.ca = "Nobody"});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Errc::not_found);
}

// The service asks itself with its only worker.
TEST_F(StatusTest, TheDeskDoesNotTakeTheThreadsThatAnswerIt) {
  StatusDesk desk(environment, fetcher);
  net::ServerSettings settings;
  settings.threads = settings.workers = 1;
  settings.listeners = {
      {.name = "api",
       .endpoint = net::loopback(),
       .routes = net::table({net::answering("/status", {net::Method::get},
                                            [&](const net::Request&) {
                                              const auto report = desk.report();
                                              return report
                                                         ? net::text_response(200, text(**report))
                                                         : net::error_response(503, report.error().summary());
                                            }),
                             net::answering("/self.crl", {net::Method::get},
                                            [&](const net::Request&) {
                                              net::Response response;
                                              response.body = read_file(base_file()).value();
                                              return response;
                                            })}),
       .tls = nullptr}};
  const auto api = net::Server::start(std::move(settings)).value();
  const std::string self = fmt::format("http://127.0.0.1:{}", api->address("api").port());
  set([&](ca::AuthoritySettings& s) { s.cdp = {s.cdp[0], {2, self + "/self.crl"}}; });
  std::string body;
  unsigned code = 503;
  for (int i = 0; i < 200 && code == 503; ++i) {
    const auto answer = fetcher.fetch({.url = self + "/status"});
    ASSERT_TRUE(answer) << answer.error().report();
    code = answer->status;
    body = as_text(answer->body);
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(code, 200U) << body;
  EXPECT_THAT(body, HasSubstr(fmt::format("{:<18}  CDP {}/self.crl", "OK", self)));
}

}  // namespace
}  // namespace vouch::diagnose
