#pragma once
// The end of the validity that a requester asks for: in the request, where device management services put it,
// or beside it (AD CS: EDITF_ATTRIBUTEENDDATE).

#include <map>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "x509/request.hpp"

namespace vouch::policy {

struct RequestedValidity {
  std::string text;         // as it was asked for: "ValidityPeriod=Days, ValidityPeriodUnits=90"
  std::optional<Time> end;  // none: it cannot be read
};

// From ExpirationDate (an HTTP date or RFC 3339), or ValidityPeriod with ValidityPeriodUnits. What stands
// beside the request counts before what is in it. Nothing: none is asked for.
std::optional<RequestedValidity> requested_validity(const x509::RequestView& request,
                                                    const std::map<std::string, std::string>& attributes,
                                                    Time now);

}  // namespace vouch::policy
