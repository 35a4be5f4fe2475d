#include "base/value.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace vouch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StrEq;

std::vector<std::string> keys_of(const Value& value) {
  std::vector<std::string> keys;
  for (const auto& [key, item] : *value.members()) keys.push_back(key);
  return keys;
}

TEST(ValueTest, SetReplacesAndKeepsThePlace) {
  Value value;
  value.set("a", 1).set("b", 2).set("a", 3);
  EXPECT_THAT(keys_of(value), ElementsAre("a", "b"));
  EXPECT_EQ(*value.find("a")->integer(), 3);
  EXPECT_EQ(value.find("c"), nullptr);
  EXPECT_EQ(Value(1).find("a"), nullptr);
}

TEST(ValueTest, EqualityIgnoresTheLine) {
  Value a(1), b(1);
  a.set_line(7);
  EXPECT_EQ(a, b);
  EXPECT_FALSE(Value(1) == Value(1.0));
}

// --- JSON

TEST(JsonTest, KeepsTheOrderOfKeysAndEveryType) {
  const Value value =
      parse_json(R"({"z": null, "a": [true, false, -7, 1.5, "tä\u00fc\ud83d\ude00"], "m": {"x": {}}})")
          .value();
  EXPECT_THAT(keys_of(value), ElementsAre("z", "a", "m"));
  EXPECT_TRUE(value.find("z")->is_null());
  const Value::List& list = *value.find("a")->list_items();
  EXPECT_EQ(*list[2].integer(), -7);
  EXPECT_EQ(*list[3].real(), 1.5);
  EXPECT_EQ(*list[4].text(), "täü😀");
  EXPECT_TRUE(value.find("m")->find("x")->members()->empty());
}

TEST(JsonTest, WritesWhatItReads) {
  const std::string_view text = R"({
  "name": "a\"b\\c",
  "list": [
    1,
    2.5,
    1.0
  ],
  "empty": {},
  "none": []
})";
  EXPECT_THAT(to_json(parse_json(text).value()), StrEq(std::string(text)));
  EXPECT_THAT(to_json(parse_json(R"({"a":[1,{"b":null}]})").value(), 0), StrEq(R"({"a": [1, {"b": null}]})"));
}

