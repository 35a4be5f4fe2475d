#pragma once
// What every backend does is said by the *_contract_test.cpp: the definition that the comments in
// database.hpp abbreviate. This is what they share.

#include "store/test_backends.hpp"

namespace vouch::store {

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
  Status revoke(std::uint32_t n, x509::CrlReason reason = x509::CrlReason::key_compromise) {
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
  std::vector<Buffer> revoked_serials(std::uint16_t key_index = 3, Time unexpired_at = sample::at(0)) {
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

}  // namespace vouch::store
