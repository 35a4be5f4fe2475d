#include "diagnose/authority_check.hpp"

#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

std::string mend_of(const Node& node) {
  return node.record ? fmt::format("vouch ca renew --ca '{}'", node.name)
                     : "ask whoever runs it; then install the new chain: vouch ca install FILE --chain FILE";
}

Judgement judge(const Node& node, const CertificateStatus& status, bool newest, Time now) {
  if (now > status.not_after)
    return {Verdict::expired, fmt::format("it was valid until {}", format_time(status.not_after)),
            mend_of(node)};
  if (now + std::chrono::minutes(10) < status.not_before)
    return {Verdict::not_matching, fmt::format("it is valid from {}", format_time(status.not_before)),
            "one of the clocks is wrong"};
  if (newest && now > status.not_after - (status.not_after - status.not_before) / 10)
    return {Verdict::expiring,
            fmt::format("less than a tenth of its life is left, until {}", format_time(status.not_after)),
            mend_of(node)};
  return {};
}

}  // namespace

Judgement judge_authority(const Node& node) {
  if (!node.generations.empty()) return {};
  return {Verdict::not_checked, "it waits for its parent's certificate", "install it: vouch ca install FILE"};
}

std::vector<CertificateStatus> check_certificates(const Node& node, Time now) {
  std::vector<CertificateStatus> list;
  for (const store::KeyGeneration& generation : node.generations) {
    CertificateStatus status;
    status.use = CertificateUse::ca;
    status.certificate_index = generation.certificate_index;
    status.key_index = generation.key_index;
    const auto view = x509::parse_certificate(generation.certificate);
    if (!view) {
      status.judgement = {Verdict::not_matching, std::string(view.error().message()),
                          "the database is damaged: vouch db check"};
      list.push_back(std::move(status));
      continue;
    }
    status.subject = x509::to_rfc4514(view->subject).value_or(node.name);
    status.serial = x509::serial_to_text(view->serial);
    status.not_before = view->not_before;
    status.not_after = view->not_after;
    const bool newest = &generation == &node.generations.back();
    if (newest && node.record) status.renewal_due = node.settings.renewal_due;
    status.renewal_is_due = status.renewal_due && *status.renewal_due <= now;
    status.judgement = judge(node, status, newest || !node.record, now);
    list.push_back(std::move(status));
  }
  return list;
}

}  // namespace vouch::diagnose
