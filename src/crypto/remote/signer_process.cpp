#include "crypto/remote/signer_process.hpp"

#include <algorithm>
#include <thread>

namespace vouch::crypto::remote {
namespace {

// Below, the octets travel in the message; above, in a sealed file.
constexpr std::size_t kInline = kMaxMessage - 8192;

class RemoteSigner final : public Signer {
 public:
  RemoteSigner(std::shared_ptr<SignerProcess> process, RemoteKeyInfo key, SignatureAlgorithm algorithm)
      : process_(std::move(process)), key_(std::move(key)), algorithm_(algorithm) {}
  SignatureAlgorithm algorithm() const override { return algorithm_; }
  Bytes public_key_info() const override { return key_.public_key_info; }

  Result<Buffer> sign(Bytes tbs) const override {
    SignRequest request{key_.reference, algorithm_, {}};
    FileDescriptor file;
    if (tbs.size() <= kInline)
      request.tbs = to_buffer(tbs);
    else
      file = TRY(sealed_file(tbs));
    Response response = TRY(process_->call(std::move(request), file.get()));
    if (auto* signature = std::get_if<Buffer>(&response)) return std::move(*signature);
    return make_error(Errc::internal, "the signer process answered something else than a signature");
  }

  // As many in one message as fit; what is too large for that travels by itself.
  std::vector<Result<Buffer>> sign_all(std::span<const Bytes> all) const override {
    std::vector<Result<Buffer>> signatures;
    signatures.reserve(all.size());
    while (!all.empty()) {
      const std::size_t fit = count_that_fit(all);
      if (fit < 2) {
        signatures.push_back(sign(all.front()));
        all = all.subspan(1);
        continue;
      }
      for (auto& signature : sign_message(all.first(fit))) signatures.push_back(std::move(signature));
      all = all.subspan(fit);
    }
    return signatures;
  }

 private:
  static std::size_t count_that_fit(std::span<const Bytes> all) {
    constexpr std::size_t kTagAndLength = 4;
    std::size_t octets = 0, count = 0;
    for (const Bytes tbs : all.first(std::min(all.size(), kMaxTogether))) {
      octets += tbs.size() + kTagAndLength;
      if (octets > kInline) break;
      ++count;
    }
    return count;
  }

  std::vector<Result<Buffer>> sign_message(std::span<const Bytes> all) const {
    const auto ask = [&]() -> Result<Signatures> {
      SignAllRequest request{key_.reference, algorithm_, {}};
      for (const Bytes tbs : all) request.tbs.push_back(to_buffer(tbs));
      Response response = TRY(process_->call(std::move(request)));
      auto* signatures = std::get_if<Signatures>(&response);
      if (signatures != nullptr && signatures->size() == all.size()) return std::move(*signatures);
      return make_error(Errc::internal, "the signer process answered something else than {} signatures",
                        all.size());
    };
    auto signatures = ask();
    return signatures ? std::move(*signatures) : Signatures(all.size(), signatures.error());
  }

  const std::shared_ptr<SignerProcess> process_;
  const RemoteKeyInfo key_;
  const SignatureAlgorithm algorithm_;
};

class RemoteDecrypter final : public Decrypter {
 public:
  RemoteDecrypter(std::shared_ptr<SignerProcess> process, RemoteKeyInfo key)
      : process_(std::move(process)), key_(std::move(key)) {}
  Bytes public_key_info() const override { return key_.public_key_info; }

  Result<Buffer> decrypt(KeyTransport transport, Bytes ciphertext, std::size_t key_size) const override {
    Response response =
        TRY(process_->call(DecryptRequest{key_.reference, transport, key_size, to_buffer(ciphertext)}));
    if (auto* key = std::get_if<Buffer>(&response)) return std::move(*key);
    return make_error(Errc::internal, "the signer process answered something else than a key");
  }

 private:
  const std::shared_ptr<SignerProcess> process_;
  const RemoteKeyInfo key_;
};

class RemoteKey final : public PrivateKey {
 public:
  RemoteKey(std::shared_ptr<SignerProcess> process, RemoteKeyInfo key)
      : process_(std::move(process)), key_(std::move(key)) {}
  Bytes public_key_info() const override { return key_.public_key_info; }
  Result<std::unique_ptr<Signer>> signer(SignatureAlgorithm algorithm) const override {
    return std::make_unique<RemoteSigner>(process_, key_, algorithm);
  }
  Result<std::unique_ptr<Decrypter>> decrypter() const override {
    return std::make_unique<RemoteDecrypter>(process_, key_);
  }
  Result<std::string> to_pem(std::string_view) const override {
    return make_error(Errc::unsupported, "a key does not leave the signer process");
  }

 private:
  const std::shared_ptr<SignerProcess> process_;
  const RemoteKeyInfo key_;
};

}  // namespace

// A channel on loan. It goes back when its call is over in good order; otherwise it is closed, because the
// answer of one call must not be taken for that of the next.
struct SignerProcess::Lease {
  SignerProcess* process;
  std::optional<Channel> channel;
  unsigned generation;

