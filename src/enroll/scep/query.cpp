#include "enroll/scep/query.hpp"

#include <array>

#include "base/text.hpp"
#include "net/url.hpp"

namespace vouch::enroll::scep {
namespace {

struct OperationRow {
  std::string_view name;
  Operation operation;
};
// GetCACertChain and GetCAChain are older drafts' names: what they want comes with GetCACert.
constexpr std::array kOperations = {OperationRow{"GetCACaps", Operation::get_ca_caps},
                                    OperationRow{"GetCACert", Operation::get_ca_cert},
                                    OperationRow{"GetCACertChain", Operation::get_ca_cert},
                                    OperationRow{"GetCAChain", Operation::get_ca_cert},
                                    OperationRow{"GetNextCACert", Operation::get_next_ca_cert},
                                    OperationRow{"PKIOperation", Operation::pki_operation}};

Operation operation_of(std::string_view name) {
  if (name.empty()) return Operation::none;
  for (const OperationRow& row : kOperations)
    if (equal_ignoring_case(row.name, name)) return row.operation;
  return Operation::unknown;
}

}  // namespace

Result<Query> decode_query(net::Method method, std::string_view query, std::string_view body) {
  Query out;
  out.name =
      TRY(net::percent_decode(net::raw_query_value(query, "operation")).context("reading the operation"));
  out.operation = operation_of(out.name);
  if (out.operation != Operation::pki_operation) return out;
  if (method == net::Method::post && !body.empty()) {
    out.message = to_buffer(as_bytes(body));
    return out;
  }
  const std::string_view message = net::raw_query_value(query, "message");
  if (message.empty()) return make_error(Errc::malformed, "PKIOperation without a message");
  out.message = TRY(net::decode_base64_in_target(message).context("reading the message of PKIOperation"));
  return out;
}

}  // namespace vouch::enroll::scep
