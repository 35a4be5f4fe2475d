// What every backend does: the definition that the comments in database.hpp abbreviate.

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "store/test_backends.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using x509::CrlReason;

class DatabaseContract : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    database_ = GetParam().open(folder_);
    ASSERT_NE(database_, nullptr);
    authority_ = add_authority("First CA");
  }

  AuthorityId add_authority(std::string name) {
    AuthorityId id = 0;
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      id = TRY(t.insert_authority(sample::authority(std::move(name))));
      return ok();
    }));
    return id;
  }
  Status commit(const Database::Work& work) { return database_->commit(work); }
  std::unique_ptr<Snapshot> snapshot() { return std::move(database_->snapshot().value()); }
  RequestId add_request(const RequestRecord& record) {
    RequestId id = 0;
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      id = TRY(t.insert_request(record));
      return ok();
    }));
    return id;
  }
  RequestId add_request(Disposition disposition = Disposition::issued) {
    return add_request(sample::request(authority_, disposition));
  }
  RequestId add_intent(std::uint32_t n) {
    const RequestId id = add_request();
    EXPECT_TRUE(
        commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, n)); }));
    return id;
  }
  RequestId issue(std::uint32_t n) { return sample::issue(*database_, authority_, n).value(); }
  Status revoke(std::uint32_t n, CrlReason reason = CrlReason::key_compromise) {
    return commit([&](Transaction& t) { return t.revoke(authority_, sample::revocation(n, reason)); });
  }
  Disposition disposition(RequestId id) { return snapshot()->request(id).value().disposition; }
  std::vector<RequestId> request_ids(const RequestFilter& filter) {
    std::vector<RequestId> ids;
    const auto records =
        snapshot()->requests(filter).value();  // not in the for: it would be gone in the loop
    for (const RequestRecord& record : records) ids.push_back(record.id);
    return ids;
  }
  std::vector<RequestId> certificate_ids(const CertificateFilter& filter) {
    std::vector<RequestId> ids;
    const auto records = snapshot()->certificates(filter).value();
    for (const CertificateRecord& record : records) ids.push_back(record.request);
    return ids;
  }
  std::vector<Buffer> revoked_serials(std::uint16_t key_index = 3, Time unexpired_at = at(0)) {
    std::vector<Buffer> serials;
    EXPECT_TRUE(snapshot()->for_each_revoked(authority_, key_index, unexpired_at,
                                             [&](const Snapshot::RevokedEntry& entry) {
                                               serials.push_back(to_buffer(entry.serial));
                                               return ok();
                                             }));
    return serials;
  }

  sample::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
  AuthorityId authority_ = 0;
};

#define EXPECT_FAILS(expression, category)                                               \
  do {                                                                                   \
    const auto& vouch_outcome = (expression);                                            \
    ASSERT_FALSE(vouch_outcome) << "expected " << name(category);                        \
    EXPECT_EQ(vouch_outcome.error().code(), category) << vouch_outcome.error().report(); \
    EXPECT_FALSE(vouch_outcome.error().message().empty());                               \
  } while (false)

// --- authorities and keys ---

TEST_P(DatabaseContract, AnAuthorityComesBackAsItWasGiven) {
  AuthorityRecord record = sample::authority();
  const AuthorityId id = add_authority(record.name);
  record.id = id;
  EXPECT_NE(id, authority_);
  EXPECT_EQ(snapshot()->authority(record.name).value(), record);
  EXPECT_EQ(snapshot()->authorities().value().size(), 2u);
  EXPECT_EQ(snapshot()->authorities().value().back(), record);
}

TEST_P(DatabaseContract, TheNameOfAnAuthorityIsUnique) {
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.insert_authority(sample::authority("First CA")));
                 return ok();
               }),
               Errc::conflict);
  EXPECT_FAILS(snapshot()->authority("Second CA"), Errc::not_found);
  EXPECT_EQ(snapshot()->authorities().value().size(), 1u);
}

TEST_P(DatabaseContract, SettingsChange) {
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "hash = \"sha384\""); }));
  EXPECT_EQ(snapshot()->authority("First CA").value().settings, "hash = \"sha384\"");
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_settings(99, ""); }), Errc::not_found);
}

KeyGeneration generation(AuthorityId authority, std::uint16_t certificate_index, std::uint16_t key_index) {
  return {authority,
          certificate_index,
          key_index,
          "file:a.key",
          sample::octets({1, 2}),
          sample::octets({3}),
          {},
          {},
          at(1)};
}

TEST_P(DatabaseContract, KeyGenerationsComeBackOldestFirstWithTheirChains) {
  KeyGeneration first = generation(authority_, 0, 0), renewed = generation(authority_, 1, 0),
                second = generation(authority_, 2, 2);
  first.certificate = sample::octets({9});
  first.chain = {sample::octets({0x30, 1}), Buffer(), sample::octets({0x30, 2})};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_key_generation(second));
    TRY(t.insert_key_generation(first));
    return t.insert_key_generation(renewed);
  }));
  EXPECT_THAT(snapshot()->key_generations(authority_).value(), ElementsAre(first, renewed, second));
  EXPECT_THAT(snapshot()->key_generations(authority_ + 1).value(), IsEmpty());
}

TEST_P(DatabaseContract, InstallingACertificateReplacesTheGeneration) {
  KeyGeneration value = generation(authority_, 0, 0);
  value.chain = {sample::octets({1}), sample::octets({2})};
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_key_generation(value); }));
  value.certificate = sample::octets({0x30, 7});
  value.chain = {sample::octets({3})};
  value.key_reference = "pkcs11:token=x";
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_key_generation(value); }));
  EXPECT_THAT(snapshot()->key_generations(authority_).value(), ElementsAre(value));
}

TEST_P(DatabaseContract, KeyGenerationsHaveTheirOwnIndexAndAnAuthority) {
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_key_generation(generation(authority_, 0, 0)); }));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_key_generation(generation(authority_, 0, 1)); }),
               Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_key_generation(generation(77, 0, 0)); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_key_generation(generation(authority_, 5, 0)); }),
               Errc::not_found);
  KeyGeneration largest = generation(authority_, 65535, 65535);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_key_generation(largest); }));
  EXPECT_EQ(snapshot()->key_generations(authority_).value().back(), largest);
}

// --- requests ---

TEST_P(DatabaseContract, ARequestComesBackAsItWasGiven) {
  RequestRecord record = sample::request(authority_, Disposition::pending);
  record.transaction = "scep:0a1b – ü";
  record.resolved_at = at(99);
  record.resolver = "EXAMPLE\\manager";
  record.attributes.emplace("nul", std::string("a\0b", 3));
  record.id = add_request(record);
  EXPECT_EQ(snapshot()->request(record.id).value(), record);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, record.transaction).value(), record);
}

TEST_P(DatabaseContract, AnEmptyRequestComesBackEmpty) {
  RequestRecord record;
  record.authority = authority_;
  record.disposition = Disposition::denied;
  record.submitted_at = Time(std::chrono::seconds(-5));  // before 1970
  record.id = add_request(record);
  EXPECT_EQ(snapshot()->request(record.id).value(), record);
}

TEST_P(DatabaseContract, RequestNumbersRiseByOneOverAllAuthoritiesAndAreNotReusedAfterARollback) {
  const AuthorityId other = add_authority("Other CA");
  const RequestId first = add_request();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(add_request(sample::request(other)), 2);
  RequestId lost = 0;
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 lost = TRY(t.insert_request(sample::request(authority_)));
                 return make_error(Errc::denied, "no");
               }),
               Errc::denied);
  // Nobody outside has seen the number of a request that was taken back.
  EXPECT_EQ(lost, 3);
  EXPECT_FAILS(snapshot()->request(lost), Errc::not_found);
  EXPECT_EQ(add_request(), 3);
}

TEST_P(DatabaseContract, ARequestNeedsAnAuthority) {
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.insert_request(sample::request(1234)));
                 return ok();
               }),
               Errc::not_found);
}

TEST_P(DatabaseContract, ATransactionKeyIsUniquePerAuthorityUnlessItIsEmpty) {
  const AuthorityId other = add_authority("Other CA");
  RequestRecord record = sample::request(authority_);
  record.transaction = "T1";
  const RequestId id = add_request(record);
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.insert_request(record));
                 return ok();
               }),
               Errc::conflict);
  record.authority = other;
  const RequestId elsewhere = add_request(record);
  EXPECT_NE(elsewhere, id);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, "T1").value()->id, id);
  EXPECT_EQ(snapshot()->request_of_transaction(other, "T1").value()->id, elsewhere);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, "t1").value(), std::nullopt);
  record.transaction.clear();
  add_request(record);
  add_request(record);
  EXPECT_EQ(snapshot()->request_of_transaction(other, "").value(), std::nullopt);
}

TEST_P(DatabaseContract, TheNewestRequestOfAClientTransactionIsFound) {
  const AuthorityId other = add_authority("Other CA");
  RequestRecord record = sample::request(authority_, Disposition::pending);
  record.client_transaction = "C1";
  add_request(record);
  const RequestId second = add_request(record);
  record.client_transaction = "C2";
  record.id = add_request(record);
  EXPECT_EQ(snapshot()->request_of_client(authority_, "C1").value()->id, second);
  EXPECT_EQ(snapshot()->request_of_client(authority_, "C2").value(), record);
  EXPECT_EQ(snapshot()->request_of_client(other, "C1").value(), std::nullopt);
  EXPECT_EQ(snapshot()->request_of_client(authority_, "c1").value(), std::nullopt);
  EXPECT_EQ(snapshot()->request_of_client(authority_, "").value(), std::nullopt);
  record.client_transaction = "C3";  // an update leaves it alone
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_request(record); }));
  EXPECT_EQ(snapshot()->request_of_client(authority_, "C3").value(), std::nullopt);
  EXPECT_EQ(snapshot()->request_of_client(authority_, "C2").value()->id, record.id);
}

