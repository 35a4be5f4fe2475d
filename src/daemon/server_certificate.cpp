#include "daemon/server_certificate.hpp"

#include <algorithm>

#include "api/caller.hpp"
#include "base/pem.hpp"
#include "daemon/setting_kinds.hpp"
#include "x509/request.hpp"

namespace vouch::daemon {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

std::vector<std::string> dns_names_of(const x509::CertificateView& certificate) {
  std::vector<std::string> names;
  const auto* extension = certificate.find(x509::oid::kSubjectAltName);
  const auto all = extension ? x509::parse_general_names(extension->value)
                             : Result<std::vector<x509::GeneralName>>(std::vector<x509::GeneralName>());
  if (!all) return names;
  for (const x509::GeneralName& name : *all)
    if (name.type == x509::GeneralNameType::dns_name) names.emplace_back(as_text(name.value));
  return names;
}

// Two thirds of the life, so that a failure has a third of it to be noticed in.
bool is_due(const x509::CertificateView& certificate, Time now) {
  return now >= certificate.not_before + (certificate.not_after - certificate.not_before) * 2 / 3;
}

Result<Buffer> encode_request(const crypto::PrivateKey& key, const std::vector<std::string>& names) {
  std::vector<x509::GeneralName> alternatives;
  alternatives.reserve(names.size());
  for (const std::string& name : names) alternatives.push_back(x509::GeneralName::dns(name));
  const Buffer subject = x509::encode_name(TRY(x509::name_from_rfc4514("CN=" + names.front())));
  const Buffer info = x509::encode_request_info(
      {subject,
       key.public_key_info(),
       {x509::make_extension(x509::oid::kSubjectAltName, false, x509::encode_general_names(alternatives))},
       {}});
  const auto algorithm = crypto::SignatureAlgorithm::ecdsa_sha256;
  const Buffer signature = TRY(TRY(key.signer(algorithm))->sign(info));
  return x509::encode_request(info, x509::encode(algorithm), signature);
}

// The blocks of a file with key and chain, as TLS wants them.
net::TlsIdentity identity_of(std::string_view pem) {
  net::TlsIdentity identity;
  const auto first = pem.find("-----BEGIN CERTIFICATE-----");
  identity.key = to_buffer(as_bytes(pem.substr(0, first)));
  if (first != std::string_view::npos) identity.chain = to_buffer(as_bytes(pem.substr(first)));
  return identity;
}

}  // namespace

Result<net::TlsIdentity> ServerCertificate::load(const TlsConfiguration& configuration) const {
  return configuration.is_issued_here() ? load_issued(configuration)
                                        : load_identity_files(environment_.home.folder(), configuration);
}

Result<net::TlsIdentity> load_identity_files(const fs::path& home, const TlsConfiguration& configuration) {
  net::TlsIdentity identity;
  identity.chain =
      TRY(read_file(home / configuration.certificate, kMaxFile).context("reading tls.certificate"));
  identity.key = TRY(read_file(home / configuration.key, kMaxFile).context("reading tls.key"));
  return identity;
}

Result<net::TlsIdentity> load_identity_without_ca(const fs::path& home,
                                                  const TlsConfiguration& configuration) {
  if (configuration.is_issued_here())
    return make_error(Errc::unsupported, "there is no CA here to issue the server certificate")
        .with_hint("name files: tls.certificate and tls.key");
  return load_identity_files(home, configuration);
}

Result<net::TlsIdentity> ServerCertificate::load_issued(const TlsConfiguration& configuration) const {
  const auto authority = authorities_.find(configuration.issuer);
  if (!authority)
    return make_error(Errc::not_found, "there is no CA '{}' that issues the server certificate",
                      configuration.issuer)
        .with_hint("correct tls.issuer; vouch ca list shows the names");
  std::vector<std::string> names = items_of(configuration.names);
  if (names.empty()) names.push_back(authority->settings().dns_name);

  bool is_usable = false;
  const auto there = read_file(folder() / "server.pem", kMaxFile);
  if (there) {
    const auto blocks = pem_or_der(identity_of(as_text(*there)).chain, "CERTIFICATE", {"CERTIFICATE"});
    const auto certificate =
        blocks ? x509::parse_certificate(blocks->front().der) : Result<x509::CertificateView>(blocks.error());
    const Time now = environment_.clock.now();
    is_usable = certificate && now < certificate->not_after;
    if (is_usable && !is_due(*certificate, now) && dns_names_of(*certificate) == names &&
        equal(certificate->issuer, authority->current().subject))
      return identity_of(as_text(*there));
  }
  auto issued = issue(configuration, *authority, names);
  if (issued) return identity_of(as_text(*issued));
  if (is_usable) return identity_of(as_text(*there));
  return std::move(issued.error());
}

Result<Buffer> ServerCertificate::issue(const TlsConfiguration& configuration, ca::LocalAuthority& authority,
                                        const std::vector<std::string>& names) const {
  TRY(make_folder(folder(), 0700));
  const auto key = TRY(environment_.provider.generate({}));
  const Buffer request = TRY(encode_request(*key, names));
  const auto outcome = TRY(authority.issue_to_service(request, configuration.template_name)
                               .context("issuing the server certificate by CA '{}', template {}",
                                        authority.record().name, configuration.template_name));
  if (outcome.disposition != ca::Disposition::issued)
    return make_error(Errc::denied, "CA '{}' does not issue the server certificate: {}",
                      authority.record().name, outcome.message)
        .with_hint(outcome.mend);
  std::string pem = TRY(key->to_pem({}));
  pem += to_pem("CERTIFICATE", outcome.certificate);
  for (const Buffer& certificate : TRY(authority.chain())) pem += to_pem("CERTIFICATE", certificate);
  TRY(write_file_atomic(folder() / "server.pem", as_bytes(pem), 0600));
  Buffer content = to_buffer(as_bytes(pem));
  wipe(pem);
  return content;
}

net::CheckClientCertificate check_client_certificate(const ca::Environment& environment) {
  return [&environment](const std::vector<Buffer>& chain) -> Status {
    (void)TRY(api::account_of_certificate(environment, chain));
    return ok();
  };
}

}  // namespace vouch::daemon
