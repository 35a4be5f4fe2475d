#include "ca/backup/gap.hpp"

#include <algorithm>

#include "ca/home/audit.hpp"
#include "ca/home/ca_name.hpp"
#include "ca/keys/key_checks.hpp"
#include "ca/settings/roles.hpp"
#include "ca/settings/settings.hpp"
#include "x509/certificate.hpp"
#include "x509/crl.hpp"

namespace vouch::ca {
namespace {

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

void add_part(std::string& text, std::string_view part) {
  if (!text.empty()) text += ", ";
  text += part;
}

// What of a CA certificate tells its CRLs.
struct PublicKey {
  store::KeyGeneration generation;
  Buffer subject, key_identifier, public_key_info;
  Time not_after{};
};

Result<std::vector<PublicKey>> public_keys(const Environment& environment, const store::Snapshot& snapshot,
                                           store::AuthorityId authority) {
  std::vector<PublicKey> keys;
  for (store::KeyGeneration& generation : TRY(snapshot.key_generations(authority))) {
    if (generation.certificate.empty()) continue;
    const auto certificate = TRY(x509::parse_certificate(generation.certificate));
    PublicKey key{std::move(generation),
                  to_buffer(certificate.subject),
                  {},
                  to_buffer(certificate.public_key_info),
                  certificate.not_after};
    if (const auto* extension = certificate.find(x509::oid::kSubjectKeyIdentifier))
      key.key_identifier = to_buffer(TRY(x509::parse_subject_key_identifier(extension->value)));
    else
      key.key_identifier = TRY(crypto::key_identifier(environment.provider, certificate.public_key_info));
    keys.push_back(std::move(key));
  }
  return keys;
}

// A CRL at a file location, when it is one of this key.
struct PublishedCrl {
  fs::path path;
  std::uint64_t number = 0;
  const PublicKey* key = nullptr;
  std::uint32_t shard = 0;
};

// Whether the CRL says that this key signed it. The signature itself is asked for when it matters.
bool is_of(const x509::CrlView& crl, const PublicKey& key) {
  const auto* extension = crl.find(x509::oid::kAuthorityKeyIdentifier);
  if (extension == nullptr || !equal(crl.issuer, key.subject)) return false;
  const auto identifier = x509::parse_authority_key_identifier(extension->value);
  return identifier && identifier->key_identifier && equal(*identifier->key_identifier, key.key_identifier);
}

Result<std::uint64_t> number_of(const x509::CrlView& crl) {
  const auto* extension = crl.find(x509::oid::kCrlNumber);
  if (extension == nullptr) return make_error(Errc::malformed, "the CRL has no number");
  const auto octets = TRY(x509::parse_crl_number(extension->value));
  if (octets.size() > 8) return make_error(Errc::limit_exceeded, "the CRL number is none of ours");
  std::uint64_t number = 0;
  for (const std::uint8_t octet : octets) number = number << 8 | octet;
  return number;
}

// What cannot be read as a CRL of this CA is no reason to stop: publishing replaces it.
std::vector<PublishedCrl> published_crls(const store::AuthorityRecord& record,
                                         const AuthoritySettings& settings,
                                         const std::vector<PublicKey>& keys) {
  std::vector<PublishedCrl> found;
  const auto look = [&](const Location& location, const PublicKey& key, std::uint32_t shard, bool delta) {
    if (!is_file(location) || !(location.flags & (delta ? publish_delta_to_server : publish_to_server)))
      return;
    const auto path = expand(location, {settings.dns_name,
                                        settings.short_name,
                                        record.name,
                                        key.generation.certificate_index,
                                        key.generation.key_index,
                                        delta,
                                        {},
                                        {},
                                        shard});
    const auto file = path ? MappedFile::open(*path) : Result<MappedFile>(path.error());
    if (!file) return;
    const auto crl = x509::parse_crl(file->bytes());
    if (!crl || !is_of(*crl, key)) return;
    if (const auto number = number_of(*crl)) found.push_back({*path, *number, &key, shard});
  };
  // Shards first: they tell of a lost certificate which one it belongs to, and the complete list does not.
  const std::uint32_t shards = settings.crl_shards > 1 ? settings.crl_shards : 0;
  for (const PublicKey& key : keys)
    for (std::uint32_t shard = shards;; --shard) {
      for (const Location& location : settings.cdp)
        for (const bool delta : {false, true}) look(location, key, shard, delta);
      if (shard == 0) break;
    }
  return found;
}

bool signature_fits(const Environment& environment, const PublishedCrl& published, const x509::CrlView& crl) {
  const auto algorithm = x509::parse_signature_algorithm(crl.signature_algorithm);
  return algorithm &&
         environment.provider.verify(published.key->public_key_info, *algorithm, crl.tbs, crl.signature);
}

// Revocations by serial as they stand at the end of the fence, and after that on newer CRLs.
class SeenRevocations {
 public:
  void add(const FenceEvent& event) {
    if (event.kind == FenceEvent::Kind::release) {
      const auto found = seen_.find(event.serial);
      if (found != seen_.end() && is_hold(found->second)) seen_.erase(found);
      return;
    }
    auto [entry, added] = seen_.emplace(event.serial, event);
    // A final revocation is never lifted, and a hold that becomes final keeps its date.
    if (!added && is_hold(entry->second)) {
      const Time since = entry->second.revocation.revoked_at;
      entry->second = event;
      entry->second.revocation.revoked_at = since;
    }
  }
  const std::map<Buffer, FenceEvent>& all() const { return seen_; }

