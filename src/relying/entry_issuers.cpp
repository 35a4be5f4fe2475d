#include "relying/entry_issuers.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace vouch::relying {
namespace {

constexpr std::size_t kWord = 4, kHead = 1, kIssuerRow = 3;  // in words
constexpr std::size_t kMaxNames = std::size_t{1} << 30;

void append_word(Buffer& out, std::size_t value) {
  const auto word = static_cast<std::uint32_t>(value);
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&word);
  out.insert(out.end(), octets, octets + kWord);
}

}  // namespace

Result<EntryIssuers> EntryIssuers::read(Bytes octets) {
  EntryIssuers out;
  if (octets.empty()) return out;
  if (octets.size() < kHead * kWord) return make_error(Errc::malformed, "the list of issuers is cut off");
  out.octets_ = octets;
  out.issuers_ = out.word(0);
  if (out.issuers_ == 0 || kHead + out.issuers_ * kIssuerRow > octets.size() / kWord)
    return make_error(Errc::malformed, "the list of issuers does not fit its size");
  return out;
}

std::uint32_t EntryIssuers::word(std::size_t index) const {
  std::uint32_t value = 0;
  std::memcpy(&value, octets_.data() + index * kWord, kWord);
  return value;
}

std::string_view EntryIssuers::name(std::size_t row) const {
  const std::size_t offset = word(kHead + row * kIssuerRow), size = word(kHead + row * kIssuerRow + 1);
  if (offset > octets_.size() || size > octets_.size() - offset) return {};
  return as_text(octets_.subspan(offset, size));
}

std::optional<std::uint32_t> EntryIssuers::number_of(std::string_view issuer) const {
  std::size_t low = 0, high = issuers_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (name(middle) < issuer)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == issuers_ || name(low) != issuer) return std::nullopt;
  return word(kHead + low * kIssuerRow + 2);
}

Result<std::uint32_t> EntryIssuersBuilder::number(const std::string& issuer) {
  const auto [known, is_new] = numbers_.try_emplace(issuer, static_cast<std::uint32_t>(numbers_.size()));
  if (is_new) names_size_ += issuer.size();
  if (names_size_ > kMaxNames)
    return make_error(Errc::limit_exceeded, "the names of issuers in a CRL take more than {} octets",
                      kMaxNames);
  return known->second;
}

Buffer EntryIssuersBuilder::encode() const {
  if (numbers_.empty()) return {};
  std::vector<const std::pair<const std::string, std::uint32_t>*> sorted;
  sorted.reserve(numbers_.size());
  for (const auto& one : numbers_) sorted.push_back(&one);
  std::ranges::sort(sorted, {}, [](const auto* one) { return std::string_view(one->first); });
  Buffer out;
  append_word(out, sorted.size());
  std::size_t offset = (kHead + sorted.size() * kIssuerRow) * kWord;
  out.reserve(offset + names_size_);
  for (const auto* one : sorted) {
    append_word(out, offset);
    append_word(out, one->first.size());
    append_word(out, one->second);
    offset += one->first.size();
  }
  for (const auto* one : sorted) append(out, as_bytes(one->first));
  return out;
}

}  // namespace vouch::relying
