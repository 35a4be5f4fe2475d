// vouch location …
#include <charconv>
#include <ostream>

#include "ca/home/audit.hpp"
#include "ca/settings/location_usage.hpp"
#include "ca/settings/settings_change.hpp"
#include "cli/describe.hpp"
#include "revocation/crl_shards.hpp"

namespace vouch::cli {
namespace {

using ca::Location;
using ca::LocationList;

std::string_view list_name(LocationList list) { return list == LocationList::cdp ? "cdp" : "aia"; }
std::string_view title_of(LocationList list) { return list == LocationList::cdp ? "CDP" : "AIA"; }

std::vector<Location>& locations_of(ca::AuthoritySettings& settings, LocationList list) {
  return list == LocationList::cdp ? settings.cdp : settings.aia;
}

Result<LocationList> chosen_list(const Arguments& arguments) {
  if (arguments.has("cdp") == arguments.has("aia"))
    return usage_error(
        "which list is it? Give --cdp (where CRLs are) or --aia (where the CA certificate is)");
  return arguments.has("cdp") ? LocationList::cdp : LocationList::aia;
}

Result<std::vector<Location>> read_locations(std::span<const std::string> operands, LocationList list) {
  std::vector<Location> locations;
  for (const std::string& text : operands) {
    Location location = TRY(ca::parse_location(text));
    TRY(ca::check_location(list, location));
    for (const Location& other : locations)
      if (other.url == location.url) return usage_error("{} is given twice", location.url);
    locations.push_back(std::move(location));
  }
  return locations;
}

// A location by its number in the list, by its URL, or as it is printed.
Result<std::size_t> find_location(const std::vector<Location>& locations, const std::string& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (number >= 1 && number <= locations.size()) return number - 1;
    return make_error(Errc::not_found, "there is no location {}: the list has {}", number, locations.size())
        .with_hint("vouch location list shows it with its numbers");
  }
  for (std::size_t i = 0; i < locations.size(); ++i)
    if (locations[i].url == text || ca::format_location(locations[i]) == text) return i;
  return make_error(Errc::not_found, "there is no location '{}'", text)
      .with_hint("vouch location list shows them; name one by its number or its URL");
}

Value describe_location(LocationList list, const std::vector<Location>& locations) {
  Value values = Value::list();
  for (const Location& location : locations)
    values.push(Value()
                    .set("location", ca::format_location(location))
                    .set("flags", std::int64_t{location.flags})
                    .set("names", ca::flag_names(list, location.flags))
                    .set("url", location.url));
  return values;
}

// --- how many certificates carry which URL ---

Value describe_location(const ca::LocationUsage& usage) {
  Value uses = Value::list();
  for (const ca::UrlUse& use : usage.uses)
    uses.push(Value()
                  .set("kind", use.kind)
                  .set("url", use.url)
                  .set("current", use.current)
                  .set("live_certificates", use.live));
  return uses;
}

void print_usage(const Context& context, const ca::LocationUsage& usage) {
  Table table{"CARRIED AS", "URL", "LIVE CERTIFICATES", "NEW CERTIFICATES"};
  for (const ca::UrlUse& use : usage.uses)
    table.add({use.kind, use.url, fmt::format("{}", use.live), use.current ? "carry it" : "do not carry it"});
  table.print(context, "no URLs in certificates");
  if (usage.unrecorded != 0)
    context.note("note: {} live certificates are from before their URLs were recorded", usage.unrecorded);
}

// --- commands ---

Result<Exit> report_locations(Context& context, const store::AuthorityRecord& record,
                              ca::AuthoritySettings settings, const std::vector<LocationList>& lists,
                              const std::optional<ca::LocationUsage>& usage) {
  if (context.json()) {
    Value value;
    value.set("ca", record.name);
    value.set("cdp", describe_location(LocationList::cdp, settings.cdp));
    value.set("aia", describe_location(LocationList::aia, settings.aia));
    value.set("usage", usage ? describe_location(*usage) : Value());
    value.set("unrecorded", usage ? Value(usage->unrecorded) : Value());
    print_json(context, value);
    return Exit::done;
  }
  Table table{"LIST", "NO", "LOCATION", "FLAGS"};
  for (const LocationList list : lists) {
    int number = 0;
    for (const Location& location : locations_of(settings, list))
      table.add({std::string(title_of(list)), std::to_string(++number), ca::format_location(location),
                 ca::flag_names(list, location.flags)});
  }
  table.print(context, "no locations");
  if (usage) {
    context.out() << '\n';
    print_usage(context, *usage);
  }
  return Exit::done;
}

Result<Exit> list_locations(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(context.choose_authority(*snapshot));
  const auto settings = TRY(ca::parse_settings(record.settings));
  std::vector<LocationList> lists;
  if (!arguments.has("aia") || arguments.has("cdp")) lists.push_back(LocationList::cdp);
  if (!arguments.has("cdp") || arguments.has("aia")) lists.push_back(LocationList::aia);
  std::optional<ca::LocationUsage> usage;
  if (arguments.has("usage"))
    usage = TRY(ca::location_usage(*snapshot, record, settings, context.clock().now()));
  return report_locations(context, record, settings, lists, usage);
}

// What the change means, for people.
void explain_consequences(const Context& context, const ca::AuthoritySettings& before,
                          const ca::AuthoritySettings& after, LocationList list) {
  const auto has = [](const std::vector<Location>& locations, std::uint32_t flags) {
    return std::ranges::any_of(locations, [&](const Location& l) { return (l.flags & flags) != 0; });
  };
  const bool cdp = list == LocationList::cdp;
  const std::uint32_t carried =
      ca::add_to_certificate | (cdp ? 0u : std::uint32_t{ca::add_to_certificate_ocsp});
  const auto& now = cdp ? after.cdp : after.aia;
  if (!has(now, carried) && !after.no_locations)
    context.note("warning: no {} location goes into certificates: nothing is issued until there is one",
                 title_of(list));
  if (!has(now, ca::publish_to_server))
    context.note("warning: {} is published nowhere", cdp ? "no CRL" : "the CA certificate");
  context.note(
      "note: certificates issued from now on carry the new list; those that exist keep their URLs "
      "(vouch location list --usage)");
  if (cdp && before.cdp != after.cdp) context.note("note: the next CRL goes by it: vouch crl publish");
}

// That this CA has what the variables stand for: a directory, where one is named.
Status check_expansion(const ca::AuthoritySettings& settings, const std::string& ca_name,
                       const std::vector<Location>& locations) {
  const ca::LocationVariables variables{
      settings.dns_name, settings.short_name, ca_name, 0, 0, false, settings.configuration_container};
  for (const Location& location : locations) (void)TRY(ca::expand(location, variables));
  return ok();
}

// Reads, changes and writes one list, with its entry in the audit log.
Result<Exit> change(Context& context, const Arguments& arguments, std::string_view verb,
                    const std::function<Status(std::vector<Location>&)>& apply) {
  const LocationList list = TRY(chosen_list(arguments));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(context.choose_authority(*TRY(workspace.snapshot())));
  const auto before = TRY(ca::parse_settings(record.settings));
  const bool shards_are_carried =
      TRY(revocation::shards_are_carried(*TRY(workspace.snapshot()), record.id, context.clock().now()));
  std::string what;
  for (const std::string& operand : arguments.operands()) what += (what.empty() ? "" : " ") + operand;
  const auto after = TRY(
      ca::change_settings(workspace.environment(), record.name,
                          {.actor = context.user(),
                           .action = fmt::format("location.{}", verb),
                           .details = ca::AuditDetails().add("list", list_name(list)).add("locations", what),
                           .apply = [&](ca::AuthoritySettings& settings) -> Status {
                             TRY(apply(locations_of(settings, list)));
                             TRY(check_expansion(settings, record.name, locations_of(settings, list)));
                             if (settings.crl_shards > 1) TRY(ca::check_crl_settings(settings));
                             return shards_are_carried ? ca::check_shard_places(settings.cdp) : ok();
                           }}));
  explain_consequences(context, before, after, list);
  if (context.json()) {
    Value value;
    value.set("ca", record.name).set("list", list_name(list));
    value.set("locations", describe_location(list, list == LocationList::cdp ? after.cdp : after.aia));
    print_json(context, value);
    return Exit::done;
  }
  return report_locations(context, record, after, {list}, std::nullopt);
}

Result<Exit> add_location(Context& context, const Arguments& arguments) {
  const LocationList list = TRY(chosen_list(arguments));
  const auto added = TRY(read_locations(arguments.operands(), list));
  const auto at = TRY(arguments.number("at"));
  return change(context, arguments, "add", [&](std::vector<Location>& locations) -> Status {
    for (const Location& location : added)
      for (const Location& known : locations)
        if (known.url == location.url)
          return make_error(Errc::conflict, "{} is in the list already, as {}", location.url,
                            ca::format_location(known))
              .with_hint("remove it first, or write the whole list anew with: vouch location set");
    std::size_t position = locations.size();
    if (at) {
      if (*at < 1 || *at > locations.size() + 1)
        return usage_error("--at: there are the places 1 to {}", locations.size() + 1);
      position = *at - 1;
    }
    locations.insert(locations.begin() + static_cast<std::ptrdiff_t>(position), added.begin(), added.end());
    return ok();
  });
}

Result<Exit> set_location(Context& context, const Arguments& arguments) {
  const auto wanted = TRY(read_locations(arguments.operands(), TRY(chosen_list(arguments))));
  return change(context, arguments, "set", [&](std::vector<Location>& locations) -> Status {
    locations = wanted;
    return ok();
  });
}

Result<Exit> move_location(Context& context, const Arguments& arguments) {
  return change(context, arguments, "move", [&](std::vector<Location>& locations) -> Status {
    const auto to = TRY(arguments.number("to"));
    const std::size_t from = TRY(find_location(locations, arguments.operand(0)));
    if (!to || *to < 1 || *to > locations.size())
      return usage_error("--to: there are the places 1 to {}", locations.size());
    Location location = std::move(locations[from]);
    locations.erase(locations.begin() + static_cast<std::ptrdiff_t>(from));
    locations.insert(locations.begin() + static_cast<std::ptrdiff_t>(*to - 1), std::move(location));
    return ok();
  });
}

Result<Exit> remove_location(Context& context, const Arguments& arguments) {
  return change(context, arguments, "remove", [&](std::vector<Location>& locations) -> Status {
    // Numbers are those of the list as it was.
    std::vector<Location> gone;
    for (const std::string& operand : arguments.operands())
      gone.push_back(locations[TRY(find_location(locations, operand))]);
    std::erase_if(locations, [&](const Location& l) { return std::ranges::find(gone, l) != gone.end(); });
    return ok();
  });
}

Result<Exit> clear_location(Context& context, const Arguments& arguments) {
  return change(context, arguments, "clear", [](std::vector<Location>& locations) -> Status {
    locations.clear();
    return ok();
  });
}

constexpr Option kCdp{"cdp", "", "the list of CRL locations"};
constexpr Option kAia{"aia", "", "the list of locations of the CA certificate and of OCSP"};
constexpr Option kLocationList[] = {
    {"cdp", "", "only the CRL locations"},
    {"aia", "", "only the locations of the CA certificate and of OCSP"},
    {"usage", "", "and how many unexpired certificates carry each URL, old URLs included"},
};
constexpr Option kLocationAdd[] = {kCdp, kAia, {"at", "N", "the place in the list; the end if left out"}};
constexpr Option kMove[] = {kCdp, kAia, {"to", "N", "the new place in the list", Occurs::once}};
constexpr Option kOne[] = {kCdp, kAia};

constexpr Command kLocationCommands[] = {
    {"location list", "", "show where CRLs and CA certificates are published and found",
     "FLAGS is the sum of what a location is for, as certutil writes it; docs/reference/locations.md has the "
     "flags and the variables (%3 or <CaName>, …). Clients try the URLs in the order of the list.",
     kLocationList, "vouch location list --usage", &list_locations},
    {"location add", "FLAGS:URL...", "add locations; those that are there stay",
     "FLAGS are a number (65) or names with commas between (PublishToServer,PublishDeltaToServer). Takes "
     "effect "
     "at once for what is issued from then on.",
     kLocationAdd, "vouch location add --cdp 6:http://pki.example.com/%3%8%9.crl", &add_location},
    {"location set", "FLAGS:URL...", "replace the whole list",
     "The list is exactly what is given, in this order.", kOne,
     "vouch location set --aia 1:/srv/pki/%3%4.crt AddToCertificateAia:http://pki.example.com/%3%4.crt",
     &set_location},
    {"location move", "NO|URL", "move a location to another place in its list", "", kMove,
     "vouch location move --cdp 3 --to 1", &move_location},
    {"location remove", "NO|URL...", "remove locations from a list", "", kOne,
     "vouch location remove --cdp 2", &remove_location},
    {"location clear", "", "empty a list", "", kOne, "vouch location clear --aia", &clear_location},
};

}  // namespace

std::span<const Command> location_commands() { return kLocationCommands; }

}  // namespace vouch::cli
