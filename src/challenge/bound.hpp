#pragma once
// Bound: what a bound challenge says about the one request that it is good for. The device carries it sealed
// (challenge/sealed.hpp) and cannot read it; the CA compares the request with it (challenge/comparison.hpp).
//
//   Payload ::= CHOICE { v1 [1] IMPLICIT Version1 }           -- a later version takes the next tag
//   Version1 ::= SEQUENCE {
//     realm      UTF8String,                    -- the CA
//     id         OCTET STRING (SIZE (16)),      -- random; the challenge's name in the database
//     issuedAt, notBefore, expires  GeneralizedTime,
//     audience   UTF8String,                    -- the profile for which the device enrols
//     template   UTF8String,
//     requestId, device, user, sid  UTF8String, -- the MDM's; may be empty
//     subjects   SEQUENCE OF Name,              -- the request's is one of them; none: it is free
//     required   GeneralNames OPTIONAL          -- [0] IMPLICIT: the request has all of these …
//     allowed    GeneralNames OPTIONAL          -- [1] IMPLICIT: … and beside them only these
//     usage      [2] IMPLICIT SEQUENCE { bits INTEGER, subset BOOLEAN } OPTIONAL,
//     purposes   [3] IMPLICIT SEQUENCE { subset BOOLEAN, SEQUENCE OF OBJECT IDENTIFIER } OPTIONAL,
//     key        [4] IMPLICIT SEQUENCE { types SEQUENCE OF ENUMERATED, minBits, maxBits INTEGER,
//                                        spkiSha256 OCTET STRING },
//     validity   [5] IMPLICIT SEQUENCE { seconds INTEGER } OPTIONAL,
//     hashes     [6] IMPLICIT SEQUENCE OF INTEGER OPTIONAL }  -- 256, 384, 512: that of SHA-2
//
// The encoding is deterministic: one value has one encoding, and no other is read.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "x509/algorithm.hpp"
#include "x509/general_name.hpp"

namespace vouch::challenge {

constexpr std::size_t kIdSize = 16;

struct UsageRule {
  std::uint16_t bits = 0;  // x509::KeyUsage
  bool subset = false;     // fewer are all right
  bool operator==(const UsageRule&) const = default;
};
struct PurposeRule {
  std::vector<x509::Oid> purposes;
  bool subset = false;
  bool operator==(const PurposeRule&) const = default;
};
struct KeyRule {
  std::vector<x509::KeyType> types;          // none: any
  std::uint32_t min_bits = 0, max_bits = 0;  // 0: no limit
  Buffer spki_sha256;                        // of the one key; empty: any
  bool operator==(const KeyRule&) const = default;
};

struct Bound {
  std::string realm;
  Buffer id;
  Time issued_at{}, not_before{}, expires{};
  std::string audience, template_name;
  std::string request_id{}, device{}, user{};
  std::string sid{};  // goes into the certificate: "S-1-5-21-…"
  std::vector<x509::Name> subjects{};
  std::vector<x509::GeneralName> required_names{}, allowed_names{};
  std::optional<UsageRule> usage{};  // none: the template decides alone
  std::optional<PurposeRule> purposes{};
  KeyRule key{};
  std::vector<x509::DigestAlgorithm> hashes{};     // that the request may be signed with; none: any
  std::optional<std::chrono::seconds> validity{};  // the certificate is valid for so long at most
  bool operator==(const Bound&) const = default;
};

// What keeps a value from being a challenge: `usage`. A challenge that leaves both subject and alternative
// names free would let its bearer be anybody, so there is none.
Status check(const Bound& bound);

Buffer encode(const Bound& bound);
// Fails with `malformed`: another version, another form, another encoding than encode() makes, out of bounds.
Result<Bound> decode(Bytes der);

}  // namespace vouch::challenge
