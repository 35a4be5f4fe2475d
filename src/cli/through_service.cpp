#include "cli/through_service.hpp"

#include <algorithm>
#include <sstream>

#include "api/problem.hpp"
#include "api/schema.hpp"
#include "ca/settings/roles.hpp"
#include "cli/output.hpp"
#include "daemon/configuration.hpp"
#include "net/fetch.hpp"
#include "net/listener.hpp"

namespace vouch::cli {
namespace {

constexpr std::string_view kPath = "/api/v1/command";
constexpr std::size_t kMostSent = std::size_t{8} << 20;   // octets of files, either way before base64
constexpr std::size_t kMostBack = std::size_t{96} << 20;  // of an answer
constexpr std::size_t kMostPrinted = std::size_t{48} << 20;

constexpr std::string_view kForTheService[] = {
    "request submit",
    "request list",
    "request show",
    "request approve",
    "request deny",
    "request retrieve",
    "cert list",
    "cert show",
    "cert find",
    "cert revoke",
    "cert release",
    "cert import",
    "cert export",
    "crl publish",
    "crl list",
    "crl schedule",
    "template list",
    "template show",
    "template history",
    "template add",
    "template test",
    "template set",
    "template remove",
    "template publish",
    "template withdraw",
    "location list",
    "location add",
    "location set",
    "location move",
    "location remove",
    "location clear",
    "role list",
    "role grant",
    "role revoke",
    "role separation",
    "role four-eyes",
    "role two-managers",
    "audit show",
    "audit head",
    "audit prove",
    "challenge mint",
    "challenge password",
    "challenge list",
    "challenge show",
    "challenge cancel",
    "challenge key list",
    "challenge key renew",
    "challenge minter list",
    "challenge minter add",
    "challenge minter set",
    "challenge minter remove",
    "challenge account list",
    "challenge account bind",
    "challenge account release",
    "enrollment-agent list",
    "enrollment-agent allow",
    "enrollment-agent forbid",
    "ca list",
    "ca show",
    "ca sign",
    "ca ping",
    "why",
};

void add_file(const Context& context, const std::string& name, std::map<std::string, Buffer>& files) {
  std::error_code unknown;
  if (name != "-" && !fs::is_regular_file(name, unknown)) return;
  // What cannot be read did not come; the command says so when it needs it.
  if (auto content = context.files().read(name)) files[name] = std::move(*content);
}

bool names_files(std::string_view operands) {
  return operands.contains("FILE") || operands.contains("REQUEST") || operands.contains("AGENT");
}

Result<std::map<std::string, Buffer>> files_of(const Context& context, const Invocation& invocation) {
  std::map<std::string, Buffer> files;
  const Command& command = *invocation.command;
  if (names_files(command.operands))
    for (const std::string& operand : invocation.arguments.operands()) add_file(context, operand, files);
  for (const Option& option : command.options)
    if (option.argument.contains("FILE") && option.name != "out")
      for (const std::string& name : invocation.arguments.all(option.name)) add_file(context, name, files);
  std::size_t total = 0;
  for (const auto& [name, content] : files) total += content.size();
  if (total > kMostSent)
    return make_error(Errc::limit_exceeded,
                      "the files of this command have {} octets, and the service takes {}", total, kMostSent)
        .with_hint("give them in several calls");
  return files;
}

Value describe_files(const std::map<std::string, Buffer>& files) {
  Value list = Value::list();
  for (const auto& [name, content] : files)
    list.push(Value().set("name", name).set("content", to_base64(content)));
  return list;
}

Error malformed_message(std::string_view what) {
  return make_error(Errc::malformed, "a command's message {}", what);
}

Result<std::map<std::string, Buffer>> parse_files(const Value& message) {
  std::map<std::string, Buffer> files;
  const Value* list = message.find("files");
  if (!list || !list->list_items()) return malformed_message("has no list of files");
  for (const Value& file : *list->list_items()) {
    const Value *name = file.find("name"), *content = file.find("content");
    if (!name || !name->text() || !content || !content->text())
      return malformed_message("has a file without name or content");
    files[*name->text()] =
        TRY(from_base64(*content->text()).context("reading a file of a command's message"));
  }
  return files;
}

Result<std::vector<std::string>> parse_words(const Value& message) {
  std::vector<std::string> words;
  const Value* list = message.find("words");
  if (!list || !list->list_items()) return malformed_message("has no list of words");
  for (const Value& word : *list->list_items()) {
    if (!word.text()) return malformed_message("has a word that is no text");
    words.push_back(*word.text());
  }
  return words;
}

// A stream into memory that fails rather than grows without bound.
class BoundedText : public std::stringbuf {
 protected:
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    taken_ += static_cast<std::size_t>(count);
    return taken_ > kMostPrinted ? 0 : std::stringbuf::xsputn(text, count);
  }

