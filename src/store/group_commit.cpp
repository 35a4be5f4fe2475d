#include "store/group_commit.hpp"

#include "store/messages.hpp"

namespace vouch::store {
namespace {

// Enough to make the price of a sync small; few enough that the first of a group does not wait long.
constexpr std::size_t kMaxGroup = 256;

}  // namespace

bool GroupCommit::leading() const {
  const std::lock_guard lock(mutex_);
  return leader_ == std::this_thread::get_id();
}

Status GroupCommit::commit(const Database::Work& work) {
  std::unique_lock lock(mutex_);
  if (leader_ == std::this_thread::get_id()) return messages::inside_commit("commit()");
  Member member(work);
  queue_.push_back(&member);
  while (!member.done) {
    if (leader_ == std::thread::id())
      lead(lock, member);
    else
      member.wake.wait(lock);
  }
  return std::move(member.result);
}

void GroupCommit::lead(std::unique_lock<std::mutex>& lock, const Member& own) {
  leader_ = std::this_thread::get_id();
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxGroup));
  const std::vector<Member*> group(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);

  lock.unlock();
  run_(group);
  lock.lock();

  // Waking happens under the lock: a member lives on the stack of a thread that goes on as soon as it may.
  for (Member* member : group) {
    member->done = true;
    if (member != &own) member->wake.notify_one();
  }
  if (after_) {
    lock.unlock();
    after_();
    lock.lock();
  }
  leader_ = std::thread::id();
  if (!queue_.empty()) queue_.front()->wake.notify_one();
}

}  // namespace vouch::store
