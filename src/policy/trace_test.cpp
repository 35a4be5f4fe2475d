#include "policy/trace.hpp"

#include <gmock/gmock.h>

namespace vouch::policy {
namespace {

using testing::HasSubstr;
using testing::StrEq;

const Trace kTrace{
    {"request.version", Verdict::passed, "", "", ""},
    {"validity.beyond_ca", Verdict::changed, "2036", "2037", ""},
    {"template.approval", Verdict::pended, "approval", "none", "ask\n\tone\\two\r"},
    {"key.size", Verdict::denied, "RSA with 2048 bits", "RSA with 1024 bits", "make a new key"}};

TEST(TraceTest, OneLineAStepAndBack) {
  const std::string text = format_trace(kTrace);
  EXPECT_THAT(text, StrEq("+request.version\n"
                          "~validity.beyond_ca\t2036\t2037\t\n"
                          "?template.approval\tapproval\tnone\task\\n\\tone\\\\two\\r\n"
                          "-key.size\tRSA with 2048 bits\tRSA with 1024 bits\tmake a new key\n"));
  EXPECT_EQ(parse_trace(text).value(), kTrace);
  EXPECT_TRUE(parse_trace("").value().empty());
}

TEST(TraceTest, RefusesWhatItDidNotWrite) {
  for (const char* bad : {"+a", "xa\n", "\n", "+a\t\\q\t\t\n", "+a\tb\tc\td\te\n", "+a\\\n"})
    EXPECT_FALSE(parse_trace(bad)) << bad;
}

TEST(TraceTest, SurvivesTruncationAndChangedOctets) {
  const std::string text = format_trace(kTrace);
  for (std::size_t i = 0; i < text.size(); ++i) {
    (void)parse_trace(text.substr(0, i));
    for (const char c : {'\0', '\t', '\n', '\\', '\xff'}) {
      std::string changed = text;
      changed[i] = c;
      if (const auto trace = parse_trace(changed)) {
        EXPECT_EQ(parse_trace(format_trace(*trace)).value(), *trace);
      }
    }
  }
}

TEST(TraceTest, ExplainsWithoutObeyingControlCharacters) {
  const std::string text = explain_trace({{"san.type", Verdict::denied, "no \x1b[31m", "a\nb", "mend it"}});
  EXPECT_THAT(text, StrEq("  denied   san.type\n           expected  no ?[31m\n           received  a?b\n"
                          "           mend      mend it\n"));
}

TEST(TraceTest, DescribesEveryFieldAlways) {
  EXPECT_THAT(
      to_json(describe_trace({kTrace[0]}), 0),
      StrEq(
          R"([{"rule": "request.version", "verdict": "passed", "expected": "", "received": "", "mend": ""}])"));
}

}  // namespace
}  // namespace vouch::policy
