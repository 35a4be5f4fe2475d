#include "relying/gateway/decision_log.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

namespace vouch::relying {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Decision decision_at(std::string_view time, unsigned code = 0, std::string name = {}) {
  Decision decision;
  decision.time = parse_time(time).value();
  decision.accepted = name.empty();
  decision.code = code;
  decision.name = std::move(name);
  decision.message = "fetching http://user:secret@h/x.crl failed";
  return decision;
}
std::vector<std::string> times(const std::vector<std::string>& lines) {
  std::vector<std::string> found;
  for (const std::string& line : lines) found.push_back(*parse_json(line).value().find("time")->text());
  return found;
}

TEST(DecisionLog, FindsByCodeTimeOutcomeAndClient) {
  DecisionLog log;
  log.write(decision_at("2026-01-01"), "nginx");
  log.write(decision_at("2026-01-02", 500171, "revocation.revoked"), "openvpn");
  log.write(decision_at("2026-01-03", 0, "name.upn_mismatch"), "nginx");
  const auto count = [&](std::string_view query) {
    return log.find(read_decision_filter(query).value()).size();
  };
  EXPECT_EQ(count(""), 3u);
  EXPECT_EQ(count("accepted=true"), 1u);
  EXPECT_EQ(count("accepted=false"), 2u);
  EXPECT_EQ(count("code=500171"), 1u);
  EXPECT_EQ(count("code=aadsts500171"), 1u);
  EXPECT_EQ(count("code=Revocation.Revoked"), 1u);
  EXPECT_EQ(count("code=0"), 0u);
  EXPECT_EQ(count("client=nginx"), 2u);
  EXPECT_EQ(count("since=2026-01-02"), 2u);
  EXPECT_EQ(count("until=2026-01-01"), 1u);
  EXPECT_THAT(times(log.find({.most = 2})), ElementsAre("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"))
      << "the newest, the oldest of them first";
}

TEST(DecisionLog, AFilterGoesThroughItsQuery) {
  DecisionFilter filter{.accepted = false, .code = "500171", .text = "CN=a b", .client = "x", .most = 7};
  filter.since = parse_time("2026-01-01").value();
  const DecisionFilter again = read_decision_filter(to_query(filter)).value();
  EXPECT_EQ(again.accepted, filter.accepted);
  EXPECT_EQ(again.code, filter.code);
  EXPECT_EQ(again.text, filter.text);
  EXPECT_EQ(again.since, filter.since);
  EXPECT_EQ(again.most, 7u);
  for (const std::string_view wrong : {"accepted=maybe", "most=x", "since=yesterday", "colour=red"})
    EXPECT_FALSE(read_decision_filter(wrong)) << wrong;
}

TEST(DecisionLog, OldLinesGo) {
  DecisionLog log(2);
  for (const std::string_view day : {"2026-01-01", "2026-01-02", "2026-01-03"})
    log.write(decision_at(day), "x");
  EXPECT_THAT(times(log.find({})), ElementsAre("2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"));
  DecisionLog small(100, 10);
  small.write(decision_at("2026-01-01"), "x");
  EXPECT_THAT(small.find({}), IsEmpty()) << "a line larger than the whole";
}

TEST(DecisionLog, TheFileHasEveryLineWithoutPasswords) {
  std::string pattern = (fs::temp_directory_path() / "vouch-log.XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path file = fs::path(pattern) / "log" / "decisions.jsonl";
  DecisionLog log(1);
  ASSERT_TRUE(log.open(file));
  log.write(decision_at("2026-01-01", 500173, "crl.download_failed"), "nginx");
  fs::rename(file, file.string() + ".1");  // logrotate
  log.write(decision_at("2026-01-02"), "nginx");
  ASSERT_TRUE(log.open(file));
  log.write(decision_at("2026-01-03"), "nginx");
  const std::string old(as_text(read_file(file.string() + ".1").value())),
      fresh(as_text(read_file(file).value()));
  fs::remove_all(pattern);
  EXPECT_EQ(std::ranges::count(old, '\n'), 2);
  EXPECT_EQ(std::ranges::count(fresh, '\n'), 1);
  EXPECT_THAT(old, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(old, HasSubstr("\"client\": \"nginx\""));
  EXPECT_EQ(log.lost(), 0u);
}

TEST(DecisionLog, AFullDiskIsCounted) {
  DecisionLog log;
  ASSERT_TRUE(log.open("/dev/full"));
  log.write(decision_at("2026-01-01"), "nginx");
  EXPECT_EQ(log.lost(), 1u);
  EXPECT_THAT(log.find({}), SizeIs(1));
}

}  // namespace
}  // namespace vouch::relying
