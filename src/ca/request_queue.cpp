// Requests that come, wait, are approved or denied, and are asked for again.
#include "ca/authority_work.hpp"

#include <algorithm>

#include "ca/ca_certificate.hpp"
#include "ca/signed_request.hpp"

namespace vouch::ca {
namespace {

std::vector<std::string> notes_of(const policy::Trace& trace) {
  std::vector<std::string> notes;
  for (const policy::TraceStep& step : trace)
    if (step.verdict == policy::Verdict::changed)
      notes.push_back(fmt::format("{}: {} instead of {}", step.rule, step.expected, step.received));
  return notes;
}

// A home whose CAPolicy.inf loaded no templates signs subordinates all the same.
Result<policy::CertificateTemplate> subordinate_template(const store::Snapshot& snapshot) {
  auto entry = find_template(snapshot, "SubCA");
  if (entry) return std::move(entry->value);
  if (entry.error().code() != Errc::not_found) return std::move(entry.error());
  for (policy::CertificateTemplate& shipped : policy::shipped_templates())
    if (shipped.name == "SubCA") return std::move(shipped);
  return std::move(entry.error());
}

// As the trace of its submission says, which the authority wrote.
Result<bool> has_proved_possession(const store::RequestRecord& request) {
  const policy::Trace trace = TRY(policy::parse_trace(request.trace));
  return std::ranges::any_of(trace, [](const policy::TraceStep& step) {
    return step.rule == "request.proof" && step.verdict == policy::Verdict::passed;
  });
}

}  // namespace

Outcome outcome_from(const store::RequestRecord& request, const policy::Trace& trace, Buffer certificate) {
  Outcome outcome{.request = request.id,
                  .disposition = request.disposition,
                  .certificate = std::move(certificate),
                  .message = request.message,
                  .reason = request.reason,
                  .notes = notes_of(trace)};
  for (const policy::TraceStep& step : trace)
    if (step.verdict == policy::Verdict::denied || step.verdict == policy::Verdict::pended) {
      outcome.expected = step.expected;
      outcome.received = step.received;
      outcome.mend = step.mend;
    }
  return outcome;
}

Status LocalAuthority::authorize_manager(const store::Snapshot& snapshot, std::string_view manager,
                                         std::string_view what, std::string_view action,
                                         std::string_view object, const store::RequestRecord& request) const {
  return authorize(environment_, snapshot,
                   {.account = manager,
                    .role = Role::manager,
                    .what = what,
                    .action = action,
                    .object = object,
                    .authority = record_.id,
                    .authority_name = record_.name,
                    .template_name = request.template_name,
                    .requester = request.requester});
}

// A new certification authority is an administrator's decision, whichever way its request came; a certificate
// manager alone must not make one. Turning such a request down is both's business.
Status LocalAuthority::authorize_decision(const store::Snapshot& snapshot, const RoleTable& roles,
                                          std::string_view who, std::string_view verb,
                                          const store::RequestRecord& request, bool makes_ca) const {
  const std::string action = fmt::format("request.{}", verb), object = fmt::format("request {}", request.id);
  const std::string what = fmt::format("{} requests", verb);
  if (!makes_ca) return authorize_manager(snapshot, who, what, action, object, request);
  const bool administers = roles.allows(
      {.account = who, .role = Role::administrator, .authority = record_.id}, environment_.groups);
  if (verb == "deny" && !administers) return authorize_manager(snapshot, who, what, action, object, request);
  return authorize(environment_, snapshot,
                   {.account = who,
                    .role = Role::administrator,
                    .what = "approve requests for a CA certificate",
                    .action = action,
                    .object = object,
                    .authority = record_.id,
                    .authority_name = record_.name});
}

// Whoever asks does not decide.
Status LocalAuthority::check_four_eyes(const RoleTable& roles, const store::RequestRecord& request,
                                       std::string_view manager) const {
  if (!roles.applies(RoleRule::Kind::four_eyes, record_.id, request.template_name) ||
      principal_of(request.requester) != principal_of(manager))
    return ok();
  TRY(record_audit(environment_, {.actor = std::string(manager),
                                  .action = "request.approve",
                                  .authority = record_.name,
                                  .object = fmt::format("request {}", request.id),
                                  .details = AuditDetails().add("rule", to_string(RoleRule::Kind::four_eyes)),
                                  .outcome = std::string(audit_outcome::denied)}));
  return make_error(Errc::denied, "{} asked for request {} and cannot approve it: four eyes have to see it",
                    manager, request.id)
      .with_hint("somebody else who may approve it has to do so");
}

// Where two managers have to agree, the first leaves his name with the request. Fails when he comes again.
Result<bool> LocalAuthority::is_first_of_two(const RoleTable& roles, const store::RequestRecord& request,
                                             std::string_view manager) const {
  if (!roles.applies(RoleRule::Kind::two_managers, record_.id, request.template_name)) return false;
  if (request.resolver.empty()) return true;
  if (principal_of(request.resolver) == principal_of(manager))
    return make_error(Errc::denied, "{} has approved request {} already: a second manager has to agree",
                      manager, request.id)
        .with_hint("somebody else who may approve it has to do so, too");
  return false;
}

Result<Outcome> LocalAuthority::keep_first_approval(const store::RequestRecord& before,
                                                    std::string_view manager) {
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    store::RequestRecord request = TRY(t.request(before.id));
    if (request.disposition != Disposition::pending || request.resolver != before.resolver)
      return make_error(Errc::conflict, "request {} has changed meanwhile", before.id);
    auto trace = TRY(policy::parse_trace(request.trace));
    add_step(trace, "manager", policy::Verdict::pended, "the approval of two managers",
             fmt::format("approved by {}", manager), "a second certificate manager has to approve it");
    request.resolver = manager;
    request.message = fmt::format("approved by {}: a second manager has to agree", manager);
    request.trace = policy::format_trace(trace);
    TRY(t.update_request(request));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "request.approve",
                         .authority = record_.name,
                         .object = fmt::format("request {}", request.id),
                         .details = AuditDetails().add("rule", to_string(RoleRule::Kind::two_managers)),
                         .outcome = std::string(audit_outcome::pending)});
  }));
  return retrieve(before.id);
}