TEST_P(DatabaseContract, AnUpdateChangesEverythingButWhatItMayNot) {
  RequestRecord record = sample::request(authority_, Disposition::pending);
  record.id = add_request(record);
  RequestRecord changed = record;
  changed.disposition = Disposition::denied;
  changed.resolved_at = at(50);
  changed.resolver = "EXAMPLE\\manager";
  changed.requester = "EXAMPLE\\other";
  changed.template_name = "Other";
  changed.transaction = "T";
  changed.attributes = {{"k", "v"}};
  changed.message = "no";
  changed.reason = "manager";
  changed.trace = "longer\n";
  RequestRecord given = changed;
  given.authority = 99;
  given.request = sample::octets({1});
  given.submitted_at = at(-1);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_request(given); }));
  EXPECT_EQ(snapshot()->request(record.id).value(), changed);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, "T").value()->id, record.id);
  changed.transaction.clear();
  changed.resolved_at.reset();
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_request(changed); }));
  EXPECT_EQ(snapshot()->request(record.id).value(), changed);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, "T").value(), std::nullopt);
}

TEST_P(DatabaseContract, AnUpdateCannotTakeAnothersTransactionKey) {
  RequestRecord record = sample::request(authority_);
  record.transaction = "T1";
  add_request(record);
  record.transaction = "T2";
  record.id = add_request(record);
  record.transaction = "T1";
  record.message = "must not be kept";
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_request(record); }), Errc::conflict);
  EXPECT_EQ(snapshot()->request(record.id).value().transaction, "T2");
  EXPECT_EQ(snapshot()->request(record.id).value().message, sample::request(authority_).message);
  record.id = 500;
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_request(record); }), Errc::not_found);
}

TEST_P(DatabaseContract, RequestsAreListedWithoutTheirBulkInOrderAndByPages) {
  for (int i = 0; i < 7; ++i) add_request(i % 2 == 0 ? Disposition::pending : Disposition::denied);
  RequestRecord expected = sample::request(authority_, Disposition::pending);
  expected.id = 1;
  expected.request.clear();
  expected.trace.clear();
  RequestFilter filter;
  EXPECT_EQ(snapshot()->requests(filter).value().front(), expected);
  filter.limit = 3;
  EXPECT_THAT(request_ids(filter), ElementsAre(1, 2, 3));
  filter.after = 3;
  EXPECT_THAT(request_ids(filter), ElementsAre(4, 5, 6));
  filter.after = 6;
  EXPECT_THAT(request_ids(filter), ElementsAre(7));
  filter.after = 7;
  EXPECT_THAT(request_ids(filter), IsEmpty());
  filter = {};
  filter.disposition = Disposition::pending;
  filter.limit = 2;
  EXPECT_THAT(request_ids(filter), ElementsAre(1, 3));
  filter.after = 3;
  EXPECT_THAT(request_ids(filter), ElementsAre(5, 7));
  filter.limit = 0;
  EXPECT_THAT(request_ids(filter), IsEmpty());
  filter.limit = static_cast<std::size_t>(-1);
  EXPECT_THAT(request_ids(filter), ElementsAre(5, 7));
}

TEST_P(DatabaseContract, RequestsAreFilteredByAuthorityRequesterAndTemplate) {
  const AuthorityId other = add_authority("Other CA");
  RequestRecord record = sample::request(authority_);
  add_request(record);
  record.requester = "EXAMPLE\\anna";
  add_request(record);
  record.template_name = "User";
  add_request(record);
  record.authority = other;
  add_request(record);
  RequestFilter filter;
  filter.authority = authority_;
  EXPECT_THAT(request_ids(filter), ElementsAre(1, 2, 3));
  filter.requester = "EXAMPLE\\anna";
  EXPECT_THAT(request_ids(filter), ElementsAre(2, 3));
  filter.template_name = "User";
  EXPECT_THAT(request_ids(filter), ElementsAre(3));
  filter.authority.reset();
  EXPECT_THAT(request_ids(filter), ElementsAre(3, 4));
  filter.requester = "example\\anna";  // exact
  EXPECT_THAT(request_ids(filter), IsEmpty());
}

TEST_P(DatabaseContract, RequestsAreFilteredByWhatTheyReadAs) {
  const RequestId pending = add_request(Disposition::pending), denied = add_request(Disposition::denied),
                  failed = add_request(Disposition::failed), intended = add_intent(1), issued = issue(2),
                  revoked = issue(3), undecided = add_request(Disposition::issuing),
                  foreign = add_request(Disposition::foreign);
  ASSERT_TRUE(revoke(3));
  const std::vector<std::pair<Disposition, std::vector<RequestId>>> table = {
      {Disposition::pending, {pending}}, {Disposition::denied, {denied}},
      {Disposition::failed, {failed}},   {Disposition::issuing, {intended, undecided}},
      {Disposition::issued, {issued}},   {Disposition::revoked, {revoked}},
      {Disposition::foreign, {foreign}}};
  for (const auto& [disposition, ids] : table) {
    RequestFilter filter;
    filter.disposition = disposition;
    filter.authority = authority_;
    EXPECT_EQ(request_ids(filter), ids) << to_string(disposition);
    const auto records = snapshot()->requests(filter).value();
    for (const RequestRecord& record : records) EXPECT_EQ(record.disposition, disposition);
    filter.requester = "nobody";
    EXPECT_THAT(request_ids(filter), IsEmpty());
  }
}

// --- intents and certificates ---

TEST_P(DatabaseContract, AnIntentIsFoundBeforeItIsSignedAndIsAnOrphanUntilThen) {
  const RequestId id = add_request();
  CertificateRecord record = sample::certificate(id, authority_, 7);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_intent(record); }));
  EXPECT_EQ(snapshot()->certificate(record.serial).value(), record);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value(), record);
  EXPECT_THAT(snapshot()->orphans(authority_).value(), ElementsAre(record));
  EXPECT_THAT(snapshot()->orphans(authority_ + 1).value(), IsEmpty());
  EXPECT_THAT(certificate_ids({}), IsEmpty());
  EXPECT_EQ(disposition(id), Disposition::issuing);

  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(7)); }));
  record.signature = sample::signature(7);
  EXPECT_EQ(snapshot()->certificate(record.serial).value(), record);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value(), record);
  EXPECT_THAT(snapshot()->orphans(authority_).value(), IsEmpty());
  EXPECT_EQ(disposition(id), Disposition::issued);
  record.tbs.clear();
  EXPECT_THAT(snapshot()->certificates({}).value(), ElementsAre(record));
}

TEST_P(DatabaseContract, OrphansComeOldestFirst) {
  const RequestId a = add_intent(30), b = add_intent(20), c = add_intent(10);
  std::vector<RequestId> ids;
  const auto orphans = snapshot()->orphans(authority_).value();
  for (const CertificateRecord& record : orphans) ids.push_back(record.request);
  EXPECT_THAT(ids, ElementsAre(a, b, c));
}

TEST_P(DatabaseContract, RequestAndIntentMayBeWrittenTogetherAndReadInside) {
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    const RequestId id = TRY(t.insert_request(sample::request(authority_, Disposition::issued)));
    TRY(t.insert_intent(sample::certificate(id, authority_, 1)));
    EXPECT_EQ(TRY(t.request(id)).disposition, Disposition::issuing);
    EXPECT_EQ(TRY(t.orphans(authority_)).size(), 1u);
    TRY(t.complete_intent(id, sample::signature(1)));
    EXPECT_EQ(TRY(t.request(id)).disposition, Disposition::issued);
    EXPECT_EQ(TRY(t.certificates({})).size(), 1u);
    return ok();
  }));
}

TEST_P(DatabaseContract, APendingRequestBecomesIssuingWithItsIntent) {
  for (const Disposition before : {Disposition::pending, Disposition::denied, Disposition::failed}) {
    const RequestId id = add_request(before);
    ASSERT_TRUE(commit([&](Transaction& t) {
      return t.insert_intent(sample::certificate(id, authority_, static_cast<std::uint32_t>(id)));
    }));
    EXPECT_EQ(disposition(id), Disposition::issuing);
    ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(1)); }));
    EXPECT_EQ(disposition(id), Disposition::issued);
  }
}

TEST_P(DatabaseContract, UpdatingARequestThatReadsIssuingOrRevokedChangesNothingAboutThat) {
  const RequestId open = add_intent(1), revoked = issue(2);
  ASSERT_TRUE(revoke(2, CrlReason::certificate_hold));
  for (const RequestId id : {open, revoked}) {
    RequestRecord record = snapshot()->request(id).value();
    record.trace += "one more line\n";
    ASSERT_TRUE(commit([&](Transaction& t) { return t.update_request(record); }));
    EXPECT_EQ(snapshot()->request(id).value(), record);
  }
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.complete_intent(open, sample::signature(1)));
    return t.release(authority_, sample::serial(2));
  }));
  EXPECT_EQ(disposition(open), Disposition::issued);
  EXPECT_EQ(disposition(revoked), Disposition::issued);
}

TEST_P(DatabaseContract, AForeignRequestStaysForeignThroughItsCertificatesLife) {
  const RequestId id = add_request(Disposition::foreign);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_intent(sample::certificate(id, authority_, 1)));
    return t.complete_intent(id, sample::signature(1));
  }));
  EXPECT_EQ(disposition(id), Disposition::foreign);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  RequestRecord record = snapshot()->request(id).value();
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_request(record); }));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }));
  EXPECT_EQ(disposition(id), Disposition::foreign);
}

TEST_P(DatabaseContract, ASerialIsUsedOnceInTheWholeDatabase) {
  const AuthorityId other = add_authority("Other CA");
  issue(1);
  const RequestId id = add_request(sample::request(other, Disposition::pending));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, other, 1)); }),
               Errc::conflict);
  EXPECT_EQ(disposition(id), Disposition::pending);
  EXPECT_FAILS(snapshot()->certificate_of_request(id), Errc::not_found);
  EXPECT_THAT(snapshot()->orphans(other).value(), IsEmpty());
}

TEST_P(DatabaseContract, ARequestHasAtMostOneCertificate) {
  const RequestId open = add_intent(1), done = issue(2);
  for (const RequestId id : {open, done})
    EXPECT_FAILS(
        commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 50)); }),
        Errc::conflict);
  EXPECT_FAILS(snapshot()->certificate(sample::serial(50)), Errc::not_found);
}

