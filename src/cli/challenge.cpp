// vouch challenge …
#include <limits>
#include <ostream>

#include "ca/challenges.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {
namespace {

// --- minting ---

Result<challenge::AndroidDevice> android_of(const Arguments& arguments) {
  challenge::AndroidDevice device;
  device.os_version = TRY(arguments.number("android-version"));
  device.shipped_version = TRY(arguments.number("android-shipped"));
  const std::string encryption = arguments.text("android-encryption");
  if (encryption == "full-disk") device.encryption = challenge::Encryption::full_disk;
  if (encryption == "file-based") device.encryption = challenge::Encryption::file_based;
  if (const std::string* pin = arguments.find("pin-set")) device.pin_set = *pin == "yes";
  device.dedicated = arguments.has("dedicated");
  return device;
}

Result<ca::MintOrder> order_of(const Context& context, const Arguments& arguments) {
  ca::MintOrder order;
  if (const std::string* file = arguments.find("order")) {
    const Buffer json = TRY(context.files().read(*file).context("reading the order"));
    order = TRY(ca::mint_order_of(TRY(parse_json(as_text(json)))).context("reading {}", *file));
  }
  const std::pair<const char*, std::string*> texts[] = {{"minter", &order.minter},
                                                        {"profile", &order.profile},
                                                        {"template", &order.template_name},
                                                        {"device", &order.device},
                                                        {"user", &order.user},
                                                        {"request-id", &order.request_id},
                                                        {"sid", &order.sid},
                                                        {"key-sha256", &order.spki_sha256}};
  for (const auto& [option, text] : texts) *text = arguments.text(option, *text);
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"subject", &order.subjects}, {"name", &order.required_names}, {"allow-name", &order.allowed_names},
      {"key-usage", &order.usage},  {"purpose", &order.purposes},    {"key-type", &order.key_types},
      {"hash", &order.hashes}};
  for (const auto& [option, list] : lists)
    if (arguments.has(option)) *list = arguments.all(option);
  order.min_bits = TRY(arguments.number("min-bits")).value_or(order.min_bits);
  order.max_bits = TRY(arguments.number("max-bits")).value_or(order.max_bits);
  if (const auto span = TRY(arguments.span("validity"))) order.validity = *span;
  order.lifetime = TRY(arguments.span("lifetime")).value_or(order.lifetime);
  for (const char* option :
       {"android-version", "android-shipped", "android-encryption", "pin-set", "dedicated"})
    if (arguments.has(option)) order.android = TRY(android_of(arguments));
  if (order.profile.empty()) return usage_error("a challenge is for a profile: --profile NAME");
  return order;
}

// The text is the result: on standard output or in a file, and nowhere else.
Result<Exit> hand_out(Context& context, const Arguments& arguments, const ca::Minted& minted,
                      const std::string& ca) {
  if (!minted.warning.empty()) context.note("warning: {}", minted.warning);
  const std::string file = arguments.text("out");
  if (!file.empty()) {
    std::string line = std::string(minted.text.text()) + "\n";
    const Status written = write_output(context, file, as_bytes(line));
    wipe(line);
    TRY(written);
  }
  if (context.json()) {
    print_json(context, Value()
                            .set("challenge", describe(minted.record, {{minted.record.authority, ca}},
                                                       context.clock().now()))
                            .set("text", file.empty() ? Value(minted.text.text()) : Value())
                            .set("warning", text_or_null(minted.warning)));
    return Exit::done;
  }
  if (file.empty()) context.out() << minted.text.text() << '\n';
  context.note("challenge {} for profile {}{}, good until {}", minted.record.id, minted.record.profile,
               minted.record.device.empty() ? "" : " and device " + minted.record.device,
               format_time(minted.record.expires_at));
  return Exit::done;
}

Result<store::AuthorityRecord> chosen(const Context& context, const Workspace& workspace) {
  return context.choose_authority(*TRY(workspace.snapshot()));
}

