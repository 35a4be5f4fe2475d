// That --json has exactly the keys that docs/reference/json.md promises: every command that prints JSON runs.
#include <thread>

#include "ca/keys/key_waiting.hpp"
#include "cli/test_commands.hpp"
#include "cms/signed_data.hpp"
#include "crypto/test_softhsm.hpp"
#include "daemon/gateway.hpp"
#include "daemon/test_service.hpp"
#include "enroll/scep/test_server.hpp"

namespace vouch::cli {
namespace {

using testing::IsEmpty;

// A request in a message that somebody else signed.
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

// The same home from part to part: each goes on where the one before has left it.
class JsonDocumentation : public Commands {
 protected:
  void make_cas();
  void ask_a_parent_that_is_a_service();
  void publish_templates();
  void submit_requests();
  void mint_challenges();
  void look_at_certificates();
  void publish_crls();
  void move_keys();
  void serve_scep();
  void grant_roles();
  void prove_the_audit_log();
  void lose_and_restore();
  void rely();
  void explain_and_configure();
  void enrol_a_device();
  void expect_all_was_seen() const;

 private:
  // Runs a command, and compares what it prints with its section.
  Value check(const std::string& command, const std::vector<std::string>& more, int code = 0) {
    std::vector<std::string> words;
    std::istringstream names(command);
    for (std::string word; names >> word;) words.push_back(word);
    words.insert(words.end(), more.begin(), more.end());
    const Value value = json(words, code);
    compare("vouch " + command, value);
    Documentation::collect("", value, seen_["vouch " + command]);
    return value;
  }
  void compare(const std::string& section, const Value& value) const {
    EXPECT_THAT(documentation_.differences(section, value), IsEmpty()) << section << "\n" << to_json(value);
  }
  static std::string id_of(const Value& outcome) {
    return fmt::format("{}", *outcome.find("request")->integer());
  }