 private:
  std::size_t taken_ = 0;
};

// Who is known to be at the other end, with what he says about himself beside it: "root (sudo alice)".
std::string user_of(const api::Caller& caller, const Value& message) {
  const Value* said = message.find("user");
  return said && said->text() && ca::principal_of(*said->text()) == caller.account ? *said->text()
                                                                                   : caller.account;
}

struct Ran {
  int code = 0;
  std::string out, err;
  std::map<std::string, Buffer> written;
};

Result<Ran> run_inside(const Surroundings& outside, Workspace& workspace, const api::Service& service,
                       const api::Caller& caller, const Value& message) {
  const std::vector<std::string> words = TRY(parse_words(message));
  const Invocation invocation = TRY(parse_command_line(words));
  if (!invocation.command || invocation.help || invocation.version ||
      !goes_through_service(*invocation.command, invocation.arguments))
    return make_error(Errc::usage, "the service does not run that command")
        .with_hint("run it where the home is: vouch --home HOME …");
  SentFiles files(TRY(parse_files(message)));
  BoundedText out_text;
  std::ostringstream err;
  std::ostream out(&out_text);
  Surroundings surroundings{.out = out, .err = err, .clock = outside.clock};
  surroundings.make_provider = outside.make_provider;
  surroundings.open_database = outside.open_database;
  surroundings.groups = outside.groups;
  surroundings.variable = [](const std::string&) { return std::optional<std::string>(); };
  surroundings.user = [user = user_of(caller, message)] { return user; };
  const Context::Inside inside{workspace, service, files};
  Ran ran;
  {
    Context context(surroundings, invocation.arguments, inside);
    const auto result = run_command(context, *invocation.command, invocation.arguments);
    if (result) {
      ran.code = static_cast<int>(*result);
    } else {
      ran.code = exit_code(result.error().code());
      print_error(surroundings, result.error(), context.json());
    }
  }
  if (!out)
    return make_error(Errc::limit_exceeded, "the command printed more than {} octets", kMostPrinted)
        .with_hint("ask for less at once, with its options");
  ran.out = out_text.str();
  ran.err = err.str();
  ran.written = files.written();
  return ran;
}

net::Response answer_command(const Surroundings& surroundings, Workspace& workspace,
                             const api::Service& service, const net::Request& request) {
  const auto said = [&]() -> Result<net::Response> {
    if (!request.peer->user) return make_error(Errc::denied, "commands are taken on the Unix socket alone");
    const auto caller = TRY(api::caller_of(request, service.environment, service.login_name));
    const Value message = TRY(parse_json(request.body).context("reading a command's message"));
    const Ran ran = TRY(run_inside(surroundings, workspace, service, caller, message));
    net::Response response;
    response.content_type = "application/json";
    response.body = to_json(Value()
                                .set("exit", ran.code)
                                .set("out", to_base64(as_bytes(ran.out)))
                                .set("err", ran.err)
                                .set("files", describe_files(ran.written)),
                            0);
    response.notes.user = caller.account;
    return response;
  }();
  return said ? *said : api::problem_response(said.error());
}

// Only where the line says: a service does not choose files of whoever calls it.
bool stands_on_line(const Invocation& invocation, const std::string& name) {
  const std::string* out = invocation.arguments.find("out");
  return out && *out == name;
}

}  // namespace

bool goes_through_service(const Command& command, const Arguments& arguments) {
  return std::ranges::find(kForTheService, command.name) != std::end(kForTheService) &&
         !arguments.has("recover");
}

std::optional<fs::path> find_service(const Context& context) {
  const fs::path folder = context.home_folder();
  auto configuration = daemon::default_configuration();
  if (const auto home = ca::Home::open(folder, false))
    if (auto read = daemon::read_configuration(*home)) configuration = std::move(*read);
  for (const daemon::ListenerConfiguration& listener : configuration.listeners)
    if (listener.enabled && !listener.path.empty() &&
        std::ranges::find(listener.serves, "api") != listener.serves.end())
      if (fs::path socket = folder / listener.path; net::is_listening(socket)) return socket;
  return std::nullopt;
}

Result<int> run_through_service(const Context& context, const fs::path& socket, const Invocation& invocation,
                                std::span<const std::string> words) {
  Value list = Value::list();
  for (const std::string& word : words) list.push(word);
  Value message;
  message.set("words", std::move(list)).set("user", context.user());
  message.set("files", describe_files(TRY(files_of(context, invocation))));
  net::Fetcher fetcher(net::FetchSettings{});
  const auto response = TRY(fetcher
                                .fetch({.url = fmt::format("http://localhost{}", kPath),
                                        .method = "POST",
                                        .body = to_json(message, 0),
                                        .content_type = "application/json",
                                        .most = kMostBack,
                                        .total_time = std::chrono::minutes(10),
                                        .unix_socket = socket.string()})
                                .context("asking the service at {} to run it", socket.string()));
  if (response.status != 200) return api::error_of(response);
  const Value answer = TRY(parse_json(as_text(response.body)).context("reading the answer of the service"));
  const Value* code = answer.find("exit");
  if (!code || !code->integer()) return malformed_message("has no exit code");
  const Buffer out = TRY(from_base64(text_member(answer, "out")));
  for (const auto& [name, content] : TRY(parse_files(answer))) {
    if (!stands_on_line(invocation, name))
      return make_error(Errc::denied, "the service wants to write {}, which nobody asked for", name);
    TRY(context.files().write(name, content));
  }
  context.out() << as_text(out);
  context.surroundings().err << text_member(answer, "err");
  return static_cast<int>(*code->integer());
}

net::Route command_route(const Surroundings& surroundings, Workspace& workspace,
                         const api::Service& service) {
  net::Route route{.path = std::string(kPath),
                   .methods = {net::Method::post},
                   .handler = net::Blocking([&](const net::Request& request) {
                     return answer_command(surroundings, workspace, service, request);
                   })};
  route.body_limit = kMostSent * 3 / 2;
  return route;
}

}  // namespace vouch::cli
