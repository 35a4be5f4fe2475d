// Commands about the program itself: completion, version, man.
#include <ostream>

#include "cli/help.hpp"
#include "cli/output.hpp"

namespace vouch::cli {
namespace {

Result<Exit> completion(Context& context, const Arguments& arguments) {
  const std::string& shell = arguments.operand(0);
  if (shell == "bash")
    context.out() << bash_completion();
  else if (shell == "zsh")
    context.out() << zsh_completion();
  else if (shell == "fish")
    context.out() << fish_completion();
  else
    return usage_error("the shells are bash, zsh and fish, not '{}'", shell);
  return Exit::done;
}

Result<Exit> version(Context& context, const Arguments&) {
  if (context.json())
    print_json(context, Value().set("version", program_version()));
  else
    context.out() << "vouch " << program_version() << '\n';
  return Exit::done;
}

Result<Exit> man(Context& context, const Arguments&) {
  context.out() << manual_page();
  return Exit::done;
}

constexpr Command kSelfCommands[] = {
    {"completion",
     "bash|zsh|fish",
     "print a completion script for a shell",
     "",
     {},
     "source <(vouch completion bash)",
     &completion},
    {"version", "", "print the version", "", {}, "vouch version", &version},
    {"man",
     "",
     "print the manual page, as packaging/man/vouch.1 holds it",
     "",
     {},
     "vouch man > packaging/man/vouch.1",
     &man,
     true},
};

}  // namespace

std::span<const Command> self_commands() { return kSelfCommands; }

}  // namespace vouch::cli
