#include "relying/crl_store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "validate/test_pki.hpp"
#include "validate/validator.hpp"

namespace vouch::relying {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using validate::FindingId;
using validate::test::kNow;
using validate::test::TestPki;
using x509::CrlReason;
namespace oid = x509::oid;
using Outcome = CrlPut::Outcome;

constexpr const char* kUrl = "http://pki.example.test/ca.crl";

class CrlStoreTest : public testing::Test {
 protected:
  CrlStoreTest() {
    std::string name = (fs::temp_directory_path() / "vouch-crls-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    ca_ = pki_.ca("CA", "Root");
  }
  ~CrlStoreTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  std::shared_ptr<CrlStore> open() const {
    return CrlStore::open(pki_.provider(), {.folder = folder_}).value();
  }
  Buffer crl(std::uint64_t number, std::vector<std::pair<std::uint64_t, CrlReason>> revoked = {}) {
    return of({.issuer = "CA", .number = number, .revoked = std::move(revoked)});
  }
  Buffer delta(std::uint64_t number, std::uint64_t base,
               std::vector<std::pair<std::uint64_t, CrlReason>> revoked) {
    return of(
        {.issuer = "CA",
         .number = number,
         .revoked = std::move(revoked),
         .extensions = {x509::make_extension(oid::kDeltaCrlIndicator, true, x509::encode_crl_number(base))}});
  }
  Buffer of(const TestPki::CrlSpec& spec) { return to_buffer(pki_.crl(spec)->head().view.whole); }

  CrlTerms terms() const { return {.signers = {ca_}, .now = kNow}; }
  CrlPut put(CrlStore& store, const Buffer& der, const std::string& url = kUrl) const {
    auto put = store.put(der, {.url = url, .fetched_at = kNow}, terms());
    EXPECT_TRUE(put) << put.error().report();
    return put ? *std::move(put) : CrlPut{};
  }
  // What came of it, in one word, and the reason of a refusal.
  std::string said(const Result<CrlPut>& put) const {
    if (!put) return "error: " + put.error().summary();
    switch (put->outcome) {
      case Outcome::added:
        return "added";
      case Outcome::replaced:
        return "replaced";
      case Outcome::unchanged:
        return "unchanged";
      case Outcome::refused:
        break;
    }
    return put->finding
               ? fmt::format("{}: {}", validate::kind_of(put->finding->id).id, message_of(*put->finding))
               : "refused without a reason";
  }
  std::string said(CrlStore& store, const Buffer& der) const {
    return said(store.put(der, {kUrl, kNow}, terms()));
  }
  std::vector<std::string> files(std::string_view suffix) const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().string().ends_with(suffix)) out.push_back(entry.path().string());
    return out;
  }
  void damage(const std::string& file, std::size_t at) const {
    Buffer octets = read_file(file).value();
    octets[at % octets.size()] ^= 0x40;
    ASSERT_TRUE(write_file_atomic(file, octets));
  }

  TestPki pki_;
  validate::CertificatePtr ca_;
  fs::path folder_;
};

TEST_F(CrlStoreTest, KeepsACrlAndFindsItAgain) {
  const Buffer der = crl(5, {{7, CrlReason::key_compromise}});
  const auto store = open();
  const CrlPut put =
      store->put(der, {kUrl, kNow, "\"abc\"", "Mon, 01 Jun 2026 00:00:00 GMT"}, terms()).value();
  EXPECT_EQ(put.outcome, Outcome::added);
  EXPECT_FALSE(put.finding);
  for (const auto& again : {store, open()}) {
    const auto from = again->from_url(kUrl);
    ASSERT_TRUE(from);
    EXPECT_EQ(from->issuer, "CN=CA");
    EXPECT_EQ(from->key_identifier, to_hex(*ca_->subject_key_identifier));
    EXPECT_EQ(from->highest_number, "05");
    EXPECT_EQ(from->octets, der.size());
    EXPECT_EQ(from->entries, 1U);
    EXPECT_EQ(from->this_update, parse_time("2026-06-01").value());
    EXPECT_EQ(from->next_update, parse_time("2026-06-08").value());
    EXPECT_EQ(from->origin, (CrlOrigin{kUrl, kNow, "\"abc\"", "Mon, 01 Jun 2026 00:00:00 GMT"}));
    EXPECT_FALSE(from->delta || from->damaged);
    ASSERT_NE(from->crl, nullptr);
    EXPECT_TRUE(equal(from->crl->head().view.whole, der));
    EXPECT_EQ(from->crl->find(Buffer{7}, ca_->subject_key()).value()->reason, CrlReason::key_compromise);
    EXPECT_EQ(again->of_issuer(ca_->subject_key())->size(), 1U);
    EXPECT_TRUE(again->of_issuer("nobody")->empty());
    EXPECT_FALSE(again->from_url("http://pki.example.test/other.crl"));
    EXPECT_EQ(again->list().size(), 1U);
  }
}

