#pragma once
// What the store remembers of a line: one small file, replaced as a whole, that says which CRL counts and
// which number was the highest. It is the one place where a change takes effect. Internal to this room.

#include "base/value.hpp"
#include "relying/crl_store.hpp"

namespace vouch::relying {

struct LineState {
  std::string id;                      // see line_of
  std::string issuer_key{}, issuer{};  // x509::comparison_key, RFC 4514
  std::string key_identifier{};        // hex
  bool delta = false;
  Buffer highest{}, fingerprint{};  // the highest number seen, and the CRL that had it
  struct File {
    std::string stem;  // of the files' names: STEM.crl, STEM.idx
    std::uint64_t octets = 0, index_octets = 0, entries = 0;
    Time this_update{};
    std::optional<Time> next_update;
    CrlOrigin origin;
    bool operator==(const File&) const = default;
  };
  std::optional<File> file{};  // none: the CRL was cleared away
  bool operator==(const LineState&) const = default;
};

// 32 hex digits of a digest over issuer, key, scope and kind: where numbers are compared (RFC 5280 5.2.3).
std::string line_of(const crypto::Provider& provider, const validate::CrlHead& head);
bool is_line_id(std::string_view text);

std::string format_line(const LineState& line);
// `malformed`, saying what is missing.
Result<LineState> parse_line(std::string_view id, std::string_view text);

}  // namespace vouch::relying
