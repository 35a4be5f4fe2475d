#include "ca/setup.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/pem.hpp"
#include "ca/chain.hpp"
#include "ca/key_files.hpp"
#include "ca/serial.hpp"
#include "ca/templates.hpp"
#include "lint/lint.hpp"
#include "x509/request.hpp"

namespace vouch::ca {
namespace {

constexpr std::uint16_t kCaKeyUsage = x509::digital_signature | x509::key_cert_sign | x509::crl_sign;
constexpr Span kRootValidity{20 * 12, {}};

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

// X.520 appendix A: ub-common-name.
constexpr std::size_t kMaxCommonName = 64;

std::vector<x509::Extension> ca_extensions(Bytes key_identifier, const store::KeyGeneration& generation) {
  return {
      x509::make_extension(x509::oid::kBasicConstraints, true, x509::encode_basic_constraints({true, {}})),
      x509::make_extension(x509::oid::kKeyUsage, true, x509::encode_key_usage(kCaKeyUsage)),
      x509::make_extension(x509::oid::kSubjectKeyIdentifier, false,
                           x509::encode_subject_key_identifier(key_identifier)),
      x509::make_extension(x509::oid::kMsCaVersion, false,
                           x509::encode_ca_version({generation.certificate_index, generation.key_index}))};
}

Result<Buffer> subject_of(const InitOptions& options) {
  x509::Name name;
  if (!options.subject_suffix.empty())
    name = TRY(x509::name_from_rfc4514(options.subject_suffix).context("reading the subject suffix"));
  name.rdns.push_back({x509::make_attribute(x509::oid::kCommonName, options.name)});
  return x509::encode_name(name);
}

Result<Buffer> self_sign(const Environment& environment, const crypto::Signer& signer, Bytes subject,
                         const store::KeyGeneration& generation, Span validity) {
  const Buffer key_identifier = TRY(crypto::key_identifier(environment.provider, signer.public_key_info()));
  const x509::TbsTemplate encoder(signer.algorithm(), subject, ca_extensions(key_identifier, generation));
  const Buffer serial =
      make_serial(environment.home.configuration().node, environment.clock, environment.provider);
  const Time now = environment.clock.now();
  const Buffer tbs = encoder.fill({serial, now, add(now, validity), subject, signer.public_key_info(), {}});
  for (const lint::Finding& finding : lint::lint_certificate(TRY(x509::parse_tbs_certificate(tbs))))
    if (finding.severity == lint::Severity::error)
      return make_error(Errc::denied, "the root certificate would break a rule: {} ({})", finding.message,
                        finding.source);
  const Buffer signature = TRY(signer.sign(tbs));
  return x509::encode_certificate(tbs, x509::encode(signer.algorithm()), signature);
}

// The request that a parent signs. It names the template SubCA, as AD CS's requests do (311.20.2).
Result<Buffer> make_request(const Environment& environment, const crypto::Signer& signer, Bytes subject,
                            const store::KeyGeneration& generation) {
  const Buffer key_identifier = TRY(crypto::key_identifier(environment.provider, signer.public_key_info()));
  std::vector<x509::Extension> extensions = ca_extensions(key_identifier, generation);
  extensions.push_back(
      x509::make_extension(x509::oid::kMsTemplateName, false, x509::encode_template_name("SubCA")));
  const Buffer info =
      x509::encode_request_info({subject, signer.public_key_info(), std::move(extensions), {}});
  const Buffer signature = TRY(signer.sign(info));
  return x509::encode_request(info, x509::encode(signer.algorithm()), signature);
}

AuthoritySettings settings_for(const Environment& environment, const InitOptions& options,
                               crypto::SignatureAlgorithm algorithm) {
  const Configuration& configuration = environment.home.configuration();
  AuthoritySettings settings;
  settings.key = options.key;
  settings.signature_algorithm = algorithm;
  settings.automatic_issuance = options.automatic_issuance;
  settings.no_locations = options.no_locations;
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

Result<crypto::KeySpec> spec_of(Bytes public_key_info, bool pss) {
  const auto key = TRY(x509::parse_public_key_info(public_key_info));
  return crypto::KeySpec{key.type, key.type == crypto::KeyType::rsa ? key.bits : 0, pss};
}

Status check_kind(const InitOptions& options) {
  if (options.mode == store::AuthorityMode::enterprise)
    return make_error(Errc::unsupported,
                      "enterprise CAs need a directory, which this version cannot reach yet")
        .with_hint("use --mode standalone");
  if (options.kind == store::AuthorityKind::subordinate && options.validity != Span{})
    return make_error(Errc::usage, "the parent decides how long a subordinate's certificate is valid")
        .with_hint("give the validity to: vouch ca sign REQUEST --validity …");
  if (options.key.type == crypto::KeyType::rsa && options.key.rsa_bits != 0 && options.key.rsa_bits < 2048)
    return make_error(Errc::denied, "an RSA key of {} bits is too small for a CA", options.key.rsa_bits)
        .with_hint("use rsa:3072, rsa:4096 or ec:P-256");
  return ok();
}

}  // namespace

NameCheck check_ca_name(std::string_view name, std::string_view host, bool allow_host_name) {
  NameCheck check;
  const auto characters =
      static_cast<std::size_t>(std::ranges::count_if(name, [](char c) { return (c & 0xc0) != 0x80; }));
  const auto latin =
      static_cast<std::size_t>(std::ranges::count_if(name, [](char c) { return (c & 0x80) == 0; }));
  const auto fail = [&](std::string message, std::string hint) {
    check.error = make_error(Errc::usage, "{}", message).with_hint(std::move(hint));
    return check;
  };
  if (name.empty()) return fail("a CA needs a name", "give it with --name");
  if (!x509::is_valid_utf8(name))
    return fail("the CA name is not UTF-8", "set the terminal's character set to UTF-8");
  if (std::ranges::any_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }))
    return fail("the CA name has control characters", "use letters, digits, spaces and hyphens");
  if (name.front() == ' ' || name.back() == ' ')
    return fail("the CA name starts or ends with a space", "leave it out");
  // Requirements, "CA name": 64 Latin characters; fewer than 64 when some are not; 37 when none is.
  const std::size_t most = latin == characters ? kMaxCommonName : latin == 0 ? 37 : kMaxCommonName - 1;
  if (characters > most)
    return fail(fmt::format("the CA name has {} characters, at most {} fit", characters, most),
                "choose a shorter name");
  const auto same = [](std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
  };
  if (same(name, host) || same(name, host.substr(0, host.find('.')))) {
    if (!allow_host_name)
      return fail("the CA name is this machine's name: it would give the name away and can never be changed",
                  "choose a name for the CA itself, or insist with --allow-host-name");
    check.warnings.emplace_back("the CA is named after this machine");
  }
  if (name.find('_') != std::string_view::npos)
    check.warnings.emplace_back("some network devices refuse a CA name with an underscore");
  return check;
}