  Lease(SignerProcess* owner, Channel taken, unsigned number)
      : process(owner), channel(std::move(taken)), generation(number) {}
  Lease(Lease&& other) noexcept
      : process(std::exchange(other.process, nullptr)),
        channel(std::move(other.channel)),
        generation(other.generation) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (process == nullptr) return;
    {
      const std::scoped_lock lock(process->mutex_);
      if (generation == process->generation_ && generation != process->gone_) {
        if (channel)
          process->channels_.push_back(std::move(*channel));
        else
          --process->alive_;
      }
    }
    process->free_.notify_one();
  }
};

Status SignerProcess::start_process() {
  // Whoever else wants a channel has to wait as well, so the lock is kept.
  if (generation_ != 0) std::this_thread::sleep_until(last_start_ + options_.restart_pause);
  last_start_ = std::chrono::steady_clock::now();
  channels_.clear();
  alive_ = 0;
  ++generation_;
  channels_ = TRY(start_().context("starting the signer process"));
  alive_ = channels_.size();
  if (alive_ == 0) return make_error(Errc::unavailable, "the signer process has no channel");
  return reopen_keys();
}

// A key that cannot be opened now fails when it is used, and says why then.
Status SignerProcess::reopen_keys() const {
  for (const OpenRequest& request : opened_) {
    TRY(channels_.back().send(encode(request)));
    if (TRY(channels_.back().receive(options_.patience)).message.empty())
      return make_error(Errc::unavailable, "the signer process is gone again");
  }
  return ok();
}

// All channels of a process that turned out to be gone.
void SignerProcess::forget(unsigned generation) {
  {
    const std::scoped_lock lock(mutex_);
    if (generation != generation_) return;
    channels_.clear();
    alive_ = 0;
    gone_ = generation;
  }
  free_.notify_all();
}

Result<SignerProcess::Lease> SignerProcess::take_channel() {
  std::unique_lock lock(mutex_);
  const bool free =
      free_.wait_for(lock, options_.patience, [&] { return !channels_.empty() || alive_ == 0; });
  if (!free)
    return make_error(Errc::timeout, "all channels to the signer process were busy for {} ms",
                      options_.patience.count());
  if (channels_.empty()) TRY(start_process());
  Channel channel = std::move(channels_.back());
  channels_.pop_back();
  return Lease(this, std::move(channel), generation_);
}

Result<Response> SignerProcess::call_once(const Buffer& message, int file) {
  Lease lease = TRY(take_channel());
  const auto exchange = [&]() -> Result<Response> {
    TRY(lease.channel->send(message, file));
    const Packet packet = TRY(lease.channel->receive(options_.patience));
    if (packet.message.empty()) return make_error(Errc::unavailable, "the signer process is gone");
    return parse_response(packet.message);
  };
  Result<Response> response = exchange();
  if (!response) {
    lease.channel.reset();
    if (response.error().code() == Errc::unavailable) forget(lease.generation);
  }
  return response;
}

Result<Response> SignerProcess::call(const Request& request, int file) {
  const Buffer message = encode(request);
  Result<Response> response = call_once(message, file);
  if (!response && response.error().code() == Errc::unavailable) response = call_once(message, file);
  if (!response) return response;
  if (auto* error = std::get_if<Error>(&*response)) return std::move(*error);
  return response;
}

Result<Buffer> SignerProcess::open(OpenRequest request) {
  Response response = TRY(call(request));
  auto* public_key_info = std::get_if<Buffer>(&response);
  if (!public_key_info)
    return make_error(Errc::internal, "the signer process answered something else than a key");
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(opened_, request.reference, &OpenRequest::reference) == opened_.end())
    opened_.push_back(std::move(request));
  return std::move(*public_key_info);
}

Result<std::shared_ptr<SignerProcess>> SignerProcess::start(Start start, const Options& options) {
  std::shared_ptr<SignerProcess> process(new SignerProcess(std::move(start), options));
  (void)TRY(process->keys());
  return process;
}

Result<std::vector<RemoteKeyInfo>> SignerProcess::keys() {
  Response response = TRY(call(KeysRequest{}));
  if (auto* keys = std::get_if<std::vector<RemoteKeyInfo>>(&response)) return std::move(*keys);
  return make_error(Errc::internal, "the signer process answered something else than its keys");
}

Result<std::unique_ptr<PrivateKey>> SignerProcess::key(std::string_view reference) {
  for (RemoteKeyInfo& key : TRY(keys()))
    if (key.reference == reference) return std::make_unique<RemoteKey>(shared_from_this(), std::move(key));
  return make_error(Errc::not_found, "the signer process has no key {}", reference);
}

unsigned SignerProcess::starts() const {
  const std::scoped_lock lock(mutex_);
  return generation_;
}

}  // namespace vouch::crypto::remote
