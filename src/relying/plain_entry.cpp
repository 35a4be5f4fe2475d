#include "relying/plain_entry.hpp"

#include <bit>
#include <cstring>
#include <optional>

namespace vouch::relying {
namespace {

// UTCTime with its header: YYMMDDHHMMSSZ.
constexpr std::size_t kTimeSize = 15;
// SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED reason } } }, all but the reason itself.
constexpr std::uint8_t kReasonPrefix[] = {0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55,
                                          0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01};
// RFC 5280 5.3.1: 0 to 10, but 7 is not used.
constexpr unsigned kReasons = 0x77f;

bool is_reason(Bytes extensions) {
  // All but the last octet, in two pieces of eight.
  constexpr std::size_t kEight = 8, kSecond = sizeof kReasonPrefix - kEight;
  return extensions.size() == sizeof kReasonPrefix + 1 &&
         std::memcmp(extensions.data(), kReasonPrefix, kEight) == 0 &&
         std::memcmp(extensions.data() + kSecond, kReasonPrefix + kSecond, kEight) == 0 &&
         extensions.back() <= 10 && (kReasons >> extensions.back() & 1) != 0;
}

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

constexpr bool are_at_most(std::uint64_t numbers, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                           std::uint64_t d) {
  constexpr std::uint64_t kSevens = 0x007f007f007f007f, kEights = 0x0080008000800080;
  return ((numbers + kSevens - (a | b << 16 | c << 32 | d << 48)) & kEights) == 0;
}

// Seconds since kUtcTimeBegin of the UTCTime that begins here, if asn1::parse_utc_time would read it.
std::optional<std::uint32_t> read_utc_time(const std::uint8_t* at) {
  if (at[0] != 0x17 || at[1] != 13 || at[14] != 'Z') return std::nullopt;
  const std::uint64_t date_text = eight_at(at + 2), time_text = eight_at(at + 6);
  if (!are_digits(date_text) || !are_digits(time_text)) return std::nullopt;
  const std::uint64_t date = four_numbers(date_text), time = four_numbers(time_text);
  if (!are_at_most(date, 99, 12, 31, 23) || !are_at_most(time, 31, 23, 59, 59)) return std::nullopt;
  const auto number = [](std::uint64_t numbers, unsigned index) {
    return static_cast<std::uint32_t>(numbers >> (16 * index) & 0xff);
  };
  const std::uint32_t month = number(date, 1), day = number(date, 2), hour = number(date, 3);
  const std::uint32_t minute = number(time, 2), second = number(time, 3);
  // From 1950 to 2049 every fourth year is a leap year, 1952 the first.
  const std::uint32_t year = (number(date, 0) + 50) % 100, leap_year = year % 4 == 2 ? 1 : 0;
  // Month 0 has no day.
  constexpr std::uint8_t kDays[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  constexpr std::uint16_t kDaysBefore[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  if (day - 1 >= kDays[month] + (month == 2 ? leap_year : 0)) return std::nullopt;
  const std::uint32_t days =
      year * 365 + (year + 1) / 4 + kDaysBefore[month] + (month > 2 ? leap_year : 0) + day - 1;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

// X.690 8.3.2
bool is_minimal(Bytes integer) {
  return integer.size() == 1 || (integer.size() > 1 && !(integer[0] == 0 && integer[1] < 0x80) &&
                                 !(integer[0] == 0xff && integer[1] >= 0x80));
}

}  // namespace

// SEQUENCE and INTEGER with lengths of one octet each.
PlainEntry read_plain_entry(Bytes entries) {
  PlainEntry entry;
  if (entries.size() < 4 || entries[0] != 0x30 || entries[1] >= 0x80 || entries[2] != 0x02) return entry;
  const std::size_t size = 2U + entries[1], serial_size = entries[3], time = 4 + serial_size;
  if (size > entries.size() || time + kTimeSize > size) return entry;
  entry.serial = entries.subspan(4, serial_size);
  const auto date = read_utc_time(entries.data() + time);
  if (!date || !is_minimal(entry.serial)) return entry;
  entry.date = *date;
  if (const Bytes rest = entries.subspan(time + kTimeSize, size - time - kTimeSize); !rest.empty()) {
    if (!is_reason(rest)) return entry;
    entry.has_extensions = true;
    entry.reason = static_cast<x509::CrlReason>(rest.back());
  }
  entry.size = size;
  return entry;
}

}  // namespace vouch::relying
