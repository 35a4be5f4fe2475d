#include "validate/finding.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace vouch::validate {
namespace {

TEST(FindingTest, EveryKindHasAnIdOfItsOwnAndSaysWhatToDo) {
  std::set<std::string_view> ids;
  for (const FindingKind& kind : finding_kinds()) {
    EXPECT_TRUE(ids.insert(kind.id).second) << kind.id << " stands twice";
    EXPECT_EQ(&kind, &kind_of(kind.finding));
    EXPECT_FALSE(kind.text.empty() || kind.cause.empty() || kind.mend.empty()) << kind.id;
  }
}

// Microsoft Entra's error reference, each code of it about certificates.
TEST(FindingTest, ExplainsEveryCodeOfTheReference) {
  for (const char* code :
       {"500171", "500172", "500173", "500174", "500175", "500176", "500177", "500178", "500179", "500183",
        "2205011", "2205012", "2205013", "2205014", "2205015", "7000214"}) {
    EXPECT_FALSE(explain(code).empty()) << code;
    EXPECT_EQ(explain(code), explain(std::string("aadsts") + code));
    EXPECT_EQ(explain(code), explain(std::string("AADSTS") + code));
  }
  ASSERT_EQ(explain("Path.Issuer_Not_Found").size(), 1u);
  EXPECT_EQ(explain("path.issuer_not_found")[0]->code, 500176u);
  EXPECT_TRUE(explain("0").empty()) << "findings without a code are not meant by 0";
  EXPECT_TRUE(explain("").empty());
  EXPECT_TRUE(explain("50017").empty());
}

TEST(FindingTest, FillsInItsWords) {
  const Finding finding{FindingId::crl_download_failed, 1, {{"code", "403"}}};
  EXPECT_EQ(
      message_of(finding),
      "Unable to download a Certificate Revocation List (CRL). Invalid status code 403 from CRL distribution "
      "point. Please contact your administrator.");
  EXPECT_EQ(message_of({FindingId::path_too_long, kWholePath, {}}), "the chain is longer than  certificates");
  const Value value = to_value(finding);
  EXPECT_EQ(*value.find("code")->integer(), 500173);
  EXPECT_EQ(*value.find("certificate")->integer(), 1);
  EXPECT_TRUE(to_value({FindingId::path_too_long, kWholePath, {}}).find("code")->is_null());
}

}  // namespace
}  // namespace vouch::validate
