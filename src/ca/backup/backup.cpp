#include "ca/backup/backup.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "ca/audit/audit_mirror.hpp"
#include "ca/settings/settings.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kDatabase = "vouch.db", kConfiguration = "vouch.toml", kPolicy = "CAPolicy.inf",
                           kKeys = "keys/";
constexpr std::chrono::seconds kPatience{5};

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

// A file that is gone when the scope ends, with the log that SQLite may have put beside it.
class ScratchFile {
 public:
  explicit ScratchFile(fs::path path) : path_(std::move(path)) { remove(); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { remove(); }
  const fs::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(path_.string() + suffix, ignored);
  }
  fs::path path_;
};

// A folder of mode 0700 in the home that is gone when the scope ends.
class Staging {
 public:
  static constexpr std::string_view kPrefix = ".staging.";
  static Result<Staging> create(const fs::path& home) {
    std::string name = (home / (std::string(kPrefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) return system_error(errno, "cannot create a folder in", home);
    return Staging(name);
  }
  // What killed runs left. Only while the home is claimed: otherwise it may be in use.
  static void remove_leftovers(const fs::path& home) {
    std::error_code ignored;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(home, ignored))
      if (entry.path().filename().string().starts_with(kPrefix)) found.push_back(entry.path());
    for (const fs::path& folder : found) fs::remove_all(folder, ignored);
  }
  Staging(Staging&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Staging& operator=(Staging&&) = delete;
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit Staging(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_regular_file(ignored)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

Result<Manifest> describe_database(const store::Snapshot& snapshot, const Environment& environment) {
  Manifest manifest;
  manifest.created_at = environment.clock.now();
  const std::string& configured = environment.home.configuration().dns_name;
  manifest.host = configured.empty() ? host_name() : configured;
  manifest.home = environment.home.folder().string();
  manifest.requests = TRY(snapshot.counts()).requests;
  manifest.audit_size = static_cast<std::uint64_t>(TRY(snapshot.audit_size()));
  if (const auto head = TRY(snapshot.last_audit_head())) manifest.audit_root = to_hex(head->root);
  for (const store::AuthorityRecord& record : TRY(snapshot.authorities())) {
    Manifest::Authority authority{record.name, std::string(store::to_string(record.kind)), 0, 0,
                                  TRY(snapshot.last_crl_number(record.id))};
    const auto counts = TRY(snapshot.certificate_counts(record.id));
    authority.certificates = counts.certificates;
    authority.revoked = counts.revoked;
    manifest.authorities.push_back(std::move(authority));
  }
  return manifest;
}

// Software keys lie in files; of the others the backup says that it has none.
Status note_missing_keys(const store::Snapshot& snapshot, std::vector<std::string>& notes) {
  for (const store::AuthorityRecord& record : TRY(snapshot.authorities()))
    for (const store::KeyGeneration& generation : TRY(snapshot.key_generations(record.id)))
      if (!generation.key_reference.starts_with("file:"))
        notes.push_back(fmt::format("key {} of CA '{}' is on a token and not in the backup",
                                    generation.key_index, record.name));
  return ok();
}

}  // namespace

Result<BackupResult> backup(const Environment& environment, const fs::path& target,
                            const BackupOptions& options, const OpenDatabase& open_database) {
  const Home& home = environment.home;
  const FileLock turn = TRY(FileLock::acquire(home.lock("backup"), kPatience).context("making a backup"));
  std::error_code unknown;
  if (fs::is_directory(target, unknown))
    return make_error(Errc::usage, "{} is a folder", target.string()).with_hint("give the name of a file");
  TRY(authorize(environment, {.account = options.administrator,
                              .role = Role::administrator,
                              .what = "make backups",
                              .action = "db.backup",
                              .object = "database"}));
  // First, so that the backup holds the entry about itself.
  TRY(record_audit(environment, {.actor = options.administrator,
                                 .action = "db.backup",
                                 .authority = {},
                                 .object = "database",
                                 .details = AuditDetails()
                                                .add("file", target.string())
                                                .add("sealed", options.passphrase.empty() ? "no" : "yes")}));
  const ScratchFile copy(target.string() + ".copy.db");
  TRY(environment.database.copy_to(copy.path()));
  BackupResult result;
  {
    const auto database = TRY(open_database(copy.path(), false));
    const auto snapshot = TRY(database->snapshot());
    result.manifest = TRY(describe_database(*snapshot, environment));
    TRY(note_missing_keys(*snapshot, result.notes));
  }
  TRY(TRY(open_database(copy.path(), false))->fold());
  result.manifest.program = options.program;

  std::vector<ArchiveInput> inputs{{std::string(kDatabase), copy.path()}};
  if (is_there(home.configuration_file()))
    inputs.push_back({std::string(kConfiguration), home.configuration_file()});
  if (is_there(home.folder() / kPolicy)) inputs.push_back({std::string(kPolicy), home.folder() / kPolicy});
  for (const fs::path& key : files_in(home.keys())) {
    const std::string name = std::string(kKeys) + key.filename().string();
    if (is_member_name(name))
      inputs.push_back({name, key});
    else
      result.notes.push_back(
          fmt::format("{} has a name that a backup cannot hold, and is not in it", key.string()));
  }
  result.manifest = TRY(
      write_archive(environment.provider, target, options.passphrase, std::move(result.manifest), inputs));
  result.size = fs::file_size(target, unknown);
  return result;
}

std::vector<std::string> host_mismatches(const Environment& environment,
                                         const store::AuthorityRecord& record) {
  std::vector<std::string> found;
  const auto settings = parse_settings(record.settings);
  if (!settings) return found;
  const Configuration& configuration = environment.home.configuration();
  const std::string dns = configuration.dns_name.empty() ? host_name() : configuration.dns_name;
  const std::string short_name =
      configuration.short_name.empty() ? dns.substr(0, dns.find('.')) : configuration.short_name;
  const auto compare = [&](std::string_view variable, const std::string& stored, const std::string& here) {
    if (stored != here)
      found.push_back(
          fmt::format("CA '{}': {} is '{}' since its set-up; this host is '{}'. Its URLs stay as they are",
                      record.name, variable, stored, here));
  };
  compare("<ServerDNSName> (%1)", settings->dns_name, dns);
  compare("<ServerShortName> (%2)", settings->short_name, short_name);
  return found;
}

namespace {

// --- restore ---

// Takes the members of an archive as files into a folder.
class Extraction {
 public:
  explicit Extraction(fs::path folder) : folder_(std::move(folder)) {}

  Status take(const ArchiveMember& member, Bytes piece) {
    const fs::path target = folder_ / member.name;
    if (!file_) {
      TRY(make_folder(target.parent_path(), 0700));
      file_.emplace(TRY(AtomicFile::create(target, 0600)));
    }
    if (!piece.empty()) return file_->write(piece);
    TRY(file_->commit());
    file_.reset();
    return ok();
  }

 private:
  fs::path folder_;
  std::optional<AtomicFile> file_;
};

struct Extracted {
  Manifest manifest;
  bool sealed = false;
};
Result<Extracted> extract(const crypto::Provider& provider, const fs::path& archive,
                          const AskPassphrase& passphrase, const fs::path& folder) {
  const OpenedArchive opened = TRY(open_archive(provider, archive, passphrase));
  Extraction extraction(folder);
  Manifest manifest =
      TRY(read_archive(provider, *opened.source, [&](const ArchiveMember& member, Bytes piece) {
            return extraction.take(member, piece);
          }).context("reading {}", archive.string()));
  if (!is_there(folder / kDatabase))
    return make_error(Errc::malformed, "the backup {} holds no database", archive.string());
  return Extracted{std::move(manifest), opened.sealed};
}

Result<std::unique_ptr<store::Database>> open_sound(const fs::path& file, const OpenDatabase& open_database,
                                                    std::string_view what) {
  auto database = TRY(open_database(file, false).context("opening {}", what));
  const auto findings = TRY(database->check());
  if (!findings.empty())
    return make_error(Errc::malformed, "{} is damaged: {}", what, findings.front())
        .with_hint("use another backup");
  return database;
}

// How far a database is; of two of one history, the one that is further in anything is newer.
struct Progress {
  std::map<std::string, std::uint64_t> crl_numbers;  // by CA
  std::uint64_t requests = 0;
  std::int64_t audit = 0;
};
Result<Progress> progress_of(const store::Database& database) {
  const auto snapshot = TRY(database.snapshot());
  Progress progress{{}, TRY(snapshot->counts()).requests, TRY(snapshot->audit_size())};
  for (const auto& record : TRY(snapshot->authorities()))
    progress.crl_numbers[record.name] = TRY(snapshot->last_crl_number(record.id));
  return progress;
}

// Why the state that is here must not simply be replaced; empty: it is older, or the same.
std::string what_is_newer(const Progress& here, const Progress& backup) {
  for (const auto& [name, number] : here.crl_numbers) {
    const auto found = backup.crl_numbers.find(name);
    if (found == backup.crl_numbers.end())
      return fmt::format("it has a CA '{}', which the backup has not", name);
    if (number > found->second)
      return fmt::format("CA '{}' has given CRL number {}, the backup knows {}", name, number, found->second);
  }
  if (here.requests > backup.requests)
    return fmt::format("it has {} requests, the backup {}", here.requests, backup.requests);
  return {};
}

class Restoration {
 public:
  Restoration(const Home& home, const RestoreOptions& options, const crypto::Provider& provider,
              const Clock& clock, const OpenDatabase& open_database)
      : home_(home), options_(options), provider_(provider), clock_(clock), open_(open_database) {}

  Result<RestoreResult> run(const fs::path& archive) {
    const Home::Claim claim = TRY(home_.claim());
    Staging::remove_leftovers(home_.folder());
    const Staging staging = TRY(Staging::create(home_.folder()));
    staged_ = staging.path();
    Extracted extracted = TRY(extract(provider_, archive, options_.passphrase, staged_));
    result_.manifest = std::move(extracted.manifest);
    result_.sealed = extracted.sealed;
    {
      const auto database = TRY(open_sound(staged_ / kDatabase, open_, "the database in the backup"));
      TRY(compare_with_home(*database));
      TRY(relocate(*database));
      TRY(database->fold());
    }
    // From here on things change: keys first, the database last, so that every moment has one whole state.
    TRY(make_folder(home_.keys(), 0700));
    TRY(make_folder(home_.published(), 0755));
    for (const fs::path& key : files_in(staged_ / "keys")) TRY(install_key(key));
    TRY(install_settings());
    TRY(replace_database());
    return std::move(result_);
  }

 private:
  Result<fs::path> aside() {
    if (result_.put_aside.empty()) {
      std::string stamp = format_time(clock_.now());
      std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
      fs::path folder = home_.folder() / ("replaced-" + stamp);
      for (int n = 2; is_there(folder); ++n)
        folder = home_.folder() / fmt::format("replaced-{}-{}", stamp, n);
      TRY(make_folder(folder, 0700));
      result_.put_aside = folder;
    }
    return result_.put_aside;
  }

  Status compare_with_home(const store::Database& staged) {
    if (!is_there(home_.database())) return ok();
    auto database = open_(home_.database(), false);
    if (!database) {
      // A database that cannot be read is why people restore.
      if (database.error().code() != Errc::malformed) return std::move(database.error());
      result_.notes.push_back(
          fmt::format("the old database could not be read: {}", database.error().summary()));
      return ok();
    }
    const auto here = progress_of(**database);
    if (here && !options_.replace) {
      const std::string newer = what_is_newer(*here, TRY(progress_of(staged)));
      if (!newer.empty())
        return make_error(Errc::conflict, "the state in {} is newer than the backup: {}",
                          home_.folder().string(), newer)
            .with_hint(
                "to put the older state in its place all the same: --replace; the newer database is put "
                "aside, "
                "and vouch db replay brings back what the backup lacks");
    }
    return (*database)->fold();
  }

  // Files are published in this home, not in the one the backup came from.
  Status relocate(store::Database& staged) {
    const fs::path old_home = result_.manifest.home;
    if (old_home == home_.folder()) return ok();
    const std::string prefix = old_home.string() + "/";
    const auto move = [&](std::vector<Location>& locations, const std::string& name) {
      for (Location& location : locations) {
        const bool url = location.url.starts_with("file://");
        const std::string path = url ? location.url.substr(7) : location.url;
        if (!is_file(location)) continue;
        if (!path.starts_with(prefix)) {
          result_.notes.push_back(fmt::format(
              "CA '{}' publishes to {}, outside of its home: see that this is right here", name, path));
          continue;
        }
        location.url = (url ? "file://" : "") + (home_.folder() / path.substr(prefix.size())).string();
        result_.notes.push_back(
            fmt::format("CA '{}' publishes to {} instead of {}", name, location.url, path));
      }
    };
    std::vector<std::pair<store::AuthorityId, std::string>> changed;
    for (const store::AuthorityRecord& record : TRY(TRY(staged.snapshot())->authorities())) {
      AuthoritySettings settings =
          TRY(parse_settings(record.settings).context("reading CA '{}'", record.name));
      const AuthoritySettings before = settings;
      move(settings.cdp, record.name);
      move(settings.aia, record.name);
      if (settings != before) changed.emplace_back(record.id, format_settings(settings));
    }
    if (changed.empty()) return ok();
    const Environment environment{home_, staged, provider_, clock_, {}};
    // The mirror gets what is written here when the database is in its place.
    staged.mirror_audit([](const store::Snapshot&, std::int64_t, std::int64_t) { return ok(); });
    return staged.commit([&](store::Transaction& t) -> Status {
      for (const auto& [id, settings] : changed) TRY(t.update_settings(id, settings));
      return record_audit(
          environment, t,
          {.actor = options_.administrator,
           .action = "db.relocate",
           .authority = {},
           .object = "database",
           .details = AuditDetails().add("from", old_home.string()).add("to", home_.folder().string())});
    });
  }

  // No key is ever lost: one that differs is put aside.
  Status install_key(const fs::path& staged) {
    const fs::path target = home_.keys() / staged.filename();
    const Buffer content = TRY(read_file(staged));
    if (is_there(target)) {
      if (TRY(read_file(target)) == content) return ok();
      const fs::path folder = TRY(aside()) / "keys";
      TRY(make_folder(folder, 0700));
      TRY(move_durably(target, folder / staged.filename()));
    }
    return write_file_atomic(target, content, 0600);
  }

  Status install_settings() {
    if (is_there(staged_ / kPolicy) && !is_there(home_.folder() / kPolicy))
      TRY(move_durably(staged_ / kPolicy, home_.folder() / kPolicy));
    const fs::path file = staged_ / kConfiguration;
    if (!is_there(file)) return ok();
    std::string text(as_text(TRY(read_file(file, 1 << 20))));
    if (is_there(home_.configuration_file())) {
      if (text == as_text(TRY(read_file(home_.configuration_file(), 1 << 20)))) return ok();
      const fs::path beside = home_.folder() / "vouch.toml.from-backup";
      result_.notes.push_back(
          fmt::format("the configuration of this home was kept; that of the backup is {}", beside.string()));
      return write_file_atomic(beside, as_bytes(text), 0640);
    }
    // A path that leads out of the home would lead into the one the backup came from.
    const Configuration configuration = TRY(parse_configuration(text, kConfiguration));
    const auto back_home = [&](const fs::path& path, std::string_view setting,
                               std::string_view value) -> Status {
      if (path.is_relative()) return ok();
      text = TRY(with_setting(text, kConfiguration, setting, value));
      result_.notes.push_back(
          fmt::format("{} is {} here; in the backup it is {}", setting, value, path.string()));
      return ok();
    };
    TRY(back_home(configuration.database, "database.path", kDatabase));
    TRY(back_home(configuration.published, "publication.folder", "published"));
    // Where this home looked for its database when it was opened: there it is put.
    if (configuration.database.is_relative() && configuration.database != home_.configuration().database)
      text =
          TRY(with_setting(text, kConfiguration, "database.path", home_.configuration().database.string()));
    return write_file_atomic(home_.folder() / kConfiguration, as_bytes(text), 0640);
  }

  // A name beside the old one first, then the new file in its place: a database is always there.
  Status replace_database() {
    const fs::path target = home_.database();
    TRY(make_folder(target.parent_path(), 0750));
    if (is_there(target)) {
      const fs::path folder = TRY(aside());
      for (const char* suffix : {"-wal", "-shm"})
        if (is_there(target.string() + suffix))
          TRY(move_durably(target.string() + suffix, (folder / kDatabase).string() + suffix));
      if (::link(target.c_str(), (folder / kDatabase).c_str()) != 0) {
        if (errno != EXDEV && errno != EPERM) return system_error(errno, "cannot put aside", target);
        TRY(move_durably(target, folder / kDatabase));
      }
      TRY(sync_folder_of(folder / kDatabase));
    }
    return move_durably(staged_ / kDatabase, target);
  }

  const Home& home_;
  const RestoreOptions& options_;
  const crypto::Provider& provider_;
  const Clock& clock_;
  const OpenDatabase& open_;
  fs::path staged_;
  RestoreResult result_;
};

}  // namespace

namespace {

// The database that is replaced says who may do it. Where there is none, or none that can be read, whoever
// can write the files can.
Status authorize_restore(const Home& home, const RestoreOptions& options, const crypto::Provider& provider,
                         const Clock& clock, const OpenDatabase& open_database) {
  if (!is_there(home.database())) return ok();
  const auto database = open_database(home.database(), false);
  if (!database) return ok();
  const auto snapshot = (*database)->snapshot();
  if (!snapshot) return ok();
  const auto roles = RoleTable::read(**snapshot);
  if (!roles || roles->untouched()) return ok();
  const Environment environment{home, **database, provider, clock, {}, options.groups};
  connect_audit_mirror(home, **database);
  return authorize(environment, **snapshot,
                   {.account = options.administrator,
                    .role = Role::administrator,
                    .what = "restore backups over this home",
                    .action = "db.restore",
                    .object = "database"});
}

}  // namespace

Result<RestoreResult> restore(const fs::path& archive, const Home& home, const RestoreOptions& options,
                              const crypto::Provider& provider, const Clock& clock,
                              const OpenDatabase& open_database) {
  const bool knew_nothing = !is_there(home.fence());
  TRY(expect_new_audit_mirror(home));
  TRY(authorize_restore(home, options, provider, clock, open_database));
  RestoreResult result = TRY(Restoration(home, options, provider, clock, open_database).run(archive));
  const auto database = TRY(open_database(home.database(), false));
  connect_audit_mirror(home, *database);
  const Environment environment{home, *database, provider, clock, {}, options.groups};
  const auto authorities = TRY(TRY(database->snapshot())->authorities());
  // A later replay enters it again behind the log that takes the place of this one.
  TRY(record_audit(environment, {.actor = options.administrator,
                                 .action = "db.restore",
                                 .authority = {},
                                 .object = "database",
                                 .details = AuditDetails()
                                                .add("file", archive.string())
                                                .add("made_at", format_time(result.manifest.created_at))
                                                .add("put_aside", result.put_aside.string())}));
  for (const store::AuthorityRecord& record : authorities) {
    Gap gap =
        TRY(find_gap(environment, record.name).context("comparing CA '{}' with its fence", record.name));
    if (!gap.empty() && options.accept_gap)
      gap = TRY(accept_gap(environment, record.name, options.administrator));
    if (!gap.empty()) result.gaps.emplace(record.name, std::move(gap));
    for (std::string& mismatch : host_mismatches(environment, record))
      result.notes.push_back(std::move(mismatch));
  }
  if (knew_nothing)
    result.notes.push_back(fmt::format(
        "this home has no fence: what was issued after {} elsewhere is not known here; if there was "
        "something, put the fence folder and the CRLs of the old home in their places before going on",
        format_time(result.manifest.created_at)));
  return result;
}

namespace {

bool is_database(const fs::path& file) {
  constexpr std::string_view kSqlite = "SQLite format 3";
  const auto begin = MappedFile::open(file);
  return begin && as_text(begin->bytes()).starts_with(kSqlite);
}

}  // namespace

Result<store::Replayed> replay(const Environment& environment, const fs::path& file,
                               const ReplayOptions& options, const OpenDatabase& open_database) {
  const Home& home = environment.home;
  TRY(authorize(environment, {.account = options.administrator,
                              .role = Role::administrator,
                              .what = "replay databases",
                              .action = "db.replay",
                              .object = "database"}));
  TRY(expect_new_audit_mirror(home));
  std::error_code unknown;
  if (fs::equivalent(file, home.database(), unknown))
    return make_error(Errc::usage, "{} is the database of this home", file.string());
  const Staging staging = TRY(Staging::create(home.folder()));
  const fs::path later = staging.path() / kDatabase;
  // A copy, because opening writes: the log is folded in, an older schema brought up to date.
  if (is_database(file)) {
    TRY(copy_durably(file, later));
    for (const char* suffix : {"-wal"})
      if (is_there(file.string() + suffix))
        TRY(copy_durably(file.string() + suffix, later.string() + suffix));
  } else {
    (void)TRY(extract(environment.provider, file, options.passphrase, staging.path()));
  }
  TRY(TRY(open_sound(later, open_database, file.string()))->fold());
  store::Replayed replayed = TRY(environment.database.replay(later).context("replaying {}", file.string()));
  for (const fs::path& key : files_in(staging.path() / "keys"))
    if (!is_there(home.keys() / key.filename())) TRY(move_durably(key, home.keys() / key.filename()));
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    for (const store::AuditRecord& entry : replayed.overtaken)
      TRY(record_audit(environment, t,
                       {.actor = entry.actor,
                        .action = "db.overtaken",
                        .authority = entry.authority,
                        .object = entry.object,
                        .details = AuditDetails()
                                       .add("action", entry.action)
                                       .add("at", format_time(entry.time))
                                       .add("said", entry.details),
                        .outcome = entry.outcome}));
    return record_audit(environment, t,
                        {.actor = options.administrator,
                         .action = "db.replay",
                         .authority = {},
                         .object = "database",
                         .details = AuditDetails()
                                        .add("file", file.string())
                                        .add("requests", replayed.requests)
                                        .add("certificates", replayed.certificates)
                                        .add("revocations", replayed.revocations)});
  }));
  return replayed;
}

}  // namespace vouch::ca
