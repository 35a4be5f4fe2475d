// vouch scep visitors: which devices asked, and how far they came.
#include <cerrno>
#include <fstream>

#include "cli/describe.hpp"
#include "daemon/configuration.hpp"
#include "enroll/scep/visitors.hpp"

namespace vouch::cli {
namespace {

namespace scep = enroll::scep;

// Those that are named, or this home's.
Result<std::vector<fs::path>> chosen_logs(const Context& context, const Arguments& arguments) {
  std::vector<fs::path> logs;
  for (const std::string& file : arguments.all("access-log")) logs.emplace_back(file);
  if (!logs.empty()) return logs;
  const ca::Home home = TRY(ca::Home::open(context.home_folder(), false));
  const daemon::Configuration configuration = TRY(daemon::read_configuration(home));
  if (configuration.access_log.file.empty())
    return make_error(Errc::usage, "the service here writes no access log")
        .with_hint(
            "name one with --access-log FILE; or write one: vouch config set access_log.file access.log");
  logs.push_back(home.folder() / configuration.access_log.file);
  return logs;
}

Status read_log(const fs::path& file, scep::VisitorLog& log) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return system_error(errno, "reading the access log", file);
  for (std::string line; std::getline(in, line);) log.take(line);
  if (in.bad()) return system_error(errno, "reading the access log", file);
  return ok();
}

// What the last thing that is known of it says.
std::string remark_on(const scep::Visitor& visitor) {
  if (!visitor.is_silent()) return "";
  if (visitor.last_status == 414)
    return "its URL is too long: limits.query, a proxy's limit, or POST (GetCACaps offers it)";
  if (visitor.unanswered > 0)
    return fmt::format("its requests got the status {}: the log of the service says why",
                       visitor.last_status);
  if (visitor.certificates == 0)
    return "it asked for the capabilities and came no further: vouch scep caps URL";
  return "it has the certificates and sent no request: it may not trust them (vouch scep trust), or wait for "
         "a PIN";
}

Value describe_visitor(const scep::Visitor& visitor) {
  return Value()
      .set("client", printable(visitor.client))
      .set("program", text_or_null(printable(visitor.agent)))
      .set("first", visitor.first)
      .set("last", visitor.last)
      .set("capabilities", visitor.capabilities)
      .set("certificates", visitor.certificates)
      .set("messages", visitor.messages)
      .set("unanswered", visitor.unanswered)
      .set("silent", visitor.is_silent())
      .set("remark", text_or_null(remark_on(visitor)));
}

Result<Exit> visitors(Context& context, const Arguments& arguments) {
  scep::VisitorLog log;
  for (const fs::path& file : TRY(chosen_logs(context, arguments))) TRY(read_log(file, log));
  Table table{"CLIENT", "LAST", "CAPS", "CERTS", "MESSAGES", "UNANSWERED", "PROGRAM", "REMARK"};
  Value values = Value::list();
  for (const scep::Visitor& visitor : log.visitors()) {
    if (arguments.has("silent") && !visitor.is_silent()) continue;
    table.add({printable(visitor.client), visitor.last, fmt::format("{}", visitor.capabilities),
               fmt::format("{}", visitor.certificates), fmt::format("{}", visitor.messages),
               fmt::format("{}", visitor.unanswered), printable(visitor.agent), remark_on(visitor)});
    values.push(describe_visitor(visitor));
  }
  if (context.json())
    print_json(context, Value().set("visitors", std::move(values)).set("unreadable", log.unreadable()));
  else
    table.print(context, arguments.has("silent") ? "everybody who asked sent a request" : "nobody asked");
  if (log.unreadable() != 0)
    context.note("note: {} lines are not of the W3C extended form, which access_log.form = \"w3c\" gives",
                 log.unreadable());
  if (log.is_full()) context.note("note: there are more than {} devices", scep::VisitorLog::kMost);
  return Exit::done;
}

constexpr Option kVisitorsOptions[] = {
    {"access-log", "FILE", "a log in the W3C extended form, ours or IIS's; this home's if left out",
     Occurs::any_times},
    {"silent", "", "only those that asked and never sent a request that was answered"},
};

constexpr Command kVisitorsCommands[] = {
    {"scep visitors", "", "show which devices asked for SCEP, and how far they came",
     "From the access log: a device that fetches capabilities and certificates and never enrols has left "
     "nothing "
     "else. Says what it probably lacks.",
     kVisitorsOptions, "vouch scep visitors --silent", &visitors},
};

}  // namespace

std::span<const Command> scep_visitor_commands() { return kVisitorsCommands; }

}  // namespace vouch::cli
