#include "ca/setup/import_pkcs12.hpp"

#include "ca/audit/audit_head.hpp"
#include "ca/chain.hpp"
#include "ca/home/audit.hpp"
#include "ca/keys/token_keys.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/templates.hpp"

namespace vouch::ca {
namespace {

bool is_ca(const x509::CertificateView& certificate) {
  const auto* extension = certificate.find(x509::oid::kBasicConstraints);
  if (!extension) return false;
  const auto constraints = x509::parse_basic_constraints(extension->value);
  return constraints && constraints->ca;
}

Result<std::string> common_name(Bytes subject) {
  const x509::Name name = TRY(x509::parse_name(subject));
  for (auto rdn = name.rdns.rbegin(); rdn != name.rdns.rend(); ++rdn)
    for (const x509::NameAttribute& attribute : *rdn)
      if (attribute.type == x509::oid::kCommonName) return attribute.text();
  return make_error(Errc::unsupported, "the subject of the certificate has no CN to name the CA by");
}

Status check_options(const InitOptions& options, const x509::CertificateView& certificate) {
  if (!is_ca(certificate))
    return make_error(Errc::denied, "the certificate in the PKCS #12 file is not for a CA")
        .with_hint("export the CA's own certificate and key");
  const bool self_signed = equal(certificate.subject, certificate.issuer);
  if (self_signed != (options.kind == store::AuthorityKind::root))
    return make_error(Errc::usage, "the certificate in the PKCS #12 file is {}",
                      self_signed ? "self-signed: a root's" : "signed by a parent: a subordinate's")
        .with_hint(self_signed ? "use --kind root" : "use --kind subordinate");
  const std::string name = TRY(common_name(certificate.subject));
  if (name != options.name)
    return make_error(Errc::usage, "the CA in the PKCS #12 file is named '{}'", name)
        .with_hint(fmt::format("use --name \"{}\"", name));
  if (options.mode == store::AuthorityMode::enterprise)
    return make_error(Errc::unsupported,
                      "enterprise CAs need a directory, which this version cannot reach yet")
        .with_hint("use --mode standalone");
  return ok();
}

// Whether the certificate was signed with PSS says how the CA goes on signing, for a root.
bool signs_with_pss(const x509::CertificateView& certificate) {
  const auto algorithm = x509::parse_signature_algorithm(certificate.signature_algorithm);
  using enum crypto::SignatureAlgorithm;
  return algorithm && equal(certificate.subject, certificate.issuer) &&
         (*algorithm == rsa_pss_sha256 || *algorithm == rsa_pss_sha384 || *algorithm == rsa_pss_sha512);
}

}  // namespace

Result<Pkcs12Summary> summarize(const crypto::Pkcs12& contents) {
  const auto certificate = TRY(
      x509::parse_certificate(contents.certificate).context("reading the certificate in the PKCS #12 file"));
  const auto text = [](Bytes name) -> Result<std::string> { return x509::to_rfc4514(name); };
  Pkcs12Summary summary;
  summary.subject = TRY(text(certificate.subject));
  summary.issuer = TRY(text(certificate.issuer));
  summary.serial = to_buffer(certificate.serial);
  summary.not_before = certificate.not_before;
  summary.not_after = certificate.not_after;
  const auto key = TRY(x509::parse_public_key_info(contents.key->public_key_info()));
  summary.key = key.type == crypto::KeyType::rsa ? fmt::format("RSA {}", key.bits)
                                                 : std::string(x509::to_string(key.type));
  summary.self_signed = equal(certificate.subject, certificate.issuer);
  summary.is_ca = is_ca(certificate);
  summary.old_ciphers = contents.old_ciphers;
  for (const Buffer& other : contents.others)
    summary.chain.push_back(TRY(text(TRY(x509::parse_certificate(other)).subject)));
  return summary;
}

Result<InitResult> import_authority(const Environment& environment, const InitOptions& options,
                                    crypto::Pkcs12 contents, const std::vector<Buffer>& more) {
  const auto certificate = TRY(
      x509::parse_certificate(contents.certificate).context("reading the certificate in the PKCS #12 file"));
  TRY(check_options(options, certificate));
  if (!equal(contents.key->public_key_info(), certificate.public_key_info))
    return make_error(Errc::conflict, "the private key in the PKCS #12 file is not the certificate's");
  TRY(may_add_authority(environment, options.name, options.administrator, "ca.import"));
  InitResult result;
  store::KeyGeneration& generation = result.generation;
  generation.certificate = contents.certificate;
  generation.public_key_info = to_buffer(certificate.public_key_info);
  generation.created_at = environment.clock.now();
  if (const auto* version = certificate.find(x509::oid::kMsCaVersion)) {
    const auto indices = TRY(x509::parse_ca_version(version->value).context("reading its CA Version"));
    generation.certificate_index = indices.certificate_index;
    generation.key_index = indices.key_index;
  }
  std::vector<Buffer> candidates = std::move(contents.others);
  candidates.insert(candidates.end(), more.begin(), more.end());
  generation.chain = TRY(build_chain(environment.provider, generation.certificate, candidates)
                             .context("building the chain of CA '{}'", options.name));
  TRY(check_chain_dates(generation.certificate, generation.chain, environment.clock.now()));

  InitOptions effective = options;
  const auto info = TRY(x509::parse_public_key_info(generation.public_key_info));
  effective.key = {info.type, info.type == crypto::KeyType::rsa ? info.bits : 0,
                   options.key.pss || signs_with_pss(certificate)};
  const auto algorithm = TRY(crypto::signature_algorithm_for(effective.key, options.digest));
  NewKey key = TRY(NewKey::make(environment, {.ca_name = options.name,
                                              .spec = effective.key,
                                              .digest = options.digest,
                                              .existing = std::move(contents.key),
                                              .token_uri = options.token_uri}));
  if (!equal(key->public_key_info(), generation.public_key_info))
    return make_error(Errc::conflict, "the token has another public key than the file after the import");
  TRY(crypto::try_key(environment.provider, *key, algorithm));
  generation.key_reference = TRY(key.keep(options.passphrase));
  result.key_origin = key.origin();
  if (key.is_file() && options.passphrase.empty())
    result.warnings.emplace_back(
        "the private key is protected by its file mode (0600) alone; a passphrase can be given at set-up");
  result.warnings.emplace_back(
      "what this CA issued before is not known here: import its certificates before they have to be revoked, "
      "and "
      "mind that its CRL numbers start again at 1");
  result.record = {0,
                   options.name,
                   options.kind,
                   options.mode,
                   generation.created_at,
                   format_settings(initial_settings(environment, effective, algorithm))};
  const auto signer = TRY(key->signer(algorithm));
  AuditBinding audit =
      TRY(AuditBinding::make(environment, *signer, options.name, generation.key_index, options.passphrase));
  const Status recorded = environment.database.commit([&](store::Transaction& t) -> Status {
    result.record.id = TRY(t.insert_authority(result.record));
    generation.authority = result.record.id;
    TRY(t.insert_key_generation(generation));
    TRY(audit.record(t, result.record.id));
    TRY(grant_default_roles(environment, t, options.administrator));
    return record_audit(
        environment, t,
        {.actor = options.administrator,
         .action = "ca.import",
         .authority = options.name,
         .object = "CA " + options.name,
         .details =
             AuditDetails().add("key", generation.key_reference).add("serial", Bytes(certificate.serial))});
  });
  if (!recorded) {
    audit.take_back(environment);
    return recorded.error();
  }
  key.settle();
  TRY(load_default_templates(environment));
  return result;
}

}  // namespace vouch::ca
