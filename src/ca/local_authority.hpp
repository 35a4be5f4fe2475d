#pragma once
// LocalAuthority: the authority in this process, over a database and keys of its own. The one place that
// issues: intent before signature, lint before signature, durable before the answer
// (docs/mechanisms/issuance.md). May be used from several threads; several processes may open the same
// authority.

#include <atomic>
#include <mutex>
#include <set>

#include "ca/authority.hpp"
#include "ca/backup/gap.hpp"
#include "ca/home/environment.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"
#include "lint/lint.hpp"
#include "policy/decision.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {

// Who asks when the program asks for itself; no login name has this form.
constexpr std::string_view kServiceAccount = "vouch (service)";

// One key generation, ready to sign.
struct CaKey {
  store::KeyGeneration generation;
  std::shared_ptr<const crypto::Signer> signer;
  Buffer subject;         // Name of the CA certificate, whole TLV
  Buffer key_identifier;  // its subjectKeyIdentifier
  Time not_before{}, not_after{};
  std::optional<std::uint32_t> path_length;  // of its certificate; absent: no limit
  // AKI, CDP (of the complete CRL) and AIA, by the settings when it was opened.
  std::vector<x509::Extension> issued_extensions;
};

// authorityKeyIdentifier, cRLDistributionPoints and authorityInfoAccess (RFC 5280 4.2.1.1, 4.2.1.13, 4.2.2.1)
// of what this key signs.
Result<std::vector<x509::Extension>> extensions_issued_by(const CaKey& key,
                                                          const store::AuthorityRecord& record,
                                                          const AuthoritySettings& settings);

// What the certificates of one template version have in common: made once, filled per certificate.
class IssuanceCache;
class KeyChecks;
class ChallengeDesk;
class Gathering;

class LocalAuthority final : public Authority {
 public:
  // Loads keys from files and finishes what a crash left unsigned. Keys on tokens are looked for when they
  // sign: without them the CA opens all the same, and unsigned certificates wait. Fails with `not_found` (no
  // such CA), `unavailable` (a subordinate that waits for its certificate), `denied` (passphrase).
  // `key_index`: the generation that signs instead of the newest; for what an older key still owes the world.
  static Result<std::unique_ptr<LocalAuthority>> open(const Environment& environment, std::string_view name,
                                                      std::optional<std::uint16_t> key_index = {});
  ~LocalAuthority() override;

  using Authority::submit;
  std::vector<Result<Outcome>> submit(std::span<const Submission> submissions) override;
  Result<Outcome> approve(RequestId request, std::string_view manager) override;
  Result<Outcome> deny(RequestId request, std::string_view manager, std::string_view why) override;
  Result<Outcome> retrieve(RequestId request) override;
  Result<std::optional<Submitted>> find_submitted(std::string_view client_transaction) override;
  Status revoke(const Revocation& revocation, std::string_view manager) override;
  Status release(Bytes serial, std::string_view manager) override;
  Result<std::vector<Buffer>> chain() const override;

  // Who has already said yes, and to what: nobody for a request that comes in.
  struct Approval {
    std::string manager;
    RequestId request = 0;                                           // 0: it is new
    const policy::CertificateTemplate* override_template = nullptr;  // instead of the published one
    std::vector<x509::Extension> extensions{};  // of a subordinate's request, taken over by an administrator
    bool of_administrator = false;  // without it no CA certificate is issued, whatever a template says
    // The request's own signature was verified when it came in. What is kept of it may no longer fit: a
    // challenge password in it has been blanked out.
    bool proved = false;
  };

  // A subordinate CA's request, signed by decision of an administrator: submit and approve in one step, under
  // the template SubCA with these changes, and with the policies, purposes and path length that it asks for.
  // Where four eyes or two managers have to see requests for SubCA, it waits in the queue instead.
  struct SubordinateOptions {
    std::optional<std::uint32_t> path_length;
    std::optional<Span> validity;
    std::string transaction{};  // idempotency key, as a submission's
  };
  Result<Outcome> sign_subordinate(Bytes request, const SubordinateOptions& options,
                                   std::string_view administrator);

