#include "net/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/value.hpp"

namespace vouch::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

AccessRecord record() {
  AccessRecord r;
  r.time = parse_time("2026-11-23 10:00:01").value() + std::chrono::milliseconds(250);
  r.local = Address::parse("192.0.2.10:443").value();
  r.client = Address::parse("198.51.100.7").value();
  r.method = "GET";
  r.path = "/certsrv/mscep/mscep.dll";
  r.query = "operation=GetCACaps&message=x";
  r.user_agent = "Mozilla/4.0 (compatible; Win32; NDES client)";
  r.status = 200;
  r.taken = std::chrono::milliseconds(15);
  r.sent = 100;
  r.listener = "scep";
  return r;
}

// Line and order of fields as IIS writes them by default.
TEST(AccessLog, W3cLine) {
  std::string line;
  append_w3c(line, record());
  EXPECT_EQ(line,
            "2026-11-23 10:00:01 192.0.2.10 GET /certsrv/mscep/mscep.dll operation=GetCACaps&message=x 443 - "
            "198.51.100.7 "
            "Mozilla/4.0+(compatible;+Win32;+NDES+client) - 200 0 0 15\n");
  EXPECT_THAT(
      w3c_header(record().time.time_since_epoch().count() > 0 ? parse_time("2026-11-23").value() : Time()),
      HasSubstr("#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
                "cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"));
}

TEST(AccessLog, NothingForgesALine) {
  AccessRecord r = record();
  r.user_agent = "a\r\n2026-11-23 \x01\x7f\xff";
  r.detail = "why\nnot";
  std::string line;
  append_w3c(line, r);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 2);
  EXPECT_THAT(line, StartsWith("#Remark: 200: why%0Anot\n"));
  EXPECT_THAT(line, HasSubstr(" a%0D%0A2026-11-23+%01%7F%FF - 200"));
  line.clear();
  append_json(line, r);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(parse_json(line)) << line;
}

TEST(AccessLog, LongTextsAreCut) {
  AccessRecord r = record();
  const std::string query(65'000, 'q');
  r.query = query;
  std::string line;
  append_w3c(line, r);
  EXPECT_LT(line.size(), kMaxLoggedText + 300);
  EXPECT_THAT(line, HasSubstr("q... 443"));
}

TEST(AccessLog, JsonLine) {
  std::string line;
  AccessRecord r = record();
  r.user = "EXAMPLE\\o'hara";
  append_json(line, r);
  const Value value = parse_json(line).value();
  EXPECT_EQ(*value.find("time")->text(), "2026-11-23T10:00:01.250Z");
  EXPECT_EQ(*value.find("user")->text(), "EXAMPLE\\o'hara");
  EXPECT_EQ(*value.find("status")->integer(), 200);
  EXPECT_EQ(*value.find("client")->text(), "198.51.100.7");
}

class AccessLogFile : public testing::Test {
 protected:
  AccessLogFile() {
    char name[] = "/tmp/vouch-log.XXXXXX";
    folder = ::mkdtemp(static_cast<char*>(name));
  }
  ~AccessLogFile() override { fs::remove_all(folder); }
  static std::string text(const fs::path& path) { return std::string(as_text(read_file(path).value())); }
  fs::path folder;
  ManualClock clock{parse_time("2026-11-23").value()};
};

TEST_F(AccessLogFile, EveryLineArrivesInOrder) {
  const fs::path file = folder / "access.log";
  {
    const auto log = AccessLog::open(file, LogForm::w3c, clock).value();
    AccessRecord r = record();
    for (unsigned i = 0; i < 5'000; ++i) {
      r.substatus = i;
      log->write(r);
    }
  }
  const std::string lines = text(file);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 5'004);
  EXPECT_LT(lines.find("200 7 0"), lines.find("200 4999 0"));
}

TEST_F(AccessLogFile, ReopenedAfterRotation) {
  const fs::path file = folder / "access.log", old = folder / "access.log.1";
  const auto log = AccessLog::open(file, LogForm::w3c, clock).value();
  log->write(record());
  fs::rename(file, old);
  ASSERT_TRUE(log->reopen());
  AccessRecord r = record();
  r.status = 404;
  log->write(r);
  log->flush();
  EXPECT_THAT(text(old), HasSubstr(" 200 0 0 15\n"));
  EXPECT_THAT(text(file), StartsWith("#Software: Vouch\n"));
  EXPECT_THAT(text(file), HasSubstr(" 404 0 0 15\n"));
}

// A disk that takes nothing: lines are lost, requests are not held up, and the number of the lost is known.
TEST_F(AccessLogFile, AFullDiskIsCounted) {
  const auto log = AccessLog::open("/dev/full", LogForm::json, clock).value();
  for (int i = 0; i < 10; ++i) log->write(record());
  log->flush();
  EXPECT_EQ(log->dropped(), 10U);
}

TEST_F(AccessLogFile, AnUnusablePathIsAnError) {
  EXPECT_FALSE(AccessLog::open(folder / "no" / "such" / "folder", LogForm::json, clock));
}

}  // namespace
}  // namespace vouch::net