// The version rule of a line, in one long story.
TEST_F(CrlStoreTest, NumbersOnlyRise) {
  auto store = open();
  const Buffer five = crl(5), six = crl(6), other_six = crl(6, {{1, CrlReason::unspecified}});
  const Buffer large = crl(0xffffffffffffffff);
  EXPECT_EQ(said(*store, five), "added");
  EXPECT_EQ(said(*store, five), "unchanged");
  EXPECT_EQ(said(*store, six), "replaced");
  EXPECT_THAT(said(*store, other_six), HasSubstr("crl.unusable")) << "the same number, other octets";
  EXPECT_THAT(said(*store, other_six), HasSubstr("another CRL had its number 06"));
  EXPECT_THAT(said(*store, five), HasSubstr("its number 05 is lower than 06"));
  EXPECT_EQ(store->from_url(kUrl)->highest_number, "06");
  // Across a restart, a cleared cache, and both.
  EXPECT_THAT(said(*open(), five), HasSubstr("lower than 06"));
  EXPECT_EQ(store->clear().value(), 1U);
  EXPECT_FALSE(store->from_url(kUrl));
  EXPECT_EQ(store->list().at(0).highest_number, "06");
  EXPECT_EQ(store->list().at(0).octets, 0U);
  EXPECT_TRUE(files(".crl").empty() && files(".idx").empty());
  store = open();
  EXPECT_THAT(said(*store, five), HasSubstr("lower than 06"));
  EXPECT_THAT(said(*store, other_six), HasSubstr("another CRL"));
  EXPECT_EQ(said(*store, six), "added") << "the very CRL with the highest number may come back";
  EXPECT_EQ(said(*store, large), "replaced");
  EXPECT_THAT(said(*store, six), HasSubstr("lower than ffffffffffffffff"));
  // A CA from its backup: the line begins anew.
  ASSERT_TRUE(store->forget(store->list().at(0).line));
  EXPECT_TRUE(store->list().empty());
  EXPECT_EQ(said(*store, five), "added");
  EXPECT_EQ(store->forget("00000000000000000000000000000000").error().code(), Errc::not_found);
}

TEST_F(CrlStoreTest, KeysScopesAndDeltasHaveLinesOfTheirOwn) {
  const auto store = open();
  EXPECT_EQ(said(*store, crl(50)), "added");
  EXPECT_EQ(said(*store, delta(51, 50, {})), "added");
  x509::IssuingDistributionPoint point;
  point.only_ca_certs = true;
  EXPECT_EQ(said(*store,
                 of({.issuer = "CA",
                     .number = 2,
                     .extensions = {x509::make_extension(oid::kIssuingDistributionPoint, true,
                                                         x509::encode_issuing_distribution_point(point))}})),
            "added");
  const auto renewed = pki_.make({.subject = "CA", .key = "CA new", .issuer = "Root"});
  const Buffer by_new_key = of({.issuer = "CA", .signed_by = "CA new", .number = 1});
  EXPECT_EQ(said(store->put(by_new_key, {"", kNow}, {.signers = {ca_, renewed}, .now = kNow})), "added");
  EXPECT_EQ(store->list().size(), 4U);
  EXPECT_EQ(store->of_issuer(ca_->subject_key())->size(), 4U);
  EXPECT_EQ(store->stored_of(ca_->subject_key()).size(), 4U);
}

