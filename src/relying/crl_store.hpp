#pragma once
// The relying party's CRLs on disk: one folder that any number of processes share. A CRL comes in with its
// signature verified and its number held against the highest that was ever seen; it goes out as a
// validate::Crl over mapped files, whose lookups neither parse nor allocate. The folder fetches nothing.
//
//   auto store = TRY(CrlStore::open(provider, {.folder = "/var/cache/vouch/crls"}));
//   const auto put = TRY(store->put(der, {.url = url, .fetched_at = now}, {.signers = cas, .now = now}));
//   if (put.finding) log(validate::message_of(*put.finding));
//   StoredRevocation revocation(store, {});
//   validator.validate(leaf, sent, {now, profile, {}, &revocation});
//
// Numbers live in lines: a line is what one key of one CRL issuer says about one scope
// (issuingDistributionPoint), base and delta apart (RFC 5280 5.2.3, 5.2.4). A CA with a new key begins a new
// line.

#include <functional>
#include <stop_token>

#include "base/files.hpp"
#include "validate/crl_check.hpp"
#include "validate/finding.hpp"
#include "validate/profile.hpp"

namespace vouch::relying {

// Where a CRL came from; kept beside it.
struct CrlOrigin {
  std::string url;  // empty: a file that somebody put in
  Time fetched_at{};
  std::string etag{}, last_modified{};  // for conditional requests (RFC 9110 13.1)
  bool operator==(const CrlOrigin&) const = default;
};

// A line, and its CRL when the folder has it.
struct StoredCrl {
  std::string line;            // names the line: 32 hex digits
  std::string issuer;          // RFC 4514
  std::string key_identifier;  // authorityKeyIdentifier in hex; empty: the CRL has none
  bool delta = false;
  std::string highest_number;  // hex without leading zeros; the CRL's own unless it was cleared away
  std::uint64_t octets = 0;    // of the CRL; 0: cleared, only its number is remembered
  std::uint64_t index_octets = 0;
  std::uint64_t entries = 0;
  Time this_update{};
  std::optional<Time> next_update;
  CrlOrigin origin;
  bool damaged = false;  // its file is not what was put there: it counts as missing until it is put again
  validate::CrlPtr crl;  // null when it was cleared or is damaged
};

// What a CRL is held against before it is kept.
struct CrlTerms {
  // Certificates that may have signed it; those of another name than the CRL's issuer are passed over. That
  // they are to be trusted is the caller's business: a validation asks again.
  std::vector<validate::CertificatePtr> signers;
  validate::AlgorithmRules algorithms{};
  bool require_key_identifier = true;  // authorityKeyIdentifier must be the signer's subjectKeyIdentifier
  Time now{};                          // a CRL whose thisUpdate is later is refused
  // Asked last, when everything else is right: what the caller has against the CRL.
  std::function<std::optional<validate::Finding>(const validate::CrlHead& head)> objection{};
};

struct CrlPut {
  enum class Outcome {
    added,      // the line had none
    replaced,   // with a higher number
    unchanged,  // same number, same octets: only the origin is new
    refused     // what was there stays; `finding` says why
  };
  Outcome outcome = Outcome::refused;
  // Why it was refused: crl_malformed, crl_unusable (missing, lower or reused number), crl_signature,
  // no_crl_signing, crl_not_yet_valid, crl_too_large, or the caller's objection.
  std::optional<validate::Finding> finding;
  StoredCrl stored;  // what the line has now; empty when it could not be told which line it is
};

class CrlStore {
 public:
  struct Settings {
    fs::path folder;                                     // made with mode 0700 when it is missing
    std::uint64_t most_octets = std::uint64_t{2} << 30;  // of all CRLs together
    std::size_t most_lines = 4096;
    std::size_t threads = 2;                     // that read one CRL: one hashes, one indexes
    std::chrono::milliseconds patience{10'000};  // for another process that is writing
  };
  // Fails when the folder cannot be made, written or locked.
  static Result<std::shared_ptr<CrlStore>> open(std::shared_ptr<const crypto::Provider> provider,
                                                Settings settings);
  ~CrlStore();

  // What is wrong with the CRL is a finding; an Error is the folder's: no space, no permission,
  // `limit_exceeded` (most_octets, after all that has expired was cleared away; most_lines).
  Result<CrlPut> put(Bytes der, const CrlOrigin& origin, const CrlTerms& terms);
  // The same for a file, which stays as it is.
  Result<CrlPut> put_file(const fs::path& file, const CrlOrigin& origin, const CrlTerms& terms);
  // The server says that it has nothing newer (304): the CRL that came from there was fetched now.
  Status touch(const std::string& url, Time fetched_at);

  // All CRLs of an issuer (x509::comparison_key), of every key and scope, base and delta. What other
  // processes did is seen at the next call; without news this is one look into a table. Never null.
  using Crls = std::shared_ptr<const std::vector<validate::CrlPtr>>;
  Crls of_issuer(const std::string& issuer_key);
  // The same with what is known about each.
  std::vector<StoredCrl> stored_of(const std::string& issuer_key);
  // The CRL that came from this URL last.
  std::optional<StoredCrl> from_url(const std::string& url);
  // All lines, cleared ones too. `crl` is null: nothing is opened for a list.
  std::vector<StoredCrl> list();

  // The CRL goes, the highest number stays. `not_found` for a line that is not there.
  Status remove(const std::string& line);
  // All CRLs; says how many there were. The highest numbers stay.
  Result<std::size_t> clear();
  // Forgets the line and its number: for a CA that was restored from a backup. The caller writes it into its
  // audit log.
  Status forget(const std::string& line);

  // Reads every octet of the mapped files that was not looked at yet. A CRL or index that was damaged on disk
  // is dropped, and built again where the CRL itself is whole. Says how many were; for a background thread.
  std::size_t check_files(std::stop_token stop);

 private:
  class Folder;

 public:
  // Use open(); public for std::make_shared only.
  explicit CrlStore(std::unique_ptr<Folder> folder);

 private:
  std::unique_ptr<Folder> folder_;
};

// RFC 5280 6.3.3 over what the store has. One for each thread, or one for all.
class StoredRevocation final : public validate::RevocationSource {
 public:
  StoredRevocation(std::shared_ptr<CrlStore> store, validate::CrlRules rules)
      : store_(std::move(store)), rules_(rules) {}
  validate::RevocationRecord check(const validate::RevocationQuery& query) override;

 private:
  std::shared_ptr<CrlStore> store_;
  validate::CrlRules rules_;
};

}  // namespace vouch::relying
