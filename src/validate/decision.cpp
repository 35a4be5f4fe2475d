#include "validate/decision.hpp"

#include <algorithm>

namespace vouch::validate {
namespace {

Value certificate_value(const Certificate& certificate) {
  const auto& view = certificate.view();
  Value out = Value::table();
  out.set("subject", certificate.subject_text()).set("issuer", certificate.issuer_text());
  out.set("serial", x509::serial_to_text(view.serial)).set("sha256", to_hex(certificate.fingerprint()));
  out.set("not_before", format_time(view.not_before)).set("not_after", format_time(view.not_after));
  return out;
}

template <class List, class Make>
Value list_of(const List& items, Make&& make) {
  Value out = Value::list();
  for (const auto& item : items) out.push(make(item));
  return out;
}
Value certificates_value(const std::vector<CertificatePtr>& certificates) {
  return list_of(certificates, [](const CertificatePtr& one) { return certificate_value(*one); });
}
Value findings_value(const std::vector<Finding>& findings) {
  return list_of(findings, [](const Finding& one) { return to_value(one); });
}

Value step_value(const RevocationStep& step) {
  Value out = Value::table();
  out.set("what", step.what).set("from", step.from).set("outcome", step.outcome).set("number", step.number);
  out.set("this_update", time_or_null(step.this_update)).set("next_update", time_or_null(step.next_update));
  return out;
}

Value record_value(const RevocationRecord& record) {
  Value out = Value::table();
  out.set("certificate", static_cast<std::int64_t>(record.certificate))
      .set("status", to_string(record.status));
  out.set("reason", record.reason ? Value(x509::to_string(*record.reason)) : Value());
  out.set("revoked_at", time_or_null(record.revoked_at));
  out.set("unseen_until", time_or_null(record.unseen_until));
  out.set("steps", list_of(record.steps, step_value)).set("findings", findings_value(record.findings));
  return out;
}

Value attempt_value(const Attempt& attempt) {
  Value out = Value::table();
  out.set("path", certificates_value(attempt.path)).set("reached_anchor", attempt.reached_anchor);
  out.set("findings", findings_value(attempt.findings));
  return out;
}

void append_chain(std::string& out, std::string_view title, const std::vector<CertificatePtr>& chain) {
  out += fmt::format("{}\n", title);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto& view = chain[i]->view();
    out += fmt::format("  {} {}\n    issued by {}, serial {}, {} to {}\n", i, chain[i]->subject_text(),
                       chain[i]->issuer_text(), x509::serial_to_text(view.serial),
                       format_time(view.not_before), format_time(view.not_after));
  }
}

void append_findings(std::string& out, const std::vector<Finding>& findings, std::string_view indent) {
  for (const Finding& finding : findings) {
    const FindingKind& kind = kind_of(finding.id);
    out += fmt::format(
        "{}{} [{}]{}: {}\n", indent, to_string(kind.severity), kind.id,
        finding.certificate == kWholePath ? "" : fmt::format(" certificate {}", finding.certificate),
        message_of(finding));
    out += fmt::format("{}  mend: {}\n", indent, kind.mend);
  }
}

void append_revocation(std::string& out, const RevocationRecord& record) {
  out += fmt::format("  certificate {}: {}", record.certificate, to_string(record.status));
  if (record.reason) out += fmt::format(", {}", x509::to_string(*record.reason));
  if (record.revoked_at) out += fmt::format(", since {}", format_time(*record.revoked_at));
  out += '\n';
  for (const RevocationStep& step : record.steps) {
    out += fmt::format("    {} {}{}: {}", step.what, step.number.empty() ? "without number" : step.number,
                       step.from.empty() ? "" : " from " + step.from, step.outcome);
    if (step.next_update) out += fmt::format(", valid until {}", format_time(*step.next_update));
    out += '\n';
  }
  append_findings(out, record.findings, "    ");
}

}  // namespace

const Finding* decisive(const Decision& decision) {
  const auto found = std::ranges::find_if(
      decision.findings, [](const Finding& one) { return severity_of(one) == Severity::error; });
  return found == decision.findings.end() ? nullptr : &*found;
}

Value to_value(const Decision& decision) {
  Value spent = Value::table();
  spent.set("paths", static_cast<std::int64_t>(decision.paths));
  spent.set("steps", static_cast<std::int64_t>(decision.steps));
  spent.set("signatures", static_cast<std::int64_t>(decision.signatures));
  Value out = Value::table();
  out.set("accepted", decision.accepted).set("time", format_time(decision.time));
  out.set("purpose", to_string(decision.purpose)).set("trust", decision.trust);
  out.set("sent", certificates_value(decision.sent)).set("path", certificates_value(decision.path));
  out.set("policies", list_of(decision.policies, [](const x509::Oid& one) { return Value(one.dotted()); }));
  out.set("findings", findings_value(decision.findings));
  out.set("revocation", list_of(decision.revocation, record_value));
  out.set("unchecked_issuers", static_cast<std::int64_t>(decision.unchecked_issuers));
  out.set("attempts", list_of(decision.attempts, attempt_value)).set("spent", std::move(spent));
  return out;
}

std::string to_text(const Decision& decision) {
  std::string out = fmt::format("{} at {} for {}\n", decision.accepted ? "accepted" : "refused",
                                format_time(decision.time), to_string(decision.purpose));
  append_findings(out, decision.findings, "  ");
  append_chain(out, "chain as sent", decision.sent);
  if (decision.path.empty()) {
    out += "no chain to a trust anchor was built\n";
  } else {
    append_chain(out, "chain as built", decision.path);
    out += fmt::format("trust ends at certificate {} (from: {})\n", decision.path.size() - 1,
                       decision.trust.empty() ? "unnamed" : decision.trust);
  }
  if (!decision.revocation.empty()) out += "revocation\n";
  for (const RevocationRecord& record : decision.revocation) append_revocation(out, record);
  if (decision.unchecked_issuers != 0)
    out += fmt::format("  {} certificate(s) further up were not asked about\n", decision.unchecked_issuers);
  for (const Attempt& attempt : decision.attempts) {
    append_chain(out, attempt.reached_anchor ? "another chain, refused" : "a chain that led nowhere",
                 attempt.path);
    append_findings(out, attempt.findings, "  ");
  }
  return out;
}

}  // namespace vouch::validate
