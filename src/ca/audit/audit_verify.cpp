#include "ca/audit/audit_verify.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "ca/audit/audit_mirror.hpp"
#include "ca/audit/merkle.hpp"
#include "ca/settings/roles.hpp"
#include "x509/certificate.hpp"

namespace vouch::ca {
namespace {

constexpr std::size_t kMaxFindings = 100;  // of one kind; a person reads them

std::string range_text(std::int64_t first, std::int64_t last) {
  return first == last ? fmt::format("entry {}", first) : fmt::format("entries {} to {}", first, last);
}

class Verification {
 public:
  Verification(const Environment& environment, const AuditVerifyOptions& options)
      : provider_(environment.provider), options_(options), database_(environment.database) {}

  Result<AuditReport> run() {
    snapshot_ = TRY(database_.snapshot());
    keys_ = TRY(snapshot_->audit_keys());
    origin_ = audit_log_origin(provider_, keys_);
    if (keys_.empty()) report_.notes.emplace_back("the home has no audit key: nothing is signed");
    TRY(check_keys());
    TRY(collect_heads());
    if (options_.mirror) {
      auto mirror = read_audit_mirror(provider_, *options_.mirror);
      if (mirror)
        mirror_ = std::move(*mirror);
      else
        find(fmt::format("the mirror cannot be read: {}", mirror.error().message()));
    }
    TRY(walk());
    check_unreached();
    check_announced();
    compare_mirror_end();
    report_.root = tree_.root();
    return std::move(report_);
  }

 private:
  // A head and where it is from.
  struct Head {
    std::string source;
    Checkpoint checkpoint;
    bool stored = false;
  };

  void find(std::string what) { report_.findings.push_back(std::move(what)); }
  // One kind of finding, the first of many.
  void find(std::size_t& count, std::string what) {
    if (++count <= kMaxFindings) find(std::move(what));
  }

  // --- keys ---

  // What is wrong with a statement, checked against the CA's key that it names: empty when nothing is.
  // Nothing at all when the CA has no such key: a renewal that was given up leaves its statement behind.
  Result<std::optional<std::string>> why_not(const store::AuditStatement& statement) const {
    for (const auto& authority : TRY(snapshot_->authorities())) {
      if (authority.id != statement.authority) continue;
      for (const auto& generation : TRY(snapshot_->key_generations(authority.id))) {
        const Buffer hash = provider_.digest(crypto::DigestAlgorithm::sha256, generation.public_key_info);
        if (!statement.statement.contains("\nCA key: SHA-256 " + to_hex(hash) + "\n")) continue;
        if (signed_by(statement, generation.public_key_info)) return std::string();
        return fmt::format("the statement of CA '{}' about the audit key is not signed by its key {}",
                           authority.name, generation.key_index);
      }
    }
    return std::nullopt;
  }

  bool signed_by(const store::AuditStatement& statement, Bytes public_key_info) const {
    asn1::Reader reader(statement.algorithm);
    const auto identifier = x509::parse_algorithm_identifier(reader);
    if (!identifier) return false;
    const auto algorithm = x509::parse_signature_algorithm(*identifier);
    return algorithm &&
           provider_.verify(public_key_info, *algorithm, as_bytes(statement.statement), statement.signature);
  }

  static bool speaks_of(const store::AuditStatement& statement, const store::AuditKey& key) {
    return statement.statement.find("\naudit key: " + to_base64(key.public_key_info) + "\n") !=
           std::string::npos;
  }

