#include "relying/crl_index.hpp"

#include <algorithm>
#include <thread>

#include "relying/plain_entry.hpp"

namespace vouch::relying {
namespace {

// An entry that was checked when the index was built: its serial, date and reason, whatever its form.
struct ReadEntry {
  Bytes serial, extensions;
  validate::CrlHit hit;
};

// reasonCode is looked for by hand: parse_crl_entry_extensions makes a list of all extensions. Each is
// SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING }.
Result<x509::CrlReason> reason_in(Bytes extensions_der) {
  asn1::Reader outer(extensions_der);
  for (asn1::Reader list = TRY(outer.expect_sequence()); !list.at_end();) {
    asn1::Reader extension = TRY(list.expect_sequence());
    const Bytes id = TRY(extension.expect(asn1::Tag::oid));
    if (!equal(id, x509::oid::kReasonCode.contents())) continue;
    (void)TRY(extension.optional_boolean_default_false());
    return x509::parse_reason_code(TRY(extension.expect_octet_string()));
  }
  return x509::CrlReason::unspecified;
}

Result<ReadEntry> read_entry(Bytes at) {
  if (const auto plain = reread_plain_entry(at))
    return ReadEntry{plain->serial, {}, {plain->reason, revoked_at(*plain)}};
  x509::CrlEntryReader reader(at);
  const x509::CrlEntryView view = TRY(reader.next());
  ReadEntry entry{view.serial, view.extensions_der, {x509::CrlReason::unspecified, view.revoked_at}};
  if (!view.extensions_der.empty()) entry.hit.reason = TRY(reason_in(view.extensions_der));
  return entry;
}

// Octets of the first element; 0: it cannot be read.
std::size_t element_size(Bytes elements) {
  if (elements.size() < 2) return 0;
  std::size_t size = 2U + elements[1];
  if (elements[1] >= 0x80) {
    asn1::Reader reader(elements);
    const auto element = reader.next();
    size = element ? element->whole.size() : 0;
  }
  return size <= elements.size() ? size : 0;
}

// How many elements begin before the first that cannot be read.
std::size_t count_elements(Bytes elements) {
  std::size_t count = 0;
  while (const std::size_t size = element_size(elements)) {
    elements = elements.subspan(size);
    ++count;
  }
  return count;
}

// How many there are in all if those at the front are like the others: a whole pass for the count costs as
// much as a fifth of the rest.
std::size_t estimate_elements(Bytes elements) {
  constexpr std::size_t kSample = std::size_t{64} << 10;
  if (elements.size() <= kSample) return count_elements(elements);
  const std::size_t in_sample = count_elements(elements.first(kSample)) + 1;
  const std::size_t in_all = elements.size() * in_sample / kSample;
  return in_all + in_all / 64 + 64;
}

// SHA-256 of tbsCertList: on a thread of its own, or piece by piece just before the entries are read, while
// the piece is in the processor's cache.
class TbsHash {
 public:
  TbsHash(const crypto::Provider& provider, Bytes tbs, bool own_thread)
      : digester_(provider.digester(x509::DigestAlgorithm::sha256)), rest_(tbs) {
    if (own_thread)
      thread_ = std::jthread([this](const std::stop_token& stop) {
        while (!rest_.empty() && !stop.stop_requested()) hash_piece();
      });
  }
  void reach(const std::uint8_t* place) {
    if (thread_.joinable()) return;
    while (!rest_.empty() && rest_.data() <= place) hash_piece();
  }
  Buffer finish() {
    if (thread_.joinable()) thread_.join();
    while (!rest_.empty()) hash_piece();
    return digester_->finish();
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{128} << 10;  // a fraction of a second-level cache
  void hash_piece() {
    const Bytes piece = rest_.first(std::min(kPiece, rest_.size()));
    digester_->update(piece);
    rest_ = rest_.subspan(piece.size());
  }

  std::unique_ptr<crypto::Digester> digester_;
  Bytes rest_;
  std::jthread thread_;  // last: it uses the others
};

// The table of a CRL and the issuers of its entries.
struct Tables {
  TableMemory memory;
  Buffer issuers;
};

class IndexBuilder {
 public:
  IndexBuilder(const validate::CrlHead& head, const SerialSeed& seed, TbsHash& hash)
      : head_(head), seed_(seed), hash_(hash), indirect_(validate::CrlEntryRules::is_indirect(head)) {}

