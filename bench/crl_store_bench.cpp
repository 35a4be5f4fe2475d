// The relying party's CRLs beside OpenSSL, and beside what the machine can do at all.
//
//   crl_store_bench [--entries N] [--check]
//
// Writes a CRL of N entries (1,250,000: 65 MB) as AD CS writes them, serials of 19 octets, reason codes,
// signed with RSA-2048. Loading it (parse, verify the signature, index, one look-up) is measured against one
// SHA-256 pass over the file and against OpenSSL's d2i_X509_CRL, X509_CRL_verify and first
// X509_CRL_get0_by_serial; then look-ups, opening the cached index, and validations of a chain of three with
// CRLs of 100,000 entries. Everything is a ratio within this run; the median of several. --check exits with 4
// when a bar is missed.

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

#include "crypto/openssl/openssl.hpp"
#include "must.hpp"
#include "relying/crl_index_file.hpp"
#include "relying/crl_store.hpp"
#include "validate/validator.hpp"

namespace {

using namespace vouch;
namespace oid = x509::oid;
using x509::SignatureAlgorithm;

void require(bool good, const char* what) {
  if (good) return;
  std::cerr << "error: " << what << "\n";
  std::exit(1);
}

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
double wall() { return seconds(CLOCK_MONOTONIC); }
double cpu() { return seconds(CLOCK_THREAD_CPUTIME_ID); }
double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}
// What one thread does is measured in its CPU time: a busy machine changes the ratios less then, though it
// still takes its share of the caches and of the memory.
template <class Act>
double timed(Act&& act, double (*clock)() = cpu) {
  const double start = clock();
  act();
  return clock() - start;
}

// Bars of this run.
struct Report {
  bool all_met = true;
  void bar(const std::string& what, double value, double limit, bool at_most) {
    const bool met = at_most ? value <= limit : value >= limit;
    all_met = all_met && met;
    std::cout << fmt::format("{:66} {:8.2f}  (bar: at {} {:g}) {}\n", what, value, at_most ? "most" : "least",
                             limit, met ? "met" : "MISSED");
  }
  void say(const std::string& what, const std::string& value) {
    std::cout << fmt::format("{:66} {:>8}\n", what, value);
  }
};

// ---- What is measured on
// -------------------------------------------------------------------------------------------

const Time kNow = parse_time("2026-06-01T12:00:00Z").value();

struct Authority {
  std::string name;
  std::unique_ptr<crypto::PrivateKey> key;
  std::unique_ptr<crypto::Signer> signer;
  Buffer identifier;
  Buffer certificate;
};

Buffer name_of(const std::string& common_name) {
  return x509::encode_name(x509::make_name({{oid::kCommonName, common_name}}));
}

class World {
 public:
  explicit World(const crypto::KeySpec& keys)
      : keys_(keys), root_(authority("Root")), sub_(authority("Sub")) {
    root_.certificate = certificate(root_, root_.name, root_, true, 1);
    sub_.certificate = certificate(sub_, sub_.name, root_, true, 2);
    Authority leaf = authority("leaf");
    leaf_ = certificate(leaf, leaf.name, sub_, false, 0x7001);
  }
  const std::shared_ptr<const crypto::Provider>& provider() const { return provider_; }
  const Authority& root() const { return root_; }
  const Authority& sub() const { return sub_; }
  const Buffer& leaf() const { return leaf_; }

