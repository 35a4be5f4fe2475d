#pragma once
// Writes DER forwards into memory of the right size: for encoders that know every length beforehand and
// run once per certificate or CRL entry. It never allocates and checks no bounds; ask the *_size
// functions first. Writer (der_writer.hpp) is the one to use everywhere else.

#include <algorithm>

#include "asn1/der_writer.hpp"

namespace vouch::asn1 {

// Octets of a whole time (RFC 5280 4.1.2.5): UTCTime from 1950 through 2049, else GeneralizedTime.
inline bool is_utc_time(Time time) {
  using std::chrono::sys_days, std::chrono::year, std::chrono::January;
  constexpr Time kFrom{sys_days(year(1950) / January / 1)}, kUntil{sys_days(year(2050) / January / 1)};
  return time >= kFrom && time < kUntil;
}
inline std::size_t time_size(Time time) { return is_utc_time(time) ? 15 : 17; }
constexpr std::size_t kGeneralizedTimeSize = 17;

// Octets of a whole INTEGER made of unsigned big-endian octets without leading zeros.
inline std::size_t unsigned_integer_size(Bytes magnitude) {
  const std::size_t length = magnitude.size() + (magnitude.empty() || (magnitude[0] & 0x80) ? 1 : 0);
  return header_size(length) + length;
}

class Cursor {
 public:
  explicit Cursor(std::uint8_t* at) : at_(at) {}

  void octet(std::uint8_t value) { *at_++ = value; }
  void octets(Bytes value) { at_ = std::ranges::copy(value, at_).out; }
  void header(Tag tag, std::size_t length) {
    octet(static_cast<std::uint8_t>(tag));
    if (length < 0x80) return octet(static_cast<std::uint8_t>(length));
    const std::size_t more = header_size(length) - 2;
    octet(static_cast<std::uint8_t>(0x80 | more));
    for (std::size_t i = more; i-- > 0;) octet(static_cast<std::uint8_t>(length >> (8 * i)));
  }
  // INTEGER from unsigned big-endian octets without leading zeros.
  void unsigned_integer(Bytes magnitude) {
    const bool sign_octet = magnitude.empty() || (magnitude[0] & 0x80);
    header(Tag::integer, magnitude.size() + (sign_octet ? 1 : 0));
    if (sign_octet) octet(0);
    octets(magnitude);
  }
  void time(Time time) { is_utc_time(time) ? time_value(Tag::utc_time, time) : generalized_time(time); }
  void generalized_time(Time time) { time_value(Tag::generalized_time, time); }

 private:
  void two_digits(unsigned value) {
    // 0 to 99 in one multiplication.
    const unsigned tens = value * 205 >> 11;
    octet(static_cast<std::uint8_t>('0' + tens));
    octet(static_cast<std::uint8_t>('0' + (value - tens * 10)));
  }
  // [YY]YYMMDDHHMMSSZ
  void time_value(Tag tag, Time time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const auto second = static_cast<unsigned>((time - day).count());
    const auto year = static_cast<unsigned>(int(date.year()));
    header(tag, tag == Tag::utc_time ? 13 : 15);
    if (tag == Tag::generalized_time) two_digits(year / 100);
    two_digits(year % 100);
    two_digits(unsigned(date.month()));
    two_digits(unsigned(date.day()));
    two_digits(second / 3600);
    two_digits(second / 60 % 60);
    two_digits(second % 60);
    octet('Z');
  }

  std::uint8_t* at_;
};

}  // namespace vouch::asn1
