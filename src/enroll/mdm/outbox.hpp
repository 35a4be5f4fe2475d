#pragma once
// Notifications that have to reach somebody later: files in a folder of the home, so that neither a restart
// nor a service that is down for a night loses one. Bounded in number and in age.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/files.hpp"
#include "base/time.hpp"
#include "crypto/provider.hpp"

namespace vouch::enroll::mdm {

struct OutboxLimits {
  std::size_t most = 10'000;
  std::chrono::seconds age{std::chrono::hours(72)};  // then it is given up
  std::chrono::seconds first_retry{10}, longest_retry{std::chrono::hours(1)};
};

class Outbox {
 public:
  // Makes the folder (mode 0700) and takes up what lies there. Provider and clock outlive it.
  static Result<std::unique_ptr<Outbox>> open(fs::path folder, OutboxLimits limits,
                                              const crypto::Provider& provider, const Clock& clock);

  // Durable when it returns. `limit_exceeded`: too many wait already.
  Status put(std::string_view message);

  // Sends what is due, the oldest first. `send` says: ok, it has arrived; `denied`: it will never be taken,
  // give it up; anything else: try again later, and leave the others for now. Fails when something could not
  // be sent, or was given up: for the health state.
  Status deliver(const std::function<Status(std::string_view message)>& send);
  std::size_t waiting() const;
  // Refusals, which anybody can bring about, get half of it.
  bool has_room_for_refusals() const { return waiting() < limits_.most / 2; }

 private:
  struct Message {
    fs::path file;
    Time written;
  };
  enum class Next : std::uint8_t { go_on, stop };
  Outbox(fs::path folder, OutboxLimits limits, const crypto::Provider& provider, const Clock& clock)
      : folder_(std::move(folder)), limits_(limits), provider_(provider), clock_(clock) {}
  Status take_up();
  std::optional<Message> oldest() const;
  Status remove(const Message& message);
  Status give_up(const Message& message, const Error& why);
  void put_off();

  const fs::path folder_;
  const OutboxLimits limits_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  mutable std::mutex guards_messages_;
  std::deque<Message> messages_;  // the oldest first
  std::mutex one_delivery_;
  Time due_{};  // not before: guarded by one_delivery_, as the next two
  std::chrono::seconds pause_{0};
  Status last_ = ok();
};

}  // namespace vouch::enroll::mdm
