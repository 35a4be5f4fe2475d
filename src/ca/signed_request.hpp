#pragma once
// Requests that others have signed: PKCS #10 inside SignedData, as AD CS takes it from enrolment agents and
// for renewal, or inside CMC's PKIData, as Windows clients send it (MS-WCCE 2.2.2.6). What is found here is
// judged by the policy: docs/mechanisms/signed-requests.md.

#include "policy/decision.hpp"
#include "store/database.hpp"
#include "x509/request.hpp"

namespace vouch::ca {

// What came in: PKCS #10 alone, or one message in another, each with its signers.
struct OpenedRequest {
  Buffer request;                // PKCS #10
  std::vector<Buffer> messages;  // SignedData as DER, outermost first; empty: PKCS #10 came alone
};
// From PKCS #10 or a message in BER or DER. Fails with `malformed`, `unsupported` (several requests in one
// message, requests of other kinds) or `limit_exceeded`.
Result<OpenedRequest> open_request(Bytes input);

// Who signed the request beside its own key.
struct RequestSigners {
  std::vector<policy::AuthorizedSignature> signatures;
  std::optional<policy::AuthorizedSignature> renews;  // the earlier certificate's signature
};
// Verifies every signer, finds his certificate among those that CAs of this home issued, and says what is
// wrong with it. Signatures by the request's own key are left out. A signer whose certificate the request
// names as the one it renews (311.13.1), or that has the same template and subject and is no enrolment
// agent's, renews.
Result<RequestSigners> judge_signers(const crypto::Provider& provider, const store::Snapshot& snapshot,
                                     store::AuthorityId authority, std::string_view template_name,
                                     const OpenedRequest& opened, const x509::RequestView& request, Time now);

}  // namespace vouch::ca