TEST(JsonTest, EscapesWhatATerminalWouldObey) {
  EXPECT_THAT(to_json(Value("\x1b[31m\n\t\x7f")), StrEq(R"("\u001b[31m\n\t\u007f")"));
  EXPECT_THAT(to_json(Value("\xc2\x9b")), StrEq(R"("\u009b")"));  // CSI as one character
}

TEST(JsonTest, ReplacesWhatIsNoUtf8) {
  EXPECT_THAT(to_json(Value("a\xff\xc0\x80z")), StrEq("\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""));
  EXPECT_THAT(to_json(Value("\xed\xa0\x80")), HasSubstr("\xef\xbf\xbd"));  // a surrogate
  EXPECT_THAT(to_json(Value("\xe2\x82")), StrEq("\"\xef\xbf\xbd\xef\xbf\xbd\""));
}

TEST(JsonTest, WritesNoNumbersThatJsonDoesNotHave) {
  EXPECT_THAT(to_json(Value(std::nan(""))), StrEq("null"));
  EXPECT_THAT(to_json(Value(HUGE_VAL)), StrEq("null"));
}

struct BadJson {
  const char* name;
  std::string text;
  const char* message;
};
void PrintTo(const BadJson& row, std::ostream* out) { *out << row.name; }

class BadJsonTest : public testing::TestWithParam<BadJson> {};

TEST_P(BadJsonTest, IsRefusedAndSaysWhere) {
  const auto result = parse_json(GetParam().text);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().summary(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Json, BadJsonTest,
    testing::Values(
        BadJson{"Empty", "", "line 1"}, BadJson{"Unfinished", "{\"a\": 1", "line 1"},
        BadJson{"TwoDocuments", "{} {}", "line 1 column 4: something follows"},
        BadJson{"SecondLine", "{\n \"a\": tru }", "line 2"},
        BadJson{"DoubleKey", "{\"a\": 1, \"b\": 2, \"a\": 3}", "the name \"a\" stands twice"},
        BadJson{"DoubleKeyEscaped", "{\"a\": 1, \"\\u0061\": 3}", "stands twice"},
        BadJson{"TrailingComma", "[1,]", "line 1"}, BadJson{"Comment", "[1] // x", "something follows"},
        BadJson{"TooLarge", "18446744073709551615", "too large"},
        BadJson{"TooDeep", std::string(33, '[') + std::string(33, ']'), "deeper than 32"},
        BadJson{"HostileDepth", std::string(1000000, '['), "deeper than 32"},
        BadJson{"BadUtf8", "\"\xc0\x80\"", "line 1"}, BadJson{"BareControl", "\"\x01\"", "line 1"},
        BadJson{"LoneSurrogate", "\"\\ud800\"", "line 1"}, BadJson{"NotANumber", "NaN", "line 1"}),
    [](const auto& row) { return row.param.name; });

TEST(JsonTest, RoundsNumbersAsTheStandardLibraryDoes) {
  EXPECT_EQ(*parse_json("33333333333373333333.32").value().real(), 33333333333373333333.32);
  EXPECT_EQ(*parse_json("[0.1e-7]").value().list_items()->at(0).real(), 0.1e-7);
  EXPECT_EQ(*parse_json("5e-324").value().real(), 5e-324);
  EXPECT_FALSE(parse_json("1e999"));
}

TEST(JsonTest, ReadsTheDeepestThatIsAllowed) {
  EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')));
}

// --- TOML

constexpr std::string_view kToml = R"(# how to find us
name = "Vouch"
zone = 'C:\temp'

[server]
port = 8080
share = 0.5
on = true
since = 2026-11-23
at = 2026-11-23T10:00:00Z
local = 2026-11-23 10:00:00.25
hosts = [
  "a",
  "b",
]

[server.limits]
rate = 10
a.b.c = 1
)";

TEST(TomlTest, KeepsOrderLinesAndEveryType) {
  const Value value = parse_toml(kToml, "vouch.toml").value();
  EXPECT_THAT(keys_of(value), ElementsAre("name", "zone", "server"));
  EXPECT_EQ(*value.find("zone")->text(), "C:\\temp");
  EXPECT_EQ(value.find("name")->line(), 2);
  const Value& server = *value.find("server");
  EXPECT_EQ(server.line(), 5);
  EXPECT_THAT(keys_of(server), ElementsAre("port", "share", "on", "since", "at", "local", "hosts", "limits"));
  EXPECT_EQ(*server.find("port")->integer(), 8080);
  EXPECT_EQ(*server.find("share")->real(), 0.5);
  EXPECT_EQ(*server.find("on")->boolean(), true);
  EXPECT_EQ(*server.find("since")->text(), "2026-11-23");
  EXPECT_EQ(*server.find("at")->text(), "2026-11-23T10:00:00Z");
  EXPECT_EQ(*server.find("local")->text(), "2026-11-23T10:00:00.25");
  EXPECT_EQ(server.find("hosts")->line(), 12);
  EXPECT_EQ(server.find("hosts")->list_items()->at(1).line(), 14);
  EXPECT_EQ(server.find("limits")->find("a")->find("b")->find("c")->line(), 19);
}

TEST(TomlTest, WritesTablesAfterPlainMembersAndReadsThemBack) {
  Value value;
  value.set("sub",
            Value::table().set("x", 1).set("deep", Value::table().set("y", Value::list().push("\n\x1b"))));
  value.set("plain", "text").set("real", 2.0).set("nothing", Value()).set("", true).set("a b", 1);
  value.set("rows", Value::list().push(Value::table().set("n", 1)).push(Value::table().set("n", 2)));
  value.set("mixed", Value::list().push(1).push(Value::table().set("k", "v")));
  const std::string text = to_toml(value);
  EXPECT_THAT(
      text,
      StrEq("plain = \"text\"\nreal = 2.0\n\"\" = true\n\"a b\" = 1\nmixed = [1, { k = \"v\" }]\n"
            "\n[sub]\nx = 1\n\n[sub.deep]\ny = [\"\\n\\u001b\"]\n\n[[rows]]\nn = 1\n\n[[rows]]\nn = 2\n"));
  const Value again = parse_toml(text, "again").value();
  EXPECT_THAT(to_toml(again), StrEq(text));
}

struct BadToml {
  const char* name;
  std::string text;
  const char* message;
};
void PrintTo(const BadToml& row, std::ostream* out) { *out << row.name; }

class BadTomlTest : public testing::TestWithParam<BadToml> {};

TEST_P(BadTomlTest, IsRefusedAndNamesFileAndLine) {
  const auto result = parse_toml(GetParam().text, "f.toml");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().summary(), HasSubstr(GetParam().message));
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

INSTANTIATE_TEST_SUITE_P(
    Toml, BadTomlTest,
    testing::Values(
        BadToml{"NoValue", "a = 1\nb =\n", "f.toml:2: "},
        BadToml{"DoubleKey", "a = 1\na = 2\n", "f.toml:2: "},
        BadToml{"DoubleTable", "[a]\n[b]\n[a]\n", "f.toml:3: "},
        BadToml{"BadUtf8", "a = \"\xff\"\n", "f.toml:1: "},
        BadToml{"UnclosedString", "a = \"x\nb = 1\n", "f.toml:1: "},
        BadToml{"TooLarge", "a = 9223372036854775808\n", "f.toml:1: "},
        BadToml{"HeaderWithoutName", "a = 1\n[= 1]\n", "f.toml:2: "},
        BadToml{"DeepLists", "a = " + repeat("[", 100000), "f.toml:1: "},
        BadToml{"DeepTables", "a = " + repeat("{b=", 100000), "f.toml:1: "},
        BadToml{"LongKey", "x = 1\n" + repeat("a.", 500000) + "a = 1\n", "f.toml:2: a key of more than 16"},
        BadToml{"LongQuotedKey", repeat("\"a\".", 500000) + "a = 1\n", "f.toml:1: a key of more than 16"},
        BadToml{"LongHeader", "[" + repeat("a . ", 500000) + "a]\n", "f.toml:1: a key of more than 16"},
        BadToml{"LongKeyAfterStrings", "a = '''\n''x'''\nb = \"\\\"\"\n[" + repeat("a.", 100) + "a]",
                "f.toml:4: a key of more than 16"},
        BadToml{"KeysTimesTables", "a = " + repeat("{ a.a.a.a.a.a.a.a = ", 20) + "1" + repeat("}", 20),
                "deeper than"}),
    [](const auto& row) { return row.param.name; });

TEST(TomlTest, AcceptsAByteOrderMarkAtTheStart) {
  EXPECT_EQ(*parse_toml("\xef\xbb\xbf"
                        "a = 'ü' # ü",
                        "f")
                 .value()
                 .find("a")
                 ->text(),
            "ü");
}

TEST(TomlTest, DotsInTextAndCommentsAreNoKeys) {
  const std::string dots(100, '.');
  EXPECT_TRUE(
      parse_toml("a = \"" + dots + "\" # " + dots + "\nb = '''\n" + dots + "'''\nc = [1.5, 2.5]\n", "f"));
}

}  // namespace
}  // namespace vouch
