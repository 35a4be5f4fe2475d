#pragma once
// What a CRL says about single serial numbers, kept for many lookups: one sorted row of octets, so that a
// million entries with serials of 16 octets cost 21 MB and one search costs 20 comparisons.

#include <optional>

#include "x509/crl.hpp"

namespace vouch::revocation {

class CrlIndex {
 public:
  struct Entry {
    Time revoked_at{};
    x509::CrlReason reason{};  // remove_from_crl: only in deltas (RFC 5280 5.3.1)
    bool operator==(const Entry&) const = default;
  };

  CrlIndex() = default;
  // Reads every entry. `malformed`: one has not the form that it should have, or a serial of more than
  // kMaxSerial octets; `unsupported`: an entry is about another issuer's certificate (an indirect CRL, RFC
  // 5280 5.3.3), or has a critical extension that nobody here knows, which forbids using the CRL (5.3).
  static Result<CrlIndex> build(const x509::CrlView& crl);

  // `serial`: unsigned octets without leading zeros. None: it is not on the CRL. Of two entries for one
  // serial the first of the CRL counts.
  std::optional<Entry> find(Bytes serial) const;
  std::size_t size() const { return stride() == 0 ? 0 : rows_.size() / stride(); }
  std::size_t octets() const { return rows_.capacity(); }

  static constexpr std::size_t kMaxSerial = 32;  // RFC 5280 4.1.2.2 allows 20

 private:
  // A row: the serial with zeros before it, seconds since 1970 in 4 octets, the reason in one.
  std::size_t stride() const { return width_ == 0 ? 0 : width_ + 5; }
  Bytes row(std::size_t index) const { return Bytes(rows_).subspan(index * stride(), stride()); }
  Bytes serial_of(std::size_t index) const { return row(index).first(width_); }
  Status append(const x509::CrlEntryView& entry);
  void sort();

  std::size_t width_ = 0;  // of the longest serial; 0: no entries
  Buffer rows_;
};

}  // namespace vouch::revocation