std::vector<Result<Outcome>> LocalAuthority::submit(std::span<const Submission> submissions) {
  std::vector<Result<Outcome>> outcomes;
  if (submissions.size() != 1) return submit_together(submissions);
  outcomes.push_back(gathering_->submit(
      submissions.front(), [this](std::span<const Submission> all) { return submit_together(all); }));
  return outcomes;
}

std::vector<Result<Outcome>> LocalAuthority::submit_together(std::span<const Submission> submissions) {
  std::vector<Result<Work>> considered;
  considered.reserve(submissions.size());
  const auto consider_all = [&]() -> Status {
    TRY(fence_status());
    const auto snapshot = TRY(environment_.database.snapshot());
    TRY(refresh(*snapshot));
    TRY(check_locations());
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    const auto roles = TRY(roles_->get(*snapshot));
    for (const Submission& submission : submissions)
      considered.push_back(consider(submission, templates, {}, roles.get()));
    return ok();
  };
  if (const Status ready = consider_all(); !ready) considered.assign(submissions.size(), ready.error());
  return carry_out(std::move(considered));
}

Result<Outcome> LocalAuthority::approve(RequestId id, std::string_view manager) {
  TRY(fence_status());
  std::vector<Result<Work>> considered;
  {
    const auto snapshot = TRY(environment_.database.snapshot());
    TRY(refresh(*snapshot));
    TRY(check_locations());
    store::RequestRecord before = TRY(snapshot->request(id));
    if (before.authority != record_.id)
      return make_error(Errc::not_found, "request {} belongs to another CA", id);
    if (before.disposition != Disposition::pending)
      return make_error(Errc::conflict, "request {} is {}, not pending", id, to_string(before.disposition));
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    const bool makes_ca = TRY(templates.is_for_ca(before.template_name));
    const auto roles = TRY(roles_->get(*snapshot));
    TRY(authorize_decision(*snapshot, *roles, manager, "approve", before, makes_ca));
    TRY(check_four_eyes(*roles, before, manager));
    if (TRY(is_first_of_two(*roles, before, manager))) return keep_first_approval(before, manager);
    const Submission submission{std::move(before.request), before.template_name, before.requester,
                                before.transaction, std::move(before.attributes)};
    const Approval approval{
        std::string(manager), id, nullptr, {}, makes_ca, TRY(has_proved_possession(before))};
    Work work = TRY(consider(submission, templates, approval, nullptr));
    // Policy may have changed since the request came in. What it refuses now stays pending, so that nothing
    // is lost when the template is published again or mended.
    if (work.decision.action == policy::Action::deny) {
      TRY(record_audit(
          environment_,
          {.actor = std::string(manager),
           .action = "request.approve",
           .authority = record_.name,
           .object = fmt::format("request {}", id),
           .details = AuditDetails().add("rule", work.decision.reason).add("why", work.decision.message),
           .outcome = std::string(audit_outcome::denied)}));
      return make_error(Errc::denied, "request {} cannot be approved: {}", id, work.decision.message)
          .with_hint(work.decision.mend);
    }
    considered.emplace_back(std::move(work));
  }
  return std::move(carry_out(std::move(considered)).front());
}

