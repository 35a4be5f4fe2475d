#include "ca/setup/setup.hpp"

#include <unistd.h>

#include <algorithm>

#include "ca/audit/audit_head.hpp"
#include "ca/ca_certificate.hpp"
#include "ca/chain.hpp"
#include "ca/keys/key_strength.hpp"
#include "ca/keys/token_keys.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/templates.hpp"
#include "ca/setup/certificate_files.hpp"
#include "ca/setup/renewal.hpp"
#include "x509/request.hpp"

namespace vouch::ca {
namespace {

constexpr Span kRootValidity{20 * 12, {}};

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Result<Buffer> subject_of(const InitOptions& options) {
  x509::Name name;
  if (!options.subject_suffix.empty())
    name = TRY(x509::name_from_rfc4514(options.subject_suffix).context("reading the subject suffix"));
  name.rdns.push_back({x509::make_attribute(x509::oid::kCommonName, options.name)});
  return x509::encode_name(name);
}

AuthoritySettings settings_for(const Environment& environment, const InitOptions& options,
                               crypto::SignatureAlgorithm algorithm, const CaPolicy* policy) {
  const Configuration& configuration = environment.home.configuration();
  AuthoritySettings settings;
  settings.key = options.key;
  settings.signature_algorithm = algorithm;
  settings.automatic_issuance = options.automatic_issuance;
  settings.no_locations = options.no_locations;
  settings.interactive_key = options.interactive_key;
  settings.parent = options.parent;
  settings.dns_name = configuration.dns_name.empty() ? host_name() : configuration.dns_name;
  settings.short_name = configuration.short_name.empty()
                            ? settings.dns_name.substr(0, settings.dns_name.find('.'))
                            : configuration.short_name;
  if (options.kind == store::AuthorityKind::root) {
    // A root is brought out of the safe a few times a year.
    settings.crl_period = Span{6, {}};
    settings.crl_overlap = Span{0, std::chrono::days(14)};
  } else {
    settings.delta_period = Span{0, std::chrono::hours(24)};
  }
  settings.configuration_container = configuration.configuration_container;
  if (policy) take_crl_times(settings, *policy);
  const std::string folder = environment.home.published().string();
  settings.cdp = default_cdp(folder, !settings.configuration_container.empty());
  settings.aia = default_aia(folder, !settings.configuration_container.empty());
  if (options.no_locations) {
    const auto published_only = [](std::vector<Location>& list) {
      std::erase_if(list, [](const Location& l) { return !(l.flags & publish_to_server); });
    };
    published_only(settings.cdp);
    published_only(settings.aia);
  }
  return settings;
}

Status check_kind(const InitOptions& options) {
  if (options.mode == store::AuthorityMode::enterprise)
    return make_error(Errc::unsupported,
                      "enterprise CAs need a directory, which this version cannot reach yet")
        .with_hint("use --mode standalone");
  if (options.kind == store::AuthorityKind::subordinate && options.validity != Span{})
    return make_error(Errc::usage, "the parent decides how long a subordinate's certificate is valid")
        .with_hint("give the validity to: vouch ca sign REQUEST --validity …");
  return ok();
}

Result<std::vector<std::string>> check_name(const Environment& environment, const InitOptions& options) {
  NameCheck names = check_ca_name(options.name, host_name(), options.allow_host_name);
  // %1 is the name that the world knows this machine by.
  if (const std::string& dns = environment.home.configuration().dns_name; !names.error && !dns.empty())
    names = check_ca_name(options.name, dns, options.allow_host_name);
  if (names.error) return std::move(*names.error);
  TRY(may_add_authority(environment, options.name, options.administrator, "ca.init"));
  return std::move(names.warnings);
}

Span root_validity(const InitOptions& options, const CaPolicy* policy) {
  if (options.validity != Span{}) return options.validity;
  return policy && policy->renewal_validity ? *policy->renewal_validity : kRootValidity;
}

AuditEvent init_event(const InitOptions& options, const InitResult& result,
                      const AuthoritySettings& settings) {
  AuditDetails details;
  details.add("kind", store::to_string(options.kind)).add("mode", store::to_string(options.mode));
  details.add("key", crypto::format_key_spec(settings.key))
      .add("key_reference", result.generation.key_reference);
  details.add("signature", x509::to_string(settings.signature_algorithm));
  if (result.policy) details.add("capolicy", result.policy->file);
  // What an administrator was warned about and insisted on.
  if (options.allow_host_name) details.add("override", "name is the host's");
  if (options.force_weak_key) details.add("override", "weak key");
  if (options.no_locations) details.add("override", "no locations");
  return {options.administrator, "ca.init", options.name, "CA " + options.name, details};
}

// The generation that waits for its certificate, and what the CA has beside it.
struct Waiting {
  store::AuthorityRecord record;
  store::KeyGeneration generation;
  std::vector<Buffer> installed;
};

Result<Waiting> find_waiting(const Environment& environment, std::string_view name) {
  const auto snapshot = TRY(environment.database.snapshot());
  Waiting waiting;
  waiting.record = TRY(snapshot->authority(name));
  if (waiting.record.kind == store::AuthorityKind::root)
    return make_error(Errc::conflict,
                      "CA '{}' is a root: it signs itself and never takes a parent's certificate", name)
        .with_hint("set up a subordinate CA with: vouch ca init --kind subordinate");
  bool found = false;
  for (store::KeyGeneration& generation : TRY(snapshot->key_generations(waiting.record.id))) {
    if (!generation.certificate.empty()) {
      waiting.installed.push_back(std::move(generation.certificate));
    } else {
      waiting.generation = std::move(generation);
      found = true;
    }
  }
  if (!found)
    return make_error(Errc::conflict, "CA '{}' does not wait for a certificate", name)
        .with_hint("ask for a new one with: vouch ca renew --request-out FILE");
  return waiting;
}

// After a renewal with the same key, the old certificate is for the request's key too.
Result<Buffer> find_answer(const std::vector<Buffer>& candidates, const x509::RequestView& request,
                           const Waiting& waiting) {
  bool known = false;
  for (const Buffer& der : candidates) {
    const auto certificate = x509::parse_certificate(der);
    if (!certificate || !equal(certificate->public_key_info, request.public_key_info)) continue;
    if (std::ranges::find(waiting.installed, der) == waiting.installed.end()) return der;
    known = true;
  }
  if (known)
    return make_error(Errc::denied, "CA '{}' has this certificate already: the renewed one is missing",
                      waiting.record.name)
        .with_hint("install the answer to the newest request: vouch ca export --request shows it");
  return make_error(Errc::denied, "none of the {} certificates is for the key of CA '{}'", candidates.size(),
                    waiting.record.name)
      .with_hint("install the answer to the request that this CA made");
}

Status check_answer(Bytes der, const x509::RequestView& request) {
  const x509::CertificateView certificate = TRY(x509::parse_certificate(der));
  if (!equal(certificate.subject, request.subject)) {
    // Some CAs write the strings of a name in another type.
    const auto given = TRY(x509::parse_name(certificate.subject)),
               asked = TRY(x509::parse_name(request.subject));
    if (!x509::names_match(given, asked))
      return make_error(Errc::denied, "the certificate is for '{}', the request was for '{}'",
                        x509::to_rfc4514(given), x509::to_rfc4514(asked));
  }
  const auto* constraints = certificate.find(x509::oid::kBasicConstraints);
  if (!constraints || !TRY(x509::parse_basic_constraints(constraints->value)).ca)
    return make_error(Errc::denied,
                      "the parent returned a certificate that is not for a CA (basicConstraints without cA)")
        .with_hint("the parent must sign it as a subordinate CA (AD CS: template SubCA)");
  if (equal(certificate.issuer, certificate.subject))
    return make_error(Errc::denied, "the certificate is self-signed: a subordinate CA never becomes a root");
  return ok();
}

// From its installation on, the CA signs as it signed the request for the certificate.
Result<std::string> settings_after(const store::AuthorityRecord& record,
                                   const store::KeyGeneration& generation) {
  const auto request = TRY(x509::parse_request(generation.request));
  const auto certificate = TRY(x509::parse_certificate(generation.certificate));
  AuthoritySettings settings = TRY(parse_settings(record.settings));
  settings.signature_algorithm = TRY(x509::parse_signature_algorithm(request.signature_algorithm));
  settings.key = TRY(key_spec_of(request.public_key_info, is_pss(settings.signature_algorithm)));
  settings.renewal_due = half_life(certificate.not_before, certificate.not_after);
  if (settings.parent) settings.parent->request = 0;  // nothing waits there any more
  return format_settings(settings);
}

}  // namespace

Time half_life(Time not_before, Time not_after) { return not_before + (not_after - not_before) / 2; }

// CRL times that CAPolicy.inf names. An overlap that it leaves alone is never longer than the period.
void take_crl_times(AuthoritySettings& settings, const CaPolicy& policy) {
  if (policy.crl_period) settings.crl_period = *policy.crl_period;
  if (policy.crl_delta_period) settings.delta_period = *policy.crl_delta_period;  // 0: none
  // Deltas that come less often than bases are of no use to anybody.
  if (add(Time{}, settings.delta_period) > add(Time{}, settings.crl_period)) settings.delta_period = Span{};
  if (policy.crl_overlap)
    settings.crl_overlap = *policy.crl_overlap;
  else if (add(Time{}, settings.crl_overlap) > add(Time{}, settings.crl_period))
    settings.crl_overlap = settings.crl_period;
}

void append_ignored(std::vector<std::string>& warnings, const CaPolicy& policy) {
  const auto ignored = [&](std::string_view what) {
    warnings.push_back(
        fmt::format("{}: {} has no effect on a subordinate CA: its parent decides", policy.file, what));
  };
  if (!policy.cdp.urls.empty()) ignored("[CRLDistributionPoint]");
  if (!policy.aia.urls.empty()) ignored("[AuthorityInformationAccess]");
  if (policy.renewal_validity) ignored("RenewalValidityPeriod");
}

Status may_add_authority(const Environment& environment, std::string_view name,
                         std::string_view administrator, std::string_view action) {
  const auto snapshot = TRY(environment.database.snapshot());
  if (snapshot->authority(name))
    return make_error(Errc::conflict, "there is a CA '{}' in this home", name)
        .with_hint("vouch ca list shows them; choose another name or another --home");
  // Whoever sets up the first CA of a home becomes its administrator.
  if (TRY(snapshot->role_version()) == 0) return ok();
  return authorize(environment, *snapshot,
                   {.account = administrator,
                    .role = Role::administrator,
                    .what = "set up CAs in this home",
                    .action = action,
                    .object = fmt::format("CA {}", name)});
}

Result<InitResult> init(const Environment& environment, const InitOptions& options) {
  TRY(check_kind(options));
  InitResult result;
  result.warnings = TRY(check_name(environment, options));
  result.policy = TRY(read_ca_policy(environment.home, options.capolicy));
  const CaPolicy* policy = result.policy ? &*result.policy : nullptr;

  InitOptions effective = options;
  if (policy && !effective.digest && effective.key.type != crypto::KeyType::ed25519)
    effective.digest = policy->hash;
  const bool pss = options.key.pss || (policy && policy->alternate_signature_algorithm.value_or(false));
  if (!options.existing_key) (void)TRY(check_new_key(options.key, options.force_weak_key));
  std::unique_ptr<crypto::PrivateKey> existing;
  if (options.existing_key)
    existing =
        TRY(environment.provider.load_private_key(*options.existing_key, options.existing_key_passphrase));
  NewKey key = TRY(NewKey::make(environment, {.ca_name = options.name,
                                              .spec = options.key,
                                              .digest = effective.digest,
                                              .existing = std::move(existing),
                                              .token_uri = options.token_uri}));
  result.key_origin = key.origin();
  effective.key = TRY(key_spec_of(key->public_key_info(), pss));
  if (auto weak = TRY(check_new_key(effective.key, options.force_weak_key)))
    result.warnings.push_back(std::move(*weak));
  const auto algorithm = TRY(crypto::signature_algorithm_for(effective.key, effective.digest));
  const auto signer = TRY(key->signer(algorithm));
  const Buffer subject = TRY(subject_of(options));
  AuthoritySettings settings = settings_for(environment, effective, algorithm, policy);

  store::KeyGeneration& generation = result.generation;
  generation.public_key_info = to_buffer(key->public_key_info());
  generation.created_at = environment.clock.now();
  const CaIdentity identity{
      options.kind, generation, generation.public_key_info,
      {},           policy,     {settings.dns_name, settings.short_name, options.name, 0, 0, false, {}}};
  std::vector<x509::Extension> extensions = TRY(own_extensions(environment, identity));
  if (options.kind == store::AuthorityKind::root) {
    const Time end = add(generation.created_at, root_validity(options, policy));
    generation.certificate =
        TRY(self_sign(environment, *signer,
                      {subject, generation.created_at, end, std::move(extensions), options.force_weak_key}));
    settings.renewal_due = half_life(generation.created_at, end);
  } else {
    if (policy) append_ignored(result.warnings, *policy);
    generation.request = TRY(make_ca_request(*signer, subject, std::move(extensions)));
  }

  // The key is on disk before anything refers to it, and goes again if nothing comes to do so.
  generation.key_reference = TRY(key.keep(options.passphrase));
  if (key.is_file() && options.passphrase.empty())
    result.warnings.emplace_back(
        "the private key is protected by its file mode (0600) alone; a passphrase can be given at set-up");
  if (options.automatic_issuance)
    result.warnings.emplace_back(
        "certificates are issued without anybody looking at the request: less secure than the pending queue");
  result.record = {
      0, options.name, options.kind, options.mode, generation.created_at, format_settings(settings)};
  auto audit =
      AuditBinding::make(environment, *signer, options.name, generation.key_index, options.passphrase);
  if (!audit) return std::move(audit.error());
  const Status recorded = environment.database.commit([&](store::Transaction& t) -> Status {
    result.record.id = TRY(t.insert_authority(result.record));
    generation.authority = result.record.id;
    TRY(t.insert_key_generation(generation));
    TRY(audit->record(t, result.record.id));
    TRY(grant_default_roles(environment, t, options.administrator));
    return record_audit(environment, t, init_event(options, result, settings));
  });
  if (!recorded) {
    audit->take_back(environment);
    return recorded.error();
  }
  key.settle();
  if (!policy || policy->load_default_templates.value_or(true)) TRY(load_default_templates(environment));
  return result;
}

AuthoritySettings initial_settings(const Environment& environment, const InitOptions& options,
                                   crypto::SignatureAlgorithm algorithm) {
  return settings_for(environment, options, algorithm, nullptr);
}

Result<InstallResult> install(const Environment& environment, std::string_view name, Bytes answer,
                              const std::vector<Buffer>& chain, const std::vector<Buffer>& trust,
                              std::string_view administrator) {
  Waiting waiting = TRY(find_waiting(environment, name));
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "install certificates",
                              .action = "ca.install",
                              .object = "CA " + waiting.record.name,
                              .authority = waiting.record.id,
                              .authority_name = waiting.record.name}));
  store::KeyGeneration& generation = waiting.generation;
  const x509::RequestView request = TRY(x509::parse_request(generation.request));
  std::vector<Buffer> candidates = TRY(read_certificates(answer));
  generation.certificate = TRY(find_answer(candidates, request, waiting));
  TRY(check_answer(generation.certificate, request));

  candidates.insert(candidates.end(), chain.begin(), chain.end());
  candidates.insert(candidates.end(), trust.begin(), trust.end());
  generation.chain = TRY(build_chain(environment.provider, generation.certificate, candidates)
                             .context("building the chain of CA '{}'", name));
  TRY(check_chain_dates(generation.certificate, generation.chain, environment.clock.now()));
  const Buffer& root = generation.chain.back();
  InstallResult result;
  result.root_fingerprint = environment.provider.digest(crypto::DigestAlgorithm::sha256, root);
  if (!trust.empty() && std::ranges::find(trust, root) == trust.end())
    return make_error(Errc::denied,
                      "the chain ends at a root that is not among those given with --trust (SHA-256 {})",
                      to_hex(result.root_fingerprint));
  AuditDetails details;
  details.add("version", version_text(generation));
  details.add("sha256", environment.provider.digest(crypto::DigestAlgorithm::sha256, generation.certificate));
  details.add("root_sha256", result.root_fingerprint);
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.update_key_generation(generation));
    TRY(t.update_settings(waiting.record.id, TRY(settings_after(TRY(t.authority(name)), generation))));
    return record_audit(
        environment, t,
        {std::string(administrator), "ca.install", std::string(name), fmt::format("CA {}", name), details});
  }));
  result.generation = std::move(generation);
  return result;
}

Result<std::vector<fs::path>> publish_ca_certificates(const LocalAuthority& authority) {
  std::vector<fs::path> written;
  const AuthoritySettings settings = authority.settings();
  const auto publish = [&](const LocationVariables& variables, Bytes certificate) -> Status {
    for (const Location& location : settings.aia) {
      if (!is_file(location) || !(location.flags & publish_to_server)) continue;
      const fs::path path = TRY(expand(location, variables));
      TRY(write_file_atomic(path, certificate).context("publishing the CA certificate"));
      written.push_back(path);
    }
    return ok();
  };
  LocationVariables variables{
      settings.dns_name, settings.short_name, authority.record().name, 0, 0, false, {}};
  for (const CaKey& key : authority.keys()) {
    variables.certificate_index = key.generation.certificate_index;
    variables.key_index = key.generation.key_index;
    TRY(publish(variables, key.generation.certificate));
  }
  const auto snapshot = TRY(authority.environment().database.snapshot());
  for (const CrossCertificate& cross : TRY(cross_certificates(*snapshot, authority.record().id))) {
    variables.cross = cross.pair;
    TRY(publish(variables, cross.certificate));
  }
  return written;
}

}  // namespace vouch::ca
