#pragma once
// For tests: code that runs in a process of its own.

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <functional>

namespace vouch::store {

// Forked, so it must be made while the caller holds no database open and has no other threads.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& main) : id_(::fork()) {
    if (id_ == 0) ::_exit(main());
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (id_ > 0) kill();
  }
  // What `main` returned; -1 when a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void kill() {
    ::kill(id_, SIGKILL);
    (void)wait();
  }

 private:
  pid_t id_;
};

// One octet from one process to another: "go on".
class Signal {
 public:
  Signal() {
    if (::pipe(ends_) != 0) ::abort();
  }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void send() const { (void)!::write(ends_[1], "!", 1); }
  void wait() const {
    char octet = 0;
    (void)!::read(ends_[0], &octet, 1);
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace vouch::store
