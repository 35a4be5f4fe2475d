#pragma once
// Whom a relying party trusts, where that trust comes from, and where each issuer's CRLs are. A TrustList is
// a snapshot: immutable, shared between threads, replaced as a whole, so that a removal holds from the next
// decision on.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/files.hpp"
#include "base/value.hpp"
#include "validate/trust_store.hpp"

namespace vouch::relying {

struct TrustedIssuer {
  validate::CertificatePtr certificate;
  bool anchor = true;    // false: an intermediate, to build chains from
  std::string source{};  // "list", "bundle", "directory"; each decision names it
  std::string label{};   // what its administrator calls it
  // With UrlSource::trust_list: where its CRLs are. http or https; one each.
  std::string base_url{}, delta_url{};
  std::vector<x509::Oid> purposes{};       // empty: all
  std::optional<Time> distrusted_after{};  // what it issues later is refused
};

// What an issuer must be to be configured: a CA certificate, http or https URLs, no delta without a base
// (500177).
Status check_issuer(const TrustedIssuer& issuer);
// Whether it can issue certificates that the profile `cba` takes: it needs a subjectKeyIdentifier. And what
// else is strange: a root that is not self-issued among the anchors, an anchor that has expired.
std::vector<std::string> warnings_of(const TrustedIssuer& issuer, Time now);

class TrustList {
 public:
  explicit TrustList(std::vector<TrustedIssuer> issuers);

  const std::vector<TrustedIssuer>& issuers() const { return issuers_; }
  const std::shared_ptr<const validate::TrustStore>& store() const { return store_; }
  // The entry with this very certificate, or with its name and key; nullptr when there is none.
  const TrustedIssuer* find(const validate::Certificate& certificate) const;
  // The entry that a person means by the SHA-256 (or its beginning, at least 8 digits), the
  // subjectKeyIdentifier, the label or the subject. `not_found`, or `conflict` when several fit.
  Result<const TrustedIssuer*> find(std::string_view words) const;
  // What no longer reaches an anchor when this entry goes: entries whose every chain ends there.
  std::vector<const TrustedIssuer*> affected_by_removal(const TrustedIssuer& issuer) const;

 private:
  std::vector<TrustedIssuer> issuers_;
  std::shared_ptr<const validate::TrustStore> store_;
  std::unordered_map<std::string, std::size_t> by_fingerprint_, by_key_;
};
using TrustListPtr = std::shared_ptr<const TrustList>;

// {sha256, subject, subject_key_identifier, label, source, anchor, base_url, delta_url, purposes [],
//  distrusted_after, not_after, warnings []}
Value to_value(const TrustedIssuer& issuer, Time now);

// Where trusted issuers come from. A directory's store implements it too.
class TrustSource {
 public:
  virtual ~TrustSource() = default;
  virtual std::string_view name() const = 0;
  virtual Result<std::vector<TrustedIssuer>> load() const = 0;
};

// A folder that `vouch trust` keeps: one PEM file for each issuer, its settings as a TOML file beside it.
class TrustFolder final : public TrustSource {
 public:
  TrustFolder(std::shared_ptr<const crypto::Provider> provider, fs::path folder)
      : provider_(std::move(provider)), folder_(std::move(folder)) {}
  std::string_view name() const override { return "list"; }
  // A missing folder is empty. `malformed` names the file.
  Result<std::vector<TrustedIssuer>> load() const override;
  // Adds or replaces; fails as check_issuer does.
  Status put(const TrustedIssuer& issuer) const;
  Status remove(const validate::Certificate& certificate) const;  // `not_found`
 private:
  std::shared_ptr<const crypto::Provider> provider_;
  fs::path folder_;
};

// The system's bundle of roots: a PEM file. Certificates that cannot be read are left out.
class TrustBundle final : public TrustSource {
 public:
  TrustBundle(std::shared_ptr<const crypto::Provider> provider, fs::path file)
      : provider_(std::move(provider)), file_(std::move(file)) {}
  std::string_view name() const override { return "bundle"; }
  Result<std::vector<TrustedIssuer>> load() const override;

 private:
  std::shared_ptr<const crypto::Provider> provider_;
  fs::path file_;
};
inline constexpr std::string_view kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";

// All sources together; of several entries for one certificate the first source's counts.
Result<TrustListPtr> load_trust(std::span<const TrustSource* const> sources);

}  // namespace vouch::relying
