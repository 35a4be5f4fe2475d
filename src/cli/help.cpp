#include "cli/help.hpp"

#include <algorithm>

namespace vouch::cli {
namespace {

struct Group {
  std::string_view name, summary;
};
constexpr Group kGroups[] = {
    {"ca", "set up and look after certification authorities"},
    {"template", "say what certificates of one kind look like"},
    {"request", "ask for certificates, approve and deny"},
    {"enrollment-agent", "say who may enrol for others"},
    {"cert", "look at certificates, revoke and release them"},
    {"crl", "publish and read certificate revocation lists"},
    {"location", "where CRLs and CA certificates are published and found"},
    {"challenge", "what devices prove by that they may enrol"},
    {"scep", "enrolment of devices: the service and its profiles, a client, messages explained"},
    {"trust", "whom the relying party trusts"},
    {"cache", "the CRLs that the relying party has fetched"},
    {"gateway", "what the gateway of this host has decided and cached"},
    {"helper", "what VPN and RADIUS servers call for each client"},
    {"role", "say who may do what"},
    {"audit", "what was done, and that nobody changed the record of it"},
    {"db", "the database"},
    {"config", "the configuration file"},
};

struct Entry {
  std::string_view name, text;
};
constexpr Entry kExits[] = {
    {"0", "done"},
    {"1", "refused or failed; the reason and how to mend it are on standard error"},
    {"2", "wrong usage"},
    {"3", "the request waits for approval"},
    {"4", "checked and found bad"},
};
constexpr Entry kVariables[] = {
    {"VOUCH_HOME", "the home, when --home is not given"},
    {"VOUCH_KEY_PASSPHRASE",
     "the passphrase of encrypted key files; the setting keys.passphrase_variable chooses another name"},
    {"NO_COLOR", "no colour, also on a terminal"},
};
constexpr Entry kFiles[] = {
    {"HOME/vouch.toml", "configuration; else /etc/vouch/vouch.toml"},
    {"HOME/vouch.db", "the database, with its write-ahead log beside it"},
    {"HOME/keys/", "private keys, mode 0600"},
    {"HOME/published/", "CRLs and CA certificates"},
};

std::string option_text(const Option& o) {
  return o.argument.empty() ? fmt::format("--{}", o.name) : fmt::format("--{} {}", o.name, o.argument);
}

std::vector<const Command*> commands_of(std::string_view group) {
  std::vector<const Command*> list;
  for (const Command& c : commands())
    if (!c.hidden && c.name.starts_with(group) && c.name.substr(group.size()).starts_with(' '))
      list.push_back(&c);
  return list;
}

std::vector<const Command*> single_commands() {
  std::vector<const Command*> list;
  for (const Command& c : commands())
    if (!c.hidden && !c.name.contains(' ')) list.push_back(&c);
  return list;
}

// Breaks a paragraph at blanks.
std::string wrapped(std::string_view text, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
    if (used != 0 && used + 1 + word.size() > columns) {
      out += '\n';
      used = 0;
    }
    if (used != 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out;
}

std::string option_list(std::span<const Option> options) {
  std::size_t widest = 0;
  for (const Option& o : options) widest = std::max(widest, option_text(o).size());
  widest = std::min<std::size_t>(widest, 34);
  std::string out;
  for (const Option& o : options) {
    std::string head = fmt::format("  {:<{}}  ", option_text(o), widest);
    if (option_text(o).size() > widest) head += '\n' + std::string(widest + 4, ' ');
    out += fmt::format("{}{}{}\n", head, o.help, o.occurs == Occurs::any_times ? " (may be repeated)" : "");
  }
  return out;
}

std::string command_list(const std::vector<const Command*>& list) {
  std::size_t widest = 0;
  for (const Command* c : list) widest = std::max(widest, c->name.size());
  std::string out;
  for (const Command* c : list) out += fmt::format("  vouch {:<{}}  {}\n", c->name, widest, c->summary);
  return out;
}

// What a shell may complete after an option or as an operand.
enum class Completes { nothing, files, folders };
Completes completes(std::string_view argument) {
  if (argument.contains("FILE") || argument.contains("REQUEST") || argument.contains("CERT"))
    return Completes::files;
  if (argument.contains("FOLDER") || argument.contains("HOME")) return Completes::folders;
  return Completes::nothing;
}

std::string join(const std::vector<std::string_view>& words, std::string_view between) {
  return fmt::format("{}", fmt::join(words, between));
}

std::vector<std::string_view> nouns() {
  std::vector<std::string_view> list;
  for (const Group& g : kGroups) list.push_back(g.name);
  for (const Command* c : single_commands()) list.push_back(c->name);
  return list;
}

std::vector<std::string_view> verbs(std::string_view group) {
  std::vector<std::string_view> list;
  for (const Command* c : commands_of(group)) {
    const std::string_view rest = c->name.substr(group.size() + 1), verb = rest.substr(0, rest.find(' '));
    if (std::ranges::find(list, verb) == list.end()) list.push_back(verb);
  }
  return list;
}

// Groups within a group: "ca key" has `ca key list` and `ca key migrate`.
std::vector<std::string_view> subgroups(std::string_view group) {
  std::vector<std::string_view> list;
  for (const Command* c : commands_of(group)) {
    const auto blank = c->name.find(' ', group.size() + 1);
    if (blank == std::string_view::npos) continue;
    if (std::ranges::find(list, c->name.substr(0, blank)) == list.end())
      list.push_back(c->name.substr(0, blank));
  }
  return list;
}

std::string quoted_for_shell(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// roff: a line must not start with a dot or a quote, and a minus is \-.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string roff_options(std::span<const Option> options) {
  std::string out;
  for (const Option& o : options) {
    out += fmt::format(".TP\n.B \\-\\-{}", roff(o.name));
    if (!o.argument.empty()) out += fmt::format(" \\fI{}\\fR", roff(o.argument));
    out += fmt::format("\n{}{}.\n", roff(o.help), o.occurs == Occurs::any_times ? " (may be repeated)" : "");
  }
  return out;
}

std::string roff_command(const Command& command) {
  std::string out = fmt::format(".SS vouch {}{}{}\n", roff(command.name), command.operands.empty() ? "" : " ",
                                roff(command.operands));
  std::string summary(command.summary);
  summary[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(summary[0])));
  out += roff(summary) + ".\n";
  if (!command.details.empty()) out += ".PP\n" + roff(command.details) + "\n";
  out += roff_options(command.options);
  return out + fmt::format(".PP\nExample:\n.PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", roff(command.example));
}

std::string roff_entries(std::string_view heading, std::span<const Entry> entries) {
  std::string out = fmt::format(".SH {}\n", heading);
  for (const Entry& e : entries) out += fmt::format(".TP\n.B {}\n{}.\n", roff(e.name), roff(e.text));
  return out;
}

}  // namespace

std::string_view program_version() { return VOUCH_VERSION; }

std::string overview() {
  std::string out =
      "usage: vouch COMMAND [OPTION]...\n\nVouch is a certification authority with all that belongs to it.\n";
  for (const Group& g : kGroups)
    out += fmt::format("\n{}: {}\n{}", g.name, g.summary, command_list(commands_of(g.name)));
  out += "\nand:\n" + command_list(single_commands());
  out += "\nOptions of every command:\n" + option_list(global_options());
  out += "\nexample: vouch ca init --name \"Example Root CA\" --kind root\n";
  return out + "`vouch COMMAND --help` explains a command; `man vouch` has it all.\n";
}

std::string group_help(std::string_view group) {
  const auto* found = std::ranges::find(kGroups, group, &Group::name);
  const auto list = commands_of(group);
  std::string out = fmt::format("usage: vouch {} COMMAND [OPTION]...\n\n", group);
  if (found != std::end(kGroups)) out += fmt::format("{}: {}\n", found->name, found->summary);
  out += command_list(list);
  if (!list.empty()) out += fmt::format("\nexample: {}\n", list.front()->example);
  return out + fmt::format("`vouch {} COMMAND --help` explains a command.\n", group);
}

std::string command_help(const Command& command) {
  std::string out =
      fmt::format("usage: vouch {}{}{}{}\n\n{}\n", command.name, command.operands.empty() ? "" : " ",
                  command.operands, command.options.empty() ? "" : " [OPTION]...", command.summary);
  if (!command.details.empty()) out += "\n" + wrapped(command.details, 100) + "\n";
  if (!command.options.empty()) out += "\nOptions:\n" + option_list(command.options);
  out += "\nOptions of every command:\n" + option_list(global_options());
  return out + fmt::format("\nexample: {}\n", command.example);
}

std::string bash_completion() {
  std::string out =
      "# bash completion for vouch, made by: vouch completion bash\n"
      "_vouch() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} word words= command= "
      "options i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case $word in\n";
  std::vector<std::string> with_value;
  for (const Option& o : global_options())
    if (!o.argument.empty()) with_value.push_back("--" + std::string(o.name));
  out += fmt::format("      {}) i=$((i + 1)) ;;\n", fmt::join(with_value, "|"));
  out +=
      "      -*) ;;\n"
      "      *) words=\"$words $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  set -- $words\n"
      "  case \"$1\" in\n";
  for (const Group& g : kGroups) {
    out += fmt::format("    {})\n      if [ $# -lt 2 ]; then\n", g.name);
    out += fmt::format(
        "        case $current in -*) ;; *) COMPREPLY=($(compgen -W {} -- \"$current\")); return ;; esac\n",
        quoted_for_shell(join(verbs(g.name), " ")));
    out += "      else command=\"$1 $2\"; fi\n";
    for (const std::string_view inner : subgroups(g.name))
      out += fmt::format(
          "      if [ \"$command\" = {0} ]; then\n"
          "        if [ $# -lt 3 ]; then\n"
          "          case $current in -*) ;; *) COMPREPLY=($(compgen -W {1} -- \"$current\")); return ;; "
          "esac\n"
          "        else command=\"$1 $2 $3\"; fi\n"
          "      fi\n",
          quoted_for_shell(inner), quoted_for_shell(join(verbs(inner), " ")));
    out += "      ;;\n";
  }
  out += "    '') case $current in -*) ;; *)\n";
  out += fmt::format("      COMPREPLY=($(compgen -W {} -- \"$current\")); return ;; esac ;;\n",
                     quoted_for_shell(join(nouns(), " ")));
  out += "    *) command=$1 ;;\n  esac\n";

  // Values of the option before the cursor.
  out += "  case \"$command $before\" in\n";
  const auto value_case = [&](std::string_view pattern, std::string_view argument) {
    if (const auto allowed = choices(argument); !allowed.empty())
      out += fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$current\")); return ;;\n", pattern,
                         quoted_for_shell(join(allowed, " ")));
    else if (completes(argument) == Completes::files)
      out += fmt::format(
          "    {}) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", pattern);
    else if (completes(argument) == Completes::folders)
      out += fmt::format(
          "    {}) compopt -o filenames; COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n", pattern);
    else if (!argument.empty())
      out += fmt::format("    {}) return ;;\n", pattern);
  };
  for (const Command& c : commands())
    if (!c.hidden)
      for (const Option& o : c.options) value_case(fmt::format("'{} --{}'", c.name, o.name), o.argument);
  for (const Option& o : global_options()) value_case(fmt::format("*' --{}'", o.name), o.argument);
  out += "  esac\n";

