#include "base/settings.hpp"

#include <gmock/gmock.h>

namespace vouch {
namespace {

TEST(SettingsTest, TheLastDotEndsTheSection) {
  EXPECT_EQ(with_toml_value("", "listener.http.tls", "true"), "[listener.http]\ntls = true\n");
  EXPECT_EQ(
      with_toml_value("[listener.http]\ntls = false # not yet\n[a]\ntls = 1\n", "listener.http.tls", "true"),
      "[listener.http]\ntls = true\n[a]\ntls = 1\n");
}

TEST(SettingsTest, WordsAreSpelledAsTheSettingWantsThem) {
  EXPECT_EQ(spelled_like(Value(1), "2"), "2");
  EXPECT_EQ(spelled_like(Value(false), "true"), "true");
  EXPECT_EQ(spelled_like(Value(""), "a\"b"), R"("a\"b")");
}

TEST(SettingsTest, ListsAreShownWithCommas) {
  EXPECT_EQ(setting_text(Value(Value::List{Value("a"), Value(2), Value(true)})), "a, 2, true");
}

TEST(SettingsTest, AnUnknownNameLeadsToTheNearest) {
  constexpr std::string_view kKnown[] = {"limits.idle", "service.workers"};
  EXPECT_EQ(unknown_setting("limits.idel", kKnown).hint(), "did you mean limits.idle?");
  EXPECT_EQ(unknown_setting("x", kKnown).hint(), "known settings: limits.idle, service.workers");
}

}  // namespace
}  // namespace vouch
