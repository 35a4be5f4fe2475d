#pragma once
// The front's side: keys that live in the signer process. Each call takes a channel of its own and waits for
// its answer. When the process is gone, a new one is started and the call is made once more: a signature that
// is asked for twice does no harm.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "base/time.hpp"
#include "crypto/remote/channel.hpp"
#include "crypto/remote/messages.hpp"

namespace vouch::crypto::remote {

class SignerProcess : public std::enable_shared_from_this<SignerProcess> {
 public:
  // Starts a process and gives the front's ends of its channels, one for each call at the same time.
  using Start = std::function<Result<std::vector<Channel>>()>;
  struct Options {
    std::chrono::milliseconds patience{30'000};  // for an answer, and for a free channel: an HSM may be slow
    std::chrono::milliseconds restart_pause{
        1'000};  // between two starts, so that a dying child does not spin
  };

  // Starts the first process, which has to answer.
  static Result<std::shared_ptr<SignerProcess>> start(Start start, const Options& options);

  // The keys that it holds.
  Result<std::vector<RemoteKeyInfo>> keys();
  // A key whose every use is a message. not_found: the process has no such key.
  Result<std::unique_ptr<PrivateKey>> key(std::string_view reference);
  // Makes the process load a key that it does not have, now and after each start; gives its public key.
  Result<Buffer> open(OpenRequest request);
  // How often a process was started.
  unsigned starts() const;

  // One request, one response; a failure there is the failure here.
  Result<Response> call(const Request& request, int file = -1);

 private:
  SignerProcess(Start start, const Options& options) : start_(std::move(start)), options_(options) {}
  struct Lease;
  Result<Lease> take_channel();
  Result<Response> call_once(const Buffer& message, int file);
  void forget(unsigned generation);
  Status reopen_keys() const;
  Status start_process();  // with mutex_ held

  const Start start_;
  const Options options_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable free_;
  std::vector<Channel> channels_;  // not in use
  unsigned generation_ = 0;        // rises with each start: channels of an earlier process are not taken back
  unsigned gone_ = 0;              // the last generation that was found dead
  std::size_t alive_ = 0;          // channels of this generation, in use or not
  std::chrono::steady_clock::time_point last_start_;
  std::vector<OpenRequest> opened_;  // for the next process
};

}  // namespace vouch::crypto::remote