  out += "  options=";
  std::vector<std::string> global;
  for (const Option& o : global_options()) global.push_back("--" + std::string(o.name));
  out += fmt::format("'{}'\n  case $command in\n", fmt::join(global, " "));
  for (const Command& c : commands()) {
    if (c.hidden) continue;
    std::vector<std::string> own;
    for (const Option& o : c.options) own.push_back("--" + std::string(o.name));
    std::vector<std::string_view> words;
    if (c.name == "completion") words = {"bash", "zsh", "fish"};
    out += fmt::format("    '{}') options=\"{} $options\"\n", c.name, fmt::join(own, " "));
    if (!words.empty())
      out += fmt::format(
          "      case $current in -*) ;; *) COMPREPLY=($(compgen -W {} -- \"$current\")); return ;; esac\n",
          quoted_for_shell(join(words, " ")));
    else if (completes(c.operands) == Completes::files)
      out +=
          "      case $current in -*) ;; *) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$current\")); "
          "return ;; esac\n";
    out += "      ;;\n";
  }
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
         "}\n"
         "complete -F _vouch vouch\n";
}

std::string zsh_completion() {
  // `_describe` shows the words with their summaries; options come from the same table.
  const auto described = [](std::string_view word, std::string_view text) {
    std::string escaped;
    for (const char c : text) escaped += c == ':' ? std::string("\\:") : std::string(1, c);
    return quoted_for_shell(fmt::format("{}:{}", word, escaped));
  };
  std::string out =
      "#compdef vouch\n"
      "# zsh completion for vouch, made by: vouch completion zsh\n"
      "_vouch() {\n"
      "  local -a words_so_far found\n"
      "  local word\n"
      "  for word in ${words[2,CURRENT-1]}; do [[ $word == -* ]] || words_so_far+=$word; done\n"
      "  local command=\"${words_so_far[1]}\"\n"
      "  case $command in\n";
  for (const Group& g : kGroups) {
    out += fmt::format(
        "    {})\n      if (( $#words_so_far < 2 )) && [[ $PREFIX != -* ]]; then\n        found=(", g.name);
    const auto offer = [&](std::string_view group) {
      for (const Command* c : commands_of(group))
        if (!c->name.substr(group.size() + 1).contains(' '))
          out += " " + described(c->name.substr(group.size() + 1), c->summary);
      for (const std::string_view inner : subgroups(group))
        out += " " + described(inner.substr(group.size() + 1), "...");
      out += ")\n        _describe command found; return\n      fi\n";
    };
    offer(g.name);
    out += "      command=\"$command ${words_so_far[2]}\"\n";
    for (const std::string_view inner : subgroups(g.name)) {
      out += fmt::format(
          "      if [[ $command == {} ]] && (( $#words_so_far < 3 )) && [[ $PREFIX != -* ]]; then\n        "
          "found=(",
          quoted_for_shell(inner));
      offer(inner);
      out += fmt::format("      [[ $command == {} ]] && command=\"$command ${{words_so_far[3]}}\"\n",
                         quoted_for_shell(inner));
    }
    out += "      ;;\n";
  }
  out += "    '')\n      if [[ $PREFIX != -* ]]; then\n        found=(";
  for (const Group& g : kGroups) out += " " + described(g.name, g.summary);
  for (const Command* c : single_commands()) out += " " + described(c->name, c->summary);
  out += ")\n        _describe command found; return\n      fi ;;\n  esac\n";
  out += "  found=(";
  for (const Option& o : global_options()) out += " " + described(fmt::format("--{}", o.name), o.help);
  out += ")\n  case \"$command ${words[CURRENT-1]}\" in\n";
  for (const Command& c : commands())
    if (!c.hidden)
      for (const Option& o : c.options)
        if (const auto allowed = choices(o.argument); !allowed.empty())
          out += fmt::format("    '{} --{}') compadd {}; return ;;\n", c.name, o.name, join(allowed, " "));
  out += "    'completion completion') compadd bash zsh fish; return ;;\n  esac\n  case $command in\n";
  for (const Command& c : commands()) {
    if (c.hidden) continue;
    out += fmt::format("    '{}') found+=(", c.name);
    for (const Option& o : c.options) out += " " + described(fmt::format("--{}", o.name), o.help);
    out += ") ;;\n";
  }
  return out +
         "  esac\n"
         "  if [[ $PREFIX == -* ]]; then _describe option found; else _files; fi\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _vouch ]; then _vouch \"$@\"; else compdef _vouch vouch; fi\n";
}

