#include "relying/plain_entry.hpp"

#include <cstring>

namespace vouch::relying {
namespace {

// UTCTime with its header: YYMMDDHHMMSSZ.
constexpr std::size_t kTimeSize = 15;
// SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED reason } } }, all but the reason itself.
constexpr std::uint8_t kReasonPrefix[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                          0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
constexpr std::size_t kReasonSize = sizeof kReasonPrefix + 1;
// RFC 5280 5.3.1: 0 to 10, but 7 is not used.
constexpr unsigned kReasons = 0x77f;

unsigned two_digits(const std::uint8_t* at, bool& bad) {
  const unsigned high = at[0] - unsigned{'0'}, low = at[1] - unsigned{'0'};
  bad |= high > 9 || low > 9;
  return high * 10 + low;
}

// As asn1::parse_utc_time reads it.
std::optional<Time> read_utc_time(const std::uint8_t* at) {
  if (at[0] != 0x17 || at[1] != 13 || at[14] != 'Z') return std::nullopt;
  bool bad = false;
  const unsigned year = two_digits(at + 2, bad), month = two_digits(at + 4, bad);
  const unsigned day = two_digits(at + 6, bad), hour = two_digits(at + 8, bad);
  const unsigned minute = two_digits(at + 10, bad), second = two_digits(at + 12, bad);
  const std::chrono::year_month_day date{
      std::chrono::year(static_cast<int>(year < 50 ? 2000 + year : 1900 + year)), std::chrono::month(month),
      std::chrono::day(day)};
  if (bad || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::seconds(hour * 3600 + minute * 60 + second);
}

// X.690 8.3.2
bool is_minimal(Bytes integer) {
  return integer.size() == 1 || (integer.size() > 1 && !(integer[0] == 0 && integer[1] < 0x80) &&
                                 !(integer[0] == 0xff && integer[1] >= 0x80));
}

}  // namespace

std::optional<PlainEntry> read_plain_entry(Bytes entries) {
  // SEQUENCE and INTEGER with lengths of one octet each.
  if (entries.size() < 4 || entries[0] != 0x30 || entries[1] >= 0x80 || entries[2] != 0x02)
    return std::nullopt;
  PlainEntry entry;
  entry.size = 2U + entries[1];
  const std::size_t serial_size = entries[3];
  if (entry.size > entries.size() || serial_size >= 0x80 || 4 + serial_size + kTimeSize > entry.size)
    return std::nullopt;
  entry.serial = entries.subspan(4, serial_size);
  if (!is_minimal(entry.serial)) return std::nullopt;
  const auto time = read_utc_time(entries.data() + 4 + serial_size);
  if (!time) return std::nullopt;
  entry.revoked_at = *time;
  const Bytes rest = entries.subspan(4 + serial_size + kTimeSize, entry.size - 4 - serial_size - kTimeSize);
  if (rest.empty()) return entry;
  if (rest.size() != kReasonSize || std::memcmp(rest.data(), kReasonPrefix, sizeof kReasonPrefix) != 0 ||
      rest.back() > 10 || (kReasons >> rest.back() & 1) == 0)
    return std::nullopt;
  entry.has_extensions = true;
  entry.reason = static_cast<x509::CrlReason>(rest.back());
  return entry;
}

}  // namespace vouch::relying
