// vouch scep profile …, vouch scep trust: what there is, and what devices have to trust.
#include <ostream>

#include "cli/describe.hpp"
#include "cli/scep_host.hpp"
#include "daemon/scep/trust.hpp"

namespace vouch::cli {
namespace {

using daemon::scep::ProfileConfiguration;

std::string challenge_mode_of(const ProfileConfiguration& profile) {
  return profile.mode == daemon::scep::Profile::Mode::ra ? "ra" : "ca";
}

Value describe_profile(const ScepHost& host, const ProfileConfiguration& profile) {
  Value templates = Value::list();
  for (const std::string& name : profile.templates()) templates.push(name);
  return Value()
      .set("name", profile.name)
      .set("enabled", profile.enabled)
      .set("url", text_or_null(host.url_of(profile)))
      .set("ca", text_or_null(profile.ca))
      .set("mode", challenge_mode_of(profile))
      .set("account", profile.account_name())
      .set("challenge", to_string(profile.challenge))
      .set("templates", std::move(templates))
      .set("root", text_or_null(profile.root))
      .set("legacy", profile.legacy);
}

Result<Exit> list_profiles(Context& context, const Arguments&) {
  const auto host = TRY(ScepHost::open(context));
  Table table{"NAME", "URL", "CA", "MODE", "CHALLENGE", "TEMPLATES"};
  Value values = Value::list();
  for (const ProfileConfiguration& profile : host->configuration().scep) {
    std::string templates;
    for (const std::string& name : profile.templates()) templates += (templates.empty() ? "" : ", ") + name;
    table.add({profile.name, profile.enabled ? host->url_of(profile) : "off", profile.ca,
               challenge_mode_of(profile), std::string(to_string(profile.challenge)), templates});
    values.push(describe_profile(*host, profile));
  }
  if (context.json())
    print_json(context, Value().set("profiles", std::move(values)));
  else
    table.print(context, "no SCEP profiles: vouch scep setup NAME makes one");
  return Exit::done;
}

// What somebody sees who tries the URL, because both answers look like faults.
std::string visit_of(const ProfileConfiguration& profile) {
  using enum daemon::scep::ChallengeKind;
  const bool module =
      profile.challenge == bound || profile.challenge == webhook || profile.challenge == intune;
  return module ? "403 Forbidden, which is right: a policy module decides"
                : "NDES's general page, which is right: no policy module decides";
}

Result<Exit> show_profile(Context& context, const Arguments& arguments) {
  const auto host = TRY(ScepHost::open(context));
  const auto& profile = *TRY(host->profile(arguments.operands().empty() ? "" : arguments.operand(0)));
  const auto findings = TRY(host->examine(profile));
  if (context.json()) {
    print_json(context, describe_profile(*host, profile)
                            .set("faults", texts(findings.faults))
                            .set("warnings", texts(findings.warnings)));
  } else {
    Fields fields;
    fields.add("Profile", profile.name).add("URL", host->url_of(profile)).add("CA", profile.ca);
    fields.add("Behind", profile.internal_url)
        .add("Mode", challenge_mode_of(profile))
        .add("Account", profile.account_name());
    fields.add("Challenge", to_string(profile.challenge)).add("A browser gets", visit_of(profile));
    fields.add("Root", profile.root);
    for (const std::string& path : profile.paths) fields.add("Path", path);
    for (const std::string& name : profile.templates()) fields.add("Template", name);
    for (const std::string& fault : findings.faults) fields.add("Wrong", fault);
    for (const std::string& warning : findings.warnings) fields.add("Note", warning);
    context.out() << fields.text("");
  }
  return findings.faults.empty() ? Exit::done : Exit::found_bad;
}

Status write_here(const fs::path& file, Bytes content, Value& files) {
  TRY(write_file_atomic(file, content));
  files.push(file.string());
  return ok();
}

// Root and issuing CA, as MDMs take them: one file each, and a profile for Apple's devices.
Result<Exit> trust(Context& context, const Arguments& arguments) {
  const auto host = TRY(ScepHost::open(context));
  const auto& profile = *TRY(host->profile(arguments.operands().empty() ? "" : arguments.operand(0)));
  const auto chain = TRY(host->chain(TRY(host->ca(profile.ca))));
  const fs::path folder = arguments.text("out", ".");
  TRY(make_folder(folder));
  Value files = Value::list(), certificates = Value::list();
  std::string lines;
  for (const daemon::scep::TrustFile& file :
       TRY(daemon::scep::trust_files(context.provider(), profile.name, chain))) {
    TRY(write_here(folder / file.name, file.content, files));
    if (file.certificate.empty()) {
      lines += fmt::format("  {}: {}\n", (folder / file.name).string(), file.what);
      continue;
    }
    const auto view = TRY(x509::parse_certificate(file.certificate));
    const auto prints = fingerprints(context.provider(), file.certificate);
    lines += fmt::format("  {}: {}, {}\n    SHA-256 {}\n    SHA-1   {}\n", (folder / file.name).string(),
                         file.what, name_text(view.subject), prints.sha256, prints.sha1);
    certificates.push(Value()
                          .set("file", (folder / file.name).string())
                          .set("subject", name_text(view.subject))
                          .set("sha256", prints.sha256)
                          .set("sha1", prints.sha1));
  }
  if (context.json())
    print_json(context, Value().set("files", std::move(files)).set("certificates", std::move(certificates)));
  else
    context.out() << lines;
  return Exit::done;
}

constexpr Option kTrustOptions[] = {{"out", "FOLDER", "where the files go; here if left out"}};

constexpr Command kProfileCommands[] = {
    {"scep profile list", "", "list the SCEP profiles", "", {}, "vouch scep profile list", &list_profiles},
    {"scep profile show",
     "[PROFILE]",
     "show one, and what keeps it from issuing; exit code 4 when something does",
     "Asks whether its account may use its templates, whether they are published, and what is odd about "
     "them.",
     {},
     "vouch scep profile show devices",
     &show_profile},
    {"scep trust", "[PROFILE]", "write what devices and MDMs have to trust: root and issuing certificate",
     "As .cer (DER) one by one, with their fingerprints, and as one .mobileconfig for Apple's devices.",
     kTrustOptions, "vouch scep trust devices --out trust", &trust},
};

}  // namespace

std::span<const Command> scep_profile_commands() { return kProfileCommands; }

}  // namespace vouch::cli
