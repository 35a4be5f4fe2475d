#include "diagnose/registration_check.hpp"

#include <algorithm>

#include "ca/keys/service_keys.hpp"
#include "x509/certificate.hpp"

namespace vouch::diagnose {
namespace {

std::string renewal_of(const Node& node) { return fmt::format("vouch scep ra renew --ca '{}'", node.name); }

Judgement judge(const Node& node, const store::CertificateRecord& record, Time now) {
  if (record.revocation) return {Verdict::not_matching, "it is revoked", renewal_of(node)};
  if (now > record.not_after)
    return {Verdict::expired, fmt::format("it was valid until {}", format_time(record.not_after)),
            renewal_of(node)};
  if (now > record.not_after - (record.not_after - record.not_before) / 4)
    return {Verdict::expiring,
            fmt::format("it ends on {}, and has not been renewed", format_time(record.not_after)),
            renewal_of(node)};
  return {};
}

std::uint16_t usage_of(const store::CertificateRecord& record) {
  const Buffer der = record.der();
  const auto view = x509::parse_certificate(der);
  const auto* extension = view ? view->find(x509::oid::kKeyUsage) : nullptr;
  return extension ? x509::parse_key_usage(extension->value).value_or(std::uint16_t{0}) : std::uint16_t{0};
}

CertificateUse use_of(std::uint16_t usage) {
  const bool signs = (usage & x509::digital_signature) != 0;
  const bool opens = (usage & x509::key_encipherment) != 0;
  if (signs == opens) return CertificateUse::ra;
  return signs ? CertificateUse::ra_signing : CertificateUse::ra_encryption;
}

CertificateStatus status_of(const Node& node, const store::CertificateRecord& record, std::uint16_t usage,
                            Time now) {
  CertificateStatus status;
  status.use = use_of(usage);
  status.key_index = record.key_index;
  status.subject = record.subject;
  status.serial = to_hex(record.serial);
  status.not_before = record.not_before;
  status.not_after = record.not_after;
  status.judgement = judge(node, record, now);
  return status;
}

}  // namespace

Result<std::vector<CertificateStatus>> check_registration(const store::Snapshot& snapshot, const Node& node,
                                                          Time now) {
  std::vector<CertificateStatus> list;
  if (!node.record) return list;
  std::vector<store::CertificateRecord> records;
  for (const ca::ServiceKey& key : TRY(ca::registration_keys(snapshot, node.record->id))) {
    auto record = snapshot.certificate(key.serial);
    if (record) records.push_back(std::move(*record));
  }
  std::ranges::sort(records, std::greater(), &store::CertificateRecord::not_before);
  std::uint16_t seen = 0;
  for (const store::CertificateRecord& record : records) {
    const std::uint16_t usage = usage_of(record);
    if ((usage & ~seen) == 0) continue;  // a newer one does all that
    seen |= usage;
    list.push_back(status_of(node, record, usage, now));
  }
  return list;
}

}  // namespace vouch::diagnose