Result<Outcome> LocalAuthority::deny(RequestId id, std::string_view manager, std::string_view why) {
  TRY(fence_status());
  {
    const auto snapshot = TRY(environment_.database.snapshot());
    const store::RequestRecord before = TRY(snapshot->request(id));
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    const bool makes_ca = TRY(templates.is_for_ca(before.template_name));
    TRY(authorize_decision(*snapshot, *TRY(roles_->get(*snapshot)), manager, "deny", before, makes_ca));
  }
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    store::RequestRecord request = TRY(t.request(id));
    if (request.authority != record_.id)
      return make_error(Errc::not_found, "request {} belongs to another CA", id);
    if (request.disposition != Disposition::pending)
      return make_error(Errc::conflict, "request {} is {}, not pending", id, to_string(request.disposition));
    auto trace = TRY(policy::parse_trace(request.trace));
    add_step(trace, "manager", policy::Verdict::denied, "a certificate manager's approval",
             fmt::format("denied by {}: {}", manager, why),
             "ask the certificate manager, or send a new request");
    request.disposition = Disposition::denied;
    request.resolved_at = environment_.clock.now();
    request.resolver = manager;
    request.reason = "manager";
    request.message = fmt::format("denied by {}: {}", manager, why);
    request.trace = policy::format_trace(trace);
    TRY(t.update_request(request));
    TRY(challenges_->close(t, request));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "request.deny",
                         .authority = record_.name,
                         .object = fmt::format("request {}", id),
                         .details = AuditDetails().add("requester", request.requester).add("why", why)});
  }));
  return retrieve(id);
}

Result<Outcome> LocalAuthority::outcome_of(const store::Snapshot& snapshot,
                                           const store::RequestRecord& request) const {
  Buffer certificate;
  if (request.disposition == Disposition::issued || request.disposition == Disposition::revoked)
    certificate = TRY(snapshot.certificate_of_request(request.id)).der();
  Outcome outcome = outcome_from(request, TRY(policy::parse_trace(request.trace)), std::move(certificate));
  if (request.disposition == Disposition::issuing) {
    const std::string why = why_unfinished();
    outcome.message = why.empty() ? "the certificate is decided and about to be signed"
                                  : fmt::format("the certificate is decided and waits to be signed: {}", why);
  }
  return outcome;
}

