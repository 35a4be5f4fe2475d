#include "daemon/scep/here.hpp"

#include <algorithm>

#include "ca/keys/key_files.hpp"
#include "ca/settings/templates.hpp"
#include "daemon/scep/events.hpp"
#include "daemon/scep/trust.hpp"
#include "revocation/published_crl.hpp"

namespace vouch::daemon::scep {
namespace {

using enroll::scep::CertificateRecords;

class LocalRecords final : public CertificateRecords {
 public:
  explicit LocalRecords(std::shared_ptr<ca::LocalAuthority> authority) : authority_(std::move(authority)) {}

  Result<std::optional<Issued>> find(Bytes serial) const override {
    const auto snapshot = TRY(authority_->environment().database.snapshot());
    const auto record = snapshot->certificate(serial);
    if (!record && record.error().code() == Errc::not_found) return std::optional<Issued>();
    if (!record) return record.error();
    if (record->authority != authority_->record().id) return std::optional<Issued>();
    return std::optional<Issued>({record->der(), record->template_name, record->revocation.has_value()});
  }

  Result<Buffer> crl_about(const Issued& issued) const override {
    const auto snapshot = TRY(authority_->environment().database.snapshot());
    const auto view = TRY(x509::parse_certificate(issued.certificate));
    const auto record = TRY(snapshot->certificate(x509::serial_octets(view.serial)));
    return revocation::published_crl(authority_->environment(), *snapshot, record);
  }

 private:
  const std::shared_ptr<ca::LocalAuthority> authority_;
};

constexpr crypto::SignatureAlgorithm kSignatures[] = {crypto::SignatureAlgorithm::rsa_pkcs1_sha256,
                                                      crypto::SignatureAlgorithm::rsa_pkcs1_sha384,
                                                      crypto::SignatureAlgorithm::rsa_pkcs1_sha512};

bool is_rsa(const ca::CaKey& key) {
  const auto info = x509::parse_public_key_info(key.generation.public_key_info);
  return info && info->type == x509::KeyType::rsa;
}

// CA mode: the key that signs certificates answers too.
Result<std::shared_ptr<const ServiceKeys>> keys_of_ca(const ca::LocalAuthority& authority) {
  const ca::CaKey& current = authority.current();
  if (!is_rsa(current))
    return make_error(Errc::unavailable, "CA '{}' has no RSA key, and clients encrypt with nothing else",
                      authority.record().name)
        .with_hint("write mode = \"ra\" for the profile");
  const auto key = TRY(ca::load_key(authority.environment(), current.generation.key_reference));
  auto keys = std::make_shared<ServiceKeys>();
  keys->signing_certificate = current.generation.certificate;
  for (const auto algorithm : kSignatures) keys->signers.push_back(TRY(key->signer(algorithm)));
  keys->decryption.push_back({current.generation.certificate, TRY(key->decrypter())});
  return std::shared_ptr<const ServiceKeys>(std::move(keys));
}

// Asked for by the first message in CA mode, and again as long as the key is out of reach.
class LateCaKeys {
 public:
  explicit LateCaKeys(std::shared_ptr<ca::LocalAuthority> authority) : authority_(std::move(authority)) {}
  Result<std::shared_ptr<const ServiceKeys>> get() {
    const std::scoped_lock lock(guards_keys_);
    if (!keys_) keys_ = TRY(keys_of_ca(*authority_));
    return keys_;
  }

 private:
  const std::shared_ptr<ca::LocalAuthority> authority_;
  std::mutex guards_keys_;
  std::shared_ptr<const ServiceKeys> keys_;
};

// The CA's key was replaced, and devices that know the one before ask what comes after it (RFC 8894 4.7).
std::optional<enroll::scep::Rollover> rollover_of(const ca::LocalAuthority& authority) {
  const ca::CaKey& current = authority.current();
  const Time now = authority.environment().clock.now();
  const auto keys = authority.keys();
  for (auto key = keys.rbegin(); key != keys.rend(); ++key)
    if (key->generation.key_index != current.generation.key_index && now < key->not_after)
      return enroll::scep::Rollover{
          {current.generation.certificate}, key->generation.certificate, key->signer};
  return std::nullopt;
}

class Examination {
 public:
  Examination(const ca::Environment& environment, const ca::LocalAuthority& authority,
              const ProfileConfiguration& profile, const store::Snapshot& snapshot,
              const ca::RoleTable& roles)
      : environment_(environment),
        authority_(authority),
        profile_(profile),
        snapshot_(snapshot),
        roles_(roles) {}

