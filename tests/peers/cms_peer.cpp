// The messages that 50-cms.sh exchanges with openssl and certtool:
//
//   cms_peer sign     OUT CONTENT attached|detached issuer|key KEY CERT [KEY CERT]...
//   cms_peer verify   MESSAGE [CONTENT]          says what became of each signer; status 4 unless all are
//   good cms_peer encrypt  OUT CONTENT CIPHER pkcs1|oaep|oaep256|password RECIPIENT...   (certificates, or
//   the password) cms_peer decrypt  OUT MESSAGE KEY CERT cms_peer p7b      OUT CERT...

#include <fmt/format.h>

#include "base/files.hpp"
#include "base/pem.hpp"
#include "cms/enveloped_data.hpp"
#include "cms/signed_data.hpp"
#include "crypto/openssl/openssl.hpp"

namespace {

using namespace vouch;
using Arguments = std::span<const std::string>;

struct Peer {
  std::shared_ptr<const crypto::Provider> provider = crypto::openssl::make_provider();

  static Result<Buffer> certificate(const std::string& file) {
    return TRY(pem_or_der(TRY(read_file(file)), "CERTIFICATE", {"CERTIFICATE"})).front().der;
  }

  Result<int> sign(Arguments in) const {
    struct Identity {
      Buffer certificate;
      std::unique_ptr<crypto::PrivateKey> key;
      std::unique_ptr<crypto::Signer> signer;
    };
    std::vector<Identity> identities;
    for (std::size_t i = 4; i + 1 < in.size(); i += 2) {
      Identity one;
      one.key = TRY(provider->load_private_key(TRY(read_file(in[i])), {}));
      one.certificate = TRY(certificate(in[i + 1]));
      const auto info = TRY(x509::parse_public_key_info(one.key->public_key_info()));
      one.signer = TRY(one.key->signer(TRY(crypto::signature_algorithm_for(
          {info.type, info.bits, in[i + 1].find("pss") != std::string::npos}, {}))));
      identities.push_back(std::move(one));
    }
    const Buffer content = TRY(read_file(in[1]));
    cms::SignedDataInput input;
    input.content = content;
    input.detached = in[2] == "detached";
    std::vector<cms::SignerInput> signers;
    for (const Identity& identity : identities) {
      input.certificates.push_back(identity.certificate);
      const auto view = TRY(x509::parse_certificate(identity.certificate));
      cms::SignerInput signer;
      signer.signer = identity.signer.get();
      signer.identifier = in[3] == "key" ? TRY(cms::key_identifier_of(view)) : cms::identifier_of(view);
      signer.signing_time = SystemClock().now();
      signers.push_back(std::move(signer));
    }
    TRY(write_file_atomic(in[0], TRY(cms::encode_signed_data(*provider, input, signers))));
    return 0;
  }

  Result<int> verify(Arguments in) const {
    const Buffer der = TRY(cms::to_der(TRY(read_file(in[0]))));
    const auto message = TRY(cms::parse_signed_data(der));
    Buffer content;
    cms::VerifyOptions options;
    if (in.size() > 1) options.detached_content = content = TRY(read_file(in[1]));
    int bad = message.signers.empty() ? 4 : 0;
    for (const cms::SignerReport& report : cms::verify_signers(*provider, message, options)) {
      if (report.status)
        fmt::print("{}: good, {}\n", report.signer->signer.text(), x509::to_string(*report.algorithm));
      else
        fmt::print("{}: {}\n", report.signer->signer.text(), report.status.error().summary());
      if (!report.status) bad = 4;
    }
    return bad;
  }

  Result<int> encrypt(Arguments in) const {
    const Buffer content = TRY(read_file(in[1]));
    cms::EnvelopedDataInput input;
    input.content = content;
    for (const auto cipher : {crypto::ContentCipher::aes128_cbc, crypto::ContentCipher::aes192_cbc,
                              crypto::ContentCipher::aes256_cbc, crypto::ContentCipher::des_ede3_cbc})
      if (crypto::to_string(cipher) == in[2]) input.cipher = cipher;
    std::vector<Buffer> certificates;
    std::vector<cms::RecipientInput> recipients;
    std::vector<cms::PasswordInput> passwords;
    for (const std::string& recipient : in.subspan(4))
      if (in[3] == "password")
        passwords.push_back({recipient});
      else
        certificates.push_back(TRY(certificate(recipient)));
    for (const Buffer& der : certificates) {
      const auto view = TRY(x509::parse_certificate(der));
      recipients.push_back({cms::identifier_of(view), view.public_key_info,
                            in[3] == "pkcs1"  ? crypto::KeyTransport::rsa_pkcs1
                            : in[3] == "oaep" ? crypto::KeyTransport::rsa_oaep_sha1
                                              : crypto::KeyTransport::rsa_oaep_sha256});
    }
    TRY(write_file_atomic(in[0], TRY(cms::encode_enveloped_data(*provider, input, recipients, passwords))));
    return 0;
  }

  Result<int> decrypt(Arguments in) const {
    const Buffer der = TRY(cms::to_der(TRY(read_file(in[1]))));
    const auto message = TRY(cms::parse_enveloped_data(der));
    const auto key = TRY(provider->load_private_key(TRY(read_file(in[2])), {}));
    const auto decrypter = TRY(key->decrypter());
    TRY(write_file_atomic(
        in[0], TRY(cms::open_enveloped_data(*provider, message, *decrypter, TRY(certificate(in[3]))))));
    return 0;
  }

  static Result<int> p7b(Arguments in) {
    std::vector<Buffer> certificates;
    for (const std::string& file : in.subspan(1)) certificates.push_back(TRY(certificate(file)));
    const std::vector<Bytes> views(certificates.begin(), certificates.end());
    TRY(write_file_atomic(in[0], cms::encode_certificates_only(views)));
    return 0;
  }

  Result<int> run(const std::string& verb, Arguments in) const {
    if (verb == "sign" && in.size() >= 6) return sign(in);
    if (verb == "verify" && !in.empty()) return verify(in);
    if (verb == "encrypt" && in.size() >= 5) return encrypt(in);
    if (verb == "decrypt" && in.size() == 4) return decrypt(in);
    if (verb == "p7b" && in.size() >= 2) return p7b(in);
    return make_error(Errc::usage, "usage: see the head of cms_peer.cpp");
  }
};

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> all(values + 1, values + count);
  const auto done = Peer().run(all.empty() ? "" : all[0], Arguments(all).subspan(all.empty() ? 0 : 1));
  if (done) return *done;
  fmt::print(stderr, "{}\n", done.error().report());
  return exit_code(done.error().code());
}
