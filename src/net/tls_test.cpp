// TLS as clients meet it: libcurl through the fetcher, against the server on loopback.
#include "net/tls.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/pem.hpp"
#include "net/fetch.hpp"
#include "net/test_net.hpp"

namespace vouch::net {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Identity {
  Buffer certificate, key;  // PEM
};

Buffer drained(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return to_buffer(as_bytes({data, static_cast<std::size_t>(size)}));
}

// A self-signed certificate for `name` and 127.0.0.1.
Identity make_identity(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* names =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name + ",IP:127.0.0.1").c_str());
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate);
  Identity identity;
  identity.certificate = drained(memory);
  BIO_free(memory);
  memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
  identity.key = drained(memory);
  BIO_free(memory);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

Buffer der(const Identity& identity) { return parse_pem(as_text(identity.certificate)).value().front().der; }

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    settings.threads = 2;
    settings.workers = 2;
    settings.limits.handshake = std::chrono::milliseconds(300);
    settings.listeners = {{.name = "main",
                           .endpoint = loopback(),
                           .routes = table({now("/now", "hello"), now("/big", std::string(3'000'000, 'x')),
                                            answering(
                                                "/who", {Method::get, Method::post},
                                                [this](const Request& request) {
                                                  seen = *request.peer->tls;
                                                  return text_response(200,
                                                                       std::to_string(request.body.size()));
                                                },
                                                1'000'000)}),
                           .tls = context({server_identity})}};
  }
  static std::shared_ptr<const TlsContext> context(const std::vector<Identity>& identities,
                                                   AskForCertificate ask = AskForCertificate::never,
                                                   CheckClientCertificate check = {}) {
    TlsSettings tls;
    for (const Identity& identity : identities)
      tls.identities.push_back({identity.certificate, identity.key, {}});
    tls.ask = ask;
    tls.check = std::move(check);
    return TlsContext::create(std::move(tls)).value();
  }
  Result<FetchResponse> get(Fetcher& fetcher, const std::string& path, std::string body = {}) {
    if (!server) server = std::move(Server::start(settings).value());
    FetchRequest request;
    request.url = fmt::format("https://127.0.0.1:{}{}", server->address("main").port(), path);
    request.most = 4'000'000;
    if (!body.empty()) {
      request.method = "POST";
      request.body = std::move(body);
    }
    return fetcher.fetch(request);
  }
  static FetchSettings trusting(const Identity& server_certificate) {
    FetchSettings fetch;
    fetch.trusted_roots = server_certificate.certificate;
    return fetch;
  }

  const Identity server_identity = make_identity("server.example.test");
  ServerSettings settings;
  TlsPeer seen;
  std::unique_ptr<Server> server;
};