Result<Exit> mint(Context& context, const Arguments& arguments) {
  const ca::MintOrder order = TRY(order_of(context, arguments));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  return hand_out(context, arguments,
                  TRY(ca::mint_challenge(workspace.environment(), record.name, order, context.user())),
                  record.name);
}

Result<Exit> single(Context& context, const std::string& profile, std::string_view password) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  TRY(ca::set_single_password(workspace.environment(), record.name, profile, password, context.user()));
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("profile", profile).set("set", !password.empty()));
  if (password.empty())
    context.say("profile {} has no password any more", profile);
  else
    context.say("every device with the password may enrol with profile {}", profile);
  return Exit::done;
}

Result<Exit> password(Context& context, const Arguments& arguments) {
  const std::string& profile = arguments.operand(0);
  if (arguments.has("remove")) return single(context, profile, "");
  if (const std::string* file = arguments.find("single-file")) {
    const Secret text(TRY(context.read_secret(*file, "Password for profile " + profile + ": ")));
    return single(context, profile, text.text());
  }
  ca::PasswordOrder order{.profile = profile, .device = arguments.text("device")};
  order.length = TRY(arguments.number("length")).value_or(static_cast<std::uint32_t>(order.length));
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  return hand_out(context, arguments,
                  TRY(ca::mint_password(workspace.environment(), record.name, order, context.user())),
                  record.name);
}

// --- looking and cancelling ---

Result<Exit> list_challenges(Context& context, const Arguments& arguments) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  store::ChallengeFilter filter;
  if (context.named_authority()) filter.authority = TRY(context.choose_authority(*snapshot)).id;
  if (const std::string* state = arguments.find("state"))
    filter.state = TRY(store::challenge_state_from_name(*state));
  filter.profile = arguments.text("profile");
  filter.device = arguments.text("device");
  filter.limit = std::numeric_limits<std::size_t>::max();
  const auto names = TRY(authority_names(*snapshot));
  const Time now = context.clock().now();
  Table table{"ID", "KIND", "STATE", "PROFILE", "DEVICE", "MINTED", "EXPIRES", "REQUEST", "REFUSED"};
  Value values = Value::list();
  for (const auto& record : TRY(snapshot->challenges(filter))) {
    const bool has_end = record.kind != store::ChallengeKind::single;
    table.add({fmt::format("{}", record.id), std::string(to_string(record.kind)), ca::state_of(record, now),
               record.profile, record.device, format_time(record.minted_at),
               has_end ? format_time(record.expires_at) : "never",
               record.request == 0 ? "" : fmt::format("{}", record.request),
               record.failures == 0 ? "" : fmt::format("{} ({})", record.failures, record.last_refusal)});
    values.push(describe(record, names, now));
  }
  if (context.json())
    print_json(context, Value().set("challenges", std::move(values)));
  else
    table.print(context, "no challenges");
  return Exit::done;
}

Result<std::int64_t> id_of(const std::string& text) {
  const auto id = parse_request_id(text);
  if (!id) return usage_error("'{}' is not the number of a challenge", text);
  return *id;
}

Result<Exit> show_challenge(Context& context, const Arguments& arguments) {
  const std::int64_t id = TRY(id_of(arguments.operand(0)));
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(snapshot->challenge(id));
  const auto names = TRY(authority_names(*snapshot));
  const Time now = context.clock().now();
  if (context.json()) {
    print_json(context, describe(record, names, now));
    return Exit::done;
  }
  Fields fields;
  fields.add("CA", name_of(names, record.authority)).add("Kind", to_string(record.kind));
  fields.add("State", ca::state_of(record, now));
  if (record.kind == store::ChallengeKind::bound) fields.add("Identifier", to_hex(record.token));
  fields.add("Profile", record.profile).add("Template", record.template_name).add("Device", record.device);
  fields.add("User", record.user).add("MDM's request", record.request_id).add("SID", record.sid);
  fields.add("Minter", record.minter).add("Minted by", record.minted_by);
  fields.add("Minted", format_time(record.minted_at));
  if (record.kind != store::ChallengeKind::single) fields.add("Expires", format_time(record.expires_at));
  fields.add("Changed", format_time(record.changed_at)).add("Last used from", record.client);
  if (record.request != 0) fields.add("Request", fmt::format("{}", record.request));
  if (record.failures != 0)
    fields.add("Refused", fmt::format("{} times, the last one for {}", record.failures, record.last_refusal));
  context.out() << "Challenge " << record.id << ":\n" << fields.text();
  return Exit::done;
}

