// Random histories of a CA. After every publication, whoever reads a base CRL and the delta CRL that goes
// with it knows exactly who is revoked and not expired; numbers only rise; whatever came between.

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "ca/backup/backup.hpp"
#include "ca/backup/maintenance.hpp"
#include "ca/serial.hpp"
#include "ca/settings/settings_change.hpp"
#include "ca/setup/renewal.hpp"
#include "ca/test_fixture.hpp"
#include "revocation/crl_publication.hpp"
#include "store/memory/memory.hpp"
#include "x509/crl.hpp"

namespace vouch::revocation {
namespace {

using x509::CrlReason;

// --- what a relying party makes of CRLs, after RFC 5280 5.2.4 ---

struct Crl {
  std::uint64_t number = 0, base_number = 0;  // base_number: 0 in a base CRL
  Time this_update{}, next_update{};
  std::map<Buffer, CrlReason> entries;
};

std::uint64_t number_of(const x509::CrlView& crl, const x509::Oid& id) {
  const auto* extension = crl.find(id);
  std::uint64_t value = 0;
  if (extension == nullptr) return value;
  const auto number_octets = x509::parse_crl_number(extension->value).value();
  for (const std::uint8_t octet : number_octets) value = value << 8 | octet;
  return value;
}

Crl read_crl(const fs::path& file) {
  const Buffer der = read_file(file).value();
  const auto view = x509::parse_crl(der).value();
  Crl crl{number_of(view, x509::oid::kCrlNumber),
          number_of(view, x509::oid::kDeltaCrlIndicator),
          view.this_update,
          *view.next_update,
          {}};
  for (x509::CrlEntryReader reader(view.entries); !reader.at_end();) {
    const auto entry = reader.next().value();
    const auto reason = x509::parse_crl_entry_extensions(entry.extensions_der)->reason;
    const bool is_new =
        crl.entries
            .emplace(to_buffer(x509::serial_octets(entry.serial)), reason.value_or(CrlReason::unspecified))
            .second;
    EXPECT_TRUE(is_new) << "an entry twice";
  }
  return crl;
}

// Base ∪ delta; the base alone where the delta does not go with it.
std::map<Buffer, CrlReason> combined(const Crl& base, const Crl& delta) {
  std::map<Buffer, CrlReason> all = base.entries;
  if (delta.base_number > base.number || delta.number <= base.number) return all;
  for (const auto& [serial, reason] : delta.entries)
    if (reason == CrlReason::remove_from_crl)
      all.erase(serial);
    else
      all[serial] = reason;
  return all;
}

// --- the CA, and what the test knows about its certificates ---

struct Known {
  std::uint16_t key_index = 0;
  Time not_after{};
  std::optional<CrlReason> revoked;
  std::uint32_t shard = 0;
};

struct Case {
  unsigned seed = 0;
  bool sqlite = false, from_oldest_base = false;
  bool sharded = false;  // and the number of shards changes on the way
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << "seed " << c.seed << (c.sqlite ? " on sqlite" : " in memory")
       << (c.from_oldest_base ? ", deltas from the oldest base" : "") << (c.sharded ? ", sharded" : "");
}

class HistoryTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr const char* kName = "History CA";

  void SetUp() override {
    database_ = open_database();
    ca::InitOptions options;
    options.name = kName;
    options.kind = store::AuthorityKind::root;
    options.administrator = "test";
    ASSERT_TRUE(ca::init(environment(), options));
    fs::create_directory(other());
    const auto set = ca::change_settings(
        environment(), kName,
        {.actor = "test", .action = "test.set", .details = "", .apply = [&](ca::AuthoritySettings& s) {
           s.crl_period = Span{0, std::chrono::days(7)};
           s.crl_overlap = Span{};
           s.delta_period = Span{0, std::chrono::hours(8)};
           s.delta_from_oldest_base = GetParam().from_oldest_base;
           s.cdp.push_back({65, (other() / "%3%8%9.crl").string()});
           if (GetParam().sharded) {
             s.cdp.push_back({6, "http://pki.example/%3%8%9.crl"});
             s.crl_shards = 3;
           }
           return ok();
         }});
    ASSERT_TRUE(set) << set.error().report();
    open_authority();
  }