TEST_P(DatabaseContract, AConflictLeavesNoTraceWhenTheWorkGoesOn) {
  issue(1);
  const RequestId busy = issue(2), fresh = add_request(Disposition::pending);
  Status serial_used = ok(), has_certificate = ok();
  ASSERT_TRUE(commit([&](Transaction& t) {
    serial_used = t.insert_intent(sample::certificate(fresh, authority_, 1));
    has_certificate = t.insert_intent(sample::certificate(busy, authority_, 50));
    return ok();
  }));
  EXPECT_FAILS(serial_used, Errc::conflict);
  EXPECT_FAILS(has_certificate, Errc::conflict);
  EXPECT_EQ(disposition(fresh), Disposition::pending);
  EXPECT_FAILS(snapshot()->certificate_of_request(fresh), Errc::not_found);
  EXPECT_THAT(snapshot()->orphans(authority_).value(), IsEmpty());
  // Serial 50 was not used up, and the request may have another.
  EXPECT_TRUE(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(fresh, authority_, 50)); }));
  EXPECT_THAT(database_->check().value(), IsEmpty());
}

TEST_P(DatabaseContract, AnIntentNeedsARequestAnAuthorityAndASerial) {
  EXPECT_FAILS(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(44, authority_, 1)); }),
      Errc::not_found);
  const RequestId id = add_request();
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, 44, 1)); }),
               Errc::not_found);
  CertificateRecord record = sample::certificate(id, authority_, 1);
  record.serial.clear();
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(record); }), Errc::usage);
  EXPECT_FAILS(snapshot()->certificate_of_request(id), Errc::not_found);
}

TEST_P(DatabaseContract, AnIntentIsCompletedOnce) {
  const RequestId id = add_intent(1);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id, {}); }), Errc::usage);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id + 1, sample::signature(1)); }),
               Errc::not_found);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(1)); }));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(2)); }),
               Errc::not_found);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value().signature, sample::signature(1));
}

TEST_P(DatabaseContract, AnAbandonedIntentIsGoneItsSerialStaysUsedAndItsRequestMayTryAgain) {
  const RequestId id = add_intent(1);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.abandon_intent(id, "the key is gone"); }));
  EXPECT_EQ(disposition(id), Disposition::failed);
  EXPECT_EQ(snapshot()->request(id).value().message, "the key is gone");
  EXPECT_FAILS(snapshot()->certificate(sample::serial(1)), Errc::not_found);
  EXPECT_FAILS(snapshot()->certificate_of_request(id), Errc::not_found);
  EXPECT_THAT(snapshot()->orphans(authority_).value(), IsEmpty());
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(1)); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.abandon_intent(id, "again"); }), Errc::not_found);
  // The serial belongs to nobody else, and not to the same request either.
  const RequestId other = add_request();
  EXPECT_FAILS(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(other, authority_, 1)); }),
      Errc::conflict);
  EXPECT_FAILS(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 1)); }),
      Errc::conflict);
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 2)); }));
  EXPECT_EQ(disposition(id), Disposition::issuing);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(2)); }));
  EXPECT_FAILS(snapshot()->certificate(sample::serial(1)), Errc::not_found);
  EXPECT_EQ(snapshot()->certificate(sample::serial(2)).value().request, id);
}

TEST_P(DatabaseContract, ASignedCertificateCannotBeAbandoned) {
  const RequestId id = issue(1);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.abandon_intent(id, "x"); }), Errc::not_found);
  EXPECT_EQ(disposition(id), Disposition::issued);
}

TEST_P(DatabaseContract, CertificatesAreFiltered) {
  const AuthorityId other = add_authority("Other CA");
  const auto add = [&](AuthorityId authority, std::uint32_t n, const std::string& subject, std::int64_t end,
                       const std::string& requester, const std::string& template_name) {
    RequestRecord request = sample::request(authority);
    request.requester = requester;
    CertificateRecord record = sample::certificate(add_request(request), authority, n);
    record.subject = subject;
    record.not_after = at(end);
    record.template_name = template_name;
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      TRY(t.insert_intent(record));
      return t.complete_intent(record.request, sample::signature(n));
    }));
  };
  add(authority_, 1, "CN=Alpha.example.com", 100, "anna", "Web");
  add(authority_, 2, "CN=beta.EXAMPLE.com,O=100%", 200, "bert", "Web");
  add(authority_, 3, "CN=Ärger_x", 300, "anna", "User");
  add(other, 4, "CN=alpha", 400, "anna", "Web");
  ASSERT_TRUE(revoke(2));
  add_intent(5);  // not signed: never listed

  const auto with = [](auto change) {
    CertificateFilter filter;
    change(filter);
    return filter;
  };
  using Filter = CertificateFilter;
  EXPECT_THAT(certificate_ids({}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(certificate_ids(with([&](Filter& f) { f.authority = other; })), ElementsAre(4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "ALPHA"; })), ElementsAre(1, 4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "example.com"; })),
              ElementsAre(1, 2));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "%"; })), ElementsAre(2))
      << "no patterns";
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "_"; })), ElementsAre(3));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "Ärger"; })), ElementsAre(3));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.subject_contains = "äRGER"; })), IsEmpty())
      << "ASCII only";
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.template_name = "Web"; })), ElementsAre(1, 2, 4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.requester = "anna"; })), ElementsAre(1, 3, 4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.revoked = true; })), ElementsAre(2));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.revoked = true, f.after = 2; })), IsEmpty());
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.revoked = true, f.requester = "anna"; })), IsEmpty());
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.revoked = false; })), ElementsAre(1, 3, 4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.expires_before = at(300); })), ElementsAre(1, 2));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.expires_after = at(300); })), ElementsAre(4));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.expires_after = at(100), f.expires_before = at(400); })),
              ElementsAre(2, 3));
  EXPECT_THAT(certificate_ids(with([](Filter& f) { f.after = 1, f.limit = 2; })), ElementsAre(2, 3));
  EXPECT_EQ(snapshot()->certificates(with([](Filter& f) { f.revoked = true; })).value().front().revocation,
            sample::revocation(2));
}

TEST_P(DatabaseContract, SerialsOfAnyLengthAreKeptToTheOctet) {
  for (const Buffer& serial :
       {sample::octets({0}), sample::octets({0, 0}), sample::octets({0xff}), Buffer(21, 0xff)}) {
    CertificateRecord record = sample::certificate(add_request(), authority_, 1);
    record.serial = serial;
    ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_intent(record); })) << to_hex(serial);
    EXPECT_EQ(snapshot()->certificate(serial).value().serial, serial);
  }
  EXPECT_FAILS(snapshot()->certificate(sample::octets({0, 0, 0})), Errc::not_found);
  EXPECT_FAILS(snapshot()->certificate({}), Errc::not_found);
}

// --- revocation ---

TEST_P(DatabaseContract, RevokingChangesTheCertificateTheRequestAndTheList) {
  const RequestId id = issue(1);
  RevocationRecord revocation = sample::revocation(1);
  revocation.invalidity_date = at(-100);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, revocation); }));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, revocation);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value().revocation, revocation);
  std::size_t visited = 0;
  ASSERT_TRUE(snapshot()->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry& entry) {
    ++visited;
    EXPECT_EQ(to_buffer(entry.serial), sample::serial(1));
    EXPECT_EQ(entry.revoked_at, revocation.revoked_at);
    EXPECT_EQ(entry.reason, CrlReason::key_compromise);
    EXPECT_EQ(entry.invalidity_date, at(-100));
    return ok();
  }));
  EXPECT_EQ(visited, 1u);
}

TEST_P(DatabaseContract, ARevocationIsForGoodAndNothingOfItMoves) {
  issue(1);
  ASSERT_TRUE(revoke(1));
  for (const CrlReason reason :
       {CrlReason::superseded, CrlReason::certificate_hold, CrlReason::key_compromise})
    EXPECT_FAILS(revoke(1, reason), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::conflict);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, sample::revocation(1));
}

TEST_P(DatabaseContract, AHoldIsLiftedAndMayComeAgain) {
  const RequestId id = issue(1);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  EXPECT_FAILS(revoke(1, CrlReason::certificate_hold), Errc::conflict);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }));
  EXPECT_EQ(disposition(id), Disposition::issued);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, std::nullopt);
  EXPECT_THAT(revoked_serials(), IsEmpty());
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::not_found);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  EXPECT_EQ(disposition(id), Disposition::revoked);
}

TEST_P(DatabaseContract, AHoldTurnedIntoAnotherReasonKeepsItsDate) {
  issue(1);
  RevocationRecord hold = sample::revocation(1, CrlReason::certificate_hold);
  hold.invalidity_date = at(-7);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, hold); }));
  RevocationRecord later = sample::revocation(1, CrlReason::key_compromise);
  later.revoked_at = at(9000);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, later); }));
  RevocationRecord expected = hold;
  expected.reason = CrlReason::key_compromise;
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation, expected);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::conflict);
}

TEST_P(DatabaseContract, TurningAHoldMayTellSinceWhenTheKeyWasInDoubt) {
  issue(1);
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  RevocationRecord later = sample::revocation(1, CrlReason::key_compromise);
  later.invalidity_date = at(-50);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.revoke(authority_, later); }));
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).value().revocation->invalidity_date, at(-50));
}

TEST_P(DatabaseContract, OnlySignedCertificatesOfThisAuthorityAreRevoked) {
  const AuthorityId other = add_authority("Other CA");
  issue(1);
  add_intent(2);
  EXPECT_FAILS(revoke(99), Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.revoke(other, sample::revocation(1)); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(other, sample::serial(1)); }), Errc::not_found);
  EXPECT_FAILS(revoke(2), Errc::conflict);
  EXPECT_FAILS(revoke(1, CrlReason::remove_from_crl), Errc::usage);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.release(authority_, sample::serial(1)); }),
               Errc::not_found);
  EXPECT_THAT(revoked_serials(), IsEmpty());
}

