#include "ca/local_authority.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <thread>

#include "ca/audit.hpp"
#include "ca/ca_certificate.hpp"
#include "ca/chain.hpp"
#include "ca/issuance_cache.hpp"
#include "ca/key_checks.hpp"
#include "ca/key_files.hpp"
#include "ca/key_strength.hpp"
#include "ca/serial.hpp"
#include "ca/signed_request.hpp"
#include "ca/templates.hpp"
#include "lint/lint.hpp"

namespace vouch::ca {

// One request on its way through the authority.
struct LocalAuthority::Work {
  store::RequestRecord request;
  bool is_new = true;  // otherwise a pending request that was approved
  policy::Decision decision;
  Buffer tbs_sha256;                             // of the certificate, for the audit log
  IssuanceCache::Template certificate_template;  // null: none, or an override that is not cached
  store::CertificateRecord certificate;          // filled when it is to be issued
  std::shared_ptr<const Live> live;              // the settings it was filled by
  std::uint64_t key = 0;                         // number of its public key in the database
  bool key_is_shared = false;                    // by several subjects, on purpose
  store::RequestId key_holder = 0;  // the certificate's request that has it, as policy knows; 0: none
  std::optional<Error> error;       // something broke; the request may be recorded all the same
  bool answered_before = false;     // same transaction key as an earlier request