Result<Exit> cancel(Context& context, const Arguments& arguments) {
  ca::Cancellation which{.device = arguments.text("device"), .profile = arguments.text("profile")};
  if (!arguments.operands().empty()) which.id = TRY(id_of(arguments.operand(0)));
  if (!which.id && which.device.empty() && which.profile.empty())
    return usage_error("which challenges? Give a number, --device or --profile");
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  const std::size_t cancelled =
      TRY(ca::cancel_challenges(workspace.environment(), record.name, which, context.user()));
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("cancelled", std::uint64_t{cancelled}));
  context.say("{} challenge{} cancelled", cancelled, cancelled == 1 ? "" : "s");
  return Exit::done;
}

// --- keys ---

Result<Exit> list_keys(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(context.choose_authority(*snapshot));
  Table table{"KEY", "OF", "STATE", "CREATED", "BY", "RETIRED", "REMOVED"};
  Value values = Value::list();
  const auto time_text = [](const std::optional<Time>& time) {
    return time ? format_time(*time) : std::string();
  };
  for (const auto& key : TRY(snapshot->challenge_keys(record.id))) {
    Value value = describe(key);
    table.add({to_hex(key.id), key.minter.empty() ? "sealing" : "minter " + key.minter,
               *value.find("state")->text(), format_time(key.created_at), key.created_by,
               time_text(key.retired_at), time_text(key.removed_at)});
    values.push(std::move(value));
  }
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("keys", std::move(values)));
  else
    table.print(context, "no keys: the first challenge makes one");
  return Exit::done;
}

Result<Exit> key_renew(Context& context, const Arguments& arguments) {
  const std::string minter = arguments.text("minter");
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  TRY(ca::renew_challenge_key(workspace.environment(), record.name, minter, context.user()));
  if (context.json()) print_json(context, Value().set("ca", record.name).set("minter", text_or_null(minter)));
  context.say("{} has a new key; challenges of the old one stay good",
              minter.empty() ? "CA '" + record.name + "'" : "minter '" + minter + "'");
  return Exit::done;
}

// --- minters ---

Result<Exit> minter_list(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(context.choose_authority(*snapshot));
  const auto all = [](const std::vector<std::string>& texts) {
    return fmt::format("{}", fmt::join(texts, "; "));
  };
  Table table{"MINTER", "ACCOUNTS", "PROFILES", "TEMPLATES", "NAMES", "MAY ALSO"};
  Value values = Value::list();
  for (const ca::Minter& minter : TRY(ca::minters(*snapshot, record.id))) {
    const ca::MinterRights& rights = minter.rights;
    table.add({minter.name, all(rights.accounts), all(rights.profiles), all(rights.templates),
               all(rights.names),
               fmt::format("{}{}{}", rights.sids ? "SIDs" : "", rights.sids && rights.passwords ? ", " : "",
                           rights.passwords ? "passwords" : "")});
    values.push(describe(minter));
  }
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("minters", std::move(values)));
  else
    table.print(context, "nobody mints challenges");
  return Exit::done;
}

// What the options say, over what there was.
Result<ca::MinterRights> rights_of(const Arguments& arguments, ca::MinterRights rights) {
  const std::pair<const char*, std::vector<std::string>*> lists[] = {{"account", &rights.accounts},
                                                                     {"profile", &rights.profiles},
                                                                     {"template", &rights.templates},
                                                                     {"names", &rights.names}};
  for (const auto& [option, list] : lists)
    if (arguments.has(option)) *list = arguments.all(option);
  if (const std::string* sids = arguments.find("sids")) rights.sids = *sids == "yes";
  if (const std::string* passwords = arguments.find("passwords")) rights.passwords = *passwords == "yes";
  rights.longest = TRY(arguments.span("longest")).value_or(rights.longest);
  rights.password_life = TRY(arguments.span("password-life")).value_or(rights.password_life);
  rights.open_passwords = TRY(arguments.number("open-passwords")).value_or(rights.open_passwords);
  return rights;
}