  // Serials of 19 octets that end with a request number, as AD CS has them.
  Buffer crl(const Authority& issuer, std::size_t entries, unsigned seed) const {
    std::mt19937_64 random(seed);
    static constexpr x509::CrlReason kReasons[] = {
        x509::CrlReason::key_compromise, x509::CrlReason::affiliation_changed, x509::CrlReason::superseded,
        x509::CrlReason::cessation_of_operation};
    const Time from = parse_time("2025-01-01").value();
    Buffer list;
    list.reserve(entries * 52);
    Buffer serial(19);
    for (std::size_t i = 0; i < entries; ++i) {
      for (auto& octet : serial) octet = static_cast<std::uint8_t>(random());
      serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);
      for (unsigned j = 0; j < 4; ++j) serial[18 - j] = static_cast<std::uint8_t>(i >> (8 * j));
      x509::append_crl_entry(
          list, {serial, from + std::chrono::seconds(random() % 40'000'000), kReasons[random() % 4], {}});
    }
    const Buffer name = name_of(issuer.name);
    x509::CrlFields fields{
        issuer.signer->algorithm(), name, kNow - std::chrono::hours(1), kNow + std::chrono::hours(168), {}};
    fields.extensions = {
        x509::make_extension(oid::kAuthorityKeyIdentifier, false,
                             x509::encode_authority_key_identifier({issuer.identifier, {}, {}})),
        x509::make_extension(oid::kCrlNumber, false, x509::encode_crl_number(7))};
    const Buffer tail = x509::encode_crl_extensions(fields);
    Buffer tbs = x509::encode_crl_head(fields, list.size(), tail.size());
    append(tbs, list);
    append(tbs, tail);
    return x509::encode_certificate(tbs, x509::encode(issuer.signer->algorithm()),
                                    must(issuer.signer->sign(tbs)));
  }

 private:
  Authority authority(const std::string& name) const {
    Authority out{name, must(provider_->generate(keys_)), nullptr, {}, {}};
    out.signer =
        must(out.key->signer(must(crypto::signature_algorithm_for(keys_, crypto::DigestAlgorithm::sha256))));
    out.identifier = must(crypto::key_identifier(*provider_, out.key->public_key_info()));
    return out;
  }
  static Buffer certificate(const Authority& subject, const std::string& name, const Authority& issuer,
                            bool ca, std::uint16_t serial) {
    Buffer extensions;
    const auto add = [&](const x509::Oid& id, bool critical, Buffer value) {
      append(extensions, x509::encode_extension(x509::make_extension(id, critical, std::move(value))));
    };
    if (ca) add(oid::kBasicConstraints, true, x509::encode_basic_constraints({true, {}}));
    add(oid::kKeyUsage, true,
        x509::encode_key_usage(ca ? std::uint16_t(x509::key_cert_sign | x509::crl_sign)
                                  : std::uint16_t(x509::digital_signature)));
    if (!ca) {
      add(oid::kExtendedKeyUsage, false, x509::encode_extended_key_usage({oid::kClientAuth}));
      add(oid::kSubjectAltName, false,
          x509::encode_general_names({x509::GeneralName::upn("alice@corp.example")}));
    }
    add(oid::kSubjectKeyIdentifier, false, x509::encode_subject_key_identifier(subject.identifier));
    add(oid::kAuthorityKeyIdentifier, false,
        x509::encode_authority_key_identifier({issuer.identifier, {}, {}}));
    const Buffer number{static_cast<std::uint8_t>(serial >> 8), static_cast<std::uint8_t>(serial)};
    const x509::TbsTemplate form(issuer.signer->algorithm(), name_of(issuer.name), {});
    const Buffer tbs = form.fill({number, kNow - std::chrono::hours(24), kNow + std::chrono::hours(24 * 300),
                                  name_of(name), subject.key->public_key_info(), extensions});
    return x509::encode_certificate(tbs, x509::encode(issuer.signer->algorithm()),
                                    must(issuer.signer->sign(tbs)));
  }

  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  crypto::KeySpec keys_;
  Authority root_, sub_;
  Buffer leaf_;
};

// Serials of the CRL in random order, or as many that it does not have. Copied in this order: a serial that
// is looked up comes from a certificate that was just read, not from memory far away.
std::vector<Buffer> some_serials(const relying::IndexedCrl& crl, std::size_t count, bool listed) {
  std::vector<Bytes> all;
  for (x509::CrlEntryReader entries(crl.head().view.entries); !entries.at_end();)
    all.push_back(must(entries.next()).serial);
  std::mt19937 random(1);
  std::ranges::shuffle(all, random);
  all.resize(std::min(all.size(), count));
  std::vector<Buffer> out;
  for (const Bytes one : all) {
    out.push_back(to_buffer(one));
    if (!listed) out.back()[3] ^= 0x55;
  }
  return out;
}

