// The profile `cba` row by row: trust list, chain, what is downloaded, whom a CRL is bound to, times,
// numbers, base and delta.
#include <thread>

#include "base/pem.hpp"
#include "net/test_net.hpp"
#include "relying/test_party.hpp"

namespace vouch::relying {
namespace {

using namespace test;
using testing::HasSubstr;

// A gzip bomb (RFC 1951 3.2.6): a zero, and then "258 octets as the one before" again and again.
Buffer zeros_in_gzip(std::size_t octets) {
  Buffer out{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  unsigned bits = 0, count = 0;
  const auto put = [&](unsigned code, unsigned length, bool huffman) {
    for (unsigned i = 0; i < length; ++i) {
      const unsigned bit = huffman ? code >> (length - 1 - i) & 1 : code >> i & 1;
      bits |= bit << count;
      if (++count == 8) {
        out.push_back(static_cast<std::uint8_t>(bits));
        bits = count = 0;
      }
    }
  };
  put(1, 1, false);  // the last block
  put(1, 2, false);  // fixed codes
  put(0x30, 8, true);
  for (std::size_t made = 1; made < octets; made += 258) {
    put(0xc5, 8, true);  // length 258
    put(0, 5, true);     // distance 1
  }
  put(0, 7, true);  // end of block
  put(0, 7, false);
  return out;
}

class CbaTest : public PartyTest {
 protected:
  CbaTest() : PartyTest(cba()) {
    trust(root_, web_.url("/root.crl"));
    trust(sub_, web_.url("/sub.crl"));
    publish("/root.crl", of("Root"));
    publish("/sub.crl", of("Sub"));
  }
  // The issuer's configuration anew.
  void configure_sub(const std::string& base, const std::string& delta = "") {
    issuers_.pop_back();
    trust(sub_, base, delta);
  }
  // The next sign-in, when nothing is remembered of failures.
  void later() { clock_.advance(minutes(2)); }
  // What the one CRL of the leaf's CA leads to.
  Decision with_sub_crl(const TestPki::CrlSpec& spec) { return with_sub_crl(crl(spec)); }
  Decision with_sub_crl(const Buffer& octets) {
    web_.serve("/sub.crl", octets);
    forget_everything();
    return decide(leaf_);
  }

  CertificatePtr root_ = pki_.ca("Root"), sub_ = pki_.ca("Sub", "Root");
  CertificatePtr leaf_ = pki_.make({.subject = "leaf", .issuer = "Sub", .ca = false, .serial = 1000});
};

// ---- Store and configuration

TEST_P(CbaTest, S1ToS3ACaWithoutAUrlIsAMatterOfPolicy) {
  configure_sub("");
  publish("/sub.crl", of("Sub", 1, {{1000, CrlReason::key_compromise}}));
  const Decision unchecked = decide(leaf_);
  EXPECT_TRUE(unchecked.accepted) << to_text(unchecked);
  EXPECT_EQ(unchecked.checks.back().status, Check::Status::not_checked);
  EXPECT_EQ(web_.count("/sub.crl"), 0);
  profile_.crl.require = true;
  const Decision required = decide(leaf_);
  EXPECT_EQ(required.code, 500175u) << to_text(required);
  EXPECT_EQ(required.name, "crl.required");
  profile_.exemptions = {{to_hex(sub_->fingerprint()), std::nullopt, "its web server moves"}};
  const Decision exempt = decide(leaf_);
  EXPECT_TRUE(exempt.accepted) << to_text(exempt);
  ASSERT_EQ(exempt.notes.size(), 1u);
  EXPECT_THAT(exempt.notes[0], HasSubstr("its web server moves"));
}

TEST_P(CbaTest, S4AnExemptCaIsNotAskedAbout) {
  web_.fail("/sub.crl", "500 Oh");
  profile_.exemptions = {{to_hex(*sub_->subject_key_identifier), kNow + hours(1), "outage"}};
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/sub.crl"), 0);
  clock_.advance(hours(1));
  EXPECT_CODE(decide(leaf_), 500173u);
}

TEST_P(CbaTest, S5AnExemptionDoesNotCoverTheCasAbove) {
  web_.fail("/root.crl", "404 Not Found");
  profile_.exemptions = {{to_hex(sub_->fingerprint()), std::nullopt, ""}};
  EXPECT_CODE(decide(leaf_), 500173u);
}

TEST_P(CbaTest, S6OnlyTheIssuerOfTheLeafMustHaveACrl) {
  issuers_.clear();
  trust(root_);
  trust(sub_, web_.url("/sub.crl"));
  profile_.crl.require = true;
  EXPECT_ACCEPTED(decide(leaf_));
}

TEST_P(CbaTest, S7ADeltaWithoutABase) {
  EXPECT_THAT(check_issuer(trust(sub_, "", web_.url("/delta.crl"))).error().summary(), HasSubstr("500177"));
  issuers_.pop_back();
  configure_sub("", web_.url("/delta.crl"));
  EXPECT_CODE(decide(leaf_), 500177u);
}

TEST_P(CbaTest, S8OneWebUrlEach) {
  TrustedIssuer issuer;
  issuer.certificate = sub_;
  for (const char* bad : {"ldap://dc/cn=crl", "ftp://pki.test/a.crl", "file:///a.crl", "a.crl",
                          "http://pki.test/a.crl http://pki.test/b.crl", "http://a.test/,http://b.test/"}) {
    issuer.base_url = bad;
    EXPECT_FALSE(check_issuer(issuer)) << bad;
  }
  issuer.base_url = "http://pki.test/a%20b+.crl";
  issuer.delta_url = "https://pki.test/a+.crl";
  EXPECT_TRUE(check_issuer(issuer));
}

TEST_P(CbaTest, S9HttpsWorksAndNobodyIsAskedAboutItsServer) {
  const Time from = parse_time("2020-01-01").value(), until = parse_time("2049-01-01").value();
  const auto web_ca = pki_.make({.subject = "Web CA", .from = from, .until = until});
  const auto server = pki_.make({.subject = "server",
                                 .issuer = "Web CA",
                                 .ca = false,
                                 .names = {x509::GeneralName::ip("127.0.0.1").value()},
                                 .extensions = {crl_points({web_.url("/web.crl")})},
                                 .from = from,
                                 .until = until});
  const auto pem = [](const CertificatePtr& one) {
    return to_buffer(as_bytes(to_pem("CERTIFICATE", one->der())));
  };
  roots_ = pem(web_ca);
  net::TlsSettings tls;
  tls.identities.push_back({pem(server), to_buffer(as_bytes(pki_.key("server").to_pem("").value())), {}});
  net::ServerSettings settings;
  settings.threads = 1;
  settings.listeners = {{.name = "tls",
                         .endpoint = net::loopback(),
                         .routes = net::table({net::now("/sub.crl", std::string(as_text(crl(of("Sub")))))}),
                         .tls = net::TlsContext::create(std::move(tls)).value()}};
  const auto running = net::Server::start(std::move(settings)).value();
  configure_sub(fmt::format("https://127.0.0.1:{}/sub.crl", running->address("tls").port()));
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/web.crl"), 0);
  roots_ = pem(root_);
  party_.reset();
  ASSERT_TRUE(cache_->clear());
  EXPECT_CODE(decide(leaf_), 2205012u) << "its server is not trusted";
}

// ---- Chain

TEST_P(CbaTest, C1ToC4KeyIdentifiersLinkTheChain) {
  const auto twin = pki_.make({.subject = "Sub", .key = "twin", .issuer = "Root"});
  trust(twin, web_.url("/twin.crl"));
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/twin.crl"), 0) << "the other CA of that name is not asked about";
  const auto strange = pki_.make({.subject = "x", .issuer = "Sub", .signed_by = "nobody", .ca = false});
  EXPECT_CODE(decide(strange), 500176u);
  const auto silent = pki_.make({.subject = "x", .issuer = "Sub", .ca = false, .key_identifiers = false});
  EXPECT_CODE(decide(silent), 500176u);
  issuers_.clear();
  const auto nameless = pki_.make({.subject = "Old", .key_identifiers = false});
  trust(nameless);
  EXPECT_CODE(decide(pki_.leaf("y", "Old")), 500176u);
}

TEST_P(CbaTest, C5AndC6EveryCaMustBeInTheTrustList) {
  issuers_ = {issuers_[0]};
  party_.reset();
  const Decision without = decide({leaf_, sub_});
  EXPECT_EQ(without.code, 500176u) << "what the peer sends does not help: " << to_text(without);
  EXPECT_EQ(without.path.sent.size(), 2u);
  issuers_.clear();
  trust(sub_, web_.url("/sub.crl"));
  EXPECT_CODE(decide({leaf_, sub_, root_}), 500176u);
}

TEST_P(CbaTest, C7AnExpiredLeafSaysSoInTheWordsOfTheReference) {
  const auto expired = pki_.make({.subject = "late",
                                  .issuer = "Sub",
                                  .ca = false,
                                  .from = parse_time("2026-01-01").value(),
                                  .until = parse_time("2026-05-01").value()});
  const Decision decision = decide(expired);
  EXPECT_EQ(decision.code, 500172u);
  EXPECT_EQ(decision.message,
            "Certificate 'CN=late' issued by 'CN=Sub' is not valid. Current time: '2026-06-01T12:00:00Z'. "
            "Certificate NotBefore: '2026-01-01T00:00:00Z'. Certificate NotAfter: '2026-05-01T00:00:00Z'.");
}

TEST_P(CbaTest, C8CasThatExpiredOrAreRevoked) {
  publish("/root.crl",
          of("Root", 1, {{std::uint64_t{sub_->view().serial.back()}, CrlReason::ca_compromise}}));
  EXPECT_CODE(decide(leaf_), 500183u);
  issuers_.clear();
  trust(root_);
  trust(pki_.make({.subject = "Sub", .issuer = "Root", .until = parse_time("2026-05-01").value()}));
  EXPECT_CODE(decide(leaf_), 500176u);
}

TEST_P(CbaTest, C9TheFirstTenCasAreChecked) {
  issuers_.clear();
  std::string above;
  // CA 12 is the root; CA 1 issues the leaf. The CRL of CA n is about CA n-1.
  CertificatePtr eleventh;
  for (int i = 12; i >= 1; --i) {
    const std::string name = fmt::format("CA {}", i), path = fmt::format("/{}.crl", i);
    const auto ca = pki_.make({.subject = name, .issuer = above, .serial = std::uint64_t(i) + 200});
    trust(ca, web_.url(path));
    publish(path, of(name));
    above = name;
  }
  publish("/12.crl", of("CA 12", 1, {{211, CrlReason::ca_compromise}}));
  publish("/11.crl", of("CA 11", 1, {{210, CrlReason::ca_compromise}}));
  const auto leaf = pki_.leaf("deep", "CA 1");
  const Decision decision = decide(leaf);
  EXPECT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_EQ(decision.checks.size(), 10u);
  EXPECT_EQ(web_.count("/10.crl"), 1);
  EXPECT_EQ(web_.count("/11.crl"), 0) << "what CA 11 revoked is not asked about";
  EXPECT_THAT(decision.notes, testing::Contains(HasSubstr("2 certificate(s) further up were not checked")));
  profile_.path.refuse_unchecked_issuers = true;
  EXPECT_FALSE(decide(leaf).accepted);
  profile_.path.refuse_unchecked_issuers = false;
  profile_.path.checked_issuers = 11;
  EXPECT_CODE(decide(leaf), 500183u);
}

TEST_P(CbaTest, C10AndC11AnyCheckedCaCounts) {
  web_.fail("/root.crl", "404 Not Found");
  EXPECT_CODE(decide(leaf_), 500173u);
  later();
  // The root's CRL is for what it issued, not for itself.
  publish("/root.crl",
          of("Root", 1, {{std::uint64_t{root_->view().serial.back()}, CrlReason::key_compromise}}));
  EXPECT_ACCEPTED(decide(leaf_));
}

// ---- Download

TEST_P(CbaTest, D1TheRecordHasEverything) {
  const Decision decision = decide(leaf_);
  ASSERT_TRUE(decision.accepted) << to_text(decision);
  EXPECT_EQ(decision.trust, "list");
  ASSERT_EQ(decision.checks.size(), 2u);
  const Check& check = decision.checks[1];
  EXPECT_EQ(check.subject, "CN=leaf");
  ASSERT_EQ(check.steps.size(), 1u);
  const Step& step = check.steps[0];
  EXPECT_EQ(step.url, web_.url("/sub.crl"));
  EXPECT_EQ(step.status, 200u);
  EXPECT_GT(step.octets, 100u);
  EXPECT_FALSE(step.cached);
  EXPECT_EQ(step.number, "01");
  EXPECT_EQ(step.age, hours(1));
  EXPECT_EQ(check.unseen_until, kNow + hours(24));
  EXPECT_EQ(decision.unseen_until(), kNow + hours(24));
  const Value log = to_log(decision);
  EXPECT_EQ(*log.find("cache_hit")->boolean(), false);
  EXPECT_EQ(log.find("urls")->list_items()->size(), 2u);
  EXPECT_THAT(to_text(decision), HasSubstr("a revocation may stay unseen until 2026-06-02T12:00:00Z"));
}

TEST_P(CbaTest, D2ErrorsOfTheServer) {
  for (const char* status : {"403 Forbidden", "404 Not Found", "500 Internal Server Error", "302 Found"}) {
    web_.fail("/sub.crl", status, "Location: /root.crl\r\n");
    forget_everything();
    const Decision decision = decide(leaf_);
    EXPECT_EQ(decision.code, 500173u) << status;
    EXPECT_THAT(decision.message,
                HasSubstr("Invalid status code " + std::string(status).substr(0, 3) + " from"));
  }
}

TEST_P(CbaTest, D3NobodyThere) {
  configure_sub(net::test::refused_url("/sub.crl"));
  const Decision refused = decide(leaf_);
  EXPECT_EQ(refused.code, 2205012u) << to_text(refused);
  EXPECT_EQ(refused.name, "crl.unreachable");
  configure_sub("http://no-such-host.invalid/sub.crl");
  EXPECT_CODE(decide(leaf_), 2205012u);
}

TEST_P(CbaTest, D4TimeIsCountedInAll) {
  profile_.crl.interactive_time = milliseconds(400);
  const Buffer whole = crl(of("Sub"));
  // An octet every 20 ms: never idle, and not ready in time.
  web_.on("/sub.crl", [&](Client& client) {
    client.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.size()));
    for (const std::uint8_t octet : Bytes(whole).first(60)) {
      client.send(as_text({&octet, 1}));
      client.sleep(milliseconds(20));
    }
    client.send(as_text(Bytes(whole).subspan(60)));
  });
  const auto begun = std::chrono::steady_clock::now();
  const Decision decision = decide(leaf_);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(1));
  EXPECT_EQ(decision.code, 2205012u) << to_text(decision);
  EXPECT_THAT(decision.message, HasSubstr("'" + web_.url("/sub.crl") + "'"));
  // D7: while it runs.
  EXPECT_CODE(decide(leaf_), 2205013u);
  // D6: it went on in the background.
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/sub.crl"), 1);
}