  // A certificate for a service of this CA itself (its OCSP answers, its web server), by decision of the
  // program: under a template that need not be published, and without a person's approval. Everything else is
  // decided as for anybody.
  Result<Outcome> issue_to_service(Bytes request, std::string_view template_name);

  // What would become of a request under a template, published or not: nothing is stored, no key of the CA is
  // used. The certificate is signed with a key made for it and thrown away.
  struct Preview {
    policy::Decision decision;
    Disposition disposition{};  // as the submission's would be
    Buffer certificate;         // also for what would be pending
    std::vector<lint::Finding> findings;
  };
  Result<Preview> preview(const Submission& submission) const;

  const store::AuthorityRecord& record() const { return record_; }
  // As they were when the authority last looked: at open, and before each request. A change in the database
  // takes effect without a restart.
  AuthoritySettings settings() const { return live()->settings; }
  // One for each certificate of this CA that still matters, oldest first: a renewal with the same key gives
  // two with one signer. Left out are those whose key has no unexpired certificate any more; the newest is
  // always there.
  std::span<const CaKey> keys() const { return keys_; }
  const CaKey& current() const { return keys_.back(); }
  // Looks whether the settings have changed in the database.
  Status refresh() const;
  // The keys that owe the world a CRL now, each with its newest certificate: those with an unexpired
  // certificate, oldest key first.
  std::vector<const CaKey*> crl_keys() const;
  const Environment& environment() const { return environment_; }
  // What the world has seen and the database does not know (docs/mechanisms/backup.md); null: nothing.
  const Gap* gap() const { return gap_ ? &*gap_ : nullptr; }
  // Asked before anything is issued, revoked or published. conflict: there is a gap; or why the fence cannot
  // be read.
  Status fence_status() const;
  // What the world is about to see is written here first.
  Fence& fence() const { return *fence_; }
  // Finishes what was decided and is not signed yet, because of a crash, or because key or disk were out of
  // reach. What the key still does not sign goes on waiting, which is no failure. Also done by open(), and as
  // long as something waits by retrieve() and after each certificate that could be signed.
  Status repair();
  // How many certificates were finished that way, whether some are known to wait, and the failure that left
  // them; empty: none is known.
  std::size_t repaired() const { return repaired_; }
  bool has_unfinished() const { return has_unfinished_; }
  std::string why_unfinished() const;

 private:
  struct Work;
  class TemplateLookup;
  // What follows from the settings for everything that is issued.
  struct Live {
    std::string text;  // the settings as the database has them
    AuthoritySettings settings;
    std::vector<x509::Extension> issued_extensions;  // AKI, CDP and AIA; the CDP not where it is sharded
    std::vector<Buffer> cdp_of_shard;                // encoded, that of shard 1 first; empty: not sharded
    std::string locations;                           // of CDP and AIA, as LocationSet keeps them
    std::uint32_t revision = 0;
  };
  LocalAuthority(const Environment& environment, store::AuthorityRecord record, std::vector<CaKey> keys,
                 std::shared_ptr<const Live> live);
  static Result<std::shared_ptr<const Live>> make_live(const store::AuthorityRecord& record, const CaKey& key,
                                                       std::uint32_t revision);
  std::shared_ptr<const Live> live() const;
  Status refresh(const store::Snapshot& snapshot) const;

