#pragma once
// An operation of the administration API is data: its method and path, what it takes and gives, who may use
// it, and a function to run. Dispatch and the OpenAPI description are both made from this one table.
//
// One file per noun holds its operations (requests.cpp, certificates.cpp, …); `operations()` lists them all.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/caller.hpp"
#include "api/schema.hpp"
#include "api/service.hpp"

namespace vouch::api {

struct Parameter {
  std::string_view name;
  bool in_path = false;   // else in the query, where it may be left out
  std::string_view type;  // string, integer, boolean, time
  std::string_view help;
  std::string_view values = {};  // the only ones, with bars between
};

// What came in: checked against the operation's parameters and the schema of its body.
struct Call {
  const Service& service;
  const Caller& caller;
  const std::map<std::string, std::string, std::less<>>& parameters;
  const Value& body;

  // Empty when it was left out.
  std::string parameter(std::string_view name) const;
  Result<std::optional<std::int64_t>> number(std::string_view name) const;
  Result<std::optional<Time>> time(std::string_view name) const;
  // The CA that the parameter or member `ca` names, or the only one.
  Result<std::shared_ptr<ca::LocalAuthority>> authority() const;
  // Its id, for filters; nothing when none is named.
  Result<std::optional<store::AuthorityId>> named_authority(const store::Snapshot& snapshot) const;
  const ca::Environment& environment() const { return service.environment; }
  const std::string& account() const { return caller.account; }
};

struct Answer {
  Value body;
  unsigned status = 200;
  Answer(Value value, unsigned code = 200) : body(std::move(value)), status(code) {}
};

struct Operation {
  std::string_view id;  // operationId
  net::Method method;
  std::string_view path;  // below /api/v1; {name} stands for one segment
  std::string_view summary;
  std::string_view who;  // may use it, in words
  std::span<const Parameter> parameters;
  std::string_view body;    // its schema; empty: none
  std::string_view answer;  // its schema
  Result<Answer> (*run)(const Call&);
  // What came at the same time, one answer for each, in their order; null: each is run by itself.
  std::vector<Result<Answer>> (*run_together)(std::span<const Call>) = nullptr;
};

const std::vector<Operation>& operations();

// The operations of one file each.
std::span<const Operation> authority_operations();
std::span<const Operation> request_operations();
std::span<const Operation> certificate_operations();
std::span<const Operation> crl_operations();
std::span<const Operation> template_operations();
std::span<const Operation> role_operations();
std::span<const Operation> audit_operations();
std::span<const Operation> challenge_operations();

// Parameters that several have.
inline constexpr Parameter kCaFilter{"ca", false, "string", "only of this CA"};
inline constexpr Parameter kAfter{"after", false, "integer", "`next` of the page before"};
inline constexpr Parameter kLimit{"limit", false, "integer", "at most so many, up to 1000; 100 if left out"};
// What `limit` says. malformed: out of range.
Result<std::size_t> page_size(const Call& call);

// The body, which has to be JSON of that schema.
Result<Value> read_body(const net::Request& request, std::string_view schema);
net::Response json_response(const Answer& answer);

// The description: OpenAPI 3.1.
Value describe_api();

}  // namespace vouch::api