TEST_P(CbaTest, D5AndD6SizesToTheOctet) {
  issuers_.clear();
  trust(root_);
  trust(sub_, web_.url("/sub.crl"));
  const Buffer whole = crl(of("Sub"));
  for (const std::size_t limit : {whole.size(), whole.size() + 1}) {
    profile_.crl.interactive_size = limit;
    EXPECT_ACCEPTED(with_sub_crl(whole)) << limit;
  }
  profile_.crl.interactive_size = whole.size() - 1;
  const Decision announced = with_sub_crl(whole);
  EXPECT_EQ(announced.code, 2205014u) << to_text(announced);
  EXPECT_THAT(announced.message, HasSubstr(web_.url("/sub.crl")));
  EXPECT_THAT(announced.message, HasSubstr(fmt::format("({} bytes)", whole.size() - 1)));
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_EQ(web_.count("/sub.crl"), 3) << "one download for each of the three";

  // Without a length, in chunks.
  web_.on("/sub.crl", [whole](Client& client) {
    client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const std::uint8_t octet : whole) client.send(fmt::format("1\r\n{}\r\n", as_text({&octet, 1})));
    client.send("0\r\n\r\n");
  });
  forget_everything();
  EXPECT_CODE(decide(leaf_), 2205014u);
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_ACCEPTED(decide(leaf_));

  // Above the background limit too: every sign-in fails.
  profile_.crl.background_size = whole.size() - 1;
  profile_.crl.interactive_size = whole.size() - 2;
  forget_everything();
  EXPECT_CODE(decide(leaf_), 2205014u);
  ASSERT_TRUE(party().drain(seconds(10)));
  const Decision too_large = decide(leaf_);
  EXPECT_EQ(too_large.name, "crl.too_large") << to_text(too_large);
  EXPECT_THAT(too_large.message, HasSubstr(fmt::format("({} bytes)", whole.size() - 1)));
  later();
  EXPECT_CODE(decide(leaf_), 2205014u);
}

