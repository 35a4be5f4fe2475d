// Requests and certificates at work, and what is printed of what strangers wrote.
#include "cli/test_commands.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST_F(Commands, AnIssuedRequestGivesItsCertificate) {
  set_up();
  const Ran to_file = must({"request", "submit", request(), "--ca", "Issuing", "--template", "WebServer",
                            "--out", shell_.path("web.pem"), "--chain"});
  EXPECT_THAT(to_file.out, ContainsRegex("request [0-9]+ is issued: serial [0-9a-f]+, certificate in "));
  EXPECT_EQ(parse_pem(shell_.read("web.pem"))->size(), 3u) << "certificate, issuing CA, root";
  const Ran to_stdout =
      must({"request", "submit", request("two"), "--ca", "Issuing", "--template", "WebServer"});
  EXPECT_THAT(to_stdout.out, StartsWith("-----BEGIN CERTIFICATE-----\n"));
  EXPECT_THAT(to_stdout.err, HasSubstr("is issued"));
  const Ran quiet =
      must({"request", "submit", request("three"), "--ca", "Issuing", "--template", "WebServer", "--quiet"});
  EXPECT_THAT(quiet.err, IsEmpty());
}

TEST_F(Commands, APendingRequestIsApprovedDeniedOrRetrieved) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  must({"template", "publish", "WebServer"});
  Ran ran = vouch({"request", "submit", request("one"), "--template", "WebServer"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("is pending"), HasSubstr("vouch request approve 1")));
  EXPECT_EQ(vouch({"request", "retrieve", "1"}).code, 3);
  EXPECT_THAT(must({"request", "list", "--state", "pending"}).out,
              AllOf(HasSubstr("ID"), HasSubstr("alice")));
  must({"request", "approve", "1", "--out", shell_.path("one.pem")});
  EXPECT_THAT(shell_.read("one.pem"), StartsWith("-----BEGIN CERTIFICATE-----\n"));
  EXPECT_EQ(must({"request", "retrieve", "1", "--quiet"}).out, shell_.read("one.pem"));
  ran = vouch({"request", "approve", "1"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("[conflict]"));

  EXPECT_EQ(vouch({"request", "submit", request("two"), "--template", "WebServer"}).code, 3);
  must({"request", "deny", "2", "--reason", "not our domain"});
  ran = vouch({"request", "retrieve", "2"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("denied"), HasSubstr("not our domain"), HasSubstr("vouch why 2")));
  EXPECT_THAT(must({"why", "2"}).out, HasSubstr("not our domain"));
}

TEST_F(Commands, ADeniedRequestSaysRuleExpectedReceivedAndMend) {
  set_up();
  const Ran ran = vouch({"request", "submit", request("upn", {"UPN:admin@example.com"}), "--ca", "Issuing",
                         "--template", "WebServer"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("is denied"), HasSubstr("rule:"), HasSubstr("expected:"),
                             HasSubstr("received:"), HasSubstr("mend:"), HasSubstr("vouch why")));
}

TEST_F(Commands, TheSanAttributeIsNeverUsed) {
  set_up();
  const Ran ran = must({"request", "submit", request(), "--ca", "Issuing", "--template", "WebServer",
                        "--attr", "san=DNS:admin.example.com", "--out", shell_.path("web.pem")});
  EXPECT_THAT(ran.err, HasSubstr("never used"));
  EXPECT_THAT(must({"cert", "show", shell_.path("web.pem")}).out, Not(HasSubstr("admin.example.com")));
  EXPECT_EQ(vouch({"request", "submit", request("x"), "--attr", "nonsense", "--ca", "Issuing"}).code, 2);
}

