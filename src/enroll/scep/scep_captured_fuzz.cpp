// Files in which messages are looked for, and the explanation of what is found. Properties: what is found was
// there in some spelling, so never longer than the file; an explanation always has its kind; none has what
// only a key opens.
#include <cstdlib>

#include "crypto/openssl/openssl.hpp"
#include "enroll/scep/captured.hpp"
#include "enroll/scep/explain.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::scep;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto provider = crypto::openssl::make_provider();
  const auto found = find_messages({data, size});
  if (!found) return 0;
  for (const Captured& captured : found->messages) {
    require(captured.message.size() <= size && !captured.where.empty());
    const Value explained = explain_message(*provider, captured.message, {});
    require(explained.find("octets") != nullptr && explained.find("remarks") != nullptr);
    const Value* content = explained.find("content");
    require(content->is_null() || *content->find("kind")->text() == "nothing");
    require(!to_text(explained).empty());
  }
  return 0;
}