  bool issues() const { return !error && !answered_before && request.disposition == Disposition::issued; }
};

namespace {

// So many lines of the fence are compared at a start at most, or nearly.
constexpr std::size_t kLinesPerMark = 4096;
constexpr std::chrono::seconds kHoldPatience{30};

LocationVariables variables_of(const store::AuthorityRecord& record, const AuthoritySettings& settings,
                               const store::KeyGeneration& generation) {
  return {settings.dns_name,
          settings.short_name,
          record.name,
          generation.certificate_index,
          generation.key_index,
          false,
          settings.configuration_container};
}

// A renewal with the same key has one key for two certificates: it is loaded, and its passphrase asked for,
// once.
using Signers = std::map<std::string, std::shared_ptr<const crypto::Signer>>;

Result<CaKey> open_key(const Environment& environment, const store::AuthorityRecord& record,
                       const AuthoritySettings& settings, store::KeyGeneration generation, Signers& signers) {
  CaKey key;
  key.generation = std::move(generation);
  const auto certificate = TRY(x509::parse_certificate(key.generation.certificate)
                                   .context("reading the certificate of CA '{}'", record.name));
  key.subject = to_buffer(certificate.subject);
  key.not_before = certificate.not_before;
  key.not_after = certificate.not_after;
  if (const auto* extension = certificate.find(x509::oid::kSubjectKeyIdentifier))
    key.key_identifier = to_buffer(TRY(x509::parse_subject_key_identifier(extension->value)));
  else
    key.key_identifier = TRY(crypto::key_identifier(environment.provider, certificate.public_key_info));
  if (const auto* extension = certificate.find(x509::oid::kBasicConstraints))
    key.path_length = TRY(x509::parse_basic_constraints(extension->value)).path_length;
  // The chain is built again at every start: a damaged or swapped parent is found before anything is signed.
  (void)TRY(build_chain(environment.provider, key.generation.certificate, key.generation.chain));
  std::shared_ptr<const crypto::Signer>& signer = signers[key.generation.key_reference];
  if (!signer) {
    TRY(check_key_strength(certificate.public_key_info));
    signer = TRY(open_signer(environment, key.generation.key_reference, certificate.public_key_info,
                             TRY(signature_algorithm_of(settings, certificate.public_key_info)),
                             {record.name, settings.interactive_key}));
  }
  if (!equal(signer->public_key_info(), certificate.public_key_info))
    return make_error(Errc::conflict, "key {} does not belong to the certificate of CA '{}'",
                      key.generation.key_reference, record.name);
  key.signer = signer;
  key.issued_extensions = TRY(extensions_issued_by(key, record, settings));
  return key;
}

// The generations with a certificate, without those whose key has none that is unexpired. The newest stays:
// what it cannot do any more is said where it is tried.
Result<std::vector<store::KeyGeneration>> living(std::vector<store::KeyGeneration> generations, Time now) {
  std::erase_if(generations, [](const store::KeyGeneration& g) { return g.certificate.empty(); });
  std::set<std::uint16_t> keys;
  for (const store::KeyGeneration& generation : generations)
    if (now <= TRY(x509::parse_certificate(generation.certificate)).not_after)
      keys.insert(generation.key_index);
  if (!generations.empty()) keys.insert(generations.back().key_index);
  std::erase_if(generations, [&](const store::KeyGeneration& g) { return !keys.contains(g.key_index); });
  return generations;
}

x509::TbsTemplate make_tbs_template(const CaKey& key, const policy::Plan& plan,
                                    const std::vector<x509::Extension>& issued) {
  std::vector<x509::Extension> extensions = plan.fixed;
  for (const x509::Extension& extension : issued)
    if (plan.revocation_info || extension.id == x509::oid::kAuthorityKeyIdentifier)
      extensions.push_back(extension);
  return x509::TbsTemplate(key.signer->algorithm(), key.subject, extensions);
}

void add_step(policy::Trace& trace, std::string_view rule, policy::Verdict verdict, std::string expected,
              std::string received, std::string mend) {
  trace.push_back({std::string(rule), verdict, std::move(expected), std::move(received), std::move(mend)});
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

std::vector<std::string> notes_of(const policy::Trace& trace) {
  std::vector<std::string> notes;
  for (const policy::TraceStep& step : trace)
    if (step.verdict == policy::Verdict::changed)
      notes.push_back(fmt::format("{}: {} instead of {}", step.rule, step.expected, step.received));
  return notes;
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

// A home whose CAPolicy.inf loaded no templates signs subordinates all the same.
Result<policy::CertificateTemplate> subordinate_template(const store::Snapshot& snapshot) {
  auto entry = find_template(snapshot, "SubCA");
  if (entry) return std::move(entry->value);
  if (entry.error().code() != Errc::not_found) return std::move(entry.error());
  for (policy::CertificateTemplate& shipped : policy::shipped_templates())
    if (shipped.name == "SubCA") return std::move(shipped);
  return std::move(entry.error());
}

// The path length that a subordinate asks for restricts it, so it gets it.
Status take_path_length(const x509::RequestView& request, policy::CertificateTemplate& value) {
  const auto* extension = request.find(x509::oid::kBasicConstraints);
  if (!extension) return ok();
  const auto asked = TRY(x509::parse_basic_constraints(extension->value)).path_length;
  if (asked && (!value.path_length || *asked < *value.path_length)) value.path_length = asked;
  return ok();
}

Outcome outcome_from(const store::RequestRecord& request, const policy::Trace& trace, Buffer certificate) {
  Outcome outcome{request.id, request.disposition, std::move(certificate), request.message, request.reason,
                  {},         notes_of(trace)};
  for (const policy::TraceStep& step : trace)
    if (step.verdict == policy::Verdict::denied || step.verdict == policy::Verdict::pended)
      outcome.mend = step.mend;
  return outcome;
}

// authorityKeyIdentifier, cRLDistributionPoints and authorityInfoAccess.
std::vector<x509::Extension> extensions_issued_by(const CaKey& key, const IssuedLocations& locations) {
  std::vector<x509::Extension> extensions;
  extensions.push_back(
      x509::make_extension(x509::oid::kAuthorityKeyIdentifier, false,
                           x509::encode_authority_key_identifier({key.key_identifier, {}, {}})));
  if (!locations.cdp.empty())
    extensions.push_back(x509::make_extension(x509::oid::kCrlDistributionPoints, false,
                                              x509::encode_distribution_point_uris(locations.cdp)));
  std::vector<x509::AccessDescription> access;
  for (const std::string& url : locations.ocsp)
    access.push_back({x509::oid::kAdOcsp, x509::GeneralName::uri(url)});
  for (const std::string& url : locations.aia)
    access.push_back({x509::oid::kAdCaIssuers, x509::GeneralName::uri(url)});
  if (!access.empty())
    extensions.push_back(
        x509::make_extension(x509::oid::kAuthorityInfoAccess, false, x509::encode_info_access(access)));
  return extensions;
}

}  // namespace

Result<std::vector<x509::Extension>> extensions_issued_by(const CaKey& key,
                                                          const store::AuthorityRecord& record,
                                                          const AuthoritySettings& settings) {
  return extensions_issued_by(
      key, TRY(issued_locations(settings.cdp, settings.aia, variables_of(record, settings, key.generation))));
}

Result<Outcome> Authority::submit(const Submission& submission) {
  return std::move(submit(std::span(&submission, 1)).front());
}

LocalAuthority::LocalAuthority(const Environment& environment, store::AuthorityRecord record,
                               std::vector<CaKey> keys, std::shared_ptr<const Live> live)
    : environment_(environment),
      record_(std::move(record)),
      keys_(std::move(keys)),
      live_(std::move(live)),
      cache_(std::make_unique<IssuanceCache>()),
      roles_(std::make_unique<RoleCache>()) {}

LocalAuthority::~LocalAuthority() = default;

Result<std::unique_ptr<LocalAuthority>> LocalAuthority::open(const Environment& environment,
                                                             std::string_view name,
                                                             std::optional<std::uint16_t> key_index) {
  const auto snapshot = TRY(environment.database.snapshot());
  store::AuthorityRecord record = TRY(snapshot->authority(name));
  AuthoritySettings settings = TRY(parse_settings(record.settings).context("opening CA '{}'", name));
  std::vector<CaKey> keys;
  Signers signers;
  for (store::KeyGeneration& generation :
       TRY(living(TRY(snapshot->key_generations(record.id)), environment.clock.now())))
    keys.push_back(TRY(open_key(environment, record, settings, std::move(generation), signers)
                           .context("opening CA '{}'", name)));
  if (keys.empty())
    return make_error(Errc::unavailable, "CA '{}' has no certificate yet", name)
        .with_hint("have its request signed by the parent (vouch ca sign), then: vouch ca install FILE");
  if (key_index) {
    const auto newest = std::ranges::find(keys.rbegin(), keys.rend(), *key_index,
                                          [](const CaKey& k) { return k.generation.key_index; });
    if (newest == keys.rend())
      return make_error(Errc::not_found, "key {} of CA '{}' has no unexpired certificate", *key_index, name);
    std::rotate(newest.base() - 1, newest.base(), keys.end());
  }
  auto live = TRY(make_live(record, keys.back(), 0).context("opening CA '{}'", name));
  std::unique_ptr<LocalAuthority> authority(
      new LocalAuthority(environment, std::move(record), std::move(keys), std::move(live)));
  authority->key_checks_ = TRY(KeyChecks::make(environment, *snapshot, authority->record_.id));
  authority->fence_ = TRY(fence_of(environment, authority->record_, *snapshot));
  TRY(authority->look_at_fence());
  // Keys that wait for a person are used when something is asked for, not because somebody looks.
  if (authority->settings().interactive_key)
    authority->waits_for_key_ = !TRY(snapshot->orphans(authority->record_.id)).empty();
  else
    TRY(authority->repair());
  return authority;
}

std::vector<const CaKey*> LocalAuthority::crl_keys() const {
  const Time now = environment_.clock.now();
  std::map<std::uint16_t, const CaKey*> newest;
  std::set<std::uint16_t> unexpired;
  for (const CaKey& key : keys_) {
    newest[key.generation.key_index] = &key;
    if (now <= key.not_after) unexpired.insert(key.generation.key_index);
  }
  std::vector<const CaKey*> keys;
  for (const auto& [index, key] : newest)
    if (unexpired.contains(index)) keys.push_back(key);
  return keys;
}

// What is wrong here stops what the world would see, not reading.
Status LocalAuthority::look_at_fence() {
  auto comparison = compare_with_fence(environment_, record_, *fence_);
  if (!comparison) {
    fence_problem_ = std::move(comparison.error());
    return ok();
  }
  if (!comparison->gap.empty()) {
    gap_ = std::move(comparison->gap);
    return ok();
  }
  if (comparison->lines < kLinesPerMark) return ok();
  // So that the next start has less to compare. Where it cannot be written, the next start tries again.
  const std::string nonce = new_fence_nonce(environment_.provider);
  if (!fence_->append(std::array{FenceEvent::mark(nonce)})) return ok();
  (void)environment_.database.commit(
      [&](store::Transaction& t) { return t.set_mark(fence_mark_name(record_.id), nonce); });
  if (fence_->compaction_due()) (void)fence_->compact(environment_.clock.now());
  return ok();
}

Status LocalAuthority::fence_status() const {
  if (fence_problem_) return *fence_problem_;
  if (!gap_) return ok();
  return make_error(Errc::conflict, "the world has seen more of CA '{}' than its database knows: {}",
                    record_.name, gap_->text())
      .with_hint(
          "bring back what is missing: vouch db replay FILE (the newer database, or a newer backup); if "
          "there "
          "is none, give it up: vouch db accept-gap");
}

Result<std::shared_ptr<const LocalAuthority::Live>> LocalAuthority::make_live(
    const store::AuthorityRecord& record, const CaKey& key, std::uint32_t revision) {
  auto live = std::make_shared<Live>();
  live->text = record.settings;
  live->settings = TRY(parse_settings(record.settings));
  const IssuedLocations locations = TRY(issued_locations(
      live->settings.cdp, live->settings.aia, variables_of(record, live->settings, key.generation)));
  live->issued_extensions = extensions_issued_by(key, locations);
  live->locations = format_issued_locations(locations);
  live->revision = revision;
  return std::shared_ptr<const Live>(std::move(live));
}

std::shared_ptr<const LocalAuthority::Live> LocalAuthority::live() const {
  const std::scoped_lock lock(live_mutex_);
  return live_;
}

Status LocalAuthority::refresh(const store::Snapshot& snapshot) const {
  const store::AuthorityRecord record = TRY(snapshot.authority(record_.name));
  const auto before = live();
  if (record.settings == before->text) return ok();
  auto next = TRY(make_live(record, current(), before->revision + 1)
                      .context("reading the changed settings of CA '{}'", record_.name));
  const std::scoped_lock lock(live_mutex_);
  live_ = std::move(next);
  return ok();
}

Status LocalAuthority::refresh() const {
  const auto snapshot = TRY(environment_.database.snapshot());
  return refresh(*snapshot);
}

// An intent without a signature is what a crash left between the two commits of an issuance. Its bytes are
// durable and decided, so it is finished: whoever asks again gets that certificate. Another process may be
// doing the same, or be still at work on it: the first to commit wins, the others take what is stored.
//
// The same holds for what was decided while the key was out of reach.
Status LocalAuthority::repair() {
  if (!fence_status()) return ok();  // nothing goes out before the gap is closed
  waits_for_key_ = false;
  struct Finished {
    const store::CertificateRecord& orphan;
    Buffer signature;
  };
  std::vector<Finished> finished;
  std::vector<FenceEvent> events;
  std::vector<std::uint16_t> absent;  // keys that have failed: not tried for each of their certificates
  const auto snapshot = TRY(environment_.database.snapshot());
  const auto orphans = TRY(snapshot->orphans(record_.id));
  for (const store::CertificateRecord& orphan : orphans) {
    const auto key =
        std::ranges::find(keys_, orphan.key_index, [](const CaKey& k) { return k.generation.key_index; });
    if (key == keys_.end() || std::ranges::count(absent, orphan.key_index) != 0) continue;
    auto signature = key->signer->sign(orphan.tbs);
    if (!signature) {
      waits_for_key_ = true;
      absent.push_back(orphan.key_index);
      continue;
    }
    finished.push_back({orphan, std::move(*signature)});
    events.push_back(FenceEvent::issued(orphan));
  }
  if (!events.empty()) TRY(fence_->record(events));
  for (const auto& [orphan, signature] : finished) {
    auto done = environment_.database.commit([&](store::Transaction& t) -> Status {
      TRY(t.complete_intent(orphan.request, signature));
      return record_audit(environment_, t,
                          {.action = "request.repair",
                           .authority = record_.name,
                           .object = fmt::format("request {}", orphan.request),
                           .details = AuditDetails().add("serial", Bytes(orphan.serial))});
    });
    if (!done && done.error().code() != Errc::not_found) return done;
    if (done) ++repaired_;
  }
  return ok();
}

// Certificates that say nowhere where their CRL is cannot be mended later, so this is asked before the first.
Status LocalAuthority::check_locations() const {
  const AuthoritySettings settings = this->settings();
  if (settings.no_locations) return ok();
  const auto has = [](const std::vector<Location>& list, std::uint32_t flag) {
    return std::ranges::any_of(list, [&](const Location& l) { return (l.flags & flag) != 0; });
  };
  if (!has(settings.cdp, add_to_certificate) ||
      !has(settings.aia, add_to_certificate | add_to_certificate_ocsp))
    return make_error(Errc::denied, "CA '{}' has no CDP or AIA location for the certificates it issues",
                      record_.name)
        .with_hint(
            "set locations before the first issuance, or say at set-up that none are wanted: --no-locations");
  // Of several places one has to be writable; publication says which of the others fail.
  for (const auto* list : {&settings.cdp, &settings.aia}) {
    fs::path not_writable;
    bool writable = false;
    for (const Location& location : *list) {
      if (!is_file(location) || !(location.flags & publish_to_server)) continue;
      const fs::path folder =
          fs::path(TRY(expand(location, variables_of(record_, settings, current().generation))))
              .parent_path();
      if (::access(folder.c_str(), W_OK) == 0)
        writable = true;
      else
        not_writable = folder;
    }
    if (!writable && !not_writable.empty())
      return make_error(Errc::unavailable, "CRLs and CA certificates cannot be published to {}",
                        not_writable.string())
          .with_hint("create the folder and make it writable, or change the location");
  }
  return ok();
}

// The CA's own host, and what the configuration lists.
std::vector<std::string> LocalAuthority::protected_names() const {
  std::vector<std::string> names;
  const AuthoritySettings settings = this->settings();
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
  const AuthoritySettings settings = this->settings();
  context.name = record_.name;
  context.enterprise = record_.mode == store::AuthorityMode::enterprise;
  context.automatic_issuance = settings.automatic_issuance;
  context.override_logon_purposes = settings.override_logon_purposes;
  context.not_before = current().not_before;
  context.not_after = current().not_after;
  context.path_length = current().path_length;
  context.default_validity = settings.default_validity;
  context.protected_names = protected_names();
  context.agent_rights = settings.agent_rights;
  return context;
}

// The templates that one call asks for, each looked up once however many requests name it.
class LocalAuthority::TemplateLookup {
 public:
  struct Entry {
    IssuanceCache::Template value;  // null: unknown
    bool published = false;
    std::string hint;  // for an unknown one
    std::string superseded_by;
  };

  TemplateLookup(const store::Snapshot& snapshot, IssuanceCache& cache, store::AuthorityId authority)
      : snapshot_(snapshot), cache_(cache), authority_(authority) {}

  const store::Snapshot& snapshot() const { return snapshot_; }

  Result<const Entry*> find(const std::string& name) {
    if (const auto it = entries_.find(name); it != entries_.end()) return &it->second;
    Entry entry;
    auto record = snapshot_.certificate_template(name);
    if (record) {
      entry.value = TRY(cache_.certificate_template(*record));
      const auto published = TRY(snapshot_.published_templates(authority_));
      entry.published = std::ranges::count(published, name) != 0;
      entry.superseded_by = TRY(cache_.successor_of(snapshot_, published, name));
    } else if (record.error().code() != Errc::not_found) {
      return std::move(record.error());
    } else if (const auto found = find_template(snapshot_, name); !found) {
      entry.hint = found.error().hint();
    }
    return &entries_.emplace(name, std::move(entry)).first->second;
  }

 private:
  const store::Snapshot& snapshot_;
  IssuanceCache& cache_;
  store::AuthorityId authority_;
  std::map<std::string, Entry> entries_;
};

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
  request.request = submission.request;

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
  const auto algorithm = x509::parse_signature_algorithm(view.signature_algorithm);
  question.proof_of_possession =
      algorithm ? environment_.provider.verify(view.public_key_info, *algorithm, view.info, view.signature)
                : Status(algorithm.error());
  Buffer key_identifier;
  if (auto identifier = crypto::key_identifier(environment_.provider, view.public_key_info))
    key_identifier = std::move(*identifier);
  question.subject_key_identifier = key_identifier;
  const bool for_ca = question.certificate_template != nullptr && question.certificate_template->ca;
  question.key = TRY(key_checks_->facts(templates.snapshot(), view.public_key_info,
                                        question.proof_of_possession.has_value(), for_ca));
  work.key = key_number(environment_.provider, view.public_key_info);
  if (question.key.certified) work.key_holder = question.key.certified->request;
  work.key_is_shared = question.certificate_template != nullptr && question.certificate_template->key_reuse;

  work.decision = policy::decide(question);
  if (!approval.extensions.empty()) take_over(work.decision, approval.extensions);
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

Status LocalAuthority::authorize_revocation(Bytes serial, std::string_view manager, std::string_view what,
                                            std::string_view action) const {
  const auto snapshot = TRY(environment_.database.snapshot());
  // Of what there is not, the role without restrictions is asked for.
  store::RequestRecord request;
  if (const auto certificate = snapshot->certificate(serial))
    request = TRY(snapshot->request(certificate->request));
  return authorize_manager(*snapshot, manager, what, action, "certificate " + to_hex(serial), request);
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
      .with_hint("another certificate manager has to approve it");
}

// Where two managers have to agree, the first leaves his name with the request. Fails when he comes again.
Result<bool> LocalAuthority::is_first_of_two(const RoleTable& roles, const store::RequestRecord& request,
                                             std::string_view manager) const {
  if (!roles.applies(RoleRule::Kind::two_managers, record_.id, request.template_name)) return false;
  if (request.resolver.empty()) return true;
  if (principal_of(request.resolver) == principal_of(manager))
    return make_error(Errc::denied, "{} has approved request {} already: a second manager has to agree",
                      manager, request.id)
        .with_hint("another certificate manager has to approve it, too");
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
  Buffer extensions;
  for (const x509::Extension& extension : plan.variable)
    append(extensions, x509::encode_extension(extension));

  store::CertificateRecord certificate;
  certificate.authority = record_.id;
  certificate.key_index = key.generation.key_index;
  certificate.serial =
      make_serial(environment_.home.configuration().node, environment_.clock, environment_.provider);
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

// Between the two durable steps: the fence learns the serial numbers before the key is used.
Result<Fence::Position> LocalAuthority::announce(std::span<const Work> work) const {
  std::vector<FenceEvent> events;
  for (const Work& item : work)
    if (item.issues()) events.push_back(FenceEvent::issued(item.certificate));
  return fence_->append(events);
}

// First durable step: every request, and for those to be issued serial and to-be-signed bytes, before any key
// is used.
Status LocalAuthority::record_intents(std::span<Work> work) {
  // Now and then a mark, so that the next start has little to compare.
  std::string mark;
  if (fence_->since_mark() >= kLinesPerMark) {
    mark = new_fence_nonce(environment_.provider);
    (void)TRY(fence_->append(std::array{FenceEvent::mark(mark)}));
  }
  return environment_.database.commit([&](store::Transaction& t) -> Status {
    std::string set_of;
    std::optional<std::int64_t> location_set;
    if (!mark.empty()) TRY(t.set_mark(fence_mark_name(record_.id), mark));
    for (Work& item : work) {
      item.error.reset();
      item.answered_before = false;
      if (item.is_new) {
        if (!item.request.transaction.empty()) {
          if (auto earlier = TRY(t.request_of_transaction(record_.id, item.request.transaction))) {
            item.answered_before = earlier->request == item.request.request;
            if (!item.answered_before)
              item.error = make_error(Errc::conflict, "transaction '{}' was used for another request ({})",
                                      item.request.transaction, earlier->id);
            item.request = std::move(*earlier);
            continue;
          }
        }
        item.request.id = TRY(t.insert_request(item.request));
      } else {
        const store::RequestRecord before = TRY(t.request(item.request.id));
        if (before.disposition != Disposition::pending) {
          item.error = make_error(Errc::conflict, "request {} is {}, not pending", before.id,
                                  to_string(before.disposition));
          continue;
        }
        TRY(t.update_request(item.request));
      }
      item.certificate.request = item.request.id;
      if (item.issues()) TRY(claim_key(t, item));
      if (item.issues()) {
        // Looked up once for a batch: all of it carries the same URLs, almost always.
        const std::string_view locations =
            item.decision.plan.revocation_info ? std::string_view(item.live->locations) : std::string_view();
        if (!location_set || locations != set_of) {
          set_of = locations;
          location_set = TRY(t.location_set(record_.id, locations));
        }
        item.certificate.location_set = *location_set;
        TRY(t.insert_intent(item.certificate));
      }
      TRY(audit(t, item));
    }
    return ok();
  });
}

// One entry for what became of a request: in the transaction of its intent, so that nothing is signed that
// the audit log does not know.
Status LocalAuthority::audit(store::Transaction& transaction, const Work& item) const {
  const store::RequestRecord& request = item.request;
  AuditDetails details;
  details.add("template", request.template_name);
  if (!request.resolver.empty()) details.add("requester", request.requester);
  std::string_view outcome = audit_outcome::done;
  if (item.issues()) {
    details.add("serial", Bytes(item.certificate.serial)).add("tbs_sha256", Bytes(item.tbs_sha256));
  } else {
    details.add("rule", request.reason).add("why", request.message);
    outcome = request.disposition == Disposition::pending  ? audit_outcome::pending
              : request.disposition == Disposition::denied ? audit_outcome::denied
                                                           : audit_outcome::failed;
  }
  const bool is_service = request.resolver == kServiceAccount;
  const bool is_subordinate = item.is_new && !request.resolver.empty() && !is_service;
  return record_audit(environment_, transaction,
                      {.actor = request.resolver.empty() ? request.requester : request.resolver,
                       .action = !item.is_new     ? "request.approve"
                                 : is_subordinate ? "ca.sign"
                                 : is_service     ? "service.issue"
                                                  : "request.submit",
                       .authority = record_.name,
                       .object = fmt::format("request {}", request.id),
                       .details = std::move(details),
                       .outcome = std::string(outcome)});
}

// A key that does not sign is worth knowing of; the request's answer says what happened in any case.
void LocalAuthority::audit_key_failure(const Work& item) const {
  (void)record_audit(
      environment_,
      {.action = "key.use",
       .authority = record_.name,
       .object = fmt::format("request {}", item.request.id),
       .details =
           AuditDetails().add("key", current().generation.key_reference).add("why", item.error->message()),
       .outcome = std::string(audit_outcome::failed)});
}

// Policy has seen who has a certificate for the key, but others may have come in between.
Status LocalAuthority::claim_key(store::Transaction& t, Work& work) const {
  const store::RequestId holder = TRY(t.certify_key(work.key, work.request.id));
  if (holder == work.request.id || holder == work.key_holder || work.key_is_shared) return ok();
  if (!TRY(is_certified_for_another(t, holder, work.certificate.tbs))) return ok();
  work.request.disposition = Disposition::denied;
  work.request.reason = "key.reuse";
  work.request.message = fmt::format(
      "the key is certified for somebody else: expected a key of its own for each subject, received the key "
      "of "
      "request {}",
      holder);
  add_step(work.decision.trace, "key.reuse", policy::Verdict::denied, "a key of its own for each subject",
           fmt::format("the key of request {}, which came at the same time", holder),
           "make a new key and a new request");
  work.request.trace = policy::format_trace(work.decision.trace);
  return t.update_request(work.request);
}

void LocalAuthority::sign(std::span<Work> work) const {
  for (Work& item : work) {
    if (!item.issues()) continue;
    auto signature = current().signer->sign(item.certificate.tbs);
    if (signature) {
      item.certificate.signature = std::move(*signature);
    } else {
      // The intent stays, so that the certificate is signed when the key is back (repair).
      item.error =
          std::move(signature.error())
              .context(fmt::format("signing the certificate of request {}", item.request.id))
              .with_hint(fmt::format(
                  "the request is kept; its certificate is signed when the key is back, at the next use of "
                  "this CA: vouch request retrieve {}",
                  item.request.id));
      audit_key_failure(item);
    }
  }
}

// The signatures go to nobody before the fence is durable; until then key and disk work side by side. For a
// few certificates a thread would cost more than it saves.
void LocalAuthority::sign_while_disk_works(std::span<Work> work, Fence::Position announced) const {
  constexpr std::size_t kWorthAThread = 16;
  std::jthread disk;
  if (work.size() >= kWorthAThread) {
    try {
      // Whoever syncs again afterwards learns how it went.
      disk = std::jthread([this, announced] { (void)fence_->sync(announced); });
    } catch (const std::system_error&) {
      // No thread to be had: one after the other.
    }
  }
  sign(work);
}

// Second durable step: the signatures.
Status LocalAuthority::record_signatures(std::span<Work> work) {
  if (std::ranges::none_of(work, &Work::issues)) return ok();
  return environment_.database.commit([&](store::Transaction& t) -> Status {
    for (Work& item : work) {
      if (!item.issues()) continue;
      auto done = t.complete_intent(item.request.id, item.certificate.signature);
      if (done) continue;
      if (done.error().code() != Errc::not_found) return done;
      // A process that started meanwhile has finished it: its signature is the one.
      item.certificate = TRY(t.certificate_of_request(item.request.id));
    }
    return ok();
  });
}

std::vector<Result<Outcome>> LocalAuthority::carry_out(std::vector<Result<Work>> considered) {
  std::vector<Work> work;
  for (Result<Work>& item : considered)
    if (item) work.push_back(std::move(*item));
  const Status status = [&]() -> Status {
    if (work.empty()) return ok();
    TRY(record_intents(work));
    const Fence::Position announced = TRY(announce(work));
    sign_while_disk_works(work, announced);
    TRY(fence_->sync(announced));
    TRY(record_signatures(work));
    // A key that signs again finishes what waited for it; one that does not leaves this behind.
    if (std::ranges::any_of(work, [](const Work& item) { return item.error.has_value(); }))
      waits_for_key_ = true;
    if (waits_for_key_ && std::ranges::any_of(work, &Work::issues)) return repair();
    return ok();
  }();
  std::vector<Result<Outcome>> outcomes;
  auto next = work.begin();
  for (Result<Work>& item : considered) {
    if (!item) {
      outcomes.emplace_back(std::move(item.error()));
      continue;
    }
    Work& done = *next++;
    if (!status)
      outcomes.emplace_back(status.error());
    else if (done.error)
      outcomes.emplace_back(std::move(*done.error));
    else if (done.answered_before)
      outcomes.push_back(retrieve(done.request.id));
    else
      outcomes.emplace_back(
          outcome_from(done.request, done.decision.trace, done.issues() ? done.certificate.der() : Buffer()));
  }
  return outcomes;
}

std::vector<Result<Outcome>> LocalAuthority::submit(std::span<const Submission> submissions) {
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
    TRY(authorize_manager(*snapshot, manager, "approve requests", "request.approve",
                          fmt::format("request {}", id), before));
    const auto roles = TRY(roles_->get(*snapshot));
    TRY(check_four_eyes(*roles, before, manager));
    if (TRY(is_first_of_two(*roles, before, manager))) return keep_first_approval(before, manager);
    const Submission submission{std::move(before.request), before.template_name, before.requester,
                                before.transaction, std::move(before.attributes)};
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    Work work = TRY(consider(submission, templates, {std::string(manager), id, nullptr, {}}, nullptr));
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
    TRY(authorize_manager(*snapshot, manager, "deny requests", "request.deny", fmt::format("request {}", id),
                          TRY(snapshot->request(id))));
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
  return outcome_from(request, TRY(policy::parse_trace(request.trace)), std::move(certificate));
}

Result<Outcome> LocalAuthority::retrieve(RequestId id) {
  if (waits_for_key_) TRY(repair());
  const auto snapshot = TRY(environment_.database.snapshot());
  store::RequestRecord request = TRY(snapshot->request(id));
  if (request.authority != record_.id)
    return make_error(Errc::not_found, "request {} belongs to another CA", id);
  return outcome_of(*snapshot, request);
}

Status LocalAuthority::revoke(const Revocation& revocation, std::string_view manager) {
  const Time now = environment_.clock.now();
  if (revocation.invalidity_date && *revocation.invalidity_date > now)
    return make_error(Errc::usage, "the certificate cannot have become invalid in the future ({})",
                      format_time(*revocation.invalidity_date));
  if (revocation.reason == x509::CrlReason::remove_from_crl)
    return make_error(Errc::usage, "removeFromCRL is no reason to revoke")
        .with_hint("lift a hold with: vouch cert release");
  TRY(fence_status());
  TRY(authorize_revocation(revocation.serial, manager, "revoke certificates", "cert.revoke"));
  // Holds and releases of other processes come before or after, so that the fence has them in their order.
  // What is final needs none.
  std::optional<FileLock> turn;
  if (revocation.reason == x509::CrlReason::certificate_hold)
    turn.emplace(
        TRY(FileLock::acquire(environment_.home.lock(fmt::format("hold-{}", record_.id)), kHoldPatience)));
  store::CertificateRecord certificate;
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.revoke(record_.id, {revocation.serial, now, revocation.reason, revocation.invalidity_date}));
    certificate = TRY(t.certificate(revocation.serial));
    // Of a certificate that a restore lost, only the serial number is known.
    if (revocation.reason == x509::CrlReason::key_compromise && !certificate.tbs.empty()) {
      // Nobody gets a certificate for this key again.
      const auto view = TRY(x509::parse_tbs_certificate(certificate.tbs));
      TRY(t.mark_key_compromised(key_number(environment_.provider, view.public_key_info),
                                 certificate.request));
    }
    AuditDetails details;
    details.add("reason", x509::to_string(revocation.reason));
    if (revocation.invalidity_date) details.add("invalid_since", format_time(*revocation.invalidity_date));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "cert.revoke",
                         .authority = record_.name,
                         .object = "certificate " + to_hex(revocation.serial),
                         .details = std::move(details)});
  }));
  if (!certificate.revocation) return make_error(Errc::internal, "the revocation is not there");
  return fence_->record(std::array{FenceEvent::revoked(certificate, *certificate.revocation)})
      .context("the revocation is in the database, but not in the fence");
}

