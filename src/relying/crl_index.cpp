#include "relying/crl_index.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "relying/plain_entry.hpp"

namespace vouch::relying {
namespace {

// The mark of a table's entry: the reason, and whether its date is the number of an odd one.
constexpr std::uint32_t kReason = 15, kOddDate = 16;

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

// What an index has for the entries of a CRL.
struct Tables {
  TableMemory memory;
  std::vector<Time> odd_dates;
  Buffer issuers;
};

class IndexBuilder {
 public:
  IndexBuilder(const validate::CrlHead& head, const SerialSeed& seed, TbsHash& hash)
      : head_(head), seed_(seed), hash_(hash), indirect_(validate::CrlEntryRules::is_indirect(head)) {}

  Result<Tables> run() {
    const Bytes entries = head_.view.entries;
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
    odd_dates_.clear();
    entries_ = 0;
    TableMemory memory = TRY(TableMemory::make(groups_for(expected)));
    SerialTableBuilder table(memory.groups());
    for (std::size_t at = 0; at < entries.size();) {
      hash_.reach(entries.data() + at);
      at += TRY(read(entries.subspan(at), table)
                    .context("reading the entry at offset {} of revokedCertificates", at));
      if (++entries_ > expected) return std::nullopt;
    }
    table.finish();
    if (entries_ + entries_ / 8 + 64 < expected) return std::nullopt;
    return Tables{std::move(memory), std::move(odd_dates_), issuers_.encode()};
  }

  // The first entry; says how long it is.
  Result<std::size_t> read(Bytes rest, SerialTableBuilder& table) {
    if (const PlainEntry plain = read_plain_entry(rest);
        plain.size != 0 && (!plain.has_extensions || head_.view.version >= 2)) {
      table.add(hash_serial(seed_, plain.serial, TRY(issuer())),
                {plain.date, static_cast<std::uint32_t>(plain.reason)});
      return plain.size;
    }
    x509::CrlEntryReader reader(rest);
    const x509::CrlEntryView entry = TRY(reader.next());
    const auto extensions = TRY(rules_->read(entry));
    TableEntry said = with_date(entry.revoked_at);
    said.mark |= static_cast<std::uint32_t>(extensions.reason.value_or(x509::CrlReason::unspecified));
    table.add(hash_serial(seed_, entry.serial, TRY(issuer())), said);
    return entry.whole.size();
  }

  TableEntry with_date(Time date) {
    const auto seconds = (date - kUtcTimeBegin).count();
    if (std::in_range<std::uint32_t>(seconds)) return {static_cast<std::uint32_t>(seconds), 0};
    odd_dates_.push_back(date);
    return {static_cast<std::uint32_t>(odd_dates_.size() - 1), kOddDate};
  }

  Result<std::uint32_t> issuer() { return indirect_ ? issuers_.number(rules_->issuer()) : 0; }

  const validate::CrlHead& head_;
  const SerialSeed& seed_;
  TbsHash& hash_;
  const bool indirect_;
  std::optional<validate::CrlEntryRules> rules_;
  EntryIssuersBuilder issuers_;
  std::vector<Time> odd_dates_;
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
  parts.odd_dates = tables->odd_dates;
  parts.issuers = tables->issuers;
  parts.owner = std::move(tables);
  return IndexedCrl::make(std::move(parts));
}

Result<IndexedCrlPtr> IndexedCrl::make(CrlIndexParts parts) {
  const EntryIssuers issuers = TRY(EntryIssuers::read(parts.issuers));
  const std::size_t places = parts.groups.size() * Group::kPlaces;
  if (places <= parts.entries)
    return make_error(Errc::malformed, "an index of {} places for {} entries", places, parts.entries);
  return std::make_shared<const IndexedCrl>(std::move(parts), issuers);
}

std::optional<std::uint32_t> IndexedCrl::number_of(const std::string& issuer_key) const {
  if (!issuers_.empty()) return issuers_.number_of(issuer_key);
  return issuer_key == parts_.head.issuer_key ? std::optional<std::uint32_t>(0) : std::nullopt;
}

bool IndexedCrl::holds_group(std::size_t group) const {
  return !parts_.blocks || parts_.blocks->holds(group * sizeof(Group), sizeof(Group));
}

Result<std::optional<validate::CrlHit>> IndexedCrl::hit_of(TableEntry entry) const {
  validate::CrlHit hit{static_cast<x509::CrlReason>(entry.mark & kReason),
                       kUtcTimeBegin + std::chrono::seconds(entry.date)};
  if ((entry.mark & kOddDate) != 0) {
    if (entry.date >= parts_.odd_dates.size()) return damage();
    hit.revoked_at = parts_.odd_dates[entry.date];
  }
  return hit;
}

Error IndexedCrl::damage() const {
  damaged_ = true;
  return make_error(Errc::found_bad, "the stored CRL of '{}', or its index, was damaged",
                    parts_.head.issuer_text);
}

Result<std::optional<validate::CrlHit>> IndexedCrl::find(Bytes serial, const std::string& issuer_key) const {
  const auto issuer = number_of(issuer_key);
  if (!issuer) return std::nullopt;
  const SerialHash hash = hash_serial(parts_.seed, serial, *issuer);
  const std::span<const Group> groups = parts_.groups;
  std::size_t at = first_group(hash, groups.size());
  for (std::size_t tried = 0; tried < groups.size(); ++tried) {
    if (!holds_group(at)) return damage();
    const Group& group = groups[at];
    if (const std::size_t place = group.find(tag_of(hash)); place != Group::kPlaces)
      return hit_of(group.at(place));
    if (!group.was_passed()) return std::nullopt;
    at = next_group(at, groups.size());
  }
  return damage();  // a table that is passed everywhere is none of ours
}

bool IndexedCrl::check_all(const crypto::Provider& provider, const std::stop_token& stop) const {
  for (std::size_t block = 0; parts_.blocks && block < parts_.blocks->blocks(); ++block)
    if (stop.stop_requested())
      return !is_damaged();
    else if (!parts_.blocks->check(block))
      damaged_ = true;
  TbsHash hash(provider, parts_.head.view.tbs, false);
  if (hash.finish() != parts_.head.tbs_digest) damaged_ = true;
  return !is_damaged();
}

}  // namespace vouch::relying