Result<Exit> put_minter(Context& context, const Arguments& arguments, bool is_new) {
  const std::string& name = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(workspace.snapshot());
  const auto record = TRY(context.choose_authority(*snapshot));
  ca::MinterRights before;
  for (const ca::Minter& minter : TRY(ca::minters(*snapshot, record.id)))
    if (minter.name == name && !is_new) before = minter.rights;
  const ca::MinterRights rights = TRY(rights_of(arguments, std::move(before)));
  for (const std::string& each : rights.templates)
    if (each != "*") (void)TRY(snapshot->certificate_template(each));
  const auto spec = TRY(crypto::parse_key_spec(arguments.text("key", "ed25519")));
  TRY(is_new ? ca::add_minter(workspace.environment(), record.name, name, rights, spec, context.user())
             : ca::change_minter(workspace.environment(), record.name, name, rights, context.user()));
  if (context.json()) {
    for (const ca::Minter& minter : TRY(ca::minters(*TRY(workspace.snapshot()), record.id)))
      if (minter.name == name)
        print_json(context, Value().set("ca", record.name).set("minter", describe(minter)));
  }
  context.say("minter '{}' may mint for profiles {}", name, fmt::join(rights.profiles, ", "));
  return Exit::done;
}

Result<Exit> minter_add(Context& context, const Arguments& arguments) {
  return put_minter(context, arguments, true);
}
Result<Exit> minter_set(Context& context, const Arguments& arguments) {
  return put_minter(context, arguments, false);
}

Result<Exit> minter_remove(Context& context, const Arguments& arguments) {
  const std::string& name = arguments.operand(0);
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  TRY(ca::take_minter_away(workspace.environment(), record.name, name, context.user()));
  if (context.json()) print_json(context, Value().set("ca", record.name).set("removed", name));
  context.say("minter '{}' is removed; what it has minted is no longer good", name);
  return Exit::done;
}

// --- accounts that owe a challenge ---

Result<Exit> account_list(Context& context, const Arguments&) {
  const Workspace& workspace = *TRY(context.workspace());
  const auto snapshot = TRY(context.read(workspace));
  const auto record = TRY(context.choose_authority(*snapshot));
  Table table{"ACCOUNT", "PROFILES", "RENEWS UNTIL"};
  Value values = Value::list();
  for (const ca::ChallengeDuty& duty : TRY(ca::parse_settings(record.settings)).challenge_duties) {
    const std::string grace = duty.renewal_grace.count() == 0 ? "" : format_span({0, duty.renewal_grace});
    table.add({duty.account,
               duty.profiles.empty() ? "any" : fmt::format("{}", fmt::join(duty.profiles, ", ")),
               grace.empty() ? "the end" : grace + " after the end"});
    values.push(Value()
                    .set("account", duty.account)
                    .set("profiles", texts(duty.profiles))
                    .set("renewal_grace", text_or_null(grace)));
  }
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("accounts", std::move(values)));
  else
    table.print(context, "no account is bound to challenges");
  return Exit::done;
}

Result<Exit> put_account(Context& context, const Arguments& arguments, bool on) {
  const Span grace = TRY(arguments.span("renewal-grace")).value_or(Span{});
  if (grace.months != 0) return usage_error("--renewal-grace is in months: say it in days, such as 30d");
  const ca::ChallengeDuty duty{arguments.operand(0), arguments.all("profile"), grace.seconds};
  const Workspace& workspace = *TRY(context.workspace());
  const auto record = TRY(chosen(context, workspace));
  TRY(ca::set_challenge_duty(workspace.environment(), record.name, duty, on, context.user()));
  if (context.json())
    print_json(context, Value().set("ca", record.name).set("account", duty.account).set("bound", on));
  context.say("{} {} without a challenge", duty.account, on ? "hands in nothing" : "may hand in requests");
  return Exit::done;
}