TEST_F(CrlStoreTest, RefusesWithTheReason) {
  const auto store = open();
  EXPECT_EQ(said(*store, crl(9)), "added");
  EXPECT_THAT(said(*store, to_buffer(as_bytes("<html>sorry</html>"))), HasSubstr("crl.malformed"));
  Buffer cut = crl(10);
  cut.pop_back();
  EXPECT_THAT(said(*store, cut), HasSubstr("crl.malformed"));
  Buffer changed = crl(10, {{7, CrlReason::superseded}});
  changed.back() ^= 1;
  EXPECT_THAT(said(*store, changed), HasSubstr("crl.signature"));
  EXPECT_THAT(said(*store, of({.issuer = "CA", .signed_by = "Other", .number = 10})),
              HasSubstr("The expected SubjectKeyIdentifier " + to_hex(*ca_->subject_key_identifier)));
  EXPECT_THAT(said(*store, of({.issuer = "CA", .number = 10, .key_identifier = false})),
              HasSubstr("CRL's AuthorityKeyIdentifier ."));
  EXPECT_THAT(said(*store, of({.issuer = "Other", .number = 10})),
              HasSubstr("no certificate of the CRL issuer"));
  const auto no_signing = pki_.make({.subject = "CA", .issuer = "Root", .usage = x509::key_cert_sign});
  EXPECT_THAT(said(store->put(crl(10), {kUrl, kNow}, {.signers = {no_signing}, .now = kNow})),
              HasSubstr("ca.no_crl_signing"));
  EXPECT_THAT(said(*store, of({.issuer = "CA", .number = 10, .this_update = kNow + std::chrono::seconds(1)})),
              HasSubstr("crl.not_yet_valid"));
  const x509::Extension unknown{oid::kSubjectAltName, true, {5, 0}};
  EXPECT_THAT(said(*store, of({.issuer = "CA", .number = 10, .extensions = {unknown}})),
              HasSubstr("crl.unusable"));
  auto with_objection = terms();
  with_objection.objection = [](const validate::CrlHead& head) -> std::optional<validate::Finding> {
    return validate::Finding{FindingId::crl_delta_missing, -1, {{"type", head.issuer_text}}};
  };
  EXPECT_THAT(said(store->put(crl(10), {kUrl, kNow}, with_objection)), HasSubstr("segments for CN=CA"));
  auto lax = terms();
  lax.require_key_identifier = false;
  EXPECT_EQ(said(store->put(of({.issuer = "CA", .number = 10, .key_identifier = false}), {"", kNow}, lax)),
            "added");
  // What was there has stayed.
  EXPECT_EQ(store->from_url(kUrl)->highest_number, "09");
}

TEST_F(CrlStoreTest, ACrlWithoutNumberIsRefused) {
  const Buffer numbered = crl(9);
  // The extension's OID becomes another, unknown and not critical.
  Buffer der = numbered;
  const Buffer id = to_buffer(oid::kCrlNumber.contents());
  const auto at = std::ranges::search(der, id);
  ASSERT_FALSE(at.empty());
  at.back() = 0x63;
  // Signed again.
  const auto view = x509::parse_crl(der).value();
  const auto signer = pki_.key("CA").signer(x509::SignatureAlgorithm::ecdsa_sha256).value();
  const Buffer whole =
      x509::encode_certificate(view.tbs, x509::encode(signer->algorithm()), signer->sign(view.tbs).value());
  EXPECT_THAT(said(*open(), whole), HasSubstr("it has no CRL number"));
}

class ValidationOverTheStore : public CrlStoreTest {
 protected:
  // good, revoked or unknown; with the code of the finding where there is one.
  std::string status(const std::shared_ptr<CrlStore>& store, std::uint64_t serial,
                     validate::DeltaRule deltas) {
    const auto leaf = pki_.make({.subject = "leaf", .issuer = "CA", .ca = false, .serial = serial});
    const validate::Validator validator(pki_.provider(), validate::test::trust({pki_.ca("Root")}, {ca_}),
                                        nullptr);
    validate::Profile profile;
    profile.revocation = validate::RevocationRule::target;
    StoredRevocation revocation(store, {deltas, true, std::nullopt});
    const auto decision = validator.validate(leaf, {}, {kNow, profile, {}, &revocation});
    std::string out(to_string(decision.revocation.at(0).status));
    if (decision.revocation[0].reason)
      out += fmt::format(" {}", x509::to_string(*decision.revocation[0].reason));
    return out;
  }
};

