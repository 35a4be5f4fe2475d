// The table of commands: what it promises is tried for each command, so that a new one cannot forget it.
#include "cli/command.hpp"

#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "cli/help.hpp"
#include "cli/output.hpp"
#include "cli/test_cli.hpp"
#include "lint/lint.hpp"

namespace vouch::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : text) {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any) words.push_back(std::exchange(word, {}));
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  if (any) words.push_back(word);
  return words;
}

std::vector<std::string> words_of(const Command& command, std::initializer_list<std::string> more = {}) {
  auto words = split(command.name);
  words.insert(words.end(), more);
  return words;
}

// ---- every command ----

class EveryCommand : public testing::TestWithParam<std::size_t> {
 protected:
  const Command& command() const { return commands()[GetParam()]; }
  Shell shell_;
};

TEST_P(EveryCommand, ExplainsItselfWithAnExampleThatParses) {
  for (const char* option : {"--help", "-h"}) {
    const Ran ran = shell_.run(words_of(command(), {option}));
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, IsEmpty());
    EXPECT_THAT(ran.out, StartsWith(fmt::format("usage: vouch {}", command().name)));
    EXPECT_THAT(ran.out, HasSubstr(fmt::format("example: {}\n", command().example)));
    for (const Option& o : command().options) EXPECT_THAT(ran.out, HasSubstr(fmt::format("--{}", o.name)));
  }
  std::string example(command().example.substr(0, command().example.find(" > ")));
  if (example.starts_with("source <(")) example = example.substr(9, example.size() - 10);
  const auto words = split(example);
  ASSERT_EQ(words.front(), "vouch");
  const auto parsed = parse_command_line(std::span(words).subspan(1));
  ASSERT_TRUE(parsed) << parsed.error().report();
  EXPECT_EQ(parsed->command, &command());
}

TEST_P(EveryCommand, RefusesUnknownOptionsAndTooManyWordsWithCodeTwo) {
  Ran ran = shell_.run(words_of(command(), {"--frobnicate"}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(StartsWith("error: unknown option --frobnicate [usage]\n"),
                             HasSubstr(fmt::format("vouch {} --help", command().name))));
  if (command().operands.ends_with("...") || command().operands.ends_with("...]")) return;
  ran = shell_.run(words_of(command(), {"a", "b", "c", "d"}));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("one word too many"),
                             HasSubstr(fmt::format("vouch {} --help", command().name))));
}

TEST_P(EveryCommand, SaysWhatIsMissing) {
  if (command().operands.empty() || command().operands.starts_with('[')) return;
  const Ran ran = shell_.run(words_of(command()));
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr(fmt::format("`vouch {}` needs {}", command().name, command().operands)));
}

TEST_P(EveryCommand, WithoutAHomeSaysSoAndKeepsStandardOutputClean) {
  // Operands that are well-formed, so that the missing home is what there is to say.
  std::vector<std::string> words = words_of(command());
  if (command().name == "ca init" || command().operands.contains("FILE") || command().operands == "REQUEST" ||
      command().operands == "URL" || command().operands == "STATE")
    return;
  if (command().name == "explain" || command().name == "completion" || command().name == "version" ||
      command().name == "man" || command().name == "template add" ||
      command().name == "scep simulate-intune" ||
      command().name == "helper openvpn")  // what is above depth 0 is not its business
    return;
  for (std::size_t i = split(command().operands).size(); i-- > 0;)
    words.push_back(command().name == "template set" && i == 0    ? "a=1"
                    : command().operands.starts_with("FLAGS:URL") ? "1:/x"
                                                                  : "7");
  if (command().name.starts_with("location ")) words.emplace_back("--cdp");
  if (command().name == "challenge mint") words.insert(words.end(), {"--profile", "x"});
  for (const Option& o : command().options)
    if (o.occurs == Occurs::once) words.insert(words.end(), {fmt::format("--{}", o.name), "x"});
  const Ran ran = shell_.run(words);
  EXPECT_EQ(ran.code, 1) << testing::PrintToString(ran);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("[not_found]"), HasSubstr("hint: set"), HasSubstr("VOUCH_HOME")));
  EXPECT_FALSE(fs::exists(shell_.home())) << "looking must not make anything";
}

