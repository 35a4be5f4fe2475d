// One command line from words to exit code.
#include <algorithm>
#include <exception>
#include <ostream>

#include "cli/context.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"
#include "cli/through_service.hpp"

namespace vouch::cli {
namespace {

// A line that cannot be parsed may still have asked for JSON.
bool asks_for_json(std::span<const std::string> words) {
  const auto end = std::ranges::find(words, "--");
  return std::find(words.begin(), end, "--json") != end;
}

int fail(const Surroundings& surroundings, const Error& error, bool json) {
  print_error(surroundings, error, json);
  surroundings.err.flush();
  return exit_code(error.code());
}

Result<int> carry_out(const Surroundings& surroundings, std::span<const std::string> words) {
  const Invocation invocation = TRY(parse_command_line(words));
  if (invocation.help) {
    surroundings.out << (invocation.command          ? command_help(*invocation.command)
                         : !invocation.group.empty() ? group_help(invocation.group)
                                                     : overview());
    return static_cast<int>(Exit::done);
  }
  Context context(surroundings, invocation.arguments);
  const Command& command = *(invocation.version ? find_command("version") : invocation.command);
  if (goes_through_service(command, invocation.arguments))
    if (const auto socket = find_service(context))
      return TRY(run_through_service(context, *socket, invocation, words));
  auto result = run_command(context, command, invocation.arguments);
  context.seal_audit();
  if (!result) return std::move(result.error());
  return static_cast<int>(*result);
}

}  // namespace

Result<Exit> run_command(Context& context, const Command& command, const Arguments& arguments) {
  auto result = command.run(context, arguments);
  if (!result && result.error().code() == Errc::usage && !result.error().hint().contains("--help")) {
    std::string hint(result.error().hint());
    hint += fmt::format("{}vouch {} --help explains the command", hint.empty() ? "" : "; ", command.name);
    return std::move(result.error()).with_hint(std::move(hint));
  }
  return result;
}

int run(const Surroundings& surroundings, std::span<const std::string> words) {
  const bool json = asks_for_json(words);
  try {
    auto result = carry_out(surroundings, words);
    if (!result) return fail(surroundings, result.error(), json);
    surroundings.out.flush();
    if (!surroundings.out)
      return fail(surroundings, make_error(Errc::unavailable, "cannot write to standard output"), json);
    return *result;
  } catch (const std::exception& e) {
    return fail(surroundings, make_error(Errc::internal, "{}", e.what()), json);
  }
}

}  // namespace vouch::cli
