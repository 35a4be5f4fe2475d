#include "net/fetch.hpp"

#include <stdlib.h>

#include <thread>

#include "net/test_net.hpp"

namespace vouch::net {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

class FetchTest : public testing::Test {
 protected:
  FetchTest() {
    const auto redirect = [](std::string to) {
      return [to = std::move(to)](const Request&) {
        Response response;
        response.status = 302;
        response.fields.emplace_back("Location", to);
        return response;
      };
    };
    ServerSettings settings;
    settings.threads = 1;
    settings.workers = 4;
    settings.listeners = {
        {.name = "main",
         .endpoint = loopback(),
         .routes = table({now("/now", "hello"), now("/large", std::string(5'000, 'x')),
                          answering("/echo", {Method::post},
                                    [](const Request& request) {
                                      Response response;
                                      response.content_type = std::string(request.field("Content-Type"));
                                      response.body =
                                          std::string(request.body) + std::string(request.field("X-Extra"));
                                      response.fields.emplace_back("X-Answer", "yes");
                                      return response;
                                    }),
                          answering("/taken", {Method::put},
                                    [this](const Request& request) {
                                      taken = request.body;
                                      return text_response(201, "");
                                    }),
                          answering("/full", {Method::put},
                                    [](const Request&) { return error_response(507, "no space"); }),
                          answering("/slow", {Method::get},
                                    [](const Request&) {
                                      std::this_thread::sleep_for(std::chrono::milliseconds(500));
                                      return Response();
                                    }),
                          answering("/moved", {Method::get}, redirect("/now")),
                          answering("/file", {Method::get}, redirect("file:///etc/passwd")),
                          answering("/loop", {Method::get}, redirect("/loop"))}),
         .tls = nullptr}};
    server = std::move(Server::start(std::move(settings)).value());
  }
  FetchRequest to(const std::string& path) {
    FetchRequest request;
    request.url = fmt::format("http://127.0.0.1:{}{}", server->address("main").port(), path);
    return request;
  }
  Errc code(const FetchRequest& request) {
    const auto answer = fetcher.fetch(request);
    EXPECT_FALSE(answer);
    return answer ? Errc::internal : answer.error().code();
  }
  std::string taken;  // by PUT
  std::unique_ptr<Server> server;
  Fetcher fetcher{FetchSettings{}};
};

TEST_F(FetchTest, Gets) {
  const auto answer = fetcher.fetch(to("/now")).value();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(as_text(answer.body), "hello");
  EXPECT_EQ(fetcher.fetch(to("/none")).value().status, 404U) << "an answer, not an error";
}

TEST_F(FetchTest, PutsAndBelievesOnlyAYes) {
  const Buffer octets{0, 1, 2, 255};
  ASSERT_TRUE(put(fetcher, to("/taken").url, "application/pkix-crl", octets));
  EXPECT_EQ(taken, std::string_view("\0\1\2\xff", 4));
  const Status full = put(fetcher, to("/full").url, "application/pkix-crl", octets);
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().summary(), HasSubstr("the server answers 507 to PUT"));
  EXPECT_FALSE(put(fetcher, to("/now").url, "application/pkix-crl", octets)) << "405";
}

TEST_F(FetchTest, Posts) {
  FetchRequest request = to("/echo");
  request.method = "POST";
  request.body = std::string("a\0b", 3);
  request.content_type = "application/ocsp-request";
  request.fields = {{"X-Extra", "!"}};
  const auto answer = fetcher.fetch(request).value();
  EXPECT_EQ(as_text(answer.body), std::string_view("a\0b!", 4));
  EXPECT_EQ(answer.content_type, "application/ocsp-request");
  EXPECT_THAT(answer.fields, Contains(Pair("X-Answer", "yes")));
  request.fields = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(code(request), Errc::malformed);
}

TEST_F(FetchTest, SizesAreLimited) {
  FetchRequest request = to("/large");
  request.most = 4'999;
  EXPECT_EQ(code(request), Errc::limit_exceeded);
  request.most = 5'000;
  EXPECT_TRUE(fetcher.fetch(request));
}

// A peer that announces nothing and does not stop: counted as it arrives.
TEST_F(FetchTest, SizesAreCountedWithoutALength) {
  const FileDescriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&where), size), 0);
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  ASSERT_EQ(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
  const std::jthread peer([&] {
    const FileDescriptor fd(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::string text = "HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x');
    for (int i = 0; i < 1'000 && ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) > 0; ++i) {
    }
  });
  FetchRequest request;
  request.url = fmt::format("http://127.0.0.1:{}/", ntohs(where.sin_port));
  request.most = 1'000'000;
  EXPECT_EQ(code(request), Errc::limit_exceeded);
}

TEST_F(FetchTest, TimeIsLimited) {
  FetchRequest request = to("/slow");
  request.total_time = std::chrono::milliseconds(50);
  EXPECT_EQ(code(request), Errc::timeout);
  server->stop(std::chrono::milliseconds(0));
  EXPECT_EQ(code(to("/now")), Errc::unavailable);
}

TEST_F(FetchTest, RedirectsOnlyWhenAskedForAndNeverElsewhere) {
  EXPECT_EQ(fetcher.fetch(to("/moved")).value().status, 302U);
  FetchRequest request = to("/moved");
  request.redirects = 3;
  const auto answer = fetcher.fetch(request).value();
  EXPECT_EQ(as_text(answer.body), "hello");
  EXPECT_THAT(answer.url, HasSubstr("/now"));
  request = to("/file");
  request.redirects = 3;
  EXPECT_EQ(code(request), Errc::denied);
  request = to("/loop");
  request.redirects = 3;
  EXPECT_EQ(code(request), Errc::denied);
}

TEST_F(FetchTest, OtherSchemesAreRefused) {
  for (const char* url :
       {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "/now", "127.0.0.1"}) {
    FetchRequest request;
    request.url = url;
    EXPECT_EQ(code(request), Errc::denied) << url;
  }
}

TEST_F(FetchTest, ConnectionsAreUsedAgain) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(fetcher.fetch(to("/now")));
  EXPECT_EQ(server->connections(), 1U);
}

}  // namespace
}  // namespace vouch::net