  Result<Findings> examine() {
    if (profile_.mode == Profile::Mode::ca) check_ca_mode();
    if (std::string other = judge_root(environment_.provider, profile_, TRY(authority_.chain()));
        !other.empty())
      findings_.warnings.push_back(std::move(other));
    const auto published = TRY(snapshot_.published_templates(authority_.record().id));
    for (const std::string& name : profile_.templates()) {
      const auto found = ca::find_template(snapshot_, name);
      if (!found) {
        fault(fmt::format("there is no template {}", name));
        continue;
      }
      if (std::ranges::find(published, name) == published.end())
        fault(fmt::format("template {} is not published: vouch template publish {}", name, name));
      check_rights(found->value);
      constexpr std::chrono::days kShort{5};
      if (add(Time(), found->value.validity) < Time() + kShort)
        findings_.warnings.push_back(fmt::format(
            "template {} is valid for less than 5 days: devices that are off for a weekend lose their "
            "certificates",
            name));
    }
    return std::move(findings_);
  }

 private:
  void fault(std::string text) { findings_.faults.push_back(std::move(text)); }

  // RFC 8894 2.1.2: what clients encrypt for and verify with says that it is for that.
  void check_ca_mode() {
    if (!is_rsa(authority_.current()))
      return fault("mode = \"ca\" needs a CA with an RSA key; write mode = \"ra\"");
    const auto certificate = x509::parse_certificate(authority_.current().generation.certificate);
    const auto* extension = certificate ? certificate->find(x509::oid::kKeyUsage) : nullptr;
    const std::uint16_t usage = extension ? x509::parse_key_usage(extension->value).value_or(std::uint16_t{0})
                                          : std::uint16_t{0xffff};
    constexpr std::uint16_t kWanted = x509::digital_signature | x509::key_encipherment;
    if ((usage & kWanted) == kWanted) return;
    findings_.warnings.push_back(fmt::format(
        "the CA's certificate has the key usage {}, without {}: clients that choose by it "
        "(micromdm's library "
        "among them) do not enrol; write mode = \"ra\", or give the CA a certificate that has both "
        "(docs/mechanisms/scep.md)",
        fmt::join(x509::key_usage_names(usage), ", "),
        (usage & x509::key_encipherment) == 0 ? "keyEncipherment" : "digitalSignature"));
  }

  bool may(ca::Role role, std::string_view template_name) const {
    const std::string account = profile_.account_name();
    return roles_.allows(
        {.account = account,
         .role = role,
         .authority = authority_.record().id,
         .template_name = template_name,
         .requester = account},
        environment_.groups ? environment_.groups
                            : [](std::string_view) { return std::vector<std::string>(); });
  }

  void check_rights(const policy::CertificateTemplate& value) {
    const std::string account = profile_.account_name();
    if (!may(ca::Role::enroller, value.name))
      fault(fmt::format(
          "account '{}' may not enroll by template {}: vouch role grant enroller '{}' --template {}", account,
          value.name, account, value.name));
    const bool waits = value.approval || (authority_.record().mode == store::AuthorityMode::standalone &&
                                          !authority_.settings().automatic_issuance);
    if (!waits || !profile_.challenge_approves || profile_.challenge == ChallengeKind::none) return;
    if (!may(ca::Role::manager, value.name))
      findings_.warnings.push_back(fmt::format(
          "requests by template {} wait for a person, because account '{}' may not approve them: vouch "
          "role grant manager '{}' --template {} --requesters '{}'",
          value.name, account, account, value.name, account));
  }

