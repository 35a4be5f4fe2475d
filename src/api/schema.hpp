#pragma once
// The shapes of what the administration API takes and gives. One table of them checks what clients send and
// becomes the schemas of the OpenAPI description, so the two cannot differ.

#include <span>
#include <string_view>

#include "base/value.hpp"

namespace vouch::api {

// The type is one of
//   string, integer, boolean
//   time     "2026-11-26T12:00:00Z"
//   pem      one PEM block or several
//   any      an object of any content, described elsewhere
//   Name     an object of that schema
// or a list of one, as in [Name]. A '?' at the end: null too.
struct Member {
  std::string_view name, type, help;
  bool optional = false;         // may be left out
  std::string_view values = {};  // the only ones, with bars between
};

struct Schema {
  std::string_view name, help;
  std::span<const Member> members;
};

std::span<const Schema> schemas();
const Schema* find_schema(std::string_view name);

// That a value is of that shape: no member missing, none unknown, none of another kind. `where` begins the
// message: "the body".
Status check_shape(const Value& value, const Schema& schema, std::string_view where);

// As JSON Schema 2020-12 of OpenAPI 3.1; references go to "#/components/schemas/".
Value json_schema(const Schema& schema);
Value json_schema_of_type(std::string_view type, std::string_view values = {});

// A member of a body whose shape was checked: false when left out or null. Texts: text_member.
bool flag_of(const Value& body, std::string_view member);

}  // namespace vouch::api
