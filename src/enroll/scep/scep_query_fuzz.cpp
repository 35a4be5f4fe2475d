// The query and the body of a request to a SCEP service. Properties: what is decoded is never longer than
// what it came from, there is a message exactly for PKIOperation, and a message that was found is found again
// in its own spelling.
#include <cstdlib>

#include "enroll/scep/query.hpp"
#include "net/url.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(net::Method method, std::string_view query, std::string_view body) {
  const auto decoded = decode_query(method, query, body);
  if (!decoded) {
    require(decoded.error().code() == Errc::malformed);
    return;
  }
  require(decoded->name.size() <= query.size());
  require(decoded->message.size() <= std::max(query.size(), body.size()));
  require(decoded->message.empty() == (decoded->operation != Operation::pki_operation));
  if (decoded->message.empty()) return;
  const std::string again =
      "operation=PKIOperation&message=" + net::percent_encode(to_base64(decoded->message));
  require(decode_query(net::Method::get, again, {}).value().message == decoded->message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = as_text({data, size});
  // A body stands behind the first line, as in a request.
  const std::size_t end = std::min(input.find('\n'), input.size());
  check(net::Method::get, input, {});
  check(net::Method::post, input.substr(0, end), input.substr(std::min(end + 1, input.size())));
  return 0;
}