Result<InitResult> init(const Environment& environment, const InitOptions& options) {
  TRY(check_kind(options));
  NameCheck names = check_ca_name(options.name, host_name(), options.allow_host_name);
  if (names.error) return std::move(*names.error);
  {
    const auto snapshot = TRY(environment.database.snapshot());
    if (snapshot->authority(options.name))
      return make_error(Errc::conflict, "there is a CA '{}' in this home", options.name)
          .with_hint("vouch ca list shows them; choose another name or another --home");
  }
  InitResult result;
  result.warnings = std::move(names.warnings);

  const auto key = TRY(options.existing_key ? environment.provider.load_private_key(
                                                  *options.existing_key, options.existing_key_passphrase)
                                            : environment.provider.generate(options.key));
  InitOptions effective = options;
  effective.key = TRY(spec_of(key->public_key_info(), options.key.pss));
  TRY(check_kind(effective));
  const auto algorithm = TRY(crypto::signature_algorithm_for(effective.key, options.digest));
  const auto signer = TRY(key->signer(algorithm));
  const Buffer subject = TRY(subject_of(options));

  store::KeyGeneration& generation = result.generation;
  generation.public_key_info = to_buffer(key->public_key_info());
  generation.created_at = environment.clock.now();
  if (options.kind == store::AuthorityKind::root)
    generation.certificate = TRY(self_sign(environment, *signer, subject, generation,
                                           options.validity == Span{} ? kRootValidity : options.validity));
  else
    generation.request = TRY(make_request(environment, *signer, subject, generation));

  // The key is on disk before anything refers to it, and goes again if nothing comes to do so.
  generation.key_reference = TRY(save_key(environment, options.name, *key, options.passphrase));
  if (options.passphrase.empty())
    result.warnings.emplace_back(
        "the private key is protected by its file mode (0600) alone; a passphrase can be given at set-up");
  result.record = {0,
                   options.name,
                   options.kind,
                   options.mode,
                   generation.created_at,
                   format_settings(settings_for(environment, effective, algorithm))};
  const Status recorded = environment.database.commit([&](store::Transaction& t) -> Status {
    result.record.id = TRY(t.insert_authority(result.record));
    generation.authority = result.record.id;
    return t.insert_key_generation(generation);
  });
  if (!recorded) {
    remove_key(environment, generation.key_reference);
    return recorded.error();
  }
  TRY(load_default_templates(environment));
  return result;
}