  Status look_at_fence();
  Status check_locations() const;
  std::vector<Result<Outcome>> submit_together(std::span<const Submission> submissions);
  // Steps of one issuance, in their order; each leaves its result in the Work.
  Result<Work> consider(const Submission& submission, TemplateLookup& templates, const Approval& approval,
                        const RoleTable* roles) const;
  void approve_at_once(Work& work, policy::Question question, const RoleTable& roles) const;
  void refuse(Work& work, const Error& why) const;
  void refuse_challenge(Work& work) const;
  // Whether the challenge lets the request go on; else the work says what becomes of it.
  Result<bool> judge_challenge(const store::Snapshot& snapshot, const Submission& submission,
                               const x509::RequestView& request, Work& work) const;
  // Whether somebody may decide about a request or certificate.
  Status authorize_manager(const store::Snapshot& snapshot, std::string_view manager, std::string_view what,
                           std::string_view action, std::string_view object,
                           const store::RequestRecord& request) const;
  Status authorize_decision(const store::Snapshot& snapshot, const RoleTable& roles, std::string_view who,
                            std::string_view verb, const store::RequestRecord& request, bool makes_ca) const;
  Status authorize_revocation(Bytes serial, std::string_view manager, std::string_view what,
                              std::string_view action) const;
  Status check_four_eyes(const RoleTable& roles, const store::RequestRecord& request,
                         std::string_view manager) const;
  Result<bool> is_first_of_two(const RoleTable& roles, const store::RequestRecord& request,
                               std::string_view manager) const;
  Result<bool> waits_for_others(const store::Snapshot& snapshot, const std::string& template_name,
                                const SubordinateOptions& options) const;
  Result<Outcome> keep_first_approval(const store::RequestRecord& request, std::string_view manager);
  void prepare(Work& work) const;
  std::string lint_findings(Bytes tbs) const;
  Status record_intents(std::span<Work> work);
  // Whether the request has its answer already, from an earlier one like it.
  Result<bool> find_earlier(store::Transaction& t, Work& work) const;
  Status claim_key(store::Transaction& t, Work& work) const;
  Result<Fence::Position> announce(std::span<const Work> work) const;
  Status audit_pended(store::Transaction& transaction, const Work& item) const;
  Status audit(store::Transaction& transaction, const Work& item) const;
  void audit_key_failure(const Work& item) const;
  void sign(std::span<Work> work) const;
  void wait_for_key(Work& item, Error why) const;
  void sign_while_disk_works(std::span<Work> work, Fence::Position announced) const;
  Status record_signatures(std::span<Work> work);
  Status complete(std::span<Work> work);
  void leave_unfinished(const Error& why) const;
  void repair_on_the_way();
  Status finish_orphans();
  Status finish(std::span<const store::CertificateRecord> orphans, std::set<std::uint16_t>& absent);
  std::vector<Result<Outcome>> carry_out(std::vector<Result<Work>> work);
  Result<Outcome> look_up(RequestId id) const;
  Result<Outcome> outcome_of(const store::Snapshot& snapshot, const store::RequestRecord& request) const;
  policy::AuthorityContext policy_context() const;
  std::vector<std::string> protected_names() const;
  store::CertificateRecord fill(const Work& work) const;

  Environment environment_;
  store::AuthorityRecord record_;
  std::vector<CaKey> keys_;
  mutable std::mutex live_mutex_;
  mutable std::shared_ptr<const Live> live_;  // guarded by live_mutex_
  std::unique_ptr<IssuanceCache> cache_;
  std::unique_ptr<KeyChecks> key_checks_;
  std::unique_ptr<ChallengeDesk> challenges_;
  std::shared_ptr<Fence> fence_;
  std::optional<Gap> gap_;
  std::optional<Error> fence_problem_;
  std::atomic<std::size_t> repaired_ = 0;
  std::mutex guards_repair_;  // held by the one who finishes what others left
  mutable std::atomic<bool> has_unfinished_ = false;
  mutable std::mutex guards_why_;
  mutable std::string why_unfinished_;         // guarded by guards_why_, as is
  mutable std::uint64_t left_unfinished_ = 0;  // how often something was
  std::unique_ptr<RoleCache> roles_;
  std::unique_ptr<Gathering> gathering_;
};

}  // namespace vouch::ca
