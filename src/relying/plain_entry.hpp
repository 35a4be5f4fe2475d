#pragma once
// Nearly all CRL entries have one form: a serial number, UTCTime, at most a reasonCode. They are read here in
// a few nanoseconds, without the general reader; what looks otherwise is left to it. Internal to this room.

#include <optional>

#include "x509/crl.hpp"

namespace vouch::relying {

struct PlainEntry {
  Bytes serial;                        // INTEGER contents
  const std::uint8_t* time = nullptr;  // the UTCTime, valid; see revoked_at
  x509::CrlReason reason = x509::CrlReason::unspecified;
  std::size_t size = 0;         // octets of the whole entry
  bool has_extensions = false;  // which a CRL of version 1 must not have
};

// The entry at the front of `entries`, if it has that form. Whatever is read here is read by
// x509::CrlEntryReader and x509::parse_crl_entry_extensions to the same values.
std::optional<PlainEntry> read_plain_entry(Bytes entries);
// The same for an entry that could be read before, when its CRL was indexed: only its form is looked at.
std::optional<PlainEntry> reread_plain_entry(Bytes entries);
// The same, if it is about this serial. What is compared and where the time stands is known before the entry
// has come from memory, so that the processor can begin with the next look-up meanwhile.
std::optional<PlainEntry> reread_plain_entry_of(Bytes serial, Bytes entries);
Time revoked_at(const PlainEntry& entry);

}  // namespace vouch::relying
