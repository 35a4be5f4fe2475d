// What issuing, revoking and listing cost on the SQLite backend, in CPU time of the process.
//
//   store_bench --benchmark_filter=Issue
//   VOUCH_BENCH_ROWS=1000000 store_bench     with that many certificates stored before (default: 100,000)

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "store/sqlite/sqlite.hpp"

namespace vouch::store {
namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::size_t stored_rows() {
  const char* text = std::getenv("VOUCH_BENCH_ROWS");
  return text == nullptr ? 100'000 : std::strtoull(text, nullptr, 10);
}

// Records of the sizes that an enterprise CA writes: RSA-2048 requests, P-256 signatures.
class Issuer {
 public:
  explicit Issuer(Database& database) : database_(database) {
    (void)database_.commit([&](Transaction& t) -> Status {
      authority_ = TRY(t.insert_authority(
          {0, "Bench CA", AuthorityKind::subordinate, AuthorityMode::enterprise, Time(), ""}));
      return ok();
    });
  }

  // 18 octets that rise, as ca/serial.cpp makes them.
  Buffer serial() {
    Buffer octets(18, 1);
    const std::uint64_t tick = ++count_;
    for (std::size_t i = 0; i < 5; ++i) octets[1 + i] = static_cast<std::uint8_t>(tick >> (8 * (4 - i)));
    for (std::size_t i = 6; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(random_());
    return octets;
  }
  RequestRecord request() {
    RequestRecord record;
    record.authority = authority_;
    record.disposition = Disposition::issued;
    record.submitted_at = Time(std::chrono::seconds(1'800'000'000));
    record.resolved_at = record.submitted_at;
    record.requester = "EXAMPLE\\host-" + std::to_string(count_);
    record.template_name = "WebServer";
    record.request = Buffer(900, 0x30);
    record.trace = std::string(400, 't');
    return record;
  }
  CertificateRecord certificate(RequestId id) {
    CertificateRecord record;
    record.request = id;
    record.authority = authority_;
    record.serial = serial();
    record.not_after = Time(std::chrono::seconds(1'900'000'000));
    record.subject = "CN=host-" + std::to_string(count_) + ".example.com,O=Example,C=DE";
    record.template_name = "WebServer";
    record.tbs = Buffer(1000, 0x30);
    record.signature_algorithm = Buffer(12, 0x30);
    return record;
  }

  Status intend(Transaction& t, std::vector<CertificateRecord>& out) {
    CertificateRecord record = certificate(TRY(t.insert_request(request())));
    TRY(t.insert_intent(record));
    out.push_back(std::move(record));
    return ok();
  }
  // One group of `size` certificates through both durable steps.
  std::vector<CertificateRecord> issue(std::size_t size) {
    std::vector<CertificateRecord> issued;
    auto first = database_.commit([&](Transaction& t) -> Status {
      for (std::size_t i = 0; i < size; ++i) TRY(intend(t, issued));
      return ok();
    });
    auto second = database_.commit([&](Transaction& t) -> Status {
      for (const CertificateRecord& record : issued) TRY(t.complete_intent(record.request, Buffer(71, 0x30)));
      return ok();
    });
    if (!first || !second) std::abort();
    return issued;
  }
  AuthorityId authority() const { return authority_; }

 private:
  Database& database_;
  AuthorityId authority_ = 0;
  std::uint64_t count_ = 0;
  std::mt19937 random_{7};
};

// One file for all benchmarks that want rows stored; made once.
struct Filled {
  fs::path folder;
  std::unique_ptr<Database> database;
  std::unique_ptr<Issuer> issuer;
  std::vector<Buffer> serials;

  explicit Filled(std::size_t rows) {
    const char* where = std::getenv("TMPDIR");
    std::string name = std::string(where == nullptr ? "/tmp" : where) + "/store_bench.XXXXXX";
    folder = ::mkdtemp(name.data());
    database = std::move(*sqlite::open(folder / "vouch.db"));
    issuer = std::make_unique<Issuer>(*database);
    while (serials.size() < rows)
      for (const CertificateRecord& record : issuer->issue(256)) serials.push_back(record.serial);
  }
  ~Filled() {
    database.reset();
    fs::remove_all(folder);
  }
};

Filled& filled() {
  static Filled instance(stored_rows());
  return instance;
}

void report(benchmark::State& state, double cpu, std::size_t certificates) {
  state.counters["cpu_us_per_cert"] = cpu * 1e6 / static_cast<double>(certificates);
  state.SetItemsProcessed(static_cast<std::int64_t>(certificates));
}

// Two-phase issuance, one Work a phase, on an empty or a filled database.
void issue_in(benchmark::State& state, Issuer& issuer) {
  const auto group = static_cast<std::size_t>(state.range(0));
  std::size_t certificates = 0;
  const double before = cpu_seconds();
  for (auto _ : state) {
    issuer.issue(group);
    certificates += group;
  }
  report(state, cpu_seconds() - before, certificates);
}
void IssueEmpty(benchmark::State& state) {
  Filled empty(0);
  issue_in(state, *empty.issuer);
}
void IssueFilled(benchmark::State& state) { issue_in(state, *filled().issuer); }

// Two-phase issuance by threads that each issue one certificate at a time and so share commits.
void IssueThreads(benchmark::State& state) {
  Filled empty(0);
  const auto threads = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t kEach = 50;
  std::size_t certificates = 0;
  const double before = cpu_seconds();
  for (auto _ : state) {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < threads; ++i)
      workers.emplace_back([&] {
        for (std::size_t n = 0; n < kEach; ++n) {
          std::vector<CertificateRecord> issued;
          auto first =
              empty.database->commit([&](Transaction& t) { return empty.issuer->intend(t, issued); });
          auto second = empty.database->commit(
              [&](Transaction& t) { return t.complete_intent(issued.front().request, Buffer(71, 0x30)); });
          if (!first || !second) std::abort();
        }
      });
    workers.clear();
    certificates += threads * kEach;
  }
  report(state, cpu_seconds() - before, certificates);
}

void SnapshotAndOneQuery(benchmark::State& state) {
  Filled& store = filled();
  std::size_t next = 0;
  for (auto _ : state) {
    next = (next + 7919) % store.serials.size();
    auto snapshot = store.database->snapshot();
    benchmark::DoNotOptimize((*snapshot)->certificate(store.serials[next]));
  }
}

void SnapshotAfterACommit(benchmark::State& state) {
  Filled& store = filled();
  std::uint64_t number = 0;
  double spent = 0;
  for (auto _ : state) {
    (void)store.database->commit([&](Transaction& t) {
      return t.update_settings(store.issuer->authority(), std::to_string(++number));
    });
    const double before = cpu_seconds();
    auto snapshot = store.database->snapshot();
    benchmark::DoNotOptimize((*snapshot)->authority("Bench CA"));
    spent += cpu_seconds() - before;
  }
  state.counters["cpu_us_per_snapshot"] = spent * 1e6 / static_cast<double>(state.iterations());
}

// Revokes everything that is stored, in random order, then walks it as a CRL does.
void RevokeThenWalk(benchmark::State& state) {
  Filled& store = filled();
  std::shuffle(store.serials.begin(), store.serials.end(), std::mt19937(3));
  for (auto _ : state) {
    double before = cpu_seconds();
    for (std::size_t i = 0; i < store.serials.size(); i += 1000)
      (void)store.database->commit([&](Transaction& t) -> Status {
        for (std::size_t k = i; k < std::min(i + 1000, store.serials.size()); ++k)
          (void)t.revoke(store.issuer->authority(),
                         {store.serials[k], Time(std::chrono::seconds(1'800'000'000)),
                          x509::CrlReason::superseded, std::nullopt});
        return ok();
      });
    state.counters["revoke_us_each"] =
        (cpu_seconds() - before) * 1e6 / static_cast<double>(store.serials.size());
    before = cpu_seconds();
    auto snapshot = store.database->snapshot();
    std::size_t entries = 0, octets = 0;
    (void)(*snapshot)->for_each_revoked(store.issuer->authority(), 0, Time(),
                                        [&](const Snapshot::RevokedEntry& entry) {
                                          ++entries;
                                          octets += entry.serial.size();
                                          return ok();
                                        });
    const double spent = cpu_seconds() - before;
    benchmark::DoNotOptimize(octets);
    state.counters["walked"] = static_cast<double>(entries);
    state.counters["walk_s"] = spent;
  }
}

BENCHMARK(IssueEmpty)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(IssueThreads)->Arg(8)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(IssueFilled)->Arg(1)->Arg(16)->Arg(64)->Arg(256)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(SnapshotAndOneQuery);
BENCHMARK(SnapshotAfterACommit)->Iterations(2000);
BENCHMARK(RevokeThenWalk)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vouch::store