TEST_P(CbaTest, D5WhatIsDecodedCounts) {
  profile_.crl.interactive_size = 1 << 20;
  profile_.crl.background_size = 2 << 20;
  const Buffer bomb = zeros_in_gzip(4 << 20);
  ASSERT_LT(bomb.size(), 100'000u);
  web_.serve("/sub.crl", bomb, "Content-Encoding: gzip\r\n");
  EXPECT_CODE(decide(leaf_), 2205014u);
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_EQ(decide(leaf_).name, "crl.too_large");
}

TEST_P(CbaTest, D8TheBackgroundHasATimeToo) {
  profile_.crl.interactive_time = milliseconds(100);
  profile_.crl.background_time = milliseconds(400);
  web_.silence("/sub.crl");
  EXPECT_CODE(decide(leaf_), 2205012u);
  ASSERT_TRUE(party().drain(seconds(10)));
  EXPECT_CODE(decide(leaf_), 500179u);
}

TEST_P(CbaTest, D9WhatIsNoDer) {
  const Buffer good = crl(of("Sub"));
  const std::string text = "-----BEGIN X509 CRL-----\n" + to_base64(good) + "\n-----END X509 CRL-----\n";
  Buffer indefinite = good, trailing = good, long_length = good;
  indefinite[1] = 0x80;
  trailing.push_back(0);
  ASSERT_EQ(good[1], 0x81);  // 128 to 255 octets: a length of one octet more is not minimal
  long_length[1] = 0x82;
  long_length.insert(long_length.begin() + 2, 0);
  for (const Buffer& bad : {to_buffer(as_bytes(text)), to_buffer(as_bytes("<html>an error page</html>")),
                            indefinite, trailing, long_length, to_buffer(Bytes(good).first(good.size() - 1))})
    EXPECT_CODE(with_sub_crl(bad), 2205011u);
}

TEST_P(CbaTest, D10AndD11WhatIsDerAndNoUse) {
  EXPECT_CODE(with_sub_crl(Buffer{}), 500174u);
  auto critical = of("Sub");
  critical.extensions = {x509::make_extension(x509::Oid{1, 2, 3, 4}, true, {0x05, 0x00})};
  EXPECT_CODE(with_sub_crl(critical), 500174u);
  for (const bool indirect : {true, false}) {
    x509::IssuingDistributionPoint point;
    point.indirect_crl = indirect;
    if (!indirect) point.only_some_reasons = 2;
    auto partial = of("Sub");
    partial.extensions = {x509::make_extension(oid::kIssuingDistributionPoint, true,
                                               x509::encode_issuing_distribution_point(point))};
    EXPECT_CODE(with_sub_crl(partial), 500174u);
  }
  web_.on("/sub.crl", [whole = crl(of("Sub"))](Client& client) {
    client.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.size() + 10));
    client.send(as_text(whole));
  });
  forget_everything();
  EXPECT_CODE(decide(leaf_), 500174u);
  EXPECT_TRUE(cache_->of_issuer(leaf_->issuer_key()).empty()) << "never cached";
}

