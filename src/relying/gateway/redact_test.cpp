#include "relying/gateway/redact.hpp"

#include <gmock/gmock.h>

namespace vouch::relying {
namespace {

TEST(WithoutCredentials, UserInformationAndQueriesGo) {
  EXPECT_EQ(without_credentials("http://user:secret@h.test:80/a.crl?sig=abc"), "http://…@h.test:80/a.crl?…");
  EXPECT_EQ(without_credentials("fetching https://h/x?token=t failed, http://a@b/ too"),
            "fetching https://h/x?… failed, http://…@b/ too");
  EXPECT_EQ(without_credentials("ldap://h/cn=a?certificateRevocationList"), "ldap://h/cn=a?…");
}

TEST(WithoutCredentials, EverythingElseStays) {
  for (const std::string text :
       {"", "no URL at all, a@b and c?d", "http://h/a@b.crl", "://", "http://", "x://\"q?\""})
    EXPECT_EQ(without_credentials(text), text);
}

TEST(WithoutCredentials, AllTextsOfATree) {
  Value tree = Value::table();
  tree.set("url", "http://u:p@h/").set("list", Value::list().push("http://h/?q")).set("number", 3);
  const Value clean = tree_without_credentials(std::move(tree));
  EXPECT_EQ(to_json(clean, 0), R"({"url": "http://…@h/", "list": ["http://h/?…"], "number": 3})");
}

}  // namespace
}  // namespace vouch::relying
