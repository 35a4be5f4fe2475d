#include "revocation/crl_index.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <numeric>

#include "x509/certificate.hpp"

namespace vouch::revocation {
namespace {

int compare(Bytes a, Bytes b) { return std::memcmp(a.data(), b.data(), a.size()); }

// How many entries there are, and the octets of the longest serial.
struct Extent {
  std::size_t entries = 0, width = 0;
};
Result<Extent> measure(Bytes entries) {
  Extent extent;
  for (x509::CrlEntryReader reader(entries); !reader.at_end(); ++extent.entries) {
    const auto entry = TRY(reader.next().context("reading entry {} of a CRL", extent.entries + 1));
    const std::size_t size = x509::serial_octets(entry.serial).size();
    if (size > CrlIndex::kMaxSerial)
      return make_error(Errc::malformed, "entry {} of a CRL has a serial number of {} octets",
                        extent.entries + 1, size);
    extent.width = std::max(extent.width, size);
  }
  return extent;
}

}  // namespace

Result<CrlIndex> CrlIndex::build(const x509::CrlView& crl) {
  CrlIndex index;
  const Extent extent = TRY(measure(crl.entries));
  if (extent.entries == 0) return index;
  index.width_ = std::max<std::size_t>(extent.width, 1);
  index.rows_.reserve(extent.entries * index.stride());
  std::size_t number = 0;
  for (x509::CrlEntryReader reader(crl.entries); !reader.at_end();)
    TRY(index.append(TRY(reader.next())).context("reading entry {} of a CRL", ++number));
  index.sort();
  return index;
}

Status CrlIndex::append(const x509::CrlEntryView& entry) {
  Entry read{entry.revoked_at, x509::CrlReason::unspecified};
  if (!entry.extensions_der.empty()) {
    const auto extensions = TRY(x509::parse_crl_entry_extensions(entry.extensions_der));
    if (!extensions.certificate_issuer.empty())
      return make_error(Errc::unsupported, "the entry is about another issuer's certificate");
    if (extensions.unknown_critical)
      return make_error(Errc::unsupported, "the entry has a critical extension that is not known");
    read.reason = extensions.reason.value_or(x509::CrlReason::unspecified);
  }
  const std::int64_t seconds = read.revoked_at.time_since_epoch().count();
  if (seconds < 0 || seconds > std::numeric_limits<std::uint32_t>::max())
    return make_error(Errc::malformed, "revoked at {}, which no CA can mean", format_time(read.revoked_at));
  const Bytes serial = x509::serial_octets(entry.serial);
  rows_.insert(rows_.end(), width_ - serial.size(), 0);
  rows_.insert(rows_.end(), serial.begin(), serial.end());
  for (const int shift : {24, 16, 8, 0}) rows_.push_back(static_cast<std::uint8_t>(seconds >> shift));
  rows_.push_back(static_cast<std::uint8_t>(read.reason));
  return ok();
}

// Most CAs write their CRLs in order, and then there is nothing to do.
void CrlIndex::sort() {
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0U);
  const auto before = [this](std::uint32_t a, std::uint32_t b) {
    const int order_of_serials = compare(serial_of(a), serial_of(b));
    return order_of_serials != 0 ? order_of_serials < 0 : a < b;
  };
  if (std::ranges::is_sorted(order, before)) return;
  std::ranges::sort(order, before);
  Buffer sorted;
  sorted.reserve(rows_.size());
  for (const std::uint32_t i : order) sorted.insert(sorted.end(), row(i).begin(), row(i).end());
  rows_ = std::move(sorted);
}

std::optional<CrlIndex::Entry> CrlIndex::find(Bytes serial) const {
  while (!serial.empty() && serial.front() == 0) serial = serial.subspan(1);
  if (width_ == 0 || serial.size() > width_) return std::nullopt;
  std::array<std::uint8_t, kMaxSerial> padded{};
  std::ranges::copy(serial, padded.data() + width_ - serial.size());
  const Bytes wanted = Bytes(padded).first(width_);
  std::size_t low = 0, high = size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (compare(serial_of(middle), wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == size() || compare(serial_of(low), wanted) != 0) return std::nullopt;
  const Bytes rest = row(low).subspan(width_);
  std::uint32_t seconds = 0;
  for (const std::uint8_t octet : rest.first(4)) seconds = seconds << 8 | octet;
  return Entry{Time(std::chrono::seconds(seconds)), static_cast<x509::CrlReason>(rest[4])};
}

}  // namespace vouch::revocation
