#pragma once
// Context: what a command works with. Everything that is not the command line itself comes from outside
// (Surroundings), so that a test runs commands in process with its own home, clock and streams; and
// everything is opened on first use, so that `vouch --help` and `vouch cert show FILE` need no home at all.

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>

#include "api/service.hpp"
#include "cli/command.hpp"
#include "cli/files.hpp"
#include "daemon/key_holder.hpp"
#include "net/fetch.hpp"

namespace vouch::cli {

// The outer world of one call.
struct Surroundings {
  std::ostream& out;  // results: safe to pipe
  std::ostream& err;  // errors, notes, progress
  const Clock& clock;
  bool out_is_terminal = false, err_is_terminal = false, in_is_terminal = false;
  std::function<std::shared_ptr<const crypto::Provider>()> make_provider{};
  std::function<Result<std::unique_ptr<store::Database>>(const fs::path& file, bool create)> open_database{};
  std::function<std::optional<std::string>(const std::string& name)> variable{};  // of the environment
  std::function<Result<std::string>(const std::string& question)> ask{};          // a secret, without echo
  std::function<std::string()> user{};                                            // who runs the command
  std::function<std::vector<std::string>(std::string_view account)> groups{};     // of an account
  std::function<std::shared_ptr<const crypto::Tokens>(std::shared_ptr<const crypto::Provider>)> make_tokens{};
  api::LoginName login_name{};   // of a user at the other end of a Unix socket
  daemon::HoldKeys hold_keys{};  // none: the service has its keys in its own process
};

using PassphraseSource = std::function<Result<std::string>(std::string_view key)>;

// One opened home with its database.
class Workspace {
 public:
  static Result<std::unique_ptr<Workspace>> open(const Surroundings& surroundings,
                                                 const crypto::Provider& provider, const fs::path& folder,
                                                 bool create, PassphraseSource passphrase);
  // Tokens, and how a person is told what an operation waits for.
  void reach_tokens(std::shared_ptr<const crypto::Tokens> tokens, crypto::PinSource pin,
                    std::function<void(const std::string&)> tell);
  const ca::Home& home() const { return home_; }
  store::Database& database() const { return *database_; }
  const ca::Environment& environment() const { return environment_; }
  // From now on the keys are used by another process: no passphrase, no token in this one.
  void leave_keys_to(std::shared_ptr<const ca::KeySource> keys);
  // How many audit entries there were when it was opened.
  std::int64_t audited() const { return audited_; }
  Result<std::unique_ptr<store::Snapshot>> snapshot() const { return database_->snapshot(); }

 private:
  Workspace(ca::Home home, std::unique_ptr<store::Database> database, const Surroundings& surroundings,
            const crypto::Provider& provider, PassphraseSource passphrase)
      : home_(std::move(home)),
        database_(std::move(database)),
        environment_{
            home_, *database_, provider, surroundings.clock, std::move(passphrase), surroundings.groups} {
    environment_.upload = [this](const std::string& url, std::string_view type, Bytes content) {
      return net::put(fetcher_, url, type, content);
    };
  }
  ca::Home home_;
  std::unique_ptr<store::Database> database_;
  net::Fetcher fetcher_{net::FetchSettings{}};
  ca::Environment environment_;
  std::int64_t audited_ = 0;
};

class Context {
 public:
  Context(const Surroundings& surroundings, const Arguments& arguments);
  // For a command that the service runs: it works with what the service has open, and with the files that
  // came with the command.
  struct Inside {
    Workspace& workspace;
    const api::Service& service;
    Files& files;
  };
  Context(const Surroundings& surroundings, const Arguments& arguments, const Inside& inside);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const Surroundings& surroundings() const { return surroundings_; }
  std::ostream& out() const { return surroundings_.out; }
  bool json() const { return json_; }
  bool der() const { return der_; }
  const Clock& clock() const { return surroundings_.clock; }
  std::string user() const { return surroundings_.user(); }
  const crypto::Provider& provider();

