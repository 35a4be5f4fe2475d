#include "cli/command.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.hpp"

namespace vouch::cli {
namespace {

constexpr Option kGlobalOptions[] = {
    {"home", "FOLDER", "where the CAs live; else $VOUCH_HOME, else /var/lib/vouch"},
    {"ca", "NAME", "which CA of the home; may be left out when there is one"},
    {"key-passphrase-file", "FILE",
     "a file whose first line is the passphrase of the key file (- is standard input)"},
    {"pin-file", "FILE", "a file whose first line is the PIN of the PKCS #11 token (- is standard input)"},
    {"json", "", "print JSON, with the keys that docs/reference/json.md lists"},
    {"der", "", "write DER instead of PEM"},
    {"quiet", "", "print results and errors only"},
    {"help", "", "explain the command, with an example; -h is the same"},
    {"version", "", "print the version"},
};

const Option* find_option(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

// A command's own option wins over a global one of the same name: `crl show --ca CERT`.
const Option* find_option(const Command* command, std::string_view name) {
  if (command)
    if (const Option* own = find_option(command->options, name)) return own;
  return find_option(kGlobalOptions, name);
}

std::string help_hint(const Command* command) {
  return command ? fmt::format("vouch {} --help explains it", command->name)
                 : "vouch --help lists the commands";
}

Error unknown_option(const Command* command, std::string_view word, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Option& o : kGlobalOptions) known.push_back(o.name);
  if (command)
    for (const Option& o : command->options) known.push_back(o.name);
  std::string hint;
  if (const auto near = nearest(name, known); !near.empty()) hint = fmt::format("did you mean --{}? ", near);
  return usage_error("unknown option {}", word).with_hint(hint + help_hint(command));
}

Error unknown_command(std::string_view what, std::span<const std::string_view> known) {
  std::string hint;
  if (const auto near = nearest(what, known); !near.empty())
    hint = fmt::format("did you mean `vouch {}`? ", near);
  return usage_error("unknown command: {}", what).with_hint(hint + help_hint(nullptr));
}

struct Arity {
  std::size_t least = 0, most = 0;
};
Arity arity(const Command& command) {
  Arity arity;
  for (std::string_view rest = command.operands; !rest.empty();) {
    const auto space = rest.find(' ');
    const std::string_view word = rest.substr(0, space);
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
    if (!word.starts_with('[')) ++arity.least;
    if (word.ends_with("...") || word.ends_with("...]"))
      arity.most = std::string_view::npos;
    else if (arity.most != std::string_view::npos)
      ++arity.most;
  }
  return arity;
}

// Reads one line word by word: the command's name among the first words, options anywhere.
class Parser {
 public:
  explicit Parser(std::span<const std::string> words) : words_(words) {}

  Result<Invocation> parse() {
    while (position_ < words_.size()) {
      const std::string& word = words_[position_++];
      if (options_ended_ || word == "-" || !word.starts_with('-'))
        TRY(plain_word(word));
      else if (word == "--")
        options_ended_ = true;
      else
        TRY(option(word));
    }
    TRY(finish());
    return std::move(invocation_);
  }

 private:
  // The first words choose the command, the others are its operands.
  Status plain_word(const std::string& word) {
    if (invocation_.command) {
      invocation_.arguments.add_operand(word);
      return ok();
    }
    if (invocation_.group.empty()) {
      if ((invocation_.command = find_command(word))) return ok();
      std::vector<std::string_view> nouns;
      for (const Command& c : commands())
        if (!c.hidden) nouns.push_back(c.name.substr(0, c.name.find(' ')));
      if (std::ranges::find(nouns, word) == nouns.end()) return unknown_command(word, nouns);
      invocation_.group = word;
      return ok();
    }
    const std::string name = invocation_.group + " " + word;
    if ((invocation_.command = find_command(name))) return ok();
    // A group within the group: `ca key list`.
    if (std::ranges::any_of(commands(), [&](const Command& c) { return c.name.starts_with(name + " "); })) {
      invocation_.group = name;
      return ok();
    }
    std::vector<std::string_view> verbs;
    for (const Command& c : commands())
      if (c.name.starts_with(invocation_.group + " ")) verbs.push_back(c.name);
    return unknown_command(name, verbs);
  }

  Status option(const std::string& word) {
    if (word == "-h") {
      invocation_.help = true;
      return ok();
    }
    if (!word.starts_with("--")) return unknown_option(invocation_.command, word, word.substr(1));
    const auto equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option* known = find_option(invocation_.command, name);
    if (!known) return unknown_option(invocation_.command, "--" + name, name);
    if (known->argument.empty()) {
      if (equals != std::string::npos)
        return usage_error("--{} takes no value", name).with_hint(help_hint(invocation_.command));
      return keep(*known, "");
    }
    if (equals != std::string::npos) return keep(*known, word.substr(equals + 1));
    if (position_ == words_.size())
      return usage_error("--{} needs a value: {}", name, known->argument)
          .with_hint(help_hint(invocation_.command));
    const std::string& value = words_[position_++];
    if (value.starts_with("--"))
      return usage_error("--{} needs a value, and {} looks like the next option", name, value)
          .with_hint(fmt::format("if it is the value, write --{}={}", name, value));
    return keep(*known, value);
  }

