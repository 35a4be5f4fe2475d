#pragma once
// The authority's records as tables for --json, with the keys that docs/reference/json.md lists, and the
// searches and files that several commands share.

#include "cli/output.hpp"
#include "x509/crl.hpp"

namespace vouch::cli {

// Names of the CAs of a home by their ids, for records that carry only the id.
using AuthorityNames = std::map<store::AuthorityId, std::string>;
Result<AuthorityNames> authority_names(const store::Snapshot& snapshot);

Value describe(const store::RequestRecord& record, const AuthorityNames& names);
Value describe(const store::CertificateRecord& record, const AuthorityNames& names);
Value describe(const store::CrlRecord& record, std::string_view authority,
               const std::vector<fs::path>& files);

// "issued", "on hold", "revoked"; "lost" when only the serial number is known.
std::string_view state_of(const store::CertificateRecord& record);

struct Fingerprints {
  std::string sha256, sha1;
};
Fingerprints fingerprints(const crypto::Provider& provider, Bytes der);
// "P-256", "RSA 3072"; of a key this program does not know, the reason.
std::string key_text(Bytes public_key_info);
std::string name_text(Bytes name_der);

// Reads what the file holds, PEM or DER; errors name the file.
Result<std::vector<Buffer>> read_certificate_file(const std::string& file);
Result<Buffer> read_request_file(const std::string& file);
Result<Buffer> read_crl_file(const std::string& file);

// A certificate of this home by its serial, or by a file that holds it. The file's certificate has to be the
// one that was issued here, not merely one with that number.
Result<store::CertificateRecord> find_certificate(const store::Snapshot& snapshot,
                                                  const std::string& serial_or_file);
// By SHA-1 or SHA-256 fingerprint: looks at every certificate. `not_found` when there is none.
Result<store::CertificateRecord> find_by_fingerprint(Context& context, const store::Snapshot& snapshot,
                                                     Bytes fingerprint);
// Calls `visit` for each certificate that the filter lets through, page by page.
Status for_each_certificate(const store::Snapshot& snapshot, store::CertificateFilter filter,
                            const std::function<Status(const store::CertificateRecord&)>& visit);
// The CA of a record.
Result<store::AuthorityRecord> authority_of(const store::Snapshot& snapshot, store::AuthorityId id);

// A RequestID as people type it.
Result<store::RequestId> parse_request_id(const std::string& text);

// What became of a request: the certificate into --out or on standard output, a refusal with its rule, or how
// to go on with a pending one. Every command that ends in an outcome ends here.
struct OutcomeOptions {
  std::string out;            // empty: standard output
  std::string input;          // the file that the request came from, for messages; empty: none
  std::vector<Buffer> chain;  // written after the certificate
  bool p7b = false;           // as a p7b instead
};
Result<Exit> report_outcome(Context& context, const store::Snapshot& snapshot, const ca::Outcome& outcome,
                            const OutcomeOptions& options);

}  // namespace vouch::cli