TEST_P(EveryCommand, StandsInCompletionManualAndOverview) {
  const std::string page = manual_page();
  if (command().hidden) {
    EXPECT_THAT(overview(), Not(HasSubstr(fmt::format("vouch {} ", command().name))));
    return;
  }
  EXPECT_THAT(overview(), HasSubstr(fmt::format("vouch {} ", command().name)));
  std::string heading = ".SS vouch ";
  for (const char c : command().name) heading += c == '-' ? std::string("\\-") : std::string(1, c);
  EXPECT_THAT(page, HasSubstr(heading));
  for (const std::string& script : {bash_completion(), zsh_completion()}) {
    EXPECT_THAT(script, HasSubstr(fmt::format("'{}'", command().name)));
    for (const Option& o : command().options) EXPECT_THAT(script, HasSubstr(fmt::format("--{}", o.name)));
  }
  const std::string fish = fish_completion();
  for (const std::string& word : split(command().name))
    EXPECT_THAT(fish, HasSubstr(fmt::format("-a {} ", word)));
  for (const Option& o : command().options)
    EXPECT_THAT(fish, HasSubstr(fmt::format("-n '__vouch_is {}' -l {}", command().name, o.name)));
}

std::string test_name(const testing::TestParamInfo<std::size_t>& info) {
  std::string name;
  bool first = true;  // of a word: cert show, role four-eyes
  for (const char c : commands()[info.param].name) {
    if (c != ' ' && c != '-')
      name += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = c == ' ' || c == '-';
  }
  std::erase(name, '-');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Cli, EveryCommand, testing::Range<std::size_t>(0, commands().size()), test_name);

// ---- the parser ----

Result<Invocation> parse(std::string_view line) {
  const auto words = split(line);
  return parse_command_line(words);
}

TEST(Parser, TakesOptionsAnywhereInBothSpellings) {
  for (const char* line : {"--home /h cert show x.pem --json", "cert --home=/h show --json x.pem",
                           "cert show --json --home /h x.pem", "--json cert show --home /h -- x.pem"}) {
    const auto parsed = parse(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(parsed->command->name, "cert show") << line;
    EXPECT_EQ(parsed->arguments.text("home"), "/h") << line;
    EXPECT_TRUE(parsed->arguments.has("json")) << line;
    EXPECT_THAT(parsed->arguments.operands(), ElementsAre("x.pem")) << line;
  }
}

TEST(Parser, EndsOptionsAtTheDoubleHyphenAndTakesTheHyphenAsAFile) {
  EXPECT_THAT(parse("cert show -- --odd-name")->arguments.operands(), ElementsAre("--odd-name"));
  EXPECT_THAT(parse("cert show -")->arguments.operands(), ElementsAre("-"));
  EXPECT_THAT(parse("ca sign r.csr --out -")->arguments.text("out"), "-");
  EXPECT_THAT(parse("ca sign r.csr --out=")->arguments.text("out", "unset"), "");
}

TEST(Parser, CollectsWhatMayBeRepeatedAndRefusesTheRest) {
  EXPECT_THAT(parse("ca install f --chain a --chain=b")->arguments.all("chain"), ElementsAre("a", "b"));
  const auto twice = parse("ca sign r --out a --out b");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message(), "--out is given twice");
}

TEST(Parser, CommandsOwnOptionsComeBeforeTheGlobalOnes) {
  EXPECT_EQ(parse("crl show x.crl --ca root.pem")->arguments.text("ca"), "root.pem");
}