// ---- OpenSSL
// ---------------------------------------------------------------------------------------------------------

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(X509_CRL* x) const { X509_CRL_free(x); }
  void operator()(X509_STORE* x) const { X509_STORE_free(x); }
  void operator()(X509_STORE_CTX* x) const { X509_STORE_CTX_free(x); }
  void operator()(ASN1_INTEGER* x) const { ASN1_INTEGER_free(x); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<X509> peer_certificate(Bytes der) {
  const std::uint8_t* at = der.data();
  Owned<X509> out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  require(out != nullptr, "OpenSSL does not read the certificate");
  return out;
}
Owned<X509_CRL> peer_crl(Bytes der) {
  const std::uint8_t* at = der.data();
  Owned<X509_CRL> out(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
  require(out != nullptr, "OpenSSL does not read the CRL");
  return out;
}
Owned<ASN1_INTEGER> peer_serial(Bytes contents) {
  Owned<ASN1_INTEGER> out(ASN1_INTEGER_new());
  // Positive, with a first octet below 0x80.
  ASN1_STRING_set(out.get(), contents.data(), static_cast<int>(contents.size()));
  return out;
}
bool peer_lists(X509_CRL* crl, ASN1_INTEGER* serial) {
  X509_REVOKED* found = nullptr;
  return X509_CRL_get0_by_serial(crl, &found, serial) == 1;
}

Owned<X509_CRL> peer_load(const fs::path& file, Bytes issuer, Bytes serial) {
  const Buffer der = must(read_file(file));
  Owned<X509_CRL> crl = peer_crl(der);
  const Owned<X509> ca = peer_certificate(issuer);
  require(X509_CRL_verify(crl.get(), X509_get0_pubkey(ca.get())) == 1, "OpenSSL does not verify the CRL");
  require(peer_lists(crl.get(), peer_serial(serial).get()), "OpenSSL does not find the serial");
  return crl;
}

// ---- Ours
// ------------------------------------------------------------------------------------------------------------

relying::IndexedCrlPtr our_load(const crypto::Provider& provider, const fs::path& file, Bytes issuer,
                                Bytes serial, std::size_t threads) {
  auto crl =
      must(relying::build_crl_index(provider, relying::map(must(MappedFile::open(file))), "bench", threads));
  const auto ca = must(validate::Certificate::parse(provider, issuer));
  require(validate::check_signature(provider, {&ca, 1}, crl->head()) == validate::SignatureVerdict::fits,
          "the CRL's signature does not fit");
  require(must(crl->find(serial, ca->subject_key())).has_value(), "the serial is not found");
  return crl;
}

// Octets of memory, the mapped file included, that a process of its own needs at its peak beyond what it
// begins with.
double memory_of(const std::string& program, const std::string& who, const fs::path& file,
                 const fs::path& issuer, const std::string& serial) {
  int pipe_ends[2];
  require(::pipe(pipe_ends) == 0, "no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), "--memory", who.c_str(), file.c_str(), issuer.c_str(),
            serial.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe_ends[1]);
  char text[64] = {};
  require(::read(pipe_ends[0], text, sizeof text - 1) > 0, "the process that is measured said nothing");
  ::close(pipe_ends[0]);
  ::waitpid(child, nullptr, 0);
  return std::strtod(text, nullptr);
}
double status_field(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key + ":")) return std::strtod(line.c_str() + key.size() + 1, nullptr) * 1024;
  return 0;
}
int measure_memory(const std::string& who, const fs::path& file, const fs::path& issuer_file,
                   const std::string& serial) {
  const Buffer issuer = must(read_file(issuer_file)), number = must(from_hex(serial));
  const auto provider = crypto::openssl::make_provider();
  const double before = status_field("VmRSS");
  if (who == "openssl")
    (void)peer_load(file, issuer, number);
  else
    (void)our_load(*provider, file, issuer, number, 1);
  std::cout << status_field("VmHWM") - before << std::flush;
  return 0;
}

