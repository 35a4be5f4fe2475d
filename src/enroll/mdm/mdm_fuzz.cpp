// What comes from outside: the query of the NDES page, the field Authorization, a file of users, the answers
// of Intune's services; the first octet chooses.
#include <cstdlib>

#include "enroll/mdm/intune_revocations.hpp"
#include "enroll/mdm/ndes_admin.hpp"
#include "enroll/mdm/webhook.hpp"

namespace {

using namespace vouch;
using namespace vouch::enroll::mdm;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_query(std::string_view text) {
  const auto query = parse_ndes_admin_query(text);
  if (query) require(query->parameters.size() <= text.size() && query->key_usage <= 0xff);
}

void check_credentials(std::string_view text) {
  const auto credentials = parse_basic(text);
  if (!credentials) return;
  require(credentials->user.find(':') == std::string::npos);
  require(credentials->user.size() + credentials->password.text().size() < text.size());
}

// What is read is written again as it was read.
void check_users(std::string_view text) {
  const auto users = parse_page_users(text);
  if (!users) return;
  std::string again;
  for (const PageUser& user : *users)
    again += user.name + ":" + crypto::format_password_hash(user.password) + "\n";
  const auto second = parse_page_users(again);
  require(second.has_value() && second->size() == users->size());
  for (std::size_t n = 0; n < users->size(); ++n)
    require(equal((*second)[n].password.hash, (*users)[n].password.hash) &&
            (*second)[n].name == (*users)[n].name);
}

void check_answer(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return;
  if (const auto requests = parse_revocation_requests(*value))
    for (const RevocationRequest& request : *requests) require(!request.context.empty());
}

void check_texts(std::string_view text) {
  const std::string sentence = safe_sentence(text);
  require(sentence.size() <= 255 && sentence.find_first_of("\r\n\x1b") == std::string::npos);
  const std::string code = safe_code(text, "Other");
  require(code == text || code == "Other");
  if (check_outside_url(text, "url")) require(text.starts_with("https://") || text.starts_with("http://"));
  require(utf16le(text).size() % 2 == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = as_text(Bytes(data + 1, size - 1));
  switch (data[0] % 5) {
    case 0:
      check_query(text);
      break;
    case 1:
      check_credentials(text);
      break;
    case 2:
      check_users(text);
      break;
    case 3:
      check_answer(text);
      break;
    default:
      check_texts(text);
  }
  return 0;
}
