#include "ca/setup/renewal.hpp"

#include <algorithm>

#include "ca/audit/audit_head.hpp"
#include "ca/ca_certificate.hpp"
#include "ca/keys/key_files.hpp"
#include "ca/keys/key_strength.hpp"
#include "ca/keys/token_keys.hpp"
#include "ca/serial.hpp"
#include "lint/lint.hpp"

namespace vouch::ca {
namespace {

constexpr std::string_view kCrossTemplate = "CrossCA", kCrossAttribute = "cross";
constexpr std::uint16_t kLastIndex = 0xffff;

// The CA as it is, and the renewal in the making.
struct Renewal {
  std::unique_ptr<LocalAuthority> authority;
  AuthoritySettings settings;                     // as they are to be
  std::unique_ptr<crypto::PrivateKey> key;        // the present key, when it signs by another algorithm
  std::optional<NewKey> new_key;                  // taken back unless the renewal is recorded
  std::shared_ptr<const crypto::Signer> signer;   // the new generation's
  std::optional<std::string> replaced_reference;  // the key of a renewal that is given up

  const CaKey& current() const { return authority->current(); }
  const store::AuthorityRecord& record() const { return authority->record(); }
};

Status check_options(const store::AuthorityRecord& record, const RenewOptions& options) {
  if (options.key && !options.new_key)
    return make_error(Errc::usage, "the kind of key is chosen for a new key only")
        .with_hint("add --new-key, or leave out --key");
  if (record.kind == store::AuthorityKind::subordinate && options.validity != Span{})
    return make_error(Errc::usage, "the parent decides how long a subordinate's certificate is valid")
        .with_hint("give the validity to: vouch ca sign REQUEST --validity …");
  if (!options.token_uri.empty() && !options.new_key)
    return make_error(Errc::usage, "the present key stays where it is: --pkcs11 is for a new key")
        .with_hint("add --new-key, or move the present key with: vouch ca key migrate");
  return ok();
}

// The new generation's place: the next certificate index, and as key index, after AD CS, the present key's or
// for a new key the certificate's own.
Result<store::KeyGeneration> next_generation(const Environment& environment, Renewal& renewal,
                                             const RenewOptions& options) {
  const auto snapshot = TRY(environment.database.snapshot());
  const auto generations = TRY(snapshot->key_generations(renewal.record().id));
  const store::KeyGeneration& last = generations.back();
  store::KeyGeneration next;
  next.authority = renewal.record().id;
  next.created_at = environment.clock.now();
  if (last.certificate.empty()) {
    if (!options.replace)
      return make_error(Errc::conflict, "CA '{}' waits for the certificate of a renewal of {}",
                        renewal.record().name, format_time(last.created_at))
          .with_hint(
              "install the parent's answer with: vouch ca install FILE; its request: vouch ca export "
              "--request; or give it up with: vouch ca renew --replace");
    next.certificate_index = last.certificate_index;
    if (last.key_reference != renewal.current().generation.key_reference)
      renewal.replaced_reference = last.key_reference;
  } else {
    if (last.certificate_index == kLastIndex)
      return make_error(Errc::limit_exceeded, "CA '{}' has had {} certificates: there is no number left",
                        renewal.record().name, kLastIndex);
    next.certificate_index = static_cast<std::uint16_t>(last.certificate_index + 1);
  }
  next.key_index = options.new_key ? next.certificate_index : renewal.current().generation.key_index;
  return next;
}

// Which key the new certificate is for.
Result<crypto::KeySpec> wanted_key(const Renewal& renewal, const RenewOptions& options, RenewResult& result) {
  const CaPolicy* policy = result.policy ? &*result.policy : nullptr;
  crypto::KeySpec spec = options.key ? *options.key : renewal.settings.key;
  if (options.new_key && !options.key && policy && policy->renewal_key_length) {
    if (spec.type == crypto::KeyType::rsa)
      spec.rsa_bits = *policy->renewal_key_length;
    else
      result.warnings.push_back(fmt::format("{}: RenewalKeyLength has no effect on a key {}", policy->file,
                                            crypto::format_key_spec(spec)));
  }
  if (policy && policy->alternate_signature_algorithm && spec.type == crypto::KeyType::rsa && !options.key)
    spec.pss = *policy->alternate_signature_algorithm;
  if (options.new_key) {
    if (auto weak = TRY(check_new_key(spec, options.force_weak_key)))
      result.warnings.push_back(std::move(*weak));
  }
  return spec;
}

Result<crypto::SignatureAlgorithm> wanted_algorithm(const Renewal& renewal, const crypto::KeySpec& spec,
                                                    const RenewOptions& options, const CaPolicy* policy) {
  std::optional<crypto::DigestAlgorithm> digest = options.digest;
  if (spec.type != crypto::KeyType::ed25519) {
    if (!digest && policy) digest = policy->hash;
    if (!digest && spec.type == renewal.settings.key.type)
      digest = digest_of(renewal.settings.signature_algorithm);
  }
  return crypto::signature_algorithm_for(spec, digest);
}

// A CA whose key is on a token gets its new key there too: never a software key unasked.
Result<std::string> place_of_key(const Renewal& renewal, const RenewOptions& options,
                                 const store::KeyGeneration& next) {
  const std::string& present = renewal.current().generation.key_reference;
  if (!options.token_uri.empty() || !crypto::is_token_uri(present)) return options.token_uri;
  crypto::TokenUri uri = TRY(crypto::parse_token_uri(present));
  uri.id.clear();
  uri.object = fmt::format("{} ({})", renewal.record().name, version_text(next));
  return format_token_uri(uri);
}

Status choose_key(const Environment& environment, Renewal& renewal, const RenewOptions& options,
                  RenewResult& result) {
  const crypto::KeySpec spec = TRY(wanted_key(renewal, options, result));
  const auto algorithm =
      TRY(wanted_algorithm(renewal, spec, options, result.policy ? &*result.policy : nullptr));
  renewal.settings.key = spec;
  renewal.settings.signature_algorithm = algorithm;
  const CaKey& current = renewal.current();
  if (!options.new_key && current.signer->algorithm() == algorithm) {
    renewal.signer = current.signer;
    return ok();
  }
  if (options.new_key) {
    renewal.new_key.emplace(TRY(
        NewKey::make(environment, {.ca_name = renewal.record().name,
                                   .spec = spec,
                                   .digest = digest_of(algorithm),
                                   .existing = {},
                                   .token_uri = TRY(place_of_key(renewal, options, result.generation))})));
    renewal.signer = TRY((*renewal.new_key)->signer(algorithm));
    if (!renewal.new_key->is_file()) result.warnings.push_back(renewal.new_key->origin());
    return ok();
  }
  renewal.key = TRY(load_key(environment, current.generation.key_reference));
  renewal.signer = TRY(renewal.key->signer(algorithm));
  return ok();
}

// As long as the present certificate, unless somebody says otherwise.
Time new_end(const Renewal& renewal, const RenewOptions& options, const CaPolicy* policy, Time now) {
  if (options.validity != Span{}) return add(now, options.validity);
  if (policy && policy->renewal_validity) return add(now, *policy->renewal_validity);
  return now + (renewal.current().not_after - renewal.current().not_before);
}

// A certificate that one generation of a root's key gives to another (RFC 4210 4.4): whoever trusts the one
// reaches what the other has signed. It is issued like any other: numbered, recorded, revocable.
struct Cross {
  store::RequestRecord request;
  store::CertificateRecord certificate;
  std::shared_ptr<const crypto::Signer> signer;
};

struct CrossPlan {
  const CaKey& issuer;
  const CaKey& subject;
  Time not_before{}, not_after{};
};

Result<Cross> plan_cross(const Environment& environment, const Renewal& renewal, const CrossPlan& plan,
                         std::string_view administrator) {
  const auto subject = TRY(x509::parse_certificate(plan.subject.generation.certificate));
  std::vector<x509::Extension> extensions;
  for (const x509::ExtensionView& each : subject.extensions)
    if (each.id != x509::oid::kAuthorityKeyIdentifier && each.id != x509::oid::kCrlDistributionPoints &&
        each.id != x509::oid::kAuthorityInfoAccess && each.id != x509::oid::kMsPreviousCertHash)
      extensions.push_back({each.id, each.critical, to_buffer(each.value)});
  const auto& issued = plan.issuer.issued_extensions;
  extensions.insert(extensions.end(), issued.begin(), issued.end());

  Cross cross;
  cross.signer = plan.issuer.signer;
  store::CertificateRecord& certificate = cross.certificate;
  certificate.authority = renewal.record().id;
  certificate.key_index = plan.issuer.generation.key_index;
  certificate.serial =
      make_serial(environment.home.configuration().node, environment.clock, environment.provider);
  certificate.not_before = plan.not_before;
  certificate.not_after = plan.not_after;
  certificate.subject = TRY(x509::to_rfc4514(subject.subject));
  certificate.template_name = kCrossTemplate;
  certificate.signature_algorithm = to_buffer(x509::encode(cross.signer->algorithm()));
  certificate.tbs = x509::TbsTemplate(cross.signer->algorithm(), plan.issuer.subject, extensions)
                        .fill({certificate.serial,
                               plan.not_before,
                               plan.not_after,
                               subject.subject,
                               subject.public_key_info,
                               {}});
  for (const lint::Finding& finding :
       lint::lint_certificate(TRY(x509::parse_tbs_certificate(certificate.tbs))))
    if (finding.severity == lint::Severity::error && finding.id != "key.rsa_size")  // the root's own decision
      return make_error(Errc::denied, "the cross-certificate would break a rule: {} ({})", finding.message,
                        finding.source);

  store::RequestRecord& request = cross.request;
  request.authority = renewal.record().id;
  request.disposition = Disposition::issued;
  request.submitted_at = environment.clock.now();
  request.resolved_at = request.submitted_at;
  request.requester = administrator;
  request.resolver = administrator;
  request.template_name = kCrossTemplate;
  request.attributes[std::string(kCrossAttribute)] = fmt::format(
      "{}-{}", plan.issuer.generation.certificate_index, plan.subject.generation.certificate_index);
  request.request = TRY(make_ca_request(*plan.subject.signer, subject.subject, {}));
  request.trace = policy::format_trace({{"ca.cross", policy::Verdict::passed, {}, {}, {}}});
  return cross;
}

// New signed by old, valid while the old certificate is; old signed by new, for the old certificate's life.
Result<std::vector<Cross>> plan_crosses(const Environment& environment, const Renewal& renewal,
                                        const CaKey& next, std::string_view administrator) {
  const CaKey& old = renewal.current();
  const Time now = environment.clock.now();
  std::vector<Cross> crosses;
  if (old.not_after <= now) return crosses;
  crosses.push_back(TRY(plan_cross(
      environment, renewal, {old, next, now, std::min(old.not_after, next.not_after)}, administrator)));
  crosses.push_back(
      TRY(plan_cross(environment, renewal, {next, old, old.not_before, old.not_after}, administrator)));
  return crosses;
}

Status record_cross(store::Transaction& t, Cross& cross) {
  cross.request.id = TRY(t.insert_request(cross.request));
  cross.certificate.request = cross.request.id;
  return t.insert_intent(cross.certificate);
}

// The intents are durable; a crash from here on leaves orphans, which the next open of the authority signs.
Result<std::vector<Buffer>> sign_crosses(const Environment& environment, Fence& fence,
                                         std::vector<Cross>& crosses) {
  std::vector<Buffer> certificates;
  if (crosses.empty()) return certificates;
  std::vector<FenceEvent> events;
  for (const Cross& cross : crosses) events.push_back(FenceEvent::issued(cross.certificate));
  TRY(fence.record(events));
  for (Cross& cross : crosses)
    cross.certificate.signature =
        TRY(cross.signer->sign(cross.certificate.tbs).context("signing a cross-certificate"));
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    for (Cross& cross : crosses) TRY(t.complete_intent(cross.request.id, cross.certificate.signature));
    return ok();
  }));
  for (const Cross& cross : crosses) certificates.push_back(cross.certificate.der());
  return certificates;
}

