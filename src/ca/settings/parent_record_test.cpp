#include "ca/settings/parent_record.hpp"

#include <gmock/gmock.h>

#include "ca/settings/settings.hpp"
#include "ca/setup/renewal.hpp"
#include "ca/test_fixture.hpp"

namespace vouch::ca {
namespace {

using testing::HasSubstr;

const ParentRecord kRecord{
    "https://ca.example.test:8443", "Root", "/etc/vouch/a.pem", "/etc/vouch/a.key", "", 7, 2};

TEST(ParentRecordTest, ComesBackFromItsDescriptionAndFromTheSettings) {
  EXPECT_EQ(parse_parent(describe(kRecord)).value(), kRecord);
  TestBench bench;
  InitOptions options = bench.root_options("Sub");
  options.kind = store::AuthorityKind::subordinate;
  options.parent = kRecord;
  const auto made = init(bench.environment(), options);
  ASSERT_TRUE(made) << made.error().report();
  EXPECT_EQ(parent_of(made->record).value(), kRecord);
}

TEST(ParentRecordTest, WhatIsMissingOrOutOfRangeIsNamed) {
  const auto refused = [](const std::string& name, Value value) {
    return parse_parent(describe(kRecord).set(name, std::move(value))).error().report();
  };
  EXPECT_THAT(parse_parent(Value::table()).error().report(), HasSubstr("parent.url is missing"));
  EXPECT_THAT(refused("key", Value(5)), HasSubstr("parent.key"));
  EXPECT_THAT(refused("request", Value(-1)), HasSubstr("parent.request"));
  EXPECT_THAT(refused("attempt", Value(0)), HasSubstr("parent.attempt"));
  EXPECT_THAT(refused("attempt", Value(std::int64_t{1} << 32)), HasSubstr("parent.attempt"));
}

TEST(ParentRecordTest, ARequestHasOneTransactionUntilItIsHandedInOnceMore) {
  TestBench bench;
  const Buffer one = bench.request("CN=One"), two = bench.request("CN=Two");
  const auto key = [&](const ParentRecord& record, Bytes request) {
    return transaction_of(bench.provider(), record, request);
  };
  ParentRecord later = kRecord;
  later.request = 0;
  EXPECT_EQ(key(kRecord, one), key(later, one));
  EXPECT_NE(key(kRecord, one), key(kRecord, two));
  ++later.attempt;
  EXPECT_NE(key(kRecord, one), key(later, one));
  EXPECT_LE(key(kRecord, one).size(), 128U) << "what the API takes";
}

// The number of the request is forgotten with the answer; the place stays for the next renewal.
TEST(ParentRecordTest, AnInstalledAnswerEndsTheWaiting) {
  TestBench bench;
  auto root = bench.make_root();
  InitOptions options = bench.root_options("Sub");
  options.kind = store::AuthorityKind::subordinate;
  const auto made = init(bench.environment(), options);
  ASSERT_TRUE(made) << made.error().report();
  ASSERT_TRUE(remember_parent(bench.environment(), "Sub", kRecord, "admin"));
  const auto record = [&] {
    return parent_of(bench.database().snapshot().value()->authority("Sub").value()).value();
  };
  EXPECT_EQ(record()->request, 7);
  const auto outcome = root->sign_subordinate(made->generation.request, {}, "admin");
  ASSERT_TRUE(outcome && !outcome->certificate.empty());
  const auto installed =
      install(bench.environment(), "Sub", outcome->certificate, root->chain().value(), {}, "admin");
  ASSERT_TRUE(installed) << installed.error().report();
  EXPECT_EQ(record()->request, 0);
  EXPECT_EQ(record()->url, kRecord.url);

  RenewOptions again;
  again.administrator = "admin";
  again.parent = kRecord;
  again.parent->request = 0;
  ASSERT_TRUE(renew(bench.environment(), "Sub", again));
  EXPECT_EQ(record(), again.parent) << "kept with the generation that waits";
}

TEST(ParentRecordTest, OnlyAnAdministratorChangesIt) {
  TestBench bench(TestRoles::granted);
  InitOptions options = bench.root_options("Sub");
  options.kind = store::AuthorityKind::subordinate;
  ASSERT_TRUE(init(bench.environment(), options));
  EXPECT_EQ(remember_parent(bench.environment(), "Sub", kRecord, "bob").error().code(), Errc::denied);
}

}  // namespace
}  // namespace vouch::ca
