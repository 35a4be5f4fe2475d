#include "ca/backup/maintenance.hpp"

#include <algorithm>

#include "ca/keys/key_checks.hpp"
#include "ca/keys/key_files.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"
#include "x509/certificate.hpp"
#include "x509/crl.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::size_t kMaxFindings = 1000;  // a person reads them

// A key of the CA, as its certificate shows it.
struct IssuerKey {
  store::KeyGeneration generation;
  Buffer subject;
  Time not_after{};
  std::unique_ptr<crypto::Verifier> verifier;
};

Result<std::vector<IssuerKey>> issuer_keys(const Environment& environment, const store::Snapshot& snapshot,
                                           store::AuthorityId authority) {
  std::vector<IssuerKey> keys;
  for (store::KeyGeneration& generation : TRY(snapshot.key_generations(authority))) {
    if (generation.certificate.empty()) continue;
    const auto view = TRY(x509::parse_certificate(generation.certificate));
    auto verifier = TRY(environment.provider.verifier(view.public_key_info));
    keys.push_back({std::move(generation), to_buffer(view.subject), view.not_after, std::move(verifier)});
  }
  return keys;
}

bool verifies(const IssuerKey& key, const x509::CertificateView& view) {
  const auto algorithm = x509::parse_signature_algorithm(view.signature_algorithm);
  return algorithm && key.verifier->verify(*algorithm, view.tbs, view.signature);
}

class Check {
 public:
  Check(const Environment& environment, const CheckOptions& options)
      : environment_(environment), options_(options) {}

  Result<CheckReport> run() {
    report_.findings = TRY(environment_.database.check());
    const auto snapshot = TRY(environment_.database.snapshot());
    for (const store::AuthorityRecord& record : TRY(snapshot->authorities())) {
      auto keys = issuer_keys(environment_, *snapshot, record.id);
      if (!keys) {
        find("a certificate of CA '{}' cannot be read: {}", record.name, keys.error().summary());
        continue;
      }
      TRY(certificates(*snapshot, record, *keys));
      TRY(crls(*snapshot, record));
      for (const IssuerKey& key : *keys) private_key(record, key);
      fence(record);
    }
    return std::move(report_);
  }

