// The headlines of issuance and CRL building, as ratios to calibrators and peers of the same run.
//
//   issuance_bench [--stored N] [--crl N] [--check]
//   issuance_bench --fill N FOLDER ACCOUNT
//
// Prints one line a headline: what was measured, the calibrator, the ratio, the bar. --stored fills the
// database first (1,000,000 takes minutes), and measures the start-up and what a backup costs with so many;
// --check exits with 4 when a bar is missed. Figures are CPU seconds of this process (getrusage) unless the
// line says wall clock. --fill makes a home with N certificates, each tenth of them revoked, that ACCOUNT
// administers, and leaves it there: for bench/memory.sh.

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "ca/backup/backup.hpp"
#include "ca/home/audit.hpp"
#include "ca/keys/key_checks.hpp"
#include "ca/serial.hpp"
#include "ca/settings/templates.hpp"
#include "ca/setup/setup.hpp"
#include "crypto/openssl/openssl.hpp"
#include "must.hpp"
#include "revocation/crl_publication.hpp"
#include "store/sqlite/sqlite.hpp"
#include "x509/request.hpp"

namespace {

using namespace vouch;
using SteadyClock = std::chrono::steady_clock;

bool all_bars_met = true;

void report(std::string_view what, double ours, double calibrator, std::string_view unit, double ratio,
            double bar, bool at_least) {
  const bool met = at_least ? ratio >= bar : ratio <= bar;
  all_bars_met = all_bars_met && met;
  std::cout << fmt::format("{:<58} {:>10.2f} against {:>10.2f} {:<10} ratio {:>6.2f}  bar {} {:.2f}  {}\n",
                           what, ours, calibrator, unit, ratio, at_least ? ">=" : "<=", bar,
                           met ? "met" : "MISSED")
            << std::flush;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// What `openssl speed` signs per second on one core.
double openssl_speed_p256() {
  FILE* pipe = ::popen("openssl speed -mr -seconds 2 ecdsap256 2>/dev/null", "r");
  double rate = 0;
  char line[512];
  while (pipe && std::fgets(line, sizeof line, pipe)) {
    // +F4:<index>:256:<signatures a second>:<verifications a second>
    double sign = 0;
    if (std::sscanf(line, "+F4:%*d:256:%lf", &sign) == 1) rate = sign;
  }
  if (pipe) ::pclose(pipe);
  if (rate == 0) must(Status(make_error(Errc::unavailable, "openssl speed gave no figure")));
  return rate;
}

// The bare signature: a reused, initialised EVP_PKEY_CTX over a digest.
double bare_signature_seconds(int count) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EVP_PKEY_sign_init(context);
  unsigned char digest[32] = {1}, signature[128];
  const double start = cpu_seconds();
  for (int i = 0; i < count; ++i) {
    std::size_t size = sizeof signature;
    digest[0] = static_cast<unsigned char>(i);
    if (EVP_PKEY_sign(context, signature, &size, digest, sizeof digest) != 1) std::abort();
  }
  const double used = cpu_seconds() - start;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return used / count;
}

struct World {
  fs::path folder;
  ca::Home home;
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  SystemClock clock;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<ca::LocalAuthority> authority;
  Buffer rsa_request;