Result<InstallResult> install(const Environment& environment, std::string_view name, Bytes answer,
                              const std::vector<Buffer>& chain, const std::vector<Buffer>& trust) {
  store::AuthorityRecord record;
  store::KeyGeneration generation;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    record = TRY(snapshot->authority(name));
    const auto generations = TRY(snapshot->key_generations(record.id));
    const auto waiting =
        std::ranges::find_if(generations, [](const auto& g) { return g.certificate.empty(); });
    if (waiting == generations.end())
      return make_error(Errc::conflict, "CA '{}' does not wait for a certificate", name);
    generation = *waiting;
  }
  const x509::RequestView request = TRY(x509::parse_request(generation.request));
  std::vector<Buffer> candidates = TRY(read_certificates(answer));
  const auto own = std::ranges::find_if(candidates, [&](const Buffer& der) {
    const auto certificate = x509::parse_certificate(der);
    return certificate && equal(certificate->public_key_info, request.public_key_info);
  });
  if (own == candidates.end())
    return make_error(Errc::denied, "none of the {} certificates is for the key of CA '{}'",
                      candidates.size(), name)
        .with_hint("install the answer to the request that this CA made");
  generation.certificate = *own;
  const x509::CertificateView certificate = TRY(x509::parse_certificate(generation.certificate));
  if (!equal(certificate.subject, request.subject))
    return make_error(Errc::denied, "the certificate is for '{}', the request was for '{}'",
                      TRY(x509::to_rfc4514(certificate.subject)), TRY(x509::to_rfc4514(request.subject)));
  const auto* constraints = certificate.find(x509::oid::kBasicConstraints);
  if (!constraints || !TRY(x509::parse_basic_constraints(constraints->value)).ca)
    return make_error(Errc::denied,
                      "the parent returned a certificate that is not for a CA (basicConstraints without cA)")
        .with_hint("the parent must sign it as a subordinate CA (AD CS: template SubCA)");
  if (equal(certificate.issuer, certificate.subject))
    return make_error(Errc::denied, "the certificate is self-signed: a subordinate CA never becomes a root");

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
  TRY(environment.database.commit(
      [&](store::Transaction& t) { return t.update_key_generation(generation); }));
  result.generation = std::move(generation);
  return result;
}

Result<std::vector<Buffer>> read_certificates(Bytes input) {
  std::vector<Buffer> certificates;
  for (PemBlock& block :
       TRY(pem_or_der(input, "CERTIFICATE", {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}))) {
    (void)TRY(x509::parse_certificate(block.der).context("reading certificate {}", certificates.size() + 1));
    certificates.push_back(std::move(block.der));
  }
  return certificates;
}

Result<std::vector<fs::path>> publish_ca_certificates(const LocalAuthority& authority) {
  std::vector<fs::path> written;
  const AuthoritySettings settings = authority.settings();
  for (const CaKey& key : authority.keys()) {
    const LocationVariables variables{settings.dns_name,
                                      settings.short_name,
                                      authority.record().name,
                                      key.generation.certificate_index,
                                      key.generation.key_index,
                                      false,
                                      settings.configuration_container};
    for (const Location& location : settings.aia) {
      if (!is_file(location) || !(location.flags & publish_to_server)) continue;
      const fs::path path = TRY(expand(location, variables));
      TRY(write_file_atomic(path, key.generation.certificate).context("publishing the CA certificate"));
      written.push_back(path);
    }
  }
  return written;
}

}  // namespace vouch::ca
