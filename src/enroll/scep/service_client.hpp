#pragma once
// A SCEP service as its clients reach it (RFC 8894 4): what is asked over HTTP, around the messages of
// client.hpp.

#include "enroll/scep/client.hpp"
#include "net/fetch.hpp"

namespace vouch::enroll::scep {

// The answer to GetCACaps (RFC 8894 3.5.2).
struct Capabilities {
  std::vector<std::string> words;  // as they came, one a line

  bool has(std::string_view word) const;  // any case
  // SCEPStandard stands for AES, SHA-256 and POST.
  bool has_post() const { return has("POSTPKIOperation") || has("SCEPStandard"); }
  bool has_aes() const { return has("AES") || has("SCEPStandard"); }
  bool has_sha256() const { return has("SHA-256") || has("SCEPStandard"); }
};
Capabilities read_capabilities(std::string_view body);

// How a message travels. `by_capabilities`: POST where the service says that it takes it.
enum class Transport : std::uint8_t { by_capabilities, get, post };

class ServiceClient {
 public:
  // `url` as devices are given it, with or without a query of its own. `usage`: no http or https URL.
  static Result<ServiceClient> create(std::shared_ptr<net::Fetcher> fetcher, std::string url);
  const std::string& url() const { return url_; }
  bool is_https() const;

  // `unavailable` and the other failures of a Fetcher; `denied`: the service answers with another status than
  // 200, which the message has.
  Result<Capabilities> capabilities();
  Result<ServiceCertificates> certificates();
  // The CertRep that answers a message. `malformed`: the answer is of another content type (RFC 8894 4.3).
  Result<Buffer> send(Bytes message, Transport transport);

 private:
  ServiceClient(std::shared_ptr<net::Fetcher> fetcher, std::string url)
      : fetcher_(std::move(fetcher)), url_(std::move(url)) {}
  std::string target(std::string_view operation, std::string_view message = {}) const;
  Result<net::FetchResponse> ask(const net::FetchRequest& request, std::string_view operation);

  std::shared_ptr<net::Fetcher> fetcher_;
  std::string url_;
};

// One message made, sent, and its reply read. `signers`: certificates that replies may be signed with.
Result<CertRep> exchange(const crypto::Provider& provider, ServiceClient& service, Transport transport,
                         const ClientIdentity& identity, const RequestInput& input,
                         std::span<const Buffer> signers, std::string_view password = {});

}  // namespace vouch::enroll::scep