  Result<Tables> run() {
    const Bytes entries = head_.view.entries;
    if (entries.size() > kMaxEntriesSize)
      return make_error(Errc::limit_exceeded, "a CRL with {} octets of entries cannot be indexed",
                        entries.size());
    if (auto tables = TRY(fill(estimate_elements(entries)))) return *std::move(tables);
    if (auto tables = TRY(fill(count_elements(entries)))) return *std::move(tables);
    return make_error(Errc::malformed, "the entries of revokedCertificates cannot be counted");
  }

  std::size_t entries() const { return entries_; }
  const std::string& unusable() const { return rules_->unusable(); }

 private:
  // Nothing: there are more entries than were expected, or so few that the table is far too large for them.
  Result<std::optional<Tables>> fill(std::size_t expected) {
    const Bytes entries = head_.view.entries;
    rules_.emplace(head_);
    issuers_ = {};
    entries_ = 0;
    TableMemory memory = TRY(TableMemory::make(groups_for(expected)));
    SerialTableBuilder table(memory.groups(), [this](auto a, auto b) { return is_same(a, b); });
    for (std::size_t at = 0; at < entries.size();) {
      hash_.reach(entries.data() + at);
      at += TRY(read(at, table).context("reading the entry at offset {} of revokedCertificates", at));
      if (++entries_ > expected) return std::nullopt;
    }
    table.finish();
    if (entries_ + entries_ / 8 + 64 < expected) return std::nullopt;
    return Tables{std::move(memory), issuers_.encode()};
  }

  // Says how long the entry is.
  Result<std::size_t> read(std::size_t at, SerialTableBuilder& table) {
    const Bytes rest = head_.view.entries.subspan(at);
    const auto place = static_cast<std::uint32_t>(at);
    if (const auto plain = read_plain_entry(rest);
        plain && (!plain->has_extensions || head_.view.version >= 2)) {
      table.add(hash_serial(seed_, plain->serial, TRY(issuer_of(place))), place);
      return plain->size;
    }
    x509::CrlEntryReader reader(rest);
    const x509::CrlEntryView entry = TRY(reader.next());
    TRY(rules_->read(entry));
    table.add(hash_serial(seed_, entry.serial, TRY(issuer_of(place))), place);
    return entry.whole.size();
  }

  Result<std::uint32_t> issuer_of(std::uint32_t place) {
    return indirect_ ? issuers_.note(place, rules_->issuer()) : 0;
  }

  bool is_same(std::uint32_t a, std::uint32_t b) const {
    const auto first = read_entry(head_.view.entries.subspan(a));
    const auto second = read_entry(head_.view.entries.subspan(b));
    return first && second && equal(first->serial, second->serial) &&
           (!indirect_ || issuers_.at(a) == issuers_.at(b));
  }