TEST_P(DatabaseContract, TheListOfAKeyIsInSerialOrderAndHoldsWhatIsNotExpired) {
  const auto add = [&](std::uint32_t n, std::uint16_t key_index, std::int64_t end) {
    CertificateRecord record = sample::certificate(add_request(), authority_, n);
    record.key_index = key_index;
    record.not_after = at(end);
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      TRY(t.insert_intent(record));
      TRY(t.complete_intent(record.request, sample::signature(n)));
      return t.revoke(authority_, sample::revocation(n));
    }));
  };
  add(0xffffffff, 3, 100);
  add(5, 3, 200);
  add(0x80000000, 3, 300);
  add(7, 2, 300);
  add(8, 4, 300);
  EXPECT_THAT(revoked_serials(3),
              ElementsAre(sample::serial(5), sample::serial(0x80000000), sample::serial(0xffffffff)));
  EXPECT_THAT(revoked_serials(3, at(100)),
              ElementsAre(sample::serial(5), sample::serial(0x80000000), sample::serial(0xffffffff)));
  EXPECT_THAT(revoked_serials(3, at(101)), ElementsAre(sample::serial(5), sample::serial(0x80000000)));
  EXPECT_THAT(revoked_serials(3, at(301)), IsEmpty());
  EXPECT_THAT(revoked_serials(2), ElementsAre(sample::serial(7)));
  EXPECT_THAT(revoked_serials(4), ElementsAre(sample::serial(8)));
  EXPECT_THAT(revoked_serials(5), IsEmpty());
}

TEST_P(DatabaseContract, TheWalkStopsAtTheFirstFailureAndMayAskOtherThings) {
  for (std::uint32_t n = 1; n <= 5; ++n) {
    issue(n);
    ASSERT_TRUE(revoke(n));
  }
  int visited = 0;
  const auto view = snapshot();
  const Status status =
      view->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry& entry) -> Status {
        TRY(view->certificate(entry.serial));
        std::size_t inner = 0;
        TRY(view->for_each_revoked(authority_, 3, at(0), [&](const Snapshot::RevokedEntry&) {
          ++inner;
          return ok();
        }));
        EXPECT_EQ(inner, 5u);
        if (++visited == 3) return make_error(Errc::limit_exceeded, "enough");
        return ok();
      });
  EXPECT_FAILS(status, Errc::limit_exceeded);
  EXPECT_EQ(visited, 3);
  EXPECT_EQ(revoked_serials().size(), 5u);
}

// --- changes of revocations ---

struct Changed {
  std::uint32_t n = 0;
  CrlReason reason{};
  std::uint64_t changed = 0;
  bool released = false;
  std::uint64_t held_since = 0;
  bool operator==(const Changed&) const = default;
};
void PrintTo(const Changed& c, std::ostream* out) {
  *out << c.n << " reason " << static_cast<int>(c.reason) << " by " << c.changed
       << (c.released ? " released since " : " ") << c.held_since;
}

std::vector<Changed> changes_after(const Snapshot& snapshot, AuthorityId authority, std::uint64_t after,
                                   std::uint16_t key_index = 3) {
  std::vector<Changed> changes;
  EXPECT_TRUE(
      snapshot.for_each_changed(authority, key_index, after, [&](const Snapshot::ChangedEntry& entry) {
        std::uint32_t n = 0;
        for (std::size_t i = 0; i < 4; ++i) n = n << 8 | entry.serial[i];
        EXPECT_EQ(to_buffer(entry.serial), sample::serial(n));
        EXPECT_EQ(entry.not_after, at(1'000'000));
        EXPECT_EQ(entry.revoked_at, at(500));
        changes.push_back({n, entry.reason, entry.changed, entry.released, entry.held_since});
        return ok();
      }));
  return changes;
}

TEST_P(DatabaseContract, ChangesOfRevocationsAreNumberedAndFoundFromANumberOn) {
  for (std::uint32_t n = 1; n <= 4; ++n) issue(n);
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 0u);
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0), IsEmpty());
  ASSERT_TRUE(revoke(3));
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));
  ASSERT_TRUE(revoke(2, CrlReason::superseded));
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 3u);
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0),
              ElementsAre(Changed{3, CrlReason::key_compromise, 1},
                          Changed{1, CrlReason::certificate_hold, 2}, Changed{2, CrlReason::superseded, 3}));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 2), ElementsAre(Changed{2, CrlReason::superseded, 3}));
  // A hold that becomes final is a change of its own, and stands where it happened.
  ASSERT_TRUE(revoke(1, CrlReason::ca_compromise));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 2),
              ElementsAre(Changed{2, CrlReason::superseded, 3}, Changed{1, CrlReason::ca_compromise, 4}));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 4), IsEmpty());
  EXPECT_THAT(changes_after(*snapshot(), authority_, 0, 1), IsEmpty()) << "another key";
  EXPECT_THAT(changes_after(*snapshot(), add_authority("Other CA"), 0), IsEmpty());
  EXPECT_FAILS(revoke(2), Errc::conflict);
  EXPECT_EQ(snapshot()->last_change(authority_).value(), 4u) << "what was refused takes no number";
}

TEST_P(DatabaseContract, ALiftedHoldIsAChangeThatRemembersSinceWhenItMayStandOnACrl) {
  for (std::uint32_t n = 1; n <= 2; ++n) issue(n);
  const auto release = [&](std::uint32_t n) {
    return commit([&](Transaction& t) { return t.release(authority_, sample::serial(n)); });
  };
  Changed lifted{1, CrlReason::remove_from_crl, 2, true, 1};
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));  // 1
  ASSERT_TRUE(release(1));                              // 2
  EXPECT_THAT(changes_after(*snapshot(), authority_, 1), ElementsAre(lifted));
  ASSERT_TRUE(revoke(2));                               // 3
  ASSERT_TRUE(revoke(1, CrlReason::certificate_hold));  // 4: held again: no longer a release
  EXPECT_THAT(
      changes_after(*snapshot(), authority_, 1),
      ElementsAre(Changed{2, CrlReason::key_compromise, 3}, Changed{1, CrlReason::certificate_hold, 4}));
  ASSERT_TRUE(release(1));  // 5: a CRL from between 1 and 2 has it still
  lifted.changed = 5;
  EXPECT_THAT(changes_after(*snapshot(), authority_, 1),
              ElementsAre(Changed{2, CrlReason::key_compromise, 3}, lifted));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 4), ElementsAre(lifted));
  EXPECT_THAT(changes_after(*snapshot(), authority_, 5), IsEmpty());
}

TEST_P(DatabaseContract, AVisitorOfChangesMayStop) {
  for (std::uint32_t n = 1; n <= 3; ++n) {
    issue(n);
    ASSERT_TRUE(revoke(n));
  }
  int visited = 0;
  EXPECT_FAILS(snapshot()->for_each_changed(authority_, 3, 0,
                                            [&](const Snapshot::ChangedEntry&) -> Status {
                                              if (++visited == 2)
                                                return make_error(Errc::limit_exceeded, "enough");
                                              return ok();
                                            }),
               Errc::limit_exceeded);
  EXPECT_EQ(visited, 2);
}

// --- CRLs ---

TEST_P(DatabaseContract, TheNewestPublishedCrlsOfAKey) {
  const auto insert = [&](std::uint64_t number, bool delta, std::uint16_t key_index, bool published) {
    CrlRecord record = sample::crl(authority_, number);
    record.delta = delta;
    record.key_index = key_index;
    if (delta) record.base_number = 1;
    record.last_change = number + 7;
    record.scope = sample::octets({0x30, 0x00});
    if (published) record.sha256 = Buffer(32, 1);
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_crl(record); }));
    return record;
  };
  const CrlRecord base = insert(1, false, 1, true), delta = insert(2, true, 1, true);
  insert(3, false, 2, true);
  const CrlRecord newer = insert(4, false, 1, true);
  insert(5, false, 1, false);
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 9).value(), ElementsAre(newer, base));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 1).value(), ElementsAre(newer));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, true, 9).value(), ElementsAre(delta));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 7, false, 9).value(), IsEmpty());
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 1, 2).value(), ElementsAre(9u, 11u, 12u))
      << "the unpublished one counts too";
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 7, 0).value(), IsEmpty());
}

// --- shards ---

TEST_P(DatabaseContract, AShardIsVisitedAloneAndTheCompleteListHasAll) {
  const auto issue_in = [&](std::uint32_t n, std::uint32_t shard) {
    const RequestId id = add_request(sample::request(authority_));
    CertificateRecord certificate = sample::certificate(id, authority_, n);
    certificate.shard = shard;
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_intent(certificate); }));
    EXPECT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(n)); }));
    EXPECT_EQ(snapshot()->certificate_of_request(id)->shard, shard);
    EXPECT_EQ(snapshot()->certificate(sample::serial(n))->shard, shard);
  };
  const auto revoked = [&](std::uint32_t shard) {
    std::vector<Buffer> serials;
    EXPECT_TRUE(
        snapshot()->for_each_revoked(authority_, 3, shard, at(0), [&](const Snapshot::RevokedEntry& entry) {
          serials.push_back(to_buffer(entry.serial));
          return ok();
        }));
    return serials;
  };
  const auto changed = [&](std::uint32_t shard, std::uint64_t after) {
    std::vector<std::pair<Buffer, bool>> entries;
    EXPECT_TRUE(
        snapshot()->for_each_changed(authority_, 3, shard, after, [&](const Snapshot::ChangedEntry& entry) {
          entries.emplace_back(to_buffer(entry.serial), entry.released);
          return ok();
        }));
    return entries;
  };
  using Changes = std::vector<std::pair<Buffer, bool>>;
  const Buffer one = sample::serial(1), two = sample::serial(2), three = sample::serial(3);
  issue_in(1, 0);
  issue_in(2, 2);
  issue_in(3, 5);
  issue_in(4, 2);
  ASSERT_TRUE(revoke(3));                               // change 1
  ASSERT_TRUE(revoke(2, CrlReason::certificate_hold));  // change 2
  ASSERT_TRUE(revoke(1));                               // change 3
  EXPECT_THAT(revoked(0), ElementsAre(one, two, three));
  EXPECT_THAT(revoked(2), ElementsAre(two));
  EXPECT_THAT(revoked(5), ElementsAre(three));
  EXPECT_THAT(revoked(3), IsEmpty());
  EXPECT_EQ(changed(2, 0), (Changes{{two, false}}));
  EXPECT_EQ(changed(2, 2), Changes{});
  EXPECT_EQ(changed(0, 1), (Changes{{two, false}, {one, false}}));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.release(authority_, two); }));
  EXPECT_THAT(revoked(2), IsEmpty());
  EXPECT_EQ(changed(2, 0), (Changes{{two, true}}));
  EXPECT_EQ(changed(5, 0), (Changes{{three, false}}));
  EXPECT_EQ(changed(0, 0), (Changes{{three, false}, {one, false}, {two, true}}));
}