  ca::Environment environment() const {
    return {home, *database, *provider, clock,
            [](std::string_view) -> Result<std::string> { return std::string(); }};
  }
};

Buffer make_request(const crypto::Provider& provider, const crypto::KeySpec& spec) {
  const auto key = must(provider.generate(spec));
  const auto algorithm = must(crypto::signature_algorithm_for(spec, {}));
  const Buffer name = x509::encode_name(x509::make_name({{x509::oid::kCommonName, "bench.example.com"}}));
  const auto san =
      x509::make_extension(x509::oid::kSubjectAltName, false,
                           x509::encode_general_names({x509::GeneralName::dns("bench.example.com")}));
  const Buffer info = x509::encode_request_info({name, key->public_key_info(), {san}, {}});
  return x509::encode_request(info, x509::encode(algorithm), must(must(key->signer(algorithm))->sign(info)));
}

std::unique_ptr<World> make_world(const fs::path& folder, const std::string& administrator = "bench") {
  fs::remove_all(folder);
  auto world = std::make_unique<World>(
      World{folder, must(ca::Home::open(folder, true)), crypto::openssl::make_provider(), {}, {}, {}, {}});
  world->database = must(store::sqlite::open(world->home.database()));
  ca::InitOptions options;
  options.name = "Bench Root";
  options.kind = store::AuthorityKind::root;
  options.automatic_issuance = true;
  options.administrator = administrator;
  (void)must(ca::init(world->environment(), options));
  world->authority = must(ca::LocalAuthority::open(world->environment(), options.name));
  must(ca::publish_template(world->environment(), world->authority->record().id, "WebServer", administrator));
  world->rsa_request = make_request(*world->provider, {crypto::KeyType::rsa, 2048, false});
  return world;
}

// Filling the to-be-signed template and signing it, without policy and database.
void bench_build_and_sign(World& world) {
  const ca::CaKey& key = world.authority->current();
  ca::Submission submission;
  submission.request = world.rsa_request;
  submission.template_name = "WebServer";
  const auto model = must(world.authority->submit(submission));
  const auto view = must(x509::parse_certificate(model.certificate));
  std::vector<x509::Extension> fixed;
  Buffer variable;
  for (const auto& extension : view.extensions) {
    if (extension.id == x509::oid::kSubjectAltName || extension.id == x509::oid::kSubjectKeyIdentifier)
      append(variable, x509::encode_extension(x509::make_extension(extension.id, extension.critical,
                                                                   to_buffer(extension.value))));
    else
      fixed.push_back(x509::make_extension(extension.id, extension.critical, to_buffer(extension.value)));
  }
  const x509::TbsTemplate encoder(key.signer->algorithm(), key.subject, fixed);
  constexpr int kCount = 10'000;
  std::vector<double> ratios, ours, bare;
  for (int round = 0; round < 5; ++round) {
    bare.push_back(bare_signature_seconds(kCount));
    const double start = cpu_seconds();
    Buffer serial(18, 1);
    for (int i = 0; i < kCount; ++i) {
      serial[17] = static_cast<std::uint8_t>(i);
      const Buffer tbs = encoder.fill(
          {serial, view.not_before, view.not_after, view.subject, view.public_key_info, variable});
      const Buffer der =
          x509::encode_certificate(tbs, x509::encode(key.signer->algorithm()), must(key.signer->sign(tbs)));
      if (der.size() < 100) std::abort();
    }
    ours.push_back((cpu_seconds() - start) / kCount);
    ratios.push_back(ours.back() / bare.back());
  }
  report("build and sign a certificate / bare P-256 signature", median(ours) * 1e6, median(bare) * 1e6,
         "us CPU", median(ratios), 1.3, false);
}

struct Rate {
  double per_second = 0, cpu = 0;
};

Rate issue(World& world, int count, std::size_t batch, int threads) {
  std::vector<ca::Submission> submissions(batch);
  for (ca::Submission& submission : submissions) {
    submission.request = world.rsa_request;
    submission.template_name = "WebServer";
    submission.requester = "bench";
  }
  const double cpu = cpu_seconds();
  const auto start = SteadyClock::now();
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&] {
        for (int done = 0; done < count / threads; done += static_cast<int>(batch))
          for (auto& outcome : world.authority->submit(submissions))
            if (must(std::move(outcome)).disposition != ca::Disposition::issued) std::abort();
      });
  }
  const double wall = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return {count / wall, (cpu_seconds() - cpu) / count};
}