// ---- Whom a CRL is bound to

TEST_P(CbaTest, B1ToB6ItsCaSignedIt) {
  auto foreign = of("Sub");
  foreign.signed_by = "thief";
  const Decision other_key = with_sub_crl(foreign);
  EXPECT_EQ(other_key.code, 2205015u);
  EXPECT_THAT(other_key.message,
              HasSubstr("The expected SubjectKeyIdentifier " + to_hex(*sub_->subject_key_identifier) +
                        " doesn't match CRL's AuthorityKeyIdentifier "));
  auto nameless = of("Sub");
  nameless.key_identifier = false;
  const Decision no_key = with_sub_crl(nameless);
  EXPECT_EQ(no_key.code, 2205015u);
  EXPECT_THAT(no_key.message, HasSubstr("AuthorityKeyIdentifier . Please"));
  Buffer damaged = crl(of("Sub"));
  damaged.back() ^= 1;
  EXPECT_CODE(with_sub_crl(damaged), 2205015u);
  EXPECT_CODE(with_sub_crl(of("Root")), 2205015u);

  // A CA that must not sign CRLs.
  issuers_.pop_back();
  trust(pki_.make({.subject = "Sub", .issuer = "Root", .usage = x509::key_cert_sign}), web_.url("/sub.crl"));
  EXPECT_CODE(with_sub_crl(of("Sub")), 2205015u);
}