AuditEvent renew_event(const Renewal& renewal, const RenewResult& result, const RenewOptions& options) {
  AuditDetails details;
  details.add("version", version_text(result.generation));
  details.add("key", options.new_key ? "new" : "same")
      .add("key_spec", crypto::format_key_spec(renewal.settings.key));
  details.add("key_reference", result.generation.key_reference);
  details.add("signature", x509::to_string(renewal.settings.signature_algorithm));
  if (result.policy) details.add("capolicy", result.policy->file);
  if (options.force_weak_key) details.add("override", "weak key");
  if (options.replace) details.add("replaced", "yes");
  return {options.administrator, "ca.renew", renewal.record().name, "CA " + renewal.record().name, details};
}

// Database rows of the renewal, all or none.
Status record(const Environment& environment, const Renewal& renewal, RenewResult& result,
              const RenewOptions& options, std::vector<Cross>& crosses,
              const std::optional<AuditBinding>& audit) {
  return environment.database.commit([&](store::Transaction& t) -> Status {
    // Between the look at the generations and now, another process may have renewed.
    const auto generations = TRY(t.key_generations(renewal.record().id));
    const bool waiting = generations.back().certificate.empty();
    if (waiting && options.replace)
      TRY(t.update_key_generation(result.generation));
    else
      TRY(t.insert_key_generation(result.generation));
    if (!result.generation.certificate.empty())
      TRY(t.update_settings(renewal.record().id, format_settings(renewal.settings)));
    else if (result.policy || options.parent) {
      // The running key goes on as it is; only what is not about the key changes now.
      AuthoritySettings settings = renewal.authority->settings();
      if (result.policy) take_crl_times(settings, *result.policy);
      if (options.parent) settings.parent = options.parent;
      TRY(t.update_settings(renewal.record().id, format_settings(settings)));
    }
    for (Cross& cross : crosses) TRY(record_cross(t, cross));
    if (audit) TRY(audit->record(t, renewal.record().id));
    return record_audit(environment, t, renew_event(renewal, result, options));
  });
}