TEST_F(TlsTest, AnswersAndKeepsConnections) {
  Fetcher fetcher(trusting(server_identity));
  for (int i = 0; i < 3; ++i) {
    const auto answer = get(fetcher, "/now");
    ASSERT_TRUE(answer) << answer.error().summary();
    EXPECT_EQ(as_text(answer->body), "hello");
  }
  EXPECT_EQ(get(fetcher, "/big").value().body.size(), 3'000'000U);
  EXPECT_EQ(as_text(get(fetcher, "/who", std::string(900'000, 'b')).value().body), "900000");
  EXPECT_EQ(seen.version, "TLSv1.3");
  EXPECT_THAT(seen.certificates, IsEmpty());
}

TEST_F(TlsTest, AClientThatRestsIsServedAgainOnItsConnection) {
  Fetcher fetcher(trusting(server_identity));
  for (const std::size_t size : {900'000U, 10U, 900'000U}) {
    const auto answer = get(fetcher, "/who", std::string(size, 'b'));
    ASSERT_TRUE(answer) << answer.error().summary();
    EXPECT_EQ(as_text(answer->body), std::to_string(size));
    std::this_thread::sleep_for(std::chrono::milliseconds(250));  // longer than a tick: its buffers are gone
    EXPECT_EQ(server->connections(), 1U);
  }
}

TEST_F(TlsTest, AStrangerIsNotTrusted) {
  Fetcher fetcher(trusting(make_identity("other.example.test")));
  EXPECT_EQ(get(fetcher, "/now").error().code(), Errc::denied);
}

TEST_F(TlsTest, ClientCertificatesAreHandedUp) {
  const Identity client = make_identity("client");
  const Buffer good = der(client);
  settings.listeners[0].tls = context({server_identity}, AskForCertificate::optional,
                                      [good](const std::vector<Buffer>& chain) -> Status {
                                        if (chain.front() == good) return ok();
                                        return make_error(Errc::denied, "a stranger");
                                      });
  FetchSettings fetch = trusting(server_identity);
  Fetcher without(fetch);
  EXPECT_TRUE(get(without, "/who"));
  EXPECT_THAT(seen.certificates, IsEmpty());
  fetch.client_certificate = client.certificate;
  fetch.client_key = client.key;
  Fetcher with(fetch);
  ASSERT_TRUE(get(with, "/who"));
  ASSERT_THAT(seen.certificates, SizeIs(1));
  EXPECT_EQ(seen.certificates[0], good);
  const Identity stranger = make_identity("stranger");
  fetch.client_certificate = stranger.certificate;
  fetch.client_key = stranger.key;
  Fetcher strange(fetch);
  EXPECT_FALSE(get(strange, "/who"));
}

TEST_F(TlsTest, RequiredMeansRequired) {
  settings.listeners[0].tls = context({server_identity}, AskForCertificate::required,
                                      [](const std::vector<Buffer>&) { return ok(); });
  FetchSettings fetch = trusting(server_identity);
  Fetcher without(fetch);
  EXPECT_FALSE(get(without, "/now"));
  const Identity client = make_identity("client");
  fetch.client_certificate = client.certificate;
  fetch.client_key = client.key;
  Fetcher with(fetch);
  EXPECT_TRUE(get(with, "/now"));
}

TEST_F(TlsTest, NewCertificatesForNewConnections) {
  Fetcher old(trusting(server_identity));
  ASSERT_TRUE(get(old, "/now"));
  const Identity renewed = make_identity("renewed.example.test");
  settings.listeners[0].tls = context({renewed});
  ASSERT_TRUE(server->reload(settings));
  EXPECT_TRUE(get(old, "/now")) << "the kept connection goes on";
  Fetcher fresh(trusting(renewed));
  EXPECT_TRUE(get(fresh, "/now"));
  Fetcher outdated(trusting(server_identity));
  EXPECT_FALSE(get(outdated, "/now"));
}

TEST_F(TlsTest, TheNameAskedForChoosesTheCertificate) {
  const Identity local = make_identity("localhost");
  TlsSettings tls;
  tls.identities.push_back({server_identity.certificate, server_identity.key, {"server.example.test"}});
  tls.identities.push_back({local.certificate, local.key, {"*.example.test", "LocalHost"}});
  settings.listeners[0].tls = TlsContext::create(std::move(tls)).value();
  Fetcher by_address(trusting(server_identity));
  EXPECT_TRUE(get(by_address, "/now")) << "a client that names nobody gets the first";
  Fetcher by_name(trusting(local));
  FetchRequest request;
  request.url = fmt::format("https://localhost:{}/who", server->address("main").port());
  const auto answer = by_name.fetch(request);
  EXPECT_TRUE(answer) << answer.error().summary();
  EXPECT_EQ(seen.server_name, "localhost");
}

TEST_F(TlsTest, FaultsOnTheTlsPort) {
  Fetcher fetcher(trusting(server_identity));
  ASSERT_TRUE(get(fetcher, "/now"));
  RawClient plain(server->address("main"));
  ASSERT_TRUE(plain.send("GET /now HTTP/1.1\r\n\r\n"));
  EXPECT_TRUE(plain.ends());
  RawClient silent(server->address("main"));
  EXPECT_TRUE(silent.ends()) << "a handshake has to end";
  EXPECT_TRUE(get(fetcher, "/now"));
}

TEST(TlsContext, RefusesWhatDoesNotFit) {
  const Identity a = make_identity("a"), b = make_identity("b");
  const auto refused = [](Buffer chain, Buffer key) {
    TlsSettings tls;
    tls.identities.push_back({std::move(chain), std::move(key), {}});
    return TlsContext::create(std::move(tls)).error();
  };
  EXPECT_EQ(refused(a.certificate, b.key).code(), Errc::denied);
  EXPECT_THAT(refused(a.certificate, b.key).summary(), HasSubstr("preparing TLS certificate 1"));
  EXPECT_EQ(refused(a.certificate, {}).code(), Errc::malformed);
  EXPECT_EQ(refused({1, 2, 3}, a.key).code(), Errc::malformed);
  EXPECT_FALSE(TlsContext::create({}));
  TlsSettings unchecked;
  unchecked.identities.push_back({a.certificate, a.key, {}});
  unchecked.ask = AskForCertificate::required;
  EXPECT_EQ(TlsContext::create(std::move(unchecked)).error().code(), Errc::internal);
}

TEST(TlsContext, TakesDer) {
  const Identity a = make_identity("a");
  TlsSettings tls;
  tls.identities.push_back({der(a), parse_pem(as_text(a.key)).value().front().der, {}});
  EXPECT_TRUE(TlsContext::create(std::move(tls)));
}

}  // namespace
}  // namespace vouch::net
