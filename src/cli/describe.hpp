#pragma once
// The searches and files that several commands share; the records' own form is api/describe.hpp's.

#include "cli/output.hpp"
#include "x509/crl.hpp"

namespace vouch::cli {

using api::authority_names, api::AuthorityNames, api::describe, api::fingerprints, api::key_text,
    api::name_of, api::name_text, api::state_of;

// Reads what the file holds, PEM or DER; errors name the file.
Result<std::vector<Buffer>> read_certificate_file(const Context& context, const std::string& file);
Result<Buffer> read_request_file(const Context& context, const std::string& file);
Result<Buffer> read_crl_file(const Context& context, const std::string& file);

// A certificate of this home by its serial, or by a file that holds it. The file's certificate has to be the
// one that was issued here, not merely one with that number.
Result<store::CertificateRecord> find_certificate(const Context& context, const store::Snapshot& snapshot,
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
Result<Exit> report_outcome(Context& context, const ca::Outcome& outcome, const OutcomeOptions& options);

}  // namespace vouch::cli
