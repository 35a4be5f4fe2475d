// Whole sets of certificates and CRLs: whatever they hold, the validator ends within its budget, and a
// refusal says why. The input is a row of elements, each with its length in two octets; an element that is a
// CRL is one, the first certificate is the anchor, the last the target, the others are sent along. An element
// of three octets is one of the certificates before it with one octet changed, so that names meet that
// otherwise never would.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"
#include "validate/crl_check.hpp"
#include "validate/validator.hpp"

namespace {

using namespace vouch;
using namespace vouch::validate;

struct Parts {
  std::vector<Buffer> certificates;
  std::vector<CrlPtr> crls;
};

Parts split(const crypto::Provider& provider, Bytes input) {
  Parts parts;
  while (input.size() >= 2 && parts.certificates.size() + parts.crls.size() < 64) {
    const std::size_t size = std::min<std::size_t>(input[0] * 256u + input[1], input.size() - 2);
    const Bytes element = input.subspan(2, size);
    input = input.subspan(2 + size);
    if (element.size() == 3 && !parts.certificates.empty()) {
      Buffer again = parts.certificates[element[0] % parts.certificates.size()];
      if (!again.empty()) again[(element[1] * again.size()) / 256] ^= element[2];
      parts.certificates.push_back(std::move(again));
    } else if (auto crl = parse_crl_in_memory(provider, element, "fuzz")) {
      parts.crls.push_back(*crl);
    } else {
      parts.certificates.push_back(to_buffer(element));
    }
  }
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  if (size < 8) return 0;
  const std::uint8_t choice = data[0];
  Parts parts = split(*provider, Bytes(data + 1, size - 1));
  if (parts.certificates.size() < 2) return 0;
  std::vector<TrustAnchor> anchors(1);
  const auto root = Certificate::parse(*provider, parts.certificates.front());
  if (!root) return 0;
  anchors[0].certificate = *root;
  anchors[0].apply_extensions = (choice & 1) != 0;
  std::vector<Bytes> sent(parts.certificates.begin(), parts.certificates.end());
  const Validator validator(provider,
                            std::make_shared<TrustStore>(std::move(anchors), std::vector<CertificatePtr>()),
                            std::make_shared<SignatureCache>(16));
  Profile profile;
  profile.purpose = static_cast<Purpose>((choice >> 1) % 10);
  profile.algorithms.accept_weak = (choice & 0x20) != 0;
  profile.link_by_key_identifier = (choice & 0x40) != 0;
  profile.policies.require_explicit = (choice & 0x80) != 0;
  CrlRevocation revocation(std::move(parts.crls), {DeltaRule::when_announced, false, std::nullopt});
  const Expected expected{"www.example.com", "alice@corp.example", "S-1-5-21-1-2-3-4", "CORP.EXAMPLE",
                          "alice@example.com"};
  const Time now = parse_time("2011-04-15").value();
  const Decision decision = validator.validate(sent.back(), sent, {now, profile, expected, &revocation});
  if (decision.accepted == (decisive(decision) != nullptr)) std::abort();
  if (decision.steps > profile.limits.steps || decision.signatures > profile.limits.signatures) std::abort();
  if (to_text(decision).empty() || to_json(to_value(decision)).empty()) std::abort();
  return 0;
}
