#include "enroll/scep/transactions.hpp"

#include <gtest/gtest.h>

namespace vouch::enroll::scep {
namespace {

TransactionKey key(std::string id, std::uint8_t signer = 1) {
  return {"p", std::move(id), Buffer(32, signer)};
}

TEST(TransactionTable, TellsTransactionsApartByTheKeyThatSigned) {
  TransactionTable table;
  ASSERT_TRUE(table.remember(key("SSCEP transactionId", 1), {1, {}, "a"}));
  ASSERT_TRUE(table.remember(key("SSCEP transactionId", 2), {2, {}, "b"}));
  EXPECT_EQ(table.find(key("SSCEP transactionId", 1)).value()->request, 1);
  EXPECT_EQ(table.find(key("SSCEP transactionId", 2)).value()->request, 2);
  EXPECT_FALSE(table.find(key("SSCEP transactionId", 3)).value().has_value());
  ASSERT_TRUE(table.remember(key("SSCEP transactionId", 1), {3, {}, "c"}));
  EXPECT_EQ(table.find(key("SSCEP transactionId", 1)).value()->request, 3);
}

TEST(TransactionTable, ForgetsTheOneUsedLongestAgo) {
  TransactionTable table(2);
  ASSERT_TRUE(table.remember(key("a"), {1, {}, ""}));
  ASSERT_TRUE(table.remember(key("b"), {2, {}, ""}));
  ASSERT_TRUE(table.find(key("a")).value().has_value());
  ASSERT_TRUE(table.remember(key("c"), {3, {}, ""}));
  EXPECT_TRUE(table.find(key("a")).value().has_value());
  EXPECT_FALSE(table.find(key("b")).value().has_value());
  EXPECT_TRUE(table.find(key("c")).value().has_value());
}

}  // namespace
}  // namespace vouch::enroll::scep
