// From a decision to a certificate: intent, signature, record (docs/mechanisms/issuance.md).
#include "ca/authority_work.hpp"

#include <algorithm>
#include <thread>

#include "ca/keys/key_checks.hpp"

namespace vouch::ca {

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
        if (TRY(find_earlier(t, item))) continue;
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
      if (!item.is_new)
        TRY(challenges_->close(t, item.request));
      else if (item.challenge)
        TRY(challenges_->settle(t, *item.challenge, item.request));
      TRY(audit(t, item));
    }
    return ok();
  });
}

// By the key of its transaction, or by the challenge that both show.
Result<bool> LocalAuthority::find_earlier(store::Transaction& t, Work& work) const {
  if (!work.request.transaction.empty()) {
    if (auto earlier = TRY(t.request_of_transaction(record_.id, work.request.transaction))) {
      work.answered_before = earlier->request == work.request.request;
      if (!work.answered_before)
        work.error = make_error(Errc::conflict, "transaction '{}' was used for another request ({})",
                                work.request.transaction, earlier->id);
      work.request = std::move(*earlier);
      return true;
    }
  }
  if (!work.challenge) return false;
  TRY(challenges_->look_again(t, *work.challenge));
  if (work.challenge->refusal) refuse_challenge(work);
  if (work.challenge->again == 0) return false;
  work.answered_before = true;
  work.request = TRY(t.request(work.challenge->again));
  return true;
}

// A request that its own requester approves was handed in and approved: two acts, in their order.
Status LocalAuthority::audit_pended(store::Transaction& transaction, const Work& item) const {
  AuditDetails details;
  details.add("template", item.request.template_name);
  if (item.challenge) challenges_->add_details(details, *item.challenge);
  details.add("rule", item.pended->reason).add("why", item.pended->message);
  return record_audit(environment_, transaction,
                      {.actor = item.request.requester,
                       .action = "request.submit",
                       .authority = record_.name,
                       .object = fmt::format("request {}", item.request.id),
                       .details = std::move(details),
                       .outcome = std::string(audit_outcome::pending)});
}

