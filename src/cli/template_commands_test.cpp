// Templates at work.
#include "cli/test_commands.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

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

}  // namespace
}  // namespace vouch::cli
