#pragma once
// Group commit: Works that arrive while a commit is under way become the next group and share its one
// durable commit. There is no thread of its own: whoever finds nobody leading leads one group.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "store/database.hpp"

namespace vouch::store {

class GroupCommit {
 public:
  struct Member {
    explicit Member(const Database::Work& w) : work(w) {}
    const Database::Work& work;
    Status result = ok();

   private:
    friend class GroupCommit;
    bool done = false;
    std::condition_variable wake;
  };
  // Runs the Works of one group, makes them durable and fills in each result. One thread at a time calls it.
  using Run = std::function<void(std::span<Member* const>)>;
  // Called after each group has its answers and before the next begins.
  using After = std::function<void()>;

  explicit GroupCommit(Run run, After after = {}) : run_(std::move(run)), after_(std::move(after)) {}

  Status commit(const Database::Work& work);
  // Whether the calling thread is leading a group now, which is so inside a Work.
  bool leading() const;

 private:
  void lead(std::unique_lock<std::mutex>& lock, const Member& own);

  const Run run_;
  const After after_;
  mutable std::mutex mutex_;  // guards what follows
  std::vector<Member*> queue_;
  std::thread::id leader_;  // no thread: nobody leads
};

}  // namespace vouch::store
