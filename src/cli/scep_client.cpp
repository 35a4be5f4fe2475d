#include "cli/scep_client.hpp"

#include "base/pem.hpp"
#include "cli/describe.hpp"

namespace vouch::cli {

namespace scep = enroll::scep;

namespace {
constexpr std::size_t kLargestFile = std::size_t{1} << 20;
}  // namespace

Result<scep::ServiceClient> reach_scep(const Context& context, const Arguments& arguments,
                                       const std::string& url) {
  net::FetchSettings settings;
  if (const std::string* file = arguments.find("tls-ca"))
    settings.trusted_roots = TRY(context.files().read(*file).context("reading the roots for https"));
  return scep::ServiceClient::create(std::make_shared<net::Fetcher>(std::move(settings)), url);
}

Result<scep::Transport> scep_transport(const Arguments& arguments) {
  if (arguments.has("get") && arguments.has("post"))
    return usage_error("--get and --post are two ways: choose one");
  return arguments.has("get")    ? scep::Transport::get
         : arguments.has("post") ? scep::Transport::post
                                 : scep::Transport::by_capabilities;
}

Result<scep::ServiceTrust> scep_trust(const Context& context, const Arguments& arguments,
                                      const scep::ServiceClient& service) {
  scep::ServiceTrust trust;
  if (arguments.has("fingerprint") && arguments.has("ca-file"))
    return usage_error("--fingerprint and --ca-file say the same thing in two ways: choose one");
  if (const std::string* fingerprint = arguments.find("fingerprint"))
    trust.fingerprint = TRY(for_option(scep::parse_fingerprint(*fingerprint), "fingerprint"));
  if (const std::string* file = arguments.find("ca-file"))
    trust.authorities = TRY(read_certificate_file(context, *file));
  trust.channel = service.is_https();
  return trust;
}

Result<std::unique_ptr<crypto::PrivateKey>> read_private_key(Context& context, const Arguments& arguments,
                                                             const std::string& file) {
  Buffer content = TRY(read_file(file, kLargestFile).context("reading the private key"));
  auto key = context.provider().load_private_key(content, {});
  if (!key && key.error().code() == Errc::denied) {
    const std::string* named = arguments.find("key-passphrase-file");
    std::string passphrase =
        TRY(context.passphrase_source(named ? std::optional(*named) : std::nullopt)(file));
    key = context.provider().load_private_key(content, passphrase);
    wipe(passphrase);
  }
  wipe(content);
  return std::move(key).context("reading {}", file);
}

Result<scep::ClientIdentity> scep_identity(const crypto::PrivateKey& key, Buffer certificate,
                                           std::optional<crypto::DigestAlgorithm> digest) {
  const auto info = TRY(x509::parse_public_key_info(key.public_key_info()));
  scep::ClientIdentity identity;
  identity.certificate = std::move(certificate);
  identity.signer =
      TRY(key.signer(TRY(crypto::signature_algorithm_for({info.type, info.bits, info.rsassa_pss}, digest))));
  if (info.type == x509::KeyType::rsa) identity.decrypter = TRY(key.decrypter());
  return identity;
}

Status write_private(const std::string& file, Bytes content) {
  return write_file_atomic(file, content, 0600);
}

}  // namespace vouch::cli