  Status keep(const Option& option, std::string value) {
    if (option.name == "help") invocation_.help = true;
    if (option.name == "version" && option.argument.empty()) invocation_.version = true;
    const bool again = !option.argument.empty() && option.occurs != Occurs::any_times;
    if (again && invocation_.arguments.has(option.name))
      return usage_error("--{} is given twice", option.name).with_hint(help_hint(invocation_.command));
    if (const auto allowed = choices(option.argument);
        !allowed.empty() && std::ranges::find(allowed, value) == allowed.end())
      return usage_error("--{} is one of {}, not '{}'", option.name, fmt::join(allowed, ", "), value)
          .with_hint(help_hint(invocation_.command));
    invocation_.arguments.set(option.name, std::move(value));
    return ok();
  }

  Status finish() {
    if (invocation_.help || invocation_.version) return ok();
    if (!invocation_.command) {
      if (invocation_.group.empty()) return usage_error("no command given").with_hint(help_hint(nullptr));
      return usage_error("`vouch {}` is not a whole command", invocation_.group)
          .with_hint(fmt::format("vouch {} --help lists what may follow", invocation_.group));
    }
    const Command& command = *invocation_.command;
    const auto [least, most] = arity(command);
    const auto operands = invocation_.arguments.operands();
    const std::string hint = fmt::format("usage: {}; {}", synopsis(command), help_hint(&command));
    if (operands.size() < least)
      return usage_error("`vouch {}` needs {}", command.name, command.operands).with_hint(hint);
    if (operands.size() > most) return usage_error("one word too many: {}", operands[most]).with_hint(hint);
    for (const Option& o : command.options)
      if (o.occurs == Occurs::once && !invocation_.arguments.has(o.name))
        return usage_error("--{} {} is missing", o.name, o.argument).with_hint(hint);
    return ok();
  }

  std::span<const std::string> words_;
  std::size_t position_ = 0;
  bool options_ended_ = false;
  Invocation invocation_;
};

}  // namespace

std::span<const Option> global_options() { return kGlobalOptions; }

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> list;
    for (const auto part : {ca_commands(),
                            ca_key_commands(),
                            template_commands(),
                            request_commands(),
                            enrollment_agent_commands(),
                            challenge_commands(),
                            cert_commands(),
                            crl_commands(),
                            location_commands(),
                            why_commands(),
                            explain_commands(),
                            status_commands(),
                            role_commands(),
                            audit_commands(),
                            db_commands(),
                            backup_commands(),
                            config_commands(),
                            scep_setup_commands(),
                            scep_profile_commands(),
                            scep_ra_commands(),
                            scep_mdm_commands(),
                            scep_service_commands(),
                            scep_enroll_commands(),
                            scep_message_commands(),
                            scep_visitor_commands(),
                            serve_commands(),
                            verify_commands(),
                            trust_commands(),
                            cache_commands(),
                            gateway_commands(),
                            helper_commands(),
                            crlsync_commands(),
                            self_commands()})
      list.insert(list.end(), part.begin(), part.end());
    return list;
  }();
  return all;
}

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(commands(), name, &Command::name);
  return found == commands().end() ? nullptr : &*found;
}

std::string synopsis(const Command& command) {
  std::string text = fmt::format("vouch {}", command.name);
  if (!command.operands.empty()) text += fmt::format(" {}", command.operands);
  for (const Option& o : command.options) {
    std::string one =
        o.argument.empty() ? fmt::format("--{}", o.name) : fmt::format("--{} {}", o.name, o.argument);
    if (o.occurs != Occurs::once) one = fmt::format("[{}]", one);
    text += fmt::format(" {}{}", one, o.occurs == Occurs::any_times ? "..." : "");
  }
  return text;
}

std::vector<std::string_view> choices(std::string_view argument) {
  const auto literal = [](char c) { return (c >= 'a' && c <= 'z') || c == '|'; };
  std::vector<std::string_view> list;
  if (!argument.contains('|') || !std::ranges::all_of(argument, literal)) return list;
  for (;;) {
    const auto bar = argument.find('|');
    list.push_back(argument.substr(0, bar));
    if (bar == std::string_view::npos) return list;
    argument.remove_prefix(bar + 1);
  }
}

const std::string* Arguments::find(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? nullptr : &found->second.back();
}

std::string Arguments::text(std::string_view option, std::string_view fallback) const {
  const std::string* value = find(option);
  return value ? *value : std::string(fallback);
}

std::vector<std::string> Arguments::all(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>{} : found->second;
}

void Arguments::set(std::string_view option, std::string value) {
  options_[std::string(option)].push_back(std::move(value));
}

Result<std::optional<Span>> Arguments::span(std::string_view option) const {
  const std::string* value = find(option);
  if (!value) return std::optional<Span>{};
  return std::optional<Span>{TRY(for_option(parse_span(*value), option))};
}

Result<std::optional<Time>> Arguments::time(std::string_view option) const {
  const std::string* value = find(option);
  if (!value) return std::optional<Time>{};
  return std::optional<Time>{TRY(for_option(parse_time(*value), option))};
}

Result<std::optional<std::uint32_t>> Arguments::number(std::string_view option) const {
  const std::string* value = find(option);
  if (!value) return std::optional<std::uint32_t>{};
  std::uint32_t number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, problem] = std::from_chars(value->data(), end, number);
  if (problem != std::errc{} || stop != end)
    return usage_error("--{}: '{}' is not a whole number from 0 to 4294967295", option, *value);
  return std::optional<std::uint32_t>{number};
}

Result<Invocation> parse_command_line(std::span<const std::string> words) { return Parser(words).parse(); }

}  // namespace vouch::cli
