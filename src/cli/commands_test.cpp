// Commands at work, in process: a root, a subordinate, requests, revocation; and that --json has exactly the
// keys that docs/reference/json.md promises.
#include <gmock/gmock.h>

#include <thread>

#include "base/pem.hpp"
#include "ca/key_waiting.hpp"
#include "cli/output.hpp"
#include "cli/test_cli.hpp"
#include "cms/signed_data.hpp"
#include "crypto/test_softhsm.hpp"
#include "daemon/gateway.hpp"
#include "daemon/test_service.hpp"
#include "enroll/scep/test_server.hpp"
#include "policy/certificate_template.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string pem_request(const crypto::Provider& provider, std::string_view subject,
                        const std::vector<std::string>& san = {}) {
  const auto key = provider.generate({}).value();
  std::vector<x509::Extension> extensions{
      x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(x509::digital_signature)),
      x509::make_extension(x509::oid::kExtendedKeyUsage, false,
                           x509::encode_extended_key_usage({x509::oid::kServerAuth}))};
  std::vector<x509::GeneralName> names;
  for (const std::string& text : san) names.push_back(x509::GeneralName::from_text(text).value());
  if (!names.empty())
    extensions.push_back(
        x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(names)));
  const Buffer name = x509::encode_name(x509::name_from_rfc4514(subject).value());
  const Buffer info = x509::encode_request_info({name, key->public_key_info(), extensions, {}});
  const auto algorithm = crypto::signature_algorithm_for({}, {}).value();
  const auto signer = key->signer(algorithm).value();
  return to_pem("CERTIFICATE REQUEST",
                x509::encode_request(info, x509::encode(algorithm), signer->sign(info).value()));
}

// The same in a message that somebody else signed.
std::string signed_request(const crypto::Provider& provider, std::string_view pem) {
  const Buffer content = parse_pem(pem).value().front().der;
  const auto key = provider.generate({}).value();
  const auto signer = key->signer(crypto::signature_algorithm_for({}, {}).value()).value();
  const Buffer identifier = crypto::key_identifier(provider, key->public_key_info()).value();
  cms::SignerInput by;
  by.signer = signer.get();
  by.identifier.key_identifier = identifier;
  cms::SignedDataInput input;
  input.content = content;
  return to_pem("CMS", cms::encode_signed_data(provider, input, std::span(&by, 1)).value());
}

// A home with a root "Root" and a subordinate "Issuing" that issues WebServer certificates at once.
class Commands : public testing::Test {
 protected:
  Ran vouch(std::vector<std::string> words) { return shell_.run(words); }
  // A command that the test builds upon.
  Ran must(std::vector<std::string> words) {
    Ran ran = shell_.run(words);
    EXPECT_EQ(ran.code, 0) << testing::PrintToString(words) << testing::PrintToString(ran);
    return ran;
  }
  Value json(std::vector<std::string> words, int code = 0) {
    words.emplace_back("--json");
    const Ran ran = shell_.run(words);
    EXPECT_EQ(ran.code, code) << testing::PrintToString(words) << testing::PrintToString(ran);
    auto value = parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out;
    return value ? *value : Value();
  }
  void set_up() {
    must({"ca", "init", "--name", "Root", "--kind", "root", "--subject-suffix", "O=Example"});
    must({"ca", "init", "--name", "Issuing", "--kind", "subordinate", "--parent", "Root",
          "--automatic-issuance"});
    must({"template", "publish", "--ca", "Issuing", "WebServer"});
  }
  std::string request(std::string_view name = "web",
                      const std::vector<std::string>& san = {"DNS:www.example.com"}) {
    return shell_.file(std::string(name) + ".csr",
                       pem_request(shell_.provider(), "CN=" + std::string(name) + ",O=Example", san));
  }
  // Issues a certificate and returns its serial.
  std::string issue(std::string_view name = "web") {
    const Value outcome = json({"request", "submit", request(name), "--ca", "Issuing", "--template",
                                "WebServer", "--out", shell_.path(std::string(name) + ".pem")});
    return outcome.find("serial") && outcome.find("serial")->text() ? *outcome.find("serial")->text()
                                                                    : "none";
  }
  template <class Check>
  void check_scep(const Check& check);

  Shell shell_;
};

TEST_F(Commands, RootAndSubordinateAreMadeShownListedAndExported) {
  const Ran root =
      must({"ca", "init", "--name", "Root", "--kind", "root", "--subject-suffix", "O=Example,C=DE"});
  EXPECT_THAT(root.out,
              AllOf(StartsWith("Root CA 'Root' is set up in "), HasSubstr("CN=Root,O=Example,C=DE"),
                    HasSubstr("SHA-256:"), HasSubstr(".crl"), HasSubstr(".crt"), HasSubstr("next: ")));
  EXPECT_THAT(root.err, HasSubstr("0600"));
  must(
      {"ca", "init", "--name", "Issuing", "--kind", "subordinate", "--parent", "Root", "--path-length", "0"});
  EXPECT_THAT(must({"ca", "list"}).out, AllOf(HasSubstr("Root"), HasSubstr("Issuing"), HasSubstr("ready")));
  EXPECT_THAT(must({"ca", "show", "--ca", "Issuing"}).out,
              AllOf(HasSubstr("Signed by:"), HasSubstr("CN=Root")));
  const std::string chain = must({"ca", "export", "--chain", "--ca", "Issuing"}).out;
  EXPECT_EQ(parse_pem(chain)->size(), 2u);
  const Ran der = must({"ca", "export", "--der", "--ca", "Root", "--out", shell_.path("root.der")});
  EXPECT_THAT(shell_.read("root.der"), StartsWith("\x30\x82"));
  EXPECT_EQ(vouch({"ca", "export", "--chain", "--der", "--ca", "Issuing"}).code, 2);
}

