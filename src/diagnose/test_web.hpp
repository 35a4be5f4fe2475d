#pragma once
// A CA whose certificates name a web server of the test's own, which gives out what the test puts there.

#include <map>
#include <mutex>
#include <thread>

#include "diagnose/status.hpp"
#include "net/test_net.hpp"
#include "net/url.hpp"
#include "revocation/ocsp_database.hpp"
#include "revocation/ocsp_responder.hpp"
#include "revocation/test_authority.hpp"

namespace vouch::diagnose {

// What one path answers.
struct Page {
  Buffer body;
  unsigned status = 200;
  std::chrono::milliseconds delay{0};
};

class WebTest : public revocation::RevocationTest {
 protected:
  void SetUp() override {
    RevocationTest::SetUp();
    start_server();
    set([&](ca::AuthoritySettings& s) {
      const std::string published = bench.home().published();
      s.cdp = {{65, published + "/%3%8%9.crl"}, {6, site() + "/%3%8%9.crl"}};
      s.aia = {{1, published + "/%3%4.crt"}, {2, site() + "/%3%4.crt"}, {32, site() + "/ocsp"}};
    });
    reopen();
    switch_deltas_on();
    publish();
    show();
  }
  void TearDown() override { server->stop(std::chrono::seconds(5)); }

  // The authority and the responder by the settings of now.
  void reopen() {
    authority = bench.open(revocation::kTestCa);
    const std::lock_guard lock(guards);
    authorities = {std::shared_ptr<ca::LocalAuthority>(bench.open(revocation::kTestCa))};
    const auto maintained = source.maintain();
    ASSERT_TRUE(maintained) << maintained.error().report();
  }
  // Puts everything that was published where it should be.
  void show() {
    const std::lock_guard lock(guards);
    for (const auto& entry : fs::directory_iterator(bench.home().published()))
      pages["/" + entry.path().filename().string()] = {read_file(entry.path()).value()};
    for (const ca::CaKey& key : authority->keys()) {
      const std::uint16_t index = key.generation.certificate_index;
      pages[fmt::format("/CRL Root{}.crt", index == 0 ? "" : fmt::format("({})", index))] = {
          key.generation.certificate};
    }
  }
  void put(const std::string& path, Page page) {
    const std::lock_guard lock(guards);
    pages[path] = std::move(page);
  }
  void take_away(const std::string& path) {
    const std::lock_guard lock(guards);
    pages.erase(path);
  }
  std::string site() const { return fmt::format("http://127.0.0.1:{}", server->address("web").port()); }

  Report look(std::chrono::milliseconds patience = std::chrono::seconds(5)) {
    auto report = status(environment, &fetcher, {.ca = {}, .patience = patience});
    EXPECT_TRUE(report) << report.error().report();
    return report ? std::move(*report) : Report{};
  }
  // The one location of a kind whose URL ends like that.
  static LocationStatus location(const Report& report, LocationKind kind, std::string_view end = {}) {
    for (const AuthorityStatus& each : report.authorities)
      for (const LocationStatus& status : each.locations)
        if (status.kind == kind && status.url.ends_with(end)) return status;
    ADD_FAILURE() << "no " << name_of(kind) << " location " << end;
    return {};
  }
  static std::string text(const Report& report) {
    std::string text;
    for (const std::string& line : to_lines(report)) text += line + '\n';
    return text;
  }

  static constexpr const char* kCrl = "/CRL Root.crl";
  static constexpr const char* kDelta = "/CRL Root+.crl";
  static constexpr const char* kCertificate = "/CRL Root.crt";

  ca::Environment environment = bench.environment();
  std::mutex guards;  // what follows
  std::map<std::string, Page> pages;
  std::vector<std::shared_ptr<ca::LocalAuthority>> authorities;
  revocation::DatabaseOcspSource source{environment, [this] { return authorities; }};
  net::Fetcher fetcher{net::FetchSettings{}};
  std::unique_ptr<net::Server> server;

 private:
  void start_server() {
    net::Route files =
        net::answering("/", {net::Method::get}, [this](const net::Request& r) { return page(r); });
    files.match = net::Route::Match::prefix;
    net::ServerSettings settings;
    settings.threads = 1;
    settings.listeners = {
        {.name = "web",
         .endpoint = net::loopback(),
         .routes = net::table(
             {std::move(files), net::answering("/ocsp", {net::Method::post},
                                               [this](const net::Request& r) { return ocsp(r); })}),
         .tls = nullptr}};
    server = std::move(net::Server::start(std::move(settings)).value());
  }
  net::Response page(const net::Request& request) {
    Page found{.body = {}, .status = 404};
    {
      const std::lock_guard lock(guards);
      const auto known = pages.find(net::percent_decode(request.path).value());
      if (known != pages.end()) found = known->second;
    }
    std::this_thread::sleep_for(found.delay);
    net::Response response;
    response.status = found.status;
    response.body = found.body;
    return response;
  }
  net::Response ocsp(const net::Request& request) {
    const std::lock_guard lock(guards);
    net::Response response;
    response.content_type = "application/ocsp-response";
    if (const auto known = pages.find("/ocsp"); known != pages.end()) {
      response.status = known->second.status;
      response.body = known->second.body;
      return response;
    }
    const revocation::OcspResponder responder(source, bench.provider(), bench.clock());
    response.body = responder.respond(as_bytes(request.body)).der;
    return response;
  }
};

}  // namespace vouch::diagnose
