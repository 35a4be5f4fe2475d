#pragma once
// The access log: one line for each answer, as IIS writes it (W3C extended format, so that existing readers
// work) or as JSON. Lines are formatted by whoever answered and written by a thread of the log; when the disk
// does not keep up, lines are dropped and counted, and the log says how many are missing. A request never
// waits for it.

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/files.hpp"
#include "base/time.hpp"
#include "net/http.hpp"

namespace vouch::net {

enum class LogForm : std::uint8_t { w3c, json };

// What one line tells. Texts are borrowed.
struct AccessRecord {
  std::chrono::sys_time<std::chrono::milliseconds> time;
  Address local, client;
  std::string_view method, path, query, user, user_agent, referer;
  unsigned status = 0, substatus = 0, win32_status = 0;
  std::chrono::milliseconds taken{0};
  std::uint64_t sent = 0;
  std::string_view listener;
  std::string_view detail;  // why it was refused; a remark in W3C form
};

// One line with its end. W3C fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username
// c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken; '-' for nothing, '+' for
// blanks. What could end a line or a field is percent-encoded; texts are cut at kMaxLoggedText octets.
void append_w3c(std::string& out, const AccessRecord& record);
void append_json(std::string& out, const AccessRecord& record);
std::string w3c_header(Time now);
constexpr std::size_t kMaxLoggedText = 4096;

class AccessLog {
 public:
  // Appends to the file. `clock` outlives the log.
  static Result<std::unique_ptr<AccessLog>> open(const fs::path& file, LogForm form, const Clock& clock);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const AccessRecord& record);
  // For a log that was renamed (logrotate): what was written before the call is in the old file.
  Status reopen();
  // Waits until everything written so far is in the file.
  void flush();
  std::uint64_t dropped() const;

 private:
  AccessLog(fs::path path, FileDescriptor file, LogForm form, const Clock& clock);
  void run();
  void write_out(std::unique_lock<std::mutex>& lock);

  const fs::path path_;
  const LogForm form_;
  const Clock& clock_;
  mutable std::mutex guards_lines_;
  std::condition_variable changed_;  // lines to write, or the end
  std::condition_variable written_;
  std::string lines_;
  FileDescriptor file_;
  bool writing_ = false, stopping_ = false;
  std::uint64_t dropped_ = 0, dropped_untold_ = 0;
  std::jthread thread_;
};

}  // namespace vouch::net