TEST_F(Commands, ASubordinateIsSignedThroughFiles) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  Shell other;
  const std::string request = shell_.path("sub.csr"), answer = shell_.path("sub.pem");
  const Ran init =
      other.run({"ca", "init", "--name", "Sub", "--kind", "subordinate", "--request-out", request});
  EXPECT_EQ(init.code, 0) << testing::PrintToString(init);
  EXPECT_THAT(init.out, AllOf(HasSubstr("waits for its certificate"), HasSubstr("next: ")));
  EXPECT_EQ(other.run({"ca", "export", "--request"}).out, shell_.read("sub.csr"));
  EXPECT_EQ(other.run({"request", "list"}).code, 0);
  Ran ran = other.run({"crl", "publish"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("has no certificate yet"));

  must({"ca", "sign", request, "--out", answer, "--path-length", "0", "--validity", "5y"});
  EXPECT_EQ(parse_pem(shell_.read("sub.pem"))->size(), 2u) << "the whole path";
  const Ran install = other.run({"ca", "install", answer});
  EXPECT_EQ(install.code, 0) << testing::PrintToString(install);
  EXPECT_THAT(install.out, HasSubstr("Root SHA-256:"));
  EXPECT_EQ(other.run({"ca", "install", answer}).code, 1) << "it waits for nothing now";
}

TEST_F(Commands, AParentInAnotherHomeSignsAtOnce) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  Shell other;
  const Ran ran = other.run({"ca", "init", "--name", "Sub", "--kind", "subordinate", "--parent",
                             shell_.home().string(), "--validity", "2y"});
  EXPECT_EQ(ran.code, 0) << testing::PrintToString(ran);
  EXPECT_THAT(ran.out, HasSubstr("CN=Root"));
}

TEST_F(Commands, AParentThatCannotSignLeavesNothingBehind) {
  const Ran ran = vouch({"ca", "init", "--name", "Sub", "--kind", "subordinate", "--parent", "Nobody"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_FALSE(fs::exists(shell_.home()));
}

TEST_F(Commands, KeysArePassphraseProtectedFromFileOrEnvironment) {
  const std::string secret = shell_.file("secret", "correct horse\nsecond line\n");
  must({"ca", "init", "--name", "Root", "--kind", "root", "--key-passphrase-file", secret});
  Ran ran = vouch({"crl", "publish"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("[denied]"), HasSubstr("VOUCH_KEY_PASSPHRASE"), Not(HasSubstr("horse"))));
  must({"crl", "publish", "--key-passphrase-file", secret});
  shell_.variables["VOUCH_KEY_PASSPHRASE"] = "correct horse";
  must({"crl", "publish"});
  shell_.variables["VOUCH_KEY_PASSPHRASE"] = "wrong";
  EXPECT_EQ(vouch({"crl", "publish"}).code, 1);
}

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

TEST_F(Commands, TemplatesAreEditedPublishedAndKeepTheirHistory) {
  set_up();
  EXPECT_THAT(must({"template", "list"}).out, AllOf(HasSubstr("WebServer"), HasSubstr("Issuing")));
  const std::string before = must({"template", "show", "WebServer"}).out;
  // Neither of the first two would be accepted alone.
  must({"template", "set", "WebServer", "validity=30d", "renewal_period=10d", "key.minimum_rsa_bits=3072"});
  const std::string after = must({"template", "show", "WebServer"}).out;
  EXPECT_NE(before, after);
  EXPECT_THAT(after, HasSubstr("3072"));
  EXPECT_EQ(json({"template", "show", "WebServer", "--history"}).find("versions")->list_items()->size(), 2u)
      << "one call, one version";
  Ran ran = vouch({"template", "set", "WebServer", "validty=30d"});
  EXPECT_NE(ran.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("validity"));
  ran = vouch({"template", "set", "WebServer", "validity=40d", "key.minimum_rsa_bits=512"});
  EXPECT_EQ(ran.code, 1) << "all or nothing";
  EXPECT_EQ(must({"template", "show", "WebServer"}).out, after);

  ran = vouch({"template", "show", "Web Server"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("WebServer"));
  EXPECT_EQ(vouch({"template", "add", "--from", shell_.file("w.toml", after)}).code, 1) << "it exists";
  must({"template", "add", "--from", shell_.path("w.toml"), "--replace"});
  EXPECT_EQ(vouch({"template", "remove", "WebServer"}).code, 1) << "it is published";
  must({"template", "withdraw", "WebServer", "--ca", "Issuing"});
  must({"template", "remove", "WebServer"});
  EXPECT_EQ(vouch({"template", "show", "WebServer"}).code, 1);
}

TEST_F(Commands, TemplatesAreCopiedAndTheirVersionsShown) {
  set_up();
  must({"template", "add", "Intranet", "--from", "WebServer"});
  EXPECT_THAT(must({"template", "show", "Intranet"}).out,
              AllOf(HasSubstr("name = \"Intranet\""), HasSubstr("display_name = \"Copy of Web Server\"")));
  must({"template", "set", "Intranet", "validity=30d", "renewal_period=10d"});
  must({"template", "set", "Intranet", "--reenroll"});
  must({"template", "set", "Intranet", "validity=20d"});
  EXPECT_EQ(must({"template", "history", "Intranet"}).out,
            must({"template", "show", "Intranet", "--history"}).out);
  EXPECT_THAT(must({"template", "history", "Intranet"}).out,
              AllOf(HasSubstr("100.0"), HasSubstr("100.1"), HasSubstr("101.0"), HasSubstr("101.1")));
  EXPECT_THAT(must({"template", "show", "Intranet", "--version", "100.1"}).out,
              HasSubstr("validity = \"30d\""));
  EXPECT_THAT(must({"template", "show", "Intranet", "--version", "101"}).out,
              HasSubstr("validity = \"20d\""));
  EXPECT_THAT(must({"template", "show", "Intranet", "--version", "100.0"}).out,
              HasSubstr("validity = \"1y\""));
  EXPECT_THAT(vouch({"template", "show", "Intranet", "--version", "9.9"}).err,
              HasSubstr("there is no version 9.9 of template 'Intranet'"));
  EXPECT_EQ(vouch({"template", "show", "Intranet", "--version", "1.x"}).code, 2);
  EXPECT_EQ(vouch({"template", "set", "Intranet"}).code, 2) << "nothing to change";
  EXPECT_EQ(vouch({"template", "add", "Other", "--from", "NoSuchTemplate"}).code, 1);
  EXPECT_THAT(must({"template", "show", "Intranet", "--attributes"}).out,
              AllOf(HasSubstr("cn: Intranet"), HasSubstr("msPKI-Certificate-Name-Flag: 1"),
                    HasSubstr("revision: 101"), HasSubstr("msPKI-Template-Minor-Revision: 1")));
}

TEST_F(Commands, ATemplateIsTriedWithoutATrace) {
  set_up();
  const std::string before = must({"request", "list", "--json"}).out;
  Ran ran =
      vouch({"template", "test", "WebServer", request(), "--ca", "Issuing", "--out", shell_.path("dry.pem")});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.err, AllOf(HasSubstr("would be issued"), HasSubstr("passed   key.type")));
  const auto blocks = parse_pem(shell_.read("dry.pem")).value();
  const auto certificate = x509::parse_certificate(blocks.at(0).der).value();
  EXPECT_EQ(x509::to_rfc4514(certificate.subject).value(), "CN=web,O=Example");
  // Nobody can use it: the signature is not the CA's.
  const auto ca = parse_pem(must({"ca", "export", "--ca", "Issuing"}).out).value();
  const auto issuer = x509::parse_certificate(ca.at(0).der).value();
  const auto algorithm = x509::parse_signature_algorithm(certificate.signature_algorithm).value();
  EXPECT_TRUE(equal(certificate.issuer, issuer.subject));
  EXPECT_FALSE(
      shell_.provider().verify(issuer.public_key_info, algorithm, certificate.tbs, certificate.signature));
  // Not published, waits for approval: exit code 3 as a submission would have.
  ran = vouch(
      {"template", "test", "ClientAuth", request(), "--ca", "Issuing", "--out", shell_.path("dry.pem")});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("would be pending"), HasSubstr("does not publish")));
  ran = vouch({"template", "test", "WebServer", request("bad", {"UPN:administrator@corp.example"}), "--ca",
               "Issuing"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("would be denied"), HasSubstr("san.identity")));
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_EQ(vouch({"template", "test", "NoSuch", request(), "--ca", "Issuing"}).code, 1);
  EXPECT_EQ(must({"request", "list", "--json"}).out, before) << "nothing is stored";
}