void bench_durable(World& world, std::string_view label, double bar) {
  std::vector<double> ratios, rates, speeds;
  Rate rate;
  for (int round = 0; round < 3; ++round) {
    speeds.push_back(openssl_speed_p256());
    rate = issue(world, 20'480, 128, 2);
    rates.push_back(rate.per_second);
    ratios.push_back(rates.back() / speeds.back());
  }
  report(fmt::format("durable issuance, {} / openssl speed ecdsap256", label), median(rates), median(speeds),
         "1/s wall", median(ratios), bar, true);
  std::cout << fmt::format("  CPU {:.1f} us a certificate\n", rate.cpu * 1e6);
}

// The least that an issuance is: the proof of possession, both durable steps and the signature, with what the
// CA itself would store, but without policy, lint, roles, audit and fence.
double bare_issuance_seconds(World& world, int count, std::size_t batch) {
  const ca::CaKey& key = world.authority->current();
  ca::Submission submission;
  submission.request = world.rsa_request;
  submission.template_name = "WebServer";
  const auto outcome = must(world.authority->submit(submission));
  const auto snapshot = must(world.database->snapshot());
  store::RequestRecord request = must(snapshot->request(outcome.request));
  store::CertificateRecord certificate = must(snapshot->certificate_of_request(outcome.request));
  const auto view = must(x509::parse_request(world.rsa_request));
  const auto algorithm = must(x509::parse_signature_algorithm(view.signature_algorithm));
  const double start = cpu_seconds();
  for (int done = 0; done < count; done += static_cast<int>(batch)) {
    std::vector<store::RequestId> ids(batch);
    for (std::size_t i = 0; i < batch; ++i)
      must(world.provider->verify(view.public_key_info, algorithm, view.info, view.signature));
    must(world.database->commit([&](store::Transaction& t) -> Status {
      for (store::RequestId& id : ids) {
        id = TRY(t.insert_request(request));
        certificate.request = id;
        certificate.serial = ca::make_serial(1, world.clock, *world.provider);
        TRY(t.insert_intent(certificate));
      }
      return ok();
    }));
    std::vector<Buffer> signatures;
    for (std::size_t i = 0; i < batch; ++i) signatures.push_back(must(key.signer->sign(certificate.tbs)));
    must(world.database->commit([&](store::Transaction& t) -> Status {
      for (std::size_t i = 0; i < batch; ++i) TRY(t.complete_intent(ids[i], signatures[i]));
      return ok();
    }));
  }
  return (cpu_seconds() - start) / count;
}

// What policy and audit add to a certificate: the checks of its key, the decision with its trace, and the
// entry in the audit log within the same commit.
double policy_and_audit_seconds(World& world, int count, std::size_t batch) {
  const auto snapshot = must(world.database->snapshot());
  const store::AuthorityRecord& authority = world.authority->record();
  const auto checks = must(ca::KeyChecks::make(world.environment(), *snapshot, authority.id));
  const auto definition =
      must(policy::parse_template(must(snapshot->certificate_template("WebServer")).body, "WebServer"));
  const auto view = must(x509::parse_request(world.rsa_request));
  const auto environment = world.environment();
  const double start = cpu_seconds();
  for (int done = 0; done < count; done += static_cast<int>(batch)) {
    for (std::size_t i = 0; i < batch; ++i) {
      policy::Question question;
      question.request = &view;
      question.template_name = definition.name;
      question.certificate_template = &definition;
      question.template_published = true;
      question.requester = "bench";
      question.authority.name = authority.name;
      question.authority.automatic_issuance = true;
      question.authority.not_before = world.authority->current().not_before;
      question.authority.not_after = world.authority->current().not_after;
      question.now = world.clock.now();
      question.key = must(checks->facts(*snapshot, view.public_key_info, true, false));
      const policy::Decision decision = policy::decide(question);
      if (decision.action != policy::Action::issue)
        must(Status(make_error(Errc::denied, "{}", decision.message)));
      (void)policy::format_trace(decision.trace);
    }
    must(environment.database.commit([&](store::Transaction& t) -> Status {
      for (std::size_t i = 0; i < batch; ++i)
        TRY(ca::record_audit(environment, t,
                             {.actor = "bench",
                              .action = "request.submit",
                              .authority = authority.name,
                              .object = "request 1",
                              .details = ca::AuditDetails().add("template", definition.name),
                              .outcome = std::string(ca::audit_outcome::done)}));
      return ok();
    }));
  }
  return (cpu_seconds() - start) / count;
}

// "Audit and policy cost at most 30 % of the rate": at most 1 / 0.7 of the CPU without them.
void bench_policy_and_audit(World& world) {
  std::vector<double> ratios, whole, without, least;
  for (int round = 0; round < 3; ++round) {
    whole.push_back(issue(world, 10'240, 128, 1).cpu);
    without.push_back(whole.back() - policy_and_audit_seconds(world, 10'240, 128));
    least.push_back(bare_issuance_seconds(world, 10'240, 128));
    ratios.push_back(whole.back() / without.back());
  }
  report("a certificate with / without policy and audit", median(whole) * 1e6, median(without) * 1e6,
         "us CPU", median(ratios), 1 / 0.7, false);
  std::cout << fmt::format("  proof, two durable steps and signature alone: {:.2f} us CPU\n",
                           median(least) * 1e6);
}

// Database and CA opened as a start of the program does, in a process of its own.
int open_once(const fs::path& folder) {
  World world{folder, must(ca::Home::open(folder, false)), crypto::openssl::make_provider(), {}, {}, {}, {}};
  world.database = must(store::sqlite::open(world.home.database()));
  return must(ca::LocalAuthority::open(world.environment(), "Bench Root"))->repaired() == 0 ? 0 : 1;
}

void bench_backup(World& world, std::string_view label) {
  const double alone = issue(world, 20'480, 128, 2).per_second;
  std::atomic<bool> done = false;
  double during = 0;
  const auto start = SteadyClock::now();
  {
    const std::jthread backup([&] {
      ca::BackupOptions options;
      options.administrator = "bench";
      (void)must(ca::backup(world.environment(), world.folder / "bench.backup", options,
                            [](const fs::path& file, bool create) {
                              store::sqlite::Options sqlite;
                              sqlite.create = create;
                              return store::sqlite::open(file, sqlite);
                            }));
      done = true;
    });
    int issued = 0;
    for (; !done; issued += 1'024) (void)issue(world, 1'024, 128, 2);
    during = issued / std::chrono::duration<double>(SteadyClock::now() - start).count();
  }
  report(fmt::format("issuance while a backup runs / without, {}", label), during, alone, "1/s wall",
         during / alone, 0.5, true);
}

// Runs a command and gives its CPU seconds and peak memory in KiB.
std::pair<double, long> run_measured(const std::vector<std::string>& command) {
  const auto start = SteadyClock::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  if (status != 0) must(Status(make_error(Errc::unavailable, "{} failed", command[0])));
  return {std::chrono::duration<double>(SteadyClock::now() - start).count(), usage.ru_maxrss};
}

// openssl ca with an index of the same revoked serials, reasons included.
std::pair<double, long> openssl_gencrl(const World& world, int count) {
  const fs::path folder = world.folder / "openssl";
  fs::create_directories(folder);
  {
    std::ofstream index(folder / "index.txt");
    for (int i = 0; i < count; ++i)
      index << fmt::format(
          "R\t361123000000Z\t261123000000Z,superseded\t01{:010x}{:024x}\tunknown\t/CN=bench\n", i,
          static_cast<std::uint32_t>(i) * 2654435761u);
    std::ofstream(folder / "crlnumber") << "01\n";
    std::ofstream(folder / "ca.cnf")
        << "[ca]\ndefault_ca=d\n[d]\ndatabase=" << (folder / "index.txt").string()
        << "\ncrlnumber=" << (folder / "crlnumber").string()
        << "\ndefault_md=sha256\ndefault_crl_days=7\ncrl_extensions=x\n[x]\nauthorityKeyIdentifier=keyid\n";
  }
  const std::string make = fmt::format(
      "cd {0} && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out "
      "ca.crt -subj /CN=x -days 9 2>/dev/null",
      folder.string());
  if (std::system(make.c_str()) != 0) must(Status(make_error(Errc::unavailable, "openssl req failed")));
  return run_measured({"openssl", "ca", "-gencrl", "-config", (folder / "ca.cnf").string(), "-cert",
                       (folder / "ca.crt").string(), "-keyfile", (folder / "ca.key").string(), "-out",
                       (folder / "out.crl").string()});
}

// Fills the database with revoked certificates, by the store's own interface: issuing a million takes
// minutes.
void fill_revoked(World& world, int count) {
  store::RequestRecord request;
  request.authority = world.authority->record().id;
  request.disposition = ca::Disposition::issued;
  request.submitted_at = world.clock.now();
  store::CertificateRecord certificate;
  certificate.authority = request.authority;
  certificate.not_before = request.submitted_at;
  certificate.not_after = request.submitted_at + std::chrono::days(365);
  certificate.signature_algorithm = to_buffer(x509::encode(crypto::SignatureAlgorithm::ecdsa_sha256));
  certificate.tbs = Buffer(16);
  for (int done = 0; done < count; done += 1000)
    must(world.database->commit([&](store::Transaction& t) -> Status {
      for (int i = done; i < std::min(done + 1000, count); ++i) {
        certificate.serial = Buffer(18);
        certificate.serial[0] = 1;
        for (std::size_t j = 0; j < 4; ++j)
          certificate.serial[5 - j] = static_cast<std::uint8_t>(i >> (8 * j));
        world.provider->random(std::span(certificate.serial).subspan(6));
        certificate.request = TRY(t.insert_request(request));
        TRY(t.insert_intent(certificate));
        TRY(t.complete_intent(certificate.request, Buffer(8)));
        TRY(t.revoke(request.authority,
                     {certificate.serial, request.submitted_at, x509::CrlReason::superseded, {}}));
      }
      return ok();
    }));
}

void bench_crl(const char* program, const fs::path& folder, int count) {
  {
    const auto world = make_world(folder);
    fill_revoked(*world, count);
  }
  const auto world_folder = folder.string();
  // In a process of its own, so that its memory is its own.
  const auto ours = run_measured({program, "--publish", world_folder});
  const World for_openssl{
      folder, must(ca::Home::open(folder, true)), crypto::openssl::make_provider(), {}, {}, {}, {}};
  const auto peer = openssl_gencrl(for_openssl, count);
  report(fmt::format("CRL of {} revoked / openssl ca -gencrl, times faster", count), ours.first, peer.first,
         "s wall", peer.first / ours.first, 15, true);
  report("  its peak memory / openssl's", double(ours.second) / 1024, double(peer.second) / 1024, "MiB",
         double(ours.second) / double(peer.second), 0.2, false);
}

// Issued as ever, and revoked by the store's own interface.
int fill(int count, const fs::path& folder, const std::string& account) {
  const auto world = make_world(folder, account);
  for (int filled = 0; filled < count; filled += 51'200)
    (void)issue(*world, std::min(count - filled, 51'200), 256, 2);
  store::CertificateFilter page;
  page.limit = 10'000;
  while (true) {
    const auto certificates = must(must(world->database->snapshot())->certificates(page));
    must(world->database->commit([&](store::Transaction& t) -> Status {
      for (std::size_t i = 0; i < certificates.size(); i += 10)
        TRY(t.revoke(certificates[i].authority,
                     {certificates[i].serial, world->clock.now(), x509::CrlReason::superseded, {}}));
      return ok();
    }));
    if (certificates.size() < page.limit) break;
    page.after = certificates.back().request;
  }
  const auto counts = must(must(world->database->snapshot())->counts());
  std::cout << fmt::format("{} certificates, {} revoked\n", counts.certificates, counts.revoked);
  return 0;
}

int publish(const fs::path& folder) {
  World world{folder, must(ca::Home::open(folder, false)), crypto::openssl::make_provider(), {}, {}, {}, {}};
  world.database = must(store::sqlite::open(world.home.database()));
  const auto authority = must(ca::LocalAuthority::open(world.environment(), "Bench Root"));
  const auto published = must(revocation::publish_crls(*authority, "bench"));
  std::cout << fmt::format("  CRL {}: {} entries, {} octets\n", published[0].record.number,
                           published[0].record.entries, published[0].record.size);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int stored = 0, crl = 0;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--publish") return publish(value);
    if (option == "--open") return open_once(value);
    if (option == "--fill" && argc == i + 4) return fill(std::atoi(value), argv[i + 2], argv[i + 3]);
    if (option == "--stored") stored = std::atoi(value);
    if (option == "--crl") crl = std::atoi(value);
    if (option == "--check") check = true;
  }
  const fs::path folder = fs::current_path() / "bench-home";
  {
    const auto world = make_world(folder);
    bench_build_and_sign(*world);
    bench_durable(*world, "empty database", 0.2);
    if (stored != 0) {
      for (int filled = 0; filled < stored; filled += 51'200) (void)issue(*world, 51'200, 256, 2);
      const std::string label = fmt::format("{} stored", stored);
      bench_durable(*world, label, 0.15);
      bench_backup(*world, label);
    }
    bench_policy_and_audit(*world);
  }
  if (stored != 0) {
    const double seconds = run_measured({argv[0], "--open", folder.string()}).first;
    report(fmt::format("start-up, {} stored / one second", stored), seconds, 1, "s wall", seconds, 1, false);
  }
  if (crl != 0) bench_crl(argv[0], folder / "crl", crl);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return check && !all_bars_met ? 4 : 0;
}