  const Documentation documentation_;
  std::map<std::string, std::map<std::string, bool>> seen_;
  const crypto::SoftHsm hsm_;
  const std::string web_ = shell_.path("web.pem");  // a certificate
  std::string capolicy_, pin_, crl_, root_;         // files
  Value issued_, denied_;                           // requests
};

void JsonDocumentation::make_cas() {
  check("ca init", {"--name", "Root", "--kind", "root"});
  capolicy_ =
      shell_.file("CAPolicy.inf",
                  "[Version]\nSignature=\"$Windows NT$\"\n[BasicConstraintsExtension]\nPathLength=3\nX=1\n");
  check("ca init", {"--name", "Policy Root", "--kind", "root", "--capolicy", capolicy_});
  check("ca init",
        {"--name", "Issuing", "--kind", "subordinate", "--parent", "Root", "--automatic-issuance"});
  check("ca init", {"--name", "Sub", "--kind", "subordinate", "--request-out", shell_.path("sub.csr")});
  check("ca list", {});
  check("ca show", {"--ca", "Sub"});
  check("ca sign", {shell_.path("sub.csr"), "--ca", "Issuing", "--out", shell_.path("sub.pem")});
  check("ca install", {shell_.path("sub.pem")});
}

// At first the request waits there.
void JsonDocumentation::ask_a_parent_that_is_a_service() {
  ca::TestBench far(ca::TestRoles::granted);
  ASSERT_TRUE(ca::init(far.environment(), far.root_options("Far Root")));
  const auto far_root = far.open("Far Root");
  ASSERT_TRUE(ca::publish_template(far.environment(), far_root->record().id, "SubCA", "admin"));
  daemon::RunningService service(far);
  const std::string place = "unix:" + service.socket().string();
  const Value waits = check("ca init", {"--name", "Far", "--kind", "subordinate", "--parent", place}, 3);
  check("ca show", {"--ca", "Far"});
  check("ca install", {"--from-parent"}, 3);
  ASSERT_TRUE(far_root->approve(*waits.find("ca")->find("parent")->find("request")->integer(), "admin"));
  check("ca install", {"--from-parent"});
  check("ca renew", {"--ca", "Far", "--parent", place}, 3);
}

void JsonDocumentation::publish_templates() {
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
  compare("vouch template show --attributes", json({"template", "show", "WebServer", "--attributes"}));
  // A warning of lint fills its list: the purpose is not possible with the key usage.
  must({"template", "add", "Linted", "--from", "WebServer"});
  must({"template", "set", "Linted", "extended_key_usage=[\"serverAuth\", \"codeSigning\"]",
        "key_usage=[\"keyAgreement\"]", "purpose=encryption", "client.providers=[\"Software\"]"});
  check("template show", {"Linted"});
  check("template test", {"Linted", request("dry"), "--ca", "Issuing"});
  compare("vouch template show --history", json({"template", "show", "User", "--history"}));
}

void JsonDocumentation::submit_requests() {
  issued_ = check("request submit", {request(), "--ca", "Issuing", "--template", "WebServer", "--out", web_,
                                     "--attr", "ticket=42"});
  check("request submit", {request("bad", {"UPN:a@b"}), "--ca", "Issuing", "--template", "WebServer"}, 1);
  const Value pending =
      check("request submit", {request("two"), "--ca", "Root", "--template", "WebServer"}, 3);
  denied_ = check("request submit", {request("three"), "--ca", "Root", "--template", "WebServer"}, 3);
  check("request retrieve", {id_of(pending)}, 3);
  check("request approve", {id_of(pending), "--out", shell_.path("two.pem")});
  check("request deny", {id_of(denied_), "--reason", "no"});
  check("request list", {});
  check("request show", {id_of(issued_)});
  check("request show", {id_of(denied_)});
  const std::string message = signed_request(
      shell_.provider(), pem_request(shell_.provider(), "CN=www.example.com", {"DNS:www.example.com"}));
  check("request show",
        {id_of(check("request submit", {shell_.file("web.p7m", message), "--ca", "Issuing", "--template",
                                        "WebServer", "--out", shell_.path("signed.pem")}))});
}

void JsonDocumentation::mint_challenges() {
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
  compare("vouch challenge password --single-file",
          json({"challenge", "password", "phones", "--ca", "Root", "--single-file",
                shell_.file("single", "correct horse battery\n")}));
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
}

void JsonDocumentation::look_at_certificates() {
  check("why", {id_of(issued_)});
  check("why", {id_of(denied_)});
  const std::string serial = *issued_.find("serial")->text();
  check("cert show", {web_});
  check("cert show", {serial});
  check("cert list", {});
  check("cert find", {serial});
  check("cert revoke", {serial, "--reason", "certificateHold", "--invalid-since", "2026-11-17"});
  check("cert release", {serial});
  check("cert revoke", {serial, "--reason", "keyCompromise", "--invalid-since", "2026-11-17"});
  check("cert list", {"--revoked"});
  check("why", {serial});
}

void JsonDocumentation::publish_crls() {
  // Nothing listens where the certificates say.
  must({"location", "set", "--aia", "34:http://127.0.0.1:1/%3%4.crt", "--ca", "Issuing"});
  check("status", {}, 4);
  check("status", {"--offline", "--ca", "Issuing"});
  const Value published = check("crl publish", {"--ca", "Issuing"});
  crl_ = *published.find("crls")->list_items()->front().find("files")->list_items()->front().text();
  check("crl list", {});
  compare("vouch crl list --targets", json({"crl", "list", "--targets"}));
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
  check("crl show", {crl_});
}

void JsonDocumentation::move_keys() {
  const std::string token = format_token_uri(hsm_.uri("Moved key"));
  pin_ = shell_.file("pin", hsm_.kPin);
  check("ca key migrate", {"--ca", "Root", "--pkcs11", token, "--pin-file", pin_});
  check("ca key list", {});
  check("ca key list", {"--pkcs11", token, "--pin-file", pin_});
  check("ca ping", {"--ca", "Root", "--pin-file", pin_});
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
  root_ = shell_.file("root.pem", must({"ca", "export", "--ca", "Root"}).out);
  check("crl show", {crl_, "--ca", root_}, 4);
  check("crlsync", {"--once", "--authority", root_, "--crl", crl_, "--out", shell_.path("crls.pem")}, 4);
}

void JsonDocumentation::serve_scep() {
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
}

void JsonDocumentation::grant_roles() {
  check("role grant",
        {"manager", "bob", "--ca", "Issuing", "--template", "WebServer", "--requesters", "web-*"});
  check("role four-eyes", {"on", "--ca", "Issuing", "--template", "WebServer"});
  check("role two-managers", {"on", "--ca", "Issuing", "--template", "WebServer"});
  check("role list", {});
  compare("vouch role list --history", json({"role", "list", "--history"}));
  check("role revoke",
        {"manager", "bob", "--ca", "Issuing", "--template", "WebServer", "--requesters", "web-*"});
  check("role separation", {"off"});
  const std::string password = shell_.file("page-password", "correct horse battery\n");
  check("scep user add", {"mdm", "--password-file", password});
  check("scep user list", {});
  check("scep user remove", {"mdm"});
}

void JsonDocumentation::prove_the_audit_log() {
  check("audit show", {"--action", "ca.*"});
  check("audit export", {"--out", shell_.path("audit.jsonl")});
  check("audit head", {"--out", shell_.path("audit.head")});
  check("audit key", {});
  check("audit prove", {"2"});
  check("audit verify", {"--head", shell_.path("audit.head")});
  // Somebody with the file, and a mirror of another log: findings and notes to show.
  std::string damaged = shell_.read("audit.head");
  damaged.replace(damaged.find("time 2"), 6, "time 3");
  const std::string mirror = R"({"sequence":1,"time":"2026-11-18T00:00:00Z","actor":"","action":"","ca":"",)"
                             R"("object":"","details":"","outcome":"","leaf":"","committed":0})";
  check("audit verify",
        {"--head", shell_.file("bad.head", damaged), "--mirror",
         shell_.file("mirror.jsonl", mirror + "\n" + mirror + "\n")},
        4);
}

void JsonDocumentation::lose_and_restore() {
  check("ca renew", {"--ca", "Root", "--new-key", "--capolicy", capolicy_, "--pin-file", pin_});
  check("ca renew", {"--ca", "Issuing", "--request-out", shell_.path("again.csr")});
  check("ca set", {"hash=sha384", "--ca", "Root"});
  check("db show", {});
  check("db check", {});
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

// The relying party in a home of its own, with a gateway that runs there.
void JsonDocumentation::rely() {
  const std::string issuing = shell_.file("issuing.pem", must({"ca", "export", "--ca", "Issuing"}).out);
  const fs::path party = shell_.path("party");
  fs::create_directory(party);
  shell_.file("party/vouch.toml", "[listener.http]\nenabled = false\n");
  shell_.variables["VOUCH_HOME"] = party.string();
  const auto add = [&] { check("trust add", {root_, issuing}); };
  add();
  check("trust show", {"CN=Root"});
  EXPECT_FALSE(check("trust remove", {"CN=Root"}).find("affected")->list_items()->empty());
  add();
  check("trust list", {});
  check("verify", {web_, "--crl", crl_, "--purpose", "server"}, 4);
  check("cache list", {});
  check("trust set", {"CN=Root", "--crl", "http://127.0.0.1:9/root.crl", "--label", "the root"});
  check("cache refresh", {}, 1);
  const auto gateway = daemon::GatewayService::start(
      {.home = party,
       .clock = shell_.clock,
       .configuration = [&] { return daemon::read_configuration(ca::Home::open(party, false).value()); }},
      crypto::openssl::make_provider(),
      []() -> Result<relying::PartyConfiguration> { return relying::PartyConfiguration(); });
  ASSERT_TRUE(gateway) << gateway.error().report();
  check("gateway trace", {"on", "--refused", "--for", "10m"});
  check("helper freeradius", {web_}, 4);
  shell_.variables["peer_cert"] = web_;
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

void JsonDocumentation::explain_and_configure() {
  check("config check", {});
  check("config show", {});
  check("config get", {"issuance.node"});
  check("config set", {"issuance.node", "3"});
  check("explain", {"pending"});
  check("explain", {"AADSTS500172"});
  check("version", {});
}

// A device and its service: everything that `vouch scep` prints.
void JsonDocumentation::enrol_a_device() {
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

// Every command that prints JSON was looked at, and every documented key was met at least once, but for those
// that only damage or a foreign program would show.
void JsonDocumentation::expect_all_was_seen() const {
  for (const Command& command : commands()) {
    const std::string name = "vouch " + std::string(command.name);
    if (!seen_.contains(name)) {
      EXPECT_THAT(
          (std::vector<std::string>{"vouch ca export", "vouch cert export", "vouch completion", "vouch man",
                                    "vouch serve", "vouch cache forget", "vouch scep simulate-intune"}),
          testing::Contains(name));
      continue;
    }
    for (const std::string& path : documentation_.all_paths(name)) {
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
      EXPECT_TRUE(rare || seen_.at(name).contains(path)) << name << " never showed " << path;
    }
  }
}

TEST_F(JsonDocumentation, JsonHasExactlyTheDocumentedKeys) {
  make_cas();
  ask_a_parent_that_is_a_service();
  publish_templates();
  submit_requests();
  mint_challenges();
  look_at_certificates();
  publish_crls();
  move_keys();
  serve_scep();
  grant_roles();
  prove_the_audit_log();
  lose_and_restore();
  rely();
  explain_and_configure();
  enrol_a_device();
  expect_all_was_seen();
}

}  // namespace
}  // namespace vouch::cli
