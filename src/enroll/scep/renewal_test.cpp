// Renewals, and what holders of certificates ask: GetCert, GetCRL.
#include "enroll/scep/test_device.hpp"

namespace vouch::enroll::scep {
namespace {

class ScepRenewal : public ScepTest {
 protected:
  ScepRenewal() : old(device("router")), certificate(enrol(old, {"DNS:a.vouch.test", "DNS:b.vouch.test"})) {}
  CertRep renew(const Device& next, MessageType type = MessageType::renewal_req,
                std::vector<std::string> san = {}, std::string_view challenge = "") {
    return exchange(next, type, request(next, challenge, std::move(san)));
  }
  Buffer issuer_and_serial(const Buffer& der) {
    return encode_issuer_and_serial(cms::identifier_of(x509::parse_certificate(der).value()));
  }

  Device old;
  Buffer certificate;
};

TEST_F(ScepRenewal, IsAllowedUnderEveryMessageTypeThatClientsUse) {
  for (const MessageType type : {MessageType::renewal_req, MessageType::update_req, MessageType::pkcs_req}) {
    const Device next = renewing(old, certificate, "router");
    const CertRep reply = renew(next, type, {"DNS:a.vouch.test"});
    EXPECT_EQ(reply.attributes.status, PkiStatus::success) << to_string(type) << said();
    ASSERT_EQ(reply.certificates.size(), 1u);
    EXPECT_TRUE(equal(x509::parse_certificate(reply.certificates.front()).value().public_key_info,
                      next.key->public_key_info()));
  }
}

TEST_F(ScepRenewal, NeedsNoChallengeButAWrongOneCounts) {
  const Device next = renewing(old, certificate, "router");
  expect_failure(renew(next, MessageType::renewal_req, {}, "wrong"), "ChallengePasswordMismatch",
                 FailInfo::bad_request);
  EXPECT_EQ(renew(next, MessageType::renewal_req, {}, "secret").attributes.status, PkiStatus::success)
      << said();
}

TEST_F(ScepRenewal, ChangesNoNames) {
  expect_failure(renew(renewing(old, certificate, "other")), "RenewalNameMismatch", FailInfo::bad_request);
  EXPECT_EQ(bench.events().back().expected, "CN=router,O=Vouch");
  EXPECT_EQ(bench.events().back().received, "CN=other,O=Vouch");
  expect_failure(renew(renewing(old, certificate, "router"), MessageType::renewal_req, {"DNS:c.vouch.test"}),
                 "RenewalNameMismatch", FailInfo::bad_request);
  EXPECT_EQ(bench.events().back().expected, "DNS:a.vouch.test, DNS:b.vouch.test");
  EXPECT_EQ(bench.events().back().received, "DNS:c.vouch.test");
}

TEST_F(ScepRenewal, NeedsANewKeyUnlessTheProfileSaysOtherwise) {
  Device same = old;
  same.identity.certificate = certificate;
  expect_failure(renew(same), "RenewalKeyReused", FailInfo::bad_request);
  bench.profile.renewal.same_key = true;
  const CertRep first = renew(same);
  EXPECT_EQ(first.attributes.status, PkiStatus::success) << said();
  ASSERT_EQ(first.certificates.size(), 1u);
  EXPECT_NE(first.certificates.front(), certificate) << "the transaction of the first request is the same";
  // The very same request, signed by the new certificate, is the next renewal.
  same.identity.certificate = first.certificates.front();
  const CertRep second = renew(same);
  ASSERT_EQ(second.certificates.size(), 1u) << said();
  EXPECT_NE(second.certificates.front(), first.certificates.front());
  EXPECT_EQ(renew(same).certificates, second.certificates) << "and sent again it is no third";
}

TEST_F(ScepRenewal, HasItsTime) {
  bench.profile.renewal.window = parse_span("30d").value();
  const auto view = x509::parse_certificate(certificate).value();
  const Device next = renewing(old, certificate, "router");
  expect_failure(renew(next), "RenewalTooEarly", FailInfo::bad_time);
  bench.bench().clock().set(view.not_after + std::chrono::hours(1));
  expect_failure(renew(next), "RenewalCertificateExpired", FailInfo::bad_time);
  bench.profile.renewal.grace = std::chrono::hours(24 * 7);
  EXPECT_EQ(renew(next).attributes.status, PkiStatus::success) << said();
}

TEST_F(ScepRenewal, IsNotForRevokedOrUnknownCertificates) {
  const Device stranger = device("router");
  expect_failure(renew(stranger), "SignerUnknown", FailInfo::bad_message_check);
  revoke(certificate);
  expect_failure(renew(renewing(old, certificate, "router")), "RenewalCertificateRevoked",
                 FailInfo::bad_request);
  bench.profile.renewal.allowed = false;
  expect_failure(renew(renewing(old, certificate, "router")), "RenewalRefused", FailInfo::bad_request);
}

// A certificate with an issued one's serial number is not that certificate.
TEST_F(ScepRenewal, IsNotFooledByASerialNumber) {
  const auto view = x509::parse_certificate(certificate).value();
  const Device thief = device("router");
  const x509::TbsTemplate encoder(thief.identity.signer->algorithm(), view.issuer, {});
  const Buffer tbs = encoder.fill({x509::serial_octets(view.serial),
                                   view.not_before,
                                   view.not_after,
                                   view.subject,
                                   thief.key->public_key_info(),
                                   {}});
  const Buffer forged = x509::encode_certificate(tbs, x509::encode(thief.identity.signer->algorithm()),
                                                 thief.identity.signer->sign(tbs).value());
  expect_failure(renew(renewing(thief, forged, "router")), "SignerUnknown", FailInfo::bad_message_check);
}

TEST_F(ScepRenewal, HoldersGetCertificatesAndTheCrl) {
  Device holder = old;
  holder.identity.certificate = certificate;
  const Buffer other = enrol(device("switch"));
  EXPECT_EQ(exchange(holder, MessageType::get_cert, issuer_and_serial(other)).certificates,
            std::vector<Buffer>{other});
  const CertRep crl = exchange(holder, MessageType::get_crl, issuer_and_serial(certificate));
  ASSERT_EQ(crl.crls.size(), 1u) << said();
  EXPECT_TRUE(x509::parse_crl(crl.crls.front()).has_value());
  cms::Identifier unknown = cms::identifier_of(x509::parse_certificate(certificate).value());
  const Buffer serial{0x55};
  unknown.serial = serial;
  expect_failure(exchange(holder, MessageType::get_cert, encode_issuer_and_serial(unknown)),
                 "CertificateUnknown", FailInfo::bad_cert_id);
  const Device stranger = device("stranger");
  expect_failure(exchange(stranger, MessageType::get_cert, issuer_and_serial(other)), "SignerUnknown",
                 FailInfo::bad_message_check);
  expect_failure(exchange(holder, MessageType::get_cert, other), "EnvelopeInvalid",
                 FailInfo::bad_message_check);
  revoke(certificate);
  expect_failure(exchange(holder, MessageType::get_crl, issuer_and_serial(certificate)), "SignerUnknown",
                 FailInfo::bad_message_check);
}

}  // namespace
}  // namespace vouch::enroll::scep