// The one change that the fence learns first: a hold in the fence that the database has lifted would look
// like a revocation that got lost.
Status LocalAuthority::release(Bytes serial, std::string_view manager) {
  TRY(fence_status());
  TRY(authorize_revocation(serial, manager, "release certificates", "cert.release"));
  const FileLock turn =
      TRY(FileLock::acquire(environment_.home.lock(fmt::format("hold-{}", record_.id)), kHoldPatience));
  const auto on_hold = TRY(TRY(environment_.database.snapshot())->certificate(serial)).revocation;
  if (on_hold && on_hold->reason == x509::CrlReason::certificate_hold)
    TRY(fence_->record(std::array{FenceEvent::release(serial)}));
  return environment_.database.commit([&](store::Transaction& t) -> Status {
    TRY(t.release(record_.id, serial));
    return record_audit(environment_, t,
                        {.actor = std::string(manager),
                         .action = "cert.release",
                         .authority = record_.name,
                         .object = "certificate " + to_hex(serial)});
  });
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

Result<std::vector<Buffer>> LocalAuthority::chain() const {
  std::vector<Buffer> certificates{current().generation.certificate};
  certificates.insert(certificates.end(), current().generation.chain.begin(),
                      current().generation.chain.end());
  return certificates;
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
    Approval approval{std::string(administrator), 0, &value, requested_extensions(view.extensions)};
    TRY(take_path_length(view, value));
    if (options.path_length) value.path_length = options.path_length;
    if (options.validity) value.validity = *options.validity;
    const Submission submission{to_buffer(request), value.name, std::string(administrator), "", {}};
    TemplateLookup templates(*snapshot, *cache_, record_.id);
    considered.push_back(consider(submission, templates, approval, nullptr));
  }
  return std::move(carry_out(std::move(considered)).front());
}

}  // namespace vouch::ca
