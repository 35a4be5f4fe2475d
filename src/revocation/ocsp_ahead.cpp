#include "revocation/ocsp_ahead.hpp"

#include <algorithm>

#include "revocation/ocsp_database.hpp"

namespace vouch::revocation {
namespace {

constexpr std::size_t kPage = 64;
// A pass reads every certificate that is valid. New ones wait that long at most, if nobody asks before.
constexpr std::chrono::seconds kBetweenPasses = std::chrono::minutes(15);

const OcspIssuer* issuer_of(const OcspIssuers& issuers, const store::CertificateRecord& record) {
  const auto found = std::ranges::find_if(issuers, [&](const OcspIssuer& issuer) {
    return issuer.authority == record.authority && issuer.key_index == record.key_index;
  });
  return found == issuers.end() ? nullptr : &*found;
}

}  // namespace

// ---- statements
// ---------------------------------------------------------------------------------------------

Buffer lightweight_cert_id(const crypto::Provider& provider, const OcspIssuer& issuer, Bytes serial) {
  const Buffer name = provider.digest(x509::DigestAlgorithm::sha1, issuer.subject);
  const Buffer key = provider.digest(x509::DigestAlgorithm::sha1, issuer.key_bits);
  return x509::encode_cert_id(x509::DigestAlgorithm::sha1, {name, key, serial});
}

Buffer statement_data(const OcspIssuer& issuer, Bytes cert_id, const OcspStatement& statement) {
  x509::OcspResponseFields fields;
  fields.responder_key_hash = issuer.responder_key_hash;
  fields.produced_at = statement.validity.this_update;
  fields.items.push_back({.cert_id = cert_id,
                          .status = statement.about.status,
                          .revoked_at = statement.about.revoked_at,
                          .reason = statement.about.reason,
                          .this_update = statement.validity.this_update,
                          .next_update = statement.validity.next_update});
  return x509::encode_ocsp_response_data(fields);
}

Buffer statement_answer(const OcspIssuer& issuer, Bytes data, Bytes signature) {
  return x509::encode_ocsp_response(data, x509::encode(issuer.signer->algorithm()), signature,
                                    {issuer.certificate});
}

// ---- what is kept
// -------------------------------------------------------------------------------------------

std::string SignedAhead::key_of(const OcspIssuer& issuer, Bytes serial) {
  return fmt::format("{}.{}.{}", issuer.authority, issuer.key_index, as_text(serial));
}

std::uint32_t SignedAhead::responder_of(const OcspIssuer& issuer) {
  std::uint32_t start = 0;
  for (const std::uint8_t octet : Bytes(issuer.responder_key_hash).first(4)) start = start << 8 | octet;
  return start;
}

std::size_t SignedAhead::size_of(std::string_view key, const Item& item) {
  constexpr std::size_t kOfContainers = 64;  // the node, its place in the table, two small allocations
  return key.size() + item.signature.size() + sizeof(std::string) + sizeof(Item) + kOfContainers;
}

std::optional<SignedAhead::Item> SignedAhead::find(const OcspIssuer& issuer, Bytes serial) const {
  const std::string key = key_of(issuer, serial);
  const std::scoped_lock lock(guards_items_);
  const auto found = items_.find(key);
  if (found == items_.end() || found->second.responder != responder_of(issuer)) return std::nullopt;
  return found->second;
}

bool SignedAhead::put(const OcspIssuer& issuer, Bytes serial, const OcspStatement& statement,
                      Buffer signature) {
  std::string key = key_of(issuer, serial);
  Item item{statement, std::move(signature), responder_of(issuer)};
  const std::size_t size = size_of(key, item);
  const std::scoped_lock lock(guards_items_);
  const auto found = items_.find(key);
  const std::size_t before = found == items_.end() ? 0 : size_of(key, found->second);
  if (octets_ - before + size > limit_) return false;
  octets_ = octets_ - before + size;
  items_.insert_or_assign(std::move(key), std::move(item));
  return true;
}

void SignedAhead::drop_expired(Time now) {
  const std::scoped_lock lock(guards_items_);
  std::erase_if(items_, [&](const auto& entry) {
    if (now < entry.second.statement.validity.next_update) return false;
    octets_ -= size_of(entry.first, entry.second);
    return true;
  });
}

std::size_t SignedAhead::size() const {
  const std::scoped_lock lock(guards_items_);
  return items_.size();
}

std::size_t SignedAhead::octets() const {
  const std::scoped_lock lock(guards_items_);
  return octets_;
}

// ---- who makes them
// -----------------------------------------------------------------------------------------

// Several passes in half of an answer's time, so that each is made anew early in the other half.
PreSigner::PreSigner(const ca::Environment& environment, const OcspSource& source, SignedAhead& ahead,
                     std::chrono::seconds answer_validity)
    : environment_(environment),
      source_(source),
      ahead_(ahead),
      between_passes_(std::min(kBetweenPasses, answer_validity / 16)) {}

Status PreSigner::work(std::chrono::milliseconds budget) {
  const auto end = std::chrono::steady_clock::now() + budget;
  const Time now = environment_.clock.now();
  if (now < next_pass_) return outcome_;
  if (after_ == 0) ahead_.drop_expired(now);
  while (std::chrono::steady_clock::now() < end) {
    const auto more = page();
    if (more && *more) continue;
    // Without room the pass is over as well: the next one makes anew what there is.
    if (!more && more.error().code() != Errc::limit_exceeded) return more.error();
    outcome_ = more ? ok() : Status(more.error());
    after_ = 0;
    next_pass_ = now + between_passes_;
    return outcome_;
  }
  return ok();
}

Result<bool> PreSigner::page() {
  const Time now = environment_.clock.now();
  const auto issuers = source_.issuers();
  store::CertificateFilter filter;
  filter.expires_after = now;
  filter.after = after_;
  filter.limit = kPage;
  const auto records = TRY(TRY(environment_.database.snapshot())->certificates(filter));
  for (const store::CertificateRecord& record : records) {
    TRY(care_for(record, *issuers, now));
    after_ = record.request;  // after a failure it begins with this one
  }
  return !records.empty();
}

Status PreSigner::care_for(const store::CertificateRecord& record, const OcspIssuers& issuers, Time now) {
  const OcspIssuer* issuer = issuer_of(issuers, record);
  if (record.signature.empty() || issuer == nullptr || !issuer->signer || now >= issuer->until) return ok();
  OcspStatement statement;
  statement.about = status_of(record);
  const auto known = ahead_.find(*issuer, record.serial);
  if (known && known->statement.about == statement.about && known->statement.validity.is_fresh(now))
    return ok();
  statement.validity = TRY(source_.validity(*issuer, now));
  statement.validity.next_update = std::min(statement.validity.next_update, issuer->until);
  const Buffer id = lightweight_cert_id(environment_.provider, *issuer, record.serial);
  Buffer signature = TRY(issuer->signer->sign(statement_data(*issuer, id, statement))
                             .context("signing OCSP answers of CA '{}' ahead", issuer->ca));
  if (ahead_.put(*issuer, record.serial, statement, std::move(signature))) return ok();
  return make_error(Errc::limit_exceeded,
                    "OCSP answers about {} certificates are signed ahead, and no more fit", ahead_.size())
      .with_hint("raise ocsp.presign_memory; answers about the others are signed when somebody asks");
}

}  // namespace vouch::revocation