TEST_F(ValidationOverTheStore, BaseAndDeltaAreOne) {
  const auto store = open();
  using validate::DeltaRule;
  EXPECT_EQ(status(store, 1, DeltaRule::use), "unknown");
  EXPECT_EQ(said(*store, crl(10, {{2, CrlReason::certificate_hold},
                                  {3, CrlReason::certificate_hold},
                                  {4, CrlReason::key_compromise}})),
            "added");
  EXPECT_EQ(status(store, 1, DeltaRule::use), "good");
  EXPECT_EQ(status(store, 2, DeltaRule::use), "revoked certificateHold");
  EXPECT_EQ(said(*store, delta(12, 10,
                               {{2, CrlReason::remove_from_crl},
                                {3, CrlReason::superseded},
                                {5, CrlReason::certificate_hold}})),
            "added");
  EXPECT_EQ(status(store, 1, DeltaRule::use), "good");
  EXPECT_EQ(status(store, 2, DeltaRule::use), "good") << "removeFromCRL";
  EXPECT_EQ(status(store, 3, DeltaRule::use), "revoked superseded") << "the delta is younger";
  EXPECT_EQ(status(store, 4, DeltaRule::use), "revoked keyCompromise");
  EXPECT_EQ(status(store, 5, DeltaRule::use), "revoked certificateHold") << "only in the delta";
  EXPECT_EQ(status(store, 2, DeltaRule::ignore), "revoked certificateHold");
  EXPECT_EQ(status(store, 5, DeltaRule::ignore), "good");
}

// ---- Several processes
// ---------------------------------------------------------------------------------------

TEST_F(CrlStoreTest, WhatOneDoesTheOtherSees) {
  const auto mine = open(), theirs = open();
  EXPECT_FALSE(theirs->from_url(kUrl));
  put(*mine, crl(1, {{7, CrlReason::unspecified}}));
  const auto old = theirs->of_issuer(ca_->subject_key());
  ASSERT_EQ(old->size(), 1U);
  put(*mine, crl(2));
  const auto fresh = theirs->of_issuer(ca_->subject_key());
  EXPECT_EQ(fresh->at(0)->head().number, Buffer{2});
  EXPECT_FALSE(fresh->at(0)->find(Buffer{7}, ca_->subject_key()).value());
  EXPECT_EQ(theirs->of_issuer(ca_->subject_key()), fresh) << "without news it is the same list";
  EXPECT_TRUE(old->at(0)->find(Buffer{7}, ca_->subject_key()).value()) << "who has the old one keeps it";
  EXPECT_EQ(files(".crl").size(), 1U);
  ASSERT_TRUE(theirs->touch(kUrl, kNow + std::chrono::hours(1)));
  EXPECT_EQ(mine->from_url(kUrl)->origin.fetched_at, kNow + std::chrono::hours(1));
  EXPECT_EQ(mine->from_url(kUrl)->crl, mine->of_issuer(ca_->subject_key())->at(0));
  EXPECT_EQ(mine->touch("http://elsewhere.example.test/", kNow).error().code(), Errc::not_found);
  ASSERT_TRUE(mine->remove(mine->list().at(0).line));
  EXPECT_TRUE(theirs->of_issuer(ca_->subject_key())->empty());
  EXPECT_EQ(mine->remove("00000000000000000000000000000000").error().code(), Errc::not_found);
}

TEST_F(CrlStoreTest, TheUrlMovesWithTheLatestDownload) {
  const auto store = open();
  ASSERT_TRUE(store->put(crl(9), {kUrl, kNow}, terms()));
  const auto renewed = pki_.make({.subject = "CA", .key = "CA new", .issuer = "Root"});
  ASSERT_TRUE(store->put(of({.issuer = "CA", .signed_by = "CA new", .number = 1}),
                         {kUrl, kNow + std::chrono::hours(1)}, {.signers = {renewed}, .now = kNow}));
  EXPECT_EQ(store->from_url(kUrl)->highest_number, "01");
}

