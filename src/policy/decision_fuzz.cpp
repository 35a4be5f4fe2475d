// Requests from anybody, decided under every shipped template and none, in every kind of authority. Whatever
// comes: the trace reads back, the same question gets the same answer, nothing is both refused and planned,
// and no certificate has a CA's powers, a logon name of the request's or any purpose unless a template says
// so.
#include <algorithm>
#include <cstdlib>

#include "policy/decision.hpp"

using namespace vouch;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

const x509::Extension* find(const policy::Plan& plan, const x509::Oid& id) {
  for (const auto* list : {&plan.variable, &plan.fixed})
    for (const x509::Extension& extension : *list)
      if (extension.id == id) return &extension;
  return nullptr;
}

void check_plan(const policy::Question& question, const policy::Plan& plan) {
  const policy::CertificateTemplate* t = question.certificate_template;
  const bool ca = t != nullptr && t->ca;
  require(x509::parse_basic_constraints(find(plan, x509::oid::kBasicConstraints)->value)->ca == ca);
  const auto usage = x509::parse_key_usage(find(plan, x509::oid::kKeyUsage)->value);
  require(usage && *usage != 0);
  require(ca || !(*usage & (x509::key_cert_sign | x509::crl_sign)));
  require(find(plan, x509::oid::kMsNtdsCaSecurity) == nullptr);
  if (!ca) {
    const auto purposes = x509::parse_extended_key_usage(find(plan, x509::oid::kExtendedKeyUsage)->value);
    require(purposes && std::ranges::count(*purposes, x509::oid::kAnyExtendedKeyUsage) == 0);
  }
  require(plan.not_after <= question.authority.not_after && plan.not_before == question.now);
  require(x509::parse_name(plan.subject).has_value());
  if (const x509::Extension* san = find(plan, x509::oid::kSubjectAltName)) {
    const auto names = x509::parse_general_names(san->value);
    require(names.has_value());
    if (!question.authority.override_logon_purposes && !question.authority.enterprise)
      for (const x509::GeneralName& name : *names) require(!name.as_upn());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto request = x509::parse_request(Bytes(data + 2, size - 2));
  if (!request) return 0;
  static const auto shipped = policy::shipped_templates();
  policy::Question question;
  question.request = &*request;
  const std::size_t choice = data[0] % (shipped.size() + 1);
  if (choice < shipped.size()) {
    question.certificate_template = &shipped[choice];
    question.template_name = shipped[choice].name;
    question.template_published = true;
  }
  question.requester = data[1] & 1 ? "alice@corp.example" : "host/ws1.corp.example@CORP.EXAMPLE";
  question.approved = data[1] & 2;
  question.authority.enterprise = data[1] & 4;
  question.authority.automatic_issuance = data[1] & 8;
  question.authority.override_logon_purposes = data[1] & 16;
  question.authority.requested_validity = data[1] & 32;
  question.authority.not_before = Time(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
  question.authority.not_after = Time(std::chrono::sys_days(std::chrono::year(2028) / 1 / 1));
  question.now = Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 23));
  static const Buffer key_identifier(20, 1);
  question.subject_key_identifier = key_identifier;

  const policy::Decision decision = policy::decide(question);
  const auto trace = policy::parse_trace(policy::format_trace(decision.trace));
  require(trace && *trace == decision.trace);
  require((decision.action == policy::Action::issue) == decision.reason.empty());
  if (decision.action == policy::Action::deny)
    require(decision.plan.fixed.empty() && decision.plan.subject.empty() && !decision.mend.empty());
  else
    check_plan(question, decision.plan);
  const policy::Decision again = policy::decide(question);
  require(again.trace == decision.trace && again.plan.variable == decision.plan.variable &&
          again.plan.fixed == decision.plan.fixed && again.message == decision.message);
  return 0;
}
