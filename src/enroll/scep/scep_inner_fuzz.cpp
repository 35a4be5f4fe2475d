// What comes out of an opened envelope, and the query of a GET: the first octet chooses. Properties: what is
// read is written again octet by octet where it is DER, a query's message is never longer than the query.
#include <cstdlib>

#include "enroll/scep/challenge.hpp"
#include "enroll/scep/envelope.hpp"
#include "enroll/scep/query.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_inner(Bytes input) {
  if (const auto names = parse_issuer_and_subject(input))
    require(equal(encode_issuer_and_subject(*names), input));
  if (const auto serial = parse_issuer_and_serial(input))
    require(equal(encode_issuer_and_serial(*serial), input));
  if (const auto request = x509::parse_request(input)) {
    const auto challenge = challenge_of(*request);
    require(!challenge || (!challenge->empty() && challenge->front() != ' ' && challenge->back() != '\0'));
  }
}

void check_query(net::Method method, std::string_view query) {
  const auto decoded = decode_query(method, query, {});
  if (!decoded) return;
  require(decoded->message.size() <= query.size());
  require(decoded->message.empty() == (decoded->operation != Operation::pki_operation));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  if (data[0] % 2 == 0)
    check_inner(input);
  else
    check_query(net::Method::get, as_text(input));
  return 0;
}
