#pragma once
// Who has asked a SCEP service, and how far they came, as a W3C extended access log tells: ours or IIS's. A
// device that fetches capabilities and certificates and never sends its request has nothing in the CA's
// records.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vouch::enroll::scep {

struct Visitor {
  std::string client, agent;  // address; the program's name, '+' for blanks as in the log
  std::string first, last;    // "2026-11-26 18:00:00", as the log has it
  std::uint64_t capabilities = 0, certificates = 0;  // GetCACaps; GetCACert and GetNextCACert
  std::uint64_t messages = 0;    // PKIOperation that got an answer of SCEP's, whatever it says
  std::uint64_t unanswered = 0;  // PKIOperation with another status than 200
  unsigned last_status = 0;      // of those
  bool is_silent() const { return messages == 0; }
};

class VisitorLog {
 public:
  // One line without its end. Fields are found by the #Fields line before; without one, by IIS's usual order.
  // Further fields at the end change nothing.
  void take(std::string_view line);
  // Whoever asked last comes first.
  std::vector<Visitor> visitors() const;
  std::uint64_t unreadable() const { return unreadable_; }  // lines
  // Of more than this many nothing is kept but that they were there: the log may have been filled on purpose.
  static constexpr std::size_t kMost = 100'000;
  bool is_full() const { return full_; }

 private:
  enum Field : std::uint8_t { date, time, query, client, agent, status, other };
  static Field field_of(std::string_view name);
  void take_fields(std::string_view names);

  // Of IIS and of ours: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip
  // cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken
  std::vector<Field> fields_{date,   time,  other, other,  other, query, other, other,
                             client, agent, other, status, other, other, other};
  std::map<std::pair<std::string, std::string>, Visitor> visitors_;  // by address and program
  std::uint64_t unreadable_ = 0;
  bool full_ = false;
};

}  // namespace vouch::enroll::scep