// Signs the certificate, or the request, of the new generation.
Status make_certificate(const Environment& environment, const Renewal& renewal, const RenewOptions& options,
                        RenewResult& result) {
  const CaPolicy* policy = result.policy ? &*result.policy : nullptr;
  store::KeyGeneration& generation = result.generation;
  const AuthoritySettings& settings = renewal.settings;
  const store::AuthorityRecord& record = renewal.record();
  const CaIdentity identity{record.kind,
                            generation,
                            generation.public_key_info,
                            renewal.current().generation.certificate,
                            policy,
                            {settings.dns_name,
                             settings.short_name,
                             record.name,
                             generation.certificate_index,
                             generation.key_index,
                             false,
                             {}}};
  auto extensions = TRY(own_extensions(environment, identity));
  const Buffer& subject = renewal.current().subject;
  if (record.kind == store::AuthorityKind::subordinate) {
    if (policy) append_ignored(result.warnings, *policy);
    generation.request = TRY(make_ca_request(*renewal.signer, subject, std::move(extensions)));
    return ok();
  }
  // A key that was forced once stays the CA's own business when it is certified again.
  const bool weak = options.force_weak_key || !options.new_key;
  const Time end = new_end(renewal, options, policy, generation.created_at);
  generation.certificate = TRY(self_sign(environment, *renewal.signer,
                                         {subject, generation.created_at, end, std::move(extensions), weak}));
  return ok();
}