// ---- The parts
// -------------------------------------------------------------------------------------------------------

constexpr int kRounds = 7;

// A CRL of RSA-2048 in a file, and one serial that it lists.
class LargeCrl {
 public:
  LargeCrl(const fs::path& folder, std::size_t entries)
      : world_({x509::KeyType::rsa, 2048, false}), folder_(folder) {
    must(write_file_atomic(file(), world_.crl(world_.sub(), entries, 3)));
    must(write_file_atomic(issuer_file(), world_.sub().certificate));
    const auto crl = must(relying::build_crl_index(provider(), octets(), "bench", 1));
    serial_ = some_serials(*crl, 1, true)[0];
  }
  const crypto::Provider& provider() const { return *world_.provider(); }
  fs::path file() const { return folder_ / "large.crl"; }
  fs::path issuer_file() const { return folder_ / "ca.der"; }
  fs::path index_file() const { return folder_ / "large.idx"; }
  const Buffer& serial() const { return serial_; }
  relying::CrlOctets octets() const { return relying::map(must(MappedFile::open(file()))); }
  relying::IndexedCrlPtr our_load(std::size_t threads) const {
    return ::our_load(provider(), file(), world_.sub().certificate, serial_, threads);
  }
  Owned<X509_CRL> peer_load() const { return ::peer_load(file(), world_.sub().certificate, serial_); }

 private:
  World world_;
  fs::path folder_;
  Buffer serial_;
};

// Says how long it takes with one thread.
double loading(const LargeCrl& large, Report& report) {
  report.say("the CRL, MB", fmt::format("{:.1f}", static_cast<double>(fs::file_size(large.file())) / 1e6));
  std::vector<double> pass, pass_wall, one, two, peer;
  const auto hash_file = [&] {
    (void)large.provider().digest(x509::DigestAlgorithm::sha256, large.octets().bytes);
  };
  for (int round = 0; round < kRounds; ++round) {
    pass.push_back(timed(hash_file));
    one.push_back(timed([&] { (void)large.our_load(1); }));
    pass_wall.push_back(timed(hash_file, wall));
    two.push_back(timed([&] { (void)large.our_load(2); }, wall));
    if (round < 3) {
      Owned<X509_CRL> loaded;  // to free it is not part of loading
      peer.push_back(timed([&] { loaded = large.peer_load(); }));
    }
  }
  report.say("SHA-256 pass over the file, ms", fmt::format("{:.1f}", median(pass) * 1e3));
  report.bar("loading with one thread, in SHA-256 passes", median(one) / median(pass), 3, true);
  // Of two threads only the clock on the wall says how long they take; what else runs only adds to it.
  report.bar("loading with two threads, in SHA-256 passes",
             std::ranges::min(two) / std::ranges::min(pass_wall), 2, true);
  report.bar("OpenSSL's loading, in ours with one thread", median(peer) / median(one), 10, false);
  return median(one);
}

void memory(const std::string& program, const LargeCrl& large, Report& report) {
  const std::string serial = to_hex(large.serial());
  const double ours = memory_of(program, "ours", large.file(), large.issuer_file(), serial);
  const double theirs = memory_of(program, "openssl", large.file(), large.issuer_file(), serial);
  report.say("memory at the peak, MiB: ours with the mapped file, OpenSSL's",
             fmt::format("{:.0f}, {:.0f}", ours / 1048576, theirs / 1048576));
  report.bar("our memory, in OpenSSL's", ours / theirs, 0.2, true);
}

