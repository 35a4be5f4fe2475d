#pragma once
// Nearly all CRL entries have one form: a serial number, UTCTime, at most a reasonCode. They are read here in
// a few nanoseconds, without the general reader; what looks otherwise is left to it. Internal to this room.

#include "x509/crl.hpp"

namespace vouch::relying {

// UTCTime begins with 1950 (RFC 5280 4.1.2.5.1); its hundred years have fewer than 2^32 seconds.
constexpr Time kUtcTimeBegin = std::chrono::sys_days(std::chrono::year(1950) / 1 / 1);

struct PlainEntry {
  Bytes serial;            // INTEGER contents
  std::uint32_t date = 0;  // seconds since kUtcTimeBegin
  x509::CrlReason reason = x509::CrlReason::unspecified;
  std::size_t size = 0;         // octets of the whole entry; 0: it has another form
  bool has_extensions = false;  // which a CRL of version 1 must not have
};

// The entry at the front of `entries`, if it has that form. Whatever is read here is read by
// x509::CrlEntryReader and x509::parse_crl_entry_extensions to the same values. No std::optional: it would be
// written field by field and copied as a whole, for which the processor waits as long as for all the rest.
PlainEntry read_plain_entry(Bytes entries);

}  // namespace vouch::relying