// Processes put rising numbers at the same time; nobody ever sees a number fall or a CRL that is not whole.
TEST_F(CrlStoreTest, ManyProcessesAtOnce) {
  constexpr int kProcesses = 4, kEach = 12;
  std::vector<Buffer> ders;
  for (std::uint64_t number = 1; number <= kProcesses * kEach; ++number)
    ders.push_back(crl(number, {{number + 1000, CrlReason::unspecified}}));
  const auto store = open();
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    const auto mine = CrlStore::open(pki_.provider(), {.folder = folder_});
    bool good = mine.has_value();
    for (int i = 0; good && i < kEach; ++i)
      good = (*mine)
                 ->put(ders[static_cast<std::size_t>(i * kProcesses + process)], {kUrl, kNow}, terms())
                 .has_value();
    ::_exit(good ? 0 : 1);
  }
  Buffer last;
  std::size_t seen = 0;
  const auto look = [&] {
    const auto crls = store->of_issuer(ca_->subject_key());
    ASSERT_TRUE(!crls->empty() || last.empty()) << "what was there is replaced, never missing";
    if (crls->empty()) return;
    const auto& head = crls->at(0)->head();
    ASSERT_TRUE(validate::compare_numbers(*head.number, last) >= 0);
    seen += *head.number != last;
    last = *head.number;
    const std::uint64_t serial = 1000U + last[0];
    ASSERT_TRUE(crls->at(0)->find(TestPki::octets(serial), ca_->subject_key()).value()) << serial;
  };
  for (std::size_t ended = 0; ended < children.size();) {
    look();
    int status = 0;
    if (const pid_t child = ::waitpid(-1, &status, WNOHANG); child > 0) {
      EXPECT_EQ(status, 0);
      ++ended;
    }
  }
  look();
  EXPECT_EQ(last, Buffer{kProcesses * kEach});
  EXPECT_GT(seen, 3U);
  EXPECT_EQ(files(".crl").size(), 1U);
  EXPECT_EQ(files(".idx").size(), 1U);
}

