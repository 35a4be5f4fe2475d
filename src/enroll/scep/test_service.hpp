#pragma once
// A SCEP service over a real CA in a temporary home, for the tests of this room and for the server of
// tests/peers.

#include <gmock/gmock.h>

#include "ca/test_fixture.hpp"
#include "enroll/scep/client.hpp"
#include "enroll/scep/responder.hpp"
#include "x509/crl.hpp"

namespace vouch::enroll::scep {

// The records of a CA in the same process.
class DatabaseRecords final : public CertificateRecords {
 public:
  explicit DatabaseRecords(ca::LocalAuthority& authority) : authority_(authority) {}
  Result<std::optional<Issued>> find(Bytes serial) const override {
    const auto snapshot = TRY(authority_.environment().database.snapshot());
    const auto record = snapshot->certificate(serial);
    if (!record && record.error().code() == Errc::not_found) return std::optional<Issued>();
    if (!record) return record.error();
    if (record->authority != authority_.record().id) return std::optional<Issued>();
    return std::optional<Issued>({record->der(), record->template_name, record->revocation.has_value()});
  }
  // An empty list, signed by the CA: what is on it is another room's business.
  Result<Buffer> crl_about(const Issued&) const override {
    const ca::CaKey& key = authority_.current();
    const x509::CrlFields fields{
        key.signer->algorithm(),
        key.subject,
        ca::kTestNow,
        ca::kTestNow + std::chrono::hours(24),
        {x509::make_extension(x509::oid::kCrlNumber, false, x509::encode_crl_number(1))}};
    const Buffer extensions = x509::encode_crl_extensions(fields);
    Buffer tbs = x509::encode_crl_head(fields, 0, extensions.size());
    append(tbs, extensions);
    // CertificateList has the form of Certificate: what is signed, algorithm, signature.
    return x509::encode_certificate(tbs, x509::encode(key.signer->algorithm()), TRY(key.signer->sign(tbs)));
  }

 private:
  ca::LocalAuthority& authority_;
};

enum class RaLayout { one, two };

class ScepBench {
 public:
  ScepBench() {
    ca_key_ = provider().generate(crypto::parse_key_spec("rsa:2048").value()).value();
    ca::InitOptions options = bench_.root_options("Device Root");
    options.automatic_issuance = true;
    options.no_locations = true;
    options.existing_key = to_buffer(as_bytes(ca_key_->to_pem({}).value()));
    if (auto made = ca::init(bench_.environment(), options); !made) ADD_FAILURE() << made.error().report();
    authority_ = bench_.open("Device Root");
    for (const auto& [key, value] : std::map<std::string, std::string>{{"key.types", "[\"rsa\", \"P-256\"]"}})
      if (auto set = ca::set_in_template(bench_.environment(), "ScepDevice", key, value, "admin"); !set)
        ADD_FAILURE() << set.error().report();
    if (auto done = ca::publish_template(bench_.environment(), authority_->record().id, "ScepDevice"); !done)
      ADD_FAILURE() << done.error().report();
    records_ = std::make_unique<DatabaseRecords>(*authority_);
    set_ra_keys(RaLayout::one);
    profile.name = "devices";
    profile.paths = {"/certsrv/mscep/mscep.dll", "/cgi-bin/pkiclient.exe"};
    profile.account = "scep:devices";
    profile.templates.general = "ScepDevice";
    profile.challenge_approves = true;
    profile.challenge = StaticPassword::create(crypto::openssl::make_provider(), "secret").value();
    profile.password_rounds = 1000;
  }

  const crypto::Provider& provider() const { return bench_.provider(); }
  ca::TestBench& bench() { return bench_; }
  ca::LocalAuthority& authority() { return *authority_; }
  const CertificateRecords& records() const { return *records_; }
  const ServiceKeys& keys() const { return *keys_; }
  std::vector<Buffer> chain() const { return authority_->chain().value(); }
  const Buffer& encryption_certificate() const { return keys_->decryption.front().certificate; }

