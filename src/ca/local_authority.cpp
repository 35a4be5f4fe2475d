// What an authority is opened with: keys, settings, locations, fence.
#include "ca/local_authority.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "ca/authority_work.hpp"
#include "ca/chain.hpp"
#include "ca/keys/key_checks.hpp"
#include "ca/keys/key_files.hpp"
#include "ca/keys/key_strength.hpp"

namespace vouch::ca {
namespace {

LocationVariables variables_of(const store::AuthorityRecord& record, const AuthoritySettings& settings,
                               const store::KeyGeneration& generation) {
  return {settings.dns_name,
          settings.short_name,
          record.name,
          generation.certificate_index,
          generation.key_index,
          false,
          settings.configuration_container};
}

// A renewal with the same key has one key for two certificates: it is loaded, and its passphrase asked for,
// once.
using Signers = std::map<std::string, std::shared_ptr<const crypto::Signer>>;

Result<CaKey> open_key(const Environment& environment, const store::AuthorityRecord& record,
                       const AuthoritySettings& settings, store::KeyGeneration generation, Signers& signers) {
  CaKey key;
  key.generation = std::move(generation);
  const auto certificate = TRY(x509::parse_certificate(key.generation.certificate)
                                   .context("reading the certificate of CA '{}'", record.name));
  key.subject = to_buffer(certificate.subject);
  key.not_before = certificate.not_before;
  key.not_after = certificate.not_after;
  if (const auto* extension = certificate.find(x509::oid::kSubjectKeyIdentifier))
    key.key_identifier = to_buffer(TRY(x509::parse_subject_key_identifier(extension->value)));
  else
    key.key_identifier = TRY(crypto::key_identifier(environment.provider, certificate.public_key_info));
  if (const auto* extension = certificate.find(x509::oid::kBasicConstraints))
    key.path_length = TRY(x509::parse_basic_constraints(extension->value)).path_length;
  // The chain is built again at every start: a damaged or swapped parent is found before anything is signed.
  (void)TRY(build_chain(environment.provider, key.generation.certificate, key.generation.chain));
  std::shared_ptr<const crypto::Signer>& signer = signers[key.generation.key_reference];
  if (!signer) {
    TRY(check_key_strength(certificate.public_key_info));
    signer = TRY(open_signer(environment, key.generation.key_reference, certificate.public_key_info,
                             TRY(signature_algorithm_of(settings, certificate.public_key_info)),
                             {record.name, settings.interactive_key}));
  }
  if (!equal(signer->public_key_info(), certificate.public_key_info))
    return make_error(Errc::conflict, "key {} does not belong to the certificate of CA '{}'",
                      key.generation.key_reference, record.name);
  key.signer = signer;
  key.issued_extensions = TRY(extensions_issued_by(key, record, settings));
  return key;
}

// The generations with a certificate, without those whose key has none that is unexpired. The newest stays:
// what it cannot do any more is said where it is tried.
Result<std::vector<store::KeyGeneration>> living(std::vector<store::KeyGeneration> generations, Time now) {
  std::erase_if(generations, [](const store::KeyGeneration& g) { return g.certificate.empty(); });
  std::set<std::uint16_t> keys;
  for (const store::KeyGeneration& generation : generations)
    if (now <= TRY(x509::parse_certificate(generation.certificate)).not_after)
      keys.insert(generation.key_index);
  if (!generations.empty()) keys.insert(generations.back().key_index);
  std::erase_if(generations, [&](const store::KeyGeneration& g) { return !keys.contains(g.key_index); });
  return generations;
}

// authorityKeyIdentifier, cRLDistributionPoints and authorityInfoAccess.
std::vector<x509::Extension> extensions_issued_by(const CaKey& key, const IssuedLocations& locations) {
  std::vector<x509::Extension> extensions;
  extensions.push_back(
      x509::make_extension(x509::oid::kAuthorityKeyIdentifier, false,
                           x509::encode_authority_key_identifier({key.key_identifier, {}, {}})));
  if (!locations.cdp.empty())
    extensions.push_back(x509::make_extension(x509::oid::kCrlDistributionPoints, false,
                                              x509::encode_distribution_point_uris(locations.cdp)));
  std::vector<x509::AccessDescription> access;
  access.reserve(locations.ocsp.size());
  for (const std::string& url : locations.ocsp)
    access.push_back({x509::oid::kAdOcsp, x509::GeneralName::uri(url)});
  for (const std::string& url : locations.aia)
    access.push_back({x509::oid::kAdCaIssuers, x509::GeneralName::uri(url)});
  if (!access.empty())
    extensions.push_back(
        x509::make_extension(x509::oid::kAuthorityInfoAccess, false, x509::encode_info_access(access)));
  return extensions;
}

}  // namespace

Result<std::vector<x509::Extension>> extensions_issued_by(const CaKey& key,
                                                          const store::AuthorityRecord& record,
                                                          const AuthoritySettings& settings) {
  return extensions_issued_by(
      key, TRY(issued_locations(settings.cdp, settings.aia, variables_of(record, settings, key.generation))));
}

Result<Outcome> Authority::submit(const Submission& submission) {
  return std::move(submit(std::span(&submission, 1)).front());
}

LocalAuthority::LocalAuthority(const Environment& environment, store::AuthorityRecord record,
                               std::vector<CaKey> keys, std::shared_ptr<const Live> live)
    : environment_(environment),
      record_(std::move(record)),
      keys_(std::move(keys)),
      live_(std::move(live)),
      cache_(std::make_unique<IssuanceCache>()),
      challenges_(std::make_unique<ChallengeDesk>(environment_, record_)),
      roles_(std::make_unique<RoleCache>()),
      gathering_(std::make_unique<Gathering>()) {}

LocalAuthority::~LocalAuthority() = default;

Result<std::unique_ptr<LocalAuthority>> LocalAuthority::open(const Environment& environment,
                                                             std::string_view name,
                                                             std::optional<std::uint16_t> key_index) {
  const auto snapshot = TRY(environment.database.snapshot());
  store::AuthorityRecord record = TRY(snapshot->authority(name));
  AuthoritySettings settings = TRY(parse_settings(record.settings).context("opening CA '{}'", name));
  std::vector<CaKey> keys;
  Signers signers;
  for (store::KeyGeneration& generation :
       TRY(living(TRY(snapshot->key_generations(record.id)), environment.clock.now())))
    keys.push_back(TRY(open_key(environment, record, settings, std::move(generation), signers)
                           .context("opening CA '{}'", name)));
  if (keys.empty())
    return make_error(Errc::unavailable, "CA '{}' has no certificate yet", name)
        .with_hint(
            settings.parent
                ? "ask its parent for the answer: vouch ca install --from-parent"
                : "have its request signed by the parent (vouch ca sign), then: vouch ca install FILE");
  if (key_index) {
    const auto newest = std::ranges::find(keys.rbegin(), keys.rend(), *key_index,
                                          [](const CaKey& k) { return k.generation.key_index; });
    if (newest == keys.rend())
      return make_error(Errc::not_found, "key {} of CA '{}' has no unexpired certificate", *key_index, name);
    std::rotate(newest.base() - 1, newest.base(), keys.end());
  }
  auto live = TRY(make_live(record, keys.back(), 0).context("opening CA '{}'", name));
  std::unique_ptr<LocalAuthority> authority(
      new LocalAuthority(environment, std::move(record), std::move(keys), std::move(live)));
  authority->key_checks_ = TRY(KeyChecks::make(environment, *snapshot, authority->record_.id));
  authority->fence_ = TRY(fence_of(environment, authority->record_, *snapshot));
  TRY(authority->look_at_fence());
  // Keys that wait for a person are used when something is asked for, not because somebody looks.
  if (authority->settings().interactive_key)
    authority->has_unfinished_ = !TRY(snapshot->orphans(authority->record_.id)).empty();
  else
    (void)authority->repair();  // what a full disk does not let it finish is no reason not to answer
  return authority;
}

std::vector<const CaKey*> LocalAuthority::crl_keys() const {
  const Time now = environment_.clock.now();
  std::map<std::uint16_t, const CaKey*> newest;
  std::set<std::uint16_t> unexpired;
  for (const CaKey& key : keys_) {
    newest[key.generation.key_index] = &key;
    if (now <= key.not_after) unexpired.insert(key.generation.key_index);
  }
  std::vector<const CaKey*> keys;
  for (const auto& [index, key] : newest)
    if (unexpired.contains(index)) keys.push_back(key);
  return keys;
}

// What is wrong here stops what the world would see, not reading.
Status LocalAuthority::look_at_fence() {
  auto comparison = compare_with_fence(environment_, record_, *fence_);
  if (!comparison) {
    fence_problem_ = std::move(comparison.error());
    return ok();
  }
  if (!comparison->gap.empty()) {
    gap_ = std::move(comparison->gap);
    return ok();
  }
  if (comparison->lines < kLinesPerMark) return ok();
  // So that the next start has less to compare. Where it cannot be written, the next start tries again.
  const std::string nonce = new_fence_nonce(environment_.provider);
  if (!fence_->append(std::array{FenceEvent::mark(nonce)})) return ok();
  (void)environment_.database.commit(
      [&](store::Transaction& t) { return t.set_mark(fence_mark_name(record_.id), nonce); });
  if (fence_->compaction_due()) (void)fence_->compact(environment_.clock.now());
  return ok();
}

Status LocalAuthority::fence_status() const {
  if (fence_problem_) return *fence_problem_;
  if (!gap_) return ok();
  return make_error(Errc::conflict, "the world has seen more of CA '{}' than its database knows: {}",
                    record_.name, gap_->text())
      .with_hint(
          "bring back what is missing: vouch db replay FILE (the newer database, or a newer backup); if "
          "there "
          "is none, give it up: vouch db accept-gap");
}

Result<std::shared_ptr<const LocalAuthority::Live>> LocalAuthority::make_live(
    const store::AuthorityRecord& record, const CaKey& key, std::uint32_t revision) {
  auto live = std::make_shared<Live>();
  live->text = record.settings;
  live->settings = TRY(parse_settings(record.settings));
  LocationVariables variables = variables_of(record, live->settings, key.generation);
  const bool sharded = live->settings.crl_shards > 1;
  // One set of locations for all shards: which one a certificate has is in its own row.
  if (sharded) variables.shard = kAnyShard;
  IssuedLocations locations = TRY(issued_locations(live->settings.cdp, live->settings.aia, variables));
  live->locations = format_issued_locations(locations);
  if (sharded) {
    const std::vector<std::string> cdp = std::exchange(locations.cdp, {});
    for (std::uint32_t shard = 1; shard <= live->settings.crl_shards; ++shard) {
      std::vector<std::string> urls;
      urls.reserve(cdp.size());
      for (const std::string& url : cdp) urls.push_back(with_shard(url, shard));
      live->cdp_of_shard.push_back(x509::encode_extension(x509::make_extension(
          x509::oid::kCrlDistributionPoints, false, x509::encode_distribution_point_uris(urls))));
    }
  }
  live->issued_extensions = extensions_issued_by(key, locations);
  live->revision = revision;
  return std::shared_ptr<const Live>(std::move(live));
}

std::shared_ptr<const LocalAuthority::Live> LocalAuthority::live() const {
  const std::scoped_lock lock(live_mutex_);
  return live_;
}

Status LocalAuthority::refresh(const store::Snapshot& snapshot) const {
  const store::AuthorityRecord record = TRY(snapshot.authority(record_.name));
  const auto before = live();
  if (record.settings == before->text) return ok();
  auto next = TRY(make_live(record, current(), before->revision + 1)
                      .context("reading the changed settings of CA '{}'", record_.name));
  const std::scoped_lock lock(live_mutex_);
  live_ = std::move(next);
  return ok();
}

Status LocalAuthority::refresh() const {
  const auto snapshot = TRY(environment_.database.snapshot());
  return refresh(*snapshot);
}

// Certificates that say nowhere where their CRL is cannot be mended later, so this is asked before the first.
Status LocalAuthority::check_locations() const {
  const AuthoritySettings settings = this->settings();
  if (settings.no_locations) return ok();
  const auto has = [](const std::vector<Location>& list, std::uint32_t flag) {
    return std::ranges::any_of(list, [&](const Location& l) { return (l.flags & flag) != 0; });
  };
  if (!has(settings.cdp, add_to_certificate) ||
      !has(settings.aia, add_to_certificate | add_to_certificate_ocsp))
    return make_error(Errc::denied, "CA '{}' has no CDP or AIA location for the certificates it issues",
                      record_.name)
        .with_hint(
            "set locations before the first issuance, or say at set-up that none are wanted: --no-locations");
  // Of several places one has to be writable; publication says which of the others fail.
  for (const auto* list : {&settings.cdp, &settings.aia}) {
    fs::path not_writable;
    bool writable = false;
    for (const Location& location : *list) {
      if (!is_file(location) || !(location.flags & publish_to_server)) continue;
      const fs::path folder =
          fs::path(TRY(expand(location, variables_of(record_, settings, current().generation))))
              .parent_path();
      if (::access(folder.c_str(), W_OK) == 0)
        writable = true;
      else
        not_writable = folder;
    }
    if (!writable && !not_writable.empty())
      return make_error(Errc::unavailable, "CRLs and CA certificates cannot be published to {}",
                        not_writable.string())
          .with_hint("create the folder and make it writable, or change the location");
  }
  return ok();
}

Result<std::vector<Buffer>> LocalAuthority::chain() const {
  std::vector<Buffer> certificates{current().generation.certificate};
  certificates.insert(certificates.end(), current().generation.chain.begin(),
                      current().generation.chain.end());
  return certificates;
}

}  // namespace vouch::ca