std::string fish_completion() {
  std::string out =
      "# fish completion for vouch, made by: vouch completion fish\n"
      "function __vouch_is\n"
      "    set -l words (string match -v -- '-*' (commandline -opc))[2..-1]\n"
      "    test \"$words[1..(count $argv)]\" = \"$argv\"\n"
      "end\n"
      "function __vouch_has_words\n"
      "    set -l words (string match -v -- '-*' (commandline -opc))\n"
      "    test (count $words) -eq $argv[1]\n"
      "end\n";
  const auto option_line = [&](const Option& o, std::string_view condition) {
    out += fmt::format("complete -c vouch {}-l {}", condition, o.name);
    if (const auto allowed = choices(o.argument); !allowed.empty())
      out += fmt::format(" -x -a {}", quoted_for_shell(join(allowed, " ")));
    else if (completes(o.argument) != Completes::nothing)
      out += " -r -F";
    else if (!o.argument.empty())
      out += " -x";
    out += fmt::format(" -d {}\n", quoted_for_shell(o.help));
  };
  for (const Option& o : global_options()) option_line(o, "");
  for (const Group& g : kGroups)
    out += fmt::format("complete -c vouch -f -n '__vouch_has_words 1' -a {} -d {}\n", g.name,
                       quoted_for_shell(g.summary));
  for (const Command* c : single_commands())
    out += fmt::format("complete -c vouch -f -n '__vouch_has_words 1' -a {} -d {}\n", c->name,
                       quoted_for_shell(c->summary));
  const auto verbs_of = [&](std::string_view group, int depth) {
    for (const Command* c : commands_of(group))
      if (!c->name.substr(group.size() + 1).contains(' '))
        out += fmt::format("complete -c vouch -f -n '__vouch_has_words {}; and __vouch_is {}' -a {} -d {}\n",
                           depth, group, c->name.substr(group.size() + 1), quoted_for_shell(c->summary));
  };
  for (const Group& g : kGroups) {
    verbs_of(g.name, 2);
    for (const std::string_view inner : subgroups(g.name)) {
      out += fmt::format("complete -c vouch -f -n '__vouch_has_words 2; and __vouch_is {}' -a {} -d '...'\n",
                         g.name, inner.substr(g.name.size() + 1));
      verbs_of(inner, 3);
    }
  }
  out += "complete -c vouch -f -n '__vouch_is completion' -a 'bash zsh fish'\n";
  for (const Command& c : commands())
    if (!c.hidden)
      for (const Option& o : c.options) option_line(o, fmt::format("-n '__vouch_is {}' ", c.name));
  return out;
}

std::string manual_page() {
  std::string out = fmt::format(
      ".\\\" Made by `vouch man` from the command table; do not edit.\n"
      ".TH VOUCH 1 \"\" \"vouch {}\" \"User Commands\"\n"
      ".SH NAME\nvouch \\- an enterprise certification authority\n"
      ".SH SYNOPSIS\n.B vouch\n.I COMMAND\n[\\fIOPTION\\fR]...\n"
      ".SH DESCRIPTION\n"
      "Vouch sets up certification authorities, decides about certificate requests, issues, revokes and "
      "publishes "
      "revocation lists. Results go to standard output, everything else to standard error. Input is PEM or "
      "DER, told "
      "apart by its content; output is PEM. \\- stands for standard input or output.\n"
      ".SH OPTIONS OF EVERY COMMAND\n",
      program_version());
  out += roff_options(global_options());
  out += ".SH COMMANDS\n";
  for (const Command& c : commands())
    if (!c.hidden) out += roff_command(c);
  out += roff_entries("EXIT STATUS", kExits);
  out += roff_entries("ENVIRONMENT", kVariables);
  return out + roff_entries("FILES", kFiles);
}

}  // namespace vouch::cli
