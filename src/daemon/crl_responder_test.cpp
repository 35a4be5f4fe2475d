#include "daemon/crl_responder.hpp"

#include "base/pem.hpp"
#include "daemon/crl_fetch.hpp"
#include "daemon/test_service.hpp"
#include "net/test_net.hpp"
#include "revocation/crl_publication.hpp"

namespace vouch::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using x509::OcspCertStatus, x509::OcspResponseStatus;

// A CA, and the home of a responder that gets its CRL as a file.
class CrlResponderTest : public testing::Test {
 protected:
  void SetUp() override {
    authority = bench.make_root();
    ASSERT_NE(authority, nullptr);
    ASSERT_TRUE(revocation::publish_crls(*authority, "bob"));
    const auto key = bench.provider().generate({}).value();
    const auto issued =
        authority->issue_to_service(bench.request_with(*key, "CN=Away"), "OcspResponseSigning");
    ASSERT_TRUE(issued) << issued.error().report();
    write("ca.pem", to_pem("CERTIFICATE", authority->current().generation.certificate));
    write("ocsp.pem", to_pem("CERTIFICATE", issued->certificate));
    write("ocsp.key", key->to_pem("").value());
    take_crl();
    write("vouch.toml",
          "[ocsp_source.root]\nca_certificate = \"ca.pem\"\ncertificate = \"ocsp.pem\"\nkey = \"ocsp.key\"\n"
          "crls = \"root.crl\"\n");
  }
  void write(const std::string& name, std::string_view text) {
    ASSERT_TRUE(write_file_atomic(folder.path() / name, as_bytes(text)));
  }
  void take_crl() {
    const auto crl = read_file(bench.home().published() / "Test Root.crl");
    ASSERT_TRUE(crl) << crl.error().report();
    write("root.crl", as_text(*crl));
  }
  Result<std::unique_ptr<CrlResponder>> start() {
    return CrlResponder::start({.home = folder.path(),
                                .clock = bench.clock(),
                                .configuration = [this]() -> Result<Configuration> {
                                  const Buffer toml = TRY(read_file(folder.path() / "vouch.toml"));
                                  Configuration read = TRY(parse_configuration(as_text(toml), "vouch.toml"));
                                  read.listeners.front().address = net::loopback().address;
                                  read.threads = 1;
                                  return read;
                                }},
                               bench.provider());
  }
  // Waits until the responder has looked for its CRL.
  static std::vector<std::string> troubles(const CrlResponder& responder) {
    const auto looked = [&] {
      return std::ranges::any_of(responder.health(),
                                 [](const auto& c) { return c.name == "ocsp source root"; });
    };
    for (int i = 0; i < 1000 && !looked(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::vector<std::string> bad;
    for (const auto& check : responder.health())
      if (!check.good) bad.push_back(check.name + ": " + check.detail);
    return bad;
  }
  x509::OcspResponseStatus ask(const CrlResponder& responder) {
    const ca::CaKey& key = authority->current();
    const auto info = x509::parse_public_key_info(key.generation.public_key_info).value();
    const Buffer name = bench.provider().digest(x509::DigestAlgorithm::sha1, key.subject);
    const Buffer bits = bench.provider().digest(x509::DigestAlgorithm::sha1, info.key_bits);
    const Buffer serial{1, 2, 3};
    const Buffer request =
        x509::encode_ocsp_request({x509::DigestAlgorithm::sha1, {{name, bits, serial}}, {}});
    net::RawClient client(responder.address("http"));
    const auto answer =
        client.ask(fmt::format("POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                               "application/ocsp-request\r\nContent-Length: {}\r\n\r\n{}",
                               request.size(), as_text(request)));
    return x509::parse_ocsp_response(as_bytes(answer.body)).value().status;
  }

  ca::TestBench bench;
  std::unique_ptr<ca::LocalAuthority> authority;
  ca::TemporaryFolder folder;
};

TEST_F(CrlResponderTest, AnswersWithNothingButFiles) {
  const auto responder = start();
  ASSERT_TRUE(responder) << responder.error().report();
  EXPECT_THAT(troubles(**responder), ElementsAre());
  EXPECT_EQ(ask(**responder), OcspResponseStatus::successful);
  net::RawClient client((*responder)->address("http"));
  EXPECT_EQ(client.ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").status, 200U);
  EXPECT_THAT(client.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").body,
              HasSubstr("vouch_ocsp_crl_octets"));
  EXPECT_TRUE((*responder)->reload());
  const auto second = start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
}

TEST_F(CrlResponderTest, AfterARestartWithoutTheCrlItAnswersFromWhatItKept) {
  {
    const auto responder = start();
    ASSERT_TRUE(responder) << responder.error().report();
    EXPECT_THAT(troubles(**responder), ElementsAre());
  }
  fs::remove(folder.path() / "root.crl");
  const auto responder = start();
  ASSERT_TRUE(responder) << responder.error().report();
  EXPECT_THAT(troubles(**responder), ElementsAre(HasSubstr("root.crl")));
  EXPECT_EQ(ask(**responder), OcspResponseStatus::successful);
  net::RawClient client((*responder)->address("http"));
  EXPECT_EQ(client.ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").status, 503U);
}

TEST_F(CrlResponderTest, WithoutASourceItSaysWhatToWrite) {
  write("vouch.toml", "");
  const auto responder = start();
  ASSERT_FALSE(responder);
  EXPECT_THAT(responder.error().report(), HasSubstr("[ocsp_source.NAME]"));
}

TEST_F(CrlResponderTest, FilesAreReadAgainWhenTheyChange) {
  const auto fetch = fetch_crls_from(folder.path());
  const auto first = fetch("root.crl", "");
  ASSERT_TRUE(first) << first.error().report();
  EXPECT_FALSE(first->octets.empty());
  const auto second = fetch("root.crl", first->mark);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->unchanged);
  take_crl();
  const auto third = fetch("root.crl", first->mark);
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->unchanged) << "another file under the same name";
  EXPECT_EQ(fetch("gone.crl", "").error().code(), Errc::not_found);
}

TEST_F(CrlResponderTest, UrlsAreAskedWithConditions) {
  const Buffer octets(1000, 7);
  auto router = std::make_shared<net::Router>();
  int whole = 0;
  net::Route route;
  route.path = "/a.crl";
  route.methods = {net::Method::get};
  route.handler = net::Blocking([&](const net::Request& request) {
    net::Response response;
    response.fields = {{"ETag", "\"one\""}};
    if (net::is_unchanged(request, "\"one\"", 0)) {
      response.status = 304;
      return response;
    }
    ++whole;
    response.body = net::Body(octets);
    return response;
  });
  ASSERT_TRUE(router->add(std::move(route)));
  net::ServerSettings settings;
  settings.listeners = {{.name = "main", .endpoint = net::loopback(), .routes = router, .tls = nullptr}};
  settings.threads = 1;
  const auto server = net::Server::start(std::move(settings)).value();
  const std::string url = fmt::format("http://{}/", address_and_port(server->address("main")));
  const auto fetch = fetch_crls_from(folder.path());
  const auto first = fetch(url + "a.crl", "");
  ASSERT_TRUE(first) << first.error().report();
  EXPECT_EQ(first->octets, octets);
  const auto second = fetch(url + "a.crl", first->mark);
  ASSERT_TRUE(second) << second.error().report();
  EXPECT_TRUE(second->unchanged);
  EXPECT_EQ(whole, 1);
  EXPECT_THAT(fetch(url + "b.crl", "").error().report(), HasSubstr("404"));
}

}  // namespace
}  // namespace vouch::daemon
