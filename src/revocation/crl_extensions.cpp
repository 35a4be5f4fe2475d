#include "revocation/crl_extensions.hpp"

#include <algorithm>

namespace vouch::revocation {
namespace {

x509::Extension uris(const x509::Oid& id, const std::vector<std::string>& list) {
  return x509::make_extension(id, false, x509::encode_distribution_point_uris(list));
}

}  // namespace

bool deltas_on(const ca::AuthoritySettings& settings) { return settings.delta_period != Span{}; }

Result<CrlPlaces> crl_places(const ca::AuthoritySettings& settings, std::string_view ca_name,
                             const store::KeyGeneration& generation, bool delta, std::uint32_t shard) {
  ca::LocationVariables base{settings.dns_name,
                             settings.short_name,
                             std::string(ca_name),
                             generation.certificate_index,
                             generation.key_index,
                             false,
                             settings.configuration_container,
                             {},
                             shard};
  ca::LocationVariables of_delta = base;
  of_delta.delta = true;
  if (shard != 0) TRY(ca::check_shard_places(settings.cdp));  // or one would overwrite the other
  CrlPlaces places;
  std::vector<fs::path> others;  // of the other kind
  for (const ca::Location& location : settings.cdp) {
    const std::uint32_t flags = location.flags;
    if (ca::is_file(location)) {
      const fs::path base_file = TRY(ca::expand(location, base)),
                     delta_file = TRY(ca::expand(location, of_delta));
      if (flags & ca::publish_to_server) (delta ? others : places.targets).push_back(base_file);
      if (flags & ca::publish_delta_to_server) (delta ? places.targets : others).push_back(delta_file);
      continue;
    }
    if (flags & (delta ? ca::publish_delta_to_server : ca::publish_to_server))
      places.uploads.push_back(TRY(ca::expand(location, delta ? of_delta : base)));
    if (flags & ca::add_to_freshest_crl) places.freshest.push_back(TRY(ca::expand(location, of_delta)));
    if (flags & ca::add_to_crl_cdp)
      places.published.push_back(TRY(ca::expand(location, delta ? of_delta : base)));
    if (flags & ca::add_to_crl_idp) places.distribution_point.push_back(TRY(ca::expand(location, base)));
  }
  if (deltas_on(settings) || delta)
    for (const fs::path& target : places.targets)
      if (std::ranges::find(others, target) != others.end())
        return make_error(Errc::usage, "base and delta CRLs of CA '{}' would both be written to {}", ca_name,
                          target.string())
            .with_hint("put %9 (<DeltaCRLAllowed>) into the CDP location that takes delta CRLs");
  return places;
}

Buffer crl_scope(const ca::AuthoritySettings& settings, const CrlPlaces& places, const CrlList& list) {
  x509::IssuingDistributionPoint point;
  std::vector<std::string> urls = list.urls;
  for (const std::string& url : places.distribution_point)
    if (std::ranges::find(urls, url) == urls.end()) urls.push_back(url);
  if (!urls.empty()) {
    point.name.emplace();
    for (const std::string& url : urls) point.name->full_name.push_back(x509::GeneralName::uri(url));
  }
  point.only_user_certs = settings.crl_scope == ca::CrlScope::user;
  point.only_ca_certs = settings.crl_scope == ca::CrlScope::ca;
  return point == x509::IssuingDistributionPoint{} ? Buffer()
                                                   : x509::encode_issuing_distribution_point(point);
}

// RFC 5280 5.2, and as AD CS writes them CA Version, Next CRL Publish and Published CRL Locations.
std::vector<x509::Extension> crl_extensions(const ca::CaKey& key, const ca::AuthoritySettings& settings,
                                            const CrlPlaces& places, const store::CrlRecord& record) {
  using x509::make_extension;
  std::vector<x509::Extension> list{
      make_extension(x509::oid::kAuthorityKeyIdentifier, false,
                     x509::encode_authority_key_identifier({key.key_identifier, {}, {}})),
      make_extension(x509::oid::kMsCaVersion, false,
                     x509::encode_ca_version({key.generation.certificate_index, key.generation.key_index})),
      make_extension(x509::oid::kCrlNumber, false, x509::encode_crl_number(record.number))};
  if (record.delta)
    list.push_back(
        make_extension(x509::oid::kDeltaCrlIndicator, true, x509::encode_crl_number(record.base_number)));
  list.push_back(
      make_extension(x509::oid::kMsNextPublish, false, x509::encode_next_publish(record.next_publish)));
  // 5.2.6: never in a delta CRL. Without deltas clients would look for one in vain.
  if (!record.delta && deltas_on(settings) && !places.freshest.empty())
    list.push_back(uris(x509::oid::kFreshestCrl, places.freshest));
  if (!record.scope.empty())
    list.push_back(make_extension(x509::oid::kIssuingDistributionPoint, true, record.scope));
  if (!places.published.empty()) list.push_back(uris(x509::oid::kMsPublishedCrlLocations, places.published));
  if (settings.keep_expired_since)
    list.push_back(make_extension(x509::oid::kExpiredCertsOnCrl, false,
                                  x509::encode_invalidity_date(*settings.keep_expired_since)));
  return list;
}

}  // namespace vouch::revocation
