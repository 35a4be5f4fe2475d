#include "enroll/scep/visitors.hpp"

#include <gmock/gmock.h>

namespace vouch::enroll::scep {
namespace {

using testing::ElementsAre, testing::Field, testing::IsEmpty;

VisitorLog reading(std::initializer_list<std::string_view> lines) {
  VisitorLog log;
  for (const std::string_view line : lines) log.take(line);
  return log;
}

// As IIS 10 writes them, with a field behind those of the documentation.
constexpr std::string_view kFields =
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) "
    "cs(Referer) sc-status sc-substatus sc-win32-status time-taken X-Forwarded-For\r";
constexpr std::string_view kCaps =
    "2026-11-26 18:00:01 10.0.0.5 GET /certsrv/mscep/mscep.dll operation=GetCACaps&message=default 80 - "
    "192.0.2.7 Mozilla/4.0+(compatible;+Win32;+NDES+client) - 200 0 0 12 -\r";
constexpr std::string_view kCert =
    "2026-11-26 18:00:02 10.0.0.5 GET /certsrv/mscep/mscep.dll/pkiclient.exe operation=GetCACert&message=0 "
    "80 - "
    "192.0.2.7 Mozilla/4.0+(compatible;+Win32;+NDES+client) - 200 0 0 15 -\r";
constexpr std::string_view kMessage =
    "2026-11-26 18:00:03 10.0.0.5 POST /certsrv/mscep/mscep.dll Operation=PKIOperation 80 - 192.0.2.8 - - "
    "200 0 0 "
    "230";
constexpr std::string_view kLong =
    "2026-11-26 18:00:04 10.0.0.5 GET /scep/phones message=MIIK...&operation=PKIOperation 80 - 192.0.2.9 "
    "profileagent - 414 0 0 0";

TEST(ScepVisitors, TellsWhoFetchedAndNeverSentARequest) {
  const VisitorLog log = reading({"#Software: Microsoft Internet Information Services 10.0", kFields, kCaps,
                                  kCert, kMessage, kLong, ""});
  const std::vector<Visitor> all = log.visitors();
  ASSERT_THAT(all, ElementsAre(Field(&Visitor::client, "192.0.2.9"), Field(&Visitor::client, "192.0.2.8"),
                               Field(&Visitor::client, "192.0.2.7")));
  EXPECT_TRUE(all[0].is_silent());
  EXPECT_EQ(all[0].unanswered, 1u);
  EXPECT_EQ(all[0].last_status, 414u);
  EXPECT_FALSE(all[1].is_silent());
  EXPECT_EQ(all[1].agent, "");
  EXPECT_TRUE(all[2].is_silent());
  EXPECT_EQ(all[2].agent, "Mozilla/4.0+(compatible;+Win32;+NDES+client)");
  EXPECT_EQ(all[2].capabilities, 1u);
  EXPECT_EQ(all[2].certificates, 1u);
  EXPECT_EQ(all[2].first, "2026-11-26 18:00:01");
  EXPECT_EQ(all[2].last, "2026-11-26 18:00:02");
  EXPECT_EQ(log.unreadable(), 0u);
}

TEST(ScepVisitors, FindsFieldsInAnyOrderAndWithoutTheirNames) {
  const auto reordered = reading({"#Fields: c-ip sc-status cs-uri-query time date",
                                  "192.0.2.7 200 operation=PKIOperation 18:00:01 2026-11-26"});
  EXPECT_THAT(reordered.visitors(), ElementsAre(Field(&Visitor::messages, 1u)));
  EXPECT_THAT(reading({kMessage}).visitors(), ElementsAre(Field(&Visitor::messages, 1u)));
}

TEST(ScepVisitors, LeavesAloneWhatIsNoScep) {
  const auto log = reading(
      {kFields, "2026-11-26 18:00:01 10.0.0.5 GET /certsrv/mscep/mscep.dll - 80 - 192.0.2.7 Edge - 403 0 0 1",
       "2026-11-26 18:00:01 10.0.0.5 GET /x operation=Other 80 - 192.0.2.7 Edge - 200 0 0 1"});
  EXPECT_THAT(log.visitors(), IsEmpty());
  EXPECT_EQ(log.unreadable(), 0u);
}

TEST(ScepVisitors, CountsWhatItCannotRead) {
  const auto log =
      reading({"rubbish", "2026-11-26 18:00:01 10.0.0.5 GET /x operation=GetCACaps 80 - 192.0.2.7 - - two",
               R"({"time":"2026-11-26T18:00:01Z","client":"192.0.2.7"})"});
  EXPECT_THAT(log.visitors(), IsEmpty());
  EXPECT_EQ(log.unreadable(), 3u);
}

}  // namespace
}  // namespace vouch::enroll::scep
