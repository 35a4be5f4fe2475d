// What responders and web servers send: whatever it is, nothing is believed but what the CA signed. The input
// is an answer of its own, or a row of changes to one that is good: place (two octets) and what is flipped
// there.
#include <cstdlib>

#include "relying/crl_cache.hpp"
#include "relying/ocsp_answer.hpp"
#include "validate/test_pki.hpp"

namespace {

using namespace vouch;
using namespace vouch::relying;
using validate::test::TestPki, validate::test::kNow;

struct Fixture {
  TestPki pki;
  validate::CertificatePtr ca = pki.ca("CA"), leaf = pki.leaf("leaf", "CA");
  Buffer crl = to_buffer(pki.crl({.issuer = "CA", .number = 7, .revoked = {{9, x509::CrlReason::superseded}}})
                             ->head()
                             .view.whole);
  Buffer answer = make_answer();

  Buffer make_answer() {
    const auto key = x509::parse_public_key_info(ca->view().public_key_info).value();
    const auto& provider = *pki.provider();
    const Buffer name = provider.digest(x509::DigestAlgorithm::sha1, ca->view().subject),
                 hash = provider.digest(x509::DigestAlgorithm::sha1, key.key_bits);
    const Buffer id = x509::encode_cert_id(x509::DigestAlgorithm::sha1,
                                           {name, hash, x509::serial_octets(leaf->view().serial)});
    x509::OcspResponseFields fields;
    fields.responder_key_hash = hash;
    fields.produced_at = kNow;
    fields.items.push_back(
        {id, x509::OcspCertStatus::good, {}, std::nullopt, kNow, kNow + std::chrono::hours(1)});
    const Buffer tbs = x509::encode_ocsp_response_data(fields);
    const auto signer = pki.key("CA").signer(x509::SignatureAlgorithm::ecdsa_sha256).value();
    const Bytes certificates[] = {ca->der()};
    return x509::encode_ocsp_response(tbs, x509::encode(x509::SignatureAlgorithm::ecdsa_sha256),
                                      signer->sign(tbs).value(),
                                      {std::begin(certificates), std::end(certificates)});
  }
};

Buffer changed(Buffer octets, Bytes changes) {
  for (; changes.size() >= 3; changes = changes.subspan(3))
    octets[(changes[0] * 256u + changes[1]) % octets.size()] ^= changes[2];
  return octets;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  if (size < 1) return 0;
  const Bytes rest(data + 1, size - 1);
  const bool is_crl = (data[0] & 1) != 0, is_change = (data[0] & 2) != 0;
  if (is_crl) {
    const auto cache = make_memory_cache(fixture.pki.provider());
    const CrlOffer offer{.url = "u", .now = kNow, .signers = {fixture.ca}};
    const auto taken = cache->put(is_change ? changed(fixture.crl, rest) : to_buffer(rest), offer);
    if (!taken || taken->finding.has_value() == taken->cached.has_value()) std::abort();
    if (taken->cached && taken->cached->crl->head().number != Buffer{7}) std::abort();
    return 0;
  }
  const OcspSettings settings;
  const OcspQuestion question{*fixture.leaf, fixture.ca, kNow, "u"};
  const OcspReading reading =
      read_ocsp_answer(*fixture.pki.provider(), is_change ? changed(fixture.answer, rest) : to_buffer(rest),
                       question, settings, {}, {});
  if (reading.answer.has_value() == reading.finding.has_value()) std::abort();
  if (reading.answer && (reading.answer->revoked || reading.answer->this_update != kNow)) std::abort();
  if (reading.finding && validate::message_of(*reading.finding).empty()) std::abort();
  return 0;
}
