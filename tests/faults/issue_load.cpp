// issue_load: issues under load so that it can be killed, and checks afterwards what a crash must not break.
// kill9.sh drives it.
//
//   issue_load run    HOME CA THREADS COUNT RECEIVED   issue COUNT certificates from THREADS threads, revoke
//   every
//                                                      twentieth, publish CRLs all the while; append what
//                                                      each thread was answered to RECEIVED
//   issue_load verify HOME CA RECEIVED                 open the CA as a start after the crash does and
//   compare; publishes
//   issue_load compare HOME CA RECEIVED                the same as far as it goes without publishing

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>

#include "ca/audit/audit_mirror.hpp"
#include "ca/settings/templates.hpp"
#include "ca/setup/setup.hpp"
#include "crypto/openssl/openssl.hpp"
#include "crypto/pkcs11/pkcs11.hpp"
#include "revocation/crl_extensions.hpp"
#include "revocation/crl_publication.hpp"
#include "store/sqlite/sqlite.hpp"
#include "x509/crl.hpp"
#include "x509/request.hpp"

namespace {

using namespace vouch;

struct Setup {
  ca::Home home;
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  SystemClock clock;
  std::unique_ptr<store::Database> database;
  std::shared_ptr<const crypto::Tokens> tokens = crypto::pkcs11::make_tokens(provider);

  // The PIN of a token is in the pin-source of its URI.
  ca::Environment environment() const {
    ca::Environment environment{home, *database, *provider, clock,
                                [](std::string_view) -> Result<std::string> {
                                  return make_error(Errc::denied, "no passphrase here");
                                }};
    environment.tokens = tokens;
    return environment;
  }
};

Result<std::unique_ptr<Setup>> open_home(const fs::path& folder) {
  auto setup = std::make_unique<Setup>(
      Setup{TRY(ca::Home::open(folder, false)), crypto::openssl::make_provider(), {}, {}});
  setup->database = TRY(store::sqlite::open(setup->home.database()));
  ca::connect_audit_mirror(setup->home, *setup->database);
  return setup;
}

Result<Buffer> make_request(const crypto::Provider& provider) {
  const auto key = TRY(provider.generate({}));
  const auto signer = TRY(key->signer(crypto::SignatureAlgorithm::ecdsa_sha256));
  const Buffer name = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "load.example.com"}}));
  const auto san =
      x509::make_extension(x509::oid::kSubjectAltName, false,
                           x509::encode_general_names({x509::GeneralName::dns("load.example.com")}));
  const Buffer info = x509::encode_request_info({name, key->public_key_info(), {san}, {}});
  const Buffer signature = TRY(signer->sign(info));
  return x509::encode_request(info, x509::encode(crypto::SignatureAlgorithm::ecdsa_sha256), signature);
}

// One line per certificate that somebody got: what the CA answered is in the file before the next request.
class ReceivedLog {
 public:
  explicit ReceivedLog(const char* path)
      : fd_(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {}
  Status add(const crypto::Provider& provider, const ca::Outcome& outcome, bool revoked) {
    const std::string line =
        fmt::format("{} {} {}\n", outcome.request,
                    to_hex(provider.digest(crypto::DigestAlgorithm::sha256, outcome.certificate)),
                    revoked ? "revoked" : "issued");
    return write_all(fd_.get(), as_bytes(line), "the log of received certificates");
  }

 private:
  FileDescriptor fd_;
};

Status issue(ca::LocalAuthority& authority, const crypto::Provider& provider, const Buffer& request,
             std::atomic<int>& left, ReceivedLog& log) {
  ca::Submission submission;
  submission.request = request;
  submission.template_name = "WebServer";
  submission.requester = "load";
  while (true) {
    const int number = left.fetch_sub(1);
    if (number <= 0) return ok();
    const ca::Outcome outcome = TRY(authority.submit(submission));
    if (outcome.disposition != ca::Disposition::issued)
      return make_error(Errc::internal, "request {}: {}", outcome.request, outcome.message);
    TRY(log.add(provider, outcome, false));
    if (number % 20 != 0) continue;
    const auto certificate = TRY(x509::parse_certificate(outcome.certificate));
    TRY(authority.revoke(
        {to_buffer(x509::serial_octets(certificate.serial)), x509::CrlReason::superseded, {}}, "load"));
    TRY(log.add(provider, outcome, true));
  }
}

Status run(const fs::path& home, std::string_view name, int threads, int count, const char* received) {
  const auto setup = TRY(open_home(home));
  const auto authority = TRY(ca::LocalAuthority::open(setup->environment(), name));
  const Buffer request = TRY(make_request(*setup->provider));
  ReceivedLog log(received);
  std::atomic<int> left = count;
  std::vector<Status> results(static_cast<std::size_t>(threads) + 1);
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < results.size() - 1; ++i)
      workers.emplace_back([&, i] { results[i] = issue(*authority, *setup->provider, request, left, log); });
    workers.emplace_back([&] {
      while (left > 0 && results.back()) {
        if (auto published = revocation::publish_crls(*authority, "load"); !published)
          results.back() = published.error();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        if (!revocation::deltas_on(authority->settings())) continue;
        if (auto published = revocation::publish_deltas(*authority, "load"); !published)
          results.back() = published.error();
      }
    });
  }
  for (Status& result : results) TRY(std::move(result));
  return ok();
}

