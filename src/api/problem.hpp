#pragma once
// Errors on the way over HTTP: application/problem+json (RFC 9457), and back.

#include "base/error.hpp"
#include "net/fetch.hpp"
#include "net/http.hpp"

namespace vouch::api {

net::Response problem_response(const Error& error);

// What an answer says that is no success: the error as it was where it happened. An answer of somebody else
// (a proxy, another program) is `unavailable` and names the status.
Error error_of(const net::FetchResponse& response);

}  // namespace vouch::api