Result<Exit> account_bind(Context& context, const Arguments& arguments) {
  return put_account(context, arguments, true);
}
Result<Exit> account_release(Context& context, const Arguments& arguments) {
  return put_account(context, arguments, false);
}

constexpr Option kMint[] = {
    {"profile", "NAME", "for which the device enrols"},
    {"template", "NAME", "of the certificate"},
    {"subject", "NAME", "the request's subject (RFC 4514); several: one of them", Occurs::any_times},
    {"name", "NAME", "an alternative name that the request has: DNS:phone-7.example, UPN:…",
     Occurs::any_times},
    {"allow-name", "NAME", "an alternative name that it may have beside them", Occurs::any_times},
    {"key-usage", "USAGE", "digitalSignature, keyEncipherment, …", Occurs::any_times},
    {"purpose", "PURPOSE", "clientAuth, …, or an OID", Occurs::any_times},
    {"key-type", "TYPE", "RSA, P-256, P-384, P-521 or Ed25519", Occurs::any_times},
    {"hash", "sha256|sha384|sha512", "that the request is signed with; several: one of them",
     Occurs::any_times},
    {"min-bits", "N", "of the key"},
    {"max-bits", "N", "of the key"},
    {"key-sha256", "HEX", "the one key, by the SHA-256 of its SubjectPublicKeyInfo"},
    {"sid", "SID", "security identifier that the certificate gets; never taken from a request"},
    {"validity", "SPAN", "of the certificate at most"},
    {"lifetime", "SPAN", "of the challenge (7d)"},
    {"device", "NAME", "the MDM's name for the device: to find and cancel the challenge by"},
    {"user", "NAME", "whose device it is"},
    {"request-id", "ID", "the MDM's"},
    {"minter", "NAME", "which minter signs it; the first that may"},
    {"order", "FILE", "JSON with these members, as POST /api/v1/challenges takes it"},
    {"android-version", "N", "what is known of an Android device: its version"},
    {"android-shipped", "N", "the version that it left the factory with"},
    {"android-encryption", "full-disk|file-based|unknown", "of its storage"},
    {"pin-set", "yes|no", "whether its user has set a PIN"},
    {"dedicated", "", "it is a dedicated device (a kiosk)"},
    {"out", "FILE", "where the challenge goes, instead of standard output"},
};
constexpr Option kChallengePassword[] = {
    {"device", "NAME", "to find and cancel it by"},
    {"length", "N", "16 to 64 characters (16)"},
    {"single-file", "FILE", "instead: the one password of every device, on the first line; - asks for it"},
    {"remove", "", "instead: take the one password of every device away"},
    {"out", "FILE", "where the password goes, instead of standard output"},
};
constexpr Option kChallengeList[] = {
    {"state", "minted|claimed|issued|failed|cancelled", "only those in this state"},
    {"profile", "NAME", "only of this profile"},
    {"device", "NAME", "only of this device"},
};
constexpr Option kCancel[] = {
    {"device", "NAME", "all of this device"},
    {"profile", "NAME", "all of this profile"},
};
constexpr Option kKeyRenew[] = {{"minter", "NAME", "the signing key of this minter, not the sealing key"}};
constexpr Option kMinter[] = {
    {"account", "PRINCIPAL", "who uses it: an account, group:NAME", Occurs::any_times},
    {"profile", "NAME", "a profile that it may mint for; * for all", Occurs::any_times},
    {"template", "NAME", "a template; * for all", Occurs::any_times},
    {"names", "PATTERN",
     "names that certificates may have: \"CN=*,O=Example\", \"DNS:*.example.com\", \"UPN:*@example.com\", * "
     "for "
     "all",
     Occurs::any_times},
    {"sids", "yes|no", "may have security identifiers put into certificates (no)"},
    {"passwords", "yes|no", "may make one-time passwords, which are bound to nothing (no)"},
    {"longest", "SPAN", "that a challenge lives (30d)"},
    {"password-life", "SPAN", "that a one-time password lives (60m)"},
    {"open-passwords", "N", "one-time passwords at one time, in a profile (5)"},
    {"key", "ed25519|ec:P-256", "kind of its signing key (ed25519)"},
};
constexpr std::span<const Option> kMinterSet(kMinter, std::size(kMinter) - 1);  // the key is key renew's
constexpr Option kBind[] = {
    {"profile", "NAME", "it speaks for this profile; none: for any", Occurs::any_times},
    {"renewal-grace", "SPAN",
     "its profiles may renew certificates (renewal_grace) for so long after their end; not at all if left "
     "out"}};