  // The service's certificates: one for both purposes, or NDES's pair.
  void set_ra_keys(RaLayout layout) {
    auto keys = std::make_shared<ServiceKeys>();
    const auto signing = rsa_key(), encrypting = layout == RaLayout::two ? rsa_key() : signing;
    const std::uint16_t both = x509::digital_signature | x509::key_encipherment;
    keys->signing_certificate =
        ra_certificate(*signing, layout == RaLayout::two ? std::uint16_t{x509::digital_signature} : both, 1);
    keys->signers = signers_of(*signing);
    const Buffer encryption = layout == RaLayout::two
                                  ? ra_certificate(*encrypting, std::uint16_t{x509::key_encipherment}, 2)
                                  : keys->signing_certificate;
    keys->decryption.push_back({encryption, encrypting->decrypter().value()});
    // Those that were in use before go on opening messages.
    if (keys_)
      keys->decryption.insert(keys->decryption.end(), keys_->decryption.begin(), keys_->decryption.end());
    keys_ = std::move(keys);
  }
  // The CA's own key does all (CA mode).
  void set_ca_keys() {
    auto keys = std::make_shared<ServiceKeys>();
    keys->signing_certificate = chain().front();
    keys->signers = signers_of(*ca_key_);
    keys->decryption.push_back({chain().front(), ca_key_->decrypter().value()});
    keys_ = std::move(keys);
  }

  Surroundings surroundings() {
    return {.authority = *authority_,
            .records = *records_,
            .provider = provider(),
            .clock = bench_.clock(),
            .keys = [this]() -> Result<std::shared_ptr<const ServiceKeys>> {
              if (keys_out_of_reach) return make_error(Errc::unavailable, "the token is gone");
              return keys_;
            },
            .report =
                [this](const Event& event) {
                  const std::scoped_lock lock(mutex_);
                  events_.push_back(event);
                  if (on_event) on_event(event);
                }};
  }
  std::shared_ptr<const Responder> responder() { return Responder::create(surroundings(), profile).value(); }

  std::vector<Event> events() {
    const std::scoped_lock lock(mutex_);
    return events_;
  }

  Profile profile;
  bool keys_out_of_reach = false;
  std::function<void(const Event&)> on_event;

  std::shared_ptr<crypto::PrivateKey> rsa_key() const {
    return provider().generate(crypto::parse_key_spec("rsa:2048").value()).value();
  }

 private:
  static std::vector<std::shared_ptr<const crypto::Signer>> signers_of(const crypto::PrivateKey& key) {
    std::vector<std::shared_ptr<const crypto::Signer>> out;
    for (const auto algorithm :
         {crypto::SignatureAlgorithm::rsa_pkcs1_sha256, crypto::SignatureAlgorithm::rsa_pkcs1_sha384,
          crypto::SignatureAlgorithm::rsa_pkcs1_sha512})
      out.push_back(key.signer(algorithm).value());
    return out;
  }
  Buffer ra_certificate(const crypto::PrivateKey& key, std::uint16_t usage, std::uint8_t serial) {
    const ca::CaKey& ca = authority_->current();
    const x509::TbsTemplate encoder(
        ca.signer->algorithm(), ca.subject,
        {x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(usage))});
    const Buffer subject = x509::encode_name(
        x509::make_name({{x509::oid::kCommonName, serial == 1 ? "MSCEP-RA" : "MSCEP-RA encryption"}}));
    const Buffer number{0x70, ++ra_certificates_, serial};
    const Time now = SystemClock().now();
    const Time from = std::min(now, ca::kTestNow) - std::chrono::hours(1);
    const Buffer tbs = encoder.fill({number,
                                     std::max(from, ca.not_before),
                                     std::max(now, ca::kTestNow) + std::chrono::days(30),
                                     subject,
                                     key.public_key_info(),
                                     {}});
    return x509::encode_certificate(tbs, x509::encode(ca.signer->algorithm()), ca.signer->sign(tbs).value());
  }

  ca::TestBench bench_;
  std::unique_ptr<crypto::PrivateKey> ca_key_;
  std::unique_ptr<ca::LocalAuthority> authority_;
  std::unique_ptr<DatabaseRecords> records_;
  std::shared_ptr<const ServiceKeys> keys_;
  std::uint8_t ra_certificates_ = 0;
  std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace vouch::enroll::scep