 private:
  template <class... Args>
  void find(fmt::format_string<Args...> format, Args&&... args) {
    if (report_.findings.size() < kMaxFindings)
      report_.findings.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  // Every n-th, so that the sample is spread over the whole life of the CA.
  Status certificates(const store::Snapshot& snapshot, const store::AuthorityRecord& record,
                      const std::vector<IssuerKey>& keys) {
    const std::uint64_t all = TRY(snapshot.certificate_counts(record.id)).certificates;
    const std::uint64_t every =
        options_.full || options_.sample == 0 ? 1 : std::max<std::uint64_t>(all / options_.sample, 1);
    store::CertificateFilter filter;
    filter.authority = record.id;
    filter.limit = kPage;
    std::uint64_t position = 0;
    for (;;) {
      const auto page = TRY(snapshot.certificates(filter));
      for (const store::CertificateRecord& row : page) {
        if (position++ % every != 0 || row.lost()) continue;
        auto whole = snapshot.certificate_of_request(row.request);
        if (whole)
          certificate(*whole, keys);
        else
          find("the certificate of request {} cannot be read: {}", row.request, whole.error().summary());
      }
      if (page.size() < kPage) return ok();
      filter.after = page.back().request;
    }
  }

  void certificate(const store::CertificateRecord& row, const std::vector<IssuerKey>& keys) {
    ++report_.certificates;
    const std::string name = fmt::format("certificate {} (request {})", to_hex(row.serial), row.request);
    const Buffer der = row.der();
    const auto view = x509::parse_certificate(der);
    if (!view) return find("{} cannot be read: {}", name, view.error().summary());
    if (!equal(x509::serial_octets(view->serial), row.serial))
      return find("{}: its serial number is another", name);
    if (view->not_after != row.not_after || view->not_before != row.not_before)
      return find("{}: its dates are others", name);
    const bool good = std::ranges::any_of(keys, [&](const IssuerKey& key) {
      return key.generation.key_index == row.key_index && verifies(key, *view);
    });
    if (!good) find("{}: the signature is not that of the CA's key {}", name, row.key_index);
  }

  // The newest CRL of each kind is the one that lies there.
  Status crls(const store::Snapshot& snapshot, const store::AuthorityRecord& record) {
    std::vector<std::string> seen;
    for (const store::CrlRecord& crl : TRY(snapshot.crls(record.id))) {
      if (crl.sha256.empty() || crl.file.empty() || std::ranges::find(seen, crl.file) != seen.end()) continue;
      seen.push_back(crl.file);
      const fs::path path = environment_.home.folder() / crl.file;
      const auto file = MappedFile::open(path);
      if (!file)
        find("CRL {} of CA '{}' cannot be read: {}", crl.number, record.name, file.error().message());
      else if (environment_.provider.digest(crypto::DigestAlgorithm::sha256, file->bytes()) != crl.sha256)
        find("{} is not CRL {} of CA '{}' as it was published", path.string(), crl.number, record.name);
    }
    return ok();
  }

  void private_key(const store::AuthorityRecord& record, const IssuerKey& key) {
    const std::string& reference = key.generation.key_reference;
    const auto loaded = load_key(environment_, reference);
    const auto view = x509::parse_certificate(key.generation.certificate);
    // A passphrase that nobody gave and a token that is not there say nothing about the key.
    if (!loaded && (loaded.error().code() == Errc::denied || !reference.starts_with("file:")))
      report_.not_checked.push_back(fmt::format("key {} of CA '{}': {}", key.generation.key_index,
                                                record.name, loaded.error().message()));
    else if (!loaded)
      find("key {} of CA '{}': {}", reference, record.name, loaded.error().summary());
    else if (view && !equal((*loaded)->public_key_info(), view->public_key_info))
      find("key {} does not belong to the certificate of CA '{}'", reference, record.name);
  }

  void fence(const store::AuthorityRecord& record) {
    // A start looks at the newest lines only; here all are read.
    const auto snapshot = environment_.database.snapshot();
    const auto lines = snapshot ? fence_of(environment_, record, **snapshot)
                                : Result<std::shared_ptr<Fence>>(snapshot.error());
    if (const auto reading =
            lines ? (*lines)->read("", [](const FenceEvent&) {}) : Result<Fence::Reading>(lines.error()))
      for (const std::string& line : reading->damaged) find("the fence of CA '{}': {}", record.name, line);
    const auto gap = find_gap(environment_, record.name);
    if (!gap)
      find("the fence of CA '{}': {}", record.name, gap.error().summary());
    else if (!gap->empty())
      find("the world has seen more of CA '{}' than the database knows: {}", record.name, gap->text());
  }

  const Environment& environment_;
  const CheckOptions& options_;
  CheckReport report_;
};

}  // namespace

Result<CheckReport> check_database(const Environment& environment, const CheckOptions& options) {
  return Check(environment, options).run();
}

