#include "ca/keys/key_waiting.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/value.hpp"
#include "ca/home/audit.hpp"
#include "ca/settings/roles.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxWaitFile = 4096;
constexpr auto kPause = std::chrono::milliseconds(100);

fs::path folder_of(const Home& home) { return home.folder() / "locks" / "waiting"; }
fs::path file_of(const Home& home, const std::string& name, std::string_view suffix) {
  return folder_of(home) / fmt::format("{}.{}", name, suffix);
}

void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

// True when it was there under the first name, and is under the second now. Of two that try, one succeeds.
Result<bool> rename_if_there(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (!failed) return true;
  if (failed == std::errc::no_such_file_or_directory) return false;
  return system_error(failed.value(), "renaming", from);
}

// Rises with time; the random end keeps threads of one process apart.
std::string new_name(const Environment& environment) {
  std::uint8_t random[4];
  environment.provider.random(random);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       environment.clock.now_milliseconds().time_since_epoch())
                       .count();
  return fmt::format("{:015}-{}-{}", now, ::getpid(), to_hex(random));
}

// One's own place in the list; given up when it goes.
class Place {
 public:
  static Result<Place> take(const Environment& environment, const std::string& ca, const std::string& what) {
    TRY(make_folder(folder_of(environment.home), 0700));
    Place place(environment.home, new_name(environment));
    place.alive_ = TRY(FileLock::acquire(place.file("lock"), std::chrono::milliseconds(0)));
    const std::string content = to_json(
        Value().set("ca", ca).set("what", what).set("since", format_time(environment.clock.now())), 0);
    TRY(write_file_atomic(place.file("wait"), as_bytes(content), 0600));
    return place;
  }
  Place(Place&& other) noexcept
      : home_(other.home_), name_(std::exchange(other.name_, {})), alive_(std::move(other.alive_)) {}
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (name_.empty()) return;
    for (const std::string_view suffix : {"wait", "go", "lock"}) remove_quietly(file(suffix));
  }

  bool may_pass() const {
    std::error_code ignored;
    return fs::exists(file("go"), ignored);
  }
  // Nobody can let it pass from here on. False when somebody has, in the last moment.
  Result<bool> withdraw() const { return rename_if_there(file("wait"), file("go")); }

 private:
  Place(const Home& home, std::string name) : home_(home), name_(std::move(name)) {}
  fs::path file(std::string_view suffix) const { return file_of(home_, name_, suffix); }

  const Home& home_;
  std::string name_;
  std::optional<FileLock> alive_;
};

class WaitingSigner final : public crypto::Signer {
 public:
  WaitingSigner(const Environment& environment, std::string ca, std::shared_ptr<const crypto::Signer> signer)
      : environment_(environment), ca_(std::move(ca)), signer_(std::move(signer)) {}
  crypto::SignatureAlgorithm algorithm() const override { return signer_->algorithm(); }
  Bytes public_key_info() const override { return signer_->public_key_info(); }
  Result<Buffer> sign(Bytes tbs) const override {
    const auto digest = environment_.provider.digest(crypto::DigestAlgorithm::sha256, tbs);
    TRY(wait_for_unlock(environment_, ca_,
                        fmt::format("sign {} octets, SHA-256 {}", tbs.size(), to_hex(Bytes(digest).first(8))),
                        std::chrono::duration_cast<std::chrono::milliseconds>(
                            add(Time{}, environment_.home.configuration().unlock_patience) - Time{})));
    return signer_->sign(tbs);
  }

 private:
  const Environment environment_;
  const std::string ca_;
  const std::shared_ptr<const crypto::Signer> signer_;
};

}  // namespace

Result<std::vector<WaitingOperation>> waiting_operations(const Home& home) {
  std::vector<WaitingOperation> waiting;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder_of(home), failed)) {
    if (entry.path().extension() != ".wait") continue;
    WaitingOperation operation;
    operation.name = entry.path().stem();
    // Whoever waits holds the lock; a process that died does not.
    if (FileLock::acquire(file_of(home, operation.name, "lock"), std::chrono::milliseconds(0))) {
      for (const std::string_view suffix : {"wait", "go", "lock"})
        remove_quietly(file_of(home, operation.name, suffix));
      continue;
    }
    const auto content = read_file(entry.path(), kMaxWaitFile);
    if (!content) continue;  // it has gone meanwhile
    const Value value = TRY(parse_json(as_text(*content)).context("reading {}", entry.path().string()));
    const auto text = [&](std::string_view key) {
      const Value* member = value.find(key);
      return member && member->text() ? *member->text() : std::string();
    };
    operation.ca = text("ca");
    operation.what = text("what");
    operation.since = TRY(parse_time(text("since")).context("reading {}", entry.path().string()));
    waiting.push_back(std::move(operation));
  }
  std::ranges::sort(waiting, {}, &WaitingOperation::name);
  return waiting;
}

Status let_pass(const Home& home, const WaitingOperation& operation) {
  if (TRY(rename_if_there(file_of(home, operation.name, "wait"), file_of(home, operation.name, "go"))))
    return ok();
  return make_error(Errc::not_found, "'{}' of CA '{}' does not wait any more", operation.what, operation.ca);
}

Status let_pass(const Environment& environment, const WaitingOperation& operation,
                std::string_view administrator) {
  const auto record = TRY(TRY(environment.database.snapshot())->authority(operation.ca));
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "let keys be used",
                              .action = "key.unlock",
                              .object = operation.what,
                              .authority = record.id,
                              .authority_name = record.name}));
  TRY(record_audit(environment, {.actor = std::string(administrator),
                                 .action = "key.unlock",
                                 .authority = operation.ca,
                                 .object = operation.what}));
  return let_pass(environment.home, operation);
}

Status wait_for_unlock(const Environment& environment, const std::string& ca, const std::string& what,
                       std::chrono::milliseconds patience) {
  const Place place = TRY(Place::take(environment, ca, what).context("waiting for the key of CA '{}'", ca));
  if (environment.tell)
    environment.tell(
        fmt::format("the key of CA '{}' is used with an administrator's consent only; waiting for: vouch "
                    "--home {} ca unlock "
                    "--once",
                    ca, environment.home.folder().string()));
  // The steady clock: how long a person is waited for has nothing to do with the authority's time.
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!place.may_pass()) {
    if (std::chrono::steady_clock::now() >= end && TRY(place.withdraw()))
      return make_error(Errc::timeout, "nobody let the key of CA '{}' be used", ca)
          .with_hint("try again, and run meanwhile in another terminal: vouch ca unlock --once");
    std::this_thread::sleep_for(kPause);
  }
  return ok();
}

std::shared_ptr<const crypto::Signer> make_waiting_signer(const Environment& environment, std::string ca,
                                                          std::shared_ptr<const crypto::Signer> signer) {
  return std::make_shared<WaitingSigner>(environment, std::move(ca), std::move(signer));
}

}  // namespace vouch::ca