TEST_P(DatabaseContract, ShardsAreCarriedUntilTheLastCertificateEnds) {
  std::uint32_t n = 0;
  const auto issue_until = [&](std::uint16_t key_index, std::uint32_t shard, std::int64_t set, int end) {
    CertificateRecord certificate =
        sample::certificate(add_request(sample::request(authority_)), authority_, ++n);
    certificate.key_index = key_index;
    certificate.shard = shard;
    certificate.location_set = set;
    certificate.not_after = at(end);
    return commit([&](Transaction& t) { return t.insert_intent(certificate); });
  };
  std::int64_t set = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    set = TRY(t.location_set(authority_, "cdp http://a/b<CRLShardSuffix>.crl\n"));
    return ok();
  }));
  ASSERT_TRUE(issue_until(1, 2, set, 50));
  ASSERT_TRUE(issue_until(1, 2, set, 40)) << "ends sooner: changes nothing";
  ASSERT_TRUE(issue_until(1, 2, 0, 45));
  ASSERT_TRUE(issue_until(0, 7, set, 10));
  ASSERT_TRUE(issue_until(0, 7, set, 20));
  ASSERT_TRUE(issue_until(0, 0, set, 99)) << "is in no shard";
  const std::string text = "cdp http://a/b<CRLShardSuffix>.crl\n";
  EXPECT_THAT(snapshot()->carried_shards(authority_).value(),
              ElementsAre(CarriedShard{0, 7, text, at(20)}, CarriedShard{1, 2, "", at(45)},
                          CarriedShard{1, 2, text, at(50)}));
  EXPECT_THAT(snapshot()->carried_shards(add_authority("Other CA")).value(), IsEmpty());
  // What fails leaves nothing behind.
  CertificateRecord again = sample::certificate(add_request(sample::request(authority_)), authority_, 1);
  again.shard = 9;
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(again); }), Errc::conflict);
  EXPECT_EQ(snapshot()->carried_shards(authority_)->size(), 3u);
}

TEST_P(DatabaseContract, CrlsAndTargetsOfAShardStandApart) {
  const auto insert = [&](std::uint64_t number, std::uint32_t shard, bool delta) {
    CrlRecord record = sample::crl(authority_, number);
    record.shard = shard;
    record.delta = delta;
    record.last_change = number + 7;
    record.sha256 = Buffer(32, 1);
    EXPECT_TRUE(commit([&](Transaction& t) { return t.insert_crl(record); }));
    return record;
  };
  const CrlRecord complete = insert(1, 0, false), first = insert(2, 4, false);
  insert(3, 5, false);
  const CrlRecord delta = insert(4, 4, true), second = insert(5, 4, false);
  EXPECT_THAT(snapshot()->newest_crls({authority_, 1, false, 4}, 9).value(), ElementsAre(second, first));
  EXPECT_THAT(snapshot()->newest_crls({authority_, 1, true, 4}, 9).value(), ElementsAre(delta));
  EXPECT_THAT(snapshot()->newest_crls(authority_, 1, false, 9).value(), ElementsAre(complete));
  EXPECT_THAT(snapshot()->changes_on_crls(authority_, 1, 4, 3).value(), ElementsAre(11u, 12u));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 5u) << "one sequence for all";

  CrlTarget target{authority_, 1, false, "/a~4.crl", 5, 5, at(3), ""};
  target.shard = 4;
  const CrlTarget other{authority_, 1, false, "/a.crl", 1, 1, at(3), ""};
  for (const CrlTarget* each : std::initializer_list<const CrlTarget*>{&target, &other})
    ASSERT_TRUE(commit([&](Transaction& t) { return t.put_crl_target(*each); }));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, false, 4}).value(), ElementsAre(target));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, false, 0}).value(), ElementsAre(other));
  EXPECT_THAT(snapshot()->crl_targets({authority_, 1, true, 4}).value(), IsEmpty());
  EXPECT_EQ(snapshot()->crl_targets(authority_)->size(), 2u);
}

TEST_P(DatabaseContract, TargetsOfPublicationKeepTheirNewestState) {
  const auto put = [&](const CrlTarget& target) {
    return commit([&](Transaction& t) { return t.put_crl_target(target); });
  };
  CrlTarget first{authority_, 0, false, "/a.crl", 4, 5, at(3), "no space"};
  const CrlTarget second{authority_, 0, true, "/a+.crl", 6, 6, at(4), ""};
  ASSERT_TRUE(put(second));
  ASSERT_TRUE(put(first));
  EXPECT_THAT(snapshot()->crl_targets(authority_).value(), ElementsAre(first, second));
  first.number = 7;
  first.wanted = 7;
  first.error.clear();
  ASSERT_TRUE(put(first));
  EXPECT_THAT(snapshot()->crl_targets(authority_).value(), ElementsAre(first, second));
  EXPECT_THAT(snapshot()->crl_targets(add_authority("Other CA")).value(), IsEmpty());
  first.authority = 99;
  EXPECT_FAILS(put(first), Errc::not_found);
}

// --- locations ---

TEST_P(DatabaseContract, LocationSetsAreRememberedOnceAndCounted) {
  const AuthorityId other = add_authority("Other CA");
  std::int64_t old_set = 0, new_set = 0, of_other = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    old_set = TRY(t.location_set(authority_, "http://old"));
    new_set = TRY(t.location_set(authority_, "http://new"));
    of_other = TRY(t.location_set(other, "http://old"));
    EXPECT_EQ(TRY(t.location_set(authority_, "http://old")), old_set);
    return ok();
  }));
  EXPECT_NE(old_set, 0);
  EXPECT_NE(old_set, new_set);
  EXPECT_NE(old_set, of_other);
  EXPECT_THAT(snapshot()->location_sets(authority_, at(0)).value(),
              ElementsAre(LocationSet{old_set, "http://old", 0}, LocationSet{new_set, "http://new", 0}));
  for (std::uint32_t n = 1; n <= 3; ++n) {
    const RequestId id = add_request();
    CertificateRecord certificate = sample::certificate(id, authority_, n);
    certificate.location_set = old_set;
    certificate.not_after = at(n);
    ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_intent(certificate); }));
    EXPECT_EQ(snapshot()->certificate_of_request(id)->location_set, old_set);
  }
  EXPECT_THAT(snapshot()->location_sets(authority_, at(2)).value(),
              ElementsAre(LocationSet{old_set, "http://old", 2}, LocationSet{new_set, "http://new", 0}));
  EXPECT_THAT(snapshot()->location_sets(other, at(0)).value(),
              ElementsAre(LocationSet{of_other, "http://old", 0}));
  issue(9);  // one of which nothing is recorded
  EXPECT_EQ(snapshot()->location_sets(authority_, at(0)).value().front(), (LocationSet{0, "", 1}));
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 CertificateRecord certificate =
                     sample::certificate(TRY(t.insert_request(sample::request(authority_))), authority_, 77);
                 certificate.location_set = 12345;
                 return t.insert_intent(certificate);
               }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.location_set(12345, "http://x"));
                 return ok();
               }),
               Errc::not_found);
}

TEST_P(DatabaseContract, CrlNumbersOnlyRise) {
  const AuthorityId other = add_authority("Other CA");
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 0u);
  const auto insert = [&](const CrlRecord& record) {
    return commit([&](Transaction& t) { return t.insert_crl(record); });
  };
  EXPECT_FAILS(insert(sample::crl(authority_, 0)), Errc::conflict);
  ASSERT_TRUE(insert(sample::crl(authority_, 5)));
  EXPECT_FAILS(insert(sample::crl(authority_, 5)), Errc::conflict);
  EXPECT_FAILS(insert(sample::crl(authority_, 4)), Errc::conflict);
  CrlRecord of_another_key = sample::crl(authority_, 5);
  of_another_key.key_index = 2;
  EXPECT_FAILS(insert(of_another_key), Errc::conflict);
  ASSERT_TRUE(insert(sample::crl(authority_, 6)));
  ASSERT_TRUE(insert(sample::crl(other, 1)));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), 6u);
  EXPECT_EQ(snapshot()->last_crl_number(other).value(), 1u);
  EXPECT_FAILS(insert(sample::crl(123, 1)), Errc::not_found);
  EXPECT_FAILS(insert(sample::crl(authority_, std::uint64_t{1} << 63)), Errc::limit_exceeded);
  ASSERT_TRUE(insert(sample::crl(authority_, (std::uint64_t{1} << 63) - 1)));
  EXPECT_EQ(snapshot()->last_crl_number(authority_).value(), (std::uint64_t{1} << 63) - 1);
}

TEST_P(DatabaseContract, ACrlIsReservedThenFilledInAndListedNewestFirst) {
  CrlRecord first = sample::crl(authority_, 1), second = sample::crl(authority_, 2);
  second.delta = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_crl(first));
    return t.insert_crl(second);
  }));
  EXPECT_THAT(snapshot()->crls(authority_).value(), ElementsAre(second, first));
  first.entries = 1'000'000;
  first.size = 40'000'000;
  first.sha256 = Buffer(32, 0xab);
  first.file = "crl/First CA.crl";
  CrlRecord given = first;
  given.last_change = 17;
  given.this_update = at(12345);  // what was reserved stays
  given.key_index = 9;
  given.delta = true;
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_crl(given); }));
  EXPECT_THAT(snapshot()->crls(authority_).value(), ElementsAre(second, first));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_crl(sample::crl(authority_, 3)); }),
               Errc::not_found);
  EXPECT_THAT(snapshot()->crls(authority_ + 1).value(), IsEmpty());
}

// --- templates ---