TEST_P(CbaTest, B6TheOldKeyOfARenewedCa) {
  const auto renewed = pki_.make({.subject = "Sub", .key = "new", .issuer = "Root"});
  const auto leaf = pki_.make({.subject = "young", .issuer = "Sub", .signed_by = "new", .ca = false});
  issuers_.pop_back();
  trust(renewed, web_.url("/sub.crl"));
  EXPECT_CODE(decide(leaf), 2205015u);
  trust(sub_, web_.url("/sub.crl"));
  forget_everything();
  EXPECT_ACCEPTED(decide(leaf));
}

TEST_P(CbaTest, B7TheScopeMustFit) {
  auto scoped = of("Sub");
  scoped.extensions = {scope("HTTP" + web_.url("/sub.crl").substr(4))};
  EXPECT_ACCEPTED(with_sub_crl(scoped)) << "URLs compare without regard to case";
  scoped.extensions = {scope(web_.url("/other.crl"))};
  const Decision other = with_sub_crl(scoped);
  EXPECT_EQ(other.code, 500178u) << to_text(other);
  EXPECT_THAT(other.message, HasSubstr("segments for base"));
  scoped.extensions = {scope("", true)};
  EXPECT_CODE(with_sub_crl(scoped), 500178u);
}

// ---- Time