// The new generation of a root as a key that signs.
Result<CaKey> key_of(const Renewal& renewal, const store::KeyGeneration& generation) {
  const auto certificate = TRY(x509::parse_certificate(generation.certificate));
  CaKey key;
  key.generation = generation;
  key.signer = renewal.signer;
  key.subject = to_buffer(certificate.subject);
  key.key_identifier = to_buffer(
      TRY(x509::parse_subject_key_identifier(certificate.find(x509::oid::kSubjectKeyIdentifier)->value)));
  key.not_before = certificate.not_before;
  key.not_after = certificate.not_after;
  key.issued_extensions = TRY(extensions_issued_by(key, renewal.record(), renewal.settings));
  return key;
}

}  // namespace

std::string version_text(const store::KeyGeneration& generation) {
  return fmt::format("V{}.{}", generation.certificate_index, generation.key_index);
}

bool is_pss(crypto::SignatureAlgorithm algorithm) {
  using enum crypto::SignatureAlgorithm;
  return algorithm == rsa_pss_sha256 || algorithm == rsa_pss_sha384 || algorithm == rsa_pss_sha512;
}

Result<RenewResult> renew(const Environment& environment, std::string_view name,
                          const RenewOptions& options) {
  Renewal renewal;
  renewal.authority = TRY(LocalAuthority::open(environment, name));
  renewal.settings = renewal.authority->settings();
  TRY(renewal.authority->fence_status());
  TRY(authorize(environment, {.account = options.administrator,
                              .role = Role::administrator,
                              .what = "renew the certificate",
                              .action = "ca.renew",
                              .object = "CA " + renewal.record().name,
                              .authority = renewal.record().id,
                              .authority_name = renewal.record().name}));
  TRY(check_options(renewal.record(), options));
  RenewResult result;
  result.record = renewal.record();
  result.policy = TRY(read_ca_policy(environment.home, options.capolicy));
  store::KeyGeneration& generation = result.generation = TRY(next_generation(environment, renewal, options));
  TRY(choose_key(environment, renewal, options, result));
  generation.public_key_info = to_buffer(renewal.signer->public_key_info());
  if (result.policy) take_crl_times(renewal.settings, *result.policy);
  TRY(make_certificate(environment, renewal, options, result));

  std::vector<Cross> crosses;
  if (!generation.certificate.empty()) {
    const CaKey next = TRY(key_of(renewal, generation));
    renewal.settings.renewal_due = half_life(next.not_before, next.not_after);
    if (options.new_key) crosses = TRY(plan_crosses(environment, renewal, next, options.administrator));
  }

  // The key is on disk before anything refers to it, and goes again if nothing comes to do so.
  generation.key_reference = renewal.current().generation.key_reference;
  if (options.new_key) {
    generation.key_reference = TRY(renewal.new_key->keep(options.passphrase));
    if (renewal.new_key->is_file() && options.passphrase.empty())
      result.warnings.emplace_back("the new private key is protected by its file mode (0600) alone");
  }
  const auto recorded = [&]() -> Status {
    // Each key of the CA vouches for the audit log's.
    std::optional<AuditBinding> audit;
    if (options.new_key)
      audit = TRY(AuditBinding::make(environment, *renewal.signer, renewal.record().name,
                                     generation.key_index, options.passphrase));
    Status done = record(environment, renewal, result, options, crosses, audit);
    if (!done && audit) audit->take_back(environment);
    return done;
  }();
  if (!recorded) return recorded.error();
  if (renewal.new_key) renewal.new_key->settle();
  if (renewal.replaced_reference) remove_key(environment, *renewal.replaced_reference);
  result.cross = TRY(sign_crosses(environment, renewal.authority->fence(), crosses));
  return result;
}

Result<std::vector<CrossCertificate>> cross_certificates(const store::Snapshot& snapshot,
                                                         store::AuthorityId authority) {
  store::CertificateFilter filter;
  filter.authority = authority;
  filter.template_name = kCrossTemplate;
  std::vector<CrossCertificate> found;
  for (;;) {
    const auto page = TRY(snapshot.certificates(filter));
    for (const store::CertificateRecord& record : page) {
      const auto request = TRY(snapshot.request(record.request));
      const auto pair = request.attributes.find(std::string(kCrossAttribute));
      // Only what the CA made itself: an enrollee's attribute names no file.
      if (pair == request.attributes.end() || record.revocation) continue;
      found.push_back({pair->second, TRY(snapshot.certificate(record.serial)).der()});
    }
    if (page.size() < filter.limit) return found;
    filter.after = page.back().request;
  }
}

}  // namespace vouch::ca
