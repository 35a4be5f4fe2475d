#include "diagnose/report.hpp"

#include <functional>

namespace vouch::diagnose {
namespace {

Value text_or_null(std::string_view text) { return text.empty() ? Value() : Value(text); }
template <class T>
Value number_or_null(const std::optional<T>& number) {
  return number ? Value(std::uint64_t{*number}) : Value();
}

void set_judgement(Value& value, const Judgement& judgement) {
  value.set("verdict", to_string(judgement.verdict))
      .set("cause", text_or_null(judgement.cause))
      .set("mend", text_or_null(judgement.mend));
}

Value describe(const CertificateStatus& status) {
  Value value;
  value.set("use", to_string(status.use)).set("subject", status.subject).set("serial", status.serial);
  value.set("certificate_index", status.certificate_index).set("key_index", status.key_index);
  value.set("not_before", format_time(status.not_before)).set("not_after", format_time(status.not_after));
  value.set("renewal_due", time_or_null(status.renewal_due)).set("renewal_is_due", status.renewal_is_due);
  set_judgement(value, status.judgement);
  return value;
}

Value describe(const CrlStatus& status) {
  Value value, limits = Value::list();
  for (const SizeLimit& limit : status.limits)
    limits.push(Value()
                    .set("name", limit.name)
                    .set("octets", limit.octets)
                    .set("reached", time_or_null(limit.reached)));
  const bool exists = status.number != 0;
  value.set("key_index", status.key_index).set("delta", status.delta);
  value.set("shard", status.shard == 0 ? Value() : Value(std::uint64_t{status.shard}));
  value.set("number", exists ? Value(status.number) : Value());
  value.set("this_update", exists ? Value(format_time(status.this_update)) : Value());
  value.set("next_update", exists ? Value(format_time(status.next_update)) : Value());
  value.set("next_publish", exists ? Value(format_time(status.next_publish)) : Value());
  value.set("entries", status.entries).set("size", status.size);
  value.set("growth_per_day", static_cast<std::int64_t>(status.growth)).set("limits", std::move(limits));
  set_judgement(value, status.judgement);
  return value;
}

Value describe(const TargetStatus& status) {
  Value value;
  value.set("target", status.target).set("key_index", status.key_index).set("delta", status.delta);
  value.set("shard", status.shard == 0 ? Value() : Value(std::uint64_t{status.shard}));
  value.set("number", status.number)
      .set("newest", status.newest)
      .set("failures", std::uint64_t{status.failures});
  value.set("last_success", time_or_null(status.last_success));
  value.set("next_try", time_or_null(status.next_try));
  set_judgement(value, status.judgement);
  return value;
}

Value describe(const LocationStatus& status) {
  Value value;
  value.set("kind", name_of(status.kind)).set("url", status.url).set("current", status.current);
  value.set("live_certificates", number_or_null(status.live));
  value.set("key_index", number_or_null(status.key_index));
  value.set("expires", time_or_null(status.expires));
  value.set("crl_number", number_or_null(status.crl_number));
  value.set("size", status.size).set("milliseconds", status.milliseconds);
  set_judgement(value, status.judgement);
  return value;
}

Value describe(const AuthorityStatus& status) {
  Value value, certificates = Value::list(), crls = Value::list(), targets = Value::list(),
               locations = Value::list();
  for (const CertificateStatus& each : status.certificates) certificates.push(describe(each));
  for (const CrlStatus& each : status.crls) crls.push(describe(each));
  for (const TargetStatus& each : status.targets) targets.push(describe(each));
  for (const LocationStatus& each : status.locations) locations.push(describe(each));
  value.set("name", status.name).set("kind", status.kind).set("parent", text_or_null(status.parent));
  set_judgement(value, status.judgement);
  value.set("certificates", std::move(certificates)).set("crls", std::move(crls));
  value.set("targets", std::move(targets));
  value.set("locations", std::move(locations)).set("unrecorded", status.unrecorded);
  return value;
}

// --- for people ---

std::string words_of(const CertificateStatus& status) {
  std::string words = status.use == CertificateUse::ca
                          ? fmt::format("CA certificate V{}.{}", status.certificate_index, status.key_index)
                          : fmt::format("{}, key {}", to_string(status.use), status.key_index);
  words += fmt::format(": {}, until {}", status.subject, format_time(status.not_after));
  if (status.renewal_due)
    words += fmt::format(", renewal {} {}", status.renewal_is_due ? "has been due since" : "is due on",
                         format_time(*status.renewal_due));
  return words;
}

std::string words_of(const CrlStatus& status) {
  std::string kind = status.delta ? "delta CRL" : "CRL";
  if (status.shard != 0) kind += fmt::format(" of shard {}", status.shard);
  if (status.number == 0) return fmt::format("{} of key {}", kind, status.key_index);
  return fmt::format("{} {} of key {}: {} entries, {} octets, of {}, next {}, until {}", kind, status.number,
                     status.key_index, status.entries, status.size, format_time(status.this_update),
                     format_time(status.next_publish), format_time(status.next_update));
}

// What is foreseen, for a CRL that grows.
std::string forecast_of(const CrlStatus& status) {
  std::string words;
  for (const SizeLimit& limit : status.limits)
    if (limit.reached)
      words += fmt::format("{}{} MB on {}", words.empty() ? "" : ", ", limit.octets >> 20,
                           format_time(*limit.reached).substr(0, 10));
  return words.empty()
             ? words
             : fmt::format("grows by {} octets a day: {}", static_cast<std::int64_t>(status.growth), words);
}

std::string words_of(const TargetStatus& status) {
  std::string words = fmt::format("published to {}", status.target);
  words += status.number == 0 ? std::string(", which holds none")
                              : fmt::format(", which holds CRL {}", status.number);
  if (status.failures == 0) return words;
  words += fmt::format(", {} failures in a row", status.failures);
  if (status.last_success) words += fmt::format(" since {}", format_time(*status.last_success));
  if (status.next_try) words += fmt::format(", next try {}", format_time(*status.next_try));
  return words;
}

std::string words_of(const LocationStatus& status) {
  std::string words = fmt::format("{} {}", to_string(status.kind), status.url);
  if (status.key_index) words += fmt::format(", key {}", *status.key_index);
  if (status.crl_number) words += fmt::format(", CRL {}", *status.crl_number);
  if (status.expires) words += fmt::format(", until {}", format_time(*status.expires));
  if (!status.current) words += ", no longer put into certificates";
  if (status.live && status.kind != LocationKind::delta)
    words += fmt::format(", in {} live certificate{}", *status.live, *status.live == 1 ? "" : "s");
  return words;
}

class Lines {
 public:
  void heading(std::string text) { lines_.push_back(std::move(text)); }
  void add(const Judgement& judgement, std::string_view words, std::string_view more = {}) {
    lines_.push_back(fmt::format("  {:<18}  {}", to_string(judgement.verdict), words));
    if (!more.empty()) lines_.push_back(fmt::format("  {:<18}  {}", "", more));
    if (!judgement.cause.empty()) lines_.push_back(fmt::format("  {:<18}  cause: {}", "", judgement.cause));
    if (!judgement.mend.empty()) lines_.push_back(fmt::format("  {:<18}  mend:  {}", "", judgement.mend));
  }
  std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

void for_each_judgement(const AuthorityStatus& authority,
                        const std::function<void(const Judgement&)>& visit) {
  visit(authority.judgement);
  for (const CertificateStatus& each : authority.certificates) visit(each.judgement);
  for (const CrlStatus& each : authority.crls) visit(each.judgement);
  for (const TargetStatus& each : authority.targets) visit(each.judgement);
  for (const LocationStatus& each : authority.locations) visit(each.judgement);
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "OK";
    case Verdict::expiring:
      return "Expiring";
    case Verdict::expired:
      return "Expired";
    case Verdict::unable_to_download:
      return "Unable to download";
    case Verdict::not_matching:
      return "Not matching";
    case Verdict::too_large:
      return "Too large";
    case Verdict::not_published:
      return "Not published";
    case Verdict::not_checked:
      return "Not checked";
  }
  return "";
}

bool is_bad(Verdict verdict) { return verdict != Verdict::ok && verdict != Verdict::not_checked; }

std::string_view to_string(CertificateUse use) {
  switch (use) {
    case CertificateUse::ca:
      return "CA certificate";
    case CertificateUse::ocsp_responder:
      return "OCSP responder";
    case CertificateUse::ra:
      return "registration authority";
    case CertificateUse::ra_signing:
      return "registration authority, signing";
    case CertificateUse::ra_encryption:
      return "registration authority, encryption";
  }
  return "?";
}

std::string_view to_string(LocationKind kind) {
  constexpr std::string_view names[] = {"AIA", "CDP", "Delta CRL", "OCSP"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(LocationKind kind) {
  constexpr std::string_view names[] = {"aia", "cdp", "delta", "ocsp"};
  return names[static_cast<std::size_t>(kind)];
}

void Report::count() {
  checked = bad = 0;
  for (const AuthorityStatus& authority : authorities)
    for_each_judgement(authority, [&](const Judgement& judgement) {
      if (judgement.verdict != Verdict::not_checked) ++checked;
      if (is_bad(judgement.verdict)) ++bad;
    });
}

Value describe(const Report& report) {
  Value value, authorities = Value::list();
  for (const AuthorityStatus& each : report.authorities) authorities.push(describe(each));
  value.set("time", format_time(report.time)).set("offline", report.offline);
  value.set("well", report.all_well()).set("checked", report.checked).set("bad", report.bad);
  value.set("authorities", std::move(authorities));
  return value;
}

std::vector<std::string> to_lines(const Report& report) {
  Lines lines;
  for (const AuthorityStatus& authority : report.authorities) {
    lines.heading(fmt::format("{} ({}{})", authority.name, authority.kind,
                              authority.parent.empty() ? "" : fmt::format(", below {}", authority.parent)));
    if (authority.judgement.verdict != Verdict::ok) lines.add(authority.judgement, "the CA");
    for (const CertificateStatus& each : authority.certificates) lines.add(each.judgement, words_of(each));
    for (const CrlStatus& each : authority.crls) lines.add(each.judgement, words_of(each), forecast_of(each));
    for (const TargetStatus& each : authority.targets) lines.add(each.judgement, words_of(each));
    for (const LocationStatus& each : authority.locations) lines.add(each.judgement, words_of(each));
    if (authority.unrecorded != 0)
      lines.add({Verdict::not_checked, "they are from before it was recorded", ""},
                fmt::format("the URLs of {} live certificates", authority.unrecorded));
  }
  lines.heading(report.bad == 0 ? fmt::format("{} checked, all well", report.checked)
                                : fmt::format("{} checked, {} not well", report.checked, report.bad));
  return lines.take();
}

}  // namespace vouch::diagnose
