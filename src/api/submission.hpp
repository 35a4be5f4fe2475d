#pragma once
// A request as the API takes it, and an outcome as it answers: for the CA's own host, and for a registration
// authority that passes requests on. The same shapes both ways, for whoever asks a remote authority.

#include "api/caller.hpp"
#include "api/operation.hpp"
#include "ca/authority.hpp"

namespace vouch::api {

// From a body that has the shape Submission. The requester is the caller; a transaction key is its account's
// own, so that nobody gets the outcome of somebody else's.
Result<ca::Submission> submission_of(const Value& body, const Caller& caller);
// The transaction key alone; empty: none.
Result<std::string> transaction_of(const Value& body, const Caller& caller);
// What the client calls it: its account's own as well, and back.
Result<std::string> client_transaction_of(std::string_view name, const Caller& caller);
std::string without_account(std::string_view transaction, const Caller& caller);
// One PKCS #10, or signed message around it, of the body's member `request`.
Result<Buffer> request_of(const Value& body);

// 200 with a certificate, 202 for what is not decided or not signed yet, 422 for a refusal.
Result<Answer> answer_of(const ca::Outcome& outcome);

// What stands beside a request, both ways.
Value describe_attributes(const std::map<std::string, std::string>& attributes);
Result<std::map<std::string, std::string>> attributes_of(const Value& body);

// The other direction.
Value describe(const ca::Submission& submission, std::string_view ca);
Result<ca::Outcome> outcome_of(const Value& answer);

}  // namespace vouch::api