  // A confirmation for people, on standard output; silent with --quiet and --json.
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (!quiet_ && !json_) print_line(surroundings_.out, fmt::format(format, std::forward<Args>(args)...));
  }
  // Something worth knowing beside the result, on standard error; silent with --quiet.
  template <class... Args>
  void note(fmt::format_string<Args...> format, Args&&... args) const {
    if (!quiet_) print_line(surroundings_.err, fmt::format(format, std::forward<Args>(args)...));
  }

  Files& files() const { return *files_; }
  fs::path home_folder() const;
  // The home of this call. `not_found` when nothing has been set up there.
  Result<Workspace*> workspace();
  // The same, made when it is not there: for `ca init`.
  Result<Workspace*> make_workspace();
  Result<std::unique_ptr<Workspace>> other_workspace(const fs::path& folder, PassphraseSource passphrase);

  // Closes the home and forgets passphrases: before another process gets a copy of this one, and for a
  // command that has sealed the audit log itself.
  void close_workspace();

  // What there is, for a command that shows it: asks for the role reader.
  Result<std::unique_ptr<store::Snapshot>> read(const Workspace& workspace) const;

  // At the end of a command: signs the head of the audit log when a CRL was published or something about the
  // home was changed. Without the passphrase it says so, and nothing else: the next head covers it.
  void seal_audit();

  // The CA that --ca names, or the only one.
  Result<store::AuthorityRecord> choose_authority(const store::Snapshot& snapshot) const;
  // That --ca, when given, is the CA of something found by its number.
  Status check_authority(const store::AuthorityRecord& record, std::string_view what) const;
  std::optional<std::string> named_authority() const;
  Result<std::shared_ptr<ca::LocalAuthority>> open_authority(const Workspace& workspace,
                                                             std::string_view name) const;

  // First line of the file that an option names; - is standard input, asked for when that is a terminal. Read
  // once: a second key with the same passphrase gets the same answer.
  Result<std::string> read_secret(const std::string& file, const std::string& question);
  // The passphrase of a sealed backup: from --passphrase-file, or asked for at a terminal.
  std::function<Result<std::string>()> archive_passphrase(const Arguments& arguments);
  // A passphrase from that file for every key that asks.
  PassphraseSource passphrase_source(std::optional<std::string> file, bool may_ask = true);
  // The PIN of a token: --pin-file, the URI's pin-source, the environment, a person.
  crypto::PinSource pin_source();
  // That the token of a URI is there and takes the PIN, before there is a home. A URI without a module, which
  // a home's configuration may name, is left alone.
  Status try_token(const std::string& uri);
  // The passphrase for a key that is made now: from the option or the environment; empty when neither is set.
  Result<std::string> new_key_passphrase();

 private:
  // The file of a credential that the service manager gave (systemd's LoadCredential=).
  std::optional<std::string> credential(std::string_view name) const;
  static void print_line(std::ostream& stream, const std::string& text);
  std::string passphrase_variable() const;
  Result<std::unique_ptr<Workspace>> open_workspace(const fs::path& folder, bool create,
                                                    PassphraseSource passphrase);

  const Surroundings& surroundings_;
  bool json_, quiet_, der_;
  std::optional<std::string> home_, authority_, passphrase_file_, pin_file_;
  std::map<std::string, std::string> secrets_;  // by file; wiped at the end
  std::shared_ptr<const crypto::Provider> provider_;
  std::shared_ptr<const crypto::Tokens> tokens();
  std::shared_ptr<const crypto::Tokens> tokens_;  // one for all homes: modules are loaded once
  std::unique_ptr<Workspace> workspace_;
  const Inside* inside_ = nullptr;  // none: this process is the command line itself
  mutable HostFiles host_files_;
  Files* files_ = &host_files_;
};

// Says on standard error what is going on when it takes longer than a second. Ends with the scope.
class Progress {
 public:
  Progress(const Context& context, std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  struct Waiting;
  std::unique_ptr<Waiting> waiting_;  // none when nobody looks
};

// Runs a command. A mistake that the command itself finds in its arguments points to help as well.
Result<Exit> run_command(Context& context, const Command& command, const Arguments& arguments);

// Runs one command line and returns the process's exit code. Never throws.
int run(const Surroundings& surroundings, std::span<const std::string> words);

}  // namespace vouch::cli
