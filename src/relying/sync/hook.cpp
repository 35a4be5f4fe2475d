#include "relying/sync/hook.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.hpp"

namespace vouch::relying {
namespace {

using Monotonic = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 4096;  // the end of what it prints, for a message

// What posix_spawn takes, freed with the scope.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  // Standard input is empty, both outputs go to `pipe`; a group of its own, so that all of it can be killed;
  // the signals that a service blocks are not blocked there.
  int prepare(int pipe) {
    sigset_t none;
    ::sigemptyset(&none);
    int failed = ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed) failed = ::posix_spawn_file_actions_adddup2(&actions_, pipe, STDOUT_FILENO);
    if (!failed) failed = ::posix_spawn_file_actions_adddup2(&actions_, pipe, STDERR_FILENO);
    if (!failed) failed = ::posix_spawnattr_setpgroup(&attributes_, 0);
    if (!failed) failed = ::posix_spawnattr_setsigmask(&attributes_, &none);
    if (!failed)
      failed = ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    return failed;
  }
  int spawn(pid_t& child, char* const words[], char* const variables[]) {
    return ::posix_spawn(&child, words[0], &actions_, &attributes_, words, variables);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// Pointers into texts that outlive them, with the null at the end that exec wants.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

int milliseconds_until(Monotonic::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Monotonic::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

// What has been printed so far; false: nobody can print any more.
bool read_some(int pipe, std::string& output) {
  char buffer[kMostOutput];
  const ssize_t got = ::read(pipe, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  output.append(buffer, static_cast<std::size_t>(got));
  if (output.size() > kMostOutput) output.erase(0, output.size() - kMostOutput);
  return got > 0;
}

// Reads until the child ends. A daemon that it has started may hold the pipe open for ever, so the pipe's end
// says nothing. False: time is over.
bool wait_for(pid_t child, int pipe, Monotonic::time_point deadline, std::string& output, int& status) {
  constexpr int kBetween = 20;  // milliseconds between looks at the child
  bool open = true;
  for (;;) {
    pollfd waiting{open ? pipe : -1, POLLIN, 0};
    if (::poll(&waiting, 1, std::min(kBetween, milliseconds_until(deadline))) > 0)
      open = read_some(pipe, output);
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) {
      while (open && ::poll(&waiting, 1, 0) > 0) open = read_some(pipe, output);
      return true;
    }
    if (Monotonic::now() >= deadline) return false;
  }
}

std::string last_line(std::string_view output) {
  while (output.ends_with('\n') || output.ends_with('\r')) output.remove_suffix(1);
  const auto end = output.rfind('\n');
  return std::string(end == std::string_view::npos ? output : output.substr(end + 1));
}

}  // namespace

Status run_hook(const Hook& hook) {
  if (hook.words.empty()) return ok();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error(errno, "making a pipe for", hook.words.front());
  const FileDescriptor reading(ends[0]);
  FileDescriptor writing(ends[1]);

  std::vector<std::string> words = hook.words, variables{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  for (const auto& [name, value] : hook.variables) variables.push_back(fmt::format("{}={}", name, value));
  const std::vector<char*> word_list = pointers_to(words), variable_list = pointers_to(variables);
  SpawnPlan plan;
  pid_t child = -1;
  int failed = plan.prepare(writing.get());
  if (!failed) failed = plan.spawn(child, word_list.data(), variable_list.data());
  writing = FileDescriptor();
  if (failed) return system_error(failed, "starting the hook", hook.words.front());

  const auto deadline = Monotonic::now() + hook.patience;
  std::string output;
  int status = 0;
  if (!wait_for(child, reading.get(), deadline, output, status)) {
    ::kill(-child, SIGKILL);
    (void)::waitpid(child, &status, 0);
    return make_error(Errc::timeout, "the hook {} did not end within {} ms and was killed",
                      hook.words.front(), hook.patience.count());
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ok();
  const std::string how = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                              : fmt::format("ended with status {}", WEXITSTATUS(status));
  const std::string said = last_line(output);
  return make_error(Errc::unavailable, "the hook {} {}{}", hook.words.front(), how,
                    said.empty() ? "" : ": " + said);
}

}  // namespace vouch::relying