TEST_F(Commands, CertificatesAreFoundRevokedHeldAndReleased) {
  set_up();
  const std::string serial = issue("web"), other = issue("mail");
  EXPECT_THAT(must({"cert", "show", serial}).out,
              AllOf(HasSubstr("www.example.com"), HasSubstr("In the database:")));
  EXPECT_THAT(must({"cert", "list"}).out, AllOf(HasSubstr(serial), HasSubstr(other)));
  EXPECT_THAT(must({"cert", "list", "--subject", "MAIL"}).out,
              AllOf(Not(HasSubstr(serial)), HasSubstr(other)));
  EXPECT_THAT(must({"cert", "find", "cn=web"}).out, HasSubstr(serial));
  EXPECT_THAT(must({"cert", "find", serial}).out, HasSubstr(serial));
  const Value shown = json({"cert", "show", serial});
  const Value& certificate = *shown.find("certificates")->list_items()->front().find("certificate");
  EXPECT_THAT(must({"cert", "find", *certificate.find("fingerprint_sha256")->text()}).out, HasSubstr(serial));
  EXPECT_THAT(must({"cert", "find", *certificate.find("fingerprint_sha1")->text()}).out, HasSubstr(serial));
  EXPECT_EQ(vouch({"cert", "find", "nobody"}).code, 1);

  must({"cert", "revoke", shell_.path("web.pem"), "--reason", "certificateHold"});
  EXPECT_THAT(must({"cert", "show", serial}).out, HasSubstr("on hold"));
  must({"cert", "release", serial});
  EXPECT_EQ(vouch({"cert", "release", serial}).code, 1) << "it is not on hold now";
  shell_.clock.advance(std::chrono::hours(48));
  must({"cert", "revoke", serial, "--reason", "keyCompromise", "--invalid-since", "2026-11-19"});
  const Ran again = vouch({"cert", "revoke", serial, "--reason", "superseded"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.err, HasSubstr("[conflict]"));
  EXPECT_EQ(vouch({"cert", "revoke", other, "--reason", "boredom"}).code, 2);
  EXPECT_EQ(vouch({"cert", "revoke", other, "--reason", "removeFromCRL"}).code, 2);
  EXPECT_THAT(must({"cert", "list", "--revoked"}).out, AllOf(HasSubstr(serial), Not(HasSubstr(other))));
  EXPECT_EQ(must({"cert", "export", other}).out, shell_.read("mail.pem"));

  const Value published = json({"crl", "publish", "--ca", "Issuing"});
  const Value& crl = published.find("crls")->list_items()->front();
  EXPECT_EQ(*crl.find("entries")->integer(), 1);
  const std::string file = *crl.find("files")->list_items()->front().text();
  const std::string issuer = shell_.file("issuing.pem", must({"ca", "export", "--ca", "Issuing"}).out);
  EXPECT_THAT(must({"crl", "show", file, "--ca", issuer}).out,
              AllOf(HasSubstr(serial), HasSubstr("keyCompromise"), HasSubstr("signature: good")));
  const std::string wrong = shell_.file("root.pem", must({"ca", "export", "--ca", "Root"}).out);
  EXPECT_EQ(vouch({"crl", "show", file, "--ca", wrong}).code, 4);
  Buffer flipped = read_file(file).value();
  flipped.back() ^= 1;
  EXPECT_EQ(vouch({"crl", "show", shell_.file("bad.crl", as_text(flipped)), "--ca", issuer}).code, 4);
}

TEST_F(Commands, ACertificateFromElsewhereIsShownAndNotRevoked) {
  set_up();
  Shell other;
  ASSERT_EQ(other.run({"ca", "init", "--name", "Foreign", "--kind", "root"}).code, 0);
  const std::string foreign = shell_.file("foreign.pem", other.run({"ca", "export"}).out);
  EXPECT_THAT(must({"cert", "show", foreign}).out, HasSubstr("CN=Foreign"));
  const Ran ran = vouch({"cert", "revoke", foreign, "--reason", "superseded"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("was not issued here"));
}

TEST_F(Commands, WhyTellsTheDecisionByRequestSerialAndFingerprint) {
  set_up();
  const std::string serial = issue();
  const Value shown = json({"cert", "show", serial});
  const Value& one = shown.find("certificates")->list_items()->front();
  const std::string id = fmt::format("{}", *one.find("record")->find("request")->integer());
  const std::string print = *one.find("certificate")->find("fingerprint_sha256")->text();
  const std::string by_id = must({"why", id}).out;
  EXPECT_THAT(by_id, AllOf(HasSubstr("key."), HasSubstr(serial), HasSubstr("issued")));
  EXPECT_EQ(must({"why", serial}).out, by_id);
  EXPECT_EQ(must({"why", print}).out, by_id);
  EXPECT_EQ(vouch({"why", "999"}).code, 1);
}

TEST_F(Commands, InputThatIsSomethingElseIsNamed) {
  set_up();
  const std::string nonsense = shell_.file("nonsense", "hello\n");
  const std::string key = shell_.file("key.pem", to_pem("PRIVATE KEY", as_bytes("abc")));
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"cert", "show", nonsense},
           {"crl", "show", nonsense},
           {"request", "submit", nonsense, "--ca", "Root"},
           {"ca", "sign", nonsense, "--out", shell_.path("o"), "--ca", "Root"},
           {"template", "add", "--from", nonsense},
           {"cert", "show", key},
           {"request", "submit", key, "--ca", "Root"}}) {
    const Ran ran = vouch(words);
    EXPECT_EQ(ran.code, 1) << testing::PrintToString(words);
    EXPECT_THAT(ran.out, IsEmpty());
    EXPECT_THAT(ran.err, ContainsRegex("nonsense|key\\.pem")) << "the file is named";
  }
}

TEST_F(Commands, ASubjectCannotSteerTheTerminal) {
  must({"ca", "init", "--name", "Root", "--kind", "root", "--automatic-issuance"});
  const std::string evil = "CN=evil\\1b[2J\\0aState: issued\\e2\\80\\ae,O=X";
  const std::string file = shell_.file("evil.csr", pem_request(shell_.provider(), evil, {"DNS:e.example"}));
  const Ran submit = vouch({"request", "submit", file, "--out", shell_.path("evil.pem")});
  std::string seen = submit.out + submit.err;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"request", "show", "1"},
                                             {"why", "1"},
                                             {"cert", "list"},
                                             {"request", "list"},
                                             {"cert", "list", "--json"}})
    seen += vouch(words).out;
  if (submit.code == 0) seen += must({"cert", "show", shell_.path("evil.pem")}).out;
  EXPECT_THAT(seen, HasSubstr("evil"));
  EXPECT_THAT(seen, Not(HasSubstr("\x1b")));
  EXPECT_THAT(seen, Not(HasSubstr("\nState: issued\xe2")));
  EXPECT_THAT(seen, Not(HasSubstr("\xe2\x80\xae")));
}

}  // namespace
}  // namespace vouch::cli