TEST_P(DatabaseContract, TheNewestVersionOfATemplateCountsAndAllAreKept) {
  const auto insert = [&](const TemplateRecord& record) {
    return commit([&](Transaction& t) { return t.insert_template(record); });
  };
  const TemplateRecord v1_0 = sample::certificate_template("Wéb", 1, 0),
                       v1_9 = sample::certificate_template("Wéb", 1, 9),
                       v1_10 = sample::certificate_template("Wéb", 1, 10),
                       v2_0 = sample::certificate_template("Wéb", 2, 0),
                       user = sample::certificate_template("User", 4, 1);
  for (const TemplateRecord& record : {v1_0, v1_10, v1_9, user}) ASSERT_TRUE(insert(record));
  EXPECT_EQ(snapshot()->certificate_template("Wéb").value(), v1_10);
  ASSERT_TRUE(insert(v2_0));
  EXPECT_EQ(snapshot()->certificate_template("Wéb").value(), v2_0);
  EXPECT_THAT(snapshot()->templates().value(), ElementsAre(user, v2_0));
  EXPECT_THAT(snapshot()->template_history("Wéb").value(), ElementsAre(v1_0, v1_9, v1_10, v2_0));
  EXPECT_FAILS(insert(v1_9), Errc::conflict);
  EXPECT_FAILS(snapshot()->certificate_template("wéb"), Errc::not_found);
  EXPECT_THAT(snapshot()->template_history("none").value(), IsEmpty());
}

TEST_P(DatabaseContract, ARemovedTemplateIsGoneButForItsHistoryAndComesBackWithANewVersion) {
  TemplateRecord record = sample::certificate_template("Web", 1, 0),
                 removed = sample::certificate_template("Web", 1, 1);
  removed.removed = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_template(record));
    TRY(t.publish_template(authority_, "Web"));
    return t.insert_template(removed);
  }));
  EXPECT_FAILS(snapshot()->certificate_template("Web"), Errc::not_found);
  EXPECT_THAT(snapshot()->templates().value(), IsEmpty());
  EXPECT_THAT(snapshot()->template_history("Web").value(), ElementsAre(record, removed));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), IsEmpty()) << "nobody issues what is gone";
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(authority_, "Web"); }),
               Errc::not_found);
  const TemplateRecord again = sample::certificate_template("Web", 1, 2);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_template(again); }));
  EXPECT_EQ(snapshot()->certificate_template("Web").value(), again);
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), IsEmpty());
}

TEST_P(DatabaseContract, TemplatesArePublishedByAuthority) {
  const AuthorityId other = add_authority("Other CA");
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    for (const char* name : {"Web", "User", "Code"})
      TRY(t.insert_template(sample::certificate_template(name, 1, 0)));
    TRY(t.publish_template(authority_, "Web"));
    TRY(t.publish_template(authority_, "User"));
    TRY(t.publish_template(authority_, "Web"));  // again: no harm
    return t.publish_template(other, "Code");
  }));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), ElementsAre("User", "Web"));
  EXPECT_THAT(snapshot()->published_templates(other).value(), ElementsAre("Code"));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.withdraw_template(authority_, "Web"); }));
  EXPECT_THAT(snapshot()->published_templates(authority_).value(), ElementsAre("User"));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.withdraw_template(authority_, "Web"); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(authority_, "none"); }),
               Errc::not_found);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.publish_template(55, "Web"); }), Errc::not_found);
}

// --- commits and snapshots ---

TEST_P(DatabaseContract, AFailingWorkTakesBackEverythingItWroteAndItsErrorComesBackUnchanged) {
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_key_generation(generation(authority_, 0, 0)));
    TRY(t.insert_template(sample::certificate_template("Web", 1, 0)));
    return t.publish_template(authority_, "Web");
  }));
  const RequestId open = add_intent(1), held = issue(2), plain = issue(3),
                  pending = add_request(Disposition::pending);
  ASSERT_TRUE(revoke(2, CrlReason::certificate_hold));
  const auto before = snapshot();
  const Status status = commit([&](Transaction& t) -> Status {
    (void)TRY(t.insert_authority(sample::authority("Lost CA")));
    TRY(t.update_settings(authority_, "lost"));
    TRY(t.insert_key_generation(generation(authority_, 1, 1)));
    KeyGeneration changed = generation(authority_, 0, 7);
    changed.chain = {sample::octets({1})};
    TRY(t.update_key_generation(changed));
    RequestRecord lost = sample::request(authority_);
    lost.transaction = "lost";
    (void)TRY(t.insert_request(lost));
    lost.id = pending;
    lost.transaction = "lost too";
    TRY(t.update_request(lost));
    TRY(t.insert_intent(sample::certificate(pending, authority_, 9)));
    TRY(t.abandon_intent(pending, "lost"));
    TRY(t.complete_intent(open, sample::signature(1)));
    TRY(t.release(authority_, sample::serial(2)));
    TRY(t.revoke(authority_, sample::revocation(3)));
    TRY(t.insert_crl(sample::crl(authority_, 1)));
    TRY(t.insert_template(sample::certificate_template("Lost", 1, 0)));
    TemplateRecord removed = sample::certificate_template("Web", 1, 1);
    removed.removed = true;
    TRY(t.insert_template(removed));
    return make_error(Errc::denied, "changed my mind").with_hint("none");
  });
  EXPECT_FAILS(status, Errc::denied);
  EXPECT_EQ(status.error().message(), "changed my mind");
  EXPECT_EQ(status.error().hint(), "none");

  const auto after = snapshot();
  EXPECT_EQ(after->authorities().value(), before->authorities().value());
  EXPECT_EQ(after->key_generations(authority_).value(), before->key_generations(authority_).value());
  EXPECT_EQ(after->requests({}).value(), before->requests({}).value());
  for (const RequestId id : {open, held, plain, pending})
    EXPECT_EQ(after->request(id).value(), before->request(id).value());
  EXPECT_EQ(after->certificates({}).value(), before->certificates({}).value());
  EXPECT_EQ(after->orphans(authority_).value(), before->orphans(authority_).value());
  EXPECT_EQ(after->request_of_transaction(authority_, "lost").value(), std::nullopt);
  EXPECT_EQ(after->last_crl_number(authority_).value(), 0u);
  EXPECT_EQ(after->templates().value(), before->templates().value());
  EXPECT_EQ(after->template_history("Lost").value(), before->template_history("Lost").value());
  EXPECT_THAT(after->published_templates(authority_).value(), ElementsAre("Web"));
  // The serial and the transaction keys of what was taken back are free.
  EXPECT_TRUE(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(pending, authority_, 9)); }));
  RequestRecord again = sample::request(authority_);
  again.transaction = "lost";
  add_request(again);
}

TEST_P(DatabaseContract, WorksThatFailAmongOthersLeaveTheOthersAlone) {
  constexpr int kThreads = 8, kEach = 40;
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        for (int n = 0; n < kEach; ++n) {
          const auto number = static_cast<std::uint32_t>(i * kEach + n);
          const bool fails = n % 3 == 0;
          const Status status = commit([&](Transaction& t) -> Status {
            const RequestId id = TRY(t.insert_request(sample::request(authority_)));
            TRY(t.insert_intent(sample::certificate(id, authority_, number)));
            if (fails) return make_error(Errc::denied, "work {}", number);
            return t.complete_intent(id, sample::signature(number));
          });
          ASSERT_EQ(status.has_value(), !fails);
          if (fails) {
            EXPECT_EQ(status.error().message(), fmt::format("work {}", number));
          }
          if (fails) ++failed;
          // What was committed is seen from here on.
          EXPECT_EQ(snapshot()->certificate(sample::serial(number)).has_value(), !fails);
        }
      });
  }
  const auto view = snapshot();
  EXPECT_EQ(view->counts().value().certificates, static_cast<std::uint64_t>(kThreads * kEach - failed));
  EXPECT_EQ(view->counts().value().requests, view->counts().value().certificates);
  EXPECT_THAT(view->orphans(authority_).value(), IsEmpty());
  EXPECT_THAT(database_->check().value(), IsEmpty());
}

TEST_P(DatabaseContract, AnExceptionInAWorkIsItsErrorAndTakesItsWritesBack) {
  const Status status = commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "lost"));
    throw std::runtime_error("thrown");
  });
  EXPECT_FAILS(status, Errc::internal);
  EXPECT_THAT(std::string(status.error().message()), HasSubstr("thrown"));
  EXPECT_NE(snapshot()->authority("First CA").value().settings, "lost");
  EXPECT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "kept"); }));
}

TEST_P(DatabaseContract, CommitInsideAWorkIsAnError) {
  Status inner = ok();
  EXPECT_TRUE(commit([&](Transaction&) {
    inner = database_->commit([](Transaction&) { return ok(); });
    return ok();
  }));
  EXPECT_FAILS(inner, Errc::internal);
}

TEST_P(DatabaseContract, ASnapshotSeesOneStateHoweverLongItIsHeld) {
  issue(1);
  const auto view = snapshot();
  issue(2);
  ASSERT_TRUE(revoke(1));
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "later"));
    return t.insert_crl(sample::crl(authority_, 1));
  }));
  const auto later = snapshot();
  EXPECT_EQ(view->counts().value().certificates, 1u);
  EXPECT_EQ(view->certificate(sample::serial(1)).value().revocation, std::nullopt);
  EXPECT_FAILS(view->certificate(sample::serial(2)), Errc::not_found);
  EXPECT_EQ(view->last_crl_number(authority_).value(), 0u);
  EXPECT_NE(view->authority("First CA").value().settings, "later");
  EXPECT_EQ(later->counts().value().certificates, 2u);
  EXPECT_EQ(later->last_crl_number(authority_).value(), 1u);
  issue(3);
  EXPECT_EQ(later->counts().value().certificates, 2u);
}

TEST_P(DatabaseContract, AWorkIsSeenAsAWholeOrNotAtAll) {
  constexpr int kReaders = 3;
  std::latch reading(kReaders);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int i = 0; i < kReaders; ++i)
    readers.emplace_back([&] {
      bool first = true;
      while (!stop || first) {
        const auto view = snapshot();
        const std::uint64_t last = view->last_crl_number(authority_).value();
        const std::string settings = view->authority("First CA").value().settings;
        if (last != 0) {
          EXPECT_EQ(settings, std::to_string(last));
        }
        if (std::exchange(first, false)) reading.count_down();
      }
    });
  reading.wait();
  for (std::uint64_t n = 1; n <= 200; ++n)
    EXPECT_TRUE(commit([&](Transaction& t) -> Status {
      TRY(t.update_settings(authority_, std::to_string(n)));
      return t.insert_crl(sample::crl(authority_, n));
    }));
  stop = true;
}