TEST_P(CbaTest, T1ToT5Times) {
  auto spec = of("Sub");
  spec.this_update = kNow + seconds(1);
  EXPECT_CODE(with_sub_crl(spec), 500172u);
  spec = of("Sub");
  spec.next_update = kNow;
  EXPECT_CODE(with_sub_crl(spec), 500172u) << "T5: nextUpdate itself is late";
  // T2: the cached one expires, and there is a newer one.
  EXPECT_ACCEPTED(with_sub_crl(of("Sub", 1)));
  clock_.advance(hours(24));
  publish("/root.crl", of("Root", 2));
  // T3: the same one again.
  const Decision same = decide(leaf_);
  EXPECT_EQ(same.code, 500172u) << to_text(same);
  EXPECT_EQ(same.name, "crl.expired");
  publish("/sub.crl", of("Sub", 2));
  EXPECT_ACCEPTED(decide(leaf_));
  // T4: no grace.
  clock_.advance(hours(24));
  publish("/root.crl", of("Root", 3));
  web_.fail("/sub.crl", "503 Busy");
  EXPECT_CODE(decide(leaf_), 500173u);
}

TEST_P(CbaTest, T7AnExpiredCrlStillProvesWhatItLists) {
  EXPECT_CODE(with_sub_crl(of("Sub", 1, {{1000, CrlReason::key_compromise}})), 500171u);
  clock_.advance(hours(24));
  publish("/root.crl", of("Root", 2));
  web_.fail("/sub.crl", "503 Busy");
  EXPECT_CODE(decide(leaf_), 500171u);
}

// ---- Numbers

