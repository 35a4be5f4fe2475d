#pragma once
// HTTP as a client: what a CRL, an OCSP answer or a partner's API is fetched with. Every call is bounded in
// time and size, and goes only where the caller said: no redirects unless asked for, and then never to
// another scheme.
//
//   Fetcher fetcher(FetchSettings{});
//   auto crl = TRY(fetcher.fetch({.url = "http://pki.example.test/ca.crl", .most = 64 << 20}));

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "net/address.hpp"

namespace vouch::net {

struct FetchSettings {
  std::string proxy;  // "http://proxy.example.test:3128"; empty: none, whatever the environment says
  std::string user_agent = "vouch";
  Buffer trusted_roots;          // PEM; empty: the system's
  Buffer client_certificate;     // PEM, with its chain
  Buffer client_key;             // PEM
  std::size_t idle_handles = 8;  // kept with their connections
};

struct FetchRequest {
  std::string url;  // http or https
  std::string method = "GET";
  std::string body{};  // with POST and PUT
  std::string content_type{};
  std::vector<std::pair<std::string, std::string>> fields{};
  std::size_t most = std::size_t{1} << 20;  // octets of the body, counted as they arrive
  std::chrono::milliseconds connect_time{5'000};
  std::chrono::milliseconds total_time{15'000};  // everything: names, connecting, redirects, the last octet
  int redirects = 0;
  std::string unix_socket{};  // connect here instead of to the URL's host
  bool decode = false;        // gzip and deflate are taken and undone; `most` counts what comes out
  // Takes the body's octets as they come, in place of FetchResponse::body. False ends it: `unavailable`.
  std::function<bool(Bytes octets)> sink{};
  std::function<void(std::size_t octets)> announced{};  // Content-Length, before the body
  // Whether this address of the host may be connected to; else `denied`. A proxy's is asked about instead.
  std::function<bool(const Address& address)> may_connect{};
  // ldap URLs too (RFC 4516), where libcurl has LDAP: the body is what ldap_value reads, the status is 200.
  bool ldap = false;
  std::stop_token stop{};  // ends it within a second: `unavailable`
};

struct FetchResponse {
  unsigned status = 0;  // any; a 404 is an answer
  std::string content_type;
  Buffer body;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string url;  // after redirects
  std::chrono::milliseconds taken{0};
};

// Safe to use from several threads; each call takes a handle of its own.
class Fetcher {
 public:
  explicit Fetcher(FetchSettings settings);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // `timeout`, `limit_exceeded`, `denied` (TLS, a forbidden scheme or redirect), `malformed`, `unavailable`.
  Result<FetchResponse> fetch(const FetchRequest& request);

 private:
  struct Handle;
  std::unique_ptr<Handle> take();
  void give(std::unique_ptr<Handle> handle);

  const FetchSettings settings_;
  std::mutex guards_idle_;
  std::vector<std::unique_ptr<Handle>> idle_;
};

// HTTP PUT: fails also when the server does not say that it has taken the octets (200, 201 or 204). A server
// has longer for more of them.
Status put(Fetcher& fetcher, const std::string& url, std::string_view content_type, Bytes content);

}  // namespace vouch::net