struct Mistake {
  const char *line, *message, *hint;
};
void PrintTo(const Mistake& mistake, std::ostream* os) { *os << mistake.line; }
class Mistakes : public testing::TestWithParam<Mistake> {};
TEST_P(Mistakes, AreNamedWithAHintAndCodeTwo) {
  Shell shell;
  const auto words = split(GetParam().line);
  const Ran ran = shell.run(words);
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, StartsWith(fmt::format("error: {}", GetParam().message)));
  EXPECT_THAT(ran.err, HasSubstr(" [usage]\n"));
  EXPECT_THAT(ran.err, HasSubstr(GetParam().hint));
  EXPECT_THAT(ran.err, HasSubstr("--help"));
}
INSTANTIATE_TEST_SUITE_P(
    Cli, Mistakes,
    testing::Values(
        Mistake{"", "no command given", "vouch --help"},
        Mistake{"ca", "`vouch ca` is not a whole command", "vouch ca --help"},
        Mistake{"crt show", "unknown command: crt", "did you mean `vouch cert`?"},
        Mistake{"cert shwo x", "unknown command: cert shwo", "did you mean `vouch cert show`?"},
        Mistake{"cert show x --jsno", "unknown option --jsno", "did you mean --json?"},
        Mistake{"cert show -x", "unknown option -x", "vouch cert show --help"},
        Mistake{"request submit f --tempalte=W", "unknown option --tempalte", "did you mean --template?"},
        Mistake{"ca sign r", "--out FILE is missing", "usage: vouch ca sign REQUEST --out FILE"},
        Mistake{"ca sign r --out", "--out needs a value: FILE", "vouch ca sign --help"},
        Mistake{"cert show x --json=yes", "--json takes no value", ""},
        Mistake{"ca init --name X --kind rot", "--kind is one of root, subordinate, not 'rot'", ""},
        Mistake{"ca init --name X --kind root --validity soon", "--validity: ", "vouch ca init --help"},
        Mistake{"ca init --name X --kind root --key dsa", "--key: ", ""},
        Mistake{"ca init --name X --kind root --parent Y",
                "a root CA signs itself: --parent and --request-out go with --kind subordinate", ""},
        Mistake{"ca init --name X --kind subordinate",
                "a subordinate CA needs either --parent (asked at once) or --request-out (signed elsewhere)",
                ""},
        Mistake{"completion tcsh", "the shells are bash, zsh and fish, not 'tcsh'", ""}),
    [](const auto& mistake) { return fmt::format("Line{}", mistake.index); });

TEST(Parser, SaysHowToGiveAValueThatLooksLikeAnOption) {
  const auto parsed = parse("ca sign r --out --json");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().hint(), "if it is the value, write --out=--json");
}

// ---- errors and output ----