TEST_P(DatabaseContract, ASnapshotMayOutliveTheDatabase) {
  issue(1);
  auto view = snapshot();
  database_.reset();
  EXPECT_EQ(view->counts().value().certificates, 1u);
}

TEST_P(DatabaseContract, AKeyBelongsToTheFirstRequestWithACertificate) {
  const std::uint64_t key = 0xfedcba9876543210;  // does not fit a number with a sign
  EXPECT_EQ(snapshot()->key_history(key).value(), KeyHistory());
  RequestId first = 0, second = 0, holder = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    first = TRY(t.insert_request(sample::request(authority_)));
    holder = TRY(t.certify_key(key, first));
    TRY(t.insert_intent(sample::certificate(first, authority_, 1)));
    EXPECT_EQ(t.key_history(key).value().certified, first) << "a transaction sees its own";
    return ok();
  }));
  EXPECT_EQ(holder, first);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    second = TRY(t.insert_request(sample::request(authority_, Disposition::denied)));
    holder = TRY(t.certify_key(key, second));
    return ok();
  }));
  EXPECT_EQ(holder, first);
  EXPECT_EQ(snapshot()->key_history(key).value().certified, first);
  EXPECT_EQ(snapshot()->key_history(key + 1).value().certified, std::nullopt);
  EXPECT_THAT(database_->check().value(), IsEmpty());
}

TEST_P(DatabaseContract, AnAbandonedIntentGivesItsKeyFree) {
  RequestId first = 0, second = 0, holder = 0;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    first = TRY(t.insert_request(sample::request(authority_)));
    (void)TRY(t.certify_key(7, first));
    return t.insert_intent(sample::certificate(first, authority_, 1));
  }));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.abandon_intent(first, "gone"); }));
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    second = TRY(t.insert_request(sample::request(authority_)));
    holder = TRY(t.certify_key(7, second));
    return ok();
  }));
  EXPECT_EQ(holder, second);
}

TEST_P(DatabaseContract, ACompromisedKeyStaysSo) {
  issue(1);
  issue(2);
  const auto requests = snapshot()->requests({}).value();
  ASSERT_GE(requests.size(), 2u);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{0}})
    ASSERT_TRUE(commit([&](Transaction& t) { return t.mark_key_compromised(9, requests[i].id); }));
  EXPECT_EQ(snapshot()->key_history(9).value().compromised, requests[0].id) << "the first who said so";
  EXPECT_EQ(snapshot()->key_history(9).value().certified, std::nullopt);
}

TEST_P(DatabaseContract, AFailedFunctionTakesItsKeysBack) {
  issue(1);
  const RequestId id = snapshot()->requests({}).value().front().id;
  EXPECT_FALSE(commit([&](Transaction& t) -> Status {
    (void)TRY(t.certify_key(3, id));
    TRY(t.mark_key_compromised(4, id));
    return make_error(Errc::denied, "no");
  }));
  EXPECT_EQ(snapshot()->key_history(3).value(), KeyHistory());
  EXPECT_EQ(snapshot()->key_history(4).value(), KeyHistory());
}

TEST_P(DatabaseContract, ChangesOfTemplatesAreCounted) {
  const std::uint64_t before = snapshot()->template_changes().value();
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 0)); }));
  const std::uint64_t between = snapshot()->template_changes().value();
  EXPECT_GT(between, before);
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 1)); }));
  EXPECT_GT(snapshot()->template_changes().value(), between);
  EXPECT_FALSE(
      commit([&](Transaction& t) { return t.insert_template(sample::certificate_template("A", 1, 1)); }));
  EXPECT_EQ(snapshot()->template_changes().value(), between + 1);
}

TEST_P(DatabaseContract, CountsCountWhatTheySay) {
  EXPECT_EQ(snapshot()->counts().value().requests, 0u);
  add_request(Disposition::pending);
  add_request(Disposition::pending);
  add_request(Disposition::denied);
  add_intent(1);
  issue(2);
  issue(3);
  ASSERT_TRUE(revoke(3));
  TemplateRecord removed = sample::certificate_template("B", 1, 1);
  removed.removed = true;
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_crl(sample::crl(authority_, 1)));
    TRY(t.insert_template(sample::certificate_template("A", 1, 0)));
    TRY(t.insert_template(sample::certificate_template("A", 1, 1)));
    TRY(t.insert_template(sample::certificate_template("B", 1, 0)));
    return t.insert_template(removed);
  }));
  const Counts counts = snapshot()->counts().value();
  EXPECT_EQ(counts.requests, 6u);
  EXPECT_EQ(counts.pending, 2u);
  EXPECT_EQ(counts.certificates, 2u);
  EXPECT_EQ(counts.revoked, 1u);
  EXPECT_EQ(counts.crls, 1u);
  EXPECT_EQ(counts.templates, 1u);
  EXPECT_THAT(database_->check().value(), IsEmpty());
  EXPECT_FALSE(database_->backend().empty());
}

// --- audit ---

std::vector<std::int64_t> sequences(const Snapshot& view, const AuditFilter& filter) {
  std::vector<std::int64_t> found;
  EXPECT_TRUE(view.for_each_audit(filter, [&](const AuditRecord& record) {
    found.push_back(record.sequence);
    return ok();
  }));
  return found;
}

TEST_P(DatabaseContract, AuditEntriesComeBackAsTheyWereAppendedAndInOrder) {
  EXPECT_EQ(snapshot()->audit_size().value(), 0);
  for (const std::int64_t n : {1, 2, 3})
    ASSERT_TRUE(commit([&](Transaction& t) -> Status {
      EXPECT_EQ(t.audit_size().value(), n - 1);
      TRY(t.append_audit(sample::audit(n)));
      EXPECT_EQ(t.audit_size().value(), n);
      return ok();
    }));
  const auto view = snapshot();
  EXPECT_EQ(view->audit_size().value(), 3);
  std::vector<AuditRecord> records;
  ASSERT_TRUE(view->for_each_audit({}, [&](const AuditRecord& record) {
    records.push_back(record);
    return ok();
  }));
  EXPECT_THAT(records, ElementsAre(sample::audit(1), sample::audit(2), sample::audit(3)));
  std::vector<std::pair<std::int64_t, Buffer>> leaves;
  ASSERT_TRUE(view->for_each_audit_leaf(2, 3, [&](std::int64_t sequence, Bytes leaf) {
    leaves.emplace_back(sequence, to_buffer(leaf));
    return ok();
  }));
  EXPECT_THAT(leaves, ElementsAre(std::pair(std::int64_t{2}, Buffer(32, 2)),
                                  std::pair(std::int64_t{3}, Buffer(32, 3))));
}

TEST_P(DatabaseContract, AnAuditEntryFollowsTheLastOne) {
  for (const std::int64_t n : {0, 2, -1})
    EXPECT_FAILS(commit([&](Transaction& t) { return t.append_audit(sample::audit(n)); }), Errc::conflict);
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }));
  EXPECT_FAILS(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }), Errc::conflict);
  EXPECT_EQ(snapshot()->audit_size().value(), 1);
}

TEST_P(DatabaseContract, AWorkThatFailsTakesItsAuditEntryBack) {
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(1)); }));
  EXPECT_FAILS(commit([](Transaction& t) -> Status {
                 TRY(t.append_audit(sample::audit(2)));
                 return make_error(Errc::denied, "no");
               }),
               Errc::denied);
  EXPECT_EQ(snapshot()->audit_size().value(), 1);
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(2)); }));
}

TEST_P(DatabaseContract, AuditEntriesAreFound) {
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    for (std::int64_t n = 1; n <= 6; ++n) {
      AuditRecord record = sample::audit(n);
      if (n == 4) record.actor = "bob", record.action = "request", record.authority = "Other";
      TRY(t.append_audit(record));
    }
    return ok();
  }));
  const auto view = snapshot();
  const auto find = [&](auto change) {
    AuditFilter filter;
    change(filter);
    return sequences(*view, filter);
  };
  EXPECT_THAT(find([](AuditFilter& f) { f.first = 2, f.last = 3; }), ElementsAre(2, 3));
  EXPECT_THAT(find([](AuditFilter& f) { f.first = 3, f.last = 2; }), IsEmpty());
  EXPECT_THAT(find([](AuditFilter& f) { f.since = at(5); }), ElementsAre(5, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.until = at(2); }), ElementsAre(1, 2));
  EXPECT_THAT(find([](AuditFilter& f) { f.actor = "bob"; }), ElementsAre(4));
  EXPECT_THAT(find([](AuditFilter& f) { f.authority = "Other"; }), ElementsAre(4));
  EXPECT_THAT(find([](AuditFilter& f) { f.object = "request 5"; }), ElementsAre(5));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "request.issue"; }), ElementsAre(2, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "request.*"; }), ElementsAre(2, 6));
  EXPECT_THAT(find([](AuditFilter& f) { f.action = "re?uest"; }), IsEmpty());
  EXPECT_THAT(find([](AuditFilter& f) { f.newest_first = true, f.limit = 2; }), ElementsAre(6, 5));
  EXPECT_THAT(find([](AuditFilter& f) { f.limit = 2; }), ElementsAre(1, 2));
  EXPECT_FAILS(view->for_each_audit({}, [](const AuditRecord&) { return make_error(Errc::denied, "stop"); }),
               Errc::denied);
}

TEST_P(DatabaseContract, AuditHeadsKeysAndStatementsAreKept) {
  EXPECT_EQ(snapshot()->last_audit_head().value(), std::nullopt);
  const AuditHead small{2, at(1), Buffer(32, 1), "checkpoint\n", {Buffer(32, 1)}};
  const AuditHead large{7, at(2), Buffer(32, 2), "later", {Buffer(32, 2), Buffer(32, 3), Buffer(32, 4)}};
  const AuditKey key{{1, 2, 3}, "file:audit.key", at(0)};
  const AuditKey next{{1, 2, 4}, "file:audit-2.key", at(9)};
  const AuditStatement statement{authority_, 2, "what is said", {5, 0}, {9, 9}};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_audit_head(small));
    TRY(t.insert_audit_head(large));
    TRY(t.insert_audit_key(key));
    TRY(t.insert_audit_key(next));
    return t.insert_audit_statement(statement);
  }));
  const auto view = snapshot();
  EXPECT_THAT(view->audit_heads().value(), ElementsAre(small, large));
  EXPECT_EQ(view->last_audit_head().value(), large);
  EXPECT_THAT(view->audit_keys().value(), ElementsAre(key, next));
  EXPECT_THAT(view->audit_statements().value(), ElementsAre(statement));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_head(small); }), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_key(key); }), Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_audit_statement({99, 0, "", {}, {}}); }),
               Errc::not_found);
}

