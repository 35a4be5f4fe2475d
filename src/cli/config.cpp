// vouch config …
#include <algorithm>
#include <ostream>

#include "cli/output.hpp"
#include "daemon/configuration.hpp"

namespace vouch::cli {
namespace {

// Settings are read without opening the database.
Result<ca::Home> open_home(const Context& context) {
  const fs::path folder = context.home_folder();
  std::error_code unknown;
  if (!fs::exists(folder, unknown))
    return make_error(Errc::not_found, "there is no home {}", folder.string())
        .with_hint("set up a CA with: vouch ca init; or say where it is with --home or VOUCH_HOME");
  return ca::Home::open(folder, false);
}

bool is_for_the_service(std::string_view name) {
  return std::ranges::find(ca::service_sections(), name.substr(0, name.find('.'))) !=
         ca::service_sections().end();
}

// The file as a whole: what concerns the CAs and what concerns the service.
Result<ca::Home> open_checked_home(const Context& context) {
  ca::Home home = TRY(open_home(context));
  (void)TRY(daemon::read_configuration(home));
  return home;
}

Result<Exit> check_config(Context& context, const Arguments&) {
  auto home = open_checked_home(context);
  if (!home && home.error().code() == Errc::not_found) return std::move(home.error());
  const std::string problem = home ? "" : home.error().summary();
  if (context.json()) {
    print_json(context, Value().set("ok", home.has_value()).set("problem", text_or_null(problem)));
  } else if (!home) {
    context.out() << printable(problem) << '\n';
    if (!home.error().hint().empty()) context.note("hint: {}", home.error().hint());
  } else {
    std::error_code unknown;
    const fs::path& file = home->configuration_file();
    if (fs::exists(file, unknown))
      context.say("{} is in order", file.string());
    else
      context.say("there is no {}: every setting has its default", file.string());
  }
  return home ? Exit::done : Exit::found_bad;
}

Result<Exit> show_config(Context& context, const Arguments&) {
  const ca::Home home = TRY(open_home(context));
  Table table{"SETTING", "VALUE", "MEANING"};
  Value values = Value::list();
  const auto add = [&](const std::string& name, const std::string& value, std::string_view summary) {
    table.add({name, value.empty() ? "-" : value, std::string(summary)});
    values.push(Value().set("name", name).set("value", value).set("summary", summary));
  };
  for (const SettingKey& key : ca::configuration_keys())
    add(std::string(key.name), TRY(ca::get_setting(home.configuration(), key.name)), key.summary);
  for (const auto& [name, value, summary] : daemon::show_settings(TRY(daemon::read_configuration(home))))
    add(name, value, summary);
  if (context.json())
    print_json(context,
               Value().set("file", home.configuration_file().string()).set("settings", std::move(values)));
  else
    table.print(context, "no settings");
  return Exit::done;
}

Result<Exit> get(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operand(0);
  const ca::Home home = TRY(open_home(context));
  const std::string value = is_for_the_service(name)
                                ? TRY(daemon::get_setting(TRY(daemon::read_configuration(home)), name))
                                : TRY(ca::get_setting(home.configuration(), name));
  if (context.json())
    print_json(context, Value().set("name", name).set("value", value));
  else
    context.out() << printable(value) << '\n';
  return Exit::done;
}

Result<Exit> set_config(Context& context, const Arguments& arguments) {
  const std::string &name = arguments.operand(0), &value = arguments.operand(1);
  const ca::Home home = TRY(open_home(context));
  const fs::path& file = home.configuration_file();
  std::error_code unknown;
  Buffer before;
  if (fs::exists(file, unknown)) before = TRY(read_file(file, 1 << 20));
  const auto with_setting = is_for_the_service(name) ? daemon::with_setting : ca::with_setting;
  const std::string after = TRY(with_setting(as_text(before), file.string(), name, value));
  TRY(ca::write_configuration(file, after));
  if (context.json())
    print_json(context, Value().set("name", name).set("value", value).set("file", file.string()));
  context.say("{} = {} in {}", name, value, file.string());
  return Exit::done;
}

constexpr Command kConfigCommands[] = {
    {"config check",
     "",
     "check the configuration file; exit code 4 when something is wrong",
     "",
     {},
     "vouch config check",
     &check_config},
    {"config show",
     "",
     "show every setting, its value and its meaning",
     "",
     {},
     "vouch config show",
     &show_config},
    {"config get", "KEY", "print one setting", "", {}, "vouch config get issuance.node", &get},
    {"config set",
     "KEY VALUE",
     "change one setting; the rest of the file stays as it is",
     "What the file was before is kept beside it, as vouch.toml.previous.",
     {},
     "vouch config set issuance.node 2",
     &set_config},
};

}  // namespace

std::span<const Command> config_commands() { return kConfigCommands; }

}  // namespace vouch::cli
