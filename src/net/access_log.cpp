#include "net/access_log.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"

namespace vouch::net {
namespace {

constexpr std::size_t kMostWaiting = std::size_t{8} << 20;  // some ten thousand lines

Result<FileDescriptor> open_log(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file) return system_error(errno, "opening the access log", path);
  return file;
}

void append_field(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.empty()) {
    out += "- ";
    return;
  }
  for (const char c : text.substr(0, kMaxLoggedText)) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == ' ')
      out += '+';
    else if (octet < 0x20 || octet >= 0x7f)
      out.append({'%', kDigits[octet >> 4], kDigits[octet & 15]});
    else
      out += c;
  }
  if (text.size() > kMaxLoggedText) out += "...";
  out += ' ';
}

// "2026-11-23 10:00:00", the separator being free.
std::string date_and_time(Time time, char between) {
  std::string text = format_time(time);
  text[10] = between;
  text.pop_back();
  return text;
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_quoted(out, text.substr(0, kMaxLoggedText));
}

}  // namespace

std::string w3c_header(Time now) {
  return fmt::format(
      "#Software: Vouch\n#Version: 1.0\n#Date: {}\n#Fields: date time s-ip cs-method cs-uri-stem "
      "cs-uri-query s-port "
      "cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n",
      date_and_time(now, ' '));
}

void append_w3c(std::string& out, const AccessRecord& record) {
  if (!record.detail.empty()) {
    std::string remark;
    append_field(remark, record.detail);
    for (char& c : remark)
      if (c == '+') c = ' ';
    remark.pop_back();
    out += fmt::format("#Remark: {}: {}\n", record.status, remark);
  }
  out += date_and_time(std::chrono::floor<std::chrono::seconds>(record.time), ' ');
  out += ' ';
  append_field(out, record.local.text());
  append_field(out, record.method);
  append_field(out, record.path);
  append_field(out, record.query);
  fmt::format_to(std::back_inserter(out), "{} ", record.local.port());
  append_field(out, record.user);
  append_field(out, record.client.text());
  append_field(out, record.user_agent);
  append_field(out, record.referer);
  fmt::format_to(std::back_inserter(out), "{} {} {} {}\n", record.status, record.substatus,
                 record.win32_status, record.taken.count());
}

void append_json(std::string& out, const AccessRecord& record) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(record.time);
  fmt::format_to(std::back_inserter(out), "{{\"time\":\"{}.{:03}Z\"", date_and_time(seconds, 'T'),
                 (record.time - seconds).count());
  append_member(out, "listener", record.listener);
  append_member(out, "client", record.client.text());
  append_member(out, "server", record.local.text());
  fmt::format_to(std::back_inserter(out), ",\"port\":{}", record.local.port());
  append_member(out, "method", record.method);
  append_member(out, "path", record.path);
  append_member(out, "query", record.query);
  append_member(out, "user", record.user);
  append_member(out, "user_agent", record.user_agent);
  append_member(out, "referer", record.referer);
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"substatus\":{},\"win32_status\":{},\"ms\":{},\"sent\":{}", record.status,
                 record.substatus, record.win32_status, record.taken.count(), record.sent);
  append_member(out, "detail", record.detail);
  out += "}\n";
}

Result<std::unique_ptr<AccessLog>> AccessLog::open(const fs::path& file, LogForm form, const Clock& clock) {
  auto descriptor = TRY(open_log(file));
  return std::unique_ptr<AccessLog>(new AccessLog(file, std::move(descriptor), form, clock));
}

AccessLog::AccessLog(fs::path path, FileDescriptor file, LogForm form, const Clock& clock)
    : path_(std::move(path)), form_(form), clock_(clock), file_(std::move(file)) {
  if (form_ == LogForm::w3c) lines_ = w3c_header(clock_.now());
  thread_ = std::jthread([this] { run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(guards_lines_);
    stopping_ = true;
  }
  changed_.notify_all();
}

void AccessLog::write(const AccessRecord& record) {
  const std::lock_guard lock(guards_lines_);
  if (lines_.size() > kMostWaiting) {
    ++dropped_;
    ++dropped_untold_;
    return;
  }
  const bool first = lines_.empty();
  if (form_ == LogForm::w3c)
    append_w3c(lines_, record);
  else
    append_json(lines_, record);
  if (first) changed_.notify_one();
}

void AccessLog::write_out(std::unique_lock<std::mutex>& lock) {
  std::string batch;
  batch.swap(lines_);
  const auto count = static_cast<std::uint64_t>(std::ranges::count(batch, '\n'));
  const std::uint64_t lost = std::exchange(dropped_untold_, 0);
  if (lost > 0)
    batch += form_ == LogForm::w3c ? fmt::format("#Remark: {} lines are missing here\n", lost)
                                   : fmt::format("{{\"missing_lines\":{}}}\n", lost);
  writing_ = true;
  lock.unlock();
  const bool failed = !write_all(file_.get(), as_bytes(batch), path_).has_value();
  lock.lock();
  writing_ = false;
  if (failed) {
    dropped_ += count;
    dropped_untold_ += count + lost;
  }
  written_.notify_all();
  changed_.notify_one();
}

void AccessLog::run() {
  std::unique_lock lock(guards_lines_);
  for (;;) {
    changed_.wait(lock, [&] { return !writing_ && (stopping_ || !lines_.empty()); });
    if (!lines_.empty()) write_out(lock);
    if (stopping_ && lines_.empty()) return;
    // Lines that come in quick succession are written together.
    if (!stopping_) changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return stopping_; });
  }
}

void AccessLog::flush() {
  std::unique_lock lock(guards_lines_);
  written_.wait(lock, [&] { return lines_.empty() && !writing_; });
}

Status AccessLog::reopen() {
  auto fresh = TRY(open_log(path_));
  std::unique_lock lock(guards_lines_);
  written_.wait(lock, [&] { return !writing_; });
  if (!lines_.empty()) write_out(lock);
  // Lines that came meanwhile go into the new file.
  std::swap(file_, fresh);
  if (form_ == LogForm::w3c) lines_.insert(0, w3c_header(clock_.now()));
  changed_.notify_one();
  return ok();
}

std::uint64_t AccessLog::dropped() const {
  const std::lock_guard lock(guards_lines_);
  return dropped_;
}

}  // namespace vouch::net
