// CAs, their keys, and requests.

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::IsEmpty;

class RequestContract : public DatabaseContract {};

// --- authorities and keys ---

TEST_P(RequestContract, AnAuthorityComesBackAsItWasGiven) {
  AuthorityRecord record = sample::authority();
  const AuthorityId id = add_authority(record.name);
  record.id = id;
  EXPECT_NE(id, authority_);
  EXPECT_EQ(snapshot()->authority(record.name).value(), record);
  EXPECT_EQ(snapshot()->authorities().value().size(), 2u);
  EXPECT_EQ(snapshot()->authorities().value().back(), record);
}

TEST_P(RequestContract, TheNameOfAnAuthorityIsUnique) {
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.insert_authority(sample::authority("First CA")));
                 return ok();
               }),
               Errc::conflict);
  EXPECT_FAILS(snapshot()->authority("Second CA"), Errc::not_found);
  EXPECT_EQ(snapshot()->authorities().value().size(), 1u);
}

TEST_P(RequestContract, SettingsChange) {
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_settings(authority_, "hash = \"sha384\""); }));
  EXPECT_EQ(snapshot()->authority("First CA").value().settings, "hash = \"sha384\"");
  EXPECT_FAILS(commit([&](Transaction& t) { return t.update_settings(99, ""); }), Errc::not_found);
}

TEST_P(RequestContract, KeyGenerationsComeBackOldestFirstWithTheirChains) {
  KeyGeneration first = sample::generation(authority_, 0, 0), renewed = sample::generation(authority_, 1, 0),
                second = sample::generation(authority_, 2, 2);
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

TEST_P(RequestContract, InstallingACertificateReplacesTheGeneration) {
  KeyGeneration value = sample::generation(authority_, 0, 0);
  value.chain = {sample::octets({1}), sample::octets({2})};
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_key_generation(value); }));
  value.certificate = sample::octets({0x30, 7});
  value.chain = {sample::octets({3})};
  value.key_reference = "pkcs11:token=x";
  ASSERT_TRUE(commit([&](Transaction& t) { return t.update_key_generation(value); }));
  EXPECT_THAT(snapshot()->key_generations(authority_).value(), ElementsAre(value));
}

TEST_P(RequestContract, KeyGenerationsHaveTheirOwnIndexAndAnAuthority) {
  ASSERT_TRUE(
      commit([&](Transaction& t) { return t.insert_key_generation(sample::generation(authority_, 0, 0)); }));
  EXPECT_FAILS(
      commit([&](Transaction& t) { return t.insert_key_generation(sample::generation(authority_, 0, 1)); }),
      Errc::conflict);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_key_generation(sample::generation(77, 0, 0)); }),
               Errc::not_found);
  EXPECT_FAILS(
      commit([&](Transaction& t) { return t.update_key_generation(sample::generation(authority_, 5, 0)); }),
      Errc::not_found);
  KeyGeneration largest = sample::generation(authority_, 65535, 65535);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.insert_key_generation(largest); }));
  EXPECT_EQ(snapshot()->key_generations(authority_).value().back(), largest);
}

// --- requests ---

TEST_P(RequestContract, ARequestComesBackAsItWasGiven) {
  RequestRecord record = sample::request(authority_, Disposition::pending);
  record.transaction = "scep:0a1b – ü";
  record.resolved_at = at(99);
  record.resolver = "EXAMPLE\\manager";
  record.attributes.emplace("nul", std::string("a\0b", 3));
  record.id = add_request(record);
  EXPECT_EQ(snapshot()->request(record.id).value(), record);
  EXPECT_EQ(snapshot()->request_of_transaction(authority_, record.transaction).value(), record);
}

TEST_P(RequestContract, AnEmptyRequestComesBackEmpty) {
  RequestRecord record;
  record.authority = authority_;
  record.disposition = Disposition::denied;
  record.submitted_at = Time(std::chrono::seconds(-5));  // before 1970
  record.id = add_request(record);
  EXPECT_EQ(snapshot()->request(record.id).value(), record);
}

TEST_P(RequestContract, RequestNumbersRiseByOneOverAllAuthoritiesAndAreNotReusedAfterARollback) {
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

TEST_P(RequestContract, ARequestNeedsAnAuthority) {
  EXPECT_FAILS(commit([&](Transaction& t) -> Status {
                 (void)TRY(t.insert_request(sample::request(1234)));
                 return ok();
               }),
               Errc::not_found);
}

TEST_P(RequestContract, ATransactionKeyIsUniquePerAuthorityUnlessItIsEmpty) {
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

TEST_P(RequestContract, TheNewestRequestOfAClientTransactionIsFound) {
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

TEST_P(RequestContract, AnUpdateChangesEverythingButWhatItMayNot) {
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

TEST_P(RequestContract, AnUpdateCannotTakeAnothersTransactionKey) {
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

TEST_P(RequestContract, RequestsAreListedWithoutTheirBulkInOrderAndByPages) {
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

TEST_P(RequestContract, RequestsAreFilteredByAuthorityRequesterAndTemplate) {
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

TEST_P(RequestContract, RequestsAreFilteredByWhatTheyReadAs) {
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

// --- purging ---

TEST_P(RequestContract, PurgingTakesTheRequestItsCertificateAndItsRevocation) {
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

TEST_P(RequestContract, WhatWaitsAndTheNewestRequestAreNotPurged) {
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(77); }).error().code(), Errc::not_found);
  const RequestId waiting = add_intent(1), newest = issue(2);
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(waiting); }).error().code(), Errc::conflict);
  EXPECT_EQ(commit([&](Transaction& t) { return t.purge_request(newest); }).error().code(), Errc::conflict);
  EXPECT_TRUE(snapshot()->request(newest));
}

TEST_P(RequestContract, APurgeThatFailsIsTakenBackWhole) {
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

INSTANTIATE_TEST_SUITE_P(Backends, RequestContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