// The cached index, opened again.
relying::IndexedCrlPtr reopening(const LargeCrl& large, double building, Report& report) {
  const std::shared_ptr<const crypto::Sealer> sealer = must(large.provider().sealer(Buffer(32, 7)));
  must(relying::save_crl_index(large.provider(), *sealer, *large.our_load(1), large.index_file()));
  std::vector<double> times;
  relying::IndexedCrlPtr opened;
  for (int round = 0; round < kRounds; ++round)
    times.push_back(timed([&] {
      opened = must(
          relying::open_crl_index(large.provider(), sealer, large.octets(), large.index_file(), "bench"));
      require(must(opened->find(large.serial(), opened->head().issuer_key)).has_value(),
              "the serial is not found");
    }));
  report.say("opening the cached index and a first look-up, ms", fmt::format("{:.2f}", median(times) * 1e3));
  report.bar("opening the cached index, in building it", median(times) / building, 0.2, true);
  report.say("the index, octets an entry", fmt::format("{:.1f}", static_cast<double>(opened->index_octets()) /
                                                                     static_cast<double>(opened->entries())));
  return opened;
}

// In the mapped index with its blocks checked. First all of ours, then all of theirs: neither pushes what the
// other one needs out of the caches.
void lookups(const relying::IndexedCrl& ours, X509_CRL* theirs, bool listed, Report& report) {
  const auto serials = some_serials(ours, 100'000, listed);
  std::vector<Owned<ASN1_INTEGER>> peers;
  for (const Buffer& serial : serials) peers.push_back(peer_serial(serial));
  const auto measured = [&](auto&& all) {
    std::vector<double> times;
    for (int round = 0; round < kRounds; ++round) {
      std::size_t found = 0;
      times.push_back(timed([&] { found = all(); }));
      require(found == (listed ? serials.size() : 0), "a look-up finds something else");
    }
    return times;
  };
  const auto our_times = measured([&] {
    std::size_t found = 0;
    for (const Buffer& serial : serials) found += must(ours.find(serial, ours.head().issuer_key)).has_value();
    return found;
  });
  const auto their_times = measured([&] {
    std::size_t found = 0;
    for (const auto& serial : peers) found += peer_lists(theirs, serial.get());
    return found;
  });
  const double n = static_cast<double>(serials.size());
  const std::string_view what = listed ? "" : "not ";
  report.say(fmt::format("a look-up of what is {}listed, ns: ours, OpenSSL's", what),
             fmt::format("{:.0f}, {:.0f}", median(our_times) / n * 1e9, median(their_times) / n * 1e9));
  report.bar(fmt::format("a look-up of what is {}listed, in OpenSSL's", what),
             median(our_times) / median(their_times), 0.1, true);
}

// A chain of three, both CAs with a CRL.
void validations(const fs::path& folder, const crypto::KeySpec& keys, double bar, Report& report) {
  constexpr std::size_t kEntries = 100'000;
  const std::string what = crypto::format_key_spec(keys);
  const World world(keys);
  const auto& provider = world.provider();
  const Buffer root_crl = world.crl(world.root(), kEntries, 4), sub_crl = world.crl(world.sub(), kEntries, 5);
  const auto root = must(validate::Certificate::parse(*provider, world.root().certificate));
  const auto sub = must(validate::Certificate::parse(*provider, world.sub().certificate));

  const auto store = must(relying::CrlStore::open(provider, {.folder = folder / what}));
  for (const Buffer* crl : {&root_crl, &sub_crl})
    require(must(store->put(*crl, {"", kNow}, {.signers = {root, sub}, .now = kNow})).outcome ==
                relying::CrlPut::Outcome::added,
            "the store refuses the CRL");
  std::vector<validate::TrustAnchor> anchors(1);
  anchors[0].certificate = root;
  anchors[0].source = "bench";
  const validate::Validator validator(
      provider, std::make_shared<validate::TrustStore>(std::move(anchors), std::vector{sub}),
      std::make_shared<validate::SignatureCache>());
  validate::Profile profile;
  profile.purpose = validate::Purpose::tls_client;
  relying::StoredRevocation revocation(store, {});
  const auto ours = [&] {
    const auto decision = validator.validate(world.leaf(), {}, {kNow, profile, {}, &revocation});
    require(decision.accepted && decision.revocation.size() == 2, "the chain does not hold");
  };

  const Owned<X509_STORE> peer(X509_STORE_new());
  const Owned<X509> peer_root = peer_certificate(world.root().certificate),
                    peer_sub = peer_certificate(world.sub().certificate);
  const Owned<X509_CRL> peer_root_crl = peer_crl(root_crl), peer_sub_crl = peer_crl(sub_crl);
  X509_STORE_add_cert(peer.get(), peer_root.get());
  X509_STORE_add_crl(peer.get(), peer_root_crl.get());
  X509_STORE_add_crl(peer.get(), peer_sub_crl.get());
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  sk_X509_push(untrusted, peer_sub.get());
  const auto theirs = [&] {
    const Owned<X509> leaf = peer_certificate(world.leaf());
    const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), peer.get(), leaf.get(), untrusted);
    X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_VERIFY_PARAM_set_time(parameters, kNow.time_since_epoch().count());
    X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
    require(X509_verify_cert(context.get()) == 1, "the chain does not hold for OpenSSL");
  };

  const auto view = must(x509::parse_certificate(world.leaf()));
  const auto algorithm = must(x509::parse_signature_algorithm(view.signature_algorithm));
  const auto* verifier = must(sub->verifier(*provider));
  const auto one_signature = [&] { must(verifier->verify(algorithm, view.tbs, view.signature)); };

  ours();
  theirs();
  std::vector<double> times, their_times, signatures;
  constexpr int kMoreRounds = 15, kEach = 200;
  const auto each = [](int count, const auto& act) {
    const double start = cpu();
    for (int i = 0; i < count; ++i) act();
    return (cpu() - start) / count;
  };
  for (int round = 0; round < kMoreRounds; ++round) {
    times.push_back(each(kEach, ours));
    signatures.push_back(each(kEach, one_signature));
    their_times.push_back(each(kEach / 20, theirs));
  }
  sk_X509_free(untrusted);
  report.say(fmt::format("{}: validations a second: ours, OpenSSL's", what),
             fmt::format("{:.0f}, {:.0f}", 1 / median(times), 1 / median(their_times)));
  report.bar(fmt::format("{}: validations with CRLs, in OpenSSL's", what),
             median(their_times) / median(times), 10, false);
  report.bar(fmt::format("{}: CPU of a validation, in the one signature that is verified", what),
             median(times) / median(signatures), bar, true);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 5 && arguments[0] == "--memory")
    return measure_memory(arguments[1], arguments[2], arguments[3], arguments[4]);
  std::size_t entries = 1'250'000;
  bool check = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--check") {
      check = true;
    } else if (arguments[i] == "--entries" && i + 1 < arguments.size()) {
      entries = static_cast<std::size_t>(std::strtoull(arguments[++i].c_str(), nullptr, 10));
    } else {
      std::cerr << "usage: crl_store_bench [--entries N] [--check]\n";
      return 2;
    }
  }
  std::string name = (fs::temp_directory_path() / "crl-store-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  Report report;
  {
    const LargeCrl large(name, entries);
    const double building = loading(large, report);
    memory(fs::canonical("/proc/self/exe").string(), large, report);
    const auto opened = reopening(large, building, report);
    (void)opened->check_all(large.provider(), {});
    const Owned<X509_CRL> theirs = large.peer_load();
    for (const bool listed : {true, false}) lookups(*opened, theirs.get(), listed, report);
  }
  validations(name, {x509::KeyType::p256, 0, false}, 1.3, report);
  validations(name, {x509::KeyType::rsa, 2048, false}, 1.75, report);
  fs::remove_all(name);
  return check && !report.all_met ? 4 : 0;
}
