#include "relying/plain_entry.hpp"

#include <bit>
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

// Eight characters, the first in the lowest octet.
std::uint64_t eight_at(const std::uint8_t* at) {
  std::uint64_t text = 0;
  std::memcpy(&text, at, sizeof text);
  if constexpr (std::endian::native == std::endian::big) text = __builtin_bswap64(text);
  return text;
}
constexpr std::uint64_t kHighHalves = 0xf0f0f0f0f0f0f0f0;
// A digit is 3x, and is so still when six is added.
bool are_digits(std::uint64_t text) {
  constexpr std::uint64_t kZeros = 0x3030303030303030, kSixes = 0x0606060606060606;
  return (text & kHighHalves) == kZeros && ((text + kSixes) & kHighHalves) == kZeros;
}
// Four numbers of two digits each, the first in the lowest 16 bits.
std::uint64_t four_numbers(std::uint64_t text) {
  const std::uint64_t digits = text & ~kHighHalves;
  return (digits * 10 + (digits >> 8)) & 0x00ff00ff00ff00ff;
}

struct UtcTime {
  unsigned year, month, day, hour, minute, second;
};
UtcTime numbers_of(const std::uint8_t* at) {
  const std::uint64_t date = four_numbers(eight_at(at + 2)), time = four_numbers(eight_at(at + 6));
  const auto number = [](std::uint64_t numbers, unsigned index) {
    return static_cast<unsigned>(numbers >> (16 * index) & 0xff);
  };
  return {number(date, 0), number(date, 1), number(date, 2),
          number(date, 3), number(time, 2), number(time, 3)};
}
bool has_time_header(const std::uint8_t* at) { return at[0] == 0x17 && at[1] == 13 && at[14] == 'Z'; }
// As asn1::parse_utc_time reads it.
bool is_utc_time(const std::uint8_t* at) {
  const UtcTime read = numbers_of(at);
  if (!are_digits(eight_at(at + 2)) || !are_digits(eight_at(at + 6)) || read.month - 1 > 11 ||
      read.hour > 23 || read.minute > 59 || read.second > 59)
    return false;
  // From 1950 to 2049 every fourth year is a leap year.
  constexpr std::uint8_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const unsigned leap_day = read.month == 2 && read.year % 4 == 0 ? 1 : 0;
  return read.day - 1 < kDays[read.month - 1] + leap_day;
}

// X.690 8.3.2
bool is_minimal(Bytes integer) {
  return integer.size() == 1 || (integer.size() > 1 && !(integer[0] == 0 && integer[1] < 0x80) &&
                                 !(integer[0] == 0xff && integer[1] >= 0x80));
}

// SEQUENCE and INTEGER with lengths of one octet each, that of the serial known.
std::optional<PlainEntry> with_serial_size(Bytes entries, std::size_t serial_size) {
  if (entries[0] != 0x30 || entries[1] >= 0x80 || entries[2] != 0x02) return std::nullopt;
  PlainEntry entry;
  entry.size = 2U + entries[1];
  if (entry.size > entries.size() || serial_size >= 0x80 || 4 + serial_size + kTimeSize > entry.size)
    return std::nullopt;
  entry.serial = entries.subspan(4, serial_size);
  entry.time = entries.data() + 4 + serial_size;
  if (!has_time_header(entry.time)) return std::nullopt;
  const Bytes rest = entries.subspan(4 + serial_size + kTimeSize, entry.size - 4 - serial_size - kTimeSize);
  if (rest.empty()) return entry;
  if (rest.size() != kReasonSize || std::memcmp(rest.data(), kReasonPrefix, sizeof kReasonPrefix) != 0 ||
      rest.back() > 10 || (kReasons >> rest.back() & 1) == 0)
    return std::nullopt;
  entry.has_extensions = true;
  entry.reason = static_cast<x509::CrlReason>(rest.back());
  return entry;
}

}  // namespace

std::optional<PlainEntry> reread_plain_entry(Bytes entries) {
  return entries.size() < 4 ? std::nullopt : with_serial_size(entries, entries[3]);
}

std::optional<PlainEntry> reread_plain_entry_of(Bytes serial, Bytes entries) {
  const std::size_t size = serial.size();
  if (size == 0 || entries.size() < 4 + size || entries[3] != size ||
      std::memcmp(entries.data() + 4, serial.data(), size) != 0)
    return std::nullopt;
  return with_serial_size(entries, size);
}

std::optional<PlainEntry> read_plain_entry(Bytes entries) {
  const auto entry = reread_plain_entry(entries);
  if (!entry || !is_minimal(entry->serial) || !is_utc_time(entry->time)) return std::nullopt;
  return entry;
}

Time revoked_at(const PlainEntry& entry) {
  const UtcTime read = numbers_of(entry.time);
  const std::chrono::year year(static_cast<int>(read.year < 50 ? 2000 + read.year : 1900 + read.year));
  const std::chrono::sys_days date(year / std::chrono::month(read.month) / std::chrono::day(read.day));
  return Time(date) + std::chrono::seconds(read.hour * 3600 + read.minute * 60 + read.second);
}

}  // namespace vouch::relying
