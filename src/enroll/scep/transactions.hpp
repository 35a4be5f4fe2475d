#pragma once
// Which request of the authority belongs to which transaction of a client: for polls, and for the same
// request sent again. The authority itself keeps a request from being issued twice (Submission::transaction),
// so nothing rests on what is forgotten here but polls.

#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "ca/authority.hpp"

namespace vouch::enroll::scep {

// Transaction identifiers are the client's choice and not unique: only with the key that signed do they tell
// anything.
struct TransactionKey {
  std::string profile, id;
  Buffer signer_key;  // SHA-256 of its SubjectPublicKeyInfo
  auto operator<=>(const TransactionKey&) const = default;
};

struct Transaction {
  ca::RequestId request = 0;
  Buffer certificate_request;  // PKCS #10 DER
  std::string submission;      // the key under which the authority knows it
};

class Transactions {
 public:
  virtual ~Transactions() = default;
  virtual Result<std::optional<Transaction>> find(const TransactionKey& key) = 0;
  // In place of what was there.
  virtual Status remember(const TransactionKey& key, const Transaction& transaction) = 0;
};

// In memory, of one process: the ones used longest ago go first when there are too many.
class TransactionTable final : public Transactions {
 public:
  explicit TransactionTable(std::size_t most = 100'000) : most_(most) {}
  Result<std::optional<Transaction>> find(const TransactionKey& key) override;
  Status remember(const TransactionKey& key, const Transaction& transaction) override;

 private:
  using Order = std::list<TransactionKey>;
  struct Entry {
    Transaction transaction;
    Order::iterator place;
  };
  const std::size_t most_;
  std::mutex mutex_;
  Order order_;  // used last at the end
  std::map<TransactionKey, Entry> entries_;
};

}  // namespace vouch::enroll::scep
