#include "enroll/mdm/outbox.hpp"

#include <algorithm>
#include <charconv>

namespace vouch::enroll::mdm {
namespace {

constexpr std::size_t kMaxMessage = std::size_t{1} << 20;
constexpr std::string_view kSuffix = ".json";

// "1764175200123-5f2e….json": in the order of time, and no two alike.
std::string file_name(std::chrono::sys_time<std::chrono::milliseconds> now, Bytes random) {
  return fmt::format("{:015}-{}{}", now.time_since_epoch().count(), to_hex(random), kSuffix);
}

std::optional<Time> time_of(const std::string& name) {
  std::int64_t milliseconds = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), milliseconds);
  if (error != std::errc{} || *end != '-' || !name.ends_with(kSuffix)) return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(milliseconds)));
}

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(fs::path folder, OutboxLimits limits,
                                             const crypto::Provider& provider, const Clock& clock) {
  TRY(make_folder(folder, 0700));
  std::unique_ptr<Outbox> outbox(new Outbox(std::move(folder), limits, provider, clock));
  TRY(outbox->take_up());
  return outbox;
}

Status Outbox::take_up() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (const auto written = time_of(entry.path().filename().string()))
      messages_.push_back({entry.path(), *written});
  if (error) return system_error(error.value(), "reading the folder", folder_);
  std::ranges::sort(messages_, {}, [](const Message& message) { return message.file.filename(); });
  return ok();
}

Status Outbox::put(std::string_view message) {
  Buffer random(8);
  provider_.random(random);
  const auto now = clock_.now_milliseconds();
  const std::scoped_lock lock(guards_messages_);
  if (messages_.size() >= limits_.most)
    return make_error(Errc::limit_exceeded, "{} notifications wait in {} already", messages_.size(),
                      folder_.string());
  const fs::path file = folder_ / file_name(now, random);
  TRY(write_file_atomic(file, as_bytes(message), 0600));
  messages_.push_back({file, std::chrono::floor<std::chrono::seconds>(now)});
  return ok();
}

Status Outbox::deliver(const std::function<Status(std::string_view message)>& send) {
  const std::scoped_lock one(one_delivery_);
  if (clock_.now() < due_ && clock_.now() + limits_.longest_retry >= due_) return last_;
  last_ = ok();
  while (const auto message = oldest()) {
    auto content = read_file(message->file, kMaxMessage);
    const Status sent = content ? send(as_text(*content)) : Status(content.error());
    if (content) wipe(*content);
    if (sent) {
      pause_ = std::chrono::seconds(0);
      TRY(remove(*message));
      continue;
    }
    const bool hopeless = sent.error().code() == Errc::denied || sent.error().code() == Errc::not_found;
    if (hopeless || clock_.now() - message->written > limits_.age) {
      last_ = give_up(*message, sent.error());
      continue;
    }
    put_off();
    last_ = make_error(Errc::unavailable, "{} notifications wait, the oldest since {}: {}", waiting(),
                       format_time(message->written), sent.error().summary());
    break;
  }
  return last_;
}

std::optional<Outbox::Message> Outbox::oldest() const {
  const std::scoped_lock lock(guards_messages_);
  if (messages_.empty()) return std::nullopt;
  return messages_.front();
}

std::size_t Outbox::waiting() const {
  const std::scoped_lock lock(guards_messages_);
  return messages_.size();
}

// Only a delivery removes, and there is one at a time: the message is the first still.
Status Outbox::remove(const Message& message) {
  std::error_code error;
  fs::remove(message.file, error);
  if (error) return system_error(error.value(), "removing", message.file);
  const std::scoped_lock lock(guards_messages_);
  messages_.pop_front();
  return ok();
}

Status Outbox::give_up(const Message& message, const Error& why) {
  TRY(remove(message));
  return make_error(Errc::unavailable, "a notification of {} was given up: {}", format_time(message.written),
                    why.summary());
}

void Outbox::put_off() {
  pause_ =
      pause_ == std::chrono::seconds(0) ? limits_.first_retry : std::min(pause_ * 2, limits_.longest_retry);
  due_ = clock_.now() + pause_;
}

}  // namespace vouch::enroll::mdm