TEST_F(Commands, ConfigurationIsReadChangedAndChecked) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  EXPECT_EQ(must({"config", "get", "issuance.node"}).out, "1\n");
  must({"config", "set", "issuance.node", "7"});
  EXPECT_EQ(must({"config", "get", "issuance.node"}).out, "7\n");
  EXPECT_NE(vouch({"config", "set", "issuance.node", "700"}).code, 0);
  EXPECT_EQ(vouch({"config", "get", "issuance.nod"}).code, 2);
  must({"config", "check"});
  ASSERT_TRUE(write_file_atomic(shell_.home() / "vouch.toml", as_bytes("[issuance]\nnode = \"x\"\n")));
  const Ran ran = vouch({"config", "check"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.out, HasSubstr("vouch.toml"));
  EXPECT_EQ(vouch({"ca", "list"}).code, 1);
}

TEST_F(Commands, SeveralCasAskForAChoice) {
  set_up();
  Ran ran = vouch({"ca", "show"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("--ca"), HasSubstr("'Root'"), HasSubstr("'Issuing'")));
  ran = vouch({"ca", "show", "--ca", "Rot"});
  EXPECT_EQ(ran.code, 1);
  const std::string serial = issue();
  ran = vouch({"cert", "show", serial, "--ca", "Root"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("belongs to CA 'Issuing'"));
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

// ---- --json against its documentation ----

// docs/reference/json.md: a section per command or shape; a row per key: `path` | type | meaning. A type
// "→ name" stands for the keys of that shape.
class Documentation {
 public:
  struct Row {
    std::string path, type;
  };
  Documentation() {
    const auto text = read_file("docs/reference/json.md");
    EXPECT_TRUE(text) << "no docs/reference/json.md";
    std::string section;
    std::istringstream lines(text ? std::string(as_text(*text)) : "");
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("## ") || line.starts_with("### ")) {
        section = line.substr(line.find(' ') + 1);
        std::erase(section, '`');
      } else if (line.starts_with("| `")) {
        const auto path_end = line.find('`', 3);
        const auto type_start = line.find("| ", path_end) + 2;
        const auto type_end = line.find(" |", type_start);
        sections_[section].push_back(
            {line.substr(3, path_end - 3), line.substr(type_start, type_end - type_start)});
      }
    }
  }
  bool knows(const std::string& section) const { return sections_.contains(section); }

  // What the value has and the section does not, and the other way round; and kinds that differ.
  std::vector<std::string> differences(const std::string& section, const Value& value) const {
    std::map<std::string, std::string> expected;  // path → type
    expand(section, "", expected);
    std::vector<std::string> found;
    walk("", value, expected, found);
    return found;
  }
  // All paths of a section: a test that never meets a key proves nothing about it.
  std::vector<std::string> all_paths(const std::string& section) const {
    std::map<std::string, std::string> expected;
    expand(section, "", expected);
    std::vector<std::string> paths;
    for (const auto& [path, type] : expected) paths.push_back(path);
    return paths;
  }
  static void collect(const std::string& path, const Value& value, std::map<std::string, bool>& seen) {
    if (!path.empty()) seen[path] = true;
    if (const auto* members = value.members())
      for (const auto& [key, member] : *members) collect(path.empty() ? key : path + "." + key, member, seen);
    if (const auto* items = value.list_items())
      for (const Value& item : *items) collect(path + "[]", item, seen);
  }

 private:
  void expand(const std::string& section, const std::string& prefix,
              std::map<std::string, std::string>& out) const {
    const auto found = sections_.find(section);
    if (found == sections_.end()) {
      ADD_FAILURE() << "json.md has no section " << section;
      return;
    }
    for (const Row& row : found->second) {
      const std::string path = prefix + row.path;
      const auto arrow = row.type.find("→ ");
      if (arrow == std::string::npos) {
        out[path] = row.type;
        continue;
      }
      const std::string rest = row.type.substr(arrow + 4);
      const auto or_null = rest.find(" or null");
      out[path] = or_null == std::string::npos ? "table" : "table or null";
      expand(rest.substr(0, or_null), path + ".", out);
    }
  }
  static std::string kind_of(const Value& value) {
    if (value.text()) return "text";
    if (value.integer()) return "number";
    if (value.boolean()) return "boolean";
    if (value.list_items()) return "list";
    return value.members() ? "table" : "null";
  }
  static void walk(const std::string& path, const Value& value,
                   const std::map<std::string, std::string>& expected, std::vector<std::string>& found) {
    if (path.contains(".parameters.")) return;  // the keys are those of the finding
    if (!path.empty()) {
      const auto row = expected.find(path);
      if (row == expected.end()) {
        found.push_back("not documented: " + path);
        return;
      }
      const std::string kind = kind_of(value);
      if (kind == "null" ? !row->second.contains("or null") : !row->second.starts_with(kind))
        found.push_back(fmt::format("{} is {}, documented as {}", path, kind, row->second));
    }
    if (const auto* members = value.members())
      for (const auto& [key, member] : *members)
        walk(path.empty() ? key : path + "." + key, member, expected, found);
    if (const auto* items = value.list_items())
      for (const Value& item : *items) walk(path + "[]", item, expected, found);
    if (value.members())  // every table has all its keys, each time
      for (const auto& [row_path, type] : expected) {
        const std::string prefix = path.empty() ? "" : path + ".";
        if (!row_path.starts_with(prefix)) continue;
        const std::string key = row_path.substr(prefix.size());
        if (key.empty() || key.contains('.') || key.contains("[]")) continue;
        if (!value.find(key))
          found.push_back(fmt::format("missing: {} in {}", key, path.empty() ? "the top" : path));
      }
  }
  std::map<std::string, std::vector<Row>> sections_;
};

