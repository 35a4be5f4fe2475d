#include "app/signer.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/signer_child.hpp"
#include "crypto/remote/sandbox.hpp"
#include "crypto/remote/signer_process.hpp"

namespace vouch::app {
namespace {

using crypto::remote::Channel;

constexpr std::uint8_t kStartOne = 'S';

// The service manager, and a terminal, send signals to all processes of the service. These two end when the
// front closes its channels, after its last signature.
void leave_signals_to_the_front() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// Everything but standard input, output and error and one more: sockets that the service manager passed, the
// lock of the home, whatever else there is.
void close_all_but(int kept) {
  ::close_range(STDERR_FILENO + 1, static_cast<unsigned>(kept) - 1, 0);
  ::close_range(static_cast<unsigned>(kept) + 1, ~0U, 0);
}

class Keeper {
 public:
  Keeper(const daemon::KeyHolderPlan& plan, const MakeTokens& make_tokens, Channel front)
      : plan_(plan), make_tokens_(make_tokens), front_(std::move(front)) {}

  void run() {
    for (;;) {
      const auto packet = front_.receive();
      if (!packet || packet->message.empty()) break;  // the front is gone
      end_child();
      if (const Status started = start_child(); !started) log_line(started.error().summary());
    }
    // The front is gone, so its ends of the channels are, too.
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }

 private:
  Status start_child() {
    std::vector<Channel> for_front, for_child;
    for (unsigned i = 0; i < plan_.channels; ++i) {
      auto [one, other] = TRY(Channel::make_pair());
      for_front.push_back(std::move(one));
      for_child.push_back(std::move(other));
    }
    child_ = ::fork();
    if (child_ < 0)
      return make_error(Errc::unavailable, "cannot start the signer process: {}", std::strerror(errno));
    if (child_ == 0) {
      for_front.clear();
      front_ = Channel(FileDescriptor());
      const Status ran = run_signer(plan_, make_tokens_, for_child);
      if (!ran) log_line(fmt::format("signer: {}", ran.error().summary()));
      ::_exit(ran ? 0 : 1);
    }
    const Buffer message{kStartOne};
    for (const Channel& channel : for_front) TRY(front_.send(message, channel.descriptor()));
    return ok();
  }

  // One that is there still does not answer any more.
  void end_child() {
    if (child_ <= 0) return;
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, &status, 0);
    }
    if (WIFSIGNALED(status))
      log_line(fmt::format("the signer process was ended by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status))));
    else
      log_line(fmt::format("the signer process ended with status {}", WEXITSTATUS(status)));
    child_ = 0;
  }

  const daemon::KeyHolderPlan& plan_;
  const MakeTokens& make_tokens_;
  Channel front_;
  pid_t child_ = 0;
};

// The front's end of the keeper: asks for a signer process and gets the channels to it.
class KeeperClient {
 public:
  KeeperClient(Channel keeper, unsigned channels, pid_t pid)
      : keeper_(std::move(keeper)), channels_(channels), pid_(pid) {}
  ~KeeperClient() {
    keeper_ = Channel(FileDescriptor());
    ::waitpid(pid_, nullptr, 0);
  }
  KeeperClient(const KeeperClient&) = delete;
  KeeperClient& operator=(const KeeperClient&) = delete;

  Result<std::vector<Channel>> start_one() const {
    constexpr std::chrono::seconds kPatience{30};
    TRY(keeper_.send(Buffer{kStartOne}));
    std::vector<Channel> channels;
    while (channels.size() < channels_) {
      auto packet = TRY(keeper_.receive(kPatience));
      if (packet.message.empty() || !packet.file)
        return make_error(Errc::unavailable, "the keeper of the signer process is gone")
            .with_hint("restart the service");
      channels.emplace_back(std::move(packet.file));
    }
    return channels;
  }

 private:
  Channel keeper_;
  const unsigned channels_;
  const pid_t pid_;
};

class SignerKeySource final : public ca::KeySource {
 public:
  explicit SignerKeySource(std::shared_ptr<crypto::remote::SignerProcess> process)
      : process_(std::move(process)) {}

  Result<std::unique_ptr<crypto::PrivateKey>> find(const ca::Environment& environment,
                                                   std::string_view reference) const override {
    auto key = process_->key(reference);
    if (key || key.error().code() != Errc::not_found) return key;
    TRY(open(environment, reference));
    return process_->key(reference);
  }

  Status check(const ca::Environment& environment, std::string_view reference) const override {
    return open(environment, reference);
  }

 private:
  Status open(const ca::Environment& environment, std::string_view reference) const {
    auto key = TRY(ca::find_key_evidence(*TRY(environment.database.snapshot()), reference));
    (void)TRY(process_->open({std::move(key.reference), std::move(key.evidence)}));
    return ok();
  }

  const std::shared_ptr<crypto::remote::SignerProcess> process_;
};

void wipe_secrets(daemon::KeyHolderPlan& plan) {
  for (auto* secrets : {&plan.passphrases, &plan.pins})
    for (auto& [name, secret] : *secrets) wipe(secret);
}

}  // namespace

Result<std::shared_ptr<const ca::KeySource>> hold_keys(daemon::KeyHolderPlan plan,
                                                       const MakeTokens& make_tokens) {
  auto [front, back] = TRY(Channel::make_pair());
  const pid_t pid = ::fork();
  if (pid < 0)
    return make_error(Errc::unavailable, "cannot start the keeper of the signer process: {}",
                      std::strerror(errno));
  if (pid == 0) {
    leave_signals_to_the_front();
    close_all_but(back.descriptor());
    if (const auto hidden = crypto::remote::hide(); !hidden) {
      log_line(hidden.error().summary());
      ::_exit(1);
    }
    Keeper(plan, make_tokens, std::move(back)).run();
    ::_exit(0);
  }
  wipe_secrets(plan);
  // Belongs to the process that it starts: the last key that is let go of ends both.
  auto keeper = std::make_shared<const KeeperClient>(std::move(front), plan.channels, pid);
  return std::make_shared<const SignerKeySource>(
      TRY(crypto::remote::SignerProcess::start([keeper] { return keeper->start_one(); }, {})));
}

}  // namespace vouch::app
