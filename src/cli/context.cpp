#include "cli/context.hpp"

#include <condition_variable>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <thread>

#include "ca/audit/audit_head.hpp"
#include "ca/audit/audit_mirror.hpp"
#include "cli/output.hpp"

namespace vouch::cli {
namespace {

std::optional<std::string> given(const Arguments& arguments, std::string_view option) {
  const std::string* value = arguments.find(option);
  return value ? std::optional(*value) : std::nullopt;
}

std::string first_line(Bytes content) {
  std::string_view text = as_text(content);
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return std::string(text);
}

std::string names_of(const std::vector<store::AuthorityRecord>& records) {
  std::string names;
  for (const auto& record : records) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", record.name);
  return names;
}

}  // namespace

Result<std::unique_ptr<Workspace>> Workspace::open(const Surroundings& surroundings,
                                                   const crypto::Provider& provider, const fs::path& folder,
                                                   bool create, PassphraseSource passphrase) {
  const auto nothing_there = [&] {
    return make_error(Errc::not_found, "no CA has been set up in {}", folder.string())
        .with_hint("set one up with: vouch ca init; or say where it is with --home or VOUCH_HOME");
  };
  std::error_code ignored;
  if (!create && !fs::exists(folder, ignored)) return nothing_there();
  ca::Home home = TRY(ca::Home::open(folder, create));
  const fs::path file = home.database();
  auto database = surroundings.open_database(file, create);
  if (!database && database.error().code() == Errc::not_found) return nothing_there();
  if (!database) return std::move(database).context("opening the database {}", file.string()).error();
  ca::connect_audit_mirror(home, **database);
  std::unique_ptr<Workspace> workspace(
      new Workspace(std::move(home), std::move(*database), surroundings, provider, std::move(passphrase)));
  workspace->audited_ = TRY(TRY(workspace->snapshot())->audit_size());
  return workspace;
}

Context::Context(const Surroundings& surroundings, const Arguments& arguments)
    : surroundings_(surroundings),
      json_(arguments.has("json")),
      quiet_(arguments.has("quiet")),
      der_(arguments.has("der")),
      home_(given(arguments, "home")),
      authority_(given(arguments, "ca")),
      passphrase_file_(given(arguments, "key-passphrase-file")),
      pin_file_(given(arguments, "pin-file")) {
  if (!passphrase_file_) passphrase_file_ = credential("key-passphrase");
  if (!pin_file_) pin_file_ = credential("pin");
}

Context::Context(const Surroundings& surroundings, const Arguments& arguments, const Inside& inside)
    : Context(surroundings, arguments) {
  inside_ = &inside;
  files_ = &inside.files;
}

std::optional<std::string> Context::credential(std::string_view name) const {
  const auto folder = surroundings_.variable("CREDENTIALS_DIRECTORY");
  if (!folder || folder->empty()) return std::nullopt;
  const fs::path file = fs::path(*folder) / name;
  std::error_code unknown;
  return fs::exists(file, unknown) ? std::optional(file.string()) : std::nullopt;
}

void Workspace::reach_tokens(std::shared_ptr<const crypto::Tokens> tokens, crypto::PinSource pin,
                             std::function<void(const std::string&)> tell) {
  environment_.tokens = std::move(tokens);
  environment_.pin = std::move(pin);
  environment_.tell = std::move(tell);
}

void Workspace::leave_keys_to(std::shared_ptr<const ca::KeySource> keys) {
  environment_.keys = std::move(keys);
  environment_.tokens = nullptr;
  environment_.pin = {};
  environment_.passphrase = [](std::string_view key) -> Result<std::string> {
    return make_error(Errc::denied, "{} is opened by the signer process alone", key);
  };
}

Result<std::unique_ptr<Workspace>> Context::open_workspace(const fs::path& folder, bool create,
                                                           PassphraseSource passphrase) {
  auto workspace = TRY(Workspace::open(surroundings_, provider(), folder, create, std::move(passphrase)));
  workspace->reach_tokens(tokens(), pin_source(), [this](const std::string& text) { note("{}", text); });
  return workspace;
}

void Context::print_line(std::ostream& stream, const std::string& text) {
  for (std::string_view rest = text;;) {
    const auto end = rest.find('\n');
    stream << printable(rest.substr(0, end)) << '\n';
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

const crypto::Provider& Context::provider() {
  if (!provider_) provider_ = surroundings_.make_provider();
  return *provider_;
}

fs::path Context::home_folder() const {
  if (inside_) return inside_->workspace.home().folder();
  std::optional<std::string> folder = home_;
  if (!folder) folder = surroundings_.variable("VOUCH_HOME");
  // Keys and messages name paths: they should mean the same from every folder.
  std::error_code failed;
  const fs::path path = folder && !folder->empty() ? fs::path(*folder) : fs::path("/var/lib/vouch");
  const fs::path absolute = fs::absolute(path, failed).lexically_normal();
  return failed ? path : absolute;
}

Result<Workspace*> Context::workspace() {
  if (inside_) return &inside_->workspace;
  if (!workspace_)
    workspace_ = TRY(open_workspace(home_folder(), false, passphrase_source(passphrase_file_)));
  return workspace_.get();
}

Result<Workspace*> Context::make_workspace() {
  if (!workspace_) workspace_ = TRY(open_workspace(home_folder(), true, passphrase_source(passphrase_file_)));
  return workspace_.get();
}

Result<std::unique_ptr<Workspace>> Context::other_workspace(const fs::path& folder,
                                                            PassphraseSource passphrase) {
  if (!passphrase) passphrase = passphrase_source(passphrase_file_);
  return open_workspace(folder, false, std::move(passphrase));
}

std::optional<std::string> Context::named_authority() const { return authority_; }

Result<store::AuthorityRecord> Context::choose_authority(const store::Snapshot& snapshot) const {
  auto all = TRY(snapshot.authorities());
  if (authority_) {
    for (auto& record : all)
      if (record.name == *authority_) return std::move(record);
    return make_error(Errc::not_found, "there is no CA '{}' here", *authority_)
        .with_hint(all.empty() ? "set one up with: vouch ca init" : "there is: " + names_of(all));
  }
  if (all.empty())
    return make_error(Errc::not_found, "no CA has been set up in {}", home_folder().string())
        .with_hint("set one up with: vouch ca init");
  if (all.size() > 1)
    return usage_error("several CAs live here").with_hint("choose one with --ca: " + names_of(all));
  return std::move(all.front());
}

Status Context::check_authority(const store::AuthorityRecord& record, std::string_view what) const {
  if (!authority_ || *authority_ == record.name) return ok();
  return make_error(Errc::not_found, "{} belongs to CA '{}', not to '{}'", what, record.name, *authority_);
}

Result<std::shared_ptr<ca::LocalAuthority>> Context::open_authority(const Workspace& workspace,
                                                                    std::string_view name) const {
  if (inside_)
    if (auto open = api::find_authority(inside_->service, name)) return open;
  std::shared_ptr<ca::LocalAuthority> authority =
      TRY(ca::LocalAuthority::open(workspace.environment(), name));
  if (authority->repaired() != 0)
    note("note: finished {} certificate(s) that an interrupted run had decided on and not signed",
         authority->repaired());
  if (authority->has_unfinished())
    note("note: certificates wait for the key of CA '{}' to come back; vouch ca ping says what is wrong",
         name);
  if (const auto& due = authority->settings().renewal_due; due && *due <= clock().now())
    note("warning: half of the life of CA '{}' was over on {}: renew it with: vouch ca renew", name,
         format_time(*due));
  return authority;
}

Context::~Context() { close_workspace(); }

void Context::close_workspace() {
  workspace_.reset();
  for (auto& [file, secret] : secrets_) wipe(secret);
  secrets_.clear();
}

Result<std::string> Context::read_secret(const std::string& file, const std::string& question) {
  if (const auto known = secrets_.find(file); known != secrets_.end()) return known->second;
  std::string secret;
  if (file == "-" && surroundings_.in_is_terminal) {
    secret = TRY(surroundings_.ask(question));
  } else {
    Buffer content = TRY(files_->read(file).context("reading a passphrase"));
    secret = first_line(content);
    wipe(content);
  }
  if (secret.empty())
    return make_error(Errc::malformed, "{}: the first line, the passphrase, is empty", file);
  return secrets_[file] = secret;
}

std::function<Result<std::string>()> Context::archive_passphrase(const Arguments& arguments) {
  return [this, file = given(arguments, "passphrase-file")]() -> Result<std::string> {
    const std::string question = "Passphrase of the backup: ";
    if (file) return read_secret(*file, question);
    if (surroundings_.in_is_terminal) return surroundings_.ask(question);
    return make_error(Errc::denied, "the backup is sealed with a passphrase")
        .with_hint("give the file that holds it: --passphrase-file FILE");
  };
}

std::string Context::passphrase_variable() const {
  return workspace_ ? workspace_->home().configuration().passphrase_variable
                    : ca::Configuration{}.passphrase_variable;
}

Result<std::string> Context::new_key_passphrase() {
  if (passphrase_file_) return read_secret(*passphrase_file_, "Passphrase for the new key: ");
  return surroundings_.variable(passphrase_variable()).value_or(std::string());
}

Result<std::unique_ptr<store::Snapshot>> Context::read(const Workspace& workspace) const {
  return ca::snapshot_for_reading(workspace.environment(), user());
}

void Context::seal_audit() {
  // Of the service itself there is a job that does it. A database that was moved is not here any more.
  std::error_code unknown;
  if (!workspace_ || !fs::exists(workspace_->home().database(), unknown)) return;
  const auto is_sealed = [](const store::AuditRecord& record) {
    // Requests and certificates come too often for a head each.
    for (const std::string_view often : {"request.", "cert.", "challenge.mint", "audit.head", "home."})
      if (record.action.starts_with(often)) return false;
    return record.outcome == ca::audit_outcome::done;
  };
  const auto seal = [&]() -> Status {
    bool wanted = false;
    store::AuditFilter fresh;
    fresh.first = workspace_->audited() + 1;
    TRY(TRY(workspace_->snapshot())->for_each_audit(fresh, [&](const store::AuditRecord& record) {
      wanted = wanted || is_sealed(record);
      return ok();
    }));
    if (!wanted) return ok();
    ca::Environment environment = workspace_->environment();
    environment.passphrase = passphrase_source(passphrase_file_, false);
    (void)TRY(ca::sign_audit_head(environment, user()));
    return ok();
  };
  if (const Status sealed = seal(); !sealed)
    note("note: the head of the audit log is not signed: {}; vouch audit head signs it",
         sealed.error().message());
}

PassphraseSource Context::passphrase_source(std::optional<std::string> file, bool may_ask) {
  return [this, file = std::move(file), may_ask](std::string_view key) -> Result<std::string> {
    const std::string question = fmt::format("Passphrase of {}: ", printable(key));
    if (file) return read_secret(*file, question);
    const std::string variable = passphrase_variable();
    if (const auto value = surroundings_.variable(variable); value && !value->empty()) return *value;
    if (may_ask && surroundings_.in_is_terminal) return surroundings_.ask(question);
    return make_error(Errc::denied, "{} is encrypted and there is no passphrase", key)
        .with_hint(fmt::format("give it with --key-passphrase-file FILE or in the environment variable {}",
                               variable));
  };
}

std::shared_ptr<const crypto::Tokens> Context::tokens() {
  (void)provider();
  if (!tokens_ && surroundings_.make_tokens) tokens_ = surroundings_.make_tokens(provider_);
  return tokens_;
}

Status Context::try_token(const std::string& text) {
  crypto::TokenUri uri = TRY(crypto::parse_token_uri(text));
  if (!tokens() || (uri.module_path.empty() && uri.module_name.empty())) return ok();
  uri.object.clear();
  uri.id.clear();
  uri.type.clear();
  (void)TRY(tokens()->list(uri, pin_source()).context("trying the token"));
  return ok();
}

crypto::PinSource Context::pin_source() {
  return [this](const crypto::PinRequest& request) -> Result<std::string> {
    const std::string question = fmt::format("PIN of token '{}': ", printable(request.token));
    // A file is read each time, so that a corrected one is seen.
    if (pin_file_ && *pin_file_ == "-") return read_secret(*pin_file_, question);
    if (pin_file_) return crypto::read_pin_source(fs::absolute(*pin_file_).string());
    if (!request.pin_source.empty()) return crypto::read_pin_source(request.pin_source);
    const std::string variable =
        workspace_ ? workspace_->home().configuration().pin_variable : ca::Configuration{}.pin_variable;
    if (const auto value = surroundings_.variable(variable); value && !value->empty()) return *value;
    if (surroundings_.in_is_terminal) return surroundings_.ask(question);
    return make_error(Errc::denied, "token '{}' wants a PIN, and nothing gives it", request.token)
        .with_hint(
            fmt::format("give it with --pin-file FILE, pin-source in the key's URI, or in the environment "
                        "variable {}",
                        variable));
  };
}

struct Progress::Waiting {
  std::mutex mutex;  // guards nothing but the waiting itself
  std::condition_variable_any over;
  std::jthread thread;
};

Progress::Progress(const Context& context, std::string what) {
  const Surroundings& surroundings = context.surroundings();
  if (!surroundings.err_is_terminal) return;
  waiting_ = std::make_unique<Waiting>();
  waiting_->thread =
      std::jthread([&context, waiting = waiting_.get(), what = std::move(what)](const std::stop_token& stop) {
        std::unique_lock lock(waiting->mutex);
        waiting->over.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
        if (!stop.stop_requested()) context.note("{} …", what);
      });
}

Progress::~Progress() = default;

}  // namespace vouch::cli
