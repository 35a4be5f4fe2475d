// CAs at work: made, signed by each other, chosen, their keys and the configuration.
#include "cli/test_commands.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

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

}  // namespace
}  // namespace vouch::cli