  std::unique_ptr<store::Database> open_database() {
    return GetParam().sqlite ? store::sqlite::open(home_.database()).value() : store::memory::open();
  }
  ca::Environment environment() {
    return {home_, *database_, *provider_, clock_,
            [](std::string_view) -> Result<std::string> { return make_error(Errc::denied, "none"); }};
  }
  void open_authority() {
    auto authority = ca::LocalAuthority::open(environment(), kName);
    ASSERT_TRUE(authority) << authority.error().report();
    authority_ = std::move(*authority);
  }
  fs::path backup_file() const { return folder_.path() / "backup"; }
  fs::path other() const { return home_.folder() / "other"; }
  std::string suffix(std::uint16_t key_index) const {
    return key_index == 0 ? "" : "(" + std::to_string(key_index) + ")";
  }
  // One list of one key: what a relying party keeps apart.
  using List = std::pair<std::uint16_t, std::uint32_t>;
  fs::path file(const List& list, bool delta) const {
    const std::string shard = list.second == 0 ? "" : "~" + std::to_string(list.second);
    return home_.published() / (kName + suffix(list.first) + shard + (delta ? "+" : "") + ".crl");
  }

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_()) % limit; }

  // --- steps ---

  // The rows of a certificate; what the CA decides about requests is tested elsewhere.
  void issue() {
    Buffer serial(18, 1);
    for (std::size_t i = 0; i < 4; ++i)
      serial[14 + i] = static_cast<std::uint8_t>(certificates_.size() >> (24 - 8 * i));
    const std::uint16_t key_index = authority_->current().generation.key_index;
    const Time not_after = clock_.now() + std::chrono::hours(1 + below(24 * 40));
    const std::uint32_t shard = ca::shard_of(serial, authority_->settings().crl_shards);
    ASSERT_TRUE(database_->commit([&](store::Transaction& t) -> Status {
      store::RequestRecord request;
      request.authority = authority_->record().id;
      request.disposition = store::Disposition::issued;
      store::CertificateRecord certificate;
      certificate.request = TRY(t.insert_request(request));
      certificate.authority = request.authority;
      certificate.key_index = key_index;
      certificate.serial = serial;
      certificate.shard = shard;
      certificate.not_before = clock_.now();
      certificate.not_after = not_after;
      const ca::CaKey& key = authority_->current();
      const x509::TbsTemplate encoder(key.signer->algorithm(), key.subject, key.issued_extensions);
      certificate.tbs =
          encoder.fill({serial, clock_.now(), not_after, key.subject, key.signer->public_key_info(), {}});
      certificate.signature_algorithm = to_buffer(x509::encode(key.signer->algorithm()));
      TRY(t.insert_intent(certificate));
      return t.complete_intent(certificate.request, Buffer(8, 1));
    }));
    certificates_[serial] = {key_index, not_after, std::nullopt, shard};
  }

  // One of the certificates for which `fits` holds, or none. The younger ones come more often.
  template <class Fits>
  Known* pick(Buffer& serial, Fits fits) {
    std::vector<std::pair<const Buffer, Known>*> candidates;
    for (auto& entry : certificates_)
      if (entry.second.not_after >= purged_before_ && fits(entry.second)) candidates.push_back(&entry);
    if (candidates.empty()) return nullptr;
    auto* chosen =
        candidates[candidates.size() - 1 -
                   below(static_cast<std::uint32_t>(std::min<std::size_t>(candidates.size(), 40)))];
    serial = chosen->first;
    return &chosen->second;
  }
  void revoke(CrlReason reason) {
    Buffer serial;
    Known* known = pick(serial, [&](const Known& k) {
      return !k.revoked ||
             (*k.revoked == CrlReason::certificate_hold && reason != CrlReason::certificate_hold);
    });
    if (!known) return;
    const Status done = authority_->revoke({serial, reason, {}}, "test");
    ASSERT_TRUE(done) << done.error().report();
    known->revoked = reason;
  }
  void release() {
    Buffer serial;
    Known* known = pick(serial, [](const Known& k) { return k.revoked == CrlReason::certificate_hold; });
    if (!known) return;
    ASSERT_TRUE(authority_->release(serial, "test"));
    known->revoked.reset();
  }
  void break_or_mend_the_other_place() {
    const fs::path away = home_.folder() / "away";
    if (fs::exists(away))
      fs::rename(away, other());
    else
      fs::rename(other(), away);
  }
  void restart() {
    authority_.reset();
    if (GetParam().sqlite) {
      database_.reset();
      database_ = open_database();
    }
    open_authority();
  }

  void change_the_number_of_shards() {
    const std::uint32_t shards = 1 + below(5);
    const auto set = ca::change_settings(
        environment(), kName,
        {.actor = "test", .action = "test.set", .details = "", .apply = [&](ca::AuthoritySettings& s) {
           s.crl_shards = shards;
           return ok();
         }});
    ASSERT_TRUE(set) << set.error().report();
    ASSERT_TRUE(authority_->refresh());
  }

  void renew() {
    if (renewals_ == 5) return;
    ca::RenewOptions options;
    options.new_key = below(2) == 0;
    options.administrator = "test";
    const auto renewed = ca::renew(environment(), kName, options);
    ASSERT_TRUE(renewed) << renewed.error().report();
    ++renewals_;
    open_authority();
  }

  void purge() {
    ca::PurgeOptions options;
    options.expired_before = clock_.now();
    options.administrator = "test";
    const auto purged = ca::purge(environment(), authority_->record().id, options);
    ASSERT_TRUE(purged) << purged.error().report();
    ++purges_;
    purged_before_ = clock_.now();
    // Only a database that still has what the backup has can be replayed onto it.
    fs::remove(backup_file());
  }

  // A backup, and later the home as it was then: the CA refuses to publish backwards until the newer database
  // is replayed, and then knows everything again.
  void back_up_or_restore() {
    if (!GetParam().sqlite) return;
    const fs::path archive = backup_file();
    const auto open = [](const fs::path& file, bool create) {
      return store::sqlite::open(file, {.create = create});
    };
    if (!fs::exists(archive)) {
      ca::BackupOptions options;
      options.administrator = "test";
      const auto done = ca::backup(environment(), archive, options, open);
      ASSERT_TRUE(done) << done.error().report();
      return;
    }
    authority_.reset();
    database_.reset();
    ca::RestoreOptions options;
    options.replace = true;
    options.administrator = "test";
    const auto restored = ca::restore(archive, home_, options, *provider_, clock_, open);
    ASSERT_TRUE(restored) << restored.error().report();
    fs::remove(archive);
    database_ = open_database();
    open_authority();
    if (!authority_->fence_status()) {
      EXPECT_FALSE(publish_crls(*authority_, "test")) << "the world has seen more than this database knows";
      ca::ReplayOptions replay;
      replay.administrator = "test";
      const auto replayed =
          ca::replay(environment(), restored->put_aside / home_.database().filename(), replay, open);
      ASSERT_TRUE(replayed) << replayed.error().report();
      open_authority();
      ++replays_;
    }
    ASSERT_TRUE(authority_->fence_status());
  }

  // --- what must hold after each publication ---

  void check(const std::vector<Published>& published) {
    note_numbers(published);
    std::set<List> lists;
    for (const Published& crl : published) lists.emplace(crl.record.key_index, crl.record.shard);
    for (const List& key : lists) {
      SCOPED_TRACE(testing::Message() << "key " << key.first << ", shard " << key.second);
      if (!fs::exists(file(key, false))) continue;
      const Crl base = read_crl(file(key, false));
      auto& bases = bases_[key];
      if (bases.empty() || bases.back().number != base.number) {
        EXPECT_TRUE(bases.empty() || base.number > bases.back().number) << "numbers go back";
        bases.push_back(base);
      }
      if (!fs::exists(file(key, true))) continue;
      const Crl delta = read_crl(file(key, true));
      EXPECT_GE(delta.number, last_delta_[key]) << "numbers go back";
      last_delta_[key] = delta.number;
      EXPECT_NE(delta.number, base.number);
      // With the newest base, and with every other one that the delta goes with: clients keep what is valid.
      for (const Crl& known : bases)
        if (known.number == base.number ||
            (known.number >= delta.base_number && known.next_update >= clock_.now()))
          expect_truth(key, known, combined(known, delta), known.number == base.number);
      checks_ += 1;
    }
  }

  // `shown` is exactly who is revoked and not expired; expired ones may stand on it for one last time.
  void expect_truth(const List& list, const Crl& base, const std::map<Buffer, CrlReason>& shown,
                    bool newest) {
    SCOPED_TRACE(testing::Message() << "base CRL " << base.number);
    for (const auto& [serial, known] : certificates_) {
      if (!is_on(list, known) || !known.revoked || known.not_after < clock_.now()) continue;
      const auto found = shown.find(serial);
      ASSERT_NE(found, shown.end()) << to_hex(serial) << " is revoked and stands nowhere";
      ASSERT_EQ(found->second, *known.revoked) << to_hex(serial);
    }
    for (const auto& [serial, reason] : shown) {
      const auto found = certificates_.find(serial);
      ASSERT_NE(found, certificates_.end());
      ASSERT_TRUE(is_on(list, found->second)) << to_hex(serial) << " belongs on another list";
      ASSERT_TRUE(found->second.revoked) << to_hex(serial) << " is not revoked";
      if (found->second.not_after >= clock_.now()) {
        ASSERT_EQ(*found->second.revoked, reason) << to_hex(serial);
        continue;
      }
      if (!newest) continue;
      const auto& bases = bases_[list];
      const Time last_chance = bases.size() < 2 ? base.this_update : bases[bases.size() - 2].this_update;
      ASSERT_GE(found->second.not_after, last_chance) << to_hex(serial) << " had its last appearance";
    }
  }

  static bool is_on(const List& list, const Known& known) {
    return known.key_index == list.first && (list.second == 0 || known.shard == list.second);
  }

  void note_numbers(const std::vector<Published>& published) {
    for (const Published& crl : published) {
      EXPECT_GT(crl.record.number, last_number_) << "numbers go back";
      last_number_ = crl.record.number;
    }
  }

  void publish(std::uint32_t what) {
    if (what < 6) {
      auto deltas = publish_deltas(*authority_, "test");
      if (bases_.empty()) {
        EXPECT_FALSE(deltas);
        return;
      }
      ASSERT_TRUE(deltas) << deltas.error().report();
      check(*deltas);
    } else if (what < 9) {
      auto report = publish_due(*authority_);
      ASSERT_TRUE(report) << report.error().report();
      check(report->published);
    } else {
      auto crls = publish_crls(*authority_, "test");
      ASSERT_TRUE(crls) << crls.error().report();
      check(*crls);
    }
  }

  void step() {
    const std::uint32_t what = below(100);
    if (what < 30) return issue();
    if (what < 45) {
      constexpr CrlReason kReasons[] = {CrlReason::unspecified, CrlReason::key_compromise,
                                        CrlReason::superseded, CrlReason::cessation_of_operation,
                                        CrlReason::privilege_withdrawn};
      return revoke(kReasons[below(5)]);
    }
    if (what < 57) return revoke(CrlReason::certificate_hold);
    if (what < 66) return release();
    if (what < 76)
      return clock_.advance(std::chrono::minutes(1 + below(below(4) == 0 ? 5 * 24 * 60 : 12 * 60)));
    if (what < 78) return break_or_mend_the_other_place();
    if (what < 79) return restart();
    if (what < 80) return below(2) == 0 ? renew() : back_up_or_restore();
    if (what < 81 && below(2) == 0) return purge();
    if (GetParam().sharded && below(20) == 0) return change_the_number_of_shards();
    publish(below(12));
  }

  std::mt19937 random_{GetParam().seed};
  ca::TemporaryFolder folder_;
  ca::Home home_ = ca::Home::open(folder_.path() / "home", true).value();
  std::shared_ptr<const crypto::Provider> provider_ = crypto::openssl::make_provider();
  ManualClock clock_{ca::kTestNow};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<ca::LocalAuthority> authority_;
  std::map<Buffer, Known> certificates_;
  std::map<List, std::vector<Crl>> bases_;  // every base that was published, oldest first
  std::map<List, std::uint64_t> last_delta_;
  std::uint64_t last_number_ = 0;
  std::size_t checks_ = 0;
  int renewals_ = 0, replays_ = 0, purges_ = 0;
  Time purged_before_{};
};

