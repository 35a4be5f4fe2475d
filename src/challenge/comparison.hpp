#pragma once
// Whether a request is the one that a challenge was made for. Pure; the first difference is the answer.
//
// What the request leaves out of key usage and purposes is no difference: the template fills it in (iOS asks
// for clientAuth and nothing else). What it asks for beyond the challenge is one.

#include "challenge/bound.hpp"
#include "challenge/refusal.hpp"
#include "x509/request.hpp"

namespace vouch::challenge {

// The CA's clock and the minter's may differ by so much.
constexpr std::chrono::minutes kSkew{5};

struct Expected {
  std::string_view audience;       // the profile for which the device enrols
  std::string_view template_name;  // for which the request was handed in
  Time now{};
};
// Times, profile and template: whether the challenge is for here and now.
std::optional<Refusal> check_scope(const Bound& bound, const Expected& expected);

// `spki_sha256`: of the request's public key. The request's own signature has been verified.
std::optional<Refusal> compare(const Bound& bound, const x509::RequestView& request, Bytes spki_sha256);

// What no request of a device gets through with, whatever it shows: a CA, name constraints, the SID of
// somebody else (`sid`: the one that the certificate is to have; empty: none).
std::optional<Refusal> find_forbidden(const x509::RequestView& request, std::string_view sid);

}  // namespace vouch::challenge
