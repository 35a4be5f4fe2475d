#pragma once
// What an administrator does with the database beside issuing: check it, move it, purge it, take in
// certificates that were issued elsewhere (docs/mechanisms/backup.md).

#include "ca/backup/backup.hpp"

namespace vouch::ca {

// --- check ---

struct CheckOptions {
  bool full = false;          // every certificate, not a sample
  std::size_t sample = 1000;  // spread over all of them
};
struct CheckReport {
  std::vector<std::string> findings;     // one sentence each; none is good news
  std::vector<std::string> not_checked;  // what could not be looked at, and why
  std::uint64_t certificates = 0;        // whose signature was verified
};
// The file, what rows say about each other, the certificates' signatures, the CRLs' files, the keys, the
// fence.
Result<CheckReport> check_database(const Environment& environment, const CheckOptions& options);

// --- move ---

// Moves the database with its log into another folder and changes the configuration. Nobody may use the home;
// its database is folded and useless afterwards. Gives the new path.
Result<fs::path> move_database(const Environment& environment, const fs::path& folder,
                               std::string_view administrator);

// --- purge ---

struct PurgeOptions {
  Time expired_before{};
  bool dry_run = false;
  std::string administrator;
};
struct PurgeReport {
  std::uint64_t purged = 0;  // or would be
  std::uint64_t on_crl = 0;  // expired and revoked, and to be seen on a CRL still
};
// Takes away requests whose certificates ended before a time that lies in the past, and are on no CRL any
// more. Their serial numbers stay used.
Result<PurgeReport> purge(const Environment& environment, store::AuthorityId authority,
                          const PurgeOptions& options);

// --- import ---

// A certificate that this CA signed elsewhere: before vouch, or in a state of the database that was given up.
// It is checked against the CA's own keys. Of a lost certificate it fills in what was missing. conflict: the
// serial number belongs to another certificate.
Result<store::CertificateRecord> import_certificate(const Environment& environment,
                                                    const store::AuthorityRecord& record, Bytes der,
                                                    std::string_view administrator);

}  // namespace vouch::ca
