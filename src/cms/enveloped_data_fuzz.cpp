// Any input as EnvelopedData, with the algorithms of each recipient. Properties: content comes with its field
// only, and what is read of a recipient points into the message.
#include <cstdlib>

#include "cms/key_encryption.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vouch;
  using namespace vouch::cms;
  const auto der = to_der(Bytes(data, size));
  if (!der) return 0;
  const auto view = parse_enveloped_data(*der);
  if (!view) return 0;
  if (!view->has_content && !view->encrypted_content.empty()) std::abort();
  if (view->encrypted_content.size() > der->size()) std::abort();
  const auto encryption = parse_content_encryption(view->content_encryption);
  if (encryption && encryption->iv.size() != crypto::block_size(encryption->cipher)) std::abort();
  for (const RecipientView& recipient : view->recipients) {
    (void)recipient.recipient.text();
    if (recipient.kind == RecipientView::Kind::key_transport)
      (void)parse_key_transport(recipient.key_encryption);
    if (!recipient.encrypted_key.empty() &&
        (recipient.encrypted_key.data() < der->data() ||
         recipient.encrypted_key.data() + recipient.encrypted_key.size() > der->data() + der->size()))
      std::abort();
  }
  return 0;
}