// ---- roles and audit ----

TEST_F(Commands, AManagerOfATemplateAnAuditorAndTheRestAreKeptApart) {
  set_up();
  must({"template", "publish", "--ca", "Root", "WebServer", "ClientAuth"});
  must({"role", "grant", "manager", "bob", "--template", "WebServer"});
  must({"role", "grant", "auditor", "otto"});
  shell_.user = "eve";
  EXPECT_EQ(vouch({"request", "submit", request("one"), "--ca", "Root", "--template", "WebServer"}).code, 3);
  EXPECT_EQ(vouch({"request", "submit", request("two"), "--ca", "Root", "--template", "ClientAuth"}).code, 3);
  const auto refused = [&](std::vector<std::string> words, std::string_view part) {
    const Ran ran = vouch(words);
    EXPECT_EQ(ran.code, 1) << testing::PrintToString(words) << testing::PrintToString(ran);
    EXPECT_THAT(ran.err, HasSubstr(part)) << testing::PrintToString(words);
  };
  const std::string first = "2", second = "3";  // request 1 was the subordinate's
  refused({"request", "approve", first, "--ca", "Root"}, "eve may not approve requests of CA 'Root'");
  shell_.user = "bob";
  refused({"request", "approve", second, "--ca", "Root"}, "role manager for template ClientAuth");
  must({"request", "approve", first, "--ca", "Root", "--out", shell_.path("one.pem")});
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"template", "set", "WebServer", "validity=300d"},
                                             {"template", "publish", "--ca", "Root", "User"},
                                             {"template", "withdraw", "--ca", "Root", "WebServer"},
                                             {"template", "remove", "User"},
                                             {"role", "grant", "administrator", "bob"},
                                             {"role", "revoke", "auditor", "otto"},
                                             {"role", "separation", "on"},
                                             {"ca", "init", "--name", "Bob's", "--kind", "root"}})
    refused(words, "role administrator, which alice has");
  refused({"audit", "show"}, "role auditor");
  shell_.user = "otto";
  EXPECT_THAT(must({"audit", "show", "--actor", "bob"}).out, ContainsRegex("bob +template.withdraw.*denied"));
  must({"audit", "verify"});
  must({"request", "list"});
  refused({"request", "approve", second, "--ca", "Root"}, "role manager");
  refused({"request", "deny", second, "--ca", "Root", "--reason", "no"}, "role manager");
  refused({"cert", "revoke", shell_.path("one.pem"), "--reason", "superseded"}, "role manager");
  refused({"template", "publish", "--ca", "Root", "User"}, "role administrator");
}

