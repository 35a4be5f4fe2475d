#include "relying/decision.hpp"

#include <algorithm>

namespace vouch::relying {
namespace {

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }
Value number(std::size_t n) { return Value(static_cast<std::int64_t>(n)); }
Value in_milliseconds(std::chrono::milliseconds time) { return Value(std::int64_t{time.count()}); }

Value step_value(const Step& step) {
  return Value::table()
      .set("what", step.what)
      .set("url", text_or_null(step.url))
      .set("outcome", step.outcome)
      .set("good", step.good)
      .set("cached", step.cached)
      .set("status", step.status == 0 ? Value() : Value(std::int64_t{step.status}))
      .set("octets", number(step.octets))
      .set("download_ms", in_milliseconds(step.taken))
      .set("number", text_or_null(step.number))
      .set("this_update", time_or_null(step.this_update))
      .set("next_update", time_or_null(step.next_update))
      .set("age_seconds", step.age ? Value(std::int64_t{step.age->count()}) : Value());
}

Value check_value(const Check& check) {
  Value steps = Value::list(), findings = Value::list();
  for (const Step& step : check.steps) steps.push(step_value(step));
  for (const validate::Finding& finding : check.findings) findings.push(validate::to_value(finding));
  return Value::table()
      .set("certificate", number(check.certificate))
      .set("subject", check.subject)
      .set("issuer", check.issuer)
      .set("serial", check.serial)
      .set("status", to_string(check.status))
      .set("reason", text_or_null(check.reason))
      .set("revoked_at", time_or_null(check.revoked_at))
      .set("unseen_until", time_or_null(check.unseen_until))
      .set("steps", std::move(steps))
      .set("findings", std::move(findings));
}

Value code_value(const Decision& decision) {
  return decision.code == 0 ? Value() : Value(std::int64_t{decision.code});
}

std::string sizes_of(const Step& step) {
  std::string out;
  if (step.status != 0) out += fmt::format(", HTTP {}", step.status);
  if (step.octets != 0) out += fmt::format(", {} octets", step.octets);
  if (!step.cached && step.taken.count() != 0) out += fmt::format(", {} ms", step.taken.count());
  if (step.cached) out += ", from the cache";
  if (!step.number.empty()) out += fmt::format(", number {}", step.number);
  if (step.age) out += fmt::format(", {} s old", step.age->count());
  if (step.next_update) out += fmt::format(", valid until {}", format_time(*step.next_update));
  return out;
}

void append_check(std::string& out, const Check& check) {
  out += fmt::format("  certificate {} ({}, serial {}): {}", check.certificate, check.subject, check.serial,
                     to_string(check.status));
  if (!check.reason.empty()) out += fmt::format(", {}", check.reason);
  if (check.revoked_at) out += fmt::format(", since {}", format_time(*check.revoked_at));
  out += '\n';
  for (const Step& step : check.steps)
    out += fmt::format("    {}{}: {}{}\n", step.what, step.url.empty() ? "" : " from " + step.url,
                       step.outcome, sizes_of(step));
  if (check.unseen_until)
    out += fmt::format("    a revocation may stay unseen until {}\n", format_time(*check.unseen_until));
  for (const validate::Finding& finding : check.findings)
    out += fmt::format("    {} [{}]: {}\n", validate::to_string(validate::severity_of(finding)),
                       validate::kind_of(finding.id).id, validate::message_of(finding));
}

void append_advice(std::string& out, const Decision& decision) {
  if (decision.accepted) return;
  out += decision.name;
  if (decision.code != 0) out += fmt::format(" (AADSTS{})", decision.code);
  out += fmt::format(": {}\n", decision.message);
  for (const std::string& cause : decision.causes) out += fmt::format("  perhaps: {}\n", cause);
  for (const std::string& advice : decision.recommendations) out += fmt::format("  to do: {}\n", advice);
}

}  // namespace

std::string_view to_string(Check::Status status) {
  switch (status) {
    case Check::Status::good:
      return "good";
    case Check::Status::revoked:
      return "revoked";
    case Check::Status::not_checked:
      return "not checked";
    case Check::Status::unknown:
      break;
  }
  return "unknown";
}

std::optional<Time> Decision::unseen_until() const {
  std::optional<Time> earliest;
  for (const Check& check : checks)
    if (check.unseen_until && (!earliest || *check.unseen_until < *earliest)) earliest = check.unseen_until;
  return earliest;
}

Value to_value(const Decision& decision) {
  Value checks = Value::list();
  for (const Check& check : decision.checks) checks.push(check_value(check));
  return Value::table()
      .set("accepted", decision.accepted)
      .set("time", format_time(decision.time))
      .set("profile", decision.profile)
      .set("code", code_value(decision))
      .set("alias", decision.code == 0 ? Value() : Value(fmt::format("AADSTS{}", decision.code)))
      .set("name", text_or_null(decision.name))
      .set("message", decision.message)
      .set("causes", list_of(decision.causes))
      .set("recommendations", list_of(decision.recommendations))
      .set("trust", text_or_null(decision.trust))
      .set("unseen_until", time_or_null(decision.unseen_until()))
      .set("taken_ms", in_milliseconds(decision.taken))
      .set("checks", std::move(checks))
      .set("notes", list_of(decision.notes))
      .set("path", validate::to_value(decision.path));
}

std::string to_text(const Decision& decision) {
  std::string out;
  append_advice(out, decision);
  // The chains and findings are validation's to tell; the revocation steps are told here, with what was
  // downloaded.
  validate::Decision without = decision.path;
  without.revocation.clear();
  out += validate::to_text(without);
  if (!decision.checks.empty()) out += "revocation\n";
  for (const Check& check : decision.checks) append_check(out, check);
  for (const std::string& note : decision.notes) out += fmt::format("note: {}\n", note);
  out += fmt::format("decided by profile {} in {} ms\n", decision.profile, decision.taken.count());
  return out;
}

Value to_log(const Decision& decision) {
  Value urls = Value::list();
  std::size_t octets = 0;
  std::chrono::milliseconds downloads{0};
  bool fetched = false, cached = false;
  for (const Check& check : decision.checks)
    for (const Step& step : check.steps) {
      if (!step.url.empty()) urls.push(step.url);
      if (!step.cached) octets += step.octets;
      downloads += step.taken;
      fetched = fetched || (!step.cached && !step.url.empty());
      cached = cached || step.cached;
    }
  Value out = Value::table();
  out.set("time", format_time(decision.time)).set("profile", decision.profile);
  out.set("accepted", decision.accepted).set("code", code_value(decision));
  out.set("name", text_or_null(decision.name));
  const validate::CertificatePtr leaf = decision.path.sent.empty() ? nullptr : decision.path.sent.front();
  out.set("subject", leaf ? Value(leaf->subject_text()) : Value());
  out.set("issuer", leaf ? Value(leaf->issuer_text()) : Value());
  out.set("serial", leaf ? Value(x509::serial_to_text(leaf->view().serial)) : Value());
  out.set("trust", text_or_null(decision.trust)).set("urls", std::move(urls));
  out.set("octets", number(octets)).set("download_ms", in_milliseconds(downloads));
  out.set("cache_hit", cached && !fetched).set("taken_ms", in_milliseconds(decision.taken));
  return out.set("message", decision.message);
}

}  // namespace vouch::relying
