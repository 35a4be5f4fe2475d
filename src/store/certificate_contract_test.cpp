// Intents and certificates, serial numbers, and the keys that they are for.

#include "store/test_database_contract.hpp"

namespace vouch::store {
namespace {

using sample::at;
using testing::ElementsAre;
using testing::IsEmpty;
using x509::CrlReason;

class CertificateContract : public DatabaseContract {};

TEST_P(CertificateContract, AnIntentIsFoundBeforeItIsSignedAndIsAnOrphanUntilThen) {
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

TEST_P(CertificateContract, OrphansComeOldestFirst) {
  const RequestId a = add_intent(30), b = add_intent(20), c = add_intent(10);
  std::vector<RequestId> ids;
  const auto orphans = snapshot()->orphans(authority_).value();
  for (const CertificateRecord& record : orphans) ids.push_back(record.request);
  EXPECT_THAT(ids, ElementsAre(a, b, c));
}

TEST_P(CertificateContract, RequestAndIntentMayBeWrittenTogetherAndReadInside) {
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

TEST_P(CertificateContract, APendingRequestBecomesIssuingWithItsIntent) {
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

TEST_P(CertificateContract, UpdatingARequestThatReadsIssuingOrRevokedChangesNothingAboutThat) {
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

TEST_P(CertificateContract, AForeignRequestStaysForeignThroughItsCertificatesLife) {
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

TEST_P(CertificateContract, ASerialIsUsedOnceInTheWholeDatabase) {
  const AuthorityId other = add_authority("Other CA");
  issue(1);
  const RequestId id = add_request(sample::request(other, Disposition::pending));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, other, 1)); }),
               Errc::conflict);
  EXPECT_EQ(disposition(id), Disposition::pending);
  EXPECT_FAILS(snapshot()->certificate_of_request(id), Errc::not_found);
  EXPECT_THAT(snapshot()->orphans(other).value(), IsEmpty());
}

TEST_P(CertificateContract, ARequestHasAtMostOneCertificate) {
  const RequestId open = add_intent(1), done = issue(2);
  for (const RequestId id : {open, done})
    EXPECT_FAILS(
        commit([&](Transaction& t) { return t.insert_intent(sample::certificate(id, authority_, 50)); }),
        Errc::conflict);
  EXPECT_FAILS(snapshot()->certificate(sample::serial(50)), Errc::not_found);
}

TEST_P(CertificateContract, AConflictLeavesNoTraceWhenTheWorkGoesOn) {
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

TEST_P(CertificateContract, AnIntentNeedsARequestAnAuthorityAndASerial) {
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

TEST_P(CertificateContract, AnIntentIsCompletedOnce) {
  const RequestId id = add_intent(1);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id, {}); }), Errc::usage);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id + 1, sample::signature(1)); }),
               Errc::not_found);
  ASSERT_TRUE(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(1)); }));
  EXPECT_FAILS(commit([&](Transaction& t) { return t.complete_intent(id, sample::signature(2)); }),
               Errc::not_found);
  EXPECT_EQ(snapshot()->certificate_of_request(id).value().signature, sample::signature(1));
}

TEST_P(CertificateContract, AnAbandonedIntentIsGoneItsSerialStaysUsedAndItsRequestMayTryAgain) {
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

TEST_P(CertificateContract, ASignedCertificateCannotBeAbandoned) {
  const RequestId id = issue(1);
  EXPECT_FAILS(commit([&](Transaction& t) { return t.abandon_intent(id, "x"); }), Errc::not_found);
  EXPECT_EQ(disposition(id), Disposition::issued);
}

TEST_P(CertificateContract, CertificatesAreFiltered) {
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

TEST_P(CertificateContract, SerialsOfAnyLengthAreKeptToTheOctet) {
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

TEST_P(CertificateContract, ASerialNumberStaysUsedWhateverBecomesOfItsCertificate) {
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

// How a certificate comes in that was issued elsewhere: both steps in one transaction, and it stays foreign.
TEST_P(CertificateContract, AnImportedCertificateIsForeignRevocableAndOnTheCrl) {
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

TEST_P(CertificateContract, ALostCertificateIsKnownByItsSerialOnlyAndRevocable) {
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

// --- keys of requesters ---

TEST_P(CertificateContract, AKeyBelongsToTheFirstRequestWithACertificate) {
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

TEST_P(CertificateContract, AnAbandonedIntentGivesItsKeyFree) {
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

TEST_P(CertificateContract, ACompromisedKeyStaysSo) {
  issue(1);
  issue(2);
  const auto requests = snapshot()->requests({}).value();
  ASSERT_GE(requests.size(), 2u);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, std::size_t{0}})
    ASSERT_TRUE(commit([&](Transaction& t) { return t.mark_key_compromised(9, requests[i].id); }));
  EXPECT_EQ(snapshot()->key_history(9).value().compromised, requests[0].id) << "the first who said so";
  EXPECT_EQ(snapshot()->key_history(9).value().certified, std::nullopt);
}

TEST_P(CertificateContract, AFailedFunctionTakesItsKeysBack) {
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

INSTANTIATE_TEST_SUITE_P(Backends, CertificateContract, testing::ValuesIn(kBackends), name_of);

}  // namespace
}  // namespace vouch::store
