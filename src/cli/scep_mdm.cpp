// vouch scep user …, vouch scep simulate-intune: what surrounds SCEP where devices are managed.
#include <algorithm>
#include <ostream>

#include "base/pem.hpp"
#include "ca/home/audit.hpp"
#include "cli/foreground.hpp"
#include "cli/output.hpp"
#include "daemon/configuration.hpp"
#include "enroll/intune_simulator/simulator.hpp"
#include "enroll/mdm/page_users.hpp"
#include "net/server.hpp"

namespace vouch::cli {
namespace {

using enroll::intune_simulator::ClientRegistration, enroll::intune_simulator::Simulator;
using enroll::mdm::PageUser;

// The users of one host: also of a registration authority, which has a home without a database.
Result<fs::path> users_file(const Context& context) {
  const fs::path home = context.home_folder();
  std::error_code unknown;
  if (!fs::is_directory(home, unknown))
    return make_error(Errc::not_found, "there is no folder {}", home.string())
        .with_hint("set up a CA with: vouch ca init; or say where it is with --home or VOUCH_HOME");
  return enroll::mdm::page_users_file(home);
}

// Where there is an audit log, it says so.
Status note_change(Context& context, std::string_view verb, std::string_view name) {
  std::error_code unknown;
  const ca::Home home = TRY(ca::Home::open(context.home_folder(), false));
  if (!fs::exists(home.database(), unknown)) return ok();
  return ca::record_audit(TRY(context.workspace())->environment(),
                          {.actor = context.user(),
                           .action = fmt::format("scep.user.{}", verb),
                           .object = fmt::format("page user {}", name)});
}

Result<std::string> new_password(Context& context, const Arguments& arguments) {
  if (const std::string* file = arguments.find("password-file"))
    return context.read_secret(*file, "Password: ");
  const Surroundings& surroundings = context.surroundings();
  if (!surroundings.in_is_terminal)
    return make_error(Errc::usage, "nobody is there to ask for the password")
        .with_hint(
            "give the file that holds it in its first line: --password-file FILE, or - for standard input");
  std::string password = TRY(surroundings.ask("Password: "));
  std::string again = TRY(surroundings.ask("The same again: "));
  const bool same = password == again;
  wipe(again);
  if (same) return password;
  wipe(password);
  return make_error(Errc::usage, "these are two different passwords");
}

Result<Exit> add_user(Context& context, const Arguments& arguments) {
  const fs::path file = TRY(users_file(context));
  std::vector<PageUser> users = TRY(enroll::mdm::read_page_users(file));
  const std::string& name = arguments.operand(0);
  std::string password = TRY(new_password(context, arguments));
  auto user = enroll::mdm::make_page_user(context.provider(), name, password);
  wipe(password);
  if (!user) return std::move(user.error());
  const bool known = std::erase_if(users, [&](const PageUser& other) { return other.name == name; }) > 0;
  if (users.size() >= enroll::mdm::kMaxPageUsers)
    return make_error(Errc::limit_exceeded, "there are {} users already", users.size());
  users.push_back(std::move(*user));
  TRY(note_change(context, known ? "password" : "add", name));
  TRY(enroll::mdm::write_page_users(file, users));
  if (context.json())
    print_json(context, Value().set("name", name).set("account", "page:" + name).set("new", !known));
  context.say("{} {}; its account is page:{}", name, known ? "has a new password" : "may sign in", name);
  return Exit::done;
}

Result<Exit> list_users(Context& context, const Arguments&) {
  Table table{"NAME", "ACCOUNT"};
  Value values = Value::list();
  for (const PageUser& user : TRY(enroll::mdm::read_page_users(TRY(users_file(context))))) {
    table.add({user.name, "page:" + user.name});
    values.push(Value().set("name", user.name).set("account", "page:" + user.name));
  }
  if (context.json())
    print_json(context, Value().set("users", std::move(values)));
  else
    table.print(context, "no users");
  return Exit::done;
}

Result<Exit> remove_user(Context& context, const Arguments& arguments) {
  const fs::path file = TRY(users_file(context));
  std::vector<PageUser> users = TRY(enroll::mdm::read_page_users(file));
  const std::string& name = arguments.operand(0);
  if (std::erase_if(users, [&](const PageUser& user) { return user.name == name; }) == 0)
    return make_error(Errc::not_found, "there is no user '{}'", name)
        .with_hint("vouch scep user list shows them");
  TRY(note_change(context, "remove", name));
  TRY(enroll::mdm::write_page_users(file, users));
  if (context.json()) print_json(context, Value().set("name", name).set("removed", true));
  context.say("{} may no longer sign in", name);
  return Exit::done;
}

Result<ClientRegistration> registration_of(Context& context, const Arguments& arguments) {
  ClientRegistration client;
  client.tenant = arguments.text("tenant", "contoso.test");
  client.application = arguments.text("application", "11111111-2222-4333-8444-555555555555");
  if (const std::string* file = arguments.find("client-certificate")) {
    const auto blocks = TRY(pem_or_der(TRY(context.files().read(*file)), "CERTIFICATE", {"CERTIFICATE"}));
    client.certificate = blocks.front().der;
  }
  if (const std::string* file = arguments.find("secret-file"))
    client.secret = TRY(context.read_secret(*file, "Client secret: "));
  if (client.secret.empty() && client.certificate.empty()) {
    Buffer random(16);
    context.provider().random(random);
    client.secret = to_hex(random);
  }
  return client;
}

Result<net::Address> listen_address(const Arguments& arguments) {
  const auto address =
      TRY(for_option(net::Address::parse(arguments.text("listen", "127.0.0.1:8094")), "listen"));
  // It has no protection of its own.
  if (!address.is_loopback()) return usage_error("--listen: the simulator serves this host alone");
  return address;
}

Result<Exit> simulate_intune(Context& context, const Arguments& arguments) {
  const Signals signals;
  const ClientRegistration client = TRY(registration_of(context, arguments));
  Simulator simulator(client, context.provider(), context.clock());
  auto routes = std::make_shared<net::Router>();
  for (net::Route& route : simulator.routes()) TRY(routes->add(std::move(route)));
  net::ServerSettings settings;
  settings.threads = 1;
  settings.workers = 4;
  settings.clock = &context.clock();
  net::ListenerSettings listener;
  listener.name = "simulator";
  listener.endpoint.address = TRY(listen_address(arguments));
  listener.routes = std::move(routes);
  settings.listeners.push_back(std::move(listener));
  auto server = TRY(net::Server::start(std::move(settings)));
  const std::string url = "http://" + daemon::address_and_port(server->address("simulator"));
  simulator.reached_at(url);
  if (context.json())
    print_json(context, Value()
                            .set("url", url)
                            .set("tenant", client.tenant)
                            .set("application", client.application)
                            .set("secret", text_or_null(client.secret)));
  context.say("simulating Intune's interface at {}, until it is stopped", url);
  context.say("  tenant       {}", client.tenant);
  context.say("  application  {}", client.application);
  if (!client.secret.empty() && !arguments.has("secret-file"))
    context.say("  secret       {}", client.secret);
  context.out().flush();
  while (signals.wait(std::chrono::minutes(1)).value_or(SIGHUP) == SIGHUP) {
  }
  server->stop(std::chrono::seconds(2));
  return Exit::done;
}

constexpr Option kMdmAdd[] = {
    {"password-file", "FILE", "first line: the password, at least 12 characters; - is standard input"}};
constexpr Option kSimulate[] = {
    {"listen", "ADDRESS:PORT", "where; only of this host; 127.0.0.1:8094 if left out, port 0: any free one"},
    {"tenant", "NAME", "of the directory; contoso.test if left out"},
    {"application", "ID", "that may ask for tokens"},
    {"secret-file", "FILE", "first line: its secret; without it one is made and shown"},
    {"client-certificate", "FILE", "its certificate, for tokens by signed assertion"},
};

constexpr Command kMdmCommands[] = {
    {"scep user add", "NAME",
     "let somebody sign in to the page with challenge passwords, or change a password",
     "The page is /certsrv/mscep_admin. Names and scrypt hashes of passwords are in the file scep-page-users "
     "of the "
     "home, mode 0600; what a user may do there is decided by roles, for the account page:NAME.",
     kMdmAdd, "vouch scep user add mdm --password-file mdm.txt", &add_user},
    {"scep user list",
     "",
     "show who may sign in to the page with challenge passwords",
     "",
     {},
     "vouch scep user list",
     &list_users},
    {"scep user remove",
     "NAME",
     "let somebody no longer sign in to the page",
     "",
     {},
     "vouch scep user remove mdm",
     &remove_user},
    {"scep simulate-intune", "", "be a device management service with Intune's interface, for tests",
     "Serves the interface for third-party certification authorities (tokens, discovery, validateRequest, "
     "notifications, revocations) on this host until SIGTERM or SIGINT. POST /simulator/challenges makes a "
     "challenge, "
     "GET /simulator/state shows what it was told; docs/mechanisms/mdm.md has an example.",
     kSimulate, "vouch scep simulate-intune --listen 127.0.0.1:8094", &simulate_intune},
};

}  // namespace

std::span<const Command> scep_mdm_commands() { return kMdmCommands; }

}  // namespace vouch::cli