Status check_received(const crypto::Provider& provider, const store::Snapshot& snapshot, const char* received,
                      std::size_t& count) {
  const Buffer text = TRY(read_file(received));
  std::string_view rest = as_text(text);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.size() == rest.size()) break;  // the kill cut the last line: nobody had got that answer in full
    rest.remove_prefix(line.size() + 1);
    const auto space = line.find(' ');
    store::RequestId id = 0;
    std::from_chars(line.data(), line.data() + space, id);
    const auto certificate =
        TRY(snapshot.certificate_of_request(id).context("looking for received certificate {}", id));
    const std::string digest = to_hex(provider.digest(crypto::DigestAlgorithm::sha256, certificate.der()));
    if (line.substr(space + 1, 64) != digest)
      return make_error(Errc::found_bad, "request {}: the database has another certificate", id);
    if (line.ends_with("revoked") && !certificate.revocation)
      return make_error(Errc::found_bad, "request {}: its revocation was confirmed and is gone", id);
    ++count;
  }
  return ok();
}

Status check_crls(const store::Snapshot& snapshot, const ca::LocalAuthority& authority) {
  const auto crls = TRY(snapshot.crls(authority.record().id));
  for (std::size_t i = 1; i < crls.size(); ++i)
    if (crls[i - 1].number <= crls[i].number)
      return make_error(Errc::found_bad, "CRL numbers do not rise: {} after {}", crls[i - 1].number,
                        crls[i].number);
  return ok();
}

Status add_serials(const fs::path& file, std::set<Buffer>& serials) {
  const Buffer der = TRY(read_file(file));
  const auto crl = TRY(x509::parse_crl(der).context("reading {}", file.string()));
  for (x509::CrlEntryReader reader(crl.entries); !reader.at_end();)
    serials.insert(to_buffer(x509::serial_octets(TRY(reader.next()).serial)));
  return ok();
}

// What the crash left of the base CRL and a delta made now say together what the database says: every
// revocation is on one of them.
Status check_delta_covers(const ca::LocalAuthority& authority, const store::Snapshot& snapshot) {
  const ca::AuthoritySettings settings = authority.settings();
  if (!revocation::deltas_on(settings)) return ok();
  (void)TRY(revocation::publish_deltas(authority, "load"));
  std::set<Buffer> listed;
  for (const bool delta : {false, true}) {
    const auto places =
        TRY(revocation::crl_places(settings, authority.record().name, authority.current().generation, delta));
    TRY(add_serials(places.targets.front(), listed));
  }
  return snapshot.for_each_revoked(
      authority.record().id, authority.current().generation.key_index, authority.environment().clock.now(),
      [&](const store::Snapshot::RevokedEntry& entry) -> Status {
        if (listed.contains(to_buffer(entry.serial))) return ok();
        return make_error(Errc::found_bad, "{} is revoked, and neither base nor delta CRL says so",
                          to_hex(entry.serial));
      });
}

Status compare(const Setup& setup, const ca::LocalAuthority& authority, const char* received,
               std::size_t& count) {
  const auto snapshot = TRY(setup.database->snapshot());
  const auto orphans = TRY(snapshot->orphans(authority.record().id));
  if (!orphans.empty()) return make_error(Errc::found_bad, "{} orphans are left", orphans.size());
  const auto findings = TRY(setup.database->check());
  if (!findings.empty()) return make_error(Errc::found_bad, "the database is damaged: {}", findings.front());
  TRY(check_received(*setup.provider, *snapshot, received, count));
  return check_crls(*snapshot, authority);
}

Status verify(const fs::path& home, std::string_view name, const char* received, bool publish) {
  const auto setup = TRY(open_home(home));
  const auto authority = TRY(ca::LocalAuthority::open(setup->environment(), name));
  std::size_t count = 0;
  TRY(compare(*setup, *authority, received, count));
  const auto snapshot = TRY(setup->database->snapshot());
  std::uint64_t number = TRY(snapshot->last_crl_number(authority->record().id));
  if (publish) {
    TRY(check_delta_covers(*authority, *snapshot));
    number = TRY(revocation::publish_crls(*authority, "load")).front().record.number;
  }
  const auto counts = TRY(snapshot->counts());
  std::cout << fmt::format("received={} certificates={} revoked={} repaired={} crl={}\n", count,
                           counts.certificates, counts.revoked, authority->repaired(), number);
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  Status status = make_error(
      Errc::usage, "issue_load run HOME CA THREADS COUNT RECEIVED | verify|compare HOME CA RECEIVED");
  if (arguments.size() == 6 && arguments[0] == "run")
    status = run(arguments[1], arguments[2], std::atoi(argv[4]), std::atoi(argv[5]), argv[6]);
  else if (arguments.size() == 4 && (arguments[0] == "verify" || arguments[0] == "compare"))
    status = verify(arguments[1], arguments[2], argv[4], arguments[0] == "verify");
  if (status) return 0;
  std::cerr << status.error().report();
  return exit_code(status.error().code());
}
