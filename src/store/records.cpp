#include "store/records.hpp"

#include "asn1/der_writer.hpp"

namespace vouch::store {
namespace {

struct DispositionName {
  Disposition disposition;
  std::string_view name;
};

constexpr DispositionName kDispositions[] = {
    {Disposition::pending, "pending"}, {Disposition::foreign, "foreign"}, {Disposition::issuing, "issuing"},
    {Disposition::issued, "issued"},   {Disposition::revoked, "revoked"}, {Disposition::failed, "failed"},
    {Disposition::denied, "denied"},
};

}  // namespace

std::string_view to_string(Disposition disposition) {
  for (const DispositionName& row : kDispositions)
    if (row.disposition == disposition) return row.name;
  return "unknown";
}

Result<Disposition> disposition_from_name(std::string_view name) {
  std::string known;
  for (const DispositionName& row : kDispositions) {
    if (row.name == name) return row.disposition;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  }
  return make_error(Errc::usage, "'{}' is not the state of a request", name).with_hint("one of: " + known);
}

std::string_view to_string(AuthorityKind kind) {
  return kind == AuthorityKind::root ? "root" : "subordinate";
}

std::string_view to_string(AuthorityMode mode) {
  return mode == AuthorityMode::standalone ? "standalone" : "enterprise";
}

std::string_view to_string(ChallengeKind kind) {
  switch (kind) {
    case ChallengeKind::bound:
      return "bound";
    case ChallengeKind::one_time:
      return "one-time";
    case ChallengeKind::single:
      return "single";
  }
  return "unknown";
}

namespace {
constexpr std::string_view kChallengeStates[] = {"minted", "claimed", "issued", "failed", "cancelled"};
}  // namespace

std::string_view to_string(ChallengeState state) {
  return kChallengeStates[static_cast<std::size_t>(state) - 1];
}

Result<ChallengeState> challenge_state_from_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kChallengeStates); ++i)
    if (kChallengeStates[i] == name) return static_cast<ChallengeState>(i + 1);
  return make_error(Errc::usage, "'{}' is not the state of a challenge", name)
      .with_hint(fmt::format("one of: {}", fmt::join(kChallengeStates, ", ")));
}

// RFC 5280 4.1:
//   Certificate  ::=  SEQUENCE  {
//        tbsCertificate       TBSCertificate,
//        signatureAlgorithm   AlgorithmIdentifier,
//        signatureValue       BIT STRING  }
Buffer CertificateRecord::der() const {
  if (signature.empty() || tbs.empty()) return {};
  const std::size_t bits = signature.size() + 1;  // after the octet that counts unused bits: none
  const std::size_t contents = tbs.size() + signature_algorithm.size() + asn1::header_size(bits) + bits;
  Buffer out;
  out.reserve(asn1::header_size(contents) + contents);
  asn1::append_header(out, asn1::Tag::sequence, contents);
  append(out, tbs);
  append(out, signature_algorithm);
  asn1::append_header(out, asn1::Tag::bit_string, bits);
  out.push_back(0);
  append(out, signature);
  return out;
}

}  // namespace vouch::store
