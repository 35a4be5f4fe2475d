// Anything as the field of a proxy, as a query and as a JSON question. Properties: what is accepted has a
// certificate and no more than may be asked about; a question that was read is the same after another round.
#include <cstdlib>

#include "relying/gateway/question.hpp"
#include "relying/gateway/redact.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  using namespace vouch::relying;
  if (size == 0) return 0;
  const auto require = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string_view text = as_text(Bytes(data + 1, size - 1));
  net::Request request;
  request.fields = {{"X-Client-Cert", text}, {"X-Forwarded-Client-Cert", text}, {"Client-Cert", text}};
  for (const Spelling spelling : {Spelling::nginx, Spelling::envoy, Spelling::rfc9440})
    if (const auto read = client_certificates(request, spelling)) {
      require(read->size() <= kMostCertificates);
      require(text.empty() || !read->empty());
    }
  Asked ignored;
  (void)read_query(text, ignored);
  if (const auto asked = read_question(text)) {
    require(!asked->question.chain.empty() && asked->question.chain.size() <= kMostCertificates);
    const auto again = read_question(to_json(*asked));
    require(again.has_value() && again->question.chain == asked->question.chain &&
            again->profile == asked->profile && again->question.purpose == asked->question.purpose);
  }
  const std::string once = without_credentials(text);
  require(without_credentials(once) == once);
  return 0;
}