TEST_F(Commands, WhoAskedDoesNotApproveWhereFourEyesAreOn) {
  set_up();
  must({"template", "publish", "--ca", "Root", "WebServer"});
  must({"role", "four-eyes", "on", "--ca", "Root"});
  must({"role", "grant", "manager", "bob"});
  EXPECT_EQ(vouch({"request", "submit", request(), "--ca", "Root", "--template", "WebServer"}).code, 3);
  const Ran refused = vouch({"request", "approve", "2", "--ca", "Root"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("four eyes have to see it"));
  shell_.user = "bob";
  must({"request", "approve", "2", "--ca", "Root", "--out", shell_.path("web.pem")});
}

TEST_F(Commands, TheHeadIsSignedAfterChangesAndWithoutThePassphraseItIsSaid) {
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  const auto size = [&] { return *json({"audit", "verify"}).find("covered")->integer(); };
  const std::int64_t before = size();
  EXPECT_GT(before, 0);
  must({"template", "publish", "WebServer"});
  EXPECT_GT(size(), before);
  // Requests are too many for a head each.
  const std::int64_t published = size();
  EXPECT_EQ(vouch({"request", "submit", request(), "--template", "WebServer"}).code, 3);
  EXPECT_EQ(size(), published);
  shell_.variables["VOUCH_HOME"] = shell_.path("encrypted");
  shell_.variables["VOUCH_KEY_PASSPHRASE"] = "secret words";
  must({"ca", "init", "--name", "Root", "--kind", "root"});
  shell_.variables.erase("VOUCH_KEY_PASSPHRASE");
  const Ran ran = must({"template", "publish", "WebServer"});
  EXPECT_THAT(ran.err, HasSubstr("the head of the audit log is not signed"));
}

TEST_F(Commands, APassphraseMayBeACredentialOfTheServiceManager) {
  shell_.variables["CREDENTIALS_DIRECTORY"] = shell_.path("credentials");
  fs::create_directory(shell_.path("credentials"));
  shell_.file("credentials/key-passphrase", "correct horse battery\n");
  must({"ca", "init", "--name", "Sealed", "--kind", "root"});
  const fs::path keys = shell_.home() / "keys";
  for (const auto& key : fs::directory_iterator(keys))
    EXPECT_THAT(std::string(as_text(read_file(key.path()).value())), HasSubstr("ENCRYPTED"));
  must({"crl", "publish", "--ca", "Sealed"});
  shell_.variables.erase("CREDENTIALS_DIRECTORY");
  EXPECT_NE(vouch({"crl", "publish", "--ca", "Sealed"}).code, 0);
}

// A device and its service: everything that `vouch scep` prints.
template <class Check>
void Commands::check_scep(const Check& check) {
  enroll::scep::ScepBench bench;
  bench.profile.challenge_approves = false;
  bench.profile.capabilities = "AES\nPOSTPKIOperation\n";
  const auto server = enroll::scep::TestServer::start(bench).value();
  const std::string url = server->url(), ra_key = "testdata/scep/ra.key", ra = "testdata/scep/ra.pem";
  const std::string ca = shell_.file("scep-ca.pem", to_pem("CERTIFICATE", bench.chain().front()));
  const std::string challenge = shell_.file("challenge", "secret\n"),
                    wrong = shell_.file("wrong", "nonsense\n");
  const std::string key = shell_.path("scep.key"), out = shell_.path("scep.pem"),
                    state = shell_.path("state");
  check("scep caps", {url});
  check("scep ca", {url, "--ca-file", ca, "--out", shell_.path("scep-all.pem")});
  const auto enroll = [&](std::vector<std::string> more, int code) {
    std::vector<std::string> words{url,     "--ca-file",     ca,        "--key", key,         "--out", out,
                                   "--san", "DNS:x.example", "--usage", "both",  "--subject", "CN=x"};
    words.insert(words.end(), more.begin(), more.end());
    return check("scep enroll", words, code);
  };
  enroll({"--challenge-file", wrong}, 1);
  enroll({"--challenge-file", challenge, "--state", state, "--save-message", shell_.path("sent.der")}, 3);
  const Value saved = parse_json(shell_.read("state")).value();
  const std::string own = shell_.file(
      "own.pem", to_pem("CERTIFICATE", from_base64(*saved.find("signing_certificate")->text()).value()));
  ASSERT_TRUE(bench.authority().approve(1, "manager"));
  check("scep poll", {state});
  net::Request http;
  http.method = net::Method::post;
  http.query = "operation=PKIOperation";
  const std::string sent = shell_.read("sent.der");
  http.body = sent;
  const std::string reply = shell_.file("reply.der", bench.responder()->answer(http).body.view());
  check("scep decode", {reply, "--key", key, "--certificate", own});
  check("scep decode", {"testdata/scep/strongswan.der", "--key", ra_key, "--certificate", ra});
  check("scep decode", {"testdata/scep/micromdm.der"});
  const Buffer message = read_file("testdata/scep/strongswan.der").value();
  check("scep decode", {shell_.file("cut.log", "sent " + to_base64(message).substr(0, 400))}, 4);
  check("scep replay", {shell_.path("sent.der"), url});
  check(
      "scep visitors",
      {"--access-log",
       shell_.file(
           "access.log",
           "2026-11-26 18:00:01 10.0.0.5 GET /scep operation=GetCACert 80 - 192.0.2.7 - - 200 0 0 1\n"
           "2026-11-26 18:00:02 10.0.0.5 POST /scep operation=PKIOperation 80 - 192.0.2.8 x - 200 0 0 1\n")});
}

TEST_F(Commands, JsonHasExactlyTheDocumentedKeys) {
  const Documentation documentation;
  std::map<std::string, std::map<std::string, bool>> seen;
  const auto check = [&](const std::string& command, std::vector<std::string> more, int code = 0) {
    std::vector<std::string> words;
    std::istringstream names(command);
    for (std::string word; names >> word;) words.push_back(word);
    words.insert(words.end(), more.begin(), more.end());
    const Value value = json(words, code);
    EXPECT_THAT(documentation.differences("vouch " + command, value), IsEmpty()) << command << "\n"
                                                                                 << to_json(value);
    Documentation::collect("", value, seen["vouch " + command]);
    return value;
  };
  check("ca init", {"--name", "Root", "--kind", "root"});
  const std::string capolicy =
      shell_.file("CAPolicy.inf",
                  "[Version]\nSignature=\"$Windows NT$\"\n[BasicConstraintsExtension]\nPathLength=3\nX=1\n");
  check("ca init", {"--name", "Policy Root", "--kind", "root", "--capolicy", capolicy});
  check("ca init",
        {"--name", "Issuing", "--kind", "subordinate", "--parent", "Root", "--automatic-issuance"});
  check("ca init", {"--name", "Sub", "--kind", "subordinate", "--request-out", shell_.path("sub.csr")});
  check("ca list", {});
  check("ca show", {"--ca", "Sub"});
  check("ca sign", {shell_.path("sub.csr"), "--ca", "Issuing", "--out", shell_.path("sub.pem")});
  check("ca install", {shell_.path("sub.pem")});
  // A parent that is a service: at first the request waits there.
  ca::TestBench far(ca::TestRoles::granted);
  ASSERT_TRUE(ca::init(far.environment(), far.root_options("Far Root")));
  const auto far_root = far.open("Far Root");
  ASSERT_TRUE(ca::publish_template(far.environment(), far_root->record().id, "SubCA", "admin"));
  {
    daemon::RunningService service(far);
    const std::string place = "unix:" + service.socket().string();
    const Value waits = check("ca init", {"--name", "Far", "--kind", "subordinate", "--parent", place}, 3);
    check("ca show", {"--ca", "Far"});
    check("ca install", {"--from-parent"}, 3);
    ASSERT_TRUE(far_root->approve(*waits.find("ca")->find("parent")->find("request")->integer(), "admin"));
    check("ca install", {"--from-parent"});
    check("ca renew", {"--ca", "Far", "--parent", place}, 3);
  }
  check("template publish", {"WebServer", "ClientAuth", "--ca", "Issuing"});
  check("template withdraw", {"ClientAuth", "--ca", "Issuing"});
  check("ca show", {"--ca", "Issuing"});
  check("template publish", {"WebServer", "--ca", "Root"});
  check("template list", {});
  check("template show", {"WebServer"});
  check("template set", {"WebServer", "validity=90d"});
  const std::string toml = shell_.file("w.toml", must({"template", "show", "WebServer"}).out);
  check("template add", {"--from", toml, "--replace"});
  check("template remove", {"User"});
  check("template history", {"User"});
  EXPECT_THAT(documentation.differences("vouch template show --attributes",
                                        json({"template", "show", "WebServer", "--attributes"})),
              IsEmpty());
  // A warning of lint fills its list: the purpose is not possible with the key usage.
  must({"template", "add", "Linted", "--from", "WebServer"});
  must({"template", "set", "Linted", "extended_key_usage=[\"serverAuth\", \"codeSigning\"]",
        "key_usage=[\"keyAgreement\"]", "purpose=encryption", "client.providers=[\"Software\"]"});
  check("template show", {"Linted"});
  check("template test", {"Linted", request("dry"), "--ca", "Issuing"});
  EXPECT_THAT(documentation.differences("vouch template show --history",
                                        json({"template", "show", "User", "--history"})),
              IsEmpty());
  const std::string out = shell_.path("web.pem");
  const Value issued = check("request submit", {request(), "--ca", "Issuing", "--template", "WebServer",
                                                "--out", out, "--attr", "ticket=42"});
  check("request submit", {request("bad", {"UPN:a@b"}), "--ca", "Issuing", "--template", "WebServer"}, 1);
  const Value pending =
      check("request submit", {request("two"), "--ca", "Root", "--template", "WebServer"}, 3);
  const Value waiting =
      check("request submit", {request("three"), "--ca", "Root", "--template", "WebServer"}, 3);
  const auto id_of = [](const Value& outcome) {
    return fmt::format("{}", *outcome.find("request")->integer());
  };
  check("request retrieve", {id_of(pending)}, 3);
  check("request approve", {id_of(pending), "--out", shell_.path("two.pem")});
  check("request deny", {id_of(waiting), "--reason", "no"});
  check("request list", {});
  check("request show", {id_of(issued)});
  check("request show", {id_of(waiting)});
  const std::string message = signed_request(
      shell_.provider(), pem_request(shell_.provider(), "CN=www.example.com", {"DNS:www.example.com"}));
  check("request show",
        {id_of(check("request submit", {shell_.file("web.p7m", message), "--ca", "Issuing", "--template",
                                        "WebServer", "--out", shell_.path("signed.pem")}))});
  check("challenge minter add", {"mdm", "--account", "group:mdm", "--profile", "phones", "--template",
                                 "WebServer", "--names", "*", "--sids", "yes", "--ca", "Root"});
  check("challenge minter set", {"mdm", "--passwords", "yes", "--ca", "Root"});
  check("challenge minter list", {"--ca", "Root"});
  check("challenge account bind", {"ra", "--profile", "phones", "--ca", "Root"});
  check("challenge account list", {"--ca", "Root"});
  const std::vector<std::string> order{"--profile", "phones", "--template", "WebServer",
                                       "--subject", "CN=a",   "--ca",       "Root"};
  const auto with = [](std::vector<std::string> words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
    return words;
  };
  const Value minted =
      check("challenge mint",
            with(order, {"--device", "d", "--user", "u", "--request-id", "r", "--sid", "S-1-5-21-1-2-3-1105",
                         "--android-version", "9", "--android-encryption", "full-disk", "--pin-set", "no"}));
  const std::string number = fmt::format("{}", *minted.find("challenge")->find("id")->integer());
  const std::string challenge_file = shell_.file("challenge", *minted.find("text")->text() + "\n");
  check("request submit",
        {request("four"), "--ca", "Root", "--template", "WebServer", "--profile", "phones",
         "--challenge-file", challenge_file},
        1);
  check("challenge show", {number});
  const Value good = check("challenge mint",
                           with(order, {"--subject", "CN=five,O=Example", "--name", "DNS:www.example.com"}));
  check("request submit",
        {request("five"), "--ca", "Root", "--template", "WebServer", "--profile", "phones",
         "--challenge-file", shell_.file("good", *good.find("text")->text() + "\n")},
        3);
  check("challenge show", {fmt::format("{}", *good.find("challenge")->find("id")->integer())});
  check("challenge password", {"phones", "--device", "e", "--ca", "Root"});
  check("challenge password", {"phones", "--ca", "Root", "--out", shell_.path("password")});
  EXPECT_THAT(
      documentation.differences("vouch challenge password --single-file",
                                json({"challenge", "password", "phones", "--ca", "Root", "--single-file",
                                      shell_.file("single", "correct horse battery\n")})),
      IsEmpty());
  check("challenge list", {"--ca", "Root"});
  check("challenge cancel", {"--device", "d", "--ca", "Root"});
  check("challenge key renew", {"--ca", "Root"});
  check("challenge key renew", {"--minter", "mdm", "--ca", "Root"});
  check("challenge minter remove", {"mdm", "--ca", "Root"});
  check("challenge key list", {"--ca", "Root"});
  check("challenge account release", {"ra", "--ca", "Root"});
  check("enrollment-agent allow", {"CN=Agent", "--template", "WebServer", "--for", "*", "--ca", "Root"});
  check("enrollment-agent list", {"--ca", "Root"});
  check("enrollment-agent forbid", {"CN=Agent", "--ca", "Root"});
  check("why", {id_of(issued)});
  check("why", {id_of(waiting)});
  const std::string serial = *issued.find("serial")->text();
  check("cert show", {out});
  check("cert show", {serial});
  check("cert list", {});
  check("cert find", {serial});
  check("cert revoke", {serial, "--reason", "certificateHold", "--invalid-since", "2026-11-17"});
  check("cert release", {serial});
  check("cert revoke", {serial, "--reason", "keyCompromise", "--invalid-since", "2026-11-17"});
  check("cert list", {"--revoked"});
  check("why", {serial});
  // Nothing listens where the certificates say.
  must({"location", "set", "--aia", "34:http://127.0.0.1:1/%3%4.crt", "--ca", "Issuing"});
  check("status", {}, 4);
  check("status", {"--offline", "--ca", "Issuing"});
  const Value published = check("crl publish", {"--ca", "Issuing"});
  const std::string crl =
      *published.find("crls")->list_items()->front().find("files")->list_items()->front().text();
  check("crl list", {});
  EXPECT_THAT(documentation.differences("vouch crl list --targets", json({"crl", "list", "--targets"})),
              IsEmpty());
  check("crl schedule", {"--ca", "Issuing", "--at", "02:00", "--keep-expired", "on"});
  check("location list", {"--ca", "Issuing", "--usage"});
  // A place that cannot be written, and is mended.
  fs::create_directory(shell_.path("more"));
  const std::string more = "65:" + shell_.path("more") + "/%3%8%9.crl";
  check("location add", {"--ca", "Issuing", "--cdp", more});
  fs::rename(shell_.path("more"), shell_.path("away"));
  check("crl publish", {"--ca", "Issuing"}, 1);
  fs::rename(shell_.path("away"), shell_.path("more"));
  const Value caught_up = check("crl publish", {"--all", "--if-due"});
  EXPECT_EQ(caught_up.find("copied")->list_items()->size(), 2u) << to_json(caught_up);
  check("location move", {"--ca", "Issuing", "--cdp", "3", "--to", "1"});
  check("location remove", {"--ca", "Issuing", "--cdp", "1"});
  check("location set", {"--ca", "Issuing", "--aia", "AddToCertificateAia:http://x.example/%3%4.crt"});
  check("location clear", {"--ca", "Issuing", "--aia"});
  must({"location", "set", "--ca", "Issuing", "--aia", "2:http://x.example/%3%4.crt"});
  check("crl show", {crl});
  const crypto::SoftHsm hsm;
  const std::string token = format_token_uri(hsm.uri("Moved key")), pin = shell_.file("pin", hsm.kPin);
  check("ca key migrate", {"--ca", "Root", "--pkcs11", token, "--pin-file", pin});
  check("ca key list", {});
  check("ca key list", {"--pkcs11", token, "--pin-file", pin});
  check("ca ping", {"--ca", "Root", "--pin-file", pin});
  check("ca ping", {"--ca", "Root"}, 1);
  {
    const ca::Home home = ca::Home::open(shell_.home(), false).value();
    const auto database = store::sqlite::open(home.database()).value();
    const ca::Environment environment{home, *database, shell_.provider(), shell_.clock, {}};
    const std::jthread waits(
        [&] { EXPECT_TRUE(ca::wait_for_unlock(environment, "Root", "sign", std::chrono::seconds(60))); });
    while (ca::waiting_operations(home)->empty()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    check("ca unlock", {"--list"});
    check("ca unlock", {"--once"});
  }
  const std::string root = shell_.file("root.pem", must({"ca", "export", "--ca", "Root"}).out);
  check("crl show", {crl, "--ca", root}, 4);
  check("crlsync", {"--once", "--authority", root, "--crl", crl, "--out", shell_.path("crls.pem")}, 4);
  check("scep setup", {"devices", "--ca", "Issuing", "--ndes"});
  check("scep profile list", {});
  // Its account may not approve any more, and the template is gone.
  must({"template", "withdraw", "ScepDevice", "--ca", "Issuing"});
  must({"template", "set", "ScepDevice", "validity=2d", "renewal_period=1d"});
  check("scep profile show", {"devices"}, 4);
  check("scep trust", {"--out", shell_.path("trust")});
  check("scep ra show", {"--ca", "Issuing"});
  check("scep ra issue", {"--ca", "Issuing"});
  const std::string p12 = shell_.file("p12", "a password\n");
  check("scep ra export", {shell_.path("ra.p12"), "--password-file", p12, "--ca", "Issuing"});
  check("scep ra renew", {"--ca", "Issuing"});
  check("scep ra import", {shell_.path("ra-signing.p12"), "--password-file", p12, "--ca", "Issuing"});
  check("role grant",
        {"manager", "bob", "--ca", "Issuing", "--template", "WebServer", "--requesters", "web-*"});
  check("role four-eyes", {"on", "--ca", "Issuing", "--template", "WebServer"});
  check("role two-managers", {"on", "--ca", "Issuing", "--template", "WebServer"});
  check("role list", {});
  EXPECT_THAT(documentation.differences("vouch role list --history", json({"role", "list", "--history"})),
              IsEmpty());
  check("role revoke",
        {"manager", "bob", "--ca", "Issuing", "--template", "WebServer", "--requesters", "web-*"});
  check("role separation", {"off"});
  const std::string password = shell_.file("page-password", "correct horse battery\n");
  check("scep user add", {"mdm", "--password-file", password});
  check("scep user list", {});
  check("scep user remove", {"mdm"});
  check("audit show", {"--action", "ca.*"});
  check("audit export", {"--out", shell_.path("audit.jsonl")});
  check("audit head", {"--out", shell_.path("audit.head")});
  check("audit key", {});
  check("audit prove", {"2"});
  check("audit verify", {"--head", shell_.path("audit.head")});
  {
    // Somebody with the file, and a mirror of another log: findings and notes to show.
    std::string damaged = shell_.read("audit.head");
    damaged.replace(damaged.find("time 2"), 6, "time 3");
    const std::string mirror =
        R"({"sequence":1,"time":"2026-11-18T00:00:00Z","actor":"","action":"","ca":"",)"
        R"("object":"","details":"","outcome":"","leaf":"","committed":0})";
    check("audit verify",
          {"--head", shell_.file("bad.head", damaged), "--mirror",
           shell_.file("mirror.jsonl", mirror + "\n" + mirror + "\n")},
          4);
  }
  check("ca renew", {"--ca", "Root", "--new-key", "--capolicy", capolicy, "--pin-file", pin});
  check("ca renew", {"--ca", "Issuing", "--request-out", shell_.path("again.csr")});
  check("ca set", {"hash=sha384", "--ca", "Root"});
  check("db show", {});
  check("db check", {});
  {
    // A backup, more of everything, a fence with a damaged line, and the backup again: a gap of every kind.
    check("backup", {shell_.path("old.tar")});
    const std::string lost = shell_.path("lost.pem");
    must({"request", "submit",
          shell_.file("lost.csr",
                      pem_request(shell_.provider(), "CN=lost.example.com", {"DNS:lost.example.com"})),
          "--ca", "Issuing", "--template", "WebServer", "--out", lost});
    must({"cert", "revoke", lost, "--reason", "superseded"});
    must({"crl", "publish", "--ca", "Issuing"});
    const fs::path fence = shell_.home() / "fence" / "Issuing.log";
    std::string lines(as_text(read_file(fence).value()));
    lines[lines.find('\n') + 2] ^= 1;
    ASSERT_TRUE(write_file_atomic(fence, as_bytes(lines), 0600));
    check("restore", {shell_.path("old.tar"), "--replace"}, 4);
    check("db replay", {shell_.path("old.tar")}, 4);
    check("db accept-gap", {"--ca", "Issuing"});
    check("cert import", {lost, "--ca", "Issuing"});
    check("db purge", {"--expired-before", "2020-01-01", "--dry-run", "--ca", "Issuing"});
    check("db migrate", {});
    check("db move", {shell_.path("moved")});
  }
  {
    // The relying party in a home of its own, with a gateway that runs there.
    const std::string issuing = shell_.file("issuing.pem", must({"ca", "export", "--ca", "Issuing"}).out);
    const fs::path party = shell_.path("party");
    fs::create_directory(party);
    shell_.file("party/vouch.toml", "[listener.http]\nenabled = false\n");
    shell_.variables["VOUCH_HOME"] = party.string();
    const auto add = [&] { check("trust add", {root, issuing}); };
    add();
    check("trust show", {"CN=Root"});
    EXPECT_FALSE(check("trust remove", {"CN=Root"}).find("affected")->list_items()->empty());
    add();
    check("trust list", {});
    check("verify", {out, "--crl", crl, "--purpose", "server"}, 4);
    check("cache list", {});
    check("trust set", {"CN=Root", "--crl", "http://127.0.0.1:9/root.crl", "--label", "the root"});
    check("cache refresh", {}, 1);
    const auto gateway = daemon::GatewayService::start(
        {.home = party,
         .provider = crypto::openssl::make_provider(),
         .clock = shell_.clock,
         .configuration = [&] { return daemon::read_configuration(ca::Home::open(party, false).value()); },
         .party = []() -> Result<relying::PartyConfiguration> { return relying::PartyConfiguration(); }});
    ASSERT_TRUE(gateway) << gateway.error().report();
    check("gateway trace", {"on", "--refused", "--for", "10m"});
    check("helper freeradius", {out}, 4);
    shell_.variables["peer_cert"] = out;
    check("helper openvpn", {"0", "CN=www"}, 4);
    shell_.variables.erase("peer_cert");
    EXPECT_EQ(check("gateway decisions", {}).find("decisions")->list_items()->size(), 2u);
    EXPECT_EQ(check("gateway trace", {}).find("trace")->find("records")->list_items()->size(), 2u);
    (void)json({"gateway", "status"}, 0);
    check("gateway status", {});
    (*gateway)->stop();
    check("cache clear", {});
    shell_.variables["VOUCH_HOME"] = shell_.home().string();
  }
  check("config check", {});
  check("config show", {});
  check("config get", {"issuance.node"});
  check("config set", {"issuance.node", "3"});
  check("explain", {"pending"});
  check("explain", {"AADSTS500172"});
  check("version", {});
  check_scep(check);

  // Every command that prints JSON was looked at, and every documented key was met at least once, but for
  // those that only damage or a foreign program would show.
  for (const Command& command : commands()) {
    const std::string name = "vouch " + std::string(command.name);
    if (!seen.contains(name)) {
      EXPECT_THAT(
          (std::vector<std::string>{"vouch ca export", "vouch cert export", "vouch completion", "vouch man",
                                    "vouch serve", "vouch cache forget", "vouch scep simulate-intune"}),
          testing::Contains(name));
      continue;
    }
    for (const std::string& path : documentation.all_paths(name)) {
      const bool rare =
          name == "vouch db check" || path.ends_with("notes[]") || path.contains(".attributes[].values[]") ||
          path.contains("certificate_issuer[]") || path.ends_with("policies[]") ||
          path.ends_with("ocsp_urls[]") || path.contains("attempts[]") ||
          path.contains("path.revocation[].steps[]") || path.contains("decision.checks[]") ||
          path.contains("decision.path.revocation[]") || path.contains("findings[]") ||
          path.contains("downloads[]") || path.contains("crls[]") || path.contains("pauses[]") ||
          path.contains("prefetch[]") || path.contains("health[]") || path.contains("urls[]") ||
          path.ends_with("warnings[]") || path.ends_with("purposes[]") || path.contains("chain[]") ||
          path.ends_with("ca.templates[]") || path.ends_with("crls[]") || path.contains("content.request.") ||
          name == "vouch scep replay" || path.starts_with("template.s");
      EXPECT_TRUE(rare || seen[name].contains(path)) << name << " never showed " << path;
    }
  }
}

}  // namespace
}  // namespace vouch::cli
