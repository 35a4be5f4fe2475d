#include "enroll/scep/transactions.hpp"

namespace vouch::enroll::scep {

Result<std::optional<Transaction>> TransactionTable::find(const TransactionKey& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::optional<Transaction>();
  order_.splice(order_.end(), order_, found->second.place);
  return std::optional<Transaction>(found->second.transaction);
}

Status TransactionTable::remember(const TransactionKey& key, const Transaction& transaction) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.transaction = transaction;
    order_.splice(order_.end(), order_, found->second.place);
    return ok();
  }
  if (entries_.size() >= most_ && !order_.empty()) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(key);
  entries_.emplace(key, Entry{transaction, std::prev(order_.end())});
  return ok();
}

}  // namespace vouch::enroll::scep