TEST_P(CbaTest, V1ToV5NumbersRise) {
  EXPECT_ACCEPTED(with_sub_crl(of("Sub", 5)));
  const auto next_day = [&](const TestPki::CrlSpec& spec) {
    clock_.advance(hours(24));
    publish("/root.crl", of("Root", std::uint64_t(clock_.now().time_since_epoch().count())));
    auto moved = spec;
    moved.this_update = clock_.now() - hours(1);
    moved.next_update = clock_.now() + hours(24);
    publish("/sub.crl", moved);
    return decide(leaf_);
  };
  EXPECT_ACCEPTED(next_day(of("Sub", 6)));
  const Decision lower = next_day(of("Sub", 5));
  EXPECT_EQ(lower.code, 500174u) << to_text(lower);
  EXPECT_THAT(lower.message, HasSubstr("its number 05 is lower than 06"));
  EXPECT_CODE(next_day(of("Sub", 6)), 500174u) << "V3: the same number with other octets";
  EXPECT_ACCEPTED(next_day(of("Sub", 256))) << "V6: as numbers, not as text";
  EXPECT_ACCEPTED(next_day(of("Sub", 257)));
  EXPECT_CODE(next_day(of("Sub", 255)), 500174u);
  // V7: the mark survives that the CRLs are cleared away.
  ASSERT_TRUE(cache_->clear());
  EXPECT_CODE(next_day(of("Sub", 256)), 500174u);
  // V9: on purpose it is forgotten.
  const auto lines = cache_->lines();
  const auto line = std::ranges::find(lines, "CN=Sub", &ListedCrl::issuer);
  ASSERT_NE(line, lines.end());
  EXPECT_EQ(line->number, "0101") << "257, though no CRL of it is left";
  EXPECT_EQ(line->octets, 0u);
  ASSERT_TRUE(cache_->forget(line->line));
  EXPECT_ACCEPTED(next_day(of("Sub", 1)));
}

TEST_P(CbaTest, V4TheOldOneServesWhileItIsValid) {
  EXPECT_ACCEPTED(with_sub_crl(of("Sub", 5)));
  publish("/sub.crl", of("Sub", 4, {{1000, CrlReason::key_compromise}}));
  (void)party().refresh(profile_, std::vector{web_.url("/sub.crl")});
  EXPECT_ACCEPTED(decide(leaf_));
}

// ---- Base and delta

class CbaDeltaTest : public CbaTest {
 protected:
  CbaDeltaTest() { configure_sub(web_.url("/sub.crl"), web_.url("/delta.crl")); }
  TestPki::CrlSpec delta(std::uint64_t number, std::uint64_t base,
                         std::vector<std::pair<std::uint64_t, CrlReason>> revoked = {}) {
    auto spec = of("Sub", number, std::move(revoked));
    spec.extensions = {delta_of(base)};
    return spec;
  }
  Decision with(const TestPki::CrlSpec& base, const TestPki::CrlSpec& delta) {
    publish("/sub.crl", base);
    publish("/delta.crl", delta);
    forget_everything();
    return decide(leaf_);
  }
  using Revoked = std::vector<std::pair<std::uint64_t, CrlReason>>;
};

TEST_P(CbaDeltaTest, TheUnionDecides) {
  const Revoked leaf{{1000, CrlReason::superseded}}, held{{1000, CrlReason::certificate_hold}},
      removed{{1000, CrlReason::remove_from_crl}};
  const Decision good = with(of("Sub", 5), delta(6, 5));
  EXPECT_TRUE(good.accepted) << to_text(good);
  EXPECT_EQ(good.checks.back().steps.size(), 2u);
  EXPECT_CODE(with(of("Sub", 5), delta(6, 5, leaf)), 500171u);
  EXPECT_CODE(with(of("Sub", 5, leaf), delta(6, 5)), 500171u);
  EXPECT_CODE(with(of("Sub", 5, held), delta(6, 5)), 500171u);
  EXPECT_CODE(with(of("Sub", 5), delta(6, 5, held)), 500171u);
  EXPECT_ACCEPTED(with(of("Sub", 5, held), delta(6, 5, removed)));
}