Result<fs::path> move_database(const Environment& environment, const fs::path& folder,
                               std::string_view administrator) {
  const Home& home = environment.home;
  store::Database& database = environment.database;
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "move the database",
                              .action = "db.move",
                              .object = "database"}));
  std::error_code failed;
  const fs::path from = home.database(), file = home.configuration_file();
  fs::path target = fs::absolute(folder, failed).lexically_normal() / from.filename();
  if (fs::exists(target, failed))
    return make_error(Errc::conflict, "there is a file {} already", target.string())
        .with_hint("give another folder");
  const Home::Claim claim = TRY(home.claim());
  const Buffer before = fs::exists(file, failed) ? TRY(read_file(file, 1 << 20)) : Buffer();
  const fs::path inside = target.lexically_relative(home.folder());
  const bool is_inside = !inside.empty() && *inside.begin() != "..";
  const std::string after = TRY(
      with_setting(as_text(before), file.string(), "database.path", (is_inside ? inside : target).string()));
  TRY(make_folder(target.parent_path(), 0750));
  TRY(record_audit(environment,
                   {.actor = std::string(administrator),
                    .action = "db.move",
                    .object = "database",
                    .details = AuditDetails().add("from", from.string()).add("to", target.string())}));
  TRY(database.fold());
  // The new file, then the configuration that names it, then the old file goes: at every moment the one that
  // is named is whole.
  TRY(copy_durably(from, target));
  TRY(write_configuration(file, after));
  if (!fs::remove(from, failed))
    return make_error(Errc::unavailable,
                      "the database is in {} now, but the old file {} could not be removed", target.string(),
                      from.string());
  TRY(sync_folder_of(from));
  return target;
}

namespace {

// An entry stands on the newest CRL of its key unless the certificate had ended before the CRL before that:
// then it had its last appearance (RFC 5280 3.3). Of a key without two CRLs nothing goes.
std::map<std::uint16_t, Time> gone_from_crls(const std::vector<store::CrlRecord>& newest_first) {
  std::map<std::uint16_t, std::size_t> count;
  std::map<std::uint16_t, Time> gone;
  for (const store::CrlRecord& crl : newest_first)
    if (!crl.delta && !crl.sha256.empty() && ++count[crl.key_index] == 2)
      gone[crl.key_index] = crl.this_update;
  return gone;
}

}  // namespace

Result<PurgeReport> purge(const Environment& environment, store::AuthorityId authority,
                          const PurgeOptions& options) {
  if (options.expired_before > environment.clock.now())
    return make_error(Errc::usage, "{} is in the future: only what has expired can be purged",
                      format_time(options.expired_before));
  const auto snapshot = TRY(environment.database.snapshot());
  if (!options.dry_run)
    TRY(authorize(environment, *snapshot,
                  {.account = options.administrator,
                   .role = Role::administrator,
                   .what = "purge the database",
                   .action = "db.purge",
                   .object = "database",
                   .authority = authority}));
  const auto gone = gone_from_crls(TRY(snapshot->crls(authority)));
  std::optional<Time> kept_since;  // by the CA's settings, for good
  for (const store::AuthorityRecord& record : TRY(snapshot->authorities()))
    if (record.id == authority) kept_since = TRY(parse_settings(record.settings)).keep_expired_since;
  store::CertificateFilter filter;
  filter.authority = authority;
  filter.expires_before = options.expired_before;
  filter.limit = kPage;
  PurgeReport report;
  for (;;) {
    const auto page = TRY(snapshot->certificates(filter));
    std::vector<store::RequestId> batch;
    for (const store::CertificateRecord& row : page) {
      const auto since = gone.find(row.key_index);
      if (row.revocation && (since == gone.end() || row.not_after >= since->second ||
                             (kept_since && row.not_after >= *kept_since)))
        ++report.on_crl;
      else
        batch.push_back(row.request);
    }
    std::uint64_t done = 0;
    if (options.dry_run) {
      done = batch.size();
    } else if (!batch.empty()) {
      TRY(environment.database.commit([&](store::Transaction& t) -> Status {
        done = 0;
        for (const store::RequestId request : batch) {
          const Status purged = t.purge_request(request);
          // The newest request stays, so that its number is not given again.
          if (!purged && purged.error().code() != Errc::conflict) return purged;
          if (purged) ++done;
        }
        if (done == 0) return ok();
        return record_audit(environment, t,
                            {.actor = options.administrator,
                             .action = "db.purge",
                             .authority = {},
                             .object = "database",
                             .details = AuditDetails()
                                            .add("expired_before", format_time(options.expired_before))
                                            .add("first_request", static_cast<std::uint64_t>(batch.front()))
                                            .add("last_request", static_cast<std::uint64_t>(batch.back()))
                                            .add("purged", done)});
      }));
    }
    report.purged += done;
    if (page.size() < kPage) return report;
    filter.after = page.back().request;
  }
}

