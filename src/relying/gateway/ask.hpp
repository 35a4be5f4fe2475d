#pragma once
// Whoever asks a gateway that runs on this host, over its Unix socket.

#include "net/fetch.hpp"
#include "relying/gateway/decision_log.hpp"
#include "relying/gateway/question.hpp"

namespace vouch::relying {

// What it said, as far as a caller acts on it; `whole` has the rest.
struct Answer {
  bool accepted = false;
  unsigned code = 0;
  std::string name, message;
  Value whole;
};

class GatewayClient {
 public:
  explicit GatewayClient(fs::path socket) : socket_(std::move(socket)), fetcher_(net::FetchSettings()) {}

  // Whether it is a gateway that answers there, and no other service.
  bool is_gateway();
  // Fails with `unavailable` when nothing answers there, with `malformed` when what answers is no gateway,
  // and with what the gateway found wrong with the question.
  Result<Answer> ask(const Asked& asked);
  Result<Value> status();
  Result<std::vector<std::string>> decisions(const DecisionFilter& filter);
  // `message` as POST /v1/trace takes it; null only looks.
  Result<Value> trace(const Value& message);
  Result<Value> clear_trace();

 private:
  Result<net::FetchResponse> call(std::string_view method, std::string_view target, std::string body,
                                  std::chrono::milliseconds patience);
  Result<Value> call_for_json(std::string_view method, std::string_view target, std::string body,
                              std::chrono::milliseconds patience);
  const fs::path socket_;
  net::Fetcher fetcher_;
};

}  // namespace vouch::relying