// kill -9 at any moment: the old or the new, whole, and never a lower number after it.
TEST_F(CrlStoreTest, AKilledProcessLeavesTheOldOrTheNew) {
  std::vector<Buffer> ders;
  for (std::uint64_t number = 1; number <= 250; ++number)
    ders.push_back(crl(number, {{number + 1000, CrlReason::unspecified}}));
  std::mt19937 random(3);
  std::size_t next = 0, between = 0;
  open();
  for (int round = 0; round < 40 && next < ders.size(); ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (const auto mine = CrlStore::open(pki_.provider(), {.folder = folder_}))
        for (std::size_t i = next; i < ders.size(); ++i) (void)(*mine)->put(ders[i], {kUrl, kNow}, terms());
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(2'000 + random() % 60'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    between += files("").size() > files(".json").size() + files(".crl").size() + files(".idx").size() + 3 ||
               files(".crl").size() > 1 || files(".crl").size() != files(".idx").size();
    const auto store = open();
    const auto found = store->from_url(kUrl);
    EXPECT_LE(files(".crl").size(), 1U) << "what was left is swept";
    EXPECT_EQ(files(".crl").size(), files(".idx").size());
    if (!found) continue;
    ASSERT_NE(found->crl, nullptr);
    const std::size_t number = found->crl->head().number->at(0);
    ASSERT_GE(number, next);
    ASSERT_TRUE(found->crl->find(TestPki::octets(1000 + number), ca_->subject_key()).value());
    EXPECT_EQ(store->check_files({}), 0U);
    if (number > 1) {
      EXPECT_THAT(said(*store, ders[number - 2]), HasSubstr("is lower than"));
    }
    next = number;
  }
  EXPECT_GT(next, 5U) << "the processes have come far";
  EXPECT_GT(between, 0U) << "none was killed in the middle of a change";
}

// ---- Damage
// --------------------------------------------------------------------------------------------------

TEST_F(CrlStoreTest, ADamagedIndexIsBuiltAgain) {
  const Buffer der = crl(5, {{7, CrlReason::superseded}});
  put(*open(), der);
  const auto serves = [&](const std::shared_ptr<CrlStore>& store) {
    const auto crls = store->of_issuer(ca_->subject_key());
    return crls->size() == 1 && crls->at(0)->find(Buffer{7}, ca_->subject_key()).value().has_value() &&
           !crls->at(0)->find(Buffer{8}, ca_->subject_key()).value().has_value();
  };
  const std::string index = files(".idx").at(0);
  const Buffer whole = read_file(index).value();
  for (std::size_t at = 0; at < whole.size(); at += 40) {
    damage(index, at);
    EXPECT_TRUE(serves(open())) << at;
    EXPECT_NE(read_file(index).value(), whole) << "it is a new one, with a seed of its own";
  }
  ASSERT_TRUE(write_file_atomic(index, Bytes(whole).first(whole.size() / 2)));
  EXPECT_TRUE(serves(open()));
  Buffer earlier = whole;
  earlier[7] = '2';  // the last octet of the file's magic
  ASSERT_TRUE(write_file_atomic(index, earlier));
  EXPECT_TRUE(serves(open()));
  EXPECT_EQ(read_file(index).value()[7], whole[7]);
  fs::remove(index);
  EXPECT_TRUE(serves(open()));
  // With another key of the folder no index counts any more.
  fs::remove(folder_ / "key");
  EXPECT_TRUE(serves(open()));
  EXPECT_EQ(fs::status(folder_ / "key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(CrlStoreTest, ADamagedCrlIsMissingUntilItIsPutAgain) {
  const Buffer der = crl(5, {{7, CrlReason::superseded}});
  put(*open(), der);
  for (const std::size_t at : {std::size_t{10}, der.size() - 1}) {
    damage(files(".crl").at(0), at);
    const auto store = open();
    EXPECT_TRUE(store->of_issuer(ca_->subject_key())->empty());
    EXPECT_TRUE(store->from_url(kUrl)->damaged);
    EXPECT_EQ(store->from_url(kUrl)->crl, nullptr);
    EXPECT_THAT(said(*store, crl(4)), HasSubstr("lower than 05")) << "the number is not forgotten";
    EXPECT_EQ(said(*store, der), "replaced");
    EXPECT_FALSE(store->from_url(kUrl)->damaged);
    EXPECT_EQ(store->of_issuer(ca_->subject_key())->size(), 1U);
  }
}

// The index answers for the entries; what became of them is noticed by the look at everything, or when the
// CRL comes again.
TEST_F(CrlStoreTest, DamagedEntriesChangeNoAnswer) {
  const Buffer der = crl(5, {{7, CrlReason::superseded}});
  const auto entries = x509::parse_crl(der).value().entries;
  const auto at = static_cast<std::size_t>(entries.data() - der.data());
  put(*open(), der);
  const auto damaged = [&] {
    damage(files(".crl").at(0), at + entries.size() - 1);
    auto store = open();
    EXPECT_EQ(store->from_url(kUrl)->crl->find(Buffer{7}, ca_->subject_key()).value()->reason,
              CrlReason::superseded);
    return store;
  };
  auto store = damaged();
  EXPECT_EQ(store->check_files({}), 1U);
  EXPECT_TRUE(store->of_issuer(ca_->subject_key())->empty()) << "it is missing once that is known";
  EXPECT_TRUE(store->from_url(kUrl)->damaged);
  EXPECT_EQ(said(*store, der), "replaced");
  EXPECT_EQ(store->check_files({}), 0U);
  EXPECT_EQ(said(*damaged(), der), "replaced") << "what was put there is not what is there";
  EXPECT_EQ(read_file(files(".crl").at(0)).value(), der);
  store = damaged();
  fs::remove(files(".idx").at(0));
  EXPECT_TRUE(open()->of_issuer(ca_->subject_key())->empty()) << "no index is built of it";
}

// Damage that comes while the files are mapped: nobody is told that a certificate is good; then it mends
// itself.
TEST_F(CrlStoreTest, DamageUnderAMapIsNoticed) {
  std::vector<std::pair<std::uint64_t, CrlReason>> revoked;
  for (std::uint64_t i = 1; i <= 30'000; ++i) revoked.emplace_back(i + 100'000, CrlReason::superseded);
  put(*open(), crl(5, revoked));
  const auto store = open();
  const auto ask_all = [&] {
    const auto crls = store->of_issuer(ca_->subject_key());
    std::array<std::size_t, 3> counts{};  // listed, not listed, failed
    for (const auto& [serial, reason] : revoked)
      for (const auto& one : *crls) {
        const auto found = one->find(TestPki::octets(serial), ca_->subject_key());
        ++counts[!found ? 2 : *found ? 0 : 1];
      }
    return counts;
  };
  const auto first = store->of_issuer(ca_->subject_key());
  ASSERT_EQ(first->size(), 1U);
  // In place, as a failing disk does it.
  const std::string index = files(".idx").at(0);
  FileDescriptor fd(::open(index.c_str(), O_WRONLY));
  ASSERT_EQ(::pwrite(fd.get(), "damage", 6, static_cast<off_t>(fs::file_size(index) / 2)), 6);
  const auto counts = ask_all();
  EXPECT_GT(counts[2], 0U);
  EXPECT_EQ(counts[1], 0U);
  EXPECT_THAT(ask_all(), ElementsAre(30'000U, 0U, 0U)) << "built again";
  EXPECT_NE(store->of_issuer(ca_->subject_key()), first);
  // And by the background's look at everything, before anybody asks.
  const std::string rebuilt = files(".idx").at(0);
  fd = FileDescriptor(::open(rebuilt.c_str(), O_WRONLY));
  const auto fresh = open();
  (void)fresh->of_issuer(ca_->subject_key());
  ASSERT_EQ(::pwrite(fd.get(), "damage", 6, static_cast<off_t>(fs::file_size(rebuilt) / 2)), 6);
  EXPECT_EQ(fresh->check_files({}), 1U);
  EXPECT_EQ(fresh->check_files({}), 0U);
}

TEST_F(CrlStoreTest, ALineThatCannotBeReadIsNotBegunAnewByItself) {
  put(*open(), crl(5));
  const std::string line = files(".json").at(0);
  ASSERT_TRUE(write_file_atomic(line, as_bytes("{\"issuer\": \"CN=CA\"")));
  const auto store = open();
  EXPECT_TRUE(store->of_issuer(ca_->subject_key())->empty());
  EXPECT_TRUE(store->list().at(0).damaged);
  EXPECT_THAT(said(*store, crl(4)), HasSubstr("error"));
  EXPECT_THAT(said(*store, crl(6)), HasSubstr("error"));
  ASSERT_TRUE(store->forget(store->list().at(0).line));
  EXPECT_EQ(said(*store, crl(4)), "added");
}

// ---- Bounds
// --------------------------------------------------------------------------------------------------

TEST_F(CrlStoreTest, WhatHasExpiredMakesRoom) {
  const Buffer sample = crl(1);
  const auto store =
      CrlStore::open(pki_.provider(),
                     {.folder = folder_, .most_octets = sample.size() * 5 / 2, .most_lines = 5})
          .value();
  std::map<std::string, Buffer> ders;  // a signature is another one each time
  const auto named = [&](const std::string& name, Time until) {
    auto ca = pki_.ca(name, "Root");
    Buffer& der = ders[name];
    if (der.empty()) der = of({.issuer = name, .next_update = until});
    return said(store->put(der, {"http://" + name, kNow}, {.signers = {ca}, .now = kNow}));
  };
  EXPECT_EQ(named("C1", kNow - std::chrono::hours(2)), "added");
  EXPECT_EQ(named("C2", kNow + std::chrono::hours(2)), "added");
  EXPECT_EQ(named("C3", kNow + std::chrono::hours(2)), "added");
  EXPECT_FALSE(store->from_url("http://C1"));
  EXPECT_TRUE(store->from_url("http://C2"));
  EXPECT_THAT(named("C4", kNow + std::chrono::hours(2)), HasSubstr("are allowed"));
  EXPECT_EQ(store->list().size(), 3U);
  ASSERT_TRUE(store->clear());
  EXPECT_EQ(named("C4", kNow + std::chrono::hours(2)), "added");
  EXPECT_EQ(named("C5", kNow + std::chrono::hours(2)), "added");
  ASSERT_TRUE(store->clear());
  EXPECT_THAT(named("C6", kNow + std::chrono::hours(2)), HasSubstr("5 lines"));
  EXPECT_EQ(named("C5", kNow + std::chrono::hours(2)), "added") << "known lines are no news";
  std::vector<std::pair<std::uint64_t, CrlReason>> many(100, {1, CrlReason::unspecified});
  EXPECT_THAT(said(*store, crl(7, many)), HasSubstr("exceeded the maximum allowed size"));
}

TEST_F(CrlStoreTest, FilesComeInToo) {
  const fs::path file = folder_ / "download";
  ASSERT_TRUE(write_file_atomic(file, crl(3)));
  const auto store = open();
  EXPECT_EQ(said(store->put_file(file, {"", kNow}, terms())), "added");
  EXPECT_TRUE(fs::exists(file)) << "what is not the store's stays";
  EXPECT_FALSE(store->from_url("")) << "it came from nowhere";
  EXPECT_EQ(store->put_file(folder_ / "missing", {"", kNow}, terms()).error().code(), Errc::not_found);
}

TEST_F(CrlStoreTest, AFolderThatCannotBeWrittenIsAnError) {
  ASSERT_TRUE(write_file_atomic(folder_ / "file", as_bytes("x")));
  const auto store = CrlStore::open(pki_.provider(), {.folder = folder_ / "file" / "below"});
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().report(), HasSubstr("opening the folder of CRLs"));
}

}  // namespace
}  // namespace vouch::relying