namespace {

Result<const IssuerKey*> find_issuer(const std::vector<IssuerKey>& keys, const x509::CertificateView& view,
                                     std::string_view ca) {
  for (const IssuerKey& key : keys)
    if (equal(view.issuer, key.subject) && verifies(key, view)) return &key;
  return make_error(Errc::denied,
                    "the certificate was not signed by CA '{}': its issuer or its signature is another's", ca)
      .with_hint("only what this CA has signed with one of its keys can be imported");
}

}  // namespace

Result<store::CertificateRecord> import_certificate(const Environment& environment,
                                                    const store::AuthorityRecord& record, Bytes der,
                                                    std::string_view administrator) {
  const auto view = TRY(x509::parse_certificate(der));
  const auto snapshot = TRY(environment.database.snapshot());
  TRY(authorize(environment, *snapshot,
                {.account = administrator,
                 .role = Role::administrator,
                 .what = "import certificates",
                 .action = "cert.import",
                 .object = "certificate " + to_hex(x509::serial_octets(view.serial)),
                 .authority = record.id,
                 .authority_name = record.name}));
  const auto keys = TRY(issuer_keys(environment, *snapshot, record.id));
  const IssuerKey* key = TRY(find_issuer(keys, view, record.name));
  for (const IssuerKey& own : keys)
    if (equal(own.generation.certificate, der))
      return make_error(Errc::conflict, "this is a certificate of CA '{}' itself", record.name);

  store::CertificateRecord certificate;
  certificate.authority = record.id;
  certificate.key_index = key->generation.key_index;
  certificate.serial = to_buffer(x509::serial_octets(view.serial));
  certificate.not_before = view.not_before;
  certificate.not_after = view.not_after;
  certificate.subject = x509::to_rfc4514(view.subject).value_or(std::string());
  certificate.tbs = to_buffer(view.tbs);
  certificate.signature_algorithm = to_buffer(view.signature_algorithm.whole);
  certificate.signature = to_buffer(view.signature);

  const auto fence = TRY(fence_of(environment, record, *snapshot));
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    const auto earlier = t.certificate(certificate.serial);
    if (!earlier && earlier.error().code() != Errc::not_found) return earlier.error();
    if (earlier && !earlier->lost())
      return make_error(Errc::conflict, "serial number {} {}", to_hex(certificate.serial),
                        earlier->der() == certificate.der() ? "is in the database already"
                                                            : "belongs to another certificate");
    if (earlier) {
      certificate.request = earlier->request;
      TRY(t.complete_lost(certificate));
    } else {
      store::RequestRecord request;
      request.authority = record.id;
      request.disposition = store::Disposition::foreign;
      request.submitted_at = environment.clock.now();
      request.resolved_at = request.submitted_at;
      request.requester = administrator;
      request.resolver = administrator;
      request.message = "imported: issued elsewhere";
      certificate.request = TRY(t.insert_request(request));
      (void)TRY(t.certify_key(key_number(environment.provider, view.public_key_info), certificate.request));
      TRY(t.insert_intent(certificate));
      TRY(t.complete_intent(certificate.request, certificate.signature));
    }
    return record_audit(
        environment, t,
        {.actor = std::string(administrator),
         .action = "cert.import",
         .authority = record.name,
         .object = "certificate " + to_hex(certificate.serial),
         .details =
             AuditDetails().add("subject", certificate.subject).add("found", earlier ? "lost" : "new")});
  }));
  TRY(fence->record(std::array{FenceEvent::issued(certificate)}));
  return certificate;
}

}  // namespace vouch::ca