TEST_P(CbaDeltaTest, BothMustBeThereAndValid) {
  auto expired = delta(6, 5), future = delta(6, 5), foreign = delta(6, 5);
  expired.next_update = kNow - seconds(1);
  future.this_update = kNow + hours(1);
  foreign.signed_by = "thief";
  EXPECT_CODE(with(of("Sub", 5), expired), 500172u);
  EXPECT_CODE(with(of("Sub", 5), future), 500172u);
  EXPECT_CODE(with(of("Sub", 5), foreign), 2205015u);
  auto old_base = of("Sub", 5);
  old_base.next_update = kNow - seconds(1);
  EXPECT_CODE(with(old_base, delta(6, 5)), 500172u);
  publish("/sub.crl", of("Sub", 5));
  web_.fail("/delta.crl", "404 Not Found");
  forget_everything();
  EXPECT_CODE(decide(leaf_), 500173u);
  web_.serve("/delta.crl", as_bytes("<html>"));
  forget_everything();
  EXPECT_CODE(decide(leaf_), 2205011u);
  publish("/delta.crl", delta(6, 5));
  web_.fail("/sub.crl", "404 Not Found");
  forget_everything();
  EXPECT_CODE(decide(leaf_), 500173u);
  publish("/sub.crl", of("Sub", 5));
  auto large = delta(6, 5);
  for (std::uint64_t serial = 1; serial <= 50; ++serial)
    large.revoked.emplace_back(serial, CrlReason::superseded);
  publish("/delta.crl", large);
  profile_.crl.interactive_size = 1'000;
  forget_everything();
  EXPECT_CODE(decide(leaf_), 2205014u);
}

TEST_P(CbaDeltaTest, OneThatIsBehindIsFetchedOnceMore) {
  EXPECT_ACCEPTED(with(of("Sub", 5), delta(6, 5)));
  // The delta expires; the new one continues a base that is not cached yet.
  clock_.advance(hours(12));
  auto longer = of("Sub", 7);
  publish("/sub.crl", longer);
  publish("/delta.crl", delta(8, 7));
  clock_.advance(hours(11));
  EXPECT_ACCEPTED(decide(leaf_));
  ASSERT_TRUE(cache_->clear());
  EXPECT_ACCEPTED(decide(leaf_));
  EXPECT_CODE(with(of("Sub", 5), delta(9, 8)), 500178u) << "the base there is behind, too";
  EXPECT_ACCEPTED(with(of("Sub", 9), delta(8, 7))) << "a delta that is older says nothing new";
}

TEST_P(CbaDeltaTest, EachAtItsPlace) {
  EXPECT_CODE(with(of("Sub", 5), of("Sub", 6)), 500178u) << "a whole CRL where the delta should be";
  EXPECT_CODE(with(delta(6, 5), delta(6, 5)), 500178u) << "a delta where the base should be";
  auto scoped = delta(6, 5);
  scoped.extensions.push_back(scope(web_.url("/sub.crl")));
  EXPECT_CODE(with(of("Sub", 5), scoped), 500178u) << "another scope";
}

TEST_P(CbaTest, ADeltaThatIsOnlyAnnouncedIsNotAskedFor) {
  auto announcing = of("Sub");
  announcing.extensions = {freshest(web_.url("/delta.crl"))};
  EXPECT_ACCEPTED(with_sub_crl(announcing));
  EXPECT_EQ(web_.count("/delta.crl"), 0);
}

TEST_P(CbaTest, AnApplicationHasItsOwnCode) {
  publish("/sub.crl", of("Sub", 1, {{1000, CrlReason::key_compromise}}));
  Question question{.chain = {to_buffer(leaf_->der())}};
  EXPECT_CODE(party().decide(question, profile_), 500171u);
  question.application = true;
  EXPECT_CODE(party().decide(question, profile_), 7000214u);
}

TEST_P(CbaTest, WhatIsNoCertificateIsADecisionToo) {
  const Decision none = party().decide({}, profile_);
  EXPECT_EQ(none.name, "certificate.malformed");
  EXPECT_THAT(none.message, HasSubstr("no certificate was sent"));
  EXPECT_EQ(party().decide({.chain = {Buffer{0x30, 0x03}}}, profile_).name, "certificate.malformed");
}

INSTANTIATE_TEST_SUITE_P(Kept, CbaTest, kBoth, testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Kept, CbaDeltaTest, kBoth, testing::PrintToStringParamName());

}  // namespace
}  // namespace vouch::relying