  Status check_keys() {
    const auto statements = TRY(snapshot_->audit_statements());
    std::vector<const store::AuditStatement*> good;
    for (const store::AuditStatement& statement : statements) {
      std::optional<std::string> why = TRY(why_not(statement));
      if (!why)
        report_.notes.push_back(fmt::format(
            "a statement about the audit key is of a key {} that its CA does not have", statement.key_index));
      else if (why->empty())
        good.push_back(&statement);
      else
        find(std::move(*why));
    }
    std::vector<Buffer> trusted;
    trusted.reserve(options_.trusted.size());
    for (const Buffer& der : options_.trusted)
      trusted.push_back(to_buffer(TRY(x509::parse_certificate(der)).public_key_info));
    for (const store::AuditKey& key : keys_) {
      const auto about_it = [&](const store::AuditStatement* s) { return speaks_of(*s, key); };
      const std::string name =
          "audit key " +
          audit_verifier_key(provider_, origin_, key.public_key_info).value_or("that cannot be read");
      if (std::ranges::none_of(good, about_it))
        find(fmt::format("no CA of this home has signed that {} is its own: other key", name));
      else if (!trusted.empty() && std::ranges::none_of(good, [&](const store::AuditStatement* s) {
                 return about_it(s) && std::ranges::any_of(trusted, [&](const Buffer& public_key_info) {
                          return signed_by(*s, public_key_info);
                        });
               }))
        find(fmt::format("the CA whose certificate was given has not signed that {} is its own: other key",
                         name));
    }
    return ok();
  }

  // --- heads ---

  Status collect_heads() {
    for (const store::AuditHead& stored : TRY(snapshot_->audit_heads())) {
      const std::string source = fmt::format("the stored head of size {}", stored.size);
      auto checkpoint = parse_checkpoint(stored.checkpoint);
      if (!checkpoint) {
        find(fmt::format("{} cannot be read: {}", source, checkpoint.error().message()));
        continue;
      }
      frontiers_.emplace(checkpoint->size, stored.frontier);
      if (checkpoint->size != stored.size || checkpoint->root != stored.root ||
          checkpoint->time != stored.time)
        find(fmt::format("{} does not say what was signed", source));
      stored_sizes_.insert(checkpoint->size);
      add_head({source, std::move(*checkpoint), true});
    }
    for (const auto& [source, text] : options_.heads) {
      auto checkpoint = parse_checkpoint(text);
      if (!checkpoint)
        return make_error(Errc::malformed, "{}", checkpoint.error().message())
            .context("reading the head " + source)
            .with_hint(std::string(checkpoint.error().hint()));
      add_head({source, std::move(*checkpoint), false});
    }
    return ok();
  }

  void add_head(Head head) {
    const Checkpoint& checkpoint = head.checkpoint;
    if (checkpoint.origin != origin_) {
      find(fmt::format("{} is of the log {}, this is {}: other log or other key", head.source,
                       checkpoint.origin, origin_.empty() ? "a log without a key" : origin_));
    } else {
      switch (check_signature(provider_, checkpoint, keys_)) {
        case HeadSignature::good:
          break;
        case HeadSignature::bad:
          find(fmt::format("the signature of {} is bad: it was changed", head.source));
          return;
        case HeadSignature::other_key:
          find(fmt::format("{} is signed with another key than this home's audit key", head.source));
          break;
      }
    }
    if (!head.stored && !stored_sizes_.contains(checkpoint.size))
      find(fmt::format("{} (size {}) is not among the stored heads: stored heads were removed", head.source,
                       checkpoint.size));
    heads_.emplace(checkpoint.size, std::move(head));
  }

  // --- entries ---

  Status walk() {
    compare_heads();  // of size 0
    store::AuditFilter all;
    all.first = std::numeric_limits<std::int64_t>::min();
    return snapshot_->for_each_audit(all, [&](const store::AuditRecord& record) -> Status {
      ++report_.entries;
      visit(record);
      return ok();
    });
  }

