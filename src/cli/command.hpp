#pragma once
// A command is data: its name, what it takes, what it says about itself, and a function to run. The parser,
// --help, the completion scripts and the manual page are all made from this one table, so they cannot differ.
//
// One file per noun holds its commands; `commands()` lists them all.

#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace vouch::cli {

class Context;
class Arguments;

// What the process answers to whoever called it. errors.def gives the code of a failure; these are for
// commands that did their work and have more to say than "done".
enum class Exit : int { done = 0, failed = 1, usage = 2, pending = 3, found_bad = 4 };

enum class Occurs { at_most_once, once, any_times };

struct Option {
  std::string_view name;      // "key", written --key
  std::string_view argument;  // "SPEC"; words in small letters with bars are the only values:
                              // "root|subordinate"; empty: a switch
  std::string_view help;
  Occurs occurs = Occurs::at_most_once;
};

struct Command {
  std::string_view name;      // "cert show", "why"
  std::string_view operands;  // "FILE|SERIAL"; "[TEXT]" may be left out, "NAME..." may come again
  std::string_view summary;   // one line for the overview
  std::string_view details;   // a paragraph for --help; may be empty
  std::span<const Option> options;
  std::string_view example;  // one command line, ready to be typed
  Result<Exit> (*run)(Context&, const Arguments&);
  bool hidden = false;  // not in help and completion: for building packages
};

// Every command, grouped by noun, in the order in which --help lists them.
const std::vector<Command>& commands();
const Command* find_command(std::string_view name);
// Options that every command takes, anywhere on the line.
std::span<const Option> global_options();

// The commands of one file each.
std::span<const Command> ca_commands();
std::span<const Command> ca_key_commands();
std::span<const Command> template_commands();
std::span<const Command> request_commands();
std::span<const Command> enrollment_agent_commands();
std::span<const Command> cert_commands();
std::span<const Command> challenge_commands();
std::span<const Command> crl_commands();
std::span<const Command> crlsync_commands();
std::span<const Command> location_commands();
std::span<const Command> why_commands();
std::span<const Command> explain_commands();
std::span<const Command> status_commands();
std::span<const Command> role_commands();
std::span<const Command> scep_mdm_commands();
std::span<const Command> audit_commands();
std::span<const Command> db_commands();
std::span<const Command> backup_commands();
std::span<const Command> config_commands();
std::span<const Command> scep_setup_commands();
std::span<const Command> scep_profile_commands();
std::span<const Command> scep_ra_commands();
std::span<const Command> scep_service_commands();
std::span<const Command> scep_enroll_commands();
std::span<const Command> scep_message_commands();
std::span<const Command> scep_visitor_commands();
std::span<const Command> serve_commands();
std::span<const Command> verify_commands();
std::span<const Command> trust_commands();
std::span<const Command> cache_commands();
std::span<const Command> gateway_commands();
std::span<const Command> helper_commands();
std::span<const Command> self_commands();

// "vouch cert show FILE|SERIAL [--opt X]…" without the options every command takes.
std::string synopsis(const Command& command);
// The values an option is limited to; empty when anything goes.
std::vector<std::string_view> choices(std::string_view argument);

// What stood on the line, already checked against the command's table.
class Arguments {
 public:
  bool has(std::string_view option) const { return options_.contains(option); }
  // The value, or nothing. Of options that occur any number of times, the last.
  const std::string* find(std::string_view option) const;
  std::string text(std::string_view option, std::string_view fallback = {}) const;
  std::vector<std::string> all(std::string_view option) const;
  std::span<const std::string> operands() const { return operands_; }
  const std::string& operand(std::size_t index) const { return operands_.at(index); }

  // Values of other types; what does not read as one is wrong usage and names the option.
  Result<std::optional<Span>> span(std::string_view option) const;
  Result<std::optional<Time>> time(std::string_view option) const;
  Result<std::optional<std::uint32_t>> number(std::string_view option) const;

  void set(std::string_view option, std::string value);
  void add_operand(std::string word) { operands_.push_back(std::move(word)); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> options_;
  std::vector<std::string> operands_;
};

// A command line, understood.
struct Invocation {
  const Command* command = nullptr;  // none: `help` is about the whole program or about `group`
  std::string group;
  bool help = false, version = false;
  Arguments arguments;
};
// Fails with `usage`; the hint says where help is, or what was probably meant.
Result<Invocation> parse_command_line(std::span<const std::string> words);

// A mistake in the call, for values that a command checks itself.
template <class... Args>
Error usage_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error(Errc::usage, fmt::format(format, std::forward<Args>(args)...));
}
// A value that its own parser refused becomes wrong usage of `option`.
template <class T>
Result<T> for_option(Result<T> result, std::string_view option) {
  if (result) return result;
  Error error = usage_error("--{}: {}", option, result.error().message());
  if (!result.error().hint().empty()) error = std::move(error).with_hint(std::string(result.error().hint()));
  return error;
}

}  // namespace vouch::cli
