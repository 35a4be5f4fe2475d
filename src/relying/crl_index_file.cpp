#include "relying/crl_index_file.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace vouch::relying {
namespace {

constexpr std::array<char, 8> kMagic = {'V', 'C', 'R', 'L', 'I', 'D', 'X', '3'};
// The body's blocks are numbered from 0 on.
constexpr std::uint32_t kHeadBlock = 0xffffffff;

struct FileHead {
  std::array<char, 8> magic = kMagic;
  SealNonce nonce{};
  std::uint64_t crl_size = 0, entries = 0, groups = 0, odd_dates = 0, issuers_size = 0, unusable_size = 0;
  SerialSeed seed;
  std::array<std::uint8_t, 32> tbs_digest{}, around_entries{};  // SHA-256
};
static_assert(std::is_trivially_copyable_v<FileHead> && sizeof(FileHead) % 8 == 0);

// Where the parts of a file lie.
struct Layout {
  std::size_t body_tags = sizeof(FileHead), head_tag = 0, body = 0, end = 0;
};
std::size_t body_size(const FileHead& head) {
  return head.groups * sizeof(Group) + head.odd_dates * sizeof(Time) + head.issuers_size + head.unusable_size;
}
Layout layout_of(const FileHead& head) {
  Layout at;
  // Padded, so that the body's groups are cache lines of the mapped file.
  constexpr std::size_t kLine = sizeof(Group);
  const std::size_t tags_end = at.body_tags + SealedBlocks::tags_size(body_size(head));
  at.body = (tags_end + crypto::Sealer::kTagSize + kLine - 1) / kLine * kLine;
  at.head_tag = at.body - crypto::Sealer::kTagSize;
  at.end = at.body + body_size(head);
  return at;
}

template <class T>
Bytes octets_of(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

Error not_ours(std::string_view why) { return make_error(Errc::found_bad, "the index is not used: {}", why); }

// The head, if its sizes are possible for this file and CRL.
Result<FileHead> read_head(Bytes file, std::size_t crl_size) {
  FileHead head;
  if (file.size() < sizeof head) return not_ours("it is cut off");
  std::memcpy(&head, file.data(), sizeof head);
  if (head.magic != kMagic) return not_ours("it is of another form");
  if (head.crl_size != crl_size) return not_ours("it is for a CRL of another size");
  const std::size_t most = file.size();
  if (head.groups > most / sizeof(Group) || head.odd_dates > most / sizeof(Time) ||
      head.issuers_size > most || head.unusable_size > most || layout_of(head).end != file.size())
    return not_ours("its sizes do not fit");
  return head;
}

// Of a CRL's octets without those of its entries: what is parsed each time.
Buffer digest_around_entries(const crypto::Provider& provider, const x509::CrlView& view) {
  const std::size_t first =
      view.entries.empty() ? 0 : static_cast<std::size_t>(view.entries.data() - view.whole.data());
  const auto digester = provider.digester(crypto::DigestAlgorithm::sha256);
  digester->update(view.whole.first(first));
  digester->update(view.whole.subspan(first + view.entries.size()));
  return digester->finish();
}

}  // namespace

Status save_crl_index(const crypto::Provider& provider, const crypto::Sealer& sealer, const IndexedCrl& index,
                      const fs::path& file) {
  const CrlIndexParts& parts = index.parts();
  const Bytes unusable = as_bytes(parts.head.unusable);
  FileHead head;
  provider.random(head.nonce);
  head.crl_size = parts.crl.bytes.size();
  head.entries = parts.entries;
  head.groups = parts.groups.size();
  head.odd_dates = parts.odd_dates.size();
  head.issuers_size = parts.issuers.size();
  head.unusable_size = unusable.size();
  head.seed = parts.seed;
  std::ranges::copy(parts.head.tbs_digest, head.tbs_digest.begin());
  std::ranges::copy(digest_around_entries(provider, parts.head.view), head.around_entries.begin());

  Buffer body;
  body.reserve(body_size(head));
  append(body, octets_of(parts.groups));
  append(body, octets_of(parts.odd_dates));
  append(body, parts.issuers);
  append(body, unusable);
  Buffer front = to_buffer(octets_of(std::span(&std::as_const(head), 1)));
  append(front, TRY(SealedBlocks::seal(sealer, head.nonce, body)));
  front.resize(layout_of(head).head_tag);
  append(front, TRY(SealedBlocks::seal_one(sealer, head.nonce, kHeadBlock, front)));

  AtomicFile out = TRY(AtomicFile::create(file, 0600));
  TRY(out.write(front));
  TRY(out.write(body));
  return out.commit();
}

Result<IndexedCrlPtr> open_crl_index(const crypto::Provider& provider,
                                     std::shared_ptr<const crypto::Sealer> sealer, CrlOctets crl,
                                     const fs::path& file, std::string from) {
  auto mapped = std::make_shared<const MappedFile>(TRY(MappedFile::open(file)));
  const Bytes octets = mapped->bytes();
  const FileHead head = TRY(read_head(octets, crl.bytes.size()));
  const Layout at = layout_of(head);
  if (!SealedBlocks::holds_one(*sealer, head.nonce, kHeadBlock, octets.first(at.head_tag),
                               octets.subspan(at.head_tag, crypto::Sealer::kTagSize)))
    return not_ours("this machine's key has not sealed it, or it was damaged");

  const auto view = x509::parse_crl(crl.bytes);
  if (!view || !equal(digest_around_entries(provider, *view), head.around_entries))
    return not_ours("it is for another CRL");
  CrlIndexParts parts;
  parts.blocks.emplace(sealer, head.nonce, octets.subspan(at.body),
                       octets.subspan(at.body_tags, SealedBlocks::tags_size(body_size(head))));
  // All but the groups is small or seldom there, and looked at without asking.
  const std::size_t groups_size = head.groups * sizeof(Group);
  if (!parts.blocks->holds(groups_size, body_size(head) - groups_size)) return not_ours("it was damaged");

  parts.head = TRY(validate::read_crl_head(*view, std::move(from)));
  validate::identify(provider, parts.head, to_buffer(head.tbs_digest));
  parts.head.unusable = as_text(octets.last(head.unusable_size));
  parts.crl = std::move(crl);
  parts.entries = head.entries;
  parts.seed = head.seed;
  // Mapped at a page's beginning, with a whole number of cache lines before it.
  const std::uint8_t* body = octets.data() + at.body;
  parts.groups = {reinterpret_cast<const Group*>(body), head.groups};
  parts.odd_dates = {reinterpret_cast<const Time*>(body + groups_size), head.odd_dates};
  parts.issuers = octets.subspan(at.body + groups_size + parts.odd_dates.size_bytes(), head.issuers_size);
  parts.owner = std::move(mapped);
  return IndexedCrl::make(std::move(parts));
}

}  // namespace vouch::relying