// One entry for what became of a request: in the transaction of its intent, so that nothing is signed that
// the audit log does not know.
Status LocalAuthority::audit(store::Transaction& transaction, const Work& item) const {
  const store::RequestRecord& request = item.request;
  if (item.pended) TRY(audit_pended(transaction, item));
  AuditDetails details;
  details.add("template", request.template_name);
  if (!request.resolver.empty()) details.add("requester", request.requester);
  if (item.challenge) challenges_->add_details(details, *item.challenge);
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
  const bool is_approved = !item.is_new || item.pended;
  const bool is_subordinate = !is_approved && !request.resolver.empty() && !is_service;
  return record_audit(environment_, transaction,
                      {.actor = request.resolver.empty() ? request.requester : request.resolver,
                       .action = is_approved      ? "request.approve"
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
  std::vector<Work*> items;
  std::vector<Bytes> tbs;
  for (Work& item : work) {
    if (!item.issues()) continue;
    items.push_back(&item);
    tbs.emplace_back(item.certificate.tbs);
  }
  auto signatures = current().signer->sign_all(tbs);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (signatures[i])
      items[i]->certificate.signature = std::move(*signatures[i]);
    else
      wait_for_key(*items[i], std::move(signatures[i].error()));
  }
}

// The intent stays, so that the certificate is signed when the key is back (repair).
void LocalAuthority::wait_for_key(Work& item, Error why) const {
  item.error =
      std::move(why)
          .context(fmt::format("signing the certificate of request {}", item.request.id))
          .with_hint(fmt::format(
              "the request is kept; its certificate is signed when the key is back, at the next use of "
              "this CA: vouch request retrieve {}",
              item.request.id));
  leave_unfinished(*item.error);
  audit_key_failure(item);
}

// The signatures go to nobody before the fence is durable; until then key and disk work side by side. For a
// few certificates, and where other batches use the time anyway, a thread would cost more than it saves.
void LocalAuthority::sign_while_disk_works(std::span<Work> work, Fence::Position announced) const {
  constexpr std::size_t kWorthAThread = 48;
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

// From the decided and durable intents to signatures that may go out. What fails here leaves them to
// repair().
Status LocalAuthority::complete(std::span<Work> work) {
  auto done = [&]() -> Status {
    const Fence::Position announced = TRY(announce(work));
    sign_while_disk_works(work, announced);
    TRY(fence_->sync(announced));
    return record_signatures(work);
  }();
  if (done) return ok();
  for (Work& item : work) {
    if (!item.issues()) continue;
    item.error = Error(done.error())
                     .context(fmt::format("finishing the certificate of request {}", item.request.id))
                     .with_hint(fmt::format("the request is kept; its certificate is finished when this is "
                                            "mended: vouch request retrieve {}",
                                            item.request.id));
    leave_unfinished(*item.error);
  }
  return done;
}

std::vector<Result<Outcome>> LocalAuthority::carry_out(std::vector<Result<Work>> considered) {
  std::vector<Work> work;
  for (Result<Work>& item : considered)
    if (item) work.push_back(std::move(*item));
  const Status recorded = work.empty() ? ok() : record_intents(work);
  // Key and disk that work again finish what waited for them; what fails in that is not these requests' own.
  if (recorded && complete(work) && has_unfinished_ && std::ranges::any_of(work, &Work::issues))
    repair_on_the_way();
  std::vector<Result<Outcome>> outcomes;
  auto next = work.begin();
  for (Result<Work>& item : considered) {
    if (!item) {
      outcomes.emplace_back(std::move(item.error()));
      continue;
    }
    Work& done = *next++;
    if (!recorded)
      outcomes.emplace_back(recorded.error());
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

std::string LocalAuthority::why_unfinished() const {
  const std::scoped_lock lock(guards_why_);
  return has_unfinished_ ? why_unfinished_ : std::string();
}

void LocalAuthority::leave_unfinished(const Error& why) const {
  const std::scoped_lock lock(guards_why_);
  why_unfinished_ = why.message();
  has_unfinished_ = true;
  ++left_unfinished_;
}

// An intent without a signature is what a crash left between the two commits of an issuance. Its bytes are
// durable and decided, so it is finished: whoever asks again gets that certificate. Another process may be
// doing the same, or be still at work on it: the first to commit wins, the others take what is stored.
//
// The same holds for what was decided while key or disk were out of reach.
Status LocalAuthority::repair() {
  const std::scoped_lock one_at_a_time(guards_repair_);
  return finish_orphans();
}

// For callers whose own business is done, or is one of many that wait: if somebody is at it already, they
// need not wait, and how it went says why_unfinished().
void LocalAuthority::repair_on_the_way() {
  const std::unique_lock one_at_a_time(guards_repair_, std::try_to_lock);
  if (one_at_a_time) (void)finish_orphans();
}

Status LocalAuthority::finish_orphans() {
  constexpr std::size_t kBatch = 128;  // shares its durable commits
  if (!fence_status()) return ok();    // nothing goes out before the gap is closed
  const auto left = [this] {
    const std::scoped_lock lock(guards_why_);
    return left_unfinished_;
  };
  const std::uint64_t before = left();
  std::set<std::uint16_t> absent;
  const Status finished = [&]() -> Status {
    const auto orphans = TRY(TRY(environment_.database.snapshot())->orphans(record_.id));
    for (std::span<const store::CertificateRecord> rest = orphans; !rest.empty();) {
      const auto batch = rest.first(std::min(rest.size(), kBatch));
      TRY(finish(batch, absent));
      rest = rest.subspan(batch.size());
    }
    return ok();
  }();
  if (!finished) leave_unfinished(finished.error());
  // Unless something was left since, by this thread or another.
  const std::scoped_lock lock(guards_why_);
  has_unfinished_ = left_unfinished_ != before;
  return finished;
}

// Keys that have failed are in `absent`, and not tried for each of their certificates.
Status LocalAuthority::finish(std::span<const store::CertificateRecord> orphans,
                              std::set<std::uint16_t>& absent) {
  struct Signed {
    const store::CertificateRecord& orphan;
    Buffer signature;
  };
  std::vector<Signed> ready;
  std::vector<FenceEvent> events;
  for (const store::CertificateRecord& orphan : orphans) {
    const auto key =
        std::ranges::find(keys_, orphan.key_index, [](const CaKey& k) { return k.generation.key_index; });
    if (key == keys_.end() || absent.contains(orphan.key_index)) continue;
    auto signature = key->signer->sign(orphan.tbs);
    if (!signature) {
      leave_unfinished(signature.error());
      absent.insert(orphan.key_index);
      continue;
    }
    ready.push_back({orphan, std::move(*signature)});
    events.push_back(FenceEvent::issued(orphan));
  }
  if (ready.empty()) return ok();
  TRY(fence_->record(events));
  std::size_t finished = 0;
  TRY(environment_.database.commit([&](store::Transaction& t) -> Status {
    finished = 0;
    for (const auto& [orphan, signature] : ready) {
      auto done = t.complete_intent(orphan.request, signature);
      if (!done && done.error().code() == Errc::not_found) continue;  // somebody was faster
      TRY(std::move(done));
      TRY(record_audit(environment_, t,
                       {.action = "request.repair",
                        .authority = record_.name,
                        .object = fmt::format("request {}", orphan.request),
                        .details = AuditDetails().add("serial", Bytes(orphan.serial))}));
      ++finished;
    }
    return ok();
  }));
  repaired_ += finished;
  return ok();
}

}  // namespace vouch::ca
