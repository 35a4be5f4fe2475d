// From a request to a decision, and to the bytes of a certificate that keeps the rules.
#include "ca/authority_work.hpp"

#include <algorithm>

#include "ca/ca_certificate.hpp"
#include "ca/keys/key_checks.hpp"
#include "ca/serial.hpp"
#include "ca/signed_request.hpp"
#include "lint/lint.hpp"

namespace vouch::ca {
namespace {

x509::TbsTemplate make_tbs_template(const CaKey& key, const policy::Plan& plan,
                                    const std::vector<x509::Extension>& issued) {
  std::vector<x509::Extension> extensions = plan.fixed;
  for (const x509::Extension& extension : issued)
    if (plan.revocation_info || extension.id == x509::oid::kAuthorityKeyIdentifier)
      extensions.push_back(extension);
  return x509::TbsTemplate(key.signer->algorithm(), key.subject, extensions);
}

// Why a certificate could never be on a CRL of that scope; empty when it could.
std::string outside_crl_scope(CrlScope scope, Bytes tbs) {
  if (scope == CrlScope::all) return {};
  const auto view = x509::parse_tbs_certificate(tbs);
  const auto* extension = view ? view->find(x509::oid::kBasicConstraints) : nullptr;
  const auto constraints = extension ? x509::parse_basic_constraints(extension->value)
                                     : Result<x509::BasicConstraints>(x509::BasicConstraints{});
  const bool is_ca = constraints && constraints->ca;
  if (is_ca == (scope == CrlScope::ca)) return {};
  return is_ca ? "a CA certificate" : "a certificate of an end entity";
}

// What an administrator lets a subordinate have of its own request, beside what the template gives.
void take_over(policy::Decision& decision, const std::vector<x509::Extension>& extensions) {
  constexpr std::string_view kRule = "request.extensions";
  std::string names;
  for (const x509::Extension& each : extensions) {
    const auto same = [&](const x509::Extension& other) { return other.id == each.id; };
    if (std::ranges::any_of(decision.plan.fixed, same) || std::ranges::any_of(decision.plan.variable, same))
      continue;
    decision.plan.variable.push_back(each);
    names += (names.empty() ? "" : ", ") + x509::describe(each.id);
  }
  // The template's view of them is overruled. Purposes in a CA certificate give nothing: they restrict what
  // the certificates below are good for.
  std::erase_if(decision.trace, [&](const policy::TraceStep& step) {
    return (step.rule == kRule || step.rule == "purpose.source") && step.verdict == policy::Verdict::changed;
  });
  add_step(decision.trace, kRule, policy::Verdict::passed, "extensions that an administrator takes over",
           names, "");
}

// What the policy would issue waits until somebody approves it.
void leave_to(policy::Decision& decision, std::string_view rule, std::string_view whom, std::string_view why,
              std::string_view mend) {
  if (decision.action != policy::Action::issue) return;
  decision.action = policy::Action::pend;
  decision.reason = rule;
  decision.message = fmt::format("the request waits for {}: {}", whom, why);
  decision.mend = mend;
  add_step(decision.trace, rule, policy::Verdict::pended, fmt::format("approval by {}", whom), "none",
           std::string(mend));
}

void leave_to_person(policy::Decision& decision) {
  leave_to(decision, "request.unproven", "a certificate manager", "nothing proves who asks",
           "a certificate manager decides: vouch request approve ID");
}

// Whatever a template, a renewal or a service says: without an administrator's decision no CA comes to be.
void leave_to_administrator(policy::Decision& decision) {
  leave_to(decision, "ca.administrator", "an administrator", "it is for a CA certificate",
           "an administrator says: vouch request approve ID");
}

// What the challenge says goes into the certificate. The SID is never the request's: policy has left that
// out.
void take_challenge(policy::Decision& decision, const ChallengeVerdict& challenge, Time now, bool for_ca) {
  decision.trace.insert(decision.trace.begin(), {.rule = "challenge",
                                                 .verdict = policy::Verdict::passed,
                                                 .expected = "the request that the challenge was made for",
                                                 .received = challenge.summary,
                                                 .mend = {}});
  if (challenge.refusal) {  // cancelled while the request waited
    decision.action = policy::Action::deny;
    decision.reason = challenge::name_of(challenge.refusal->code);
    decision.message = challenge::text_of(challenge.refusal->code);
    decision.mend = challenge::mend_of(challenge.refusal->code);
    decision.trace.front().verdict = policy::Verdict::denied;
    return;
  }
  if (decision.action == policy::Action::deny || for_ca) return;
  policy::Plan& plan = decision.plan;
  if (!challenge.sid.empty()) {
    const auto is_sid = [](const x509::Extension& e) { return e.id == x509::oid::kMsNtdsCaSecurity; };
    std::erase_if(plan.variable, is_sid);
    plan.variable.push_back({x509::oid::kMsNtdsCaSecurity, false, x509::encode_sid(challenge.sid)});
    std::erase_if(decision.trace, [](const policy::TraceStep& step) { return step.rule == "request.sid"; });
    add_step(decision.trace, "challenge.sid", policy::Verdict::passed, challenge.sid, "", "");
  }
  if (!challenge.validity || plan.not_after <= now + *challenge.validity) return;
  add_step(decision.trace, "challenge.validity", policy::Verdict::changed,
           format_time(now + *challenge.validity), format_time(plan.not_after), "");
  plan.not_after = now + *challenge.validity;
}

}  // namespace

Status take_path_length(const x509::RequestView& request, policy::CertificateTemplate& value) {
  const auto* extension = request.find(x509::oid::kBasicConstraints);
  if (!extension) return ok();
  const auto asked = TRY(x509::parse_basic_constraints(extension->value)).path_length;
  if (asked && (!value.path_length || *asked < *value.path_length)) value.path_length = asked;
  return ok();
}

// The CA's own host, and what the configuration lists.
std::vector<std::string> LocalAuthority::protected_names() const {
  std::vector<std::string> names;
  const std::shared_ptr<const Live> live = this->live();
  const AuthoritySettings& settings = live->settings;
  for (const std::string* own : {&settings.dns_name, &settings.short_name})
    if (!own->empty()) names.push_back(*own);
  std::string_view listed = environment_.home.configuration().protected_names;
  while (!listed.empty()) {
    const std::size_t end = std::min(listed.find_first_of(", "), listed.size());
    if (end != 0) names.emplace_back(listed.substr(0, end));
    listed.remove_prefix(std::min(end + 1, listed.size()));
  }
  return names;
}

policy::AuthorityContext LocalAuthority::policy_context() const {
  policy::AuthorityContext context;
  const std::shared_ptr<const Live> live = this->live();
  const AuthoritySettings& settings = live->settings;
  context.name = record_.name;
  context.enterprise = record_.mode == store::AuthorityMode::enterprise;
  context.automatic_issuance = settings.automatic_issuance;
  context.override_logon_purposes = settings.override_logon_purposes;
  context.requested_validity = settings.requested_validity;
  context.not_before = current().not_before;
  context.not_after = current().not_after;
  context.path_length = current().path_length;
  context.default_validity = settings.default_validity;
  context.protected_names = protected_names();
  context.agent_rights = settings.agent_rights;
  return context;
}

// Reads the request, proves possession of its key and asks the policy. Fails only for what is no request at
// all.
Result<LocalAuthority::Work> LocalAuthority::consider(const Submission& submission, TemplateLookup& templates,
                                                      const Approval& approval,
                                                      const RoleTable* roles) const {
  const OpenedRequest opened =
      TRY(open_request(submission.request).context("reading the certificate request"));
  const x509::RequestView view =
      TRY(x509::parse_request(opened.request).context("reading the certificate request"));
  Work work;
  work.is_new = approval.request == 0;
  store::RequestRecord& request = work.request;
  request.id = approval.request;
  request.authority = record_.id;
  request.submitted_at = environment_.clock.now();
  request.requester = submission.requester;
  request.resolver = approval.manager;
  request.template_name = submission.template_name;
  request.transaction = submission.transaction;
  request.attributes = submission.attributes;
  request.client_transaction = submission.client_transaction;
  // A password that others use too must not lie in the database; for one line of treatment none does.
  request.request =
      submission.challenge ? x509::without_challenge_password(submission.request) : submission.request;

  if (roles) {
    const Status allowed = check_role(*roles, environment_.groups,
                                      {.account = request.requester,
                                       .role = Role::enroller,
                                       .what = "hand in requests",
                                       .action = "request.submit",
                                       .authority = record_.id,
                                       .authority_name = record_.name,
                                       .template_name = request.template_name});
    if (!allowed) {
      refuse(work, allowed.error());
      return work;
    }
    if (!TRY(judge_challenge(templates.snapshot(), submission, view, work))) return work;
  } else if (approval.request != 0) {
    work.challenge = TRY(challenges_->of_claimed(templates.snapshot(), approval.request));
  }

  policy::Question question;
  question.request = &view;
  question.template_name = submission.template_name;
  question.requester = submission.requester;
  question.attributes = submission.attributes;
  question.authority = policy_context();
  question.approved = !approval.manager.empty();
  question.now = request.submitted_at;
  if (!opened.messages.empty()) {
    RequestSigners signers = TRY(judge_signers(environment_.provider, templates.snapshot(), record_.id,
                                               submission.template_name, opened, view, question.now));
    question.signatures = std::move(signers.signatures);
    question.renews = std::move(signers.renews);
  }
  if (approval.override_template) {
    question.certificate_template = approval.override_template;
    question.template_published = true;
  } else if (!submission.template_name.empty()) {
    const TemplateLookup::Entry* entry = TRY(templates.find(submission.template_name));
    work.certificate_template = entry->value;
    question.certificate_template = entry->value.get();
    question.template_published = entry->published;
    question.unknown_template = entry->hint;
    question.superseded_by = entry->superseded_by;
  }
  const bool for_ca = question.certificate_template != nullptr && question.certificate_template->ca;
  // An administrator approves: the subordinate gets what `sign_subordinate` would give it.
  policy::CertificateTemplate narrowed;
  std::vector<x509::Extension> taken = approval.extensions;
  if (for_ca && approval.of_administrator && !approval.override_template) {
    narrowed = *question.certificate_template;
    TRY(take_path_length(view, narrowed));
    taken = requested_extensions(view.extensions);
    question.certificate_template = &narrowed;
    work.certificate_template.reset();  // what is cached for the template has its path length
  }
  const auto algorithm = x509::parse_signature_algorithm(view.signature_algorithm);
  question.proof_of_possession =
      algorithm ? environment_.provider.verify(view.public_key_info, *algorithm, view.info, view.signature)
                : Status(algorithm.error());
  if (approval.proved) question.proof_of_possession = ok();
  Buffer key_identifier;
  if (auto identifier = crypto::key_identifier(environment_.provider, view.public_key_info))
    key_identifier = std::move(*identifier);
  question.subject_key_identifier = key_identifier;
  question.key = TRY(key_checks_->facts(templates.snapshot(), view.public_key_info,
                                        question.proof_of_possession.has_value(), for_ca));
  work.key = key_number(environment_.provider, view.public_key_info);
  if (question.key.certified) work.key_holder = question.key.certified->request;
  work.key_is_shared = question.certificate_template != nullptr && question.certificate_template->key_reuse;

  work.decision = policy::decide(question);
  if (roles && submission.approve && !submission.wait_for_approval && !for_ca)
    approve_at_once(work, question, *roles);
  if (for_ca && !approval.of_administrator) leave_to_administrator(work.decision);
  if (submission.wait_for_approval && approval.manager.empty()) leave_to_person(work.decision);
  if (!taken.empty()) take_over(work.decision, taken);
  if (work.challenge) take_challenge(work.decision, *work.challenge, question.now, for_ca);
  request.message = work.decision.message;
  request.reason = work.decision.reason;
  switch (work.decision.action) {
    case policy::Action::issue:
      request.disposition = Disposition::issued;
      break;
    case policy::Action::pend:
      request.disposition = Disposition::pending;
      break;
    case policy::Action::deny:
      request.disposition = Disposition::denied;
      break;
  }
  if (request.disposition != Disposition::pending) request.resolved_at = question.now;
  prepare(work);
  request.trace = policy::format_trace(work.decision.trace);
  return work;
}

// As if submitted and then approved. What only others may approve stays pending; so does what fails then.
void LocalAuthority::approve_at_once(Work& work, policy::Question question, const RoleTable& roles) const {
  const store::RequestRecord& request = work.request;
  if (work.decision.action != policy::Action::pend) return;
  for (const auto rule : {RoleRule::Kind::four_eyes, RoleRule::Kind::two_managers})
    if (roles.applies(rule, record_.id, request.template_name)) return;
  if (!check_role(roles, environment_.groups,
                  {.account = request.requester,
                   .role = Role::manager,
                   .what = "approve requests",
                   .action = "request.approve",
                   .authority = record_.id,
                   .authority_name = record_.name,
                   .template_name = request.template_name,
                   .requester = request.requester}))
    return;
  question.approved = true;
  policy::Decision approved = policy::decide(question);
  if (approved.action != policy::Action::issue) return;
  work.pended = Work::Pended{work.decision.reason, work.decision.message};
  work.request.resolver = request.requester;
  work.decision = std::move(approved);
}

// Who may not hand in requests gets a denied one, so that it can be told what was asked, when, and by whom.
void LocalAuthority::refuse(Work& work, const Error& why) const {
  store::RequestRecord& request = work.request;
  request.disposition = Disposition::denied;
  request.resolved_at = request.submitted_at;
  request.reason = "role.enroller";
  request.message = why.message();
  add_step(work.decision.trace, request.reason, policy::Verdict::denied, "an account with the role enroller",
           request.requester.empty() ? "nobody" : request.requester, std::string(why.hint()));
  request.trace = policy::format_trace(work.decision.trace);
}

Result<bool> LocalAuthority::judge_challenge(const store::Snapshot& snapshot, const Submission& submission,
                                             const x509::RequestView& request, Work& work) const {
  work.challenge = TRY(challenges_->judge(snapshot, live()->settings, submission, request));
  if (!work.challenge) return true;
  if (work.challenge->refusal) refuse_challenge(work);
  return !work.challenge->refusal && work.challenge->again == 0;
}

void LocalAuthority::refuse_challenge(Work& work) const {
  const challenge::Refusal& why = *work.challenge->refusal;
  store::RequestRecord& request = work.request;
  if (request.disposition == Disposition::denied) return;
  if (work.pended) {  // approved at once, and then somebody else was quicker: nobody approved this
    work.pended.reset();
    request.resolver.clear();
  }
  request.disposition = Disposition::denied;
  request.resolved_at = request.submitted_at;
  request.reason = challenge::name_of(why.code);
  request.message =
      fmt::format("the challenge does not let the request through: {}", challenge::text_of(why.code));
  add_step(work.decision.trace, request.reason, policy::Verdict::denied, why.expected, why.received,
           std::string(challenge::mend_of(why.code)));
  request.trace = policy::format_trace(work.decision.trace);
}

// The to-be-signed certificate that a decision plans, under a new serial number.
store::CertificateRecord LocalAuthority::fill(const Work& work) const {
  const policy::Plan& plan = work.decision.plan;
  const CaKey& key = current();
  const std::shared_ptr<const Live> by = work.live ? work.live : live();
  const auto make = [&] { return make_tbs_template(key, plan, by->issued_extensions); };
  const IssuanceCache::Tbs cached =
      work.certificate_template
          ? cache_->tbs(*work.certificate_template, key.generation.key_index, by->revision, make)
          : std::make_shared<const x509::TbsTemplate>(make());
  store::CertificateRecord certificate;
  certificate.authority = record_.id;
  certificate.key_index = key.generation.key_index;
  certificate.serial =
      make_serial(environment_.home.configuration().node, environment_.clock, environment_.provider);
  certificate.shard = shard_of(certificate.serial, by->settings.crl_shards);
  Buffer extensions;
  for (const x509::Extension& extension : plan.variable)
    append(extensions, x509::encode_extension(extension));
  if (certificate.shard != 0 && plan.revocation_info)
    append(extensions, by->cdp_of_shard[certificate.shard - 1]);
  certificate.not_before = plan.not_before;
  certificate.not_after = plan.not_after;
  certificate.subject = x509::to_rfc4514(plan.subject).value_or(std::string());
  certificate.template_name = work.request.template_name;
  certificate.signature_algorithm = to_buffer(x509::encode(key.signer->algorithm()));
  certificate.tbs = cached->fill(
      {certificate.serial, plan.not_before, plan.not_after, plan.subject, plan.public_key_info, extensions});
  return certificate;
}

// Fills the to-be-signed certificate and lints it; a finding turns the request into a failed one.
void LocalAuthority::prepare(Work& work) const {
  if (work.request.disposition != Disposition::issued) return;
  work.live = live();
  work.certificate = fill(work);
  if (const std::string outside = outside_crl_scope(work.live->settings.crl_scope, work.certificate.tbs);
      !outside.empty()) {
    work.request.disposition = Disposition::denied;
    work.request.resolved_at = work.request.submitted_at;
    work.request.reason = "crl_scope";
    work.request.message = "no CRL of this CA would list the certificate: " + outside;
    add_step(work.decision.trace, "crl_scope", policy::Verdict::denied,
             fmt::format("a certificate that the CA's CRLs are about ({})",
                         to_string(work.live->settings.crl_scope)),
             outside, "ask another CA, or widen the scope: vouch crl schedule --scope all");
    return;
  }
  work.tbs_sha256 = environment_.provider.digest(crypto::DigestAlgorithm::sha256, work.certificate.tbs);
  const std::string refused = lint_findings(work.certificate.tbs);
  if (refused.empty()) {
    add_step(work.decision.trace, "lint", policy::Verdict::passed, "", "", "");
    return;
  }
  work.request.disposition = Disposition::failed;
  work.request.reason = "lint";
  work.request.message = "the certificate would break a rule that every certificate keeps: " + refused;
  add_step(work.decision.trace, "lint", policy::Verdict::denied,
           "a certificate that keeps the rules of RFC 5280", refused, "correct the template or the request");
}

// The errors among lint's findings, as text; empty when there are none.
std::string LocalAuthority::lint_findings(Bytes tbs) const {
  const auto view = x509::parse_tbs_certificate(tbs);
  if (!view) return view.error().summary();
  std::string errors;
  for (const lint::Finding& finding : lint::lint_certificate(*view))
    if (finding.severity == lint::Severity::error)
      errors += fmt::format("{}{}: {} ({})", errors.empty() ? "" : "; ", finding.id, finding.message,
                            finding.source);
  return errors;
}

Result<LocalAuthority::Preview> LocalAuthority::preview(const Submission& submission) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  TemplateLookup templates(*snapshot, *cache_, record_.id);
  const TemplateLookup::Entry* entry = TRY(templates.find(submission.template_name));
  const Work work = TRY(consider(submission, templates, {{}, 0, entry->value.get(), {}}, nullptr));
  Preview preview{work.decision, work.request.disposition, {}, {}};
  if (work.decision.action == policy::Action::deny) return preview;

  const store::CertificateRecord planned = fill(work);
  preview.findings = lint::lint_certificate(TRY(x509::parse_tbs_certificate(planned.tbs)));
  crypto::KeySpec spec = settings().key;
  if (spec.type == crypto::KeyType::rsa) spec.rsa_bits = 2048;  // made in a moment, thrown away in the next
  const auto key = TRY(environment_.provider.generate(spec));
  const auto signer = TRY(key->signer(current().signer->algorithm()));
  preview.certificate =
      x509::encode_certificate(planned.tbs, planned.signature_algorithm, TRY(signer->sign(planned.tbs)));
  return preview;
}

}  // namespace vouch::ca