constexpr Command kChallengeCommands[] = {
    {"challenge mint", "", "mint a challenge for one device's request",
     "Prints the text that the device is given as its SCEP challenge. The certificate is issued only when "
     "the "
     "request is what the challenge says, once, before it expires. What is known of an Android device leads "
     "to "
     "a warning when it will probably not ask before a PIN is set.",
     kMint,
     "vouch challenge mint --profile phones --template ScepDevice --subject \"CN=phone-7,O=Example\" --name "
     "DNS:phone-7.example --device 7",
     &mint},
    {"challenge password", "PROFILE", "make a one-time password for a profile, or set its single one",
     "A one-time password is good for one request and 60 minutes, five at a time, as in NDES; a minter's "
     "rights "
     "may say otherwise. It is bound to no name: prefer vouch challenge mint.",
     kChallengePassword, "vouch challenge password phones", &password},
    {"challenge list", "", "show what was minted and what became of it", "", kChallengeList,
     "vouch challenge list --state minted", &list_challenges},
    {"challenge show",
     "ID",
     "show a challenge, without its text",
     "",
     {},
     "vouch challenge show 5",
     &show_challenge},
    {"challenge cancel", "[ID]", "cancel challenges that are not used yet", "", kCancel,
     "vouch challenge cancel --device phone-7", &cancel},
    {"challenge key list",
     "",
     "show the keys that challenges are sealed and signed with",
     "",
     {},
     "vouch challenge key list",
     &list_keys},
    {"challenge key renew", "", "make a new key",
     "Sealing keys are renewed every 90 days by themselves. The old key stays until its last challenge has "
     "expired.",
     kKeyRenew, "vouch challenge key renew", &key_renew},
    {"challenge minter list",
     "",
     "show who may mint what",
     "",
     {},
     "vouch challenge minter list",
     &minter_list},
    {"challenge minter add", "NAME", "let somebody mint challenges",
     "Each name that a challenge lets through must match one of the patterns.", kMinter,
     "vouch challenge minter add mdm --account \"certificate:CA/Server/CN=mdm\" --profile phones --template "
     "ScepDevice --names \"CN=*,O=Example\" --names \"DNS:*.example\"",
     &minter_add},
    {"challenge minter set", "NAME", "change what a minter may",
     "What is named replaces what there was. Challenges that go beyond it are refused from now on.",
     kMinterSet, "vouch challenge minter set mdm --profile phones --profile tablets", &minter_set},
    {"challenge minter remove",
     "NAME",
     "take a minter away, and all that it has minted",
     "",
     {},
     "vouch challenge minter remove mdm",
     &minter_remove},
    {"challenge account list",
     "",
     "show which accounts hand in nothing without a challenge",
     "",
     {},
     "vouch challenge account list",
     &account_list},
    {"challenge account bind", "PRINCIPAL", "take requests of an account with a challenge only",
     "For the account of a registration authority: whoever takes it over can enrol nothing that no minter "
     "has "
     "minted.",
     kBind, "vouch challenge account bind \"certificate:CA/RegistrationAuthority/CN=ra\" --profile phones",
     &account_bind},
    {"challenge account release",
     "PRINCIPAL",
     "take requests of an account without a challenge again",
     "",
     {},
     "vouch challenge account release \"certificate:CA/RegistrationAuthority/CN=ra\"",
     &account_release},
};

}  // namespace

std::span<const Command> challenge_commands() { return kChallengeCommands; }

}  // namespace vouch::cli