  const validate::CrlHead& head_;
  const SerialSeed& seed_;
  TbsHash& hash_;
  const bool indirect_;
  std::optional<validate::CrlEntryRules> rules_;
  EntryIssuersBuilder issuers_;
  std::size_t entries_ = 0;
};

SerialSeed random_seed(const crypto::Provider& provider) {
  SerialSeed seed;
  provider.random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  return seed;
}

}  // namespace

CrlOctets map(MappedFile file) {
  auto owner = std::make_shared<const MappedFile>(std::move(file));
  return {owner->bytes(), owner};
}

CrlOctets own(Buffer octets) {
  auto owner = std::make_shared<const Buffer>(std::move(octets));
  return {*owner, owner};
}

Result<IndexedCrlPtr> build_crl_index(const crypto::Provider& provider, CrlOctets crl, std::string from,
                                      std::size_t threads) {
  CrlIndexParts parts;
  parts.head = TRY(validate::read_crl_head(TRY(x509::parse_crl(crl.bytes)), std::move(from)));
  parts.crl = std::move(crl);
  parts.seed = random_seed(provider);
  TbsHash hash(provider, parts.head.view.tbs, threads > 1);
  IndexBuilder builder(parts.head, parts.seed, hash);
  auto tables = std::make_shared<const Tables>(TRY(builder.run()));
  validate::identify(provider, parts.head, hash.finish());
  if (parts.head.unusable.empty()) parts.head.unusable = builder.unusable();
  parts.entries = builder.entries();
  parts.groups = tables->memory.groups();
  parts.issuers = tables->issuers;
  parts.owner = std::move(tables);
  return IndexedCrl::make(std::move(parts));
}

Result<IndexedCrlPtr> IndexedCrl::make(CrlIndexParts parts) {
  const EntryIssuers issuers = TRY(EntryIssuers::read(parts.issuers));
  const std::size_t places = parts.groups.size() * Group::kPlaces;
  if (parts.groups.size() < groups_for(0) || places <= parts.entries)
    return make_error(Errc::malformed, "an index of {} places for {} entries", places, parts.entries);
  return std::make_shared<const IndexedCrl>(std::move(parts), issuers);
}

std::optional<std::uint32_t> IndexedCrl::number_of(const std::string& issuer_key) const {
  if (!issuers_.empty()) return issuers_.number_of(issuer_key);
  return issuer_key == parts_.head.issuer_key ? std::optional<std::uint32_t>(0) : std::nullopt;
}

bool IndexedCrl::holds_group(std::size_t group) const {
  return !parts_.index_blocks || parts_.index_blocks->holds(group * sizeof(Group), sizeof(Group));
}

std::optional<Bytes> IndexedCrl::entry_at(std::uint32_t place) const {
  const Bytes entries = parts_.head.view.entries;
  if (place >= entries.size()) return std::nullopt;
  // An entry lies in two cache lines more often than not, and where the time begins is only known once the
  // first is there: the second is asked for meanwhile.
  constexpr std::size_t kUsualTime = 40;
  __builtin_prefetch(&entries[std::min<std::size_t>(place + kUsualTime, entries.size() - 1)]);
  const auto& sealed = parts_.crl_blocks;
  if (!sealed) return entries.subspan(place);
  const auto offset = static_cast<std::size_t>(entries.data() - parts_.crl.bytes.data()) + place;
  // Its length, then the whole of it.
  const std::size_t header = std::min<std::size_t>(entries.size() - place, 6);
  if (!sealed->holds(offset, header)) return std::nullopt;
  const std::size_t size = element_size(entries.subspan(place));
  if (size == 0 || !sealed->holds(offset, size)) return std::nullopt;
  return entries.subspan(place, size);
}

Error IndexedCrl::damage() const {
  damaged_ = true;
  return make_error(Errc::found_bad, "the stored CRL of '{}', or its index, was damaged",
                    parts_.head.issuer_text);
}

Result<std::optional<validate::CrlHit>> IndexedCrl::find(Bytes serial, const std::string& issuer_key) const {
  const auto issuer = number_of(issuer_key);
  if (!issuer) return std::nullopt;
  const std::uint64_t hash = hash_serial(parts_.seed, serial, *issuer);
  const std::span<const Group> groups = parts_.groups;
  std::size_t at = first_group(hash, groups.size());
  for (std::size_t tried = 0; tried < groups.size(); ++tried) {
    if (!holds_group(at)) return damage();
    const Group& group = groups[at];
    for (PlaceBits same = find_tag(group, tag_of(hash)); same != 0; same &= same - 1) {
      const std::uint32_t place = group.places[first_of(same)];
      const auto octets = entry_at(place);
      if (!octets) return damage();
      if (issuers_.empty())
        if (const auto plain = reread_plain_entry_of(serial, *octets))
          return validate::CrlHit{plain->reason, revoked_at(*plain)};
      const auto entry = read_entry(*octets);
      if (!entry) return damage();
      if (equal(entry->serial, serial) && (issuers_.empty() || issuers_.at(place) == *issuer))
        return entry->hit;
    }
    if (find_tag(group, 0) != 0) return std::nullopt;
    at = next_group(at, groups.size());
  }
  return damage();  // a table without a free place is none of ours
}

bool IndexedCrl::check_all(const std::stop_token& stop) const {
  for (const auto* sealed : {&parts_.crl_blocks, &parts_.index_blocks}) {
    if (!*sealed) continue;
    for (std::size_t block = 0; block < (*sealed)->blocks() && !stop.stop_requested(); ++block)
      if (!(*sealed)->check(block)) damaged_ = true;
  }
  return !is_damaged();
}

}  // namespace vouch::relying
