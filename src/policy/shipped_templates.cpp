// The templates that every authority starts with. They follow those of AD CS in purpose, key usage and life;
// where AD CS would let the enrollee choose a name to log on with, ours wait for approval.

#include "policy/certificate_template.hpp"

namespace vouch::policy {
namespace {

using namespace x509::oid;
using crypto::KeyType;

Span days(int n) { return {0, std::chrono::hours(24 * n)}; }
Span years(int n) { return {12 * n, {}}; }

const std::vector<KeyType> kAllKeys{KeyType::rsa, KeyType::p256, KeyType::p384, KeyType::p521,
                                    KeyType::ed25519};
const std::vector<KeyType> kRsaAndEc{KeyType::rsa, KeyType::p256, KeyType::p384, KeyType::p521};

// Attribute types of names of organisations' servers and people; no e-mail addresses, serial numbers or UIDs.
const std::vector<x509::Oid> kUsualSubject{kCommonName, kOrganization, kOrganizationalUnit, kLocality,
                                           kState,      kCountry,      kDomainComponent};

CertificateTemplate start(std::string_view name, std::string_view display_name,
                          std::string_view description) {
  CertificateTemplate t;
  t.name = name;
  t.display_name = display_name;
  t.description = description;
  t.key.types = kAllKeys;
  t.key_usage = x509::digital_signature | x509::key_encipherment;
  t.subject.allowed = kUsualSubject;
  return t;
}

void names_from_request(CertificateTemplate& t, std::vector<SanType> san) {
  t.subject.source = NameSource::request;
  t.subject.may_be_empty = true;
  t.san.source = NameSource::request;
  t.san.allowed = std::move(san);
}

void fixed_names(CertificateTemplate& t, std::string_view subject, std::vector<std::string> san) {
  t.subject.source = NameSource::fixed;
  t.subject.fixed = subject;
  t.subject.allowed.clear();
  t.san.source = san.empty() ? NameSource::none : NameSource::fixed;
  t.san.fixed = std::move(san);
}

CertificateTemplate sub_ca() {
  auto t = start("SubCA", "Subordinate Certification Authority",
                 "The certificate of a CA below this one. Always approved by hand.");
  t.purpose = Purpose::signature;
  t.ca = true;
  t.machine = true;
  t.approval = true;
  t.key_usage = x509::key_cert_sign | x509::crl_sign | x509::digital_signature;
  t.subject.required = {kCommonName};
  t.san.source = NameSource::none;
  t.application_policies = false;
  t.validity = years(5);
  return t;
}

CertificateTemplate web_server() {
  auto t = start("WebServer", "Web Server", "Servers that speak TLS. Names come from the request.");
  t.machine = true;
  names_from_request(t, {SanType::dns, SanType::ip});
  t.san.dns_from_common_name = true;
  t.extended_key_usage = {kServerAuth};
  t.validity = years(1);
  return t;
}

CertificateTemplate client_auth() {
  auto t = start("ClientAuth", "Client Authentication",
                 "TLS clients. Names come from the request, so a certificate manager approves each.");
  t.purpose = Purpose::signature;
  t.key_usage = x509::digital_signature;
  names_from_request(t, {SanType::dns, SanType::email, SanType::uri});
  t.subject.allowed.push_back(kEmailAddress);
  t.extended_key_usage = {kClientAuth};
  t.approval = true;
  return t;
}

CertificateTemplate server_and_client_auth() {
  auto t = start("ServerAndClientAuth", "Server and Client Authentication",
                 "One certificate for both ends of TLS. Names come from the request, approved by hand.");
  t.machine = true;
  names_from_request(t, {SanType::dns, SanType::ip, SanType::uri});
  t.san.dns_from_common_name = true;
  t.extended_key_usage = {kServerAuth, kClientAuth};
  t.approval = true;
  return t;
}

CertificateTemplate scep_device() {
  auto t = start("ScepDevice", "SCEP Device",
                 "Devices that enrol with SCEP. A challenge password stands for the approval.");
  t.machine = true;
  t.key.types = {KeyType::rsa};
  names_from_request(t, {SanType::dns, SanType::ip, SanType::email, SanType::uri});
  for (const x509::Oid& type : {kSerialNumber, kEmailAddress, kUnstructuredName, kUnstructuredAddress})
    t.subject.allowed.push_back(type);
  t.extended_key_usage = {kClientAuth, kIpsecIke};
  t.approval = true;
  return t;
}

CertificateTemplate cep_encryption() {
  auto t = start("CepEncryption", "CEP Encryption",
                 "The key that a registration authority decrypts SCEP requests with.");
  t.machine = true;
  t.purpose = Purpose::encryption;
  t.key.types = {KeyType::rsa};
  t.key_usage = x509::key_encipherment;
  t.subject.required = {kCommonName};
  t.san.source = NameSource::none;
  t.extended_key_usage = {kMsCertificateRequestAgent};
  t.validity = years(2);
  t.approval = true;
  return t;
}

CertificateTemplate exchange_enrollment_agent() {
  auto t = start("ExchangeEnrollmentAgentOffline", "Exchange Enrollment Agent (Offline request)",
                 "The key that a registration authority signs SCEP answers and requests with.");
  t.purpose = Purpose::signature;
  t.key.types = kRsaAndEc;
  t.key_usage = x509::digital_signature;
  t.subject.required = {kCommonName};
  t.san.source = NameSource::none;
  t.extended_key_usage = {kMsCertificateRequestAgent};
  t.validity = years(2);
  t.approval = true;
  return t;
}

CertificateTemplate ocsp_response_signing() {
  auto t = start("OcspResponseSigning", "OCSP Response Signing",
                 "Signs OCSP answers for this CA. Short-lived, because nobody asks whether it is revoked.");
  t.machine = true;
  t.purpose = Purpose::signature;
  t.key_usage = x509::digital_signature;
  t.subject.required = {kCommonName};
  t.san.source = NameSource::request;
  t.san.allowed = {SanType::dns};
  t.extended_key_usage = {kOcspSigning};
  t.ocsp_no_check = true;
  t.validity = days(14);
  t.renewal_period = days(2);
  t.approval = true;
  return t;
}

CertificateTemplate domain_controller() {
  auto t = start("DomainController", "Domain Controller (KDC)",
                 "Kerberos KDCs: PKINIT, LDAPS. Names come from the controller's account.");
  t.machine = true;
  t.key.types = kRsaAndEc;
  fixed_names(t, "CN={dns}", {"DNS:{dns}", "PKINIT:krbtgt/{realm}@{realm}"});
  t.extended_key_usage = {kClientAuth, kServerAuth, kMsSmartCardLogon, kPkinitKdc};
  t.approval = true;
  return t;
}

CertificateTemplate smartcard_logon() {
  auto t = start("SmartcardLogon", "Smart Card Logon",
                 "Logs a person on to Windows and Kerberos. Names come from the person's account.");
  t.key.types = kRsaAndEc;
  fixed_names(t, "CN={upn}", {"UPN:{upn}", "PKINIT:{upn}"});
  t.extended_key_usage = {kMsSmartCardLogon, kClientAuth, kPkinitClientAuth};
  return t;
}

CertificateTemplate user() {
  auto t = start("User", "User", "People: signed mail, file encryption, TLS. Names come from the account.");
  t.key.types = kRsaAndEc;
  fixed_names(t, "CN={requester}", {"UPN:{upn}"});
  t.extended_key_usage = {kMsEncryptingFileSystem, kEmailProtection, kClientAuth};
  return t;
}

CertificateTemplate computer() {
  auto t = start("Computer", "Computer", "Computers of the domain. Names come from the account.");
  t.machine = true;
  fixed_names(t, "CN={dns}", {"DNS:{dns}"});
  t.extended_key_usage = {kClientAuth, kServerAuth};
  return t;
}

}  // namespace

std::vector<CertificateTemplate> shipped_templates() {
  return {sub_ca(),
          web_server(),
          client_auth(),
          server_and_client_auth(),
          scep_device(),
          cep_encryption(),
          exchange_enrollment_agent(),
          ocsp_response_signing(),
          domain_controller(),
          smartcard_logon(),
          user(),
          computer()};
}

}  // namespace vouch::policy
