#include "daemon/scep/trust.hpp"

#include "enroll/scep/service_trust.hpp"
#include "x509/certificate.hpp"

namespace vouch::daemon::scep {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

// The same input gives the same identifier, so that a profile that is installed again replaces itself (RFC
// 9562 5.8, version 8: our own bits).
std::string uuid_of(const crypto::Provider& provider, std::string_view what) {
  Buffer hash = provider.digest(crypto::DigestAlgorithm::sha256, as_bytes(what));
  hash[6] = static_cast<std::uint8_t>((hash[6] & 0x0f) | 0x80);
  hash[8] = static_cast<std::uint8_t>((hash[8] & 0x3f) | 0x80);
  const std::string hex = to_hex(Bytes(hash).first(16));
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

bool is_root(const x509::CertificateView& certificate) {
  return equal(certificate.issuer, certificate.subject);
}

// Apple's Configuration Profile Reference: com.apple.security.root is trusted, .pkcs1 only builds chains.
Result<std::string> payload(const crypto::Provider& provider, const std::string& profile, Bytes certificate) {
  const auto view = TRY(x509::parse_certificate(certificate));
  const std::string_view type = is_root(view) ? "com.apple.security.root" : "com.apple.security.pkcs1";
  const std::string uuid = uuid_of(provider, as_text(certificate));
  return fmt::format(
      "    <dict>\n"
      "      <key>PayloadType</key><string>{}</string>\n"
      "      <key>PayloadVersion</key><integer>1</integer>\n"
      "      <key>PayloadIdentifier</key><string>vouch.scep.{}.{}</string>\n"
      "      <key>PayloadUUID</key><string>{}</string>\n"
      "      <key>PayloadDisplayName</key><string>{}</string>\n"
      "      <key>PayloadContent</key><data>{}</data>\n"
      "    </dict>\n",
      type, escaped(profile), uuid, uuid, escaped(TRY(x509::to_rfc4514(view.subject))),
      to_base64(certificate));
}

Result<std::string> mobileconfig(const crypto::Provider& provider, const std::string& profile,
                                 std::span<const Buffer> chain) {
  std::string payloads, all = profile;
  for (const Buffer& certificate : chain) {
    payloads += TRY(payload(provider, profile, certificate));
    all += as_text(certificate);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
      "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
      "<plist version=\"1.0\">\n"
      "<dict>\n"
      "  <key>PayloadType</key><string>Configuration</string>\n"
      "  <key>PayloadVersion</key><integer>1</integer>\n"
      "  <key>PayloadIdentifier</key><string>vouch.scep.{0}</string>\n"
      "  <key>PayloadUUID</key><string>{1}</string>\n"
      "  <key>PayloadDisplayName</key><string>Certificates for {0}</string>\n"
      "  <key>PayloadContent</key>\n"
      "  <array>\n"
      "{2}"
      "  </array>\n"
      "</dict>\n"
      "</plist>\n",
      escaped(profile), uuid_of(provider, all), payloads);
}

}  // namespace

std::string judge_root(const crypto::Provider& provider, const ProfileConfiguration& profile,
                       std::span<const Buffer> chain) {
  if (profile.root.empty() || chain.empty()) return {};
  const Buffer wanted = enroll::scep::parse_fingerprint(profile.root).value_or(Buffer());
  for (const auto digest : {crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha1})
    if (equal(provider.digest(digest, chain.back()), wanted)) return {};
  return fmt::format(
      "its root is {}, and the CA's chain ends in {}: devices that trust the one take no certificate below "
      "the "
      "other; vouch scep trust {} gives what they have to trust, and root = says that they do",
      to_hex(wanted), to_hex(provider.digest(crypto::DigestAlgorithm::sha256, chain.back())), profile.name);
}

Result<std::vector<TrustFile>> trust_files(const crypto::Provider& provider, const std::string& profile,
                                           std::span<const Buffer> chain) {
  std::vector<TrustFile> files;
  for (std::size_t i = chain.size(); i-- > 0;) {
    const bool root = is_root(TRY(x509::parse_certificate(chain[i])));
    const std::string name = root ? "root" : i == 0 ? "issuing" : fmt::format("intermediate-{}", i);
    files.push_back({fmt::format("{}-{}.cer", profile, name),
                     root     ? "the root, which devices have to trust"
                     : i == 0 ? "the CA that issues"
                              : "a CA in between",
                     chain[i], chain[i]});
  }
  const std::string profile_file = TRY(mobileconfig(provider, profile, chain));
  files.push_back(
      {profile + ".mobileconfig", "both, for Apple's devices", to_buffer(as_bytes(profile_file))});
  return files;
}

}  // namespace vouch::daemon::scep