Result<Outcome> LocalAuthority::retrieve(RequestId id) {
  auto outcome = look_up(id);
  if (!outcome || outcome->disposition != Disposition::issuing || !has_unfinished_) return outcome;
  repair_on_the_way();
  return look_up(id);
}

Result<std::optional<Submitted>> LocalAuthority::find_submitted(std::string_view client_transaction) {
  auto found = TRY(TRY(environment_.database.snapshot())->request_of_client(record_.id, client_transaction));
  if (!found) return std::optional<Submitted>();
  return std::optional<Submitted>(
      {found->id, std::move(found->request), std::move(found->transaction), std::move(found->attributes)});
}

Result<Outcome> LocalAuthority::look_up(RequestId id) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  store::RequestRecord request = TRY(snapshot->request(id));
  if (request.authority != record_.id)
    return make_error(Errc::not_found, "request {} belongs to another CA", id);
  return outcome_of(*snapshot, request);
}

Result<Outcome> LocalAuthority::issue_to_service(Bytes request, std::string_view template_name) {
  TRY(fence_status());
  std::vector<Result<Work>> considered;
  {
    const auto snapshot = TRY(environment_.database.snapshot());
    TRY(refresh(*snapshot));
    const IssuanceCache::Template value =
        TRY(cache_->certificate_template(TRY(snapshot->certificate_template(template_name))));
    const Approval approval{std::string(kServiceAccount), 0, value.get(), {}};
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    const std::string account(kServiceAccount);
    const Submission submission{to_buffer(request), value->name, account, "", {}};
    considered.push_back(consider(submission, templates, approval, nullptr));
  }
  return std::move(carry_out(std::move(considered)).front());
}

// Whether more people than the administrator who asks have to see a subordinate's request.
Result<bool> LocalAuthority::waits_for_others(const store::Snapshot& snapshot,
                                              const std::string& template_name,
                                              const SubordinateOptions& options) const {
  const auto roles = TRY(roles_->get(snapshot));
  for (const auto rule : {RoleRule::Kind::four_eyes, RoleRule::Kind::two_managers}) {
    if (!roles->applies(rule, record_.id, template_name)) continue;
    // Whoever approves decides by the template; what one person chose beside it would not have been seen.
    if (options.path_length || options.validity)
      return make_error(Errc::denied,
                        "the rule {} holds for {}: path length and validity cannot be chosen for one request",
                        to_string(rule), template_name)
          .with_hint("leave them out, or set them in the template");
    return true;
  }
  return false;
}

Result<Outcome> LocalAuthority::sign_subordinate(Bytes request, const SubordinateOptions& options,
                                                 std::string_view administrator) {
  TRY(fence_status());
  TRY(authorize(environment_, {.account = administrator,
                               .role = Role::administrator,
                               .what = "sign subordinate CAs",
                               .action = "ca.sign",
                               .authority = record_.id,
                               .authority_name = record_.name}));
  std::vector<Result<Work>> considered;
  {
    const auto snapshot = TRY(environment_.database.snapshot());
    TRY(refresh(*snapshot));
    TRY(check_locations());
    policy::CertificateTemplate value = TRY(subordinate_template(*snapshot));
    const OpenedRequest opened = TRY(open_request(request).context("reading the subordinate's request"));
    const x509::RequestView view =
        TRY(x509::parse_request(opened.request).context("reading the subordinate's request"));
    Approval approval{std::string(administrator), 0, &value, requested_extensions(view.extensions), true};
    if (TRY(waits_for_others(*snapshot, value.name, options))) approval = {{}, 0, &value, {}};
    TRY(take_path_length(view, value));
    if (options.path_length) value.path_length = options.path_length;
    if (options.validity) value.validity = *options.validity;
    const Submission submission{
        to_buffer(request), value.name, std::string(administrator), options.transaction, {}};
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    considered.push_back(consider(submission, templates, approval, nullptr));
  }
  return std::move(carry_out(std::move(considered)).front());
}

}  // namespace vouch::ca
