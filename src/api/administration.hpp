#pragma once
// The administration API, /api/v1: decodes a request, finds out who asks, runs the operation, encodes what it
// said (docs/mechanisms/api.md).

#include "api/operation.hpp"

namespace vouch::api {

constexpr std::string_view kApiRoot = "/api/v1";
constexpr std::size_t kLargestBody = std::size_t{1} << 20;

// Every operation and, for anybody, /api/v1/openapi.json.
std::vector<net::Route> administration_routes(const Service& service);

}  // namespace vouch::api
