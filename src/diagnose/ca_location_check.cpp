#include "diagnose/ca_location_check.hpp"

#include <algorithm>

#include "cms/signed_data.hpp"
#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::string_view kPutThere =
    "put the CA certificate there: vouch ca export --der --out FILE writes it, the file locations of vouch "
    "location list --aia have it";

Result<std::vector<Buffer>> certificates_in(Bytes body) {
  if (cms::looks_like_content_info(body)) return cms::certificates_of(body);
  (void)TRY(x509::parse_certificate(body));
  return std::vector<Buffer>{to_buffer(body)};
}

bool is_expected(const Place& place, const Buffer& certificate) {
  return std::ranges::find(place.issuers, certificate, &CaCertificate::der) != place.issuers.end();
}

std::string difference(const Place& place, const Buffer& certificate) {
  const auto found = x509::parse_certificate(certificate);
  const auto wanted = x509::parse_certificate(place.issuers.back().der);
  if (!found || !wanted) return "it holds another certificate";
  if (equal(found->public_key_info, wanted->public_key_info))
    return fmt::format("it holds another certificate of the same key, serial {}",
                       x509::serial_to_text(found->serial));
  const auto name = x509::to_rfc4514(found->subject);
  return fmt::format("it holds the certificate of another {}: {}",
                     equal(found->subject, wanted->subject) ? "key of this CA" : "CA",
                     name ? *name : std::string("its name cannot be read"));
}

}  // namespace

Judged judge_ca_certificate(const Place& place, Bytes body, Time now) {
  if (as_text(body).starts_with("-----BEGIN"))
    return not_matching("it is PEM; a CA certificate is fetched as DER (RFC 5280 4.2.2.1)",
                        std::string(kPutThere));
  const auto certificates = certificates_in(body);
  if (!certificates)
    return not_matching(fmt::format("what is there is no certificate, or not a whole one ({} octets): {}",
                                    body.size(), certificates.error().message()),
                        std::string(kPutThere));
  const auto own = std::ranges::find_if(*certificates, [&](const auto& c) { return is_expected(place, c); });
  if (own == certificates->end())
    return not_matching(difference(place, certificates->front()), std::string(kPutThere));
  Judged judged;
  const auto view = x509::parse_certificate(*own);
  if (!view) return not_matching(std::string(view.error().message()), std::string(kPutThere));
  judged.expires = view->not_after;
  if (view->not_after < now)
    judged.judgement = {Verdict::expired,
                        fmt::format("the CA certificate was valid until {}", format_time(view->not_after)),
                        "renew the CA: vouch ca renew"};
  return judged;
}

}  // namespace vouch::diagnose
