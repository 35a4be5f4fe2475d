#include "crypto/remote/sandbox.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace vouch::crypto::remote {
namespace {

Error refused(std::string_view what) {
  return make_error(Errc::unavailable, "the signer process cannot give up {}: {}", what,
                    std::strerror(errno));
}

// ---- Landlock: files
// ------------------------------------------------------------------------------------------

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadAll = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWriteFile = LANDLOCK_ACCESS_FS_WRITE_FILE;
constexpr std::uint64_t kWriteAll = kWriteFile | LANDLOCK_ACCESS_FS_MAKE_REG |
                                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                    LANDLOCK_ACCESS_FS_REMOVE_DIR;
// Everything that the first version of Landlock can deny; later versions deny more by themselves only when
// asked.
constexpr std::uint64_t kHandled = kReadAll | kWriteAll | LANDLOCK_ACCESS_FS_EXECUTE |
                                   LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM;

Status allow_path(const FileDescriptor& ruleset, const fs::path& path, std::uint64_t folder,
                  std::uint64_t file) {
  const FileDescriptor target(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!target) return ok();  // what is not there needs no permission
  struct stat info{};
  if (::fstat(target.get(), &info) != 0) return system_error(errno, "cannot look at", path);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = S_ISDIR(info.st_mode) ? folder : file;
  rule.parent_fd = target.get();
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return refused(fmt::format("files other than {}", path.string()));
  return ok();
}

// False: this kernel has no Landlock.
Result<bool> restrict_files(const Sandbox& sandbox) {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1) return false;
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = kHandled;
  const FileDescriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!ruleset) return refused("files");
  for (const fs::path& path : sandbox.readable) TRY(allow_path(ruleset, path, kReadAll, kReadFile));
  for (const fs::path& path : sandbox.writable)
    TRY(allow_path(ruleset, path, kReadAll | kWriteAll, kReadFile | kWriteFile));
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return refused("files");
  return true;
}

// ---- seccomp: system calls
// ------------------------------------------------------------------------------------

// What signing, a PKCS #11 module with files of its own, threads and the C library need. Everything else
// fails with EPERM, so that a library that can do without goes on; what only an attacker wants ends the
// process.
constexpr const char* kAllowed[] = {
    // messages and their files
    "read", "readv", "write", "writev", "recvmsg", "sendmsg", "poll", "ppoll", "select", "pselect6", "close",
    "dup", "fcntl",
    // memory
    "munmap", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock",
    // threads and signals; clone3 is answered with ENOSYS, so that the C library takes clone, whose flags can
    // be seen
    "futex", "set_robust_list", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "sched_yield", "sched_getaffinity", "exit", "exit_group", "restart_syscall", "membarrier",
    // clocks, randomness, who am I
    "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrandom", "getpid", "gettid",
    "getppid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrlimit",
    // files, as far as Landlock lets it
    "open", "openat", "lseek", "pread64", "pwrite64", "fstat", "stat", "lstat", "newfstatat", "statx",
    "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "flock", "fsync",
    "fdatasync", "ftruncate", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
    "rmdir", "umask"};
constexpr const char* kSockets[] = {"socket",      "connect", "getsockopt", "setsockopt", "getsockname",
                                    "getpeername", "sendto",  "recvfrom",   "shutdown",   "bind"};
constexpr const char* kFatal[] = {
    "execve",        "execveat",        "ptrace",     "process_vm_readv", "process_vm_writev",
    "fork",          "vfork",           "listen",     "accept",           "accept4",
    "bpf",           "perf_event_open", "kexec_load", "init_module",      "finit_module",
    "mount",         "setns",           "unshare",    "keyctl",           "userfaultfd",
    "io_uring_setup"};

scmp_arg_cmp argument_is(unsigned index, scmp_datum_t value) { return {index, SCMP_CMP_EQ, value, 0}; }

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release) {}

  Status add(std::uint32_t action, const char* call) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return ok();  // this architecture has no such call
    return done(::seccomp_rule_add(context_.get(), action, number, 0));
  }
  Status add(std::uint32_t action, const char* call, scmp_arg_cmp argument) {
    return done(
        ::seccomp_rule_add_array(context_.get(), action, ::seccomp_syscall_resolve_name(call), 1, &argument));
  }
  Status load() {
    // All threads at once: none may go on without it.
    TRY(done(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1)));
    return done(::seccomp_load(context_.get()));
  }

 private:
  Status done(int status) const {
    if (context_ && status == 0) return ok();
    errno = status < 0 ? -status : ENOMEM;
    return refused("system calls");
  }
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

Status restrict_calls(const Sandbox& sandbox) {
  Filter filter;
  for (const char* call : kAllowed) TRY(filter.add(SCMP_ACT_ALLOW, call));
  for (const char* call : kFatal) TRY(filter.add(SCMP_ACT_KILL_PROCESS, call));
  if (sandbox.sockets == Sockets::allowed)
    for (const char* call : kSockets) TRY(filter.add(SCMP_ACT_ALLOW, call));
  if (sandbox.sockets == Sockets::fatal)
    for (const char* call : {"socket", "connect", "bind"}) TRY(filter.add(SCMP_ACT_KILL_PROCESS, call));
  // A thread, not a process.
  constexpr std::uint64_t kCloneThread = 0x0001'0000;
  TRY(filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3"));
  TRY(filter.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, kCloneThread, kCloneThread)));
  // No memory becomes a program: libraries are loaded before.
  for (const char* call : {"mmap", "mprotect"})
    TRY(filter.add(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)));
  // abort() ends the process itself; nobody else gets a signal.
  TRY(filter.add(SCMP_ACT_ALLOW, "tgkill", argument_is(0, static_cast<scmp_datum_t>(::getpid()))));
  // Only its own limits, and only to look.
  TRY(filter.add(SCMP_ACT_ALLOW, "prlimit64", argument_is(2, 0)));
  // The names of threads are harmless; what else prctl does is not needed.
  TRY(filter.add(SCMP_ACT_ALLOW, "prctl", argument_is(0, PR_SET_NAME)));
  return filter.load();
}

// Under a limit that is soon reached, locking what comes later would make every later allocation fail.
// Pages are locked when they are used first: the stacks of threads are mostly never used.
bool lock_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return false;
  return (limit.rlim_cur == RLIM_INFINITY || ::geteuid() == 0) &&
         ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

}  // namespace

Result<std::vector<std::string>> hide() {
  std::vector<std::string> missing;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("new privileges");
  // Not dumpable: no core file, no ptrace by the same user, /proc/PID belongs to root.
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return refused("core dumps");
  if (!lock_memory())
    missing.emplace_back(
        "keys may reach the swap space: the limit of locked memory (LimitMEMLOCK) is too low");
  return missing;
}

Result<std::vector<std::string>> enter(const Sandbox& sandbox) {
  std::vector<std::string> missing = TRY(hide());
  if (!TRY(restrict_files(sandbox)))
    missing.emplace_back("this kernel has no Landlock: files are protected by their modes alone");
  TRY(restrict_calls(sandbox));
  return missing;
}

}  // namespace vouch::crypto::remote