  void visit(const store::AuditRecord& record) {
    const std::int64_t expected = next_;
    if (record.sequence < expected) {
      find(strange_, fmt::format("entry {} does not belong: entries count from 1", record.sequence));
      return;
    }
    if (record.sequence > expected) {
      find(missing_, fmt::format("{} removed: after {} comes {}",
                                 range_text(expected, record.sequence - 1) +
                                     (record.sequence - 1 == expected ? " is" : " are"),
                                 expected - 1, record.sequence));
      broken_ = true;
    }
    next_ = record.sequence + 1;
    const Buffer leaf = audit_leaf(provider_, record);
    if (leaf != record.leaf)
      find(changed_, fmt::format("entry {} ({} by {}, {}) was changed: it does not hash to its leaf",
                                 record.sequence, record.action, record.actor, format_time(record.time)));
    compare_mirror(record.sequence, leaf);
    note_announcement(record);
    if (broken_) return;  // from a gap on, nothing can be computed
    tree_.add(leaf);
    compare_heads();
  }

  void compare_heads() {
    const auto [first, last] = heads_.equal_range(tree_.size());
    if (first == last) return;
    const Buffer root = tree_.root();
    for (auto head = first; head != last; ++head) {
      if (equal(head->second.checkpoint.root, root)) {
        ++report_.heads_good;
        if (unfit_ == 0) report_.covered = tree_.size();
        if (head->second.stored && frontiers_.at(tree_.size()) != tree_.nodes())
          find(fmt::format("the hashes beside the stored head of size {} were changed", tree_.size()));
        continue;
      }
      if (unfit_ == 0)
        find(fmt::format("the entries do not fit {}: one of {} was changed, removed, inserted or moved",
                         head->second.source, range_text(report_.covered + 1, tree_.size())));
      else if (unfit_ < kMaxFindings)
        find(fmt::format("the entries do not fit {} either", head->second.source));
      ++unfit_;
    }
  }

  // Heads that speak of more entries than can be computed.
  void check_unreached() {
    for (auto head = heads_.upper_bound(tree_.size()); head != heads_.end(); ++head) {
      const std::int64_t size = head->first;
      if (size >= next_)
        find(fmt::format("the log ends at entry {}; {} says that there were {}: {} cut off", next_ - 1,
                         head->second.source, size,
                         range_text(next_, size) + (next_ == size ? " is" : " are")));
      else
        find(fmt::format("{} cannot be checked, because entries before its end are missing",
                         head->second.source));
    }
  }

  // The log itself tells of each head that was signed.
  void note_announcement(const store::AuditRecord& record) {
    constexpr std::string_view kHead = "head ";
    if (record.action != "audit.head" || !record.object.starts_with(kHead)) return;
    const std::string_view number = std::string_view(record.object).substr(kHead.size());
    std::int64_t size = 0;
    std::from_chars(number.data(), number.data() + number.size(), size);
    announced_.insert(size);
  }
  void check_announced() {
    for (const std::int64_t size : announced_)
      if (!stored_sizes_.contains(size))
        find(unannounced_,
             fmt::format("the stored head of size {} was removed: the log says that it was signed", size));
  }

  // --- mirror ---

  void compare_mirror(std::int64_t sequence, const Buffer& leaf) {
    if (!mirror_) return;
    const auto index = static_cast<std::size_t>(sequence - 1);
    if (index >= mirror_->leaves.size())
      find(unmirrored_, fmt::format("the mirror does not have entry {}", sequence));
    else if (mirror_->leaves[index] != leaf)
      find(different_, fmt::format("entry {} is another one in the mirror", sequence));
  }
  void compare_mirror_end() {
    if (!mirror_) return;
    for (std::string& finding : mirror_->findings) find(std::move(finding));
    const auto mirrored = static_cast<std::int64_t>(mirror_->leaves.size());
    const std::int64_t last = next_ - 1;
    if (mirror_->committed > last)
      find(fmt::format(
          "the log ends at entry {}; the mirror says that there were {}: {} cut off", last,
          mirror_->committed,
          range_text(last + 1, mirror_->committed) + (last + 1 == mirror_->committed ? " is" : " are")));
    else if (mirrored > last)
      report_.notes.push_back(
          fmt::format("the mirror has {} that the log has not: written before a commit that did not happen",
                      range_text(last + 1, mirrored)));
    if (mirror_->superseded != 0)
      report_.notes.push_back(
          fmt::format("{} line(s) of the mirror are of commits that did not happen", mirror_->superseded));
  }