TEST_P(HistoryTest, BaseAndDeltaTogetherAlwaysTellTheTruth) {
  constexpr int kSteps = 1200;
  for (int i = 0; i < kSteps; ++i) {
    step();
    if (HasFailure()) FAIL() << "step " << i << " of " << testing::PrintToString(GetParam());
  }
  // The history went where it matters.
  EXPECT_GT(checks_, 100u);
  const std::vector<Crl>& complete = bases_[List(0, 0)];
  EXPECT_GT(complete.size(), 20u);
  const auto snapshot = std::move(database_->snapshot().value());
  std::size_t deltas_with_entries = 0, expired = 0;
  for (const auto& [serial, known] : certificates_)
    expired += known.not_after < clock_.now() && known.revoked ? 1u : 0u;
  const auto stored_crls = snapshot->crls(authority_->record().id).value();
  for (const store::CrlRecord& crl : stored_crls)
    deltas_with_entries += crl.delta && crl.entries != 0 ? 1u : 0u;
  EXPECT_GT(deltas_with_entries, 50u);
  EXPECT_GE(renewals_, 2);
  EXPECT_GT(purges_, 0);
  EXPECT_TRUE(!GetParam().sqlite || replays_ > 0);
  EXPECT_GT(bases_.size(), GetParam().sharded ? 8u : 1u) << "keys and shards";
  EXPECT_GT(expired, 50u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryTest,
                         testing::Values(Case{1, false, false}, Case{2, false, true}, Case{3, false, false},
                                         Case{4, false, true}, Case{5, true, false}, Case{6, true, true},
                                         Case{7, false, false, true}, Case{8, false, true, true},
                                         Case{9, true, false, true}),
                         [](const auto& test) {
                           return fmt::format("Seed{}{}{}{}", test.param.seed,
                                              test.param.sqlite ? "Sqlite" : "Memory",
                                              test.param.from_oldest_base ? "OldestBase" : "NewestBase",
                                              test.param.sharded ? "Sharded" : "");
                         });

}  // namespace
}  // namespace vouch::revocation