 private:
  static bool is_hold(const FenceEvent& event) {
    return event.revocation.reason == x509::CrlReason::certificate_hold;
  }
  std::map<Buffer, FenceEvent> seen_;
};

Status add_entries(const PublishedCrl& published, const x509::CrlView& crl, SeenRevocations& seen) {
  for (x509::CrlEntryReader entries(crl.entries); !entries.at_end();) {
    const auto entry = TRY(entries.next());
    const auto extensions = TRY(x509::parse_crl_entry_extensions(entry.extensions_der));
    FenceEvent event;
    event.kind = FenceEvent::Kind::revoked;
    event.serial = to_buffer(x509::serial_octets(entry.serial));
    // Unless the fence knows better: no certificate outlives its CA.
    event.not_after = published.key->not_after;
    event.key_index = published.key->generation.key_index;
    event.shard = published.shard;
    event.revocation = {event.serial, entry.revoked_at,
                        extensions.reason.value_or(x509::CrlReason::unspecified), extensions.invalidity_date};
    if (event.revocation.reason == x509::CrlReason::remove_from_crl) continue;
    seen.add(event);
  }
  return ok();
}

// What the database lacks of the revocations that were seen. A hold that it has in place of a final one is a
// lack too.
Status compare_revocations(const store::Snapshot& snapshot, const SeenRevocations& seen, Gap& gap) {
  for (const auto& [serial, event] : seen.all()) {
    const auto record = snapshot.certificate(serial);
    if (!record && record.error().code() != Errc::not_found) return record.error();
    if (!record) {
      // Purged, or unknown: then it is lost with its revocation.
      if (!TRY(snapshot.serial_used(serial))) gap.revocations.push_back(event);
      continue;
    }
    const bool final_seen = event.revocation.reason != x509::CrlReason::certificate_hold;
    const bool known = record->revocation &&
                       (!final_seen || record->revocation->reason != x509::CrlReason::certificate_hold);
    if (!known) gap.revocations.push_back(event);
  }
  return ok();
}

}  // namespace

std::string Gap::text() const {
  std::string out;
  if (!certificates.empty()) add_part(out, counted(certificates.size(), "certificate", "certificates"));
  if (!revocations.empty()) add_part(out, counted(revocations.size(), "revocation", "revocations"));
  if (crl_number > known_crl_number)
    add_part(out, fmt::format("CRL number {} (known: {})", crl_number, known_crl_number));
  if (audit_size > known_audit_size)
    add_part(out, fmt::format("{} of {} audit entries", audit_size - known_audit_size, audit_size));
  if (!damaged.empty())
    add_part(out,
             fmt::format("{} of the fence ({})",
                         counted(damaged.size(), "unreadable line", "unreadable lines"), damaged.front()));
  return out;
}

Value describe(const Gap& gap, std::string_view ca) {
  const auto serials = [](const std::vector<FenceEvent>& events) {
    Value list = Value::list();
    for (const FenceEvent& event : events) list.push(to_hex(event.serial));
    return list;
  };
  Value files = Value::list(), damaged = Value::list();
  for (const fs::path& file : gap.crls) files.push(file.string());
  for (const std::string& line : gap.damaged) damaged.push(line);
  Value value;
  value.set("ca", ca).set("missing", gap.text());
  value.set("certificates", serials(gap.certificates)).set("revocations", serials(gap.revocations));
  value.set("crl_number_seen", gap.crl_number).set("crl_number_known", gap.known_crl_number);
  value.set("audit_size_seen", gap.audit_size).set("audit_size_known", gap.known_audit_size);
  return value.set("newer_crls", std::move(files)).set("damaged", std::move(damaged));
}

Result<std::shared_ptr<Fence>> fence_of(const Environment& environment, const store::AuthorityRecord& record,
                                        const store::Snapshot& snapshot) {
  const auto generations = TRY(snapshot.key_generations(record.id));
  const Bytes first_key = generations.empty() ? Bytes() : Bytes(generations.front().public_key_info);
  const Buffer digest = environment.provider.digest(crypto::DigestAlgorithm::sha256, first_key);
  return std::make_shared<Fence>(environment.home.folder() / "fence" / (sanitized_name(record.name) + ".log"),
                                 to_hex(Bytes(digest).first(8)));
}

std::string fence_mark_name(store::AuthorityId authority) { return fmt::format("fence {}", authority); }

std::string new_fence_nonce(const crypto::Provider& provider) {
  std::array<std::uint8_t, 8> octets{};
  provider.random(octets);
  return to_hex(octets);
}

Result<Comparison> compare_with_fence(const Environment& environment, const store::AuthorityRecord& record,
                                      const Fence& fence) {
  std::string mark;
  std::vector<PublicKey> keys;
  {
    const auto before = TRY(environment.database.snapshot());
    mark = TRY(before->mark(fence_mark_name(record.id)));
    keys = TRY(public_keys(environment, *before, record.id));
  }
  const AuthoritySettings settings = TRY(parse_settings(record.settings));
  Comparison comparison;
  Gap& gap = comparison.gap;
  SeenRevocations revocations;
  Fence::Reading reading = TRY(fence.read(mark, [&](FenceEvent event) {
    using enum FenceEvent::Kind;
    switch (event.kind) {
      case issued:
        gap.certificates.push_back(std::move(event));
        break;
      case revoked:
      case release:
        revocations.add(event);
        break;
      case crl:
        gap.crl_number = std::max(gap.crl_number, event.number);
        break;
      case audit:
        gap.audit_size = std::max(gap.audit_size, event.number);
        break;
      case accepted:
        gap.audit_size = 0;  // the entries that were lost then are lost for good
        break;
      case FenceEvent::Kind::mark:
        break;
    }
  }));
  comparison.lines = reading.lines;
  gap.damaged = std::move(reading.damaged);
  const std::vector<PublishedCrl> published = published_crls(record, settings, keys);

  const auto snapshot = TRY(environment.database.snapshot());
  gap.known_crl_number = TRY(snapshot->last_crl_number(record.id));
  gap.known_audit_size = static_cast<std::uint64_t>(TRY(snapshot->audit_size()));
  for (const PublishedCrl& newer : published) {
    if (newer.number <= gap.known_crl_number) continue;
    const auto file = MappedFile::open(newer.path);
    const auto crl = file ? x509::parse_crl(file->bytes()) : Result<x509::CrlView>(file.error());
    if (!crl || !signature_fits(environment, newer, *crl)) continue;
    TRY(add_entries(newer, *crl, revocations).context("reading {}", newer.path.string()));
    gap.crls.push_back(newer.path);
    gap.crl_number = std::max(gap.crl_number, newer.number);
  }
  std::vector<FenceEvent> unknown;
  for (FenceEvent& event : gap.certificates)
    if (!TRY(snapshot->serial_used(event.serial))) unknown.push_back(std::move(event));
  gap.certificates = std::move(unknown);
  TRY(compare_revocations(*snapshot, revocations, gap));
  return comparison;
}

namespace {

// A certificate that is known only by what the fence says.
Status insert_lost(store::Transaction& t, const Environment& environment, store::AuthorityId authority,
                   const FenceEvent& event, std::string_view administrator) {
  if (TRY(t.serial_used(event.serial))) return ok();
  store::RequestRecord request;
  request.authority = authority;
  request.disposition = store::Disposition::foreign;
  request.submitted_at = environment.clock.now();
  request.resolved_at = request.submitted_at;
  request.resolver = administrator;
  request.message = "lost: issued by a later state of the database, which was given up";
  request.reason = "gap";
  store::CertificateRecord certificate;
  certificate.request = TRY(t.insert_request(request));
  certificate.authority = authority;
  certificate.key_index = event.key_index;
  certificate.serial = event.serial;
  certificate.not_after = event.not_after;
  certificate.shard = event.shard;
  TRY(t.insert_intent(certificate));
  const std::uint8_t no_signature[1] = {};
  return t.complete_intent(certificate.request, no_signature);
}

// As revoking does: the key is gone for good. Of a lost certificate nobody knows the key.
Status remember_compromise(store::Transaction& t, const Environment& environment, const FenceEvent& event) {
  if (event.revocation.reason != x509::CrlReason::key_compromise) return ok();
  const store::CertificateRecord record = TRY(t.certificate(event.serial));
  if (record.lost()) return ok();
  const auto view = TRY(x509::parse_tbs_certificate(record.tbs));
  return t.mark_key_compromised(key_number(environment.provider, view.public_key_info), record.request);
}

Status take_over(store::Transaction& t, const Environment& environment, const store::AuthorityRecord& record,
                 const Gap& gap, std::string_view administrator) {
  for (const FenceEvent& event : gap.certificates)
    TRY(insert_lost(t, environment, record.id, event, administrator));
  for (const FenceEvent& event : gap.revocations) {
    TRY(insert_lost(t, environment, record.id, event, administrator));
    Status done = t.revoke(record.id, event.revocation);
    if (!done && done.error().code() != Errc::conflict) return done;
    TRY(remember_compromise(t, environment, event));
  }
  if (gap.crl_number <= TRY(t.last_crl_number(record.id))) return ok();
  store::CrlRecord number;  // given, and never published by this database
  number.authority = record.id;
  number.number = gap.crl_number;
  number.this_update = number.next_update = number.next_publish = environment.clock.now();
  return t.insert_crl(number);
}

}  // namespace

namespace {

struct FoundGap {
  store::AuthorityRecord record;
  std::shared_ptr<Fence> fence;
  Gap gap;
};
Result<FoundGap> look(const Environment& environment, std::string_view name) {
  FoundGap found;
  {
    const auto snapshot = TRY(environment.database.snapshot());
    found.record = TRY(snapshot->authority(name));
    found.fence = TRY(fence_of(environment, found.record, *snapshot));
  }
  found.gap = TRY(compare_with_fence(environment, found.record, *found.fence)).gap;
  return found;
}

}  // namespace

Result<Gap> find_gap(const Environment& environment, std::string_view name) {
  return TRY(look(environment, name)).gap;
}

Result<Gap> accept_gap(const Environment& environment, std::string_view name,
                       std::string_view administrator) {
  const FoundGap found = TRY(look(environment, name));
  TRY(authorize(environment, {.account = administrator,
                              .role = Role::administrator,
                              .what = "accept what a database has lost",
                              .action = "db.accept_gap",
                              .object = "database",
                              .authority = found.record.id,
                              .authority_name = name}));
  const Gap& gap = found.gap;
  Fence& fence = *found.fence;
  if (gap.empty())
    return make_error(Errc::not_found,
                      "CA '{}' has no gap: its database knows everything that was seen of it", name);
  const std::string nonce = new_fence_nonce(environment.provider);
  if (!gap.damaged.empty()) TRY(fence.rewrite(environment.clock.now()));
  // The mark goes first: a database that has it has taken over everything before.
  TRY(fence.record(std::array{FenceEvent::mark(nonce)}));
  TRY(environment.database.commit([&](store::Transaction& t) -> Status {
    TRY(take_over(t, environment, found.record, gap, administrator));
    TRY(record_audit(environment, t,
                     {.actor = std::string(administrator),
                      .action = "db.accept_gap",
                      .authority = std::string(name),
                      .object = "database",
                      .details = AuditDetails()
                                     .add("lost_certificates", gap.certificates.size())
                                     .add("revocations_taken_over", gap.revocations.size())
                                     .add("crl_number", gap.crl_number)
                                     .add("lost_audit_entries",
                                          gap.audit_size - std::min(gap.audit_size, gap.known_audit_size))}));
    return t.set_mark(fence_mark_name(found.record.id), nonce);
  }));
  TRY(fence.record(std::array{FenceEvent::accepted(environment.clock.now())}));
  return gap;
}

}  // namespace vouch::ca
