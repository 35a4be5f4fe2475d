#pragma once
// For the tests of this room: a folder of one test, and an HTTP server of its own that answers as it is told.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <deque>
#include <mutex>

#include "base/files.hpp"
#include "base/value.hpp"
#include "net/server.hpp"

namespace vouch::enroll::mdm {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (fs::temp_directory_path() / "vouch-mdm-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no folder for the test";
    path_ = pattern;
  }
  ~TestFolder() { fs::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// What the server was asked.
struct Heard {
  std::string path, body, authorization, signature, api_version;
  Value json() const { return parse_json(body).value(); }
};

// Answers every request with the next of what it was given; the last one again and again.
class TestServer {
 public:
  explicit TestServer(std::function<net::Response(const Heard&)> answer) : answer_(std::move(answer)) {
    auto routes = std::make_shared<net::Router>();
    EXPECT_TRUE(routes->add({.path = "/",
                             .methods = {net::Method::get, net::Method::post},
                             .handler = net::Blocking([this](const net::Request& r) { return hear(r); }),
                             .body_limit = 1 << 20,
                             .match = net::Route::Match::prefix}));
    net::ServerSettings settings;
    settings.threads = 1;
    settings.workers = 4;
    net::ListenerSettings listener;
    listener.name = "test";
    listener.endpoint.address = net::Address::parse("127.0.0.1").value();
    listener.routes = std::move(routes);
    settings.listeners.push_back(std::move(listener));
    server_ = net::Server::start(std::move(settings)).value();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", server_->address("test").port()); }
  std::vector<Heard> heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
  }

 private:
  net::Response hear(const net::Request& request) {
    Heard heard{
        std::string(request.path), std::string(request.body), std::string(request.field("Authorization")),
        std::string(request.field("X-Smallstep-Signature")), std::string(request.field("api-version"))};
    {
      const std::scoped_lock lock(mutex_);
      heard_.push_back(heard);
    }
    return answer_(heard);
  }
  const std::function<net::Response(const Heard&)> answer_;
  mutable std::mutex mutex_;
  std::vector<Heard> heard_;
  std::unique_ptr<net::Server> server_;
};

inline net::Response json(std::string text, unsigned status = 200) {
  net::Response response = net::text_response(status, std::move(text));
  response.content_type = "application/json";
  return response;
}

}  // namespace vouch::enroll::mdm
