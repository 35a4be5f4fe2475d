#pragma once
// Where the CRL client keeps what it got: in memory for one process, on disk for all of a machine.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "validate/certificate.hpp"
#include "validate/crl.hpp"
#include "validate/finding.hpp"
#include "validate/profile.hpp"

namespace vouch::relying {

struct CachedCrl {
  validate::CrlPtr crl;
  std::string line;  // names issuer, key, scope and kind: numbers rise within a line
  std::string url;   // where it came from last
  Time fetched_at{};
  std::string etag{}, last_modified{};  // for the next request (RFC 9110 13.1)
  std::size_t octets = 0;
};

// A line as it is listed: also one whose CRL was cleared away, and only the number is left, or whose files
// are damaged (then not even the issuer may be known).
struct ListedCrl {
  std::string line, issuer;  // issuer: RFC 4514
  bool delta = false;
  std::string number{};    // the highest that was seen, hex
  std::size_t octets = 0;  // of the CRL; 0: cleared
  std::string url{};
  Time this_update{}, fetched_at{};
  std::optional<Time> next_update{};
  bool damaged = false;  // counts as missing until it is fetched again, or forgotten
};

// What a CRL is held against before it is kept.
struct CrlOffer {
  std::string url;
  Time now{};  // a CRL whose thisUpdate is later is refused
  std::string etag{}, last_modified{};
  std::vector<validate::CertificatePtr> signers;  // who may have signed it; other names are passed over
  validate::AlgorithmRules algorithms{};
  bool need_key_identifier = true;
  // Asked last: what the caller has against it.
  std::function<std::optional<validate::Finding>(const validate::CrlHead& head)> objection{};
};

struct CrlTaken {
  std::optional<validate::Finding> finding;  // why it was refused; nothing: it is kept, or was there already
  std::optional<CachedCrl> cached;           // what the line has now
  bool unchanged = false;                    // the same octets were there
};

class CrlCache {
 public:
  virtual ~CrlCache() = default;
  // What is wrong with the CRL is a finding; an Error is that of the place where it is kept.
  virtual Result<CrlTaken> put(Buffer der, const CrlOffer& offer) = 0;
  // The server has nothing newer (304).
  virtual Status touch(const std::string& url, Time fetched_at) = 0;
  virtual std::optional<CachedCrl> from_url(const std::string& url) = 0;
  // All CRLs of an issuer (x509::comparison_key), base and delta, of every key and scope.
  virtual std::vector<CachedCrl> of_issuer(const std::string& issuer_key) = 0;
  virtual std::vector<CachedCrl> list() = 0;
  virtual std::vector<ListedCrl> lines() = 0;
  // The CRLs go, the highest numbers stay.
  virtual Result<std::size_t> clear() = 0;
  // Forgets a line and its number: for a CA that was restored from a backup.
  virtual Status forget(const std::string& line) = 0;
};

// For one process.
std::shared_ptr<CrlCache> make_memory_cache(std::shared_ptr<const crypto::Provider> provider);

}  // namespace vouch::relying
