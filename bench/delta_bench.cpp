// A delta CRL after one revocation, in a CA with many revoked certificates.
//
//   delta_bench [--revoked N] [--check]
//
// Fills a home with N revoked certificates (1,000,000 takes a minute or two), publishes the base CRL, revokes
// one more, and publishes the delta CRL in a process of its own: its CPU time from start to end, the opening
// of the database and of the key included, against the bar of 20 ms and against that of the base CRL in the
// same run. --check exits with 4 when the bar is missed.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "ca/settings/settings_change.hpp"
#include "ca/setup/setup.hpp"
#include "crypto/openssl/openssl.hpp"
#include "must.hpp"
#include "revocation/crl_publication.hpp"
#include "store/sqlite/sqlite.hpp"

namespace {

using namespace vouch;

constexpr const char* kName = "Bench Root";
constexpr double kBarMilliseconds = 20;

struct World {
  ca::Home home;
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();
  SystemClock clock{};
  std::unique_ptr<store::Database> database{};

  ca::Environment environment() const {
    return {home, *database, *provider, clock,
            [](std::string_view) -> Result<std::string> { return std::string(); }};
  }
};

std::unique_ptr<World> open_world(const fs::path& folder, bool create) {
  auto world = std::make_unique<World>(World{must(ca::Home::open(folder, create))});
  world->database = must(store::sqlite::open(world->home.database(), {.create = create}));
  return world;
}

Buffer serial_of(const World& world, int i) {
  Buffer serial(18, 1);
  for (std::size_t j = 0; j < 4; ++j) serial[5 - j] = static_cast<std::uint8_t>(i >> (8 * j));
  world.provider->random(std::span(serial).subspan(6));
  return serial;
}

// Certificates first to last, revoked, by the store's own interface: issuing a million takes minutes.
void revoke_some(const World& world, store::AuthorityId authority, int first, int last) {
  store::RequestRecord request;
  request.authority = authority;
  request.disposition = store::Disposition::issued;
  request.submitted_at = world.clock.now();
  store::CertificateRecord certificate;
  certificate.authority = authority;
  certificate.not_before = request.submitted_at;
  certificate.not_after = request.submitted_at + std::chrono::days(365);
  certificate.signature_algorithm = to_buffer(x509::encode(crypto::SignatureAlgorithm::ecdsa_sha256));
  certificate.tbs = Buffer(16);
  for (int done = first; done < last; done += 1000)
    must(world.database->commit([&](store::Transaction& t) -> Status {
      for (int i = done; i < std::min(done + 1000, last); ++i) {
        certificate.serial = serial_of(world, i);
        certificate.request = TRY(t.insert_request(request));
        TRY(t.insert_intent(certificate));
        TRY(t.complete_intent(certificate.request, Buffer(8)));
        TRY(t.revoke(authority, {certificate.serial, request.submitted_at, x509::CrlReason::superseded, {}}));
      }
      return ok();
    }));
}

// What the child does: as `vouch crl publish [--delta]` does it.
int publish(const fs::path& folder, bool delta) {
  const auto world = open_world(folder, false);
  const auto authority = must(ca::LocalAuthority::open(world->environment(), kName));
  const auto published = must(delta ? revocation::publish_deltas(*authority, "bench")
                                    : revocation::publish_crls(*authority, "bench"));
  std::cout << fmt::format("  {} CRL {}: {} entries, {} octets\n", delta ? "delta" : "base",
                           published[0].record.number, published[0].record.entries, published[0].record.size)
            << std::flush;
  return 0;
}

// CPU seconds of a whole process.
double run_measured(const char* program, const char* what, const std::string& folder) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl("/proc/self/exe", program, what, folder.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  ::wait4(pid, &status, 0, &usage);
  if (status != 0) must(Status(make_error(Errc::unavailable, "the publisher failed")));
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  int revoked = 1'000'000;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--publish-base") return publish(value, false);
    if (option == "--publish-delta") return publish(value, true);
    if (option == "--revoked") revoked = std::atoi(value);
    if (option == "--check") check = true;
  }
  const fs::path folder = fs::current_path() / "bench-delta-home";
  fs::remove_all(folder);
  store::AuthorityId id = 0;
  {
    const auto world = open_world(folder, true);
    ca::InitOptions options;
    options.name = kName;
    options.kind = store::AuthorityKind::root;
    options.administrator = "bench";
    id = must(ca::init(world->environment(), options)).record.id;
    (void)must(ca::change_settings(world->environment(), kName,
                                   {.actor = "bench",
                                    .action = "crl.schedule",
                                    .details = "",
                                    .apply = [](ca::AuthoritySettings& settings) {
                                      settings.delta_period = Span{0, std::chrono::hours(24)};
                                      return ok();
                                    }}));
    revoke_some(*world, id, 0, revoked);
  }
  const double base = run_measured(argv[0], "--publish-base", folder.string());
  std::vector<double> deltas;
  for (int round = 1; round <= 5; ++round) {
    revoke_some(*open_world(folder, false), id, revoked + round, revoked + round + 1);
    deltas.push_back(run_measured(argv[0], "--publish-delta", folder.string()) * 1e3);
  }
  std::ranges::sort(deltas);
  const double delta = deltas[deltas.size() / 2];
  const bool met = delta <= kBarMilliseconds;
  std::cout << fmt::format(
      "delta CRL after one revocation, {} revoked: {:.1f} ms CPU of its process (bar {:.0f}, {}); "
      "the base CRL took {:.0f} ms, {:.0f} times as much\n",
      revoked, delta, kBarMilliseconds, met ? "met" : "MISSED", base * 1e3, base * 1e3 / delta);
  fs::remove_all(folder);
  return check && !met ? 4 : 0;
}