TEST_P(DatabaseContract, TheMirrorHearsOfEntriesBeforeTheyAreDurable) {
  std::vector<std::pair<std::int64_t, std::int64_t>> heard;
  Status answer = ok();
  EXPECT_FALSE(database_->has_audit_mirror());
  database_->mirror_audit([&](const Snapshot& state, std::int64_t before, std::int64_t after) {
    heard.emplace_back(before, after);
    EXPECT_EQ(state.audit_size().value(), after);
    return answer;
  });
  EXPECT_TRUE(database_->has_audit_mirror());
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    TRY(t.append_audit(sample::audit(1)));
    return t.append_audit(sample::audit(2));
  }));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "no entry"); }));
  EXPECT_FAILS(commit([](Transaction& t) -> Status {
                 TRY(t.append_audit(sample::audit(3)));
                 return make_error(Errc::denied, "no");
               }),
               Errc::denied);
  EXPECT_THAT(heard, ElementsAre(std::pair(std::int64_t{0}, std::int64_t{2})));
  answer = make_error(Errc::unavailable, "the mirror is full");
  const auto refused = commit([&](Transaction& t) -> Status {
    TRY(t.update_settings(authority_, "lost"));
    return t.append_audit(sample::audit(3));
  });
  EXPECT_FAILS(refused, Errc::unavailable);
  EXPECT_EQ(snapshot()->audit_size().value(), 2);
  EXPECT_EQ(snapshot()->authority("First CA").value().settings, "no entry");
  answer = ok();
  ASSERT_TRUE(commit([](Transaction& t) { return t.append_audit(sample::audit(3)); }));
  EXPECT_EQ(heard.back(), std::pair(std::int64_t{2}, std::int64_t{3}));
}

// --- roles ---

TEST_P(DatabaseContract, RoleChangesAreKeptInTheirOrder) {
  EXPECT_EQ(snapshot()->role_version().value(), 0);
  RoleChange first{0, "alice", "manager", authority_, "WebServer", "group:web", true, at(1), "root"};
  RoleChange second{0, "*", "reader", 0, "", "", false, at(2), "alice"};
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_role_change(first));
    return t.insert_role_change(second);
  }));
  first.id = 1;
  second.id = 2;
  EXPECT_THAT(snapshot()->role_changes().value(), ElementsAre(first, second));
  EXPECT_EQ(snapshot()->role_version().value(), 2);
}

TEST_P(DatabaseContract, ASerialNumberStaysUsedWhateverBecomesOfItsCertificate) {
  EXPECT_FALSE(snapshot()->serial_used(sample::serial(1)).value());
  const RequestId purged = issue(1), abandoned = add_intent(2);
  (void)issue(3);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    EXPECT_TRUE(t.serial_used(sample::serial(1)).value());
    TRY(t.abandon_intent(abandoned, "gone"));
    return t.purge_request(purged);
  }));
  for (std::uint32_t n = 1; n <= 3; ++n) EXPECT_TRUE(snapshot()->serial_used(sample::serial(n)).value()) << n;
  EXPECT_FALSE(snapshot()->serial_used(sample::serial(4)).value());
  const RequestId id = add_request();
  EXPECT_EQ(commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 1)); })
                .error()
                .code(),
            Errc::conflict);
}

TEST_P(DatabaseContract, PurgingTakesTheRequestItsCertificateAndItsRevocation) {
  RequestRecord record = sample::request(authority_);
  record.transaction = "once";
  const RequestId id = add_request(record);
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 1)); }));
  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(1)); }));
  ASSERT_TRUE(revoke(1));
  const RequestId kept = issue(2);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.purge_request(id); }));
  EXPECT_EQ(snapshot()->request(id).error().code(), Errc::not_found);
  EXPECT_EQ(snapshot()->certificate(sample::serial(1)).error().code(), Errc::not_found);
  EXPECT_EQ(snapshot()->certificate_of_request(id).error().code(), Errc::not_found);
  EXPECT_THAT(revoked_serials(), IsEmpty());
  EXPECT_THAT(certificate_ids({}), ElementsAre(kept));
  EXPECT_FALSE(snapshot()->request_of_transaction(authority_, "once").value());
  const Counts counts = snapshot()->counts().value();
  EXPECT_EQ(counts.requests, 1u);
  EXPECT_EQ(counts.certificates, 1u);
  EXPECT_EQ(counts.revoked, 0u);
  EXPECT_THAT(database_->check().value(), IsEmpty());
  EXPECT_GT(add_request(), kept);
}

TEST_P(DatabaseContract, WhatWaitsAndTheNewestRequestAreNotPurged) {
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(77); }).error().code(), Errc::not_found);
  const RequestId waiting = add_intent(1), newest = issue(2);
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(waiting); }).error().code(), Errc::conflict);
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(newest); }).error().code(), Errc::conflict);
  EXPECT_TRUE(snapshot()->request(newest));
}

TEST_P(DatabaseContract, APurgeThatFailsIsTakenBackWhole) {
  const RequestId id = issue(1);
  ASSERT_TRUE(revoke(1));
  (void)issue(2);
  EXPECT_FALSE(commit([&](Transaction& t) -> Status {
    TRY(t.purge_request(id));
    return make_error(Errc::denied, "no");
  }));
  EXPECT_TRUE(snapshot()->certificate(sample::serial(1))->revocation);
  EXPECT_EQ(snapshot()->counts()->requests, 2u);
}

TEST_P(DatabaseContract, MarksAreKeptByName) {
  EXPECT_EQ(snapshot()->mark("one").value(), "");
  ASSERT_TRUE(commit([](Transaction& t) -> Status {
    TRY(t.set_mark("one", "first"));
    TRY(t.set_mark("two", "ü"));
    EXPECT_EQ(t.mark("one").value(), "first");
    return t.set_mark("one", "second");
  }));
  EXPECT_EQ(snapshot()->mark("one").value(), "second");
  EXPECT_EQ(snapshot()->mark("two").value(), "ü");
  EXPECT_FALSE(commit([](Transaction& t) -> Status {
    TRY(t.set_mark("one", "third"));
    return make_error(Errc::denied, "no");
  }));
  EXPECT_EQ(snapshot()->mark("one").value(), "second");
}

// How a certificate comes in that was issued elsewhere: both steps in one transaction, and it stays foreign.
TEST_P(DatabaseContract, AnImportedCertificateIsForeignRevocableAndOnTheCrl) {
  const RequestId id = add_request(Disposition::foreign);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    TRY(t.insert_intent(sample::certificate(id, authority_, 1)));
    return t.complete_intent(id, sample::signature(1));
  }));
  EXPECT_EQ(disposition(id), Disposition::foreign);
  ASSERT_TRUE(revoke(1));
  EXPECT_EQ(disposition(id), Disposition::revoked);
  EXPECT_THAT(revoked_serials(), ElementsAre(sample::serial(1)));
}

TEST_P(DatabaseContract, ALostCertificateIsKnownByItsSerialOnlyAndRevocable) {
  const RequestId id = add_request(Disposition::foreign);
  ASSERT_TRUE(commit([&](Transaction& t) -> Status {
    CertificateRecord lost = sample::certificate(id, authority_, 1);
    lost.tbs.clear();
    lost.subject.clear();
    TRY(t.insert_intent(lost));
    return t.complete_intent(id, sample::octets({0}));
  }));
  const CertificateRecord record = snapshot()->certificate(sample::serial(1)).value();
  EXPECT_TRUE(record.lost());
  EXPECT_THAT(record.der(), IsEmpty());
  EXPECT_THAT(certificate_ids({}), ElementsAre(id));
  ASSERT_TRUE(revoke(1));
  EXPECT_THAT(revoked_serials(), ElementsAre(sample::serial(1)));
  // When it turns up, it takes its place.
  CertificateRecord found = sample::certificate(id, authority_, 1);
  found.signature = sample::signature(1);
  found.not_after = at(2'000'000);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_lost(found); }));
  const CertificateRecord now = snapshot()->certificate(sample::serial(1)).value();
  EXPECT_FALSE(now.lost());
  EXPECT_EQ(now.tbs, found.tbs);
  EXPECT_TRUE(now.revocation);
  EXPECT_THAT(revoked_serials(3, at(1'500'000)), ElementsAre(sample::serial(1)));
  EXPECT_EQ(commit([&](Transaction& t) { return t.complete_lost(found); }).error().code(), Errc::conflict);
  EXPECT_THAT(database_->check().value(), IsEmpty());
}

TEST_P(DatabaseContract, TheChangeMarkChangesWithEachCommit) {
  const auto before = database_->change_mark();
  (void)snapshot()->counts();
  EXPECT_EQ(database_->change_mark(), before) << "reading changes nothing";
  (void)issue(1);
  const auto issued = database_->change_mark();
  EXPECT_NE(issued, before);
  ASSERT_TRUE(revoke(1));
  EXPECT_NE(database_->change_mark(), issued);
}

// What another process commits is seen as well: a second object has its own connections.
TEST(SqliteChangeMark, SeesTheCommitsOfOthers) {
  const sample::TemporaryFolder folder;
  const auto ours = std::move(sqlite::open(folder / "vouch.db").value());
  const auto others = std::move(sqlite::open(folder / "vouch.db").value());
  for (int i = 0; i < 3; ++i) {
    const auto before = ours->change_mark();
    EXPECT_EQ(ours->change_mark(), before);
    ASSERT_TRUE(others->commit([&](Transaction& t) { return t.set_mark("n", std::to_string(i)); }));
    EXPECT_NE(ours->change_mark(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, DatabaseContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
