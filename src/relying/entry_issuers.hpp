#pragma once
// Whose certificates the entries of an indirect CRL are about (RFC 5280 5.3.3): each issuer has a number,
// which is hashed with the serial. In a form that can be mapped from a file. Internal to this room.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.hpp"

namespace vouch::relying {

// A view of what EntryIssuersBuilder wrote. Damaged octets give wrong answers, never a read outside of them.
//
//   issuers, {offset and size of the name, number} by name, names
//
// all numbers in 32 bits.
class EntryIssuers {
 public:
  EntryIssuers() = default;  // none: all entries are about the CRL issuer's certificates
  // `malformed` where the sizes do not fit.
  static Result<EntryIssuers> read(Bytes octets);

  bool empty() const { return octets_.empty(); }
  // The number of an issuer (x509::comparison_key); none: no entry is about its certificates.
  std::optional<std::uint32_t> number_of(std::string_view issuer) const;

 private:
  std::uint32_t word(std::size_t index) const;
  std::string_view name(std::size_t row) const;

  Bytes octets_;
  std::size_t issuers_ = 0;
};

class EntryIssuersBuilder {
 public:
  // `limit_exceeded` when the names take more than 1 GiB.
  Result<std::uint32_t> number(const std::string& issuer);
  Buffer encode() const;

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::size_t names_size_ = 0;
};

}  // namespace vouch::relying