  const crypto::Provider& provider_;
  const AuditVerifyOptions& options_;
  store::Database& database_;
  std::unique_ptr<store::Snapshot> snapshot_;
  AuditReport report_;
  std::vector<store::AuditKey> keys_;
  std::string origin_;
  std::multimap<std::int64_t, Head> heads_;
  std::map<std::int64_t, std::vector<Buffer>> frontiers_;
  std::set<std::int64_t> stored_sizes_, announced_;
  std::optional<MirrorContent> mirror_;
  MerkleFrontier tree_{provider_};
  std::int64_t next_ = 1;
  bool broken_ = false;
  std::size_t strange_ = 0, missing_ = 0, changed_ = 0, unfit_ = 0, unannounced_ = 0, unmirrored_ = 0,
              different_ = 0;
};

}  // namespace

namespace {

Status authorize_auditor(const Environment& environment, std::string_view account, std::string_view what,
                         std::string_view action) {
  return authorize(environment, {.account = account, .role = Role::auditor, .what = what, .action = action});
}

}  // namespace

Status read_audit(const Environment& environment, const store::AuditFilter& filter, std::string_view account,
                  const std::function<Status(const store::AuditRecord&)>& visit) {
  TRY(authorize_auditor(environment, account, "read the audit log", "audit.read"));
  return TRY(environment.database.snapshot())->for_each_audit(filter, visit);
}

Result<store::AuditHead> order_audit_head(const Environment& environment, std::string_view account) {
  TRY(authorize_auditor(environment, account, "order a signed head of the audit log", "audit.head"));
  return sign_audit_head(environment, account);
}

Result<AuditProof> prove_audit_entry(const Environment& environment, std::int64_t sequence,
                                     std::string_view account) {
  TRY(authorize_auditor(environment, account, "prove audit entries", "audit.read"));
  const auto snapshot = TRY(environment.database.snapshot());
  AuditProof proof;
  for (store::AuditHead& head : TRY(snapshot->audit_heads()))
    if (proof.head.size < head.size) proof.head = std::move(head);
  if (sequence < 1 || sequence > proof.head.size)
    return make_error(Errc::not_found, "entry {} is not under a signed head: the largest has {} entries",
                      sequence, proof.head.size)
        .with_hint("sign one now with: vouch audit head");
  store::AuditFilter one;
  one.first = one.last = sequence;
  TRY(snapshot->for_each_audit(one, [&](const store::AuditRecord& record) {
    proof.record = record;
    return ok();
  }));
  std::vector<Buffer> leaves;
  TRY(snapshot->for_each_audit_leaf(1, proof.head.size, [&](std::int64_t, Bytes leaf) {
    leaves.push_back(to_buffer(leaf));
    return ok();
  }));
  const auto index = static_cast<std::uint64_t>(sequence - 1),
             size = static_cast<std::uint64_t>(proof.head.size);
  if (leaves.size() == size) proof.path = inclusion_path(environment.provider, leaves, index);
  if (leaves.size() != size ||
      !leads_to_root(environment.provider, audit_leaf(environment.provider, proof.record), index, size,
                     proof.path, proof.head.root))
    return make_error(Errc::found_bad, "entry {} is not what the signed head covers", sequence)
        .with_hint("see what is wrong with: vouch audit verify");
  return proof;
}

Result<AuditReport> verify_audit(const Environment& environment, const AuditVerifyOptions& options) {
  TRY(authorize_auditor(environment, options.account, "verify the audit log", "audit.verify"));
  return Verification(environment, options).run();
}

}  // namespace vouch::ca
