#include "app/signer_child.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "app/signer_keys.hpp"
#include "ca/keys/token_keys.hpp"
#include "crypto/remote/sandbox.hpp"
#include "crypto/remote/signer_service.hpp"

namespace vouch::app {
namespace {

using crypto::remote::SignerService;

constexpr std::size_t kStack = std::size_t{1} << 20;  // of each thread: memory of this process is locked
constexpr std::chrono::minutes kBetweenSummaries{1};

// Counts what each key does. Refusals are told one by one, uses once a minute.
class UseLog {
 public:
  void count(std::string_view reference, std::string_view what) {
    const std::scoped_lock lock(mutex_);
    ++counts_[fmt::format("{} with {}", what, reference)];
    if (std::chrono::steady_clock::now() >= next_) tell();
  }
  void finish() {
    const std::scoped_lock lock(mutex_);
    tell();
  }

 private:
  void tell() {
    for (const auto& [what, count] : counts_) log_line(fmt::format("signer: {} times {}", count, what));
    counts_.clear();
    next_ = std::chrono::steady_clock::now() + kBetweenSummaries;
  }
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + kBetweenSummaries;
};

// Passphrases and PINs that were asked for beforehand, then what the plan's own sources still know.
ca::KeyAccess prepared_access(const daemon::KeyHolderPlan& plan, const MakeTokens& make_tokens) {
  ca::KeyAccess access = plan.access;
  if (make_tokens) access.tokens = make_tokens();  // PKCS #11 sessions do not survive a fork
  access.passphrase = [&plan](std::string_view file) -> Result<std::string> {
    if (const auto known = plan.passphrases.find(file); known != plan.passphrases.end()) return known->second;
    return plan.access.passphrase(file);
  };
  access.pin = [&plan](const crypto::PinRequest& request) -> Result<std::string> {
    if (const auto known = plan.pins.find(request.token); known != plan.pins.end()) return known->second;
    if (plan.access.pin) return plan.access.pin(request);
    return make_error(Errc::denied, "token '{}' wants a PIN, and nothing gives it", request.token);
  };
  return access;
}

crypto::remote::Sockets sockets_of(const daemon::KeyHolderPlan& plan) {
  using crypto::remote::Sockets;
  if (plan.sockets) return Sockets::allowed;
  const bool has_tokens =
      std::ranges::any_of(plan.known, [](const auto& key) { return crypto::is_token_uri(key.reference); });
  return has_tokens || !plan.access.pkcs11_module.empty() ? Sockets::refused : Sockets::fatal;
}

crypto::remote::Sandbox sandbox_of(const daemon::KeyHolderPlan& plan) {
  crypto::remote::Sandbox sandbox{plan.readable, plan.writable, sockets_of(plan)};
  sandbox.readable.push_back(plan.access.folder);
  for (const ca::KeyEvidence& key : plan.known) {
    const auto uri = crypto::parse_token_uri(key.reference);
    if (!uri || uri->pin_source.empty()) continue;
    const std::string_view source = uri->pin_source;
    sandbox.readable.emplace_back(source.starts_with("file:") ? source.substr(5) : source);
  }
  return sandbox;
}

class Signer {
 public:
  Signer(const daemon::KeyHolderPlan& plan, const MakeTokens& make_tokens)
      : access_(prepared_access(plan, make_tokens)), keys_(access_, plan.messengers) {
    service_.open = [this](const crypto::remote::OpenRequest& request) {
      auto key = keys_.add({request.reference, request.evidence});
      log_line(fmt::format("signer: {} {}", key ? "opened" : "refused to open", request.reference));
      return key;
    };
    service_.check = [this](std::string_view reference) { return keys_.check(reference); };
    service_.may_sign = [this](std::string_view reference, Bytes tbs) -> Status {
      auto kind = keys_.may_sign(reference, tbs);
      if (!kind) return std::move(kind.error());
      uses_.count(reference, fmt::format("signed {}", lint::to_string(*kind)));
      return ok();
    };
    service_.may_decrypt = [this](std::string_view reference) { return keys_.may_decrypt(reference); };
    service_.note = [this](const SignerService::Use& use) { note(use); };
  }

  // A key that cannot be had now is none that may be forgotten: the service starts all the same.
  void load(const std::vector<ca::KeyEvidence>& known) {
    for (const ca::KeyEvidence& key : known) {
      auto added = keys_.add(key);
      if (added) service_.keys.push_back({key.reference, *added});
      const Status there = added ? keys_.check(key.reference) : Status(added.error());
      if (!there) log_line(fmt::format("signer: {}: {}", key.reference, there.error().summary()));
    }
  }

  void serve(const std::vector<crypto::remote::Channel>& channels) {
    {
      std::vector<std::jthread> threads;
      threads.reserve(channels.size());
      for (const auto& channel : channels)
        threads.emplace_back([this, &channel] { (void)crypto::remote::serve(channel, service_); });
    }
    uses_.finish();
  }

 private:
  void note(const SignerService::Use& use) {
    if (!use.outcome)
      log_line(fmt::format("signer: did not {} {} octets with {}: {}", use.operation, use.size, use.reference,
                           use.outcome.error().summary()));
    else if (use.operation != "sign")
      uses_.count(use.reference, fmt::format("{}ed a key", use.operation));
  }

  const ca::KeyAccess access_;
  SignerKeys keys_;
  UseLog uses_;
  SignerService service_;
};

// Small stacks for the threads to come.
void limit_stacks() {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  ::pthread_attr_setstacksize(&attributes, kStack);
  ::pthread_setattr_default_np(&attributes);
  ::pthread_attr_destroy(&attributes);
}

}  // namespace

void log_line(std::string_view line) {
  const std::string whole = fmt::format("{}\n", line);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, whole.data(), whole.size());
}

Status run_signer(const daemon::KeyHolderPlan& plan, const MakeTokens& make_tokens,
                  const std::vector<crypto::remote::Channel>& channels) {
  limit_stacks();
  Signer signer(plan, make_tokens);
  // Before the sandbox: modules of tokens are programs, and none can be loaded in it.
  signer.load(plan.known);
  for (const std::string& missing : TRY(crypto::remote::enter(sandbox_of(plan))))
    log_line("signer: " + missing);
  signer.serve(channels);
  return ok();
}

}  // namespace vouch::app
