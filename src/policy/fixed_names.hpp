#pragma once
// Names that a template fixes, with variables in braces. Internal to this room.

#include <string>
#include <string_view>

#include "x509/general_name.hpp"

namespace vouch::policy {

// What the variables stand for. All but {cn} come from the authenticated requester, never from the request.
class Variables {
 public:
  Variables(std::string_view requester, std::string_view common_name);

  // "CN={cn}" with the values filled in. Fails with `denied`, naming a variable that has no value here, and
  // with `usage` for one that does not exist.
  Result<std::string> fill(std::string_view text) const;

 private:
  Result<std::string> value(std::string_view variable) const;

  std::string requester_, common_name_, upn_, dns_, realm_;
};

// A Name from RFC 4514 text with variables. Values are put into the parsed attributes, so that a value
// cannot add an attribute.
Result<x509::Name> fixed_subject(std::string_view text, const Variables& variables);

// "DNS:{dns}", "UPN:{upn}", and "PKINIT:krbtgt/{realm}@{realm}" for id-pkinit-san.
Result<x509::GeneralName> fixed_san(std::string_view text, const Variables& variables);

// Checks texts of templates: syntax and names of variables.
Status check_fixed_subject(std::string_view text);
Status check_fixed_san(std::string_view text);

// {cn} is what the enrollee wrote.
bool uses_request(std::string_view text);

}  // namespace vouch::policy
