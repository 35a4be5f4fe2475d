#pragma once
// The way to Intune's services (or another one's with the same interface): a token by OAuth's client
// credentials, the places of the services by Microsoft Graph, and JSON by POST
// (microsoft/Intune-Resource-Access, src/CsrValidation). Every URL can be set, so that all of it also runs on
// one host.

#include <map>

#include "base/time.hpp"
#include "base/value.hpp"
#include "crypto/provider.hpp"
#include "enroll/mdm/last_outcome.hpp"
#include "net/fetch.hpp"

namespace vouch::enroll::mdm {

struct IntuneSettings {
  std::string tenant;       // name or number of the directory
  std::string application;  // its number: the client of OAuth
  // One of the two: a secret, or a certificate (PEM or DER) with its RSA key (PEM).
  std::string secret{};
  Buffer certificate{}, key{};
  std::string login_url = "https://login.microsoftonline.com";
  std::string graph_url = "https://graph.microsoft.com";
  std::string resource = "https://api.manage.microsoft.com/";               // whose token the services want
  std::string intune_application = "0000000a-0000-0000-c000-000000000000";  // that Graph is asked about
  // Where the services are; then Graph is not asked.
  std::string validation_url{}, connector_url{};
  std::string caller = "vouch";                // callerInfo: product and version, shown in Intune's console
  std::chrono::milliseconds patience{15'000};  // for one call
  net::FetchSettings connection{};
};

struct IntuneService {
  std::string_view name;         // as Graph lists it
  std::string_view api_version;  // of the header
};
inline constexpr IntuneService kScepValidation{"ScepRequestValidationFEService", "2018-02-20"};
inline constexpr IntuneService kPkiConnector{"PkiConnectorFEService", "5019-05-05"};

// Safe to use from several threads.
class IntuneConnection {
 public:
  // `usage` when something is missing or an URL is neither https nor this host's; `malformed` for a key or a
  // certificate that cannot be read. Provider and clock outlive it.
  static Result<std::shared_ptr<IntuneConnection>> create(IntuneSettings settings,
                                                          const crypto::Provider& provider,
                                                          const Clock& clock);

  // POST {service}/{path} with this body. `denied` when the service says that it will never take this (400,
  // 413, 415, 422), `unavailable` for everything else but 200 with a JSON object.
  Result<Value> post(const IntuneService& service, std::string_view path, const Value& body);
  const IntuneSettings& settings() const { return settings_; }
  Status health() const { return last_.get(); }

 private:
  struct Token {
    std::string text;
    Time end;
  };
  IntuneConnection(IntuneSettings settings, const crypto::Provider& provider, const Clock& clock);
  Result<net::FetchResponse> fetch(net::FetchRequest request);
  Result<Value> try_post(const IntuneService& service, std::string_view path, const std::string& body,
                         bool& unauthorized);
  Result<std::string> token_for(const std::string& resource);
  Result<Token> fetch_token(const std::string& resource);
  Result<std::string> assertion(const std::string& audience) const;
  Result<std::string> location_of(std::string_view service);
  Result<std::map<std::string, std::string>> discover();
  std::string new_uuid() const;
  void forget_tokens();
  void forget_locations();

  const IntuneSettings settings_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  net::Fetcher fetcher_;
  std::unique_ptr<crypto::Signer> signer_;  // of assertions
  std::string key_thumbprint_;              // x5t#S256
  std::mutex guards_tokens_;                // held while one is fetched: the others wait for it
  std::map<std::string, Token> tokens_;     // by resource
  std::mutex guards_locations_;
  std::map<std::string, std::string> locations_;  // by service, in small letters
  LastOutcome last_;
};

}  // namespace vouch::enroll::mdm