  const ca::Environment& environment_;
  const ca::LocalAuthority& authority_;
  const ProfileConfiguration& profile_;
  const store::Snapshot& snapshot_;
  const ca::RoleTable& roles_;
  Findings findings_;
};

}  // namespace

Result<Findings> examine_here(const ca::Environment& environment, const ca::LocalAuthority& authority,
                              const ProfileConfiguration& profile) {
  const auto snapshot = TRY(environment.database.snapshot());
  const ca::RoleTable roles = TRY(ca::RoleTable::read(*snapshot));
  return Examination(environment, authority, profile, *snapshot, roles).examine();
}

std::unique_ptr<RaKeys> ra_keys_here(const ca::Environment& environment, const store::AuthorityRecord& record,
                                     RaKeys::Issue issue, std::function<Result<Buffer>()> issuer) {
  const auto settings = ca::parse_settings(record.settings);
  return std::make_unique<RaKeys>(
      std::make_unique<HomeRaStore>(environment, record.id, record.name + " MSCEP-RA"),
      RaKeys::Context{environment.provider, environment.clock, settings ? settings->short_name : "host",
                      std::move(issuer)},
      std::move(issue));
}

Result<std::shared_ptr<ca::LocalAuthority>> HereSite::find(const std::string& ca) const {
  const api::Authorities open = authorities_();
  if (ca.empty() && open.size() == 1) return open.front();
  for (const auto& authority : open)
    if (authority->record().name == ca) return authority;
  if (ca.empty())
    return make_error(Errc::usage, "there are several CAs, and the profile names none")
        .with_hint("add to it: ca = \"NAME\"");
  return make_error(Errc::unavailable, "there is no CA '{}' open in the service", ca)
      .with_hint("vouch ca list shows the names");
}

Result<std::shared_ptr<const Ends>> HereSite::ends(const std::string& ca) {
  const auto authority = TRY(find(ca));
  const auto ra = TRY(ra_keys(ca));
  auto ends = std::make_shared<Ends>();
  ends->authority = authority;
  ends->records = std::make_shared<LocalRecords>(authority);
  ends->keys = [ra, of_ca = std::make_shared<LateCaKeys>(authority)](Profile::Mode mode) {
    return mode == Profile::Mode::ra ? ra->keys() : of_ca->get();
  };
  ends->rollover = [authority] { return rollover_of(*authority); };
  return std::shared_ptr<const Ends>(std::move(ends));
}

Result<Findings> HereSite::examine(const ProfileConfiguration& profile) {
  return examine_here(environment_, *TRY(find(profile.ca)), profile);
}

Result<std::shared_ptr<RaKeys>> HereSite::ra_keys(const std::string& ca) {
  const auto authority = TRY(find(ca));
  const std::scoped_lock lock(guards_keys_);
  std::shared_ptr<RaKeys>& keys = keys_[authority->record().name];
  if (keys) return keys;
  // The authority is opened anew by each reload, so it is looked for when it is asked.
  const std::string name = authority->record().name;
  keys = ra_keys_here(
      environment_, authority->record(),
      [this, name](Bytes request, const std::string& template_name) -> Result<ca::Outcome> {
        return TRY(find(name))->issue_to_service(request, template_name);
      },
      [this, name]() -> Result<Buffer> { return TRY(find(name))->current().generation.certificate; });
  return keys;
}

bool HereSite::has_room(std::size_t& left_out) {
  constexpr unsigned kPerSecond = 20;
  const std::scoped_lock lock(guards_refusals_);
  const Time now = environment_.clock.now();
  if (now != second_) {
    second_ = now;
    in_this_second_ = 0;
  }
  if (++in_this_second_ > kPerSecond) {
    ++left_out_;
    return false;
  }
  left_out = std::exchange(left_out_, 0);
  return true;
}

void HereSite::note_refusal(const std::string& ca, const enroll::scep::Event& event) {
  std::size_t left_out = 0;
  if (!has_room(left_out)) return;
  ca::FrontEndRefusal refusal = refusal_of(event);
  refusal.left_out = left_out;
  const auto authority = find(ca);
  (void)ca::record_refusals(environment_, authority ? (*authority)->record().name : ca,
                            "scep:" + event.profile, std::span(&refusal, 1));
}

}  // namespace vouch::daemon::scep