TEST(Output, ErrorsAreJsonWhenJsonIsAskedFor) {
  Shell shell;
  const Ran ran = shell.run({"cert", "show", "/nonexistent.pem", "--json"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  const auto value = parse_json(ran.err);
  ASSERT_TRUE(value) << ran.err;
  EXPECT_EQ(*value->find("error")->find("code")->text(), "not_found");
  EXPECT_THAT(*value->find("error")->find("message")->text(), HasSubstr("/nonexistent.pem"));
}

TEST(Output, MissingFileExplainsItselfOnStandardErrorAndKeepsStandardOutputClean) {
  Shell shell;
  const Ran ran = shell.run({"cert", "show", "/nonexistent.pem"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, AllOf(StartsWith("error: "), HasSubstr("/nonexistent.pem"), HasSubstr("[not_found]")));
}

TEST(Output, ColoursOnATerminalOnlyAndNeverWithNoColor) {
  Shell shell;
  EXPECT_THAT(shell.run({"frob"}).err, Not(HasSubstr("\x1b")));
  shell.terminal = true;
  EXPECT_THAT(shell.run({"frob"}).err, StartsWith("\x1b[1;31merror:\x1b[0m "));
  shell.variables["NO_COLOR"] = "1";
  EXPECT_THAT(shell.run({"frob"}).err, StartsWith("error: "));
}

TEST(Output, TextFromOutsideCannotSteerTheTerminal) {
  EXPECT_EQ(printable("Straße 北京 ✓"), "Straße 北京 ✓");
  EXPECT_EQ(printable("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(printable("one\ntwo\tthree\r"), "one\\ntwo\\tthree\\x0d");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m")
      << "a C1 control in UTF-8";
  EXPECT_EQ(printable("\x9b"
                      "31m\xff"),
            "\\x9b31m\\xff")
      << "octets that are no UTF-8";
  EXPECT_EQ(printable("user\xe2\x80\xaegpj.exe"), "user\\u202egpj.exe") << "right-to-left override";
  const Value tree = printable_tree(Value().set("a", Value::list().push("x\x1b")));
  EXPECT_EQ(*tree.find("a")->list_items()->front().text(), "x\\x1b");
}

TEST(Output, AnErrorCannotForgeALineOfItsOwn) {
  Shell shell;
  const Ran ran = shell.run({"cert", "show", "/no\nhint: run rm\x1b[2J"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, Not(HasSubstr("\nhint: run rm")));
  EXPECT_THAT(ran.err, Not(HasSubstr("\x1b")));
}

TEST(Output, JsonEscapesWhatATerminalWouldObey) {
  Shell shell;
  const Ran ran = shell.run({"explain", "x\xe2\x80\xae\xc2\x9b\x7f", "--json"});
  EXPECT_THAT(ran.err, HasSubstr("x\\u202e\\u009b\\u007f"));
  EXPECT_TRUE(parse_json(ran.err));
}

TEST(Output, AFailedStandardOutputIsAnError) {
  struct Full : std::stringbuf {
    int sync() override { return -1; }
    std::streamsize xsputn(const char*, std::streamsize) override { return 0; }
    int overflow(int) override { return traits_type::eof(); }
  } full;
  std::ostream out(&full);
  std::ostringstream err;
  const SystemClock clock;
  const Surroundings surroundings{.out = out, .err = err, .clock = clock, .variable = [](const std::string&) {
                                    return std::optional<std::string>();
                                  }};
  const std::vector<std::string> words{"version"};
  EXPECT_EQ(run(surroundings, words), 1);
  EXPECT_THAT(err.str(), HasSubstr("cannot write to standard output"));
}

// ---- texts made from the table ----

TEST(ManualPage, IsTheOneInThePackagingFolder) {
  // After a change of the table: build/debug/bin/vouch man > packaging/man/vouch.1
  const auto page = read_file("packaging/man/vouch.1");
  ASSERT_TRUE(page) << page.error().report();
  EXPECT_EQ(as_text(*page), manual_page());
}

TEST(ManualPage, LeavesNoLineThatRoffWouldTakeForARequest) {
  const std::string page = manual_page();
  for (std::size_t start = 0; start < page.size();) {
    const auto end = page.find('\n', start);
    const std::string line = page.substr(start, end - start);
    EXPECT_FALSE(line.starts_with('\'')) << line;
    EXPECT_TRUE(!line.starts_with('.') ||
                testing::Matches(MatchesRegex("\\.(\\\\\"|TH|SH|SS|TP|PP|B|I|RS|RE|nf|fi)( .*|)"))(line))
        << line;
    start = end + 1;
  }
}

TEST(Explain, KnowsEveryErrorCodeAndSuggestsTheNearest) {
  Shell shell;
  Ran ran = shell.run({"explain", "[pending]"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("the request waits for approval"), HasSubstr("Exit code: 3")));
  ran = shell.run({"explain", "limit_exceded"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("did you mean limit_exceeded?"));
}

// The names of rules in the sources and in rules.def are the same.
TEST(Explain, KnowsEveryRuleOfADecision) {
  const std::regex name(
      "\"((?:request|template|key|subject|san|names|attribute|ca|purpose|key_usage|validity|authority|"
      "signatures|renewal|identity|issuance)\\.[a-"
      "z_]+)\"");
  const auto names_in = [&](std::initializer_list<const char*> files) {
    std::set<std::string> names;
    for (const char* file : files) {
      const auto content = read_file(file);
      EXPECT_TRUE(content) << file;
      const std::string text(content ? as_text(*content) : "");
      for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it)
        names.insert((*it)[1]);
    }
    return names;
  };
  const auto used = names_in({"src/policy/decision.cpp", "src/policy/decision_agents.cpp",
                              "src/policy/decision_directory.cpp", "src/policy/decision_keys.cpp",
                              "src/policy/decision_names.cpp", "src/policy/decision_purposes.cpp",
                              "src/policy/decision_signatures.cpp"});
  EXPECT_GT(used.size(), 40u);
  EXPECT_EQ(used, names_in({"src/policy/rules.def"}));
  Shell shell;
  for (const std::string& rule : used) EXPECT_EQ(shell.run({"explain", rule}).code, 0) << rule;
  for (const lint::Rule& rule : lint::rules())
    EXPECT_THAT(shell.run({"explain", std::string(rule.id)}).out, HasSubstr("What to do")) << rule.id;
  EXPECT_THAT(
      shell.run({"explain", "key.roca"}).out,
      AllOf(HasSubstr("CVE-2017-15361"), HasSubstr("What to do"), HasSubstr("make a new key outside")));
}

TEST(Overview, NamesNeitherHomeNorDatabaseAndNeedsNone) {
  Shell shell;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"-h"}, {"ca", "--help"}, {"--version"}, {"version", "--json"}}) {
    const Ran ran = shell.run(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, Not(IsEmpty()));
    EXPECT_THAT(ran.err, IsEmpty());
  }
  EXPECT_FALSE(fs::exists(shell.home()));
}

}  // namespace
}  // namespace vouch::cli
