#include "diagnose/responder_check.hpp"

#include <algorithm>

#include "ca/keys/service_keys.hpp"
#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

constexpr std::string_view kMend =
    "vouch serve renews it by itself: is it running, and what does its /readyz say of 'ocsp responders'?";

Judgement judge(const CertificateStatus& status, bool revoked, Time now) {
  if (revoked)
    return {Verdict::not_matching, "it is revoked, so nobody takes its answers", std::string(kMend)};
  if (now > status.not_after)
    return {Verdict::expired, fmt::format("it was valid until {}", format_time(status.not_after)),
            std::string(kMend)};
  if (now > status.not_after - (status.not_after - status.not_before) / 4)
    return {Verdict::expiring,
            fmt::format("it ends on {}, and has not been renewed", format_time(status.not_after)),
            std::string(kMend)};
  return {};
}

}  // namespace

Result<std::vector<CertificateStatus>> check_responders(const store::Snapshot& snapshot, const Node& node,
                                                        Time now) {
  std::vector<CertificateStatus> list;
  std::optional<std::uint16_t> last;
  for (const store::KeyGeneration& generation : node.generations) {
    // Two certificates of one key have one responder.
    if (!node.record || last == generation.key_index) continue;
    last = generation.key_index;
    const auto known =
        ca::find_service_key(snapshot, ca::ocsp_service(node.record->id, generation.key_index));
    if (!known && known.error().code() == Errc::not_found) continue;
    const store::CertificateRecord record = TRY(snapshot.certificate(TRY(known).serial));
    CertificateStatus status;
    status.use = CertificateUse::ocsp_responder;
    status.certificate_index = generation.certificate_index;
    status.key_index = generation.key_index;
    status.subject = record.subject;
    status.serial = to_hex(record.serial);
    status.not_before = record.not_before;
    status.not_after = record.not_after;
    status.judgement = judge(status, record.revocation.has_value(), now);
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace vouch::diagnose
